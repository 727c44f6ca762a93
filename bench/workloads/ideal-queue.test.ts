import { describe, expect, it } from 'vitest'
import { idealQueue, idealShare } from './ideal-queue.js'

describe('the ideal queue', () => {
  it('one server: the mean is that of Pollaczek and Khinchine', () => {
    for (const share of [0.3, 0.5, 0.8]) {
      const expected = 1 + share / (2 * (1 - share))
      expect(idealQueue(1, share).mean / expected).toBeCloseTo(1, 1)
    }
  })

  it('two servers at 80 %: nobody reaches three runs at the 99th percentile', () => {
    const { p99 } = idealQueue(2, 0.8)
    expect(p99).toBeGreaterThan(4)
    expect(p99).toBeLessThan(7)
  })

  it('nothing waits when next to nothing is offered', () => {
    expect(idealQueue(2, 0.001).p99).toBe(1)
  })

  it('idealShare: the share where the p99 is what was asked for', () => {
    const share = idealShare(2, 3)
    expect(idealQueue(2, share).p99).toBeLessThanOrEqual(3)
    expect(idealQueue(2, share + 0.01).p99).toBeGreaterThan(3)
  })
})
