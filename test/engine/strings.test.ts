/**
 * Pipelines with string tensors: the string path must mean the same as the batched one, only slower.
 */
import { describe, expect, test } from 'vitest'
import type { ModelMetrics, PipelineMetrics } from '../../src/engine/metrics.js'
import { buildModel } from '../../src/onnx/testing/build.js'
import { deploy, openEngine, refusal, testModel, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

/** `label` → the first of a table of two; for the word a row that the table does not have. */
const pickyModel = (word: string): Uint8Array =>
  buildModel({
    irVersion: 9,
    opset: 19,
    inputs: [['label', 'string', ['n', 1]]],
    nodes: [
      { op: 'Equal', inputs: ['label', 'word'], outputs: ['isWord'] },
      { op: 'Cast', inputs: ['isWord'], outputs: ['one'], attributes: { to: 7 } },
      { op: 'Mul', inputs: ['one', 'far'], outputs: ['index'] },
      { op: 'Gather', inputs: ['table', 'index'], outputs: ['value'], attributes: { axis: 0 } },
    ],
    outputs: [['value', 'float32', ['n', 1]]],
    initializers: [
      { name: 'word', dtype: 'string', dims: [1], data: [word] },
      { name: 'far', dtype: 'int64', dims: [1], data: BigInt64Array.of(99n) },
      { name: 'table', dtype: 'float32', dims: [2], data: Float32Array.of(5, 7) },
    ],
  })

describe('strings', () => {
  test('strings go in and out, any number of rows, concurrent requests apart', async () => {
    const engine = await openEngine(['identity-string', 'upper-string', 'encode-string'])
    await deploy(engine, 'echo', [{ type: 'model', model: 'identity-string' }])
    await deploy(engine, 'upper', [{ type: 'model', model: 'upper-string' }])
    await deploy(engine, 'code', [{ type: 'model', model: 'encode-string' }])
    expect(engine.describePipeline('echo').isStringPath).toBe(true)
    const texts = ['', 'a', 'grün', '日本', 'x'.repeat(10_000)]
    const echo = await engine.infer('echo', { inputs: { label: texts.map((text) => [text]) } })
    expect(echo.outputs['echo']).toEqual({ dtype: 'string', shape: [5, 1], data: texts })
    const upper = await Promise.all(
      ['a', 'b', 'c'].map((text) => engine.infer('upper', { inputs: { label: [text, `${text}${text}`] } })),
    )
    expect(upper.map((result) => result.outputs['upper']?.data)).toEqual([
      ['A', 'AA'],
      ['B', 'BB'],
      ['C', 'CC'],
    ])
    const code = await engine.infer('code', { inputs: { label: [['red'], ['white'], ['blue']] } })
    expect(code.outputs['code']).toEqual({ dtype: 'int64', shape: [3, 1], data: BigInt64Array.of(0n, 1n, -1n) })
    expect(engine.inFlight).toBe(0)
  })

  test('splits route row by row, checks read numbers, the route names the model', async () => {
    const engine = await openEngine(['encode-string'])
    await engine.addModel('encode-too', testModel('encode-string'))
    await deploy(engine, 'p', [
      { type: 'key-split', default: 'encode-string', key: 'region', options: { eu: 'encode-too' } },
      { type: 'check', name: 'unknown', flag: 'out.code[0] < 0' },
    ])
    const region = ['eu', 'us', 'eu', 'us']
    const result = await engine.infer('p', {
      inputs: { label: [['red'], ['blue'], ['green'], ['white']] },
      meta: { region },
    })
    expect(Array.from(result.outputs['code']?.data as BigInt64Array)).toEqual([0n, -1n, -1n, 1n])
    expect(result.metadata.route).toEqual(['encode-too', 'encode-string', 'encode-too', 'encode-string'])
    expect(result.checkFailures).toEqual([{ check: 'unknown', rows: [1, 2] }])
    expect(engine.metrics().pipelines[0]).toMatchObject({ requestCount: 1, rowCount: 4, checkFailures: { unknown: 2 } })
  })

  test('random splits obey their hash key and refuse one out of range', async () => {
    const engine = await openEngine(['encode-string'])
    await engine.addModel('encode-too', testModel('encode-string'))
    await deploy(engine, 'p', [
      {
        type: 'random-split',
        hashKey: 'u',
        options: [
          { weight: 2, model: 'encode-string' },
          { weight: 1, model: 'encode-too' },
        ],
      },
    ])
    const inputs = { label: [['red'], ['white']] }
    const result = await engine.infer('p', { inputs, meta: { u: [0.66, 0.67] } })
    expect(result.metadata.route).toEqual(['encode-string', 'encode-too'])
    const error = await refusal(engine.infer('p', { inputs, meta: { u: 1.5 } }))
    expect(error.code).toBe('ERR_META')
    expect(error.message).toContain('"u"')
    expect(engine.metrics().pipelines[0]?.failures).toEqual({ ERR_META: 1 })
  })

  test('requests and runs are counted in the histograms that all pipelines have', async () => {
    const engine = await openEngine(['identity-string', 'linear'])
    await deploy(engine, 'native', [{ type: 'model', model: 'linear' }])
    await deploy(engine, 'p', [{ type: 'model', model: 'identity-string' }])
    const startUs = performance.now() * 1000
    for (const rows of [1, 3, 3]) await engine.infer('p', { inputs: { label: Array(rows).fill(['a']) } })
    const elapsedNs = performance.now() * 1e6 - startUs * 1000
    const refused = await refusal(engine.infer('p', { inputs: { label: [['a']] }, signal: AbortSignal.abort() }))
    expect(refused.code).toBe('ERR_ABORTED')
    const { pipelines, models } = engine.metrics()
    const own = pipelines.find(({ pipeline }) => pipeline === 'p') as PipelineMetrics
    expect(own).toMatchObject({ requestCount: 3, rowCount: 7, failures: { ERR_ABORTED: 1 } })
    expect([own.totalNs.count, own.sendNs.count]).toEqual([3, 3])
    const model = models.find(({ model }) => model === 'identity-string') as ModelMetrics
    expect(model).toMatchObject({ pendingRows: 0, pendingRowsBackground: 0, failedRunCount: 0 })
    expect([model.batchRows.count, model.batchRows.sum]).toEqual([3, 7])
    expect([model.queueNs.count, model.runNs.count]).toEqual([3, 3])
    // What a request waits, runs and is sent lies in its whole time, and the three whole times in the test's.
    expect(model.runNs.sum).toBeGreaterThan(0)
    expect(model.queueNs.sum + model.runNs.sum + own.sendNs.sum).toBeLessThanOrEqual(own.totalNs.sum + 3000)
    expect(own.totalNs.sum).toBeLessThanOrEqual(elapsedNs)
    // In as many buckets as the addon counts in.
    const addons = models.find(({ model }) => model === 'linear') as ModelMetrics
    expect(own.totalNs.counts.length).toBe(addons.scatterNs.counts.length)
    expect(addons.batchRows.count).toBe(0)
  })

  test('nothing is timed when the engine does not measure', async () => {
    const engine = await openEngine(['identity-string'], { metrics: false })
    await deploy(engine, 'p', [{ type: 'model', model: 'identity-string' }])
    await engine.infer('p', { inputs: { label: [['a']] } })
    const { pipelines, models } = engine.metrics()
    expect([pipelines[0]?.totalNs.count, models[0]?.runNs.count]).toEqual([0, 0])
  })

  test('a shadow answers with the champion and logs both', async () => {
    const log = new TestLog()
    const engine = await openEngine(['identity-string', 'encode-string'], { log })
    await deploy(engine, 'p', [{ type: 'shadow', champion: 'identity-string', challengers: ['encode-string'] }])
    const result = await engine.infer('p', { inputs: { label: [['white'], ['red']] } })
    expect(Object.keys(result.outputs)).toEqual(['echo'])
    const [record] = await log.requestsWhen(engine, 1)
    expect(record).toMatchObject({
      requestId: result.metadata.requestId,
      rows: 2,
      inputs: { label: { data: ['white', 'red'] } },
      outputs: { echo: { data: ['white', 'red'] } },
      audited: { 'encode-string': { code: { data: BigInt64Array.of(1n, 0n) } } },
    })
  })

  test('a challenger that fails is counted by its reason, which the status and one notice give', async () => {
    const notices: string[] = []
    const onNotice = ({ message }: { message: string }): number => notices.push(message)
    const engine = await openEngine([], { onNotice })
    // The inspection finds the word of each, so that both take whole requests, as models of a pipeline must alike.
    await engine.addModel('picky', pickyModel('bad'))
    await engine.addModel('champion', pickyModel('worse'))
    await deploy(engine, 'p', [{ type: 'shadow', champion: 'champion', challengers: ['picky'] }])
    for (const text of ['good', 'bad', 'bad', 'fine']) {
      const { outputs } = await engine.infer('p', { inputs: { label: [[text], ['good']] } })
      expect(outputs['value']?.data).toEqual(Float32Array.of(5, 5))
    }
    await until('all challengers are done', () => engine.metrics().pipelines[0]?.inFlight === 0)
    const losses = { model: 'picky', shedRows: 0, failedRows: 2, failures: { ERR_RUN_FAILED: 2 } }
    expect(engine.metrics().pipelines[0]).toMatchObject({ requestCount: 4, failures: {}, background: [losses] })
    expect(engine.metrics().models.find(({ model }) => model === 'picky')?.failedRunCount).toBe(2)
    const lastFailure = { code: 'ERR_RUN_FAILED', message: expect.stringContaining('out of') as string }
    expect(engine.pipelineStatus('p').background).toMatchObject([{ ...losses, lastFailure }])
    const reported = notices.filter((notice) => notice.includes('background'))
    expect(reported).toEqual([expect.stringMatching(/^picky@1 failed 1 request in the background.*out of/s)])
  })

  test('deadlines and signals end the wait; redeploys retire the old plan', async () => {
    const engine = await openEngine(['upper-string', 'identity-string'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'upper-string' }])
    const label = Array.from({ length: 20_000 }, (_, i) => `text ${i}`)
    const late = refusal(engine.infer('p', { inputs: { label }, deadlineMs: 1 }))
    const controller = new AbortController()
    const aborted = refusal(engine.infer('p', { inputs: { label }, signal: controller.signal }))
    controller.abort()
    expect((await late).code).toBe('ERR_DEADLINE_EXCEEDED')
    expect((await aborted).code).toBe('ERR_ABORTED')
    expect((await refusal(engine.infer('p', { inputs: { label: ['a'] }, signal: controller.signal }))).code).toBe(
      'ERR_ABORTED',
    )
    await until('nothing is in flight', () => engine.inFlight === 0)
    await deploy(engine, 'p', [{ type: 'model', model: 'identity-string' }])
    expect((await engine.infer('p', { inputs: { label: [['x']] } })).outputs['echo']?.data).toEqual(['x'])
    // Plain pipelines and batched ones may take each other's place.
    await engine.addModel('add-one', testModel('add-one'))
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    expect((await engine.infer('p', { inputs: { x: [[1, 2, 3]] } })).outputs['y']?.data).toEqual(
      Float32Array.of(2, 3, 4),
    )
    await deploy(engine, 'p', [{ type: 'model', model: 'upper-string' }])
    expect((await engine.infer('p', { inputs: { label: ['y'] } })).outputs['upper']?.data).toEqual(['Y'])
  })

  test.each([
    ['numbers for strings', { label: [[1]] }],
    ['a wrong rank', { label: [[['a']]] }],
  ])('refuses %s', async (_what, inputs) => {
    const engine = await openEngine(['identity-string'])
    await deploy(engine, 'p', [{ type: 'model', model: 'identity-string' }])
    const error = await refusal(engine.infer('p', { inputs }))
    expect(error.message).toContain('label')
    expect(engine.inFlight).toBe(0)
  })
})
