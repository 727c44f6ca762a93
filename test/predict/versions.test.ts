/** Versions of a pipeline beside the deployed one: callers of an older contract go on with what they know. */
import { Engine, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VERSIONS_BESIDE_MAX } from '../../src/base/limits/limits.js'
import { call, modelBytes, type Answer } from '../support/served.js'

const y = { name: 'y', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 0 } } as const
const fields = (...names: string[]) => [...names.map((name) => ({ name, dtype: 'float32' }) as const), y]
const steps = [{ type: 'model', model: 'm@champion' }] as const

/** Never fails: versions of it differ. */
const check = (version: number) => ({ type: 'check', name: `c${version}`, flag: 'out.y[0] > 1e9' }) as const

let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('m', modelBytes('add-one'), { alias: 'champion' })
  await engine.addModel('m', modelBytes('times-two'))
  await engine.contracts.put({ name: 'c', fields: fields('a', 'b', 'c') })
  await engine.applyPipeline({ name: 'p', contract: 'c@1', steps }, { deploy: true })
  await engine.contracts.put({ name: 'c', fields: fields('alpha', 'b', 'c') })
  await engine.applyPipeline({ name: 'p', contract: 'c@2', steps }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const ask = (path: string, body: unknown): Promise<Answer> => call(server.url, 'POST', path, body)

test('versions: both contracts are answered at once, each at the address of its version', async () => {
  expect((await ask('/predict/p', { alpha: 1, b: 2, c: 3 })).json).toEqual({ y: 2 })
  expect((await ask('/predict/p/versions/1', { a: 4, b: 2, c: 3 })).json).toEqual({ y: 5 })
  expect((await ask('/predict/p/versions/2', { alpha: 4, b: 2, c: 3 })).json).toEqual({ y: 5 })
  expect(await ask('/predict/p/versions/1', { alpha: 4, b: 2, c: 3 })).toMatchObject({ status: 422 })
  const tensors = await ask('/v1/pipelines/p/versions/1/infer', { x: [[1, 2, 3]] })
  expect(tensors.json).toMatchObject({
    outputs: { y: [[2, 3, 4]] },
    metadata: { pipeline: 'p.v1', pipeline_version: 1 },
  })
  const deployed = await ask('/v1/pipelines/p/versions/2/infer', { x: [[1, 2, 3]] })
  expect(deployed.json).toMatchObject({ metadata: { pipeline: 'p', pipeline_version: 2 } })
  // Served, it has a name on every protocol, and none among what is deployed.
  const client = await PenstockClient.connect(server.url)
  expect((await client.infer('p.v1', { x: Float32Array.of(1, 2, 3) })).outputs['y']?.data[0]).toBe(2)
  await client.close()
  expect(engine.servedContracts().map(({ pipeline }) => pipeline)).toEqual(['p'])
  expect((await ask('/predict', { alpha: 1, b: 2, c: 3 })).json).toEqual({ y: 2 })
})

test('versions: an alias moves for all of them', async () => {
  await engine.setAlias('m', 'champion', 2)
  expect((await ask('/predict/p', { alpha: 1, b: 2, c: 3 })).json).toEqual({ y: 2 })
  expect((await ask('/predict/p/versions/1', { a: 4, b: 2, c: 3 })).json).toEqual({ y: 8 })
  await engine.setAlias('m', 'champion', 1)
})

test.each<[string, string, number, string, RegExp]>([
  ['no version', '/predict/p/versions/9', 404, 'ERR_PIPELINE_NOT_FOUND', /has no version 9; it has 1, 2/],
  ['no number', '/v1/pipelines/p/versions/newest/infer', 400, 'ERR_ARGUMENT', /"newest"/],
  ['no pipeline', '/predict/q/versions/1', 404, 'ERR_PIPELINE_NOT_FOUND', /There is no pipeline q/],
])('versions: %s', async (_, path, status, code, says) => {
  const { status: found, json } = await ask(path, { a: 1, b: 2, c: 3 })
  expect([found, json['code'], json['error']]).toEqual([status, code, expect.stringMatching(says) as string])
})

test('versions: more of them than may stand beside make room for each other', async () => {
  for (let version = 3; version <= VERSIONS_BESIDE_MAX + 4; version++)
    await engine.applyPipeline({ name: 'p', contract: 'c@1', steps: [...steps, check(version)] })
  for (let version = 3; version <= VERSIONS_BESIDE_MAX + 4; version++)
    expect((await ask(`/predict/p/versions/${version}`, { a: 4, b: 2, c: 3 })).json).toEqual({ y: 5 })
  expect(() => engine.describePipeline('p.v1')).toThrow('p.v1')
  expect((await ask('/predict/p/versions/1', { a: 4, b: 2, c: 3 })).json).toEqual({ y: 5 })
})

test('versions: go with the pipeline that is undeployed, and serve nobody until it is deployed', async () => {
  await engine.undeployPipeline('p')
  expect(() => engine.describePipeline('p.v1')).toThrow('p.v1')
  expect(await ask('/predict/p/versions/1', { a: 4, b: 2, c: 3 })).toMatchObject({
    status: 409,
    json: { code: 'ERR_PIPELINE_NOT_DEPLOYED' },
  })
  // Nothing of them is left that would keep a model.
  await engine.deployPipeline('p', 2)
  await ask('/predict/p/versions/1', { a: 4, b: 2, c: 3 })
  await engine.undeployPipeline('p')
  await engine.removeModel('m')
})
