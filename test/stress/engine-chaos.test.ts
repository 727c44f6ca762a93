/**
 * Everything at once, from one seed: requests of all sizes with deadlines and aborts, over pipelines that are redeployed,
 * moved by alias, undeployed and deployed again, while workers are lost. Whatever happens, an answer is right for the
 * version that gave it, an error is one of those that the situation allows, and at the end nothing is left.
 *
 * Run by name: `CHAOS_SECONDS=30 CHAOS_SEED=1 npx vitest run --project heavy test/stress/engine-chaos.test.ts`. The seed is printed with each failure.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Engine, type InferRequest, type InferResult, type StepInput } from 'penstock'
import { expect, test } from 'vitest'
import { loseWorker, newestRuntime } from '../support/engine-faults.js'
import { deploy, floats, openEngine, seeded, testModel, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

const SEED = Number(process.env['CHAOS_SEED'] ?? 20_261_121)
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 5)

/** A shape of pipeline, and what it answers for x. */
interface Kind {
  readonly steps: readonly StepInput[]
  readonly answer: (x: number, result: InferResult, row: number) => number
}
const model = (name: string): StepInput => ({ type: 'model', model: name })
const kinds: readonly Kind[] = [
  { steps: [model('add-one')], answer: (x) => x + 1 },
  { steps: [model('times-two')], answer: (x) => x * 2 },
  { steps: [model('add-one'), model('times-two')], answer: (x) => (x + 1) * 2 },
  {
    steps: [model('times-two'), model('add-one'), { type: 'audit', slice: '0:' }],
    answer: (x) => x * 2 + 1,
  },
  {
    steps: [{ type: 'shadow', champion: 'add-one', challengers: ['times-two', 'identity-float32'] }],
    answer: (x) => x + 1,
  },
  {
    steps: [
      {
        type: 'random-split',
        options: [
          { weight: 1, model: 'add-one' },
          { weight: 2, model: 'times-two' },
        ],
      },
      { type: 'check', name: 'large', flag: 'out.y[0] > 500' },
    ],
    answer: (x, result, row) => (result.metadata.route?.[row] === 'add-one' ? x + 1 : x * 2),
  },
]
const allowed = new Set([
  'ERR_DEADLINE_EXCEEDED',
  'ERR_ABORTED',
  'ERR_QUEUE_FULL',
  'ERR_WORKER_LOST',
  'ERR_PIPELINE_NOT_DEPLOYED',
])

test(
  `chaos: answers stay right and nothing is left behind (seed ${SEED})`,
  { timeout: (SECONDS + 60) * 1000 },
  async () => {
    const random = seeded(SEED)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const log = new TestLog()
    const engine = await openEngine([], { inferWorkers: 2, log, pendingRowsMax: 4096, batchRowsMax: 64, random })
    const runtime = newestRuntime()
    for (const name of ['add-one', 'times-two', 'identity-float32']) await engine.addModel(name, testModel(name))
    /** By pipeline, then version: what it means. */
    const meaning = new Map<string, Map<number, Kind>>()
    const names = ['a', 'b', 'c']
    const change = async (name: string): Promise<void> => {
      const kind = pick(kinds)
      // The version is known only afterwards, and answers may come before.
      const next = (engine.listPipelines().find((record) => record.name === name)?.versions.length ?? 0) + 1
      const versions = meaning.get(name) ?? new Map<number, Kind>()
      meaning.set(name, versions)
      const before = versions.get(next)
      versions.set(next, kind)
      await deploy(engine, name, kind.steps)
      if (engine.getPipeline(name).versions.length !== next) {
        if (before === undefined) versions.delete(next)
        else versions.set(next, before)
      }
    }
    for (const name of names) await change(name)
    const end = performance.now() + SECONDS * 1000
    const counts = { answers: 0, rows: 0, changes: 0, lost: 0, errors: new Map<string, number>() }
    const faults: string[] = []

    const callers = Array.from({ length: 24 }, async () => {
      while (performance.now() < end && faults.length === 0) {
        const name = pick(names)
        const rows = random() < 0.8 ? 1 + Math.floor(random() * 8) : 1 + Math.floor(random() * 300)
        const x = Float32Array.from({ length: rows * 3 }, () => Math.floor(random() * 1000))
        try {
          const result = await engine.infer(name, request(x, random))
          counts.answers++
          counts.rows += rows
          const kind = meaning.get(name)?.get(result.metadata.pipelineVersion)
          if (kind === undefined) throw new Error(`no meaning for ${name} ${result.metadata.pipelineVersion}`)
          const wrong = floats(result, 'y').findIndex(
            (y, index) => y !== kind.answer(x[index] as number, result, Math.floor(index / 3)),
          )
          if (wrong >= 0)
            faults.push(`${name} version ${result.metadata.pipelineVersion}: element ${wrong} of ${rows} rows`)
        } catch (error) {
          const { code } = error as { code?: string }
          if (code === undefined || !allowed.has(code)) faults.push(String(error))
          else counts.errors.set(code, (counts.errors.get(code) ?? 0) + 1)
        }
      }
    })
    let doing = ''
    const operator = (async () => {
      while (performance.now() < end && faults.length === 0) {
        const name = pick(names)
        const dice = random()
        doing = `${name} ${dice}`
        if (dice < 0.75) await change(name)
        else if (dice < 0.9) {
          await engine.undeployPipeline(name)
          await engine.deployPipeline(name)
        } else if (lose(engine, runtime, counts.lost % 2)) counts.lost++
        counts.changes++
        await pause(random() * 20)
      }
    })()
    const done = new AbortController()
    const stuck = async (): Promise<void> => {
      await sleep(end - performance.now() + 30_000, undefined, { signal: done.signal })
      const { workers, models, pipelines } = engine.metrics()
      const state = {
        doing,
        inFlight: engine.inFlight,
        workers,
        models: models.map(({ model, pendingRows, pendingRowsBackground }) => [
          model,
          pendingRows,
          pendingRowsBackground,
        ]),
        pipelines: pipelines.map(({ pipeline, inFlight }) => [pipeline, inFlight]),
      }
      throw new Error(`Expected every call to end within 30 s (seed ${SEED}): ${JSON.stringify(state)}`)
    }
    const watch = stuck()
    await Promise.race([Promise.all([...callers, operator]), watch])
    done.abort()
    await watch.catch(() => undefined)
    expect(faults, `seed ${SEED}`).toEqual([])
    expect(counts.answers).toBeGreaterThan(SECONDS * 50)
    await until(
      'nothing is in flight',
      () => engine.inFlight === 0 && engine.metrics().pipelines.every(({ inFlight }) => inFlight === 0),
    )
    await engine.flushLogs()
    const rowsLogged = engine.metrics().pipelines.reduce((sum, { log: { rowCount } }) => sum + rowCount, 0)
    expect(rowsLogged).toBe(counts.rows)
    expect(log.requests()).toHaveLength(counts.answers)
    expect(engine.metrics().workers.restarts).toBe(counts.lost)
    const used = new Set(names.flatMap((name) => engine.describePipeline(name).models.map((used) => used.name)))
    await until('unused models are unloaded', () => engine.metrics().models.length === used.size)
    for (const metrics of engine.metrics().models)
      expect(metrics).toMatchObject({ pendingRows: 0, pendingRowsBackground: 0 })
    console.log(
      `chaos: seed ${SEED}, ${counts.answers} answers, ${counts.changes} changes, ${counts.lost} workers lost,`,
      Object.fromEntries(counts.errors),
    )
  },
)

function request(x: Float32Array, random: () => number): InferRequest {
  const inputs = { x: { dtype: 'float32' as const, shape: [x.length / 3, 3], data: x } }
  const dice = random()
  if (dice < 0.1) return { inputs, deadlineMs: 1 + Math.floor(random() * 5) }
  if (dice > 0.1 && dice < 0.15) return { inputs, signal: AbortSignal.timeout(Math.floor(random() * 3)) }
  return { inputs, priority: dice < 0.3 ? 'background' : 'interactive' }
}

/** Ends a worker, unless one is on its way back already. */
function lose(engine: Engine, runtime: number, index: number): boolean {
  const { ready, count } = engine.metrics().workers
  if (ready < count) return false
  loseWorker(runtime, index)
  return true
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
