/** `rename`: columns under other names, in their places. */
import type { Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'

export interface RenameOp extends AnyOp {
  readonly op: 'rename'
  /** From a column's name to its new one. */
  readonly names: Readonly<Record<string, string>>
}

export const renameKind: OpKind<RenameOp> = {
  op: 'rename',
  keys: ['names'],
  parse: (reader) => {
    const names = Object.entries(reader.object('names')).map(
      ([from, to]) => [from, reader.name(`names.${from}`, to)] as const,
    )
    if (names.length === 0) throw reader.error('names', 'an object with a member', 'none')
    // fromEntries defines, so that a column called __proto__ is one like any other.
    return { op: 'rename', names: Object.fromEntries(names) }
  },
  compile: (op, draft) => {
    for (const from of Object.keys(op.names)) draft.column(from, 'names')
    const renamed = new Map<string, Slot>()
    for (const [name, slot] of draft.columns) {
      const to = Object.hasOwn(op.names, name) ? (op.names[name] as string) : name
      if (renamed.has(to)) throw draft.error('names', 'names that differ from those of all other columns', to)
      renamed.set(to, slot)
    }
    draft.replaceAll(renamed)
  },
}
