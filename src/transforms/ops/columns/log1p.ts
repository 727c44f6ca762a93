/** `log1p`: log(1 + x). numpy.log1p: -Infinity at -1, NaN below it; a missing value stays NaN. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface Log1pOp extends ColumnsOp {
  readonly op: 'log1p'
}

export const log1pKind: OpKind<Log1pOp> = {
  op: 'log1p',
  keys: ['columns', 'as'],
  parse: (reader) => ({ op: 'log1p', ...reader.columns() }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      return draft.emit(TransformOpcode.log1p, [source], source)
    }),
}
