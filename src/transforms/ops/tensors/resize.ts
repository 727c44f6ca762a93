/**
 * `resize`: images to another height and width, float32. ONNX Resize with half_pixel coordinates, without antialiasing:
 * `linear` (when left out) blends the nearest pixels, `nearest` rounds half down.
 */
import { IMAGE_SIDE_MAX, TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import { imageDims, imageShape, type ImageLayout, readLayout } from './images.js'

export interface ResizeOp extends ColumnsOp {
  readonly op: 'resize'
  readonly height: number
  readonly width: number
  readonly layout: ImageLayout
  readonly mode?: 'linear' | 'nearest'
}

export const resizeKind: OpKind<ResizeOp> = {
  op: 'resize',
  keys: ['columns', 'as', 'height', 'width', 'layout', 'mode'],
  parse: (reader) => ({
    op: 'resize',
    ...reader.columns(),
    height: reader.integer('height', 1, IMAGE_SIDE_MAX),
    width: reader.integer('width', 1, IMAGE_SIDE_MAX),
    layout: readLayout(reader),
    ...(reader.has('mode') ? { mode: reader.oneOf('mode', ['linear', 'nearest']) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const key = `columns[${i}]`
      if (slot.dtype !== 'float32') throw draft.typeError(key, name, 'images of float32', slot, 'Cast it before')
      const { height, width, channels } = imageDims(draft, key, name, slot, op.layout)
      const shape = imageShape({ height: op.height, width: op.width, channels }, op.layout)
      // Each channel of nchw is an image of one channel.
      const [count, depth] = op.layout === 'nhwc' ? [1, channels] : [channels, 1]
      const integers = [count, height, width, depth, op.height, op.width, op.mode === 'nearest' ? 0 : 1]
      return draft.emit(TransformOpcode.resize, [slot], { ...slot, shape }, { integers })
    }),
}
