import { describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import type { InferResult } from '../../engine/api/api.js'
import { runEngineLoad } from './engine-load.js'
import type { EngineKind, EngineLoad } from './engine-messages.js'
import { LatencyHistogram } from './latency-histogram.js'
import { LiveView } from '../report/live-view.js'
import type { IntervalEvent, LoadPhase } from '../native/load-plan.js'
import { listenersIn } from '../targets/server-pid.js'
import { intervalEvent } from '../testing/recordings.js'

const y = (value: number) => ({ y: { dtype: 'float32' as const, shape: [1, 1], data: Float32Array.of(value) } })
const kind = (changes: Partial<EngineKind> = {}): EngineKind => ({
  name: 'right',
  weight: 1,
  pipeline: 'p',
  rows: 2,
  meta: null,
  bodies: [{ inputs: {}, expected: y(1) }],
  tolerance: { absolute: 0, relative: 1e-3 },
  refusalStatus: null,
  ...changes,
})

/** Answers 1 after a millisecond; `refuse` is refused with 429. */
const engine = {
  infer: async (pipeline: string): Promise<InferResult> => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (pipeline === 'refuse') throw new PenstockError('ERR_QUEUE_FULL')
    return { outputs: y(1) } as unknown as InferResult
  },
}

const closed: LoadPhase = { kind: 'closed', inFlight: 4, thinkMs: 0, seconds: 0.2, isWarmup: false }

async function run(kinds: readonly EngineKind[], phases: readonly LoadPhase[]) {
  const load: EngineLoad = { kinds, phases, connections: 2, seed: 1, intervalSeconds: 0.05 }
  const intervals: IntervalEvent[] = []
  const finished = await runEngineLoad(load, { engine, clock: systemClock }, (event) => intervals.push(event))
  return { finished, intervals }
}

describe('in-process load', () => {
  it('counts answers, wrong answers, refusals that were expected and those that were not', async () => {
    const kinds = [
      kind({ weight: 3 }),
      kind({ name: 'wrong', bodies: [{ inputs: {}, expected: y(1.01) }] }),
      kind({ name: 'refused', pipeline: 'refuse', refusalStatus: 429 }),
      kind({ name: 'not expected', pipeline: 'refuse' }),
    ]
    const { finished } = await run(kinds, [{ ...closed, isWarmup: true }, closed])
    const [right, wrong, refused, unexpected] = finished.kinds
    expect(right).toMatchObject({ failures: 0, mismatches: 0, rows: 2 * right!.requests })
    expect(right!.requests).toBeGreaterThan(wrong!.mismatches)
    expect(wrong).toMatchObject({ requests: 0, failures: 0, firstFailure: 'a wrong answer' })
    expect(refused).toMatchObject({ failures: 0, mismatches: 0 })
    expect(refused!.requests).toBeGreaterThan(0)
    expect(unexpected).toMatchObject({ requests: 0 })
    expect(unexpected!.failures).toBeGreaterThan(0)
    expect(finished.total.requests).toBe(right!.requests + refused!.requests)
    expect(right!.latencyUs.p50).toBeGreaterThan(900)
  })

  it('an open loop is asked as often as its rate says, and reports the offered rate', async () => {
    const open: LoadPhase = { kind: 'open', ratePerSecond: 400, endRatePerSecond: 400, seconds: 0.5, isWarmup: false }
    const { finished, intervals } = await run([kind()], [open])
    // 200 arrivals on average, standard deviation 14.
    expect(finished.total.requests).toBeGreaterThan(120)
    expect(finished.total.requests).toBeLessThan(280)
    expect(intervals.reduce((sum, { requests }) => sum + requests, 0)).toBe(finished.total.requests)
    expect(finished.offeredPerSecond * finished.seconds).toBeCloseTo(finished.total.requests)
  })

  it('a ramp ends faster than it begins', async () => {
    const ramp: LoadPhase = { kind: 'open', ratePerSecond: 0, endRatePerSecond: 2000, seconds: 0.6, isWarmup: false }
    const { intervals } = await run([kind()], [ramp])
    const half = intervals
      .filter(({ startSeconds }) => startSeconds < 0.3)
      .reduce((sum, { requests }) => sum + requests, 0)
    const all = intervals.reduce((sum, { requests }) => sum + requests, 0)
    // A quarter of the triangle lies in its first half.
    expect(half / all).toBeLessThan(0.45)
  })
})

describe('latency histogram', () => {
  it('quantiles are right within 3.2 %, and the ends exactly', () => {
    const histogram = new LatencyHistogram()
    for (let us = 1; us <= 100_000; us++) histogram.record(us)
    const { min, mean, p50, p99, max } = histogram.quantiles()
    expect([min, max, mean]).toEqual([1, 100_000, 50_000.5])
    expect(Math.abs(p50 / 50_000 - 1)).toBeLessThan(0.032)
    expect(Math.abs(p99 / 99_000 - 1)).toBeLessThan(0.032)
    expect(histogram.buckets().reduce((sum, [, count]) => sum + count, 0)).toBe(100_000)
  })

  it('takes what is below a microsecond and beyond a day, and is empty at first', () => {
    const histogram = new LatencyHistogram()
    expect(histogram.quantiles()).toMatchObject({ min: 0, p99: 0, max: 0 })
    for (const us of [0, 0.4, 1e12]) histogram.record(us)
    expect(histogram.quantiles()).toMatchObject({ min: 0, max: 1e12 })
  })
})

describe('live view', () => {
  it('shows progress, figures and a sparkline, cut to the width', () => {
    const view = new LiveView()
    view.begin('', 3)
    expect(view.block(80)).toEqual(['3 s of load …'])
    for (let index = 0; index < 6; index++) view.add(intervalEvent(index, { requests: 50 * (index + 1), failures: 1 }))
    const [bar, figures, spark] = view.block(200)
    expect(bar).toMatch(/^━{24} 3 s of 3 s, running$/)
    expect(figures).toBe('600 requests/s  2000 rows/s  p50 0.8 ms  p99 4 ms  6 failures')
    expect(spark).toBe('▂▃▅▆▇█')
    expect(view.block(10).every((line) => line.length <= 10)).toBe(true)
    expect(view.line()).toBe(`   3.0 s  ${figures}`)
  })
})

describe('server pid', () => {
  it('finds the listening sockets of a port in the table of the kernel', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0000000000000000 100 0 0 10 0`
    expect(listenersIn(table, 8080)).toEqual(['socket:[4711]'])
    expect(listenersIn('', 8080)).toEqual([])
  })
})
