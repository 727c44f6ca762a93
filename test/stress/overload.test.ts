/**
 * More work than there are workers for: refusals are fast and say when to come back, admitted work goes on, nothing is
 * run for callers who no longer wait, challengers lose before champions do, and afterwards all is as before.
 *
 * The model is `slow`: tens of milliseconds a run, so that a handful of requests a second is already too much.
 */
import { isPenstockError, PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { atRest, ServerChild, type Observation } from './testing/server-child.js'
import { HttpCaller, loop, percentile, ramp, rampRows, sleep } from './testing/load.js'

const overloadMs = 5000
const pendingRowsMax = 32

interface Outcome {
  readonly code: string
  readonly ms: number
  /** 0: none was given. */
  readonly retryAfterMs: number
}

/** One request over either transport, as an outcome; never rejects. */
async function outcomeOf(infer: () => Promise<Omit<Outcome, 'ms'>>): Promise<Outcome> {
  const startMs = performance.now()
  const outcome = await infer().catch((error: unknown) => ({
    code: isPenstockError(error) ? error.code : String(error),
    retryAfterMs: isPenstockError(error) ? (error.retryAfterMs ?? 0) : 0,
  }))
  return { ...outcome, ms: performance.now() - startMs }
}

const overSocket = (client: PenstockClient, options = {}) =>
  outcomeOf(async () => {
    await client.infer('slow', { x: ramp(1, 4, 0) }, options)
    return { code: 'ok', retryAfterMs: 0 }
  })

const overHttp = (http: HttpCaller, more = {}) =>
  outcomeOf(async () => {
    const { status, json, headers } = await http.infer('slow', rampRows(1, 4, 0), more)
    const retryAfterMs = Number(json['retry_after_ms'] ?? 0)
    if (status === 429 && !(Number(headers['retry-after']) >= 1))
      return { code: `429 without Retry-After`, retryAfterMs }
    return { code: status === 200 ? 'ok' : String(json['code']), retryAfterMs }
  })

/** Requests a second that `callers` get answered when each waits for its answer. */
async function capacityPerSecond(client: PenstockClient, callers: number, forMs: number): Promise<number> {
  const startMs = performance.now()
  const isStopped = (): boolean => performance.now() - startMs > forMs
  const turns = await Promise.all(
    Array.from({ length: callers }, () =>
      loop(isStopped, async () => {
        expect((await overSocket(client)).code).toBe('ok')
      }),
    ),
  )
  return (turns.reduce((sum, count) => sum + count, 0) * 1000) / (performance.now() - startMs)
}

const modelOf = (seen: Observation, name: string) => seen.models.find(({ model }) => model === name)

async function startSlow(engine: Readonly<Record<string, unknown>>): Promise<ServerChild> {
  return ServerChild.start({
    models: { slow: 'slow' },
    pipelines: { slow: [{ type: 'model', model: 'slow' }] },
    engine: { inferWorkers: 1, ...engine },
  })
}

describe('overload', () => {
  test('three times the capacity: fast refusals, steady goodput, recovery at once', async () => {
    const server = await startSlow({ batchRowsMax: 4, pendingRowsMax })
    const client = await PenstockClient.connect(server.url)
    const http = new HttpCaller(server.url, 256)
    const capacity = await capacityPerSecond(client, 8, 2000)
    const before = await idle(server)

    const sent: Promise<Outcome>[] = []
    let patientAnswers = 0
    const startMs = performance.now()
    const isOver = (): boolean => performance.now() - startMs > overloadMs
    // Callers that heed `retryAfterMs`: wait, then come again.
    const patient = Array.from({ length: 2 }, () =>
      loop(isOver, async () => {
        const { code, retryAfterMs } = await overSocket(client)
        if (code === 'ok') patientAnswers++
        else await sleep(retryAfterMs)
      }),
    )
    while (!isOver()) {
      // Open loop: what should have been sent by now is sent, however slow the answers are.
      const due = ((performance.now() - startMs) / 1000) * capacity * 3
      while (sent.length < due) sent.push(sent.length % 2 === 0 ? overSocket(client) : overHttp(http))
      await sleep(5)
    }
    await Promise.all(patient)
    const outcomes = await Promise.all(sent)
    const seconds = (performance.now() - startMs) / 1000
    const answered = outcomes.filter(({ code }) => code === 'ok')
    const refused = outcomes.filter(({ code }) => code === 'ERR_QUEUE_FULL')
    const refusalMs = refused.map(({ ms }) => ms)
    const goodput = (answered.length + patientAnswers) / seconds
    console.info(
      `overload: capacity ${capacity.toFixed(1)}/s, sent ${sent.length}, answered ${answered.length} + ${patientAnswers}, goodput ${goodput.toFixed(1)}/s, ` +
        `refused ${refused.length} in p50 ${percentile(refusalMs, 0.5).toFixed(1)} ms, p99 ${percentile(refusalMs, 0.99).toFixed(1)} ms, ` +
        `told to wait p50 ${percentile(
          refused.map(({ retryAfterMs }) => retryAfterMs),
          0.5,
        )} ms`,
    )
    expect(outcomes.filter((outcome) => !answered.includes(outcome) && !refused.includes(outcome))).toEqual([])
    expect(refused.length).toBeGreaterThan(sent.length / 4)
    expect(refused.every(({ retryAfterMs }) => retryAfterMs >= 1 && retryAfterMs <= 60_000)).toBe(true)
    expect(percentile(refusalMs, 0.5)).toBeLessThan(50)
    expect(goodput).toBeGreaterThan(capacity * 0.5)
    expect(patientAnswers).toBeGreaterThan(0)
    // What was admitted waited for a bounded queue: 32 rows at the measured rate, with room for a busy machine.
    expect(Math.max(...answered.map(({ ms }) => ms))).toBeLessThan((pendingRowsMax / capacity) * 1000 * 5 + 1000)

    const rest = await idle(server)
    const ran = (modelOf(rest, 'slow')?.batchRows.sum ?? 0) - (modelOf(before, 'slow')?.batchRows.sum ?? 0)
    expect(ran).toBe(answered.length + patientAnswers)
    const after = await capacityPerSecond(client, 8, 1000)
    expect(after).toBeGreaterThan(capacity * 0.3)
    await client.close()
    http.close()
    expect(await server.close()).toBe(0)
  })

  test('work whose deadline passed in the queue is not run', async () => {
    const server = await startSlow({ batchRowsMax: 1 })
    const client = await PenstockClient.connect(server.url)
    const http = new HttpCaller(server.url, 64)
    // The queue knows nothing before the first run, so all of these are admitted.
    const head = overSocket(client)
    const doomed = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        index % 2 === 0 ? overSocket(client, { deadlineMs: 60 }) : overHttp(http, { deadlineMs: 60 }),
      ),
    )
    expect((await head).code).toBe('ok')
    const answered = 1 + doomed.filter(({ code }) => code === 'ok').length
    const expired = doomed.filter(({ code }) => code === 'ERR_DEADLINE_EXCEEDED')
    expect(answered - 1 + expired.length).toBe(doomed.length)
    expect(expired.length).toBeGreaterThan(30)
    const rest = await idle(server)
    const ran = modelOf(rest, 'slow')?.batchRows.sum ?? 0
    console.info(
      `overload: of 60 requests with 60 ms, ${answered - 1} were answered, ${expired.length} expired, ${ran} rows ran`,
    )
    // One worker, one row a run: while the deadline passed, it had one request in hand, and may have taken one more.
    expect(ran).toBeLessThanOrEqual(answered + 2)
    // The client cancels by itself when its deadline passes before the server's word came.
    const { ERR_DEADLINE_EXCEEDED: late = 0, ERR_ABORTED: cancelled = 0 } = rest.pipelines[0]?.failures ?? {}
    expect(late + cancelled).toBe(expired.length)
    // An HTTP caller cannot cancel: each of those has the server's own word.
    const expiredOverHttp = doomed.filter(({ code }, index) => index % 2 === 1 && code === 'ERR_DEADLINE_EXCEEDED')
    expect(late).toBeGreaterThanOrEqual(expiredOverHttp.length)
    await client.close()
    http.close()
    expect(await server.close()).toBe(0)
  })

  test('a deadline that the queue cannot meet is refused at once, and costs no run', async () => {
    const server = await startSlow({ batchRowsMax: 1 })
    const client = await PenstockClient.connect(server.url)
    for (let warm = 0; warm < 3; warm++) expect((await overSocket(client)).code).toBe('ok')
    const queued = Array.from({ length: 20 }, () => overSocket(client))
    await sleep(20)
    const startMs = performance.now()
    const hopeless = await Promise.all(Array.from({ length: 5 }, () => overSocket(client, { deadlineMs: 40 })))
    const refusalMs = performance.now() - startMs
    expect(hopeless.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'ERR_DEADLINE_EXCEEDED'))
    const waited = await Promise.all(queued)
    expect(waited.every(({ code }) => code === 'ok')).toBe(true)
    console.info(
      `overload: refused in ${refusalMs.toFixed(1)} ms before a queue of ${Math.max(...waited.map(({ ms }) => ms)).toFixed(0)} ms`,
    )
    // Before the deadline itself: the refusal does not wait for it.
    expect(refusalMs).toBeLessThan(40)
    expect(modelOf(await idle(server), 'slow')?.batchRows.sum).toBe(23)
    await client.close()
    expect(await server.close()).toBe(0)
  })

  test('challengers that cannot keep up are shed and counted; the champion answers every request', async () => {
    const server = await ServerChild.start({
      models: { champion: 'fixed-one', slow: 'slow' },
      pipelines: {
        alone: [{ type: 'model', model: 'champion' }],
        shadowed: [{ type: 'shadow', champion: 'champion', challengers: ['slow'] }],
      },
      engine: { inferWorkers: 2, pendingRowsBackgroundMax: 16 },
      isLogged: true,
    })
    const client = await PenstockClient.connect(server.url)
    const run = async (pipeline: string): Promise<{ count: number; latencies: number[] }> => {
      const latencies: number[] = []
      const startMs = performance.now()
      await Promise.all(
        Array.from({ length: 4 }, () =>
          loop(
            () => performance.now() - startMs > 3000,
            async (index) => {
              const sentMs = performance.now()
              const { outputs } = await client.infer(pipeline, { x: ramp(1, 4, index) })
              latencies.push(performance.now() - sentMs)
              expect(outputs['y']?.data[0]).toBe(2 * index + 1)
            },
          ),
        ),
      )
      return { count: latencies.length, latencies }
    }
    const alone = await run('alone')
    const shadowed = await run('shadowed')
    await client.close()
    const rest = await atRest(server)
    const background = rest.pipelines.find(({ pipeline }) => pipeline === 'shadowed')?.background ?? []
    const describeRun = ({ count, latencies }: typeof alone): string =>
      `${count} answers, p50 ${percentile(latencies, 0.5).toFixed(2)} ms, p99 ${percentile(latencies, 0.99).toFixed(2)} ms`
    console.info(
      `overload: champion alone ${describeRun(alone)}; shadowed ${describeRun(shadowed)}; ${JSON.stringify(background)}`,
    )
    // A worker stays free of long background runs. When both took them, the champion had a fortieth of its answers.
    expect(shadowed.count).toBeGreaterThan(alone.count / 8)
    expect(percentile(shadowed.latencies, 0.5)).toBeLessThan(percentile(alone.latencies, 0.5) * 4 + 1)
    const shed = background[0]?.shedRows ?? 0
    expect(shed).toBeGreaterThan(0)
    expect(shed + (modelOf(rest, 'slow')?.batchRows.sum ?? 0)).toBe(shadowed.count)
    expect(background).toMatchObject([{ model: 'slow', shedRows: shed, failedRows: 0, failures: {} }])
    expect(rest.pipelines.every(({ failures }) => Object.keys(failures).length === 0)).toBe(true)
    expect(await server.close()).toBe(0)
  })
})

/** Rest while this test's own client stays connected. */
async function idle(server: ServerChild): Promise<Observation> {
  await expect.poll(async () => (await server.observe()).inFlight, { timeout: 20_000, interval: 20 }).toBe(0)
  return server.observe()
}
