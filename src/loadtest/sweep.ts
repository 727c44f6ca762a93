/**
 * Finds the highest rate that a server sustains within a p99 objective. Each step is an open-loop run of its own:
 * doubled from the first rate until one misses (or halved until one holds), then bisected until the two ends are within
 * five per cent. A step that misses is run once more before it counts, for one pause of the machine must not decide.
 *
 * Pure of how a step is measured: the caller passes that in, and tests pass a simulated server.
 */
import { BENCH_RATE_MAX } from '../base/limits/limits.js'
import type { FinishedEvent } from './native/load-plan.js'
import { missOf } from './recording/objective.js'
import type { Objective } from './scenario/scenario.js'

/** Where the search ends: the ratio of the lowest rate that missed to the highest that held. */
const RATIO_MIN = 1.05
const STEPS_MAX = 40
const RATE_MIN = 1

export interface SweepStep {
  /** What was asked for, requests a second. */
  readonly ratePerSecond: number
  readonly finished: FinishedEvent
  readonly isWithin: boolean
  /** Why not; '' when it is. */
  readonly reason: string
}

export interface SweepResult {
  /** In the order of the runs. */
  readonly steps: readonly SweepStep[]
  /** The step of the highest rate that held; null when none did. */
  readonly best: SweepStep | null
}

/**
 * @param measure runs one step. @param onStep hears of each as it is done.
 * @param firstRatePerSecond where to begin; half of what a closed loop reached is a good place.
 */
export async function sweep(
  measure: (ratePerSecond: number) => Promise<FinishedEvent>,
  objective: Objective,
  firstRatePerSecond: number,
  onStep: (step: SweepStep) => void,
): Promise<SweepResult> {
  const steps: SweepStep[] = []
  const runOnce = async (ratePerSecond: number): Promise<SweepStep> => {
    const finished = await measure(ratePerSecond)
    const reason = missOf(finished, ratePerSecond, objective)
    const step = { ratePerSecond, finished, isWithin: reason === '', reason }
    steps.push(step)
    onStep(step)
    return step
  }
  const run = async (ratePerSecond: number): Promise<boolean> =>
    (await runOnce(ratePerSecond)).isWithin || (await runOnce(ratePerSecond)).isWithin

  let { held, missed } = await bracket(run, clampRate(firstRatePerSecond), () => steps.length < STEPS_MAX)
  while (held !== null && missed !== null && missed / held > RATIO_MIN && steps.length < STEPS_MAX) {
    const middle = roundRate(Math.sqrt(held * missed))
    if (middle <= held || middle >= missed) break
    if (await run(middle)) held = middle
    else missed = middle
  }
  const within = steps.filter(({ isWithin }) => isWithin)
  const best = within.reduce<SweepStep | null>(
    (top, step) => (top === null || step.ratePerSecond > top.ratePerSecond ? step : top),
    null,
  )
  return { steps, best }
}

/** A rate that holds and one that misses; null where the limits of a rate were met first. */
async function bracket(
  run: (ratePerSecond: number) => Promise<boolean>,
  first: number,
  mayGoOn: () => boolean,
): Promise<{ held: number | null; missed: number | null }> {
  let rate = first
  if (await run(rate)) {
    let held = rate
    while (rate < BENCH_RATE_MAX && mayGoOn()) {
      rate = clampRate(rate * 2)
      if (!(await run(rate))) return { held, missed: rate }
      held = rate
    }
    return { held, missed: null }
  }
  let missed = rate
  while (rate > RATE_MIN && mayGoOn()) {
    rate = clampRate(rate / 2)
    if (await run(rate)) return { held: rate, missed }
    missed = rate
  }
  return { held: null, missed }
}

function clampRate(rate: number): number {
  return roundRate(Math.min(BENCH_RATE_MAX, Math.max(RATE_MIN, rate)))
}

/** Three digits: more only pretend. */
function roundRate(rate: number): number {
  return Number(rate.toPrecision(3))
}
