import { describe, expect, it } from 'vitest'
import type { FinishedEvent } from './native/load-plan.js'
import type { Objective } from './scenario/scenario.js'
import { missOf } from './recording/objective.js'
import { sweep, type SweepStep } from './sweep.js'
import { finishedEvent, kindReport } from './testing/recordings.js'

const objective: Objective = { p99Ms: 5, failureShareMax: 0.001 }

/** An M/M/1 queue: its p99 runs away as the rate comes near the capacity; beyond it the server serves what it can. */
function simulated(capacityPerSecond: number, rate: number): FinishedEvent {
  const isOver = rate >= capacityPerSecond
  const p99 = isOver ? 1e6 : (Math.log(100) / (capacityPerSecond - rate)) * 1e6
  const served = Math.min(rate, capacityPerSecond)
  const latencyUs = { min: 1, mean: p99 / 4.6, p50: p99 / 6.6, p95: p99 / 1.5, p99, p999: p99 * 1.5, max: p99 * 2 }
  return finishedEvent({ total: kindReport({ requests: Math.round(served * 2), latencyUs }) })
}

/** The rate at which the simulated server's p99 is just the objective. */
const answer = (capacity: number) => capacity - (Math.log(100) / objective.p99Ms) * 1000

async function run(capacity: number, first: number, measure = (rate: number) => simulated(capacity, rate)) {
  const heard: SweepStep[] = []
  const result = await sweep(
    (rate) => Promise.resolve(measure(rate)),
    objective,
    first,
    (step) => heard.push(step),
  )
  expect(heard).toEqual(result.steps)
  return result
}

describe('sweep', () => {
  it.each([
    [5_000, 1_000],
    [5_000, 4_000],
    [20_000, 100_000],
    [1_500_000, 1_000],
  ])('finds the capacity of %i/s within 5 %%, from %i/s', async (capacity, first) => {
    const { best, steps } = await run(capacity, first)
    const rate = best?.ratePerSecond ?? 0
    expect(rate).toBeLessThanOrEqual(answer(capacity))
    expect(rate).toBeGreaterThan(answer(capacity) / 1.06)
    expect(steps.length).toBeLessThan(40)
  })

  it('forgives one pause of the machine: a step that misses is run again', async () => {
    let count = 0
    const { best } = await run(10_000, 4_000, (rate) => simulated(count++ === 1 ? 1 : 10_000, rate))
    expect(best?.ratePerSecond).toBeGreaterThan(8_000)
  })

  it('ends with nothing when even one request a second misses', async () => {
    const { best, steps } = await run(0.5, 8)
    expect(best).toBeNull()
    expect(steps.at(-1)?.ratePerSecond).toBe(1)
  })

  it('ends at the highest rate there is when nothing misses', async () => {
    const { best } = await run(1e12, 1e6)
    expect(best?.ratePerSecond).toBe(10_000_000)
  })

  it('a step misses by its p99, by failures, by wrong answers, and by requests that were not served', () => {
    const total = kindReport({ requests: 10_000, latencyUs: { ...kindReport().latencyUs, p99: 1000 } })
    const miss = (changes: object, rate: number | null = null) =>
      missOf(finishedEvent({ seconds: 1, total: { ...total, ...changes } }), rate, objective)
    expect(miss({})).toBe('')
    expect(miss({ latencyUs: { ...total.latencyUs, p99: 5_100 } })).toBe('p99 is 5.10 ms')
    expect(miss({ failures: 9 })).toBe('')
    expect(miss({ failures: 9, mismatches: 9 })).toBe('0.18 % of the requests failed')
    expect(miss({ requests: 0 })).toBe('nothing was answered')
    expect(miss({}, 10_100)).toBe('')
    expect(miss({}, 11_000)).toBe('only 10000 a second were served')
  })

  it('few requests are allowed to be fewer by chance', () => {
    const total = kindReport({ requests: 90, latencyUs: { ...kindReport().latencyUs, p99: 1000 } })
    expect(missOf(finishedEvent({ seconds: 1, total }), 100, objective)).toBe('')
  })
})
