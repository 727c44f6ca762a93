/**
 * Runs that do not end: their workers are replaced, and everything else goes on.
 */
import type { Engine, EngineOptions, PipelineStatus } from 'penstock'
import { describe, expect, it } from 'vitest'
import { deploy, floats, openEngine, testModel, until } from '../support/engine-harness.js'
import { deployLong, longInputs, turnsFor } from '../support/long-models.js'

/** What a stuck run takes where nobody else wants the cores; it yields to all who do. */
const LONG_MS = 2_000
const RUN_LIMIT_MS = 500
const TEST_MS = 90_000
const quickInputs = { inputs: { x: { dtype: 'float32' as const, shape: [1, 3], data: Float32Array.of(1, 2, 3) } } }

async function openBeside(options: EngineOptions, notices: string[] = []): Promise<{ engine: Engine; turns: number }> {
  const engine = await openEngine(['add-one'], {
    runLimitMs: RUN_LIMIT_MS,
    onNotice: ({ message }) => notices.push(message),
    ...options,
  })
  await deploy(engine, 'quick', [{ type: 'model', model: 'add-one' }])
  // Until it has run so often, it may be long as well.
  for (let run = 0; run < 70; run++) await engine.infer('quick', quickInputs)
  await deployLong(engine, 'long')
  const turns = await turnsFor(engine, 'long', LONG_MS)
  return { engine, turns }
}

async function tookMs(done: Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await done
  return performance.now() - startMs
}

const stuckIn = (engine: Engine) => engine.metrics().workers.stuck

describe('engine: a run that does not end', { timeout: TEST_MS }, () => {
  it('is reported, leaves its place to another worker, and is answered', async () => {
    const notices: string[] = []
    const { engine, turns } = await openBeside({ inferWorkers: 1 }, notices)
    let isAnswered = false
    const answer = engine.infer('long', longInputs(turns)).finally(() => {
      isAnswered = true
    })
    await engine.infer('quick', quickInputs)
    await until('the worker is stuck', () => stuckIn(engine) === 1)
    await engine.infer('quick', quickInputs)
    expect(isAnswered).toBe(false)
    expect(engine.isReady).toBe(true)
    const { overdueRuns } = engine.pipelineStatus('long').models[0] as PipelineStatus['models'][number]
    expect(overdueRuns.stuck).toBe(1)
    expect(notices.filter((notice) => notice.includes('counts as stuck')).at(-1)).toEqual(
      expect.stringMatching(/^Model long@1 has run for .+ in worker 0, past its limit of 500 ms/),
    )
    expect(floats(await answer, 'y')).toEqual([turns])
    await until('the run has ended', () => stuckIn(engine) === 0, TEST_MS)
    expect(engine.pipelineStatus('long').models[0]?.overdueRuns).toEqual({ count: overdueRuns.count, stuck: 0 })
    await until('its place is taken', () => engine.metrics().workers.ready === 1)
    expect(engine.metrics().workers.restarts).toBe(0)
    expect(floats(await engine.infer('long', longInputs(1)), 'y')).toEqual([1])
  })

  it('keeps nothing from being deployed, undeployed and removed', async () => {
    const { engine, turns } = await openBeside({ inferWorkers: 2 })
    const answers = [engine.infer('long', longInputs(turns)), engine.infer('long', longInputs(turns))]
    await until('both workers are stuck', () => stuckIn(engine) === 2)
    await engine.addModel('times-two', testModel('times-two'))
    expect(await tookMs(deploy(engine, 'other', [{ type: 'model', model: 'times-two' }]))).toBeLessThan(LONG_MS / 2)
    expect(await tookMs(engine.undeployPipeline('long'))).toBeLessThan(500)
    await engine.infer('other', quickInputs)
    expect(await tookMs(engine.undeployPipeline('other'))).toBeLessThan(500)
    expect(stuckIn(engine)).toBe(2)
    await Promise.all(answers)
  })

  it('frees its caller at the deadline and on a cancel', async () => {
    const { engine, turns } = await openBeside({ inferWorkers: 2 })
    const late = engine.infer('long', { ...longInputs(turns), deadlineMs: 200 }).catch((error: unknown) => error)
    const stop = new AbortController()
    const cancelled = engine
      .infer('long', { ...longInputs(turns), signal: stop.signal })
      .catch((error: unknown) => error)
    setTimeout(() => stop.abort(), 200)
    expect(await tookMs(Promise.all([late, cancelled]))).toBeLessThan(LONG_MS / 2)
    expect(await late).toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    expect(await cancelled).toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('makes the engine not ready where nothing can take its place, until it ends', async () => {
    const { engine, turns } = await openBeside({ inferWorkers: 1, substituteWorkers: 0 })
    const answer = engine.infer('long', longInputs(turns))
    expect(engine.isReady).toBe(true)
    await until('it is not ready', () => !engine.isReady)
    expect(stuckIn(engine)).toBe(1)
    await answer
    await until('it is ready again', () => engine.isReady, TEST_MS)
    await engine.infer('quick', quickInputs)
  })

  it('of one model holds two workers at most, and others none of their batches', async () => {
    const { engine, turns } = await openBeside({ inferWorkers: 2 })
    const answers = Array.from({ length: 6 }, () =>
      engine.infer('long', { ...longInputs(turns), deadlineMs: 2_000 }).catch(() => null),
    )
    await until('both workers are stuck', () => stuckIn(engine) === 2)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(stuckIn(engine)).toBe(2)
    expect(await tookMs(engine.infer('quick', quickInputs))).toBeLessThan(LONG_MS / 2)
    await Promise.all(answers)
  })
})

describe('engine: long runs', { timeout: TEST_MS }, () => {
  it('leave the last free worker to others', async () => {
    const { engine } = await openBeside({ inferWorkers: 2, substituteWorkers: 0, runLimitMs: 60_000 })
    const turns = await turnsFor(engine, 'long', 200)
    await engine.infer('long', longInputs(turns))
    await engine.infer('quick', quickInputs)
    const answers = Array.from({ length: 8 }, () => engine.infer('long', longInputs(turns)))
    const latencies: number[] = []
    for (let request = 0; request < 20; request++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      latencies.push(await tookMs(engine.infer('quick', quickInputs)))
    }
    expect(latencies.toSorted((a, b) => a - b)[10]).toBeLessThan(100)
    await Promise.all(answers)
  })

  it('on the string path are reported alike, and starve nobody', async () => {
    const { engine } = await openBeside({ inferWorkers: 2 })
    await deployLong(engine, 'text', { hasText: true })
    const turns = await turnsFor(engine, 'text', LONG_MS, 'a')
    const answers = Array.from({ length: 4 }, () => engine.infer('text', longInputs(turns, 'b')))
    expect(await tookMs(engine.infer('quick', quickInputs))).toBeLessThan(LONG_MS / 2)
    await until('a worker is stuck', () => stuckIn(engine) >= 1)
    expect(engine.pipelineStatus('text').models[0]?.overdueRuns.stuck).toBeGreaterThanOrEqual(1)
    expect(await tookMs(engine.infer('quick', quickInputs))).toBeLessThan(LONG_MS / 2)
    expect(await tookMs(engine.infer('text', longInputs(1, 'c')))).toBeLessThan(LONG_MS)
    await engine.undeployPipeline('text')
    expect(floats(await (answers[0] as Promise<never>), 'y')).toEqual([turns])
    await Promise.all(answers)
  })
})
