/** Many models with room for few of them, and versions that stay loaded to serve again: who is loaded when, and that nobody notices. */
import { type Engine, type EngineOptions, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { expect, test } from 'vitest'
import { buildModel } from '../../src/onnx/testing/build.js'
import { openEngine, refusal } from '../support/engine-harness.js'

const MODELS = 50
const ROOM = 10

/** y = x + value, of the dtype; a text model says `value`-th of two texts alone. */
function adding(value: number): Uint8Array {
  return buildModel({
    inputs: [['x', 'float32', ['n', 1]]],
    outputs: [['y', 'float32', ['n', 1]]],
    nodes: [{ op: 'Add', inputs: ['x', 'value'], outputs: ['y'] }],
    initializers: [{ name: 'value', dtype: 'float32', dims: [1], data: Float32Array.of(value) }],
  })
}

const echo = buildModel({
  inputs: [['s', 'string', ['n', 1]]],
  outputs: [['t', 'string', ['n', 1]]],
  nodes: [{ op: 'Identity', inputs: ['s'], outputs: ['t'] }],
})

const options: EngineOptions = { calibration: 'off', inferWorkers: 2 }
const loadsOf = (engine: Engine): Map<string, number> =>
  new Map(engine.metrics().models.map(({ model, loads }) => [model, loads]))

/** Fifty pipelines, each with a model of its own, and room for ten. */
async function opened(): Promise<Engine> {
  const measured = await openEngine([], options)
  await measured.addModel('m', adding(0), { alias: 'champion' })
  await measured.applyPipeline({ name: 'm', steps: [{ type: 'model', model: 'm' }] }, { deploy: true })
  const { loadedBytes } = measured.metrics().residency
  await measured.close()
  const engine = await openEngine([], { ...options, modelMemoryBytes: Math.floor(loadedBytes * (ROOM + 0.5)) })
  for (let index = 0; index < MODELS; index++) {
    await engine.addModel(`m${index}`, adding(index))
    await engine.applyPipeline({ name: `m${index}`, steps: [{ type: 'model', model: `m${index}` }] }, { deploy: true })
  }
  return engine
}

async function ask(engine: Engine, index: number): Promise<void> {
  const { outputs } = await engine.infer(`m${index}`, { inputs: { x: Float32Array.of(1) } })
  expect(outputs['y']?.data[0]).toBe(1 + index)
}

test('fifty models with room for ten all answer right, by every way in; the hottest stay, and one too many does not thrash', async () => {
  const engine = await opened()
  const room = (): ReturnType<Engine['metrics']>['residency'] => engine.metrics().residency
  expect(room()).toMatchObject({
    loadedModels: ROOM,
    unloadedModels: MODELS - ROOM,
    evictions: { room: MODELS - ROOM },
  })
  for (let index = 0; index < MODELS; index++) await ask(engine, index)
  // All at once: each waits for its turn, and is loaded once however many ask it.
  const before = room().loads
  await Promise.all(Array.from({ length: 4 * MODELS }, (_, at) => ask(engine, at % MODELS)))
  expect(room().loads - before).toBeLessThanOrEqual(2 * MODELS)
  // Half of the requests ask three models, which are soon loaded for good.
  const mixed = (at: number): number => (at % 2 === 0 ? (at % 6) / 2 : 3 + ((at * 7) % (MODELS - 3)))
  for (let at = 0; at < 200; at++) await ask(engine, mixed(at))
  const settled = loadsOf(engine)
  for (let at = 0; at < 200; at++) await ask(engine, mixed(at))
  for (const hot of ['m0', 'm1', 'm2']) expect(loadsOf(engine).get(hot)).toBe(settled.get(hot))
  // Eleven in turn.
  for (let at = 0; at < 220; at++) await ask(engine, at % (ROOM + 1))
  const loads = room().loads
  for (let at = 0; at < 220; at++) await ask(engine, at % (ROOM + 1))
  expect(room().loads - loads).toBeLessThanOrEqual(60)
  expect(room().loadedBytes).toBeLessThanOrEqual(room().limitBytes ?? 0)

  const server = await PenstockServer.start({ engine, port: 0 })
  try {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    for (const index of [20, 21, 22]) {
      const channel = await client.open(`m${index}`)
      const { outputs } = await channel.infer({ x: Float32Array.of(1) }, { deadlineMs: 5000 })
      expect(outputs['y']?.data[0]).toBe(1 + index)
      const url = `${server.url}/v1/pipelines/m${index + 10}/infer`
      const body = JSON.stringify({ x: [[2]] })
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      expect(((await answer.json()) as { outputs: unknown }).outputs).toEqual({ y: [[12 + index]] })
    }
    await client.close()
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toContain('penstock_models{state="unloaded"} 40')
    const { models } = (await (await fetch(`${server.url}/v1/pipelines/m32/status`)).json()) as { models: unknown[] }
    expect(models).toMatchObject([{ name: 'm32', loaded: true }])
  } finally {
    await server.close()
  }
})

test('a model with texts loads on demand as well, and one that no room is large enough for is refused', async () => {
  const engine = await openEngine([], { ...options, inferWorkers: 1, modelMemoryBytes: 2 ** 20 })
  for (let index = 0; index < 6; index++) {
    await engine.addModel(`t${index}`, index % 2 === 0 ? echo : adding(index))
    await engine.applyPipeline({ name: `t${index}`, steps: [{ type: 'model', model: `t${index}` }] }, { deploy: true })
  }
  expect(engine.metrics().residency.unloadedModels).toBeGreaterThan(0)
  const { loads } = engine.metrics().residency
  for (const index of [0, 2, 4, 0, 1]) {
    if (index % 2 === 1) expect(await engine.infer(`t${index}`, { inputs: { x: Float32Array.of(1) } })).toBeDefined()
    else expect((await engine.infer(`t${index}`, { inputs: { s: ['a'] } })).outputs['t']?.data).toEqual(['a'])
  }
  expect(engine.metrics().residency.loads).toBeGreaterThan(loads)
  const large = buildModel({
    inputs: [['x', 'float32', ['n', 1]]],
    outputs: [['y', 'float32', ['n', 300_000]]],
    nodes: [{ op: 'Add', inputs: ['x', 'value'], outputs: ['y'] }],
    initializers: [{ name: 'value', dtype: 'float32', dims: [300_000], data: new Float32Array(300_000) }],
  })
  await engine.addModel('large', large)
  const apply = engine.applyPipeline({ name: 'large', steps: [{ type: 'model', model: 'large' }] }, { deploy: true })
  expect(await refusal(apply)).toMatchObject({
    code: 'ERR_MODEL_MEMORY',
    message: expect.stringContaining(
      'Expected the model large@1 to fit into the memory for models, 1048576 bytes',
    ) as string,
  })
  // Nobody asks for any of it: all may go.
  expect(await engine.freeModelMemory(2 ** 30)).toBeGreaterThan(0)
  expect(engine.metrics().residency.loadedBytes).toBe(0)
  expect((await engine.infer('t0', { inputs: { s: ['b'] } })).outputs['t']?.data).toEqual(['b'])
})

test('the version before stays loaded to serve again at once, one of each model, within its limits', async () => {
  const engine = await openEngine([], { ...options, warmSeconds: 1 })
  for (const value of [1, 2, 3]) await engine.addModel('m', adding(value), value === 1 ? { alias: 'champion' } : {})
  await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'm@champion' }] }, { deploy: true })
  const room = (): ReturnType<Engine['metrics']>['residency'] => engine.metrics().residency
  const answer = async (): Promise<unknown> =>
    (await engine.infer('p', { inputs: { x: Float32Array.of(0) } })).outputs['y']?.data[0]
  const { loads } = room()
  await engine.setAlias('m', 'champion', 2)
  await expect.poll(() => room().warmModels).toBe(1)
  expect([await answer(), room().loads - loads]).toEqual([2, 1])
  await engine.setAlias('m', 'champion', 1)
  expect([await answer(), room().loads - loads]).toEqual([1, 1])
  await expect.poll(() => room().warmModels).toBe(1)
  await engine.setAlias('m', 'champion', 3)
  expect([await answer(), room().loads - loads, room().evictions.warm]).toEqual([3, 2, 1])
  await expect.poll(() => room().warmModels).toBe(1)
  // Its time is over.
  await expect.poll(() => room().warmModels, { timeout: 3000 }).toBe(0)
  expect(room()).toMatchObject({ loadedModels: 1, warmBytes: 0 })
  await engine.setAlias('m', 'champion', 2)
  await expect.poll(() => room().warmModels).toBe(1)
  await engine.undeployPipeline('p')
  await expect.poll(() => room().loadedModels).toBe(0)
})
