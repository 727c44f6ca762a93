/** `reshape`: rows of the same elements with other dims. numpy.reshape of each row; [] makes a column of one element. */
import { elementsOf } from '../../draft/column.js'
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { RANK_MAX } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface ReshapeOp extends ColumnsOp {
  readonly op: 'reshape'
  /** Dims of a row. */
  readonly shape: readonly number[]
}

export const reshapeKind: OpKind<ReshapeOp> = {
  op: 'reshape',
  keys: ['columns', 'as', 'shape'],
  parse: (reader) => ({
    op: 'reshape',
    ...reader.columns(),
    shape: reader.list('shape', 0, RANK_MAX - 1).map((dim, i) => reader.integer(`shape[${i}]`, 1, 2 ** 31 - 1, dim)),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      if (elementsOf(op.shape) !== elementsOf(slot.shape))
        throw draft.typeError(`columns[${i}]`, name, `of ${elementsOf(op.shape)} elements a row`, slot)
      const type = { ...slot, isNullable: false, shape: op.shape }
      if (slot.isNullable) return { ...draft.cast(slot, slot.dtype, name), shape: op.shape }
      // Under a second name it is a column of its own.
      if (op.as !== undefined) return draft.emit(TransformOpcode.slice, [slot], type, { integers: [0] })
      return { ...type, value: slot.value }
    }),
}
