/** `softmax`: exp(x - max) / sum over a row of float32 scores. scipy.special.softmax; NaN or +Infinity makes the row NaN. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import { scoresOf } from './scores.js'

export interface SoftmaxOp extends ColumnsOp {
  readonly op: 'softmax'
}

export const softmaxKind: OpKind<SoftmaxOp> = {
  op: 'softmax',
  keys: ['columns', 'as'],
  parse: (reader) => ({ op: 'softmax', ...reader.columns() }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const scores = scoresOf(draft, slot, name, `columns[${i}]`)
      return draft.emit(TransformOpcode.softmax, [scores], scores)
    }),
}
