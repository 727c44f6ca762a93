/** `transpose`: the axes of a row in another order. numpy.transpose, the row axis not counted: [2, 0, 1] is HWC to CHW. */
import { RANK_MAX, TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface TransposeOp extends ColumnsOp {
  readonly op: 'transpose'
  readonly axes: readonly number[]
}

export const transposeKind: OpKind<TransposeOp> = {
  op: 'transpose',
  keys: ['columns', 'as', 'axes'],
  parse: (reader) => {
    const named = reader.columns()
    const given = reader.list('axes', 1, RANK_MAX - 1)
    const axes = given.map((axis, i) => reader.integer(`axes[${i}]`, 0, given.length - 1, axis))
    if (new Set(axes).size < axes.length) throw reader.error('axes', 'each axis once', axes.join(', '))
    return { op: 'transpose', ...named, axes }
  },
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      if (slot.shape.length !== op.axes.length)
        throw draft.typeError(`columns[${i}]`, name, `a tensor with rows of ${op.axes.length} dims`, slot)
      const shape = op.axes.map((axis) => slot.shape[axis] as number)
      const integers = [...slot.shape, ...op.axes]
      return draft.emit(TransformOpcode.transpose, [slot], { ...slot, shape }, { integers })
    }),
}
