/**
 * `threshold`: 1 where x > value, else 0. scikit-learn's Binarizer, which refuses NaN: here it stays NaN. `dtype` makes of
 * the result what a label-map or a client wants; of an integer or bool a NaN fails its row.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import { numberDtypes } from '../columns/one-hot.js'

export interface ThresholdOp extends ColumnsOp {
  readonly op: 'threshold'
  readonly value: number
  /** The column's own float dtype when left out. */
  readonly dtype?: (typeof numberDtypes)[number] | 'bool'
}

export const thresholdKind: OpKind<ThresholdOp> = {
  op: 'threshold',
  keys: ['columns', 'as', 'value', 'dtype'],
  parse: (reader) => ({
    op: 'threshold',
    ...reader.columns(),
    value: reader.number('value'),
    ...(reader.has('dtype') ? { dtype: reader.oneOf('dtype', [...numberDtypes, 'bool'] as const) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      const result = draft.emit(TransformOpcode.threshold, [source], source, { numbers: Float64Array.of(op.value) })
      return op.dtype === undefined ? result : draft.cast(result, op.dtype, name)
    }),
}
