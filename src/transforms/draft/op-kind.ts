/**
 * The contract of an operation: all that TypeScript knows of one stands in one file of ops/, behind this interface. To add
 * one: that file, a line in ops/kinds.ts, and in C++ an instruction where none of those that are there does it.
 *
 * An operation is checked twice. `parse` sees it alone, as untrusted JSON; `compile` sees the columns in front of it.
 * What is fitted may be absent until then.
 */
import type { TransformColumn } from './column.js'
import type { ProgramDraft } from './draft.js'
import type { AnyOp } from './operation.js'
import type { OpReader } from './op-reader.js'

export interface OpKind<O extends AnyOp = AnyOp> {
  readonly op: O['op']
  /** Members of the wire form besides `op`; any other is refused. */
  readonly keys: readonly string[]
  /** Reads the wire form: its members in the canonical order, absent ones left out. */
  parse(reader: OpReader): O
  /** Reads columns from the draft and writes what becomes of them. @throws PenstockError naming the operation and column. */
  compile(op: O, draft: ProgramDraft): void
  /** How its constants are learnt from a table; absent where it has none. */
  readonly fit?: OpFit<O>
}

export interface OpFit<O extends AnyOp = AnyOp> {
  isFitted(op: O): boolean
  /** The columns to learn from, as they are in front of the operation. */
  columns(op: O): readonly string[]
  /** What reads one of them. @throws PenstockError: its dtype has no such statistic. */
  learner(op: O, column: TransformColumn): Learner
  /** The operation with what was learnt. @param learnt a result a column, in their order. */
  complete(op: O, learnt: readonly unknown[]): O
}

/** Learns from a column, a part of its rows after the other. */
export interface Learner {
  add(column: TransformColumn): void
  /** @throws PenstockError when the rows tell nothing. */
  result(): unknown
}
