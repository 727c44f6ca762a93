/**
 * Scores of predictions against targets; higher is better, so that a drop is a loss. Losses therefore carry a minus sign,
 * as scikit-learn's `neg_mean_squared_error` and `neg_mean_absolute_error` do.
 */
import type { ExplainMetric } from './config.js'

export type ScoreMetric = Exclude<ExplainMetric, 'variance'>

/**
 * @param outputs f of each row.
 * @param targets what f should have been.
 * @param threshold of accuracy: both count as 1 above it, else as 0; undefined: they must be equal.
 */
export function score(
  metric: ScoreMetric,
  outputs: Float64Array,
  targets: Float64Array,
  threshold: number | undefined,
): number {
  switch (metric) {
    case 'mse':
      return 0 - meanOf(outputs, (output, row) => (output - (targets[row] ?? 0)) ** 2)
    case 'mae':
      return 0 - meanOf(outputs, (output, row) => Math.abs(output - (targets[row] ?? 0)))
    case 'r2':
      return 1 + score('mse', outputs, targets, undefined) / variance(targets)
    case 'accuracy':
      return meanOf(outputs, (output, row) => {
        const target = targets[row] ?? 0
        return Number(threshold === undefined ? output === target : output > threshold === target > threshold)
      })
  }
}

export function meanOf(values: Float64Array, term: (value: number, index: number) => number): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += term(values[i] ?? 0, i)
  return sum / values.length
}

/** Population variance: divides by n. */
export function variance(values: Float64Array): number {
  const mean = meanOf(values, (value) => value)
  return meanOf(values, (value) => (value - mean) ** 2)
}
