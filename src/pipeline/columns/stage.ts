/**
 * A column stage: what a step does that takes columns and leaves columns outside of the transforms' programs, such as a look
 * in a table or a call of another server. What it takes and makes is known at deploy (StagePlan), so that the step behind it
 * and the model are checked then; what runs is opened with the deployment (ColumnStage) and closed with it.
 */
import { isPenstockError, PenstockError, type ErrorCode } from '../../base/errors.js'
import type { Meta } from '../../protocol/meta-value.js'
import type { ColumnType, TransformColumn } from '../../transforms/draft/column.js'
import type { TransformProgram } from '../../transforms/program/compile.js'
import type { TransformOp } from '../../transforms/program/definition.js'
import type { Step } from '../definition.js'

/** By name. */
export type TransformColumns = Readonly<Record<string, TransformColumn>>

/** A column of which each request may have rows of another shape. */
export interface StageColumn extends Omit<ColumnType, 'shape'> {
  /** Dims of a row; [] is one element; null is free: alike in the rows of one request. */
  readonly shape: readonly (number | null)[]
}

/** What a step does to the columns in front of it, compiled. */
export interface StagePlan {
  /** All that `run` is given. */
  readonly takes: readonly StageColumn[]
  /** All that `run` has to return. One that is called like a column in front of the step takes its place; all others stay. */
  readonly makes: readonly StageColumn[]
  /** Names of columns that do not stay. */
  readonly drops?: readonly string[]
}

/**
 * Compiles a step.
 * @param table the columns in front of it, in their order.
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export type CompileStage = (table: readonly StageColumn[]) => StagePlan

/** What a request's texts were made into. */
export interface TokenCounts {
  /** Tokens, those that frame each row included, padding not. */
  readonly tokens: number
  /** Rows of which an end was cut off. */
  readonly cutRows: number
}

/** What a stage learns of the request that it runs for. */
export interface StageCall {
  /** Aborts when the deadline has passed or the caller has gone; `reason` is the PenstockError that the caller gets. */
  readonly signal: AbortSignal
  /** Milliseconds of the request's budget that are left; Infinity: it has none. */
  readonly deadlineMs: number
  readonly requestId: string
  /** Routing keys and trace context; null: none. */
  readonly meta: Meta | null
  /** Counts memory of what the stage makes as the request's, until that ends. @throws PenstockError ERR_QUEUE_FULL. */
  hold?(bytes: number): void
  /** Takes note of how many tokens the request's texts are. */
  onTokens?(texts: TokenCounts): void
}

/** Opened for one deployed version of a pipeline. */
export interface ColumnStage {
  /**
   * Rows in = rows out. Columns are lent until it ends. One that has no need to wait returns without a promise.
   * @param columns those of `takes`, by name, of `rows` rows each.
   * @param rows 1 and more.
   * @returns those of `makes`.
   * @throws or rejects with a PenstockError; of rows with `rowsError`.
   */
  run(columns: TransformColumns, rows: number, call: StageCall): TransformColumns | Promise<TransformColumns>
  /** Gives back threads, sockets and memory. No run is under way. */
  close(): Promise<void>
}

/** Where a stage stands. */
export interface StagePlace {
  /** `steps[1]`. */
  readonly where: string
  readonly type: Step['type']
}

export interface TransformSegment {
  readonly kind: 'transform'
  readonly where: string
  readonly program: TransformProgram
  /** Columns with free dims that no operation names: they pass it. */
  readonly around: readonly string[]
  /** What is compiled again for the dims of each request, for `program` is for some dims; null: there are no free dims in it. */
  readonly free: { readonly ops: readonly TransformOp[]; readonly inputs: readonly StageColumn[] } | null
}

export interface StageSegment extends StagePlan, StagePlace {
  readonly kind: 'stage'
  readonly step: Step
}

export type PlanSegment = TransformSegment | StageSegment

/** Plain data, but for what steps keep in it. */
export interface PlanChain {
  /** What the first segment finds. */
  readonly inputs: readonly StageColumn[]
  readonly segments: readonly PlanSegment[]
  /** What the last one leaves. */
  readonly outputs: readonly StageColumn[]
}

/** As EngineNotice. */
export interface StageNotice {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly cause?: unknown
}

/** What a stage may ask of the engine that opens it. */
export interface StageContext {
  /** The pipeline's name. */
  readonly pipeline: string
  /** For what the operator should know while the stage serves. */
  readonly onNotice: (notice: StageNotice) => void
}

/** @throws PenstockError: the deploy fails with it. */
export type OpenStage = (segment: StageSegment, context: StageContext) => Promise<ColumnStage>

export interface FailedRow {
  readonly row: number
  readonly column: string
  /** A sentence without the row. */
  readonly message: string
}

/**
 * The error of rows that fail by themselves.
 * @param failures by row, at least one, perhaps not all.
 * @param count of all.
 */
export function rowsError(code: ErrorCode, failures: readonly FailedRow[], count = failures.length): PenstockError {
  const [first] = failures
  const errors = failures.map(({ row, column, message }) => ({ field: `${column}[${row}]`, code, message }))
  const more = count === 1 ? ` (row ${first?.row})` : ` (row ${first?.row}; ${count} values in all)`
  return new PenstockError(code, `${first?.message ?? ''}${more}`, {
    errors,
    ...(count === errors.length ? {} : { errorCount: count }),
  })
}

/** A failure of a stage with its place: `steps[1] (lookup) of pipeline fraud: …`. Bugs keep their cause for the log. */
export function stageError(error: unknown, { where, type }: StagePlace, pipeline: string): PenstockError {
  const place = `${where} (${type}) of pipeline ${pipeline}`
  if (!isPenstockError(error))
    return new PenstockError('ERR_INTERNAL', `${place} failed; the log has the cause`, { cause: error })
  const { code, retryAfterMs, errors, errorCount, cause } = error
  return new PenstockError(code, `${place}: ${error.message}`, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(errors === undefined ? {} : { errors }),
    ...(errorCount === undefined ? {} : { errorCount }),
    ...(cause === undefined ? {} : { cause }),
  })
}
