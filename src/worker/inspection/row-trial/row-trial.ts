/**
 * Tries whether rows touch each other: rows alone against the same rows among others, for many kinds of values and several
 * batch sizes, which make ONNX Runtime take different kernels.
 *
 *     draw a batch ─► run it ─► run each row alone ─► the same? ─┬─ yes: one comparison more
 *                       └─► other neighbours for half the rows,  └─ no:  the row among copies of itself (compare.ts)
 *                           the other half must not change
 *
 * How much it proves: an effect that shows in a share p of the draws of (row, mix) is missed in k comparisons with a
 * probability of (1 - p)^k. TRIAL_COMPARISONS is the k for p = 1 % and a probability of 0.1 %: ln 0.001 / ln 0.99 = 688.
 * A graph that is proven is tried as well, as far as its time goes; what is not proven by its graph must get that far.
 *
 * Time is bounded, too: of a model that takes long, smaller batches are tried and fewer of them.
 */
import type { InferenceSession } from 'onnxruntime-node'
import { TRIAL_COMPARISONS, TRIAL_BATCH_ELEMENTS_MAX } from '../../../base/limits/limits.js'
import { seededRandom, type RandomSource } from '../../../base/random.js'
import {
  COUNT_TOLERANCE,
  isSameRow,
  KERNEL_TOLERANCE,
  SAME_KERNEL_TOLERANCE,
  type Answer,
  type Tolerance,
} from './compare.js'
import { batchMixes, drawRows, makeRow, type BatchMix, type TrialInput, type TrialRow } from './draw.js'
import { familiesOf, type Family } from './families.js'
import { answersOf, feedsOf } from './run-rows.js'

export interface RowTrial {
  /** Rows among others that were compared with the same rows run alone. */
  readonly comparisons: number
  /** What differed, as a clause; '' when nothing did. */
  readonly difference: string
  /** Kinds of values that the model refuses, by input: `amount: missing, infinite`. */
  readonly untried: readonly string[]
}

export interface RowTrialOptions {
  /** The graph says that rows stay apart: what is left is to be sure. */
  readonly isProven: boolean
  readonly budgetMs: number
  readonly nowMs: () => number
}

/** Kernels change at 1, at a vector's width, and at the sizes of blocks. */
const BATCH_SIZES = [2, 3, 8, 33, 65]

export async function tryRows(
  session: InferenceSession,
  inputs: readonly TrialInput[],
  options: RowTrialOptions,
): Promise<RowTrial> {
  const trial = new Trial(session, inputs, options)
  const untried = await trial.findFamilies()
  await trial.compareUntilEnough()
  return { comparisons: trial.comparisons, difference: trial.difference, untried }
}

class Trial {
  comparisons = 0
  difference = ''
  readonly #session: InferenceSession
  readonly #inputs: readonly TrialInput[]
  readonly #options: RowTrialOptions
  readonly #random: RandomSource = seededRandom(20_261_129)
  readonly #endMs: number
  /** Longest of the last runs of a lone row. */
  #rowMs = 0

  constructor(session: InferenceSession, inputs: readonly TrialInput[], options: RowTrialOptions) {
    this.#session = session
    this.#inputs = inputs
    this.#options = options
    this.#endMs = options.nowMs() + options.budgetMs
  }

  /** Keeps the kinds that the model runs, as far as half the time goes. @returns those that it refuses. */
  async findFamilies(): Promise<string[]> {
    const untried: string[] = []
    const pauseMs = this.#leftMs() / 2
    for (const input of this.#inputs) {
      const families: Family[] = ['plain']
      const refused: Family[] = []
      for (const family of familiesOf(input.dtype)) {
        if (this.#leftMs() < pauseMs) break
        const target = (await this.#runs(input, family)) ? families : refused
        target.push(family)
      }
      input.families = families
      if (refused.length > 0) untried.push(`${input.name}: ${refused.join(', ')}`)
    }
    return untried
  }

  async compareUntilEnough(): Promise<void> {
    const elements = this.#inputs.reduce((sum, { dims }) => sum + dims.reduce((size, dim) => size * dim, 1), 0)
    for (let round = 0; this.comparisons < TRIAL_COMPARISONS; round++) {
      const count = BATCH_SIZES[round % BATCH_SIZES.length] as number
      const isSmallest = count === BATCH_SIZES[0]
      const isAffordable = this.#leftMs() > this.#rowMs * count * 3 && count * elements <= TRIAL_BATCH_ELEMENTS_MAX
      // The first and smallest batch is tried whatever it takes.
      if (!isAffordable && round > 0) {
        if (isSmallest) return
        continue
      }
      const mix = batchMixes[Math.floor(round / BATCH_SIZES.length) % batchMixes.length] as BatchMix
      await this.#compareBatch(drawRows(this.#inputs, count, mix, this.#random))
      if (this.difference !== '' || this.#leftMs() <= 0) return
    }
  }

  async #runs(input: TrialInput, family: Family): Promise<boolean> {
    const kinds = this.#inputs.map((other): Family => (other === input ? family : 'plain'))
    return (await this.#tryRun([makeRow(this.#inputs, kinds, this.#random)])) !== null
  }

  async #compareBatch(rows: readonly TrialRow[]): Promise<void> {
    const together = await this.#tryRun(rows)
    for (const [row, alone] of rows.entries()) {
      const startMs = this.#options.nowMs()
      const single = await this.#tryRun([alone])
      this.#rowMs = Math.max(this.#options.nowMs() - startMs, this.#rowMs / 2)
      // One combination of values that the model refuses costs its batch, not the trial.
      if (single === null) return
      if (together === null) continue
      this.difference ||= await this.#differenceOf(rows, row, together, single)
      if (this.difference !== '') return
      this.comparisons++
      if (this.#leftMs() <= 0) return
    }
    if (together === null)
      this.difference = `a run of ${rows.length} rows is refused although each of them is run alone`
    else await this.#exchangeNeighbours(rows, together)
  }

  /** Half the rows get other values; the same kernels run, so that the rest must stay as it was. */
  async #exchangeNeighbours(rows: readonly TrialRow[], before: readonly Answer[]): Promise<void> {
    const others = drawRows(this.#inputs, rows.length, 'mixed', this.#random)
    const isKept = rows.map((_row, index) => index % 2 === 0)
    const after = await this.#tryRun(rows.map((row, index) => (isKept[index] ? row : (others[index] as TrialRow))))
    if (after === null) return
    this.difference ||= rowCountFault(this.#session, after, rows.length)
    rows.forEach((_row, index) => {
      if (isKept[index])
        this.difference ||= this.#firstDifference(before, index, after, index, rows.length, SAME_KERNEL_TOLERANCE)
    })
  }

  async #differenceOf(
    rows: readonly TrialRow[],
    row: number,
    together: readonly Answer[],
    single: readonly Answer[],
  ): Promise<string> {
    const wrongCount = rowCountFault(this.#session, together, rows.length) || rowCountFault(this.#session, single, 1)
    if (wrongCount !== '') return wrongCount
    const found = this.#firstDifference(together, row, single, 0, rows.length, KERNEL_TOLERANCE)
    if (found === '') return ''
    const copies = await this.#tryRun(rows.map(() => rows[row] as TrialRow))
    if (copies === null) return `a run of ${rows.length} equal rows is refused although the row is run alone`
    const influence = this.#firstDifference(together, row, copies, row, rows.length, SAME_KERNEL_TOLERANCE)
    if (influence !== '') return influence
    // Only their number can have made it. A sum of unusual values that cancels makes as much.
    if (this.#options.isProven || !(rows[row] as TrialRow).isPlain) return ''
    return this.#firstDifference(copies, row, single, 0, rows.length, COUNT_TOLERANCE)
  }

  /** @param rowB the row in `b`, which is of as many rows or of one. */
  #firstDifference(
    a: readonly Answer[],
    rowA: number,
    b: readonly Answer[],
    rowB: number,
    rowCount: number,
    tolerance: Tolerance,
  ): string {
    for (const [index, output] of a.entries()) {
      const other = b[index] as Answer
      const elements = output.data.length / rowCount
      const name = this.#session.outputNames[index] as string
      const otherElements = other.data.length / (other.dims[0] as number)
      if (elements !== otherElements) return `output ${name} changes its shape with the rows that share a run`
      if (!isSameRow(output, rowA * elements, other, rowB * elements, elements, tolerance))
        return `output ${name} of a row differs between a run of ${rowCount} rows and the row alone, or among others`
    }
    return ''
  }

  /** null: ONNX Runtime refuses them. */
  async #tryRun(rows: readonly TrialRow[]): Promise<readonly Answer[] | null> {
    const feeds = feedsOf(this.#inputs, rows)
    try {
      return answersOf(this.#session, await this.#session.run(feeds))
    } catch {
      return null
    }
  }

  #leftMs(): number {
    return this.#endMs - this.#options.nowMs()
  }
}

function rowCountFault(session: InferenceSession, answers: readonly Answer[], rowCount: number): string {
  const index = answers.findIndex(({ dims }) => dims[0] !== rowCount)
  if (index < 0) return ''
  const { dims } = answers[index] as Answer
  return `output ${session.outputNames[index]} has shape [${dims.join(', ')}] for ${rowCount} input row${rowCount === 1 ? '' : 's'}`
}
