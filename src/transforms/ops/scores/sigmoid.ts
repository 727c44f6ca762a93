/** `sigmoid`: 1 / (1 + exp(-x)). scipy.special.expit; a missing value stays NaN. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface SigmoidOp extends ColumnsOp {
  readonly op: 'sigmoid'
}

export const sigmoidKind: OpKind<SigmoidOp> = {
  op: 'sigmoid',
  keys: ['columns', 'as'],
  parse: (reader) => ({ op: 'sigmoid', ...reader.columns() }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      return draft.emit(TransformOpcode.sigmoid, [source], source)
    }),
}
