/**
 * When things go wrong or become too much: each failure stays with the request that caused it, refusals come at once,
 * and nothing is left behind.
 */
import { describe, expect, test } from 'vitest'
import { loseWorker, newestRuntime } from '../support/engine-faults.js'
import { deploy, floats, openEngine, refusal, testModel, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

const slowInput = (rows: number) => ({
  x: { dtype: 'float32' as const, shape: [rows, 4], data: new Float32Array(rows * 4) },
})

describe('limits', () => {
  test('a poison request in a shared batch fails alone', async () => {
    const engine = await openEngine(['gather-ten'])
    await deploy(engine, 'p', [{ type: 'model', model: 'gather-ten' }])
    for (let round = 0; round < 5; round++) {
      const indexes = Array.from({ length: 40 }, (_, i) => (i === 7 || i === 31 ? 99 : i % 10))
      const settled = await Promise.allSettled(
        indexes.map((index) => engine.infer('p', { inputs: { index: [[index]] } })),
      )
      settled.forEach((outcome, i) => {
        if (indexes[i] === 99) {
          expect(outcome.status === 'rejected' && (outcome.reason as { code: string }).code).toBe('ERR_RUN_FAILED')
        } else {
          expect(outcome.status === 'fulfilled' && floats(outcome.value, 'value')).toEqual([
            indexes[i],
            (indexes[i] ?? 0) ** 2,
          ])
        }
      })
    }
    expect(engine.metrics().models[0]?.failedRunCount).toBeGreaterThan(0)
    expect(engine.metrics().pipelines[0]?.failures).toEqual({ ERR_RUN_FAILED: 10 })
    expect(engine.inFlight).toBe(0)
  })

  test('a deadline ends the wait, whether the run has begun or not', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const first = engine.infer('p', { inputs: slowInput(64) })
    const startMs = performance.now()
    const error = await refusal(engine.infer('p', { inputs: slowInput(64), deadlineMs: 5 }))
    expect(error.code).toBe('ERR_DEADLINE_EXCEEDED')
    expect(performance.now() - startMs).toBeLessThan(2000)
    await first
    await until('nothing is in flight', () => engine.inFlight === 0)
  })

  test('an aborted signal cancels what waits and refuses what comes', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const first = engine.infer('p', { inputs: slowInput(32) })
    const controller = new AbortController()
    const second = engine.infer('p', { inputs: slowInput(1), signal: controller.signal })
    setTimeout(() => controller.abort(), 5)
    expect((await refusal(second)).code).toBe('ERR_ABORTED')
    expect((await refusal(engine.infer('p', { inputs: slowInput(1), signal: controller.signal }))).code).toBe(
      'ERR_ABORTED',
    )
    await first
    await until('nothing is in flight', () => engine.inFlight === 0)
  })

  test('a full queue refuses at once, with a time to come back; what was admitted is answered', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1, pendingRowsMax: 8 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const settled = await Promise.allSettled(
      Array.from({ length: 20 }, () => engine.infer('p', { inputs: slowInput(1) })),
    )
    const refused = settled.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(12)
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: 'ERR_QUEUE_FULL', retryable: true })
      expect((reason as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0)
    }
    // An empty queue takes any request, or one larger than the limit could never run.
    expect((await engine.infer('p', { inputs: slowInput(9) })).rows).toBe(9)
  })

  test('a challenger that cannot keep up is shed and logged as null; the champion answers as if it were alone', async () => {
    const log = new TestLog()
    const engine = await openEngine(['slow', 'fixed-one'], { inferWorkers: 1, pendingRowsBackgroundMax: 2, log })
    await deploy(engine, 'p', [{ type: 'shadow', champion: 'fixed-one', challengers: ['slow'] }])
    const requests = 20
    for (let i = 0; i < requests; i++) {
      expect(floats(await engine.infer('p', { inputs: { x: [[1, 2, 3, 4]] } }), 'y')).toEqual([3, 5, 7, 9])
    }
    const records = await log.requestsWhen(engine, requests)
    const shed = records.filter((record) => record.audited['slow'] === null).length
    expect(shed).toBeGreaterThan(0)
    expect(shed).toBeLessThan(requests)
    expect(engine.metrics().pipelines[0]?.background).toEqual([
      { model: 'slow', shedRows: shed, failedRows: 0, failures: {}, lastFailure: null },
    ])
    expect(engine.metrics().pipelines[0]?.failures).toEqual({})
  })

  test('a challenger that fails is logged as null, costs the champion nothing, and a notice says why', async () => {
    const log = new TestLog()
    const notices: string[] = []
    const onNotice = ({ message }: { message: string }): number => notices.push(message)
    const engine = await openEngine(['repeat-tokens', 'gather-ten'], { log, onNotice })
    await deploy(engine, 'p', [
      { type: 'shadow', champion: 'repeat-tokens', challengers: ['gather-ten'], tensorFields: ['tokens'] },
    ])
    const settled = await Promise.all(
      [1n, 99n, 3n].map((token) => engine.infer('p', { inputs: { tokens: [[token]] } })),
    )
    settled.forEach(({ outputs }, i) => expect(outputs['twice']?.data[0]).toBe([1n, 99n, 3n][i]))
    const records = await log.requestsWhen(engine, 3)
    const byToken = new Map(records.map((record) => [record.inputs['tokens']?.data[0], record.audited['gather-ten']]))
    expect(byToken.get(99n)).toBeNull()
    expect(byToken.get(3n)?.['value']?.data).toEqual(Float32Array.of(3, 9))
    const losses = { model: 'gather-ten', shedRows: 0, failedRows: 1, failures: { ERR_RUN_FAILED: 1 } }
    expect(engine.metrics().pipelines[0]?.background).toMatchObject([losses])
    // The worker's message is on its way.
    await until('the reason is known', () => engine.pipelineStatus('p').background[0]?.lastFailure != null)
    const { background } = engine.pipelineStatus('p')
    const lastFailure = { code: 'ERR_RUN_FAILED', message: expect.stringContaining('out of') as string }
    expect(background).toMatchObject([{ ...losses, lastFailure }])
    expect(notices).toEqual([expect.stringMatching(/^gather-ten@1 failed 1 request in the background.*out of/s)])
    // A champion's failure is its caller's: nothing is said of the background.
    await deploy(engine, 'front', [{ type: 'model', model: 'gather-ten' }])
    expect((await refusal(engine.infer('front', { inputs: { index: [[99n]] } }))).code).toBe('ERR_RUN_FAILED')
    expect(engine.metrics().pipelines.find(({ pipeline }) => pipeline === 'front')?.background).toEqual([])
    expect(notices).toHaveLength(1)
  })

  test('a lost worker is replaced by one with all models; at most its batch in hand fails, retryable', async () => {
    const notices: string[] = []
    const engine = await openEngine([], { inferWorkers: 1, onNotice: ({ message }) => notices.push(message) })
    const runtime = newestRuntime()
    for (const name of ['add-one', 'times-two']) {
      await engine.addModel(name, testModel(name))
      await deploy(engine, name, [{ type: 'model', model: name }])
    }
    const inputs = { x: [[1, 2, 3]] }
    loseWorker(runtime, 0)
    const first = await engine.infer('add-one', { inputs }).catch((error: unknown) => error)
    if (first instanceof Error) expect(first).toMatchObject({ code: 'ERR_WORKER_LOST', retryable: true })
    expect(floats(await engine.infer('add-one', { inputs }), 'y')).toEqual([2, 3, 4])
    expect(floats(await engine.infer('times-two', { inputs }), 'y')).toEqual([2, 4, 6])
    expect(engine.metrics().workers).toMatchObject({ count: 1, ready: 1, restarts: 1 })
    expect(notices.join('\n')).toContain('Inference worker 0 was lost')
    // The replacement hears of models that come later.
    await engine.addModel('gather-ten', testModel('gather-ten'))
    await deploy(engine, 'gather-ten', [{ type: 'model', model: 'gather-ten' }])
    expect(floats(await engine.infer('gather-ten', { inputs: { index: [[4]] } }), 'value')).toEqual([4, 16])
    expect(engine.inFlight).toBe(0)
  })

  test('drain answers what is in flight and refuses what comes', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const first = engine.infer('p', { inputs: slowInput(16) })
    const drained = engine.drain(20_000)
    expect(engine.isReady).toBe(false)
    expect((await refusal(engine.infer('p', { inputs: slowInput(1) }))).code).toBe('ERR_DRAINING')
    expect((await refusal(engine.deployPipeline('p'))).code).toBe('ERR_DRAINING')
    await first
    expect(await drained).toBe(true)
  })

  test('drain ends at its limit; close refuses the rest', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const first = refusal(engine.infer('p', { inputs: slowInput(256) }))
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(await engine.drain(1)).toBe(false)
    await engine.close()
    expect((await first).code).toBe('ERR_CLOSED')
  })

  test('after close every call is refused, and a second close is none', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    await engine.close()
    await engine.close()
    for (const call of [
      () => engine.infer('p', { inputs: { x: [[1, 2, 3]] } }),
      () => engine.deployPipeline('p'),
      () => engine.setAlias('add-one', 'a', 1),
    ]) {
      expect((await refusal(call())).code).toBe('ERR_CLOSED')
    }
    expect(engine.inFlight).toBe(0)
    expect(engine.isReady).toBe(false)
  })

  test('nothing leaks: after a warm-up, the same traffic allocates no batch and leaves nothing in flight', async () => {
    const engine = await openEngine(['gather-ten'])
    await deploy(engine, 'p', [{ type: 'model', model: 'gather-ten' }])
    const round = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) {
        await Promise.allSettled(
          Array.from({ length: 100 }, (_, k) =>
            engine.infer('p', {
              inputs: { index: [[k === 50 ? 99 : k % 10]] },
              ...(k % 10 === 3 ? { deadlineMs: 1 } : {}),
            }),
          ),
        )
      }
      await until('nothing is in flight', () => engine.inFlight === 0)
      return engine.metrics().models[0]?.batchesAllocated ?? 0
    }
    await round()
    const warm = await round()
    expect(await round()).toBeLessThanOrEqual(warm + 1)
    expect(engine.metrics().models[0]).toMatchObject({ pendingRows: 0, pendingRowsBackground: 0 })
    expect(warm).toBeLessThan(16)
  })

  test.each([
    ['inferWorkers', 0],
    ['inferWorkers', 257],
    ['batchRowsMax', 0],
    ['maxDelayUs', -1],
    ['pendingRowsMax', 1.5],
    ['requestsInFlightMax', 0],
  ])('refuses the option %s: %d', async (name, value) => {
    expect((await refusal(openEngine([], { [name]: value }))).message).toContain(`Expected ${name}`)
  })
})
