/**
 * Metrics of predictions against the truth, by scikit-learn's definitions, and of one model's predictions against
 * another's. Rows where either is missing are left out by the caller.
 */
import { argumentError } from '../base/expect.js'
import { didYouMean } from '../base/suggest.js'

/** A value as JSON has it; 64-bit integers beyond 2^53 are texts of their digits. */
export type JudgedValue = number | string | boolean

export interface Judged {
  readonly predicted: readonly JudgedValue[]
  /** As many as `predicted`. */
  readonly actual: readonly JudgedValue[]
  /** Class → its probability in each row. */
  readonly probabilities: ReadonlyMap<string, readonly number[]>
}

/** A metric as it is asked for: `f1`, or `f1(spam)` of one class. */
export interface MetricChoice {
  readonly name: MetricName
  /** null: the mean over all classes, or none is meant. */
  readonly ofClass: string | null
}

interface Metric {
  /** `classes`: values are equal or not; `numbers`: they are far apart or near. */
  readonly of: 'classes' | 'numbers'
  readonly isHigherBetter: boolean
  readonly takesClass: boolean
  /** NaN: undefined for these rows. */
  readonly compute: (judged: Judged, ofClass: string | null) => number
}

const metrics = {
  accuracy: { of: 'classes', isHigherBetter: true, takesClass: false, compute: accuracy },
  precision: { of: 'classes', isHigherBetter: true, takesClass: true, compute: byClass(precisionOf) },
  recall: { of: 'classes', isHigherBetter: true, takesClass: true, compute: byClass(recallOf) },
  f1: { of: 'classes', isHigherBetter: true, takesClass: true, compute: byClass(f1Of) },
  'roc-auc': { of: 'classes', isHigherBetter: true, takesClass: true, compute: rocAuc },
  mae: { of: 'numbers', isHigherBetter: false, takesClass: false, compute: meanAbsoluteError },
  rmse: { of: 'numbers', isHigherBetter: false, takesClass: false, compute: rootMeanSquaredError },
  'max-error': { of: 'numbers', isHigherBetter: false, takesClass: false, compute: maxError },
  r2: { of: 'numbers', isHigherBetter: true, takesClass: false, compute: rSquared },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics
export const METRIC_NAMES = Object.keys(metrics) as readonly MetricName[]

export function metricOf(name: MetricName): Metric {
  return metrics[name]
}

/** Those that are reported of every evaluation: without a class, and without probabilities. */
export function usualMetrics(of: Metric['of']): MetricChoice[] {
  return METRIC_NAMES.filter((name) => metrics[name].of === of && name !== 'roc-auc').map((name) => ({
    name,
    ofClass: null,
  }))
}

/**
 * @param text untrusted, such as `f1(spam)`.
 * @throws PenstockError ERR_ARGUMENT, with the names that there are.
 */
export function parseMetric(argument: string, text: string): MetricChoice {
  const [, name = '', ofClass] = /^([a-z0-9-]+)(?:\((.+)\))?$/.exec(text) ?? []
  if (!isMetricName(name)) {
    const near = didYouMean(name, METRIC_NAMES).replace(/^\. /, '')
    throw argumentError(argument, `one of ${METRIC_NAMES.join(', ')}`, text, near)
  }
  if (ofClass !== undefined && !metrics[name].takesClass)
    throw argumentError(argument, `${name} without a class`, text, 'It is a metric of all rows.')
  return { name, ofClass: ofClass ?? null }
}

export function metricText({ name, ofClass }: MetricChoice): string {
  return ofClass === null ? name : `${name}(${ofClass})`
}

/** @returns NaN where the rows leave it undefined, as without any. */
export function computeMetric(judged: Judged, { name, ofClass }: MetricChoice): number {
  return judged.actual.length === 0 ? NaN : metrics[name].compute(judged, ofClass)
}

/**
 * The part of rows on which two models say the same: equal values; numbers that differ by at most 1e-5 of the larger
 * one, which is what kernels of other machines differ by. null: missing, which agrees with itself.
 */
export function agreement(one: readonly (JudgedValue | null)[], other: readonly (JudgedValue | null)[]): number {
  if (one.length === 0) return NaN
  let same = 0
  one.forEach((value, row) => (same += isSame(value, other[row] ?? null) ? 1 : 0))
  return same / one.length
}

const relativeTolerance = 1e-5

function isSame(one: JudgedValue | null, other: JudgedValue | null): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return one === other
  return Math.abs(one - other) <= relativeTolerance * Math.max(Math.abs(one), Math.abs(other))
}

function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name)
}

// ── classes ─────────────────────────────────────────────────────────────────────────────────────

function accuracy({ predicted, actual }: Judged): number {
  let right = 0
  actual.forEach((value, row) => (right += String(value) === String(predicted[row]) ? 1 : 0))
  return right / actual.length
}

/** Rows by what was true of a class and what was said. */
interface Counts {
  readonly hits: number
  readonly predicted: number
  readonly actual: number
}

/** The metric of one class, or its unweighted mean over the classes that occur in either. */
function byClass(compute: (counts: Counts) => number): Metric['compute'] {
  return ({ predicted, actual }, ofClass) => {
    const counts = new Map<string, { hits: number; predicted: number; actual: number }>()
    const at = (value: JudgedValue | undefined) => {
      const key = String(value)
      const known = counts.get(key) ?? { hits: 0, predicted: 0, actual: 0 }
      counts.set(key, known)
      return known
    }
    actual.forEach((value, row) => {
      at(value).actual++
      at(predicted[row]).predicted++
      if (String(value) === String(predicted[row])) at(value).hits++
    })
    if (ofClass !== null) return compute(counts.get(ofClass) ?? { hits: 0, predicted: 0, actual: 0 })
    let sum = 0
    for (const each of counts.values()) sum += compute(each)
    return sum / counts.size
  }
}

/** 0 where nothing was said to be of the class. */
function precisionOf({ hits, predicted }: Counts): number {
  return predicted === 0 ? 0 : hits / predicted
}

function recallOf({ hits, actual }: Counts): number {
  return actual === 0 ? 0 : hits / actual
}

function f1Of({ hits, predicted, actual }: Counts): number {
  return predicted + actual === 0 ? 0 : (2 * hits) / (predicted + actual)
}

/**
 * The chance that a row of the class has a higher probability of it than one that is not; ties count half. Without a
 * class, of the only one that has probabilities, or the mean over those that have.
 */
function rocAuc({ actual, probabilities }: Judged, ofClass: string | null): number {
  const classes = ofClass === null ? [...probabilities.keys()] : [ofClass]
  let sum = 0
  for (const name of classes) {
    const scores = probabilities.get(name)
    if (scores === undefined) return NaN
    sum += areaUnderCurve(scores, actual, name)
  }
  return sum / classes.length
}

function areaUnderCurve(scores: readonly number[], actual: readonly JudgedValue[], ofClass: string): number {
  const order = scores.map((_, row) => row).sort((a, b) => (scores[a] as number) - (scores[b] as number))
  let rankSum = 0
  let positives = 0
  for (let start = 0; start < order.length;) {
    let end = start
    const score = scores[order[start] as number]
    while (end < order.length && scores[order[end] as number] === score) end++
    const meanRank = (start + 1 + end) / 2
    for (; start < end; start++) {
      if (String(actual[order[start] as number]) !== ofClass) continue
      positives++
      rankSum += meanRank
    }
  }
  const negatives = order.length - positives
  return positives === 0 || negatives === 0
    ? NaN
    : (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

// ── numbers ─────────────────────────────────────────────────────────────────────────────────────

function errorsOf({ predicted, actual }: Judged): number[] {
  return actual.map((value, row) => Number(predicted[row]) - Number(value))
}

function meanAbsoluteError(judged: Judged): number {
  return mean(errorsOf(judged).map(Math.abs))
}

function rootMeanSquaredError(judged: Judged): number {
  return Math.sqrt(mean(errorsOf(judged).map((error) => error * error)))
}

function maxError(judged: Judged): number {
  return errorsOf(judged).reduce((most, error) => Math.max(most, Math.abs(error)), 0)
}

/** 1 - residual over total sum of squares; of a constant truth 1 where all is right, else 0. Needs two rows. */
function rSquared(judged: Judged): number {
  if (judged.actual.length < 2) return NaN
  const residual = errorsOf(judged).reduce((sum, error) => sum + error * error, 0)
  const middle = mean(judged.actual.map(Number))
  const total = judged.actual.reduce<number>((sum, value) => sum + (Number(value) - middle) ** 2, 0)
  if (total > 0) return 1 - residual / total
  return residual === 0 ? 1 : 0
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
