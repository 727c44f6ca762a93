/**
 * Where the time of a request goes: per request on every surface and kind of step, and in the histograms. For one model a
 * step the phases follow each other without a gap, so that they add up to the total.
 */
import type { Engine } from 'penstock'
import { PenstockClient, type InferRequest, type InferTiming, type StepInput } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage, type ResultsMessage } from '../../src/protocol/codec.js'
import { deploy, openEngine, testModel, until } from '../support/engine-harness.js'
import { call, serve, type Served } from '../support/served.js'
import { inferMessage } from '../support/messages.js'

const x = Float32Array.of(1, 2, 3)
const inputs = { x: { dtype: 'float32', shape: [1, 3], data: x } } as const

async function timingOf(engine: Engine, pipeline: string, request: Partial<InferRequest> = {}): Promise<InferTiming> {
  const { metadata } = await engine.infer(pipeline, { inputs, timing: true, ...request })
  if (metadata.timing === undefined) throw new Error('Expected the answer to have a timing')
  return metadata.timing
}

/** The time reported of each step, by the slowest of its models, and of the hand-over at the end. */
function reportedUs({ sendUs, steps }: InferTiming): number {
  const byStep = new Map<number, number>()
  for (const { step, queueUs, assembleUs, runUs, scatterUs } of steps) {
    for (const us of [queueUs, assembleUs, runUs, scatterUs]) expect(us).toBeGreaterThanOrEqual(0)
    byStep.set(step, Math.max(byStep.get(step) ?? 0, queueUs + assembleUs + runUs + scatterUs))
  }
  return [...byStep.values()].reduce((sum, us) => sum + us, sendUs)
}

const modelsOf = ({ steps }: InferTiming): string[] => steps.map(({ step, model }) => `${step} ${model}`)

describe('timing of a request', () => {
  it('timing: the phases of several steps add up to the total', async () => {
    const engine = await openEngine(['add-one', 'slow'])
    const { inputs: slowInputs } = engine.getModel('slow').versions[0]?.signature ?? { inputs: [] }
    expect(slowInputs[0]?.name).toBe('x')
    await deploy(engine, 'chain', [
      { type: 'model', model: 'slow' },
      { type: 'check', name: 'finite', flag: 'out.y[0] > 1e30' },
    ])
    const row = Float32Array.of(1, 2, 3, 4)
    for (let round = 0; round < 5; round++) {
      const timing = await timingOf(engine, 'chain', { inputs: { x: { dtype: 'float32', shape: [1, 4], data: row } } })
      expect(modelsOf(timing)).toEqual(['0 slow@1'])
      // Contiguous, but for the last digit of each moment.
      expect(reportedUs(timing)).toBeGreaterThan(timing.totalUs - 5)
      expect(reportedUs(timing)).toBeLessThan(timing.totalUs + 5)
      expect(timing.steps[0]?.runUs).toBeGreaterThan(timing.totalUs / 2)
    }
  })

  const pair = ['add-one', 'times-two']
  const kinds: readonly (readonly [string, readonly StepInput[], readonly string[], Partial<InferRequest>])[] = [
    ['a model', [{ type: 'model', model: 'add-one' }], ['0 add-one@1'], {}],
    [
      'two steps',
      [
        { type: 'model', model: 'add-one', tensorFields: ['x'] },
        { type: 'model', model: 'times-two' },
      ],
      ['0 add-one@1', '1 times-two@1'],
      {},
    ],
    ['several models', [{ type: 'multi-model', models: pair }], ['0 add-one@1', '0 times-two@1'], {}],
    ['a shadow', [{ type: 'shadow', champion: 'add-one', challengers: ['times-two'] }], ['0 add-one@1'], {}],
    [
      'a split',
      [{ type: 'key-split', key: 'k', default: 'add-one', options: { b: 'times-two' } }],
      ['0 times-two@1'],
      { meta: { k: 'b' } },
    ],
    [
      'a split of rows',
      [{ type: 'key-split', key: 'k', default: 'add-one', options: { b: 'times-two' } }],
      ['0 add-one@1', '0 times-two@1'],
      {
        meta: { k: ['a', 'b'] },
        inputs: { x: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } },
      },
    ],
  ]
  for (const [name, steps, models, request] of kinds) {
    it(`timing: ${name}`, async () => {
      const engine = await openEngine(pair)
      await deploy(engine, 'p', steps)
      const timing = await timingOf(engine, 'p', request)
      expect(modelsOf(timing).sort()).toEqual(models)
      expect(reportedUs(timing)).toBeLessThan(timing.totalUs + 5)
      expect(reportedUs(timing)).toBeGreaterThan(0)
      expect((await engine.infer('p', { inputs, ...request })).metadata.timing).toBeUndefined()
    })
  }

  it('timing: of rows that lie in several batches, the model once', async () => {
    const engine = await openEngine(['add-one'], { batchRowsMax: 2, inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    const timing = await timingOf(engine, 'p', {
      inputs: { x: { dtype: 'float32', shape: [7, 3], data: new Float32Array(21) } },
    })
    expect(modelsOf(timing)).toEqual(['0 add-one@1'])
    expect(reportedUs(timing)).toBeLessThan(timing.totalUs + 5)
  })

  it('timing: strings take the string path and have it, too', async () => {
    const engine = await openEngine(['upper-string'])
    await deploy(engine, 'p', [{ type: 'model', model: 'upper-string' }])
    const timing = await timingOf(engine, 'p', { inputs: { label: ['a', 'b'] } })
    expect(modelsOf(timing)).toEqual(['0 upper-string@1'])
    expect(timing.steps[0]?.runUs).toBeGreaterThan(0)
    expect(reportedUs(timing)).toBeLessThanOrEqual(timing.totalUs)
  })

  it('timing: anything but a boolean is refused', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    await expect(engine.infer('p', { inputs, timing: 1 as never })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })
})

describe('timing over the network', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve()
  })
  afterAll(() => served.close())
  const infer = (pipeline: string, body: unknown, headers: Record<string, string> = {}) =>
    call(served.server.url, 'POST', `/v1/pipelines/${pipeline}/infer`, body, headers)

  it('timing: a header asks for it in columns and records, and without it there is none', async () => {
    const asked = { 'penstock-timing': '1' }
    const columns = await infer('add', { x: [[1, 2, 3]] }, asked)
    const { timing } = columns.json['metadata'] as { timing: { total_us: number; steps: { model: string }[] } }
    expect(timing.steps.map(({ model }) => model)).toEqual(['add@1'])
    expect(timing.total_us).toBeGreaterThan(0)
    const records = await infer('add', [{ x: [1, 2, 3] }], asked)
    const [record] = records.json as unknown as { metadata: { timing: { steps: unknown[] } } }[]
    expect(record?.metadata.timing.steps).toHaveLength(1)
    for (const headers of [{}, { 'penstock-timing': '0' }]) {
      const plain = await infer('add', { x: [[1, 2, 3]] }, headers)
      expect(plain.json['metadata']).not.toHaveProperty('timing')
    }
    expect(await infer('add', { x: [[1, 2, 3]] }, { 'penstock-timing': 'yes' })).toMatchObject({ status: 400 })
  })

  it('timing: the binary form asks in its message, and is answered in it', async () => {
    const message = inferMessage({ timing: true })
    const answer = await fetch(`${served.server.url}/v1/pipelines/add/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-penstock' },
      body: encodeMessage(message),
    })
    const results = decodeMessage(new Uint8Array(await answer.arrayBuffer())) as ResultsMessage
    expect(results.timing?.steps[0]).toMatchObject({ step: 0, model: 'add@1' })
  })

  it('timing: over WebSocket those who ask get it, and their neighbours do not', async () => {
    const client = await PenstockClient.connect(served.server.url)
    const asks = Array.from({ length: 64 }, (_, index) => index % 3 === 0)
    const results = await Promise.all(asks.map((timing) => client.infer('checked', { x: [[1, 2, 3]] }, { timing })))
    for (const [index, { timing, outputs }] of results.entries()) {
      expect(Array.from(outputs['y']?.data as Float32Array)).toEqual([2, 3, 4])
      if (asks[index] !== true) expect(timing).toBeUndefined()
      else if (timing === undefined) throw new Error('Expected a timing')
      else {
        expect(modelsOf(timing)).toEqual(['0 add@1'])
        expect(reportedUs(timing)).toBeGreaterThan(timing.totalUs - 5)
        expect(reportedUs(timing)).toBeLessThan(timing.totalUs + 5)
      }
    }
    const text = await client.infer('text', { label: ['a'] }, { timing: true })
    expect(text.timing?.steps).toHaveLength(1)
    await expect(client.infer('checked', { x: [[1, 2, 3]] }, { timing: 'yes' as never })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    })
    await client.close()
  })
})

describe('histograms of an engine', () => {
  it('metrics: counts equal requests, phases fit into the total, and an idle engine counts nothing', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    const requests = 200
    await Promise.all(Array.from({ length: requests }, () => engine.infer('p', { inputs })))
    await engine.infer('p', { inputs, deadlineMs: 1 }).catch(() => undefined)
    const { models, pipelines } = engine.metrics()
    const [model, pipeline] = [models[0], pipelines[0]]
    if (model === undefined || pipeline === undefined) throw new Error('Expected a model and a pipeline')
    const failed = Object.values(pipeline.failures).reduce((sum, count) => sum + count, 0)
    expect(pipeline.requestCount + failed).toBe(requests + 1)
    expect(pipeline.sendNs.count).toBe(pipeline.totalNs.count)
    expect(pipeline.totalNs.count).toBeGreaterThanOrEqual(requests)
    expect(model.queueNs.count).toBeGreaterThanOrEqual(requests)
    expect(model.batchRows.sum).toBeGreaterThanOrEqual(requests)
    for (const phase of [model.assembleNs, model.runNs, model.scatterNs])
      expect(phase.count).toBe(model.batchRows.count)
    // Each request waits for its batch to be taken, and is in one batch: less than all of their totals.
    expect(model.queueNs.sum + pipeline.sendNs.sum).toBeLessThan(pipeline.totalNs.sum)
    expect(model.runNs.sum).toBeGreaterThan(0)
    const later = engine.metrics()
    expect(later.models).toEqual(models)
    expect(later.pipelines).toEqual(pipelines)
  })

  it('metrics: switched off, nothing is counted and everything is answered', async () => {
    const engine = await openEngine(['add-one'], { metrics: false })
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    const timing = await timingOf(engine, 'p')
    expect(modelsOf(timing)).toEqual(['0 add-one@1'])
    const { models, pipelines } = engine.metrics()
    expect(models[0]?.runNs.count).toBe(0)
    expect(models[0]?.usPerRow).toBeGreaterThan(0)
    expect(pipelines[0]).toMatchObject({ requestCount: 0, inFlight: 0 })
    await engine.addModel('other', testModel('times-two'))
    await until('nothing is in flight', () => engine.inFlight === 0)
  })
})
