/**
 * The engine's histograms as Prometheus has them: classic buckets (a score of `le`s) for its text formats, native ones
 * (spans of exponential buckets) for its protobuf format.
 *
 * The engine counts in the buckets of schema 3 already (native/core/histogram.hpp), so both are exact: a native bucket is
 * an engine's bucket, and an `le` is always a power of two of the exported unit, where a bucket of every schema ends.
 * Bounds are the same in all scrapes and processes, as aggregation over replicas needs.
 * Source: https://prometheus.io/docs/specs/native_histograms/
 */
import type { Histogram, HistogramLayout } from '../engine/metrics.js'

/** What a histogram's values are, and where its `le`s lie. */
export interface Unit {
  /** 2^power units of the engine are one of the exported unit. */
  readonly power: (layout: HistogramLayout) => number
  /** Divides the sum. */
  readonly sumScale: number
  /** First and last `le`, as powers of two of the exported unit. */
  readonly lePowers: readonly [number, number]
}

/** Exported in seconds, `le` from 15 µs to 64 s. */
export const seconds: Unit = { power: ({ secondPower }) => secondPower, sumScale: 1e9, lePowers: [-16, 6] }
/** `le` from 1 to 65,536. */
export const rows: Unit = { power: () => 0, sumScale: 1, lePowers: [0, 16] }

export interface ClassicBucket {
  readonly le: number
  /** Values that are not above `le`. */
  readonly cumulativeCount: number
}

/** The finite buckets; the count of all is the histogram's own. */
export function classicBuckets(histogram: Histogram, layout: HistogramLayout, unit: Unit): ClassicBucket[] {
  const steps = 2 ** layout.schema
  const [first, last] = unit.lePowers
  const buckets: ClassicBucket[] = []
  let cumulativeCount = histogram.zeroCount
  let next = 0
  for (let power = first; power <= last; power++) {
    const bucket = (power + unit.power(layout)) * steps
    for (; next <= bucket; next++) cumulativeCount += histogram.counts[next] ?? 0
    buckets.push({ le: 2 ** power, cumulativeCount })
  }
  return buckets
}

/** A run of neighbouring buckets; `offset` is the first index, or the gap since the span before. */
export interface Span {
  readonly offset: number
  readonly length: number
}

export interface NativeBuckets {
  readonly spans: readonly Span[]
  /** Per bucket in the spans: its count less the count of the one before. */
  readonly deltas: readonly number[]
}

/** Empty buckets that are cheaper to list than to begin a new span for. */
const GAP_MAX = 2

/** Bucket i of the exported schema holds the values in (2^((i-1) / 2^schema), 2^(i / 2^schema)]. */
export function nativeBuckets(histogram: Histogram, layout: HistogramLayout, unit: Unit): NativeBuckets {
  const shift = unit.power(layout) * 2 ** layout.schema
  const spans: { offset: number; length: number }[] = []
  const deltas: number[] = []
  let end = 0
  let before = 0
  for (const [bucket, count] of histogram.counts.entries()) {
    if (count === 0) continue
    const index = bucket - shift
    const span = spans.at(-1)
    const gap = index - end
    if (span !== undefined && gap <= GAP_MAX) {
      for (let empty = 0; empty < gap; empty++) {
        deltas.push(-before)
        before = 0
      }
      span.length += gap + 1
    } else {
      spans.push({ offset: gap, length: 1 })
    }
    deltas.push(count - before)
    before = count
    end = index + 1
  }
  return { spans, deltas }
}
