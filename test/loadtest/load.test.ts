/**
 * The load generator against servers that behave, misbehave and are not there. Figures are compared with what the plan
 * asks for, with room for a busy machine; the canaries are a server that stalls and one that lies: a generator that
 * misses either would make every other figure worthless.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { IntervalEvent } from '../../src/loadtest/native/load-plan.js'
import { planText, runLoad } from '../../src/loadtest/native/load-process.js'
import { closed, doubling, open, planOf, startTarget, type Behaviour, type Target } from '../support/load-target.js'

let folder: string
const targets: Target[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-load-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const target of targets.splice(0)) await target.close()
})

async function target(behaviour: Behaviour = {}): Promise<Target> {
  const started = await startTarget(behaviour)
  targets.push(started)
  return started
}

describe.skipIf(process.platform !== 'linux')('load: transports', () => {
  for (const transport of ['http-json', 'oip-json', 'oip-binary'] as const) {
    for (const behaviour of [{}, { isChunked: true }, { closes: true }, { isChunked: true, closes: true }]) {
      it(`${transport}: takes the answers of a server with ${JSON.stringify(behaviour)}`, async () => {
        const { port } = await target(behaviour)
        const kind = await doubling(folder, transport)
        const { total, messages } = await runLoad(planOf(transport, port, [kind], [closed(0.1)]))
        expect(total).toMatchObject({ failures: 0, mismatches: 0, firstFailure: '' })
        expect(total.requests).toBeGreaterThan(5)
        expect(total.rows).toBe(2 * total.requests)
        expect(messages).toBeGreaterThanOrEqual(total.requests)
      })
    }

    it(`${transport}: counts every answer of a server that lies by 0.1 % as wrong`, async () => {
      const { port } = await target({ factor: 2.002 })
      const kind = await doubling(folder, transport)
      const { total } = await runLoad(planOf(transport, port, [kind], [closed(0.1)]))
      // Each body has a zero at most, which no factor changes, and five numbers that it does.
      expect(total).toMatchObject({ requests: 0, failures: 0, firstFailure: 'a wrong answer' })
      expect(total.mismatches).toBeGreaterThan(5)
    })
  }
})

describe.skipIf(process.platform !== 'linux')('load: open loops', () => {
  const quietMs = 100
  const stall = { afterMs: 400, forMs: 200 }

  it('a stall of 200 ms shows in the p99 of an open loop (and not in that of a closed one)', async () => {
    const kind = await doubling(folder, 'http-json')
    const stalling = await target({ stall })
    const opened = await runLoad(planOf('http-json', stalling.port, [kind], [open(1.5, 400)]))
    // 80 of 600 requests were due while nothing was answered.
    expect(opened.total.latencyUs.p95).toBeGreaterThan(quietMs * 1000)
    expect(opened.total.latencyUs.p99).toBeGreaterThan(150_000)
    const again = await target({ stall })
    const loop = await runLoad(planOf('http-json', again.port, [kind], [closed(1.5)]))
    expect(loop.total.latencyUs.max).toBeGreaterThan(150_000)
    expect(loop.total.latencyUs.p95).toBeLessThan(quietMs * 1000)
  })

  it('offers the rate that it was given, and answers all that was due', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const { total, offeredPerSecond, seconds } = await runLoad(planOf('http-json', port, [kind], [open(1, 500)]))
    expect(Math.abs(offeredPerSecond - 500)).toBeLessThan(5 * Math.sqrt(500))
    expect(total).toMatchObject({ requests: Math.round(offeredPerSecond), failures: 0, mismatches: 0 })
    expect(seconds).toBeGreaterThanOrEqual(1)
  })

  it('a ramp offers more in each interval, and the same seed the same arrivals', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const offered = async (seed: number) => {
      const intervals: IntervalEvent[] = []
      const plan = planOf('http-json', port, [kind], [open(0.6, 0, 1500)], { seed, intervalSeconds: 0.15 })
      await runLoad(plan, (event) => intervals.push(event))
      return intervals.map(({ offeredPerSecond }) => offeredPerSecond)
    }
    const [first, again, other] = [await offered(1), await offered(1), await offered(2)]
    expect(first).toHaveLength(4)
    expect(first).toEqual([...first].sort((left, right) => left - right))
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  it('what exceeds the backlog fails with a sentence, and the rate that was served is reported', async () => {
    const { port } = await target({ delayMs: 10 })
    const kind = await doubling(folder, 'http-json')
    const plan = planOf('http-json', port, [kind], [open(0.5, 4000)], { backlogMax: 50 })
    const { total, seconds, offeredPerSecond } = await runLoad(plan)
    expect(total.failures).toBeGreaterThan(500)
    expect(total.firstFailure).toMatch(/the backlog of 50 requests is full/)
    expect(total.requests + total.failures).toBe(Math.round(offeredPerSecond * 0.5))
    // Four connections, 10 ms each.
    expect(total.requests / seconds).toBeLessThan(420)
  })
})

describe.skipIf(process.platform !== 'linux')('load: closed loops and mixes', () => {
  it('users think: no more requests than thoughts', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const { total } = await runLoad(planOf('http-json', port, [kind], [closed(1, 1, 50)], { connections: 10 }))
    expect(total.requests).toBeLessThanOrEqual(210)
    expect(total.requests).toBeGreaterThan(100)
  })

  it('mixes by weight, takes expected refusals for successes and reports by kind', async () => {
    const server = await target({ statusOf: { '/bad': 422 } })
    const good = await doubling(folder, 'http-json', { name: 'good', weight: 3 })
    const bad = await doubling(folder, 'http-json', {
      name: 'bad',
      path: '/bad',
      rows: 1,
      expect: { kind: 'refusal', status: 422 },
    })
    const { total, kinds } = await runLoad(planOf('http-json', server.port, [good, bad], [closed(0.5)]))
    expect(kinds.map(({ name }) => name)).toEqual(['good', 'bad'])
    expect(total.failures + total.mismatches).toBe(0)
    const [requests = 0, refusals = 0] = kinds.map((kind) => kind.requests)
    expect(Math.abs(refusals / total.requests - 0.25)).toBeLessThan(5 * Math.sqrt(0.1875 / total.requests))
    expect(total.rows).toBe(2 * requests + refusals)
    const counted = total.histogram.reduce((sum, [, count]) => sum + count, 0)
    expect(counted).toBe(total.requests)
  })

  it('an answer where a refusal is expected is a failure, and so is another refusal', async () => {
    const expectRefusal = { expect: { kind: 'refusal', status: 422 } } as const
    const kind = await doubling(folder, 'http-json', expectRefusal)
    for (const status of [200, 400]) {
      const { port } = await target({ status })
      const { total } = await runLoad(planOf('http-json', port, [kind], [closed(0.1)]))
      expect(total.requests).toBe(0)
      expect(total.failures).toBeGreaterThan(0)
      expect(total.firstFailure).toMatch(new RegExp(`^status ${status} instead of 422`))
    }
  })

  it('phases follow each other; warm-ups are reported as such and do not count', async () => {
    const server = await target()
    const kind = await doubling(folder, 'http-json')
    const intervals: IntervalEvent[] = []
    const phases = [{ ...closed(0.5), isWarmup: true }, open(0.25, 200), closed(0.25, 1, 10)]
    const { total, seconds } = await runLoad(planOf('http-json', server.port, [kind], phases), (event) => {
      intervals.push(event)
    })
    expect(intervals.map(({ isWarmup }) => isWarmup)).toEqual([true, true, false, false])
    expect(intervals.map(({ offeredPerSecond }) => offeredPerSecond > 0)).toEqual([false, false, true, false])
    expect(seconds).toBeCloseTo(0.5, 1)
    expect(total.requests).toBeLessThan(intervals.reduce((sum, { requests }) => sum + requests, 0))
  })

  it('several threads share the connections and the rate', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const plan = planOf('http-json', port, [kind], [open(0.5, 400)], { threads: 3, connections: 7 })
    const { total, offeredPerSecond } = await runLoad(plan)
    expect(Math.abs(offeredPerSecond - 400)).toBeLessThan(5 * Math.sqrt(800))
    expect(total).toMatchObject({ requests: Math.round(offeredPerSecond * 0.5), failures: 0 })
  })

  it('reports CPU time and memory of the server, its children included, and of itself', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const plan = planOf('http-json', port, [kind], [closed(0.5)])
    const finished = await runLoad({ ...plan, target: { ...plan.target, serverPid: process.pid } })
    expect(finished.serverCpuSeconds).toBeGreaterThan(0)
    expect(finished.serverRssBytesMax).toBeGreaterThan(20_000_000)
    expect(finished.generatorCpuSeconds).toBeGreaterThan(0)
    const unknown = await runLoad(planOf('http-json', port, [kind], [closed(0.1)]))
    expect(unknown).toMatchObject({ serverCpuSeconds: -1, serverRssBytesMax: -1 })
  })
})

describe.skipIf(process.platform !== 'linux')('load: trouble', () => {
  it('connections that are cut fail their request, and are opened again', async () => {
    const server = await target({ cutsEach: 10 })
    const kind = await doubling(folder, 'http-json')
    const { total } = await runLoad(planOf('http-json', server.port, [kind], [closed(0.5)]))
    expect(total.failures).toBeGreaterThan(2)
    expect(total.requests).toBeGreaterThan(5 * total.failures)
    expect(total.firstFailure).toMatch(/the server closed a connection/)
    expect(server.connections()).toBeGreaterThanOrEqual(total.failures)
  })

  it(
    'a server that never answers leaves failures, not a program that waits for ever',
    { timeout: 15_000 },
    async () => {
      const { port } = await target({ delayMs: 60_000 })
      const kind = await doubling(folder, 'http-json')
      const { total } = await runLoad(planOf('http-json', port, [kind], [closed(0.1)], { drainSeconds: 0.2 }))
      expect(total).toMatchObject({ requests: 0, failures: 4, firstFailure: 'unanswered at the end' })
    },
  )

  it('says why when the server is not there, when it speaks no HTTP and when a file is missing', async () => {
    const kind = await doubling(folder, 'http-json')
    const gone = await startTarget()
    await gone.close()
    await expect(runLoad(planOf('http-json', gone.port, [kind], [closed(0.1)]))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      message: expect.stringMatching(/^Cannot connect to 127\.0\.0\.1:\d+: Connection refused$/),
    })
    const { port } = await target()
    const missing = { ...kind, bodiesPath: join(folder, 'missing.bin') }
    await expect(runLoad(planOf('http-json', port, [missing], [closed(0.1)]))).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringMatching(/^Cannot read the bodies file .*missing\.bin: No such file/),
    })
    await expect(runLoad(planOf('http-json', port, [kind], [closed(-1)]))).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'Expected seconds of the load plan to be a number from 0 to 86400.000000 but received -1',
    })
  })

  it('ends early when it is stopped', async () => {
    const { port } = await target()
    const kind = await doubling(folder, 'http-json')
    const abort = new AbortController()
    const running = runLoad(planOf('http-json', port, [kind], [closed(60)]), () => abort.abort(), abort.signal)
    await expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('a line break in a header cannot add a line to the plan', async () => {
    const kind = await doubling(folder, 'http-json')
    const plan = planOf('http-json', 1, [kind], [closed(1)])
    const headers = { authorization: 'Bearer a\nport 2' }
    expect(() => planText({ ...plan, target: { ...plan.target, headers } })).toThrow(/one line each/)
  })
})
