/**
 * A chain of column steps that runs: transforms by the addon, stages by what was opened for them. Without a stage that waits it
 * ends in the call itself, so that a request is admitted in the turn in which it came.
 */
import { addon } from '../../../bindings/native.js'
import type { ErrorCode } from '../../base/errors.js'
import {
  rowsError,
  stageError,
  type ColumnStage,
  type PlanChain,
  type StageCall,
  type StageColumn,
  type StageSegment,
  type TransformColumns,
  type TransformSegment,
} from '../../pipeline/columns/stage.js'
import { compileForDims } from '../../pipeline/columns/chain.js'
import { allocateData } from '../../tensor/dtype.js'
import { elementsOf, type TransformColumn } from '../../transforms/draft/column.js'
import { Transform, type TransformResult } from '../../transforms/program/transform.js'

/** A run of one request, and who learns how long its stages took. */
export interface ChainCall extends StageCall {
  /** @param error what kept the stage from its columns; null: nothing. */
  onStage(segment: StageSegment, durationUs: number, error: unknown): void
}

/** The call of a chain that has no stage. */
export const noStageCall: ChainCall = {
  signal: new AbortController().signal,
  deadlineMs: Infinity,
  requestId: '',
  meta: null,
  onStage: () => undefined,
}

type Runner =
  | { readonly segment: TransformSegment; readonly transform: Transform; readonly forDims: Map<string, Transform> }
  | { readonly segment: StageSegment; readonly stage: ColumnStage }

/** Programs that are kept of a transform whose columns have free dims. */
const DIMS_PROGRAMS_MAX = 64

export class ColumnChain {
  readonly #runners: readonly Runner[]
  readonly #pipeline: string
  readonly #rowsCode: ErrorCode

  /**
   * @param stages of the chain's stage segments, in their order. The chain closes them.
   * @param rowsCode the code of rows that a transform refuses.
   * @throws RangeError: the addon refuses a program, which the compiler would have to have made wrong.
   */
  constructor(chain: PlanChain, stages: readonly ColumnStage[], pipeline: string, rowsCode: ErrorCode) {
    let next = 0
    this.#runners = chain.segments.map((segment) =>
      segment.kind === 'transform'
        ? { segment, transform: new Transform(segment.program), forDims: new Map<string, Transform>() }
        : { segment, stage: stages[next++] as ColumnStage },
    )
    this.#pipeline = pipeline
    this.#rowsCode = rowsCode
  }

  /**
   * @param columns those of the chain's inputs, by name.
   * @returns those of its outputs among others; a promise where a stage waits.
   * @throws PenstockError of a row that a transform refuses, of a stage with its place.
   */
  run(columns: TransformColumns, rows: number, call: ChainCall): TransformColumns | Promise<TransformColumns> {
    return this.#runFrom(0, columns, rows, call)
  }

  async close(): Promise<void> {
    for (const runner of this.#runners) if ('stage' in runner) await runner.stage.close()
  }

  #runFrom(
    start: number,
    columns: TransformColumns,
    rows: number,
    call: ChainCall,
  ): TransformColumns | Promise<TransformColumns> {
    let table = columns
    for (let at = start; at < this.#runners.length; at++) {
      const runner = this.#runners[at] as Runner
      const made = 'transform' in runner ? this.#transform(runner, table, rows) : this.#stage(runner, table, rows, call)
      if (made instanceof Promise) return made.then((next) => this.#runFrom(at + 1, next, rows, call))
      table = made
    }
    return table
  }

  #transform(runner: Extract<Runner, { transform: unknown }>, table: TransformColumns, rows: number): TransformColumns {
    const { segment } = runner
    const transform = segment.free === null ? runner.transform : this.#forDims(runner, segment.free, table)
    const result = transform.run(table, rows)
    expectAllRows(result, this.#rowsCode)
    if (segment.around.length === 0) return result.columns
    const around = segment.around.map((name) => [name, table[name] as TransformColumn] as const)
    return { ...Object.fromEntries(around), ...result.columns }
  }

  /** The program for the dims that the request's columns have: kept, for most requests have some of a few. */
  #forDims(
    { segment, forDims }: Extract<Runner, { transform: unknown }>,
    { inputs }: NonNullable<TransformSegment['free']>,
    table: TransformColumns,
  ): Transform {
    const dimsOf = ({ name, shape }: StageColumn): readonly number[] =>
      shape.includes(null) ? (table[name]?.shape.slice(1) ?? []) : (shape as readonly number[])
    const key = inputs.map((column) => dimsOf(column).join()).join(';')
    const known = forDims.get(key)
    if (known !== undefined) return known
    const [oldest] = forDims.keys()
    if (forDims.size >= DIMS_PROGRAMS_MAX && oldest !== undefined) forDims.delete(oldest)
    const made = new Transform(compileForDims(segment, dimsOf, this.#rowsCode))
    forDims.set(key, made)
    return made
  }

  #stage(
    { segment, stage }: Extract<Runner, { stage: unknown }>,
    table: TransformColumns,
    rows: number,
    call: ChainCall,
  ): TransformColumns | Promise<TransformColumns> {
    if (rows === 0) return leave(segment, table, emptyColumns(segment.makes))
    const startUs = addon.nowUs()
    const done = (made: TransformColumns): TransformColumns => {
      expectMade(segment, made, rows)
      call.onStage(segment, addon.nowUs() - startUs, null)
      return leave(segment, table, made)
    }
    const failed = (cause: unknown): never => {
      const error = call.signal.aborted ? (call.signal.reason as unknown) : stageError(cause, segment, this.#pipeline)
      call.onStage(segment, addon.nowUs() - startUs, error)
      throw error
    }
    try {
      call.signal.throwIfAborted()
      const taken = segment.takes.flatMap(({ name }) =>
        table[name] === undefined ? [] : [[name, table[name]] as const],
      )
      const made = stage.run(Object.fromEntries(taken), rows, call)
      return made instanceof Promise ? made.then(done).catch(failed) : done(made)
    } catch (error) {
      return failed(error)
    }
  }
}

function leave({ makes, drops = [] }: StageSegment, table: TransformColumns, made: TransformColumns): TransformColumns {
  const kept =
    drops.length === 0 ? table : Object.fromEntries(Object.entries(table).filter(([name]) => !drops.includes(name)))
  const columns = makes.map(({ name }) => [name, made[name] as TransformColumn] as const)
  return { ...kept, ...Object.fromEntries(columns) }
}

function emptyColumns(makes: readonly StageColumn[]): TransformColumns {
  const empty = makes.map(({ name, dtype, shape }): [string, TransformColumn] => {
    const isText = dtype === 'string'
    const data = isText ? new Uint8Array(0) : allocateData(dtype, 0)
    const offsets = isText ? new Int32Array(1) : null
    return [name, { dtype, shape: [0, ...shape.map((dim) => dim ?? 0)], data, offsets, validity: null }]
  })
  return Object.fromEntries(empty)
}

/** What a stage returned is what it said: a bug of it must not become memory that is read past its end. */
function expectMade({ where, type, makes }: StageSegment, made: TransformColumns, rows: number): void {
  for (const { name, dtype, isNullable, shape } of makes) {
    const column = Object.hasOwn(made, name) ? made[name] : undefined
    const isFit =
      column?.dtype === dtype &&
      column.shape.length === shape.length + 1 &&
      column.shape[0] === rows &&
      shape.every((dim, i) => dim === null || column.shape[i + 1] === dim) &&
      hasElements(column) &&
      (column.validity === null || (isNullable && column.validity.length >= (rows + 7) >> 3))
    if (isFit) continue
    const received = column === undefined ? 'none' : `${column.dtype} [${column.shape.join(', ')}]`
    throw new Error(`assertion: ${where} (${type}) makes ${name} as its plan says, but it is ${received}`)
  }
}

function hasElements({ data, offsets, shape }: TransformColumn): boolean {
  const count = elementsOf(shape)
  if (offsets === null) return data.length === count
  return offsets.length === count + 1 && offsets[count] === data.length
}

function expectAllRows({ failures, failureCount }: TransformResult, code: ErrorCode): void {
  if (failures.length > 0) throw rowsError(code, failures, failureCount)
}
