/**
 * A histogram that JavaScript counts, in the addon's buckets (native/core/histogram.hpp), so that what the string path
 * measures adds up with what the addon has measured and is exported like it.
 *
 * Bucket i holds the units in (2^((i-1)/8), 2^(i/8)]; a unit of a duration is 2^-30 s, of rows one row.
 */

import { HISTOGRAM_POWERS, HISTOGRAM_SCHEMA, HISTOGRAM_SECOND_POWER } from '../../../bindings/generated/boundary.js'

/** Bucket i of every histogram holds the units in (2^((i-1) / 2^schema), 2^(i / 2^schema)]. */
export interface HistogramLayout {
  readonly schema: number
  /** A unit of a duration is 2^-secondPower seconds; a unit of rows is one row. */
  readonly secondPower: number
}

export interface Histogram {
  readonly count: number
  /** In nanoseconds, or rows. */
  readonly sum: number
  /** Values of 0, which no bucket holds. */
  readonly zeroCount: number
  /** Per bucket, not cumulative. */
  readonly counts: Float64Array
}

const STEPS = 2 ** HISTOGRAM_SCHEMA
/** As many as the addon's histograms have. */
export const HISTOGRAM_BUCKETS = STEPS * HISTOGRAM_POWERS + 1
const UNITS_PER_NS = 2 ** HISTOGRAM_SECOND_POWER / 1e9
/** Upper bounds of the buckets of one power of two. */
const bounds = Array.from({ length: STEPS }, (_, step) => 2 ** (step / STEPS))

export class RunHistogram {
  #zeroCount = 0
  #sum = 0
  readonly #counts = new Float64Array(HISTOGRAM_BUCKETS)

  /** @param value its own unit: rows. */
  record(value: number): void {
    this.#count(value, value)
  }

  /** @param durationUs microseconds, with fractions; a negative one, of two clocks that disagree, counts as 0. */
  recordUs(durationUs: number): void {
    const ns = Math.max(0, Math.round(durationUs * 1000))
    this.#count(Math.floor(ns * UNITS_PER_NS), ns)
  }

  /** What was counted here and natively, as one. */
  addedTo({ count, sum, zeroCount, counts }: Histogram): Histogram {
    return {
      count: count + this.#counts.reduce((all, bucket) => all + bucket, this.#zeroCount),
      sum: sum + this.#sum,
      zeroCount: zeroCount + this.#zeroCount,
      counts: this.#counts.map((bucket, index) => bucket + (counts[index] ?? 0)),
    }
  }

  #count(units: number, sum: number): void {
    this.#sum += sum
    if (units < 1) this.#zeroCount++
    else this.#counts[bucketOf(units)] = (this.#counts[bucketOf(units)] ?? 0) + 1
  }
}

/** Nothing was counted. */
export const noValues: Histogram = { count: 0, sum: 0, zeroCount: 0, counts: new Float64Array(HISTOGRAM_BUCKETS) }

/** @param units a whole number from 1; what is above the last bucket is counted there. */
function bucketOf(units: number): number {
  // Math.log2 may round up to the next power: the comparison decides.
  let power = Math.floor(Math.log2(units))
  if (2 ** power > units) power--
  const within = bounds.findIndex((bound) => units <= bound * 2 ** power)
  return Math.min(power * STEPS + (within < 0 ? STEPS : within), HISTOGRAM_BUCKETS - 1)
}
