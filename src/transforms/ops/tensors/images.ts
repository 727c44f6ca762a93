/** Images as rows: [height, width, channels] (nhwc) or [channels, height, width] (nchw). */
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpReader } from '../../draft/op-reader.js'

export type ImageLayout = 'nhwc' | 'nchw'

export function readLayout(reader: OpReader): ImageLayout {
  return reader.oneOf('layout', ['nhwc', 'nchw'])
}

export interface ImageDims {
  readonly height: number
  readonly width: number
  readonly channels: number
}

export function imageDims(draft: ProgramDraft, key: string, name: string, slot: Slot, layout: ImageLayout): ImageDims {
  const [a, b, c] = slot.shape as [number, number, number]
  if (slot.shape.length === 3)
    return layout === 'nhwc' ? { height: a, width: b, channels: c } : { height: b, width: c, channels: a }
  throw draft.typeError(key, name, 'images, rows of three dims', slot, 'Reshape it before')
}

export function imageShape({ height, width, channels }: ImageDims, layout: ImageLayout): number[] {
  return layout === 'nhwc' ? [height, width, channels] : [channels, height, width]
}
