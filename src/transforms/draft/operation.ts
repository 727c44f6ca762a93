/** What all operations have in common, as data. */
export interface AnyOp {
  readonly op: string
}

/** Operations that map columns one by one. */
export interface ColumnsOp extends AnyOp {
  readonly columns: readonly string[]
  /** Names of the results; absent: they take the place of the columns. */
  readonly as?: readonly string[]
}
