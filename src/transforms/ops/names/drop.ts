/** `drop`: columns go. */
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'

export interface DropOp extends AnyOp {
  readonly op: 'drop'
  readonly columns: readonly string[]
}

export const dropKind: OpKind<DropOp> = {
  op: 'drop',
  keys: ['columns'],
  parse: (reader) => ({ op: 'drop', columns: reader.names('columns') }),
  compile: (op, draft) => {
    op.columns.forEach((name, i) => draft.column(name, `columns[${i}]`))
    if (op.columns.length === draft.columns.size) throw draft.error('columns', 'fewer than all columns', op.columns)
    op.columns.forEach((name) => draft.remove(name))
  },
}
