/**
 * Two builds side by side: the arithmetic. Trials come in pairs that lie seconds apart, A B, then B A, so that a
 * machine which slows down hurts both; a ratio is formed inside each pair and their median is taken.
 *
 * A ratio says how good this build is: this / other where more is better, other / this where less is. So 1.05 is better
 * by a twentieth, whatever the figure.
 *
 * The sign test says whether the median may be noise; it assumes nothing of how the noise is distributed: if the
 * true median ratio is m, then each pair lies above it with probability 1/2. The interval from the (k+1)th smallest to
 * the (k+1)th greatest ratio misses m with probability 2·P(Binomial(n, 1/2) <= k); k is the greatest for which that is
 * at most 5 %. Of five pairs or fewer even the whole range is no such interval. (Conover, Practical Nonparametric
 * Statistics, 3rd ed., 3.2.)
 */
import { samplesOf, type Samples } from '../rounds.js'

export type Side = 'own' | 'other'
export type Pairs<Result> = Readonly<Record<Side, readonly Result[]>>

/** What a figure of a trial is. */
export interface Figure {
  readonly row: number
  readonly name: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** False: shown for itself; the row is not held to it. */
  readonly isRequired: boolean
}

/** A figure, and where it stands in what a trial found. */
export interface FigureOf<Result> {
  readonly figure: Figure
  readonly of: (result: Result) => number
}

export interface Comparison extends Figure {
  readonly kind: 'comparison'
  /** Medians. */
  readonly own: number
  readonly other: number
  /** One ratio per pair; above 1 this build is better. */
  readonly ratio: Samples
  readonly interval: Interval
  readonly outcome: Outcome
}

export interface Interval {
  readonly low: number
  readonly high: number
  /** Probability that it holds the true median; below `confidenceMin` when there are too few pairs. */
  readonly confidence: number
}

/** `holds`: the whole interval lies at `ratioMin` or above. `below`: all of it lies below. `unclear`: `ratioMin` is inside. */
export type Outcome = 'holds' | 'unclear' | 'below'

export const ratioMin = 0.98
export const confidenceMin = 0.95

/** Measures `pairs` pairs, the order swapped every time. @returns index i of both is pair i. */
export async function measurePairs<Result>(
  pairs: number,
  measure: (side: Side, pair: number) => Promise<Result>,
): Promise<Pairs<Result>> {
  const results: Record<Side, Result[]> = { own: [], other: [] }
  for (let pair = 0; pair < pairs; pair++) {
    const order: readonly Side[] = pair % 2 === 0 ? ['own', 'other'] : ['other', 'own']
    for (const side of order) results[side].push(await measure(side, pair))
  }
  return results
}

export function compareAll<Result>(figures: readonly FigureOf<Result>[], trials: Pairs<Result>): Comparison[] {
  return figures.map(({ figure, of }) => compare(figure, { own: trials.own.map(of), other: trials.other.map(of) }))
}

/** Index i of both is pair i. */
export function compare(figure: Figure, { own, other }: Pairs<number>): Comparison {
  const ratios = own.map((value, pair) => {
    const against = other[pair] ?? Number.NaN
    return figure.better === 'more' ? value / against : against / value
  })
  const interval = medianInterval(ratios)
  return {
    kind: 'comparison',
    ...figure,
    own: samplesOf(own).median,
    other: samplesOf(other).median,
    ratio: samplesOf(ratios),
    interval,
    outcome: outcomeOf(interval),
  }
}

/** The narrowest interval between order statistics that holds the true median with `confidenceMin`; else the whole range. */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = [...values].sort((left, right) => left - right)
  const count = sorted.length
  // An unknown ratio has no interval.
  if (count === 0 || !sorted.every(Number.isFinite)) return { low: Number.NaN, high: Number.NaN, confidence: 0 }
  let cut = 0
  let confidence = confidenceOf(count, 0)
  while (2 * (cut + 1) < count && confidenceOf(count, cut + 1) >= confidenceMin) {
    cut += 1
    confidence = confidenceOf(count, cut)
  }
  return { low: sorted[cut] as number, high: sorted[count - 1 - cut] as number, confidence }
}

export function outcomeOf({ low, high, confidence }: Interval): Outcome {
  if (confidence < confidenceMin) return 'unclear'
  if (low >= ratioMin) return 'holds'
  return high < ratioMin ? 'below' : 'unclear'
}

/** The worst of what the row is held to. */
export function outcomeOfCriterion(comparisons: readonly Comparison[]): Outcome {
  const outcomes = comparisons.filter(({ isRequired }) => isRequired).map(({ outcome }) => outcome)
  return (['below', 'unclear'] as const).find((outcome) => outcomes.includes(outcome)) ?? 'holds'
}

/** 1 - 2·P(Binomial(count, 1/2) <= cut). O(cut), count <= some hundreds. */
function confidenceOf(count: number, cut: number): number {
  let term = 0.5 ** count
  let sum = term
  for (let k = 1; k <= cut; k++) {
    term *= (count - k + 1) / k
    sum += term
  }
  return Math.max(0, 1 - 2 * sum)
}
