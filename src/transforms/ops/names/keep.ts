/** `keep`: these columns stay, in this order, and all others go. */
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'

export interface KeepOp extends AnyOp {
  readonly op: 'keep'
  readonly columns: readonly string[]
}

export const keepKind: OpKind<KeepOp> = {
  op: 'keep',
  keys: ['columns'],
  parse: (reader) => ({ op: 'keep', columns: reader.names('columns') }),
  compile: (op, draft) =>
    draft.replaceAll(op.columns.map((name, i) => [name, draft.column(name, `columns[${i}]`)] as const)),
}
