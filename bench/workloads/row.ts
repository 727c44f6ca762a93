/**
 * What a criterion of `bench:rows` is: targets for Penstock's speed, and the program that measures them. It gives one
 * or more results; each is compared with what it must reach, and has the baseline of the same run beside it. `row` in a
 * result is the criterion's number: results that were kept have that name.
 *
 * Findings are plain data, one line of NDJSON each, so that programs of their own (kernels, competitors) can print them
 * too.
 */
import type { Samples } from './rounds.js'

export interface Criterion {
  readonly number: number
  readonly title: string
  /** Measures. @throws Error when an answer was wrong or a server did not start: there is no figure then. */
  measure(bench: Bench): Promise<Finding[]>
}

/** Sizes and places of a run. */
export interface Bench {
  /** Trials of everything that is compared; 5 or more for figures that are published. */
  readonly rounds: number
  /** Seconds that a trial counts, and seconds before it that it does not. */
  readonly seconds: number
  readonly warmupSeconds: number
  /** Only that everything runs: two models, few configurations. */
  readonly isQuick: boolean
  /** A temporary folder, removed at the end. */
  readonly folder: string
  /** Says what is being done, on stderr. */
  say(what: string): void
}

export type Finding = CriterionResult | Skipped

export interface CriterionResult {
  readonly kind: 'verdict'
  readonly row: number
  readonly name: string
  /** The median. */
  readonly figure: number
  readonly unit: string
  /** What it is compared with, with its own figure: `fastify 16.9k/s`. */
  readonly baseline: string
  /** Whether a greater or a smaller figure is better. */
  readonly better: 'more' | 'less'
  /** null: the figure is shown for itself. */
  readonly required: number | null
  readonly aim: number | null
  /** Least and greatest of the samples. */
  readonly low: number
  readonly high: number
  readonly samples: number
}

/** Something that could not be measured here, and why. */
export interface Skipped {
  readonly kind: 'skipped'
  readonly row: number
  readonly name: string
  readonly reason: string
}

export type Outcome = 'aim' | 'yes' | 'no' | 'shown' | 'skipped'

export interface Target {
  readonly unit: string
  readonly baseline: string
  readonly better: 'more' | 'less'
  readonly required: number | null
  readonly aim?: number | null
}

export function criterionResult(row: number, name: string, samples: Samples, target: Target): CriterionResult {
  const { unit, baseline, better, required, aim = null } = target
  const { median: figure, low, high, count } = samples
  return { kind: 'verdict', row, name, figure, unit, baseline, better, required, aim, low, high, samples: count }
}

export function skipped(row: number, name: string, reason: string): Skipped {
  return { kind: 'skipped', row, name, reason }
}

/** `aim`: the aim too was reached, or there is none and the requirement was. A figure that is no number reaches nothing. */
export function outcomeOf(finding: Finding): Outcome {
  if (finding.kind === 'skipped') return 'skipped'
  const { figure, required, aim, better } = finding
  if (required === null) return 'shown'
  const reaches = (target: number) => (better === 'more' ? figure >= target : figure <= target)
  if (!reaches(required)) return 'no'
  return aim !== null && reaches(aim) ? 'aim' : 'yes'
}
