/**
 * Finds how to run a model on this machine by running it: which rows per run, how many runs side by side, with how many
 * threads each. What is measured comes in as a function, so that the search replays on made-up models.
 *
 *     sweep    one run at a time, 1 4 16 64 … rows      until a run exceeds the latency objective
 *     race     instances × threads × the best rows      interleaved rounds; medians; those far behind drop out
 *     latency  one row, 1 2 4 … threads, spinning or not  the same way, for a request that has the machine to itself
 *
 * Rule 1. The highest rate wins whose runs stay within the objective; a run of one row is always within it.
 * Rule 2. Rates less than CLOSE apart are equal: then the shortest run wins, then the fewest threads.
 * Rule 3. More threads for a lone request must save a tenth of its time, and enough to be felt.
 * Noise is one of slowness and comes in bursts: trials that are compared take turns, so that a burst meets all of them,
 * and those that stay close are repeated. Where the operating system reports that a slice had to wait for its cores, the
 * slice counts only as long as there is no better one. Rejected: a fit of cost per row plus cost per run (a forest takes
 * another path at one row, a convolution another per shape: nothing but the trial shows it).
 */
import type { Clock } from '../../base/clock.js'
import { isPenstockError } from '../../base/errors.js'
import { median } from '../../base/median.js'
import type { RunPlan } from '../api/api.js'

export interface CalibrationFacts {
  readonly cores: number
  readonly workers: number
  /** Rows of a batch at most; 1 for models whose requests do not share batches. */
  readonly rowsMax: number
  /** Microseconds that one run, and one batch, may take. */
  readonly objectiveUs: number
  /** Threads inside a run when the operator has fixed them, else null. */
  readonly intraOpThreads: number | null
  /** Sessions of the model that memory has room for, >= 1. */
  readonly sessionsMax: number
  /** Microseconds to spend on measuring; what has been found by then is taken. */
  readonly budgetUs: number
}

export interface Trial {
  readonly instances: number
  readonly intraOpThreads: number
  readonly spinning: boolean
  readonly rows: number
}

export interface Sample {
  /** Summed over all instances. */
  readonly rowsPerS: number
  /** Median of one run. */
  readonly runUs: number
  /** Share of the time for which a thread of the trial had to wait for a core, because others used them. */
  readonly waitedShare: number
}

/** One trial, over several of its slices. */
type Measured = Pick<Sample, 'rowsPerS' | 'runUs'>

/** Runs the trial for about `sliceUs`, once at least. @throws PenstockError ERR_RUN_FAILED when the model refuses. */
export type Measure = (trial: Trial, sliceUs: number) => Promise<Sample>

export interface CalibrationOutcome {
  readonly plan: RunPlan
  /** Microseconds of a run of one row that has the machine to itself. */
  readonly rowUs: number
  /** Microseconds of a full batch. */
  readonly batchUs: number
  readonly rowsPerS: number
  /** Most of it was measured while others used the cores: a guess. */
  readonly isDisturbed: boolean
}

/** Rates this close are equal: less than what a user notices, more than medians of a quiet machine differ. */
const CLOSE = 0.02
/** Behind the best by more than this after ROUNDS_MIN rounds, a trial is over. */
const FAR = 0.1
const ROUNDS_MIN = 3
const ROUNDS_MAX = 7
const SLICE_US_MIN = 2_500
const SLICE_US_MAX = 100_000
/** What a batch costs beside its runs, in the addon and in JavaScript; a batch is so large that this is 1 % of it. */
const BATCH_OVERHEAD_US = 25
/** A slice whose threads waited more than this is spoilt. */
const WAITED_SHARE_MAX = 0.1
/** Less is not worth a second session of the model in each worker. */
const LATENCY_GAIN_US_MIN = 100

/** @throws PenstockError ERR_RUN_FAILED when the model refuses even one row. */
export async function calibrate(facts: CalibrationFacts, measure: Measure, clock: Clock): Promise<CalibrationOutcome> {
  const ledger = new Ledger(measure, clock, facts.budgetUs)
  const rows = await sweepRows(facts, ledger)
  const first = ledger.best(singleRun(1, facts))
  // Its runs would take the cores for minutes: one has been seen, and the others' plan is kept.
  if (isTooLong(first, facts)) return uncompared(first, facts)
  const contenders = throughputTrials(facts, rows)
  await race(contenders, ledger, (sample) => sample.rowsPerS)
  const throughput = pickThroughput(contenders, facts, ledger)
  const latency = await findLatency(throughput, facts, ledger)
  const { rowsPerS, runUs } = ledger.of(throughput) as Measured
  const batchRowsMax = batchRowsOf(throughput.rows, runUs, facts)
  const { instances, intraOpThreads, spinning } = throughput
  return {
    plan: {
      instances,
      intraOpThreads,
      spinning,
      runRowsMax: throughput.rows,
      batchRowsMax,
      alone: latency === null ? null : { intraOpThreads: latency.intraOpThreads, spinning: latency.spinning },
    },
    rowUs: ledger.of(latency ?? { ...throughput, instances: 1, rows: 1 })?.runUs ?? runUs / throughput.rows,
    batchUs: (runUs * batchRowsMax) / throughput.rows,
    rowsPerS,
    isDisturbed: ledger.isDisturbed,
  }
}

/** One run at a time, on the threads that a run has by default. */
function singleRun(rows: number, { intraOpThreads }: CalibrationFacts): Trial {
  return { instances: 1, intraOpThreads: intraOpThreads ?? 1, spinning: false, rows }
}

function isTooLong({ runUs }: Measured, { budgetUs }: CalibrationFacts): boolean {
  return runUs > budgetUs / 2
}

function uncompared({ rowsPerS, runUs }: Measured, { workers, intraOpThreads }: CalibrationFacts): CalibrationOutcome {
  const threads = { intraOpThreads: intraOpThreads ?? 1, spinning: false }
  const plan = { instances: workers, ...threads, runRowsMax: 1, batchRowsMax: 1, alone: null }
  return { plan, rowUs: runUs, batchUs: runUs, rowsPerS, isDisturbed: false }
}

/** Rows worth racing: the best of one run at a time, the fewest that come near, and the most within the objective. */
async function sweepRows(facts: CalibrationFacts, ledger: Ledger): Promise<number[]> {
  const single = (rows: number): Trial => singleRun(rows, facts)
  const tried: number[] = []
  const tryRows = async (rows: number): Promise<boolean> => {
    if (tried.length > 0 && ledger.isSpent(1 / 3)) return false
    // The better of two: one spoilt slice must not end the sweep.
    const run = (): Promise<boolean> => ledger.run(single(rows), rows === 1)
    const isIn = (await run()) && (isTooLong(ledger.best(single(rows)), facts) || (await run()))
    if (!isIn || (rows > 1 && ledger.best(single(rows)).runUs > facts.objectiveUs)) return false
    tried.push(rows)
    return true
  }
  for (let rows = 1; await tryRows(rows); rows = Math.min(rows * 4, facts.rowsMax)) if (rows >= facts.rowsMax) break
  const rate = (rows: number): number => ledger.best(single(rows)).rowsPerS
  const best = tried.reduce((a, b) => (rate(b) > rate(a) ? b : a))
  for (const rows of [best / 2, best * 2]) {
    if (rows >= 1 && rows <= facts.rowsMax && !tried.includes(rows)) await tryRows(rows)
  }
  const fastest = Math.max(...tried.map(rate))
  const near = tried.filter((rows) => rate(rows) >= fastest * (1 - FAR))
  const top = tried.filter((rows) => rate(rows) === fastest)
  return [...new Set([Math.min(...near), ...top, Math.max(...tried)])]
}

/** Every way to lay threads over the cores, with each of the rows. */
function throughputTrials(facts: CalibrationFacts, rows: readonly number[]): Trial[] {
  const { cores, workers, intraOpThreads, sessionsMax } = facts
  const trials: Trial[] = []
  let sessions = 0
  for (const threads of intraOpThreads === null ? threadCounts(cores) : [intraOpThreads]) {
    // A worker per core runs one thread each; an operator who asked for more workers gets them.
    const fitting = threads === 1 ? workers : Math.min(workers, Math.floor(cores / threads))
    const instances = Math.min(Math.max(1, fitting), sessionsMax)
    sessions += instances
    if (trials.length > 0 && sessions > sessionsMax) break
    // Threads of several runs would spin on the cores that the others need.
    for (const count of rows) trials.push({ instances, intraOpThreads: threads, spinning: false, rows: count })
  }
  return trials
}

/** 1, 2, 4 … and all cores. */
function threadCounts(cores: number): number[] {
  const counts = []
  for (let count = 1; count < cores; count *= 2) counts.push(count)
  return [...counts, cores]
}

/** Interleaved rounds, every other one backwards, until one is left or the close ones have been repeated enough. */
async function race(trials: readonly Trial[], ledger: Ledger, merit: (sample: Measured) => number): Promise<void> {
  let running = [...trials]
  for (let round = 1; round <= ROUNDS_MAX && running.length > 0; round++) {
    const failed = new Set<Trial>()
    for (const trial of round % 2 === 1 ? running : [...running].reverse()) {
      if (ledger.isSpent() && round > 1) return
      if (!(await ledger.run(trial))) failed.add(trial)
    }
    running = running.filter((trial) => !failed.has(trial))
    if (round < ROUNDS_MIN) continue
    const best = Math.max(...running.map((trial) => merit(ledger.of(trial) as Measured)))
    // By its best slice: two spoilt ones of three must not end it.
    running = running.filter((trial) => merit(ledger.best(trial)) >= best * (1 - FAR))
    if (running.length === 1) return
  }
}

function pickThroughput(trials: readonly Trial[], facts: CalibrationFacts, ledger: Ledger): Trial {
  const measured = trials.filter((trial) => ledger.of(trial) !== undefined)
  const sampleOf = (trial: Trial): Measured => ledger.of(trial) as Measured
  const within = measured.filter((trial) => trial.rows === 1 || sampleOf(trial).runUs <= facts.objectiveUs)
  // Side by side, runs take longer than in the sweep: then the fewest rows are the nearest to the objective.
  const fewest = Math.min(...measured.map(({ rows }) => rows))
  const allowed = within.length > 0 ? within : measured.filter(({ rows }) => rows === fewest)
  const best = Math.max(...allowed.map((trial) => sampleOf(trial).rowsPerS))
  const equal = allowed.filter((trial) => sampleOf(trial).rowsPerS >= best * (1 - CLOSE))
  return equal.reduce((a, b) => {
    const difference = sampleOf(b).runUs - sampleOf(a).runUs
    if (Math.abs(difference) > CLOSE * sampleOf(a).runUs) return difference < 0 ? b : a
    return threadsOf(b) < threadsOf(a) ? b : a
  })
}

const threadsOf = ({ instances, intraOpThreads }: Trial): number => instances * intraOpThreads

/** The fastest way to run one row on an idle machine, or null when the throughput setting is as good. */
async function findLatency(throughput: Trial, facts: CalibrationFacts, ledger: Ledger): Promise<Trial | null> {
  const { cores, workers, intraOpThreads, sessionsMax } = facts
  if (intraOpThreads !== null || throughput.intraOpThreads >= cores || sessionsMax < 2 * workers) return null
  const usual: Trial = { ...throughput, instances: 1, rows: 1 }
  await ledger.run(usual)
  const knownUs = ledger.of(usual)?.runUs ?? 0
  if (knownUs < 2 * LATENCY_GAIN_US_MIN) return null
  const wide = threadCounts(cores)
    .filter((threads) => threads > throughput.intraOpThreads)
    .flatMap((threads) => [false, true].map((spinning) => ({ ...usual, intraOpThreads: threads, spinning })))
  await race([usual, ...wide], ledger, (sample) => 1 / sample.runUs)
  const measured = wide.filter((trial) => ledger.of(trial) !== undefined)
  const runUs = (trial: Trial): number => (ledger.of(trial) as Measured).runUs
  const bestUs = Math.min(...measured.map(runUs))
  const usualUs = runUs(usual)
  if (!(bestUs <= usualUs * (1 - FAR)) || usualUs - bestUs < LATENCY_GAIN_US_MIN) return null
  return measured.find((trial) => runUs(trial) <= bestUs * (1 + CLOSE)) ?? null
}

/** Whole runs, enough of them that taking the batch costs 1 % of it, and no more than the objective allows. */
function batchRowsOf(runRows: number, runUs: number, facts: CalibrationFacts): number {
  const runsWanted = Math.ceil((BATCH_OVERHEAD_US * 100) / runUs)
  const runsAllowed = Math.floor(Math.min(facts.objectiveUs / runUs, facts.rowsMax / runRows))
  return runRows * Math.max(1, Math.min(runsWanted, runsAllowed))
}

/** What has been measured, and what it has cost. */
class Ledger {
  readonly #measure: Measure
  readonly #clock: Clock
  readonly #budgetUs: number
  readonly #samples = new Map<string, Sample[]>()
  #spentUs = 0

  constructor(measure: Measure, clock: Clock, budgetUs: number) {
    this.#measure = measure
    this.#clock = clock
    this.#budgetUs = budgetUs
  }

  /** False: the model refused, as with rows that it has no memory for. @param isVital then the refusal is thrown. */
  async run(trial: Trial, isVital = false): Promise<boolean> {
    const samples = this.#samplesOf(trial)
    const expectedUs = (this.of(trial)?.runUs ?? 0) * 4
    const startUs = this.#clock.monotonicUs()
    try {
      samples.push(await this.#measure(trial, Math.min(Math.max(expectedUs, SLICE_US_MIN), SLICE_US_MAX)))
      return true
    } catch (error) {
      if (isVital || !isPenstockError(error) || error.code !== 'ERR_RUN_FAILED') throw error
      return false
    } finally {
      this.#spentUs += this.#clock.monotonicUs() - startUs
    }
  }

  isSpent(share = 1): boolean {
    return this.#spentUs >= this.#budgetUs * share
  }

  /** Medians over the slices of the trial, the spoilt ones left out while there are others. */
  of(trial: Trial): Measured | undefined {
    const samples = this.#soundOf(trial)
    if (samples.length === 0) return undefined
    return { rowsPerS: median(samples.map((s) => s.rowsPerS)), runUs: median(samples.map((s) => s.runUs)) }
  }

  /** The fastest slice of the trial, which has been measured. */
  best(trial: Trial): Sample {
    return this.#soundOf(trial).reduce((a, b) => (b.rowsPerS > a.rowsPerS ? b : a))
  }

  get isDisturbed(): boolean {
    const all = [...this.#samples.values()].flat()
    return all.filter(isSpoilt).length * 2 > all.length
  }

  #soundOf(trial: Trial): readonly Sample[] {
    const samples = this.#samplesOf(trial)
    const sound = samples.filter((sample) => !isSpoilt(sample))
    return sound.length > 0 ? sound : samples
  }

  #samplesOf({ instances, intraOpThreads, spinning, rows }: Trial): Sample[] {
    const key = [instances, intraOpThreads, spinning, rows].join()
    let samples = this.#samples.get(key)
    if (samples === undefined) this.#samples.set(key, (samples = []))
    return samples
  }
}

const isSpoilt = ({ waitedShare }: Sample): boolean => waitedShare > WAITED_SHARE_MAX
