/**
 * Runs that do not end by themselves are ended: where nobody waits for them any more, or where the operator says how long a run may
 * take. The worker that was inside lives, and serves on.
 */
import type { Engine, EngineOptions } from 'penstock'
import { describe, expect, it } from 'vitest'
import { floats, openEngine, refusal, until } from '../support/engine-harness.js'
import { deployLong, longInputs } from '../support/long-models.js'

const TEST_MS = 60_000
/** Far longer than the tests, on any machine. */
const ENDLESS_TURNS = 1e8

async function openLong(options: EngineOptions, notices: string[] = []): Promise<Engine> {
  const engine = await openEngine([], {
    inferWorkers: 1,
    substituteWorkers: 0,
    onNotice: ({ message }) => notices.push(message),
    ...options,
  })
  await deployLong(engine, 'long')
  return engine
}

describe('engine: a run that is ended', { timeout: TEST_MS }, () => {
  it('because its callers are gone frees its worker, which serves on', async () => {
    const notices: string[] = []
    const engine = await openLong({}, notices)
    const late = refusal(engine.infer('long', { ...longInputs(ENDLESS_TURNS), deadlineMs: 300 }))
    expect(await late).toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    expect(floats(await engine.infer('long', longInputs(3)), 'y')).toEqual([3])
    const { stoppedRuns, restarts, ready, extra } = engine.metrics().workers
    expect({ stoppedRuns, restarts, ready, extra }).toEqual({ stoppedRuns: 1, restarts: 0, ready: 1, extra: 0 })
    expect(notices.join('\n')).toMatch(/The run of model long@1 in worker 0 is ended after .+ nobody waits for it/)
  })

  it('because they cancelled frees its worker as well', async () => {
    const engine = await openLong({})
    const stop = new AbortController()
    const cancelled = refusal(engine.infer('long', { ...longInputs(ENDLESS_TURNS), signal: stop.signal }))
    setTimeout(() => stop.abort(), 300)
    expect(await cancelled).toMatchObject({ code: 'ERR_ABORTED' })
    expect(floats(await engine.infer('long', longInputs(2)), 'y')).toEqual([2])
    expect(engine.metrics().workers.stoppedRuns).toBe(1)
  })

  it('because it took longer than a run may fails its request with ERR_RUN_FAILED', async () => {
    const engine = await openLong({ runStopMs: 400 })
    const failed = await refusal(engine.infer('long', longInputs(ENDLESS_TURNS)))
    expect(failed).toMatchObject({ code: 'ERR_RUN_FAILED' })
    expect(failed.message).toContain('took too long and was ended')
    expect(floats(await engine.infer('long', longInputs(4)), 'y')).toEqual([4])
  })

  it('takes none of those down that shared its batch', async () => {
    const engine = await openLong({ runStopMs: 400 })
    const answers = await Promise.allSettled([
      engine.infer('long', longInputs(1)),
      engine.infer('long', longInputs(ENDLESS_TURNS)),
      engine.infer('long', longInputs(1)),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('on the string path is ended as well', async () => {
    const engine = await openLong({ runStopMs: 400 })
    await deployLong(engine, 'text', { hasText: true })
    expect(await refusal(engine.infer('text', longInputs(ENDLESS_TURNS, 'a')))).toMatchObject({
      code: 'ERR_RUN_FAILED',
    })
    expect(floats(await engine.infer('text', longInputs(1, 'b')), 'y')).toEqual([1])
  })

  it('lets its pipeline be undeployed and its engine be closed', async () => {
    const engine = await openLong({})
    const late = refusal(engine.infer('long', { ...longInputs(ENDLESS_TURNS), deadlineMs: 300 }))
    await engine.undeployPipeline('long')
    expect(await late).toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    await until('the run has been ended', () => engine.metrics().workers.stoppedRuns === 1)
    await until('no worker is stuck', () => engine.metrics().workers.stuck === 0)
    await engine.close()
  })

  it('by onnxruntime-node is not: its worker comes back when it ends by itself', async () => {
    const engine = await openLong({ runs: 'onnxruntime-node', substituteWorkers: 1 })
    const late = refusal(engine.infer('long', { ...longInputs(5e4), deadlineMs: 100 }))
    expect(await late).toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    expect(floats(await engine.infer('long', longInputs(3)), 'y')).toEqual([3])
    expect(engine.metrics().workers.stoppedRuns).toBe(0)
  })
})
