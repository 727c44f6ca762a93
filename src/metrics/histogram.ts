/**
 * Native log-linear histograms (hundreds of buckets, 12.5 % wide) as Prometheus ones (a score of `le`s).
 *
 * An `le` is always the upper bound of a native bucket, never a rounder number near it: cumulative counts are exact then,
 * and a quantile computed from them is off by the width of a bucket and nothing else. Bounds are the same in all
 * scrapes and processes, as aggregation over replicas needs.
 */

/** Counts per native bucket. */
export interface NativeHistogram {
  readonly count: number
  /** In the native unit. */
  readonly sum: number
  readonly counts: Float64Array
}

export interface HistogramValue {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** Where the `le`s shall be, in microseconds: 1-2.5-5 from 50 µs to a minute. */
export const durationTargetsUs: readonly number[] = [
  50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 3e7, 6e7,
]
/** Rows of a batch: powers of two. */
export const rowTargets: readonly number[] = Array.from({ length: 17 }, (_, power) => 2 ** power)

/**
 * Finds, for each target, the last native bucket that ends at or before it.
 * @param bounds upper bounds of the native buckets, ascending, inclusive.
 * @returns indices into `bounds`, ascending, without repeats; targets below the first bound are left out.
 */
export function bucketsOf(bounds: Float64Array, targets: readonly number[]): number[] {
  const indices = targets.map((target) => {
    const above = bounds.findIndex((bound) => bound > target)
    return (above < 0 ? bounds.length : above) - 1
  })
  return [...new Set(indices)].filter((index) => index >= 0)
}

/**
 * The series of one histogram.
 * @param scale divides native values: 1e6 for microseconds to seconds.
 */
export function histogramValues(
  name: string,
  labels: Readonly<Record<string, string | number>>,
  histogram: NativeHistogram,
  bounds: Float64Array,
  buckets: readonly number[],
  scale: number,
): HistogramValue[] {
  const values: HistogramValue[] = []
  let cumulative = 0
  let next = 0
  for (const bucket of buckets) {
    for (; next <= bucket; next++) cumulative += histogram.counts[next] ?? 0
    values.push({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: (bounds[bucket] ?? 0) / scale },
      value: cumulative,
    })
  }
  // Counters are read one by one while they move: what was counted in between belongs above the last bound.
  const count = Math.max(histogram.count, cumulative)
  values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count })
  values.push({ metricName: `${name}_sum`, labels, value: histogram.sum / scale })
  values.push({ metricName: `${name}_count`, labels, value: count })
  return values
}
