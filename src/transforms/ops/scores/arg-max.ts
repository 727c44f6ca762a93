/** `arg-max`: the place of the largest of a row of float32 scores, int64. numpy.argmax: the first of equals, the first NaN. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import { scoresOf } from './scores.js'

export interface ArgMaxOp extends ColumnsOp {
  readonly op: 'arg-max'
}

export const argMaxKind: OpKind<ArgMaxOp> = {
  op: 'arg-max',
  keys: ['columns', 'as'],
  parse: (reader) => ({ op: 'arg-max', ...reader.columns() }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const scores = scoresOf(draft, slot, name, `columns[${i}]`)
      const place = draft.emit(TransformOpcode.argMax, [scores], { dtype: 'int32', isNullable: false, shape: [] })
      return draft.cast(place, 'int64', name)
    }),
}
