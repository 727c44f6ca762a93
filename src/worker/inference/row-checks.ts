/**
 * Live checks of a worker: now and then a row that was answered in a shared batch is run again by itself, and compared.
 *
 *     batch ─ one subtraction ─► the sampled row's tensors are copied ─► … the batch is answered …
 *     idle (or many batches later): alone ─► the same? ─┬─ yes: checked
 *                                                       └─ no: idle again: among copies of itself ─► compare.ts decides
 *
 * Off the request clock: a check runs when nothing waits for the worker, or after OVERDUE_BATCHES of them, so that a
 * worker that is never idle is checked as well. It then holds up what waits by the run of a lone row. The second look,
 * which runs as many rows as the batch had, waits until the worker is idle, and CONFIRM_OVERDUE_BATCHES at most: it
 * comes only after a difference.
 *
 * Thread: the worker's. Memory: at most PENDING_MAX rows, copied.
 */
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { ModelRunner } from '../sessions/model-runner.js'
import type { ModelSession } from '../sessions/model-session.js'
import {
  COUNT_TOLERANCE,
  isSameRow,
  KERNEL_TOLERANCE,
  SAME_KERNEL_TOLERANCE,
  type Answer,
  type Tolerance,
} from '../inspection/row-trial/compare.js'

/** One row as it was run: its inputs, and its outputs in the shared batch. */
export interface RowSample {
  readonly modelKey: number
  readonly model: ModelSession
  readonly runner: ModelRunner
  /** With a row axis of 1. */
  readonly inputs: readonly Answer[]
  readonly outputs: readonly Answer[]
  /** Rows of the run in which it was answered. */
  readonly rowCount: number
  readonly row: number
}

/** What a check found; `output` '' when nothing. */
export interface RowCheck {
  readonly modelKey: number
  readonly output: string
}

const PENDING_MAX = 4
/** A prime, so that it reaches every place of a batch. */
const STRIDE = 7919
const OVERDUE_BATCHES = 256
const CONFIRM_OVERDUE_BATCHES = 65_536

interface Pending {
  readonly sample: RowSample
  /** The row's outputs by itself, when they were not those in the shared batch. */
  readonly alone: readonly Answer[] | null
  batches: number
}

export class RowChecks {
  /** Rows between two samples; 0: none are taken. */
  readonly #every: number
  readonly #report: (check: RowCheck) => void
  /** Hears of each run before it begins, with its model's key. */
  readonly #onRun: (modelKey: number) => void
  readonly #pending: Pending[] = []
  #rowsLeft: number
  #chosen = 0

  constructor(every: number, report: (check: RowCheck) => void, onRun: (modelKey: number) => void = () => undefined) {
    this.#every = every
    this.#report = report
    this.#onRun = onRun
    this.#rowsLeft = every === 0 ? Infinity : every
  }

  /** @returns the row to be sampled of the batch that runs next, or -1. */
  next(rows: number): number {
    this.#rowsLeft -= rows
    return this.#rowsLeft > 0 ? -1 : this.#choose(rows)
  }

  take(sample: RowSample): void {
    this.#pending.push({ sample, alone: null, batches: 0 })
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** A batch was completed: whether the oldest check must not wait any longer. */
  isOverdue(): boolean {
    const [oldest] = this.#pending
    if (oldest === undefined) return false
    return ++oldest.batches > (oldest.alone === null ? OVERDUE_BATCHES : CONFIRM_OVERDUE_BATCHES)
  }

  /** Runs the oldest check. Never throws: a model that has gone, or refuses a run, is not checked. */
  async run(sessions: ReadonlyMap<number, ModelSession>): Promise<void> {
    const pending = this.#pending.shift()
    if (pending === undefined) return
    const { sample, alone } = pending
    if (sessions.get(sample.modelKey) !== sample.model) return
    this.#onRun(sample.modelKey)
    try {
      if (alone === null) await this.#runAlone(sample)
      else this.#reportOf(sample, await differenceAmongCopies(sample, alone))
    } catch {
      // Refused by itself and run in a shared batch: its memory, or the model's own; no statement about rows.
    }
  }

  async #runAlone(sample: RowSample): Promise<void> {
    const alone = await runCopies(sample, 1)
    if (firstDifference(sample, alone, 0, KERNEL_TOLERANCE) === '') return this.#reportOf(sample, '')
    this.#pending.push({ sample, alone, batches: 0 })
  }

  #reportOf({ modelKey }: RowSample, output: string): void {
    this.#report({ modelKey, output })
  }

  #choose(rows: number): number {
    // Where batches are larger than the distance, each place of them has its turn.
    const row = rows > this.#every ? (this.#chosen++ * STRIDE) % rows : rows + this.#rowsLeft - 1
    this.#rowsLeft = this.#every
    // A lone row shares no batch, and of a worker that never finds the time no more rows are kept.
    return rows === 1 || this.#pending.length >= PENDING_MAX ? -1 : row
  }
}

async function differenceAmongCopies(sample: RowSample, alone: readonly Answer[]): Promise<string> {
  const copies = await runCopies(sample, sample.rowCount)
  const influence = firstDifference(sample, copies, sample.row, SAME_KERNEL_TOLERANCE)
  if (influence !== '' || sample.model.isGraphProven) return influence
  // Their number is left. A label that flips says nothing of it: a tie takes a kernel's rounding.
  const floats = sample.outputs.findIndex(({ dtype }, index) => {
    const isFloat = dtype === 'float32' || dtype === 'float64' || dtype === 'float16'
    return isFloat && !isSame(rowOf(copies[index] as Answer, sample), alone[index] as Answer, COUNT_TOLERANCE)
  })
  return floats < 0 ? '' : (sample.model.outputNames[floats] as string)
}

/** The name of the first output of the sample that differs from the row `row` of `answers`, or ''. */
function firstDifference(sample: RowSample, answers: readonly Answer[], row: number, tolerance: Tolerance): string {
  const index = sample.outputs.findIndex((output, position) => {
    const other = answers[position] as Answer
    const isSameWidth = other.data.length === output.data.length * (other.dims[0] as number)
    return !isSameWidth || !isSameRow(output, 0, other, row * output.data.length, output.data.length, tolerance)
  })
  return index < 0 ? '' : (sample.model.outputNames[index] as string)
}

function isSame(a: Answer, b: Answer, tolerance: Tolerance): boolean {
  return a.data.length === b.data.length && isSameRow(a, 0, b, 0, a.data.length, tolerance)
}

function rowOf(answer: Answer, { row }: RowSample): Answer {
  const elements = answer.data.length / (answer.dims[0] as number)
  return { ...answer, data: (answer.data as NumericData).subarray(row * elements, (row + 1) * elements) }
}

async function runCopies({ model, runner, inputs }: RowSample, count: number): Promise<readonly Answer[]> {
  const copied = inputs.map(({ dtype, dims, data }, index) => {
    const copies = allocateData(dtype as NumericDtype, data.length * count)
    for (let copy = 0; copy < count; copy++) (copies as Uint8Array).set(data as Uint8Array, copy * data.length)
    return { name: model.inputNames[index] as string, dtype, shape: [count, ...dims.slice(1)], data: copies }
  })
  const results = await runner.run(copied)
  return results.map(({ dtype, shape, data }) => ({ dtype, dims: shape, data }))
}
