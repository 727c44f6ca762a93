/** The types of a script's module, for its author: `import type { Script } from 'penstock'`. Types only. */

/** The elements of a column, row by row, a row's own in row-major order. */
export type ScriptColumn =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly (string | number | bigint | boolean | null | undefined)[]

/** What a script is called with. It may change the arrays: they are its own. */
export interface ScriptTable {
  /** At least 1. */
  readonly rows: number
  /**
   * By name. Numbers are typed arrays (float16 and bfloat16 as Float32Array, bool as Uint8Array of 0 and 1, a missing float
   * NaN); texts, and integers and bools that may be missing, are arrays with null for what is missing.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a column's type is what the pipeline's definition says
  readonly columns: Readonly<Record<string, any>>
}

export interface ScriptContext {
  readonly pipeline: string
  /** The request's id, as answers and logs have it. */
  readonly requestId: string
}

/**
 * The default export of a script's module: the columns that the step declares as `outputs`, by name, each with as many values
 * as the table has rows (times the elements of a row).
 */
export type Script = (
  table: ScriptTable,
  context: ScriptContext,
) => Readonly<Record<string, ScriptColumn>> | Promise<Readonly<Record<string, ScriptColumn>>>
