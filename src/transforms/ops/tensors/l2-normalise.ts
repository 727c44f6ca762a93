/** `l2-normalise`: each row divided by its Euclidean norm. scikit-learn's Normalizer: a row of zeros stays one. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface L2NormaliseOp extends ColumnsOp {
  readonly op: 'l2-normalise'
}

export const l2NormaliseKind: OpKind<L2NormaliseOp> = {
  op: 'l2-normalise',
  keys: ['columns', 'as'],
  parse: (reader) => ({ op: 'l2-normalise', ...reader.columns() }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      return draft.emit(TransformOpcode.l2Normalise, [source], source)
    }),
}
