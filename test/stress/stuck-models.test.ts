/**
 * Two models that do not end, each asked twice by callers who soon leave, beside a quick one: the quick one's callers feel
 * next to nothing, the server stays ready, and the runs are ended when their callers have gone. The models are quick on small
 * numbers, so nothing warns of them.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { longModel } from '../support/long-models.js'
import { HttpCaller, percentile, sleep } from './testing/load.js'
import { ServerChild } from './testing/server-child.js'

/** Longer than the test, however much faster the machine is than when it was measured; the server is killed with them. */
const STUCK_MS = 90_000
const BEFORE_MS = 6_000
const DURING_MS = 12_000
const PERIOD_MS = 8
/** Enough that a worker is found for the second model; what is gone by then is not run. */
const DEADLINE_MS = 1_500
const TRIAL_TURNS = 2_000
/**
 * A p99 below this is no queue: until a look finds the stuck runs and they yield, both cores are busy at the priority of
 * all others, and a request waits for the kernel to give one to the I/O thread, to the worker, and to the I/O thread again.
 * Measured on two quiet cores: 4 to 8 ms before, 6 to 8 ms then, and 10 to 23 ms where no thread may yield for a time; a
 * request behind a stuck run waits for seconds.
 */
const FLOOR_MS = 25

interface Latencies {
  readonly ms: readonly number[]
  /** Answers other than 200. */
  readonly failed: number
}

/** How the quick model's callers were starved, or '': what the test claims, and what its canary must break. */
function starvationOf(before: Latencies, during: Latencies): string {
  if (during.failed > 0) return `${during.failed} requests failed`
  const limitMs = Math.max(3 * percentile(before.ms, 0.99), FLOOR_MS)
  const p99 = percentile(during.ms, 0.99)
  return p99 <= limitMs ? '' : `p99 ${p99.toFixed(1)} ms, at most ${limitMs.toFixed(1)} ms expected`
}

/** Open loop: a request each PERIOD_MS, however slow the answers are. */
async function quickFor(http: HttpCaller, forMs: number): Promise<Latencies> {
  const startMs = performance.now()
  const sent: Promise<{ status: number; ms: number }>[] = []
  while (performance.now() - startMs < forMs) {
    const due = (performance.now() - startMs) / PERIOD_MS
    while (sent.length < due) sent.push(http.infer('quick', [[1, 2, 3]]))
    await sleep(2)
  }
  const answers = await Promise.all(sent)
  return { ms: answers.map(({ ms }) => ms), failed: answers.filter(({ status }) => status !== 200).length }
}

async function start(engine: Readonly<Record<string, unknown>>): Promise<{ server: ServerChild; http: HttpCaller }> {
  const server = await ServerChild.start({
    models: { quick: 'add-one' },
    pipelines: { quick: [{ type: 'model', model: 'quick' }] },
    engine,
  })
  const http = new HttpCaller(server.url, 256)
  onTestFinished(() => http.close())
  return { server, http }
}

async function deployLong(http: HttpCaller, name: string): Promise<void> {
  expect((await http.call('PUT', `/v1/models/${name}/versions`, longModel())).status).toBeLessThan(300)
  const steps = [{ type: 'model', model: name }]
  expect((await http.call('PUT', `/v1/pipelines/${name}?deploy=true`, { steps })).status).toBeLessThan(300)
}

async function turnsFor(http: HttpCaller, name: string, ms: number): Promise<number> {
  const trials: number[] = []
  for (let trial = 0; trial < 3; trial++) trials.push((await http.infer(name, [[TRIAL_TURNS]])).ms)
  return Math.ceil((TRIAL_TURNS * ms) / Math.min(...trials))
}

describe('stuck models', () => {
  test('two of them change nothing for the callers of another', async () => {
    const { server, http } = await start({ inferWorkers: 2 })
    await deployLong(http, 'stuck-a')
    await deployLong(http, 'stuck-b')
    const turns = await turnsFor(http, 'stuck-a', STUCK_MS)
    await quickFor(http, 1_000)
    const before = await quickFor(http, BEFORE_MS)

    const left = ['stuck-a', 'stuck-b', 'stuck-a', 'stuck-b'].map((name) =>
      http.infer(name, [[turns]], { deadlineMs: DEADLINE_MS }),
    )
    const ready: number[] = []
    const isWatched = (async () => {
      for (let look = 0; look < 10; look++) {
        ready.push((await http.call('GET', '/healthz/ready')).status)
        await sleep(DURING_MS / 10)
      }
    })()
    const during = await quickFor(http, DURING_MS)
    await isWatched
    const callers = await Promise.all(left)
    const undeployed = await http.call('POST', '/v1/pipelines/stuck-a/undeploy')
    const status = await http.call('GET', '/v1/pipelines/stuck-b/status')
    const { workers, notices } = await server.observe()
    const longestMs = Math.max(...during.ms)
    console.info(
      `stuck models: quick p50 ${percentile(before.ms, 0.5).toFixed(2)} → ${percentile(during.ms, 0.5).toFixed(2)} ms, ` +
        `p99 ${percentile(before.ms, 0.99).toFixed(2)} → ${percentile(during.ms, 0.99).toFixed(2)} ms, longest ${longestMs.toFixed(0)} ms; ` +
        `stuck ${workers.stuck}, ended ${workers.stoppedRuns}, extra ${workers.extra}; callers let go after ${Math.max(...callers.map(({ ms }) => ms)).toFixed(0)} ms, ` +
        `undeployed in ${undeployed.ms.toFixed(0)} ms`,
    )
    expect(starvationOf(before, during)).toBe('')
    expect(new Set(ready)).toEqual(new Set([200]))
    expect(workers.stuck).toBe(0)
    expect(workers.stoppedRuns).toBeGreaterThanOrEqual(2)
    expect(workers.restarts).toBe(0)
    expect(notices.some((notice) => notice.includes('nobody waits for it any more'))).toBe(true)
    expect(callers.map(({ status: code }) => code)).toEqual([504, 504, 504, 504])
    expect(Math.max(...callers.map(({ ms }) => ms))).toBeLessThan(DEADLINE_MS + 1_000)
    expect(undeployed.status).toBe(200)
    expect(undeployed.ms).toBeLessThan(1_000)
    expect(JSON.stringify(status.json['models'])).not.toMatch(/"stuck_runs":[1-9]/)
  })

  test('canary: without substitutes, on one worker, starvation is found', async () => {
    const { http } = await start({ inferWorkers: 1, substituteWorkers: 0 })
    await deployLong(http, 'stuck-a')
    const turns = await turnsFor(http, 'stuck-a', 4_000)
    const before = await quickFor(http, 2_000)
    expect(starvationOf(before, before)).toBe('')
    const left = http.infer('stuck-a', [[turns]], { deadlineMs: 500 })
    const during = await quickFor(http, 3_000)
    expect(starvationOf(before, during)).toMatch(/^p99 /)
    await left
  })
})
