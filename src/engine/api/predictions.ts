/** What is asked of a pipeline by the names of its contract, and what it answers. Types only. */
import type { RowProblem } from '../../contract/check-row.js'
import type { ContractColumn } from '../../contract/columns.js'
import type { FieldValue } from '../../contract/contract.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import type { RowTable } from '../../contract/tables/row-table.js'
import type { CheckFailure, InferMetadata, RequestOptions } from './inference.js'

/** A row by the names of the contract's fields. Untrusted. */
export type PredictRow = Readonly<Record<string, unknown>>

/** Rows of a request: one, a list, or a JSON text of either; `lines` has a row a line. A table is read already. */
export type PredictRows =
  | PredictRow
  | readonly PredictRow[]
  | Uint8Array
  | { readonly form: 'json' | 'lines'; readonly bytes: Uint8Array }
  | RowTable

export interface PredictOptions extends Omit<RequestOptions, 'withOthers'> {
  /** Called before so many bytes are made of a body; throws to refuse. */
  readonly onHeld?: ((bytes: number) => void) | undefined
  /** Called when nothing refers to the body any more, before the engine charges its own copy of the rows. */
  readonly onRead?: (() => void) | undefined
}

/**
 * One row's answer by the names of the contract: what the model says, which one it was, and what was sent of entity,
 * timestamp and passthrough fields. Numbers as JSON has them, 64-bit integers beyond 2^53 as texts of their digits; null:
 * missing, or no number that JSON has.
 */
export type Prediction = Readonly<Record<string, FieldValue>>

export interface PredictResult {
  /** Rows that came. */
  readonly rows: number
  /** The rows came as one object, not as a list. */
  readonly isOne: boolean
  /** e.g. `wine@2`. */
  readonly contract: string
  /** 0-based positions of the answered rows among those that came, ascending: all but the dropped ones. */
  readonly answeredRows: Uint32Array
  /** Fields of the answer by answered row, in the contract's order. */
  readonly columns: readonly ContractColumn[]
  /** By row that came, made of `columns` when it is read first; null: the row was dropped. */
  readonly predictions: readonly (Prediction | null)[]
  /** What was found and did not refuse the request, with what became of it; in order of rows. */
  readonly problems: readonly RowProblem[]
  /** All of them, listed or not. */
  readonly problemCount: number
  /** Members of rows that are no field, and were let pass. */
  readonly extra: readonly string[]
  /** `rows` count answered rows. */
  readonly checkFailures: readonly CheckFailure[]
  /** null: no row was left to run. */
  readonly metadata: InferMetadata | null
}

/** A deployed pipeline that rows can be sent to by name. */
export interface ServedContract {
  readonly pipeline: string
  readonly pipelineVersion: number
  /** e.g. `wine@2`. */
  readonly reference: string
  readonly contract: ResolvedContract
}
