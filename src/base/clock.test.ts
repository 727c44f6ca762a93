import { describe, expect, it } from 'vitest'
import { ManualClock, systemClock } from './clock.js'

describe('clock', () => {
  it('systemClock: reads the epoch in milliseconds and durations in microseconds', async () => {
    expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1000)
    const startUs = systemClock.monotonicUs()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const elapsedUs = systemClock.monotonicUs() - startUs
    // 20 ms in microseconds: were the unit milliseconds or nanoseconds, this would be off by a thousand.
    expect(elapsedUs).toBeGreaterThan(15_000)
    expect(elapsedUs).toBeLessThan(5_000_000)
  })

  it('ManualClock: moves only when advanced, and never back', () => {
    const clock = new ManualClock(1_700_000_000_000)
    expect([clock.nowMs(), clock.monotonicUs()]).toEqual([1_700_000_000_000, 0])
    clock.advanceMs(1.5)
    expect([clock.nowMs(), clock.monotonicUs()]).toEqual([1_700_000_000_001, 1500])
    clock.advanceMs(-5)
    expect(clock.monotonicUs()).toBe(1500)
  })
})
