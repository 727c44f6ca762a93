/**
 * `crop`: a box of each image, slicing in numpy: from `top` and `left`, or from the middle when they are left out, as
 * torchvision's center_crop cuts it where the image is large enough.
 */
import { IMAGE_SIDE_MAX, TransformOpcode } from '../../../base/generated/boundary.js'
import type { ProgramDraft } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import { padValue } from './pad.js'
import { imageDims, imageShape, type ImageDims, type ImageLayout, readLayout } from './images.js'

export interface CropOp extends ColumnsOp {
  readonly op: 'crop'
  readonly height: number
  readonly width: number
  readonly layout: ImageLayout
  readonly top?: number
  readonly left?: number
}

export const cropKind: OpKind<CropOp> = {
  op: 'crop',
  keys: ['columns', 'as', 'height', 'width', 'layout', 'top', 'left'],
  parse: (reader) => ({
    op: 'crop',
    ...reader.columns(),
    height: reader.integer('height', 1, IMAGE_SIDE_MAX),
    width: reader.integer('width', 1, IMAGE_SIDE_MAX),
    layout: readLayout(reader),
    ...(reader.has('top') ? { top: reader.integer('top', 0, IMAGE_SIDE_MAX) } : {}),
    ...(reader.has('left') ? { left: reader.integer('left', 0, IMAGE_SIDE_MAX) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const dims = imageDims(draft, `columns[${i}]`, name, slot, op.layout)
      const top = startOf(draft, 'height', op.height, dims, op.top)
      const left = startOf(draft, 'width', op.width, dims, op.left)
      const shape = imageShape({ height: op.height, width: op.width, channels: dims.channels }, op.layout)
      const starts = op.layout === 'nhwc' ? [top, left, 0] : [0, top, left]
      const integers = [...slot.shape, ...starts, ...shape]
      return draft.emit(TransformOpcode.window, [slot], { ...slot, shape }, { integers, ...padValue(draft, slot, 0) })
    }),
}

function startOf(
  draft: ProgramDraft,
  side: 'height' | 'width',
  wanted: number,
  dims: ImageDims,
  start?: number,
): number {
  const rest = dims[side] - wanted
  if (rest < (start ?? 0))
    throw draft.error(side, `at most ${dims[side] - (start ?? 0)}, what the image has from there`, wanted)
  return start ?? roundHalfEven(rest / 2)
}

/** Python's round, which torchvision calls. */
function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  return value - low === 0.5 ? low + (low % 2) : Math.round(value)
}
