/** Explanations of real ONNX models through the engine: what is known of a linear one, and how jobs live and end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Engine, Home, type OcclusionResult, type PermutationResult } from 'penstock'
import { deploy, openEngine, refusal, testModel, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

/** test/models/linear.onnx: y = x·W + b. */
const W = [
  [2, 0],
  [-1, 1],
  [0.5, 1],
  [0, 1],
]
const rows = [
  [1, 2, 4, 7],
  [3, -1, 0, 2],
  [-2, 5, 8, -4],
]

async function linearEngine(): Promise<Engine> {
  const engine = await openEngine(['linear'])
  await deploy(engine, 'p', [{ type: 'model', model: 'linear' }])
  return engine
}

/** The result of a job that must succeed. */
async function explained<R>(engine: Engine, request: Parameters<Engine['explanations']['start']>[1]): Promise<R> {
  const { id } = engine.explanations.start('p', request)
  const job = await engine.explanations.finished('p', id)
  expect(job.failure).toBeNull()
  expect(job).toMatchObject({ state: 'done', evaluated: job.evaluations })
  return job.result as R
}

const variance = (values: number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

describe('engine: occlusion', () => {
  test.each([0, 1])('of output %i of a linear model is w·(x − baseline)', async (element) => {
    const engine = await linearEngine()
    const baseline = [0.5, 1, -2, 3]
    const result = await explained<OcclusionResult>(engine, {
      config: { method: 'occlusion', output: { field: 'y', element }, baseline: { x: baseline } },
      inputs: { x: rows },
    })
    expect(result.groups).toEqual(['x[0]', 'x[1]', 'x[2]', 'x[3]'])
    rows.forEach((row, index) => {
      const expected = row.map((value, column) => (W[column]?.[element] ?? 0) * (value - (baseline[column] ?? 0)))
      expected.forEach((value, column) => expect(result.contributions[index]?.[column]).toBeCloseTo(value, 5))
    })
  })

  test('of two models in sequence with integers and two inputs says what each does to the answer', async () => {
    const engine = await openEngine(['mixed-dtypes'])
    await deploy(engine, 'p', [{ type: 'model', model: 'mixed-dtypes' }])
    const inputs = { x: [[1.5, 2]], scale: [4] }
    const result = await explained<OcclusionResult>(engine, {
      config: { method: 'occlusion', output: { field: 'y', element: 1 } },
      inputs,
    })
    // y[1] = x[1] · scale
    expect(result.groups).toEqual(['x[0]', 'x[1]', 'scale'])
    expect(result.contributions).toEqual([[0, 8, 8]])
    const bool = await explained<OcclusionResult>(engine, {
      config: { method: 'occlusion', output: { field: 'big' }, baseline: { scale: 20 } },
      inputs,
    })
    expect(bool.contributions[0]?.[2]).toBe(-1)
  })
})

describe('engine: permutation importance', () => {
  test('of a linear model comes to w²·variance of x, and to nothing where w is 0', async () => {
    const engine = await linearEngine()
    const random = (index: number) => ((index * 2_654_435_761) % 4096) / 4096
    const many = Array.from({ length: 400 }, (_, row) => [0, 1, 2, 3].map((column) => random(row * 4 + column + 1)))
    const result = await explained<PermutationResult>(engine, {
      config: { method: 'permutation', repeats: 20, seed: 7 },
      inputs: { x: many },
    })
    const exact = W.map(([w = 0], column) => w ** 2 * variance(many.map((row) => row[column] ?? 0)))
    exact.forEach((value, column) => {
      expect(Math.abs((result.importances[column] ?? 0) - value), `column ${column}`).toBeLessThanOrEqual(value * 0.05)
    })
    expect(result.importances[3]).toBe(0)
    expect(result.score).toBeCloseTo(
      variance(many.map((row) => row.reduce((sum, x, c) => sum + x * (W[c]?.[0] ?? 0), 3))),
      3,
    )
    // The same seed says the same, another one nearly.
    const request = { config: { method: 'permutation', repeats: 20, seed: 7 }, inputs: { x: many } } as const
    expect(await explained(engine, request)).toEqual(result)
    const other = { ...request, config: { ...request.config, seed: 8 } }
    expect(await explained(engine, other)).not.toEqual(result)
  })

  test('with targets is the drop of the score', async () => {
    const engine = await linearEngine()
    const targets = rows.map((row) => row.reduce((sum, x, column) => sum + x * (W[column]?.[0] ?? 0), 3))
    const result = await explained<PermutationResult>(engine, {
      config: { method: 'permutation', metric: 'r2' },
      inputs: { x: rows },
      targets,
    })
    expect(result.score).toBeCloseTo(1, 10)
    expect(result.importances[0]).toBeGreaterThan(result.importances[2] ?? 0)
  })
})

describe('engine: explanation jobs', () => {
  const slowRequest = {
    config: { method: 'permutation', repeats: 100 },
    inputs: { x: Array.from({ length: 500 }, () => [1, 2, 3, 4]) },
  } as const

  async function slowEngine(): Promise<Engine> {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    return engine
  }

  test('run one after the other, report their progress, and are cancelled at once', async () => {
    const engine = await slowEngine()
    const first = engine.explanations.start('p', slowRequest)
    const second = engine.explanations.start('p', slowRequest)
    expect([first.state, second.state]).toEqual(['running', 'waiting'])
    await until('it makes progress', () => engine.explanations.get('p', first.id).evaluated > 0)
    expect(engine.explanations.list('p').map(({ state }) => state)).toEqual(['running', 'waiting'])
    expect(engine.explanations.cancel('p', second.id).state).toBe('cancelled')
    expect(engine.explanations.cancel('p', first.id)).toMatchObject({ state: 'cancelled', result: null })
    expect((await engine.explanations.finished('p', first.id)).endedAt).not.toBeNull()
    await until('nothing is in flight', () => engine.inFlight === 0)
  })

  test('that run end with the version and models they began with, whatever is deployed meanwhile', async () => {
    const engine = await openEngine([], { inferWorkers: 1 })
    await engine.addModel('m', testModel('slow'), { alias: 'champion' })
    await engine.addModel('m', testModel('linear'))
    await deploy(engine, 'p', [{ type: 'model', model: 'm@champion' }])
    const request = { config: { method: 'occlusion' }, inputs: { x: rows } } as const
    const before = await explained<OcclusionResult>(engine, request)
    const { id } = engine.explanations.start('p', request)
    await until('it makes progress', () => engine.explanations.get('p', id).evaluated > 0)
    await engine.setAlias('m', 'champion', 2)
    await deploy(engine, 'p', [{ type: 'model', model: 'm@2' }])
    await engine.undeployPipeline('p')
    const job = await engine.explanations.finished('p', id)
    expect(job).toMatchObject({ state: 'done', pipelineVersion: 1, result: before })
  })

  test('that wait end with a clear error when the version they are of is not what serves', async () => {
    const engine = await slowEngine()
    const running = engine.explanations.start('p', slowRequest)
    const waiting = engine.explanations.start('p', slowRequest)
    await deploy(engine, 'p', [
      { type: 'model', model: 'slow' },
      { type: 'check', name: 'c', flag: 'out.y[0] > 0' },
    ])
    const next = engine.explanations.start('p', slowRequest)
    await until('the first runs', () => engine.explanations.get('p', running.id).evaluated > 0)
    engine.explanations.cancel('p', running.id)
    expect((await engine.explanations.finished('p', waiting.id)).failure).toEqual({
      code: 'ERR_CONFLICT',
      message:
        'Of pipeline p version 2 with slow@1 serves now, and what was to be explained is version 1 with slow@1. Begin another explanation',
    })
    const last = engine.explanations.start('p', slowRequest)
    await until('the next runs', () => engine.explanations.get('p', next.id).evaluated > 0)
    await engine.undeployPipeline('p')
    engine.explanations.cancel('p', next.id)
    expect((await engine.explanations.finished('p', last.id)).failure?.message).toMatch(
      /^Of pipeline p nothing serves now/,
    )
  })

  test('are no requests of the pipeline: neither logged nor counted, and a drain ends them', async () => {
    const log = new TestLog()
    const engine = await openEngine(['linear', 'slow'], { log, inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'linear' }])
    await explained(engine, { config: { method: 'occlusion' }, inputs: { x: rows } })
    await engine.infer('p', { inputs: { x: rows } })
    expect((await log.requestsWhen(engine, 1)).map((request) => request.rows)).toEqual([3])
    expect(engine.pipelineStatus('p')).toMatchObject({ requestCount: 1, rowCount: 3 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const { id } = engine.explanations.start('p', slowRequest)
    await until('it makes progress', () => engine.explanations.get('p', id).evaluated > 0)
    expect(await engine.drain(5000)).toBe(true)
    expect((await engine.explanations.finished('p', id)).failure?.code).toBe('ERR_DRAINING')
  })

  test('give way to requests of callers', async () => {
    const engine = await slowEngine()
    const alone: number[] = []
    const one = async () => {
      const startMs = performance.now()
      await engine.infer('p', { inputs: { x: [[1, 2, 3, 4]] } })
      return performance.now() - startMs
    }
    for (let i = 0; i < 5; i++) alone.push(await one())
    const { id } = engine.explanations.start('p', slowRequest)
    await until('it makes progress', () => engine.explanations.get('p', id).evaluated > 0)
    const beside: number[] = []
    for (let i = 0; i < 5; i++) beside.push(await one())
    expect(engine.explanations.get('p', id).state).toBe('running')
    engine.explanations.cancel('p', id)
    // One run of its own at most stands in the way, of a row where a row is slow: never the queue of all its rows.
    expect(Math.min(...beside)).toBeLessThan(Math.max(...alone) * 3 + 100)
  })

  test('are bounded: so many wait, and the newest are remembered', async () => {
    const engine = await slowEngine()
    const first = engine.explanations.start('p', slowRequest)
    await until('the first runs', () => engine.explanations.get('p', first.id).state === 'running')
    for (let i = 0; i < 16; i++) engine.explanations.start('p', slowRequest)
    await expect(async () => engine.explanations.start('p', slowRequest)).rejects.toMatchObject({
      code: 'ERR_QUEUE_FULL',
      retryAfterMs: 1000,
    })
    for (let i = 0; i < 80; i++) {
      for (const { id, state } of engine.explanations.list('p'))
        if (state === 'waiting') engine.explanations.cancel('p', id)
      engine.explanations.start('p', slowRequest)
    }
    expect(engine.explanations.list('p').length).toBeLessThanOrEqual(66)
    expect(engine.explanations.get('p', first.id).state).toBe('running')
    // Closing with one at work and one waiting leaves nothing behind: the harness closes the engine.
  })

  test('refuse what cannot be explained, by its name', async () => {
    const engine = await openEngine(['linear', 'sum-rows', 'upper-string'])
    await deploy(engine, 'p', [{ type: 'model', model: 'linear' }])
    await deploy(engine, 'whole', [{ type: 'model', model: 'sum-rows' }])
    await deploy(engine, 'text', [{ type: 'model', model: 'upper-string' }])
    await engine.applyPipeline({ name: 'idle', steps: [{ type: 'model', model: 'linear' }] })
    const config = { method: 'occlusion' } as const
    const start = async (pipeline: string, request: unknown) =>
      engine.explanations.start(pipeline, request as Parameters<Engine['explanations']['start']>[1])
    for (const [promise, code, words] of [
      [start('absent', { config, inputs: {} }), 'ERR_PIPELINE_NOT_FOUND', /absent/],
      [start('idle', { config, inputs: {} }), 'ERR_PIPELINE_NOT_DEPLOYED', /idle/],
      [
        start('p', { config: 'absent', inputs: {} }),
        'ERR_EXPLANATION_NOT_FOUND',
        /no configuration absent; it has none/,
      ],
      [start('p', { config, inputs: {} }), 'ERR_MISSING_INPUT', /x is missing/],
      [start('p', { config, inputs: { x: [[1, 2]] } }), 'ERR_SHAPE', /x to have the shape \[n, 4\]/],
      [start('p', { config, inputs: { x: rows }, target: [] }), 'ERR_ARGUMENT', /each key of the request/],
      [start('whole', { config, inputs: { x: [[1, 2, 3]] } }), 'ERR_ARGUMENT', /a row axis/],
      [start('text', { config, inputs: { label: ['a'] } }), 'ERR_ARGUMENT', /an output of numbers|an input of numbers/],
    ] as const) {
      const error = await refusal(promise)
      expect(error.code, error.message).toBe(code)
      expect(error.message).toMatch(words)
    }
    expect(() => engine.explanations.get('p', 'x')).toThrow(/Pipeline p has no explanation x/)
  })
})

describe('engine: explanation configurations', () => {
  test('are stored with their pipeline, over a restart, and used by name', async () => {
    const path = mkdtempSync(join(tmpdir(), 'penstock-explain-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    const open = async () => {
      const home = await Home.open({ path })
      const engine = await Engine.open({
        models: home.models,
        pipelines: home.pipelines,
        inferWorkers: 1,
        calibration: 'off',
      })
      return { engine, close: () => engine.close().then(() => home.close()) }
    }
    const first = await open()
    await first.engine.addModel('linear', testModel('linear'))
    await deploy(first.engine, 'p', [{ type: 'model', model: 'linear' }])
    const groups = [{ name: 'ends', elements: [0, 3] }]
    const config = { name: 'ends', method: 'occlusion', groups } as const
    expect(await first.engine.explanations.putConfig('p', config)).toEqual(config)
    await first.engine.explanations.putConfig('p', { name: 'ends', method: 'permutation', repeats: 2 })
    await first.engine.explanations.putConfig('p', config)
    await first.engine.explanations.putConfig('p', { name: 'other', method: 'permutation' })
    await first.engine.explanations.removeConfig('p', 'other')
    expect(await refusal(first.engine.explanations.removeConfig('p', 'other'))).toMatchObject({
      code: 'ERR_EXPLANATION_NOT_FOUND',
      message: 'Pipeline p has no configuration other; it has ends',
    })
    expect(await refusal(first.engine.explanations.putConfig('q', config))).toMatchObject({
      code: 'ERR_PIPELINE_NOT_FOUND',
    })
    await first.close()

    const { engine, close } = await open()
    expect(engine.explanations.listConfigs('p')).toEqual([config])
    expect(engine.explanations.getConfig('p', 'ends')).toEqual(config)
    const { contributions } = await explained<OcclusionResult>(engine, { config: 'ends', inputs: { x: rows } })
    contributions.forEach((row, index) => expect(row[0]).toBeCloseTo(2 * (rows[index]?.[0] ?? 0), 5))
    await close()
  })
})
