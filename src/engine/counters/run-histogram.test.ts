/** The buckets are checked against their definition, at every bound and beside it. */
import { describe, expect, it } from 'vitest'
import { HISTOGRAM_BUCKETS, noValues, RunHistogram } from './run-histogram.js'

const bucketsOf = (histogram: RunHistogram): number[] =>
  [...histogram.addedTo(noValues).counts.entries()].filter(([, count]) => count > 0).map(([bucket]) => bucket)

describe('plain histogram', () => {
  it('puts every value into the bucket whose bounds hold it', () => {
    for (let power = 0; power < 42; power++) {
      for (let step = 0; step < 8; step++) {
        const bound = 2 ** (power + step / 8)
        for (const units of [Math.floor(bound), Math.floor(bound) + 1]) {
          const histogram = new RunHistogram()
          histogram.record(units)
          const [bucket = -1] = bucketsOf(histogram)
          expect(units).toBeLessThanOrEqual(2 ** (bucket / 8))
          if (bucket > 0) expect(units).toBeGreaterThan(2 ** ((bucket - 1) / 8))
        }
      }
    }
  })

  it('counts durations in 2^-30 s and keeps their sum in nanoseconds', () => {
    const histogram = new RunHistogram()
    histogram.recordUs(2 ** -10 * 1e6)
    histogram.recordUs(0)
    histogram.recordUs(-5)
    const { count, sum, zeroCount } = histogram.addedTo(noValues)
    expect({ count, sum, zeroCount }).toEqual({ count: 3, sum: 976_563, zeroCount: 2 })
    expect(bucketsOf(histogram)).toEqual([160])
  })

  it('counts what is too long in the last bucket, and adds what was counted elsewhere', () => {
    const histogram = new RunHistogram()
    histogram.recordUs(1e12)
    expect(bucketsOf(histogram)).toEqual([HISTOGRAM_BUCKETS - 1])
    const twice = histogram.addedTo(histogram.addedTo(noValues))
    expect([twice.count, twice.sum, twice.counts.at(-1)]).toEqual([2, 2e15, 2])
  })
})
