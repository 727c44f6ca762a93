import { describe, expect, it } from 'vitest'
import { LONG_RUN_MS, RUN_LIMIT_MS_MIN, TRUSTED_RUNS } from '../../base/limits/run-limits.js'
import { RunTimes } from './run-times.js'

describe('RunTimes', () => {
  it('run times: a model may be long until enough of its runs were short', () => {
    const times = new RunTimes()
    expect(times.mayBeLong(1)).toBe(true)
    for (let run = 1; run < TRUSTED_RUNS; run++) times.note(1, 1000)
    expect(times.mayBeLong(1)).toBe(true)
    times.note(1, 1000)
    expect([times.mayBeLong(1), times.expectedUs(1)]).toEqual([false, 1000])
    for (let run = 0; run < 20; run++) times.note(1, 2 * LONG_RUN_MS * 1000)
    expect(times.mayBeLong(1)).toBe(true)
  })

  it('run times: one run beyond the limit counts as one at the limit', () => {
    const times = new RunTimes()
    times.note(1, 1000)
    times.note(1, 3600e6)
    expect(times.expectedUs(1)).toBeCloseTo(1000 + 0.2 * (RUN_LIMIT_MS_MIN * 1000 - 1000))
  })

  it('run times: nothing is known of a model that was forgotten', () => {
    const times = new RunTimes()
    for (let run = 0; run < TRUSTED_RUNS; run++) times.note(1, 1000)
    times.forget(1)
    expect([times.expectedUs(1), times.mayBeLong(1)]).toEqual([0, true])
  })
})
