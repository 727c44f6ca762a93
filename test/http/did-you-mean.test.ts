/** A name that is off by a slip is answered with the one that was meant, by every way in. */
import { Engine, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, modelBytes } from '../support/served.js'

let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  server = await PenstockServer.start({ engine, port: 0 })
  await engine.addModel('wine-forest', modelBytes('add-one'))
  const steps = [{ type: 'model', model: 'wine-forest' }] as const
  await engine.applyPipeline({ name: 'wine-by-colour', steps }, { deploy: true })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

test('a pipeline, over HTTP, WebSocket and in the library', async () => {
  const message = 'There is no pipeline wine-by-color. Did you mean wine-by-colour?'
  const failure = { code: 'ERR_PIPELINE_NOT_FOUND', message: expect.stringContaining(message) as string }
  expect(() => engine.getPipeline('wine-by-color')).toThrow(expect.objectContaining(failure) as Error)
  await expect(engine.infer('wine-by-color', { inputs: { x: [[1, 2, 3]] } })).rejects.toMatchObject(failure)
  const answer = await call(server.url, 'POST', '/v1/pipelines/wine-by-color/infer', { x: [[1, 2, 3]] })
  expect(answer).toMatchObject({ status: 404, json: { error: expect.stringContaining(message) as string } })
  const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
  try {
    await expect(client.open('wine-by-color')).rejects.toMatchObject(failure)
  } finally {
    await client.close()
  }
})

test('a model, asked for and in a definition', async () => {
  const message = 'There is no model wine-forrest. Did you mean wine-forest?'
  const failure = { code: 'ERR_MODEL_NOT_FOUND', message: expect.stringContaining(message) as string }
  const steps = [{ type: 'model', model: 'wine-forrest' }] as const
  expect(() => engine.getModel('wine-forrest')).toThrow(expect.objectContaining(failure) as Error)
  await expect(engine.applyPipeline({ name: 'other', steps }, { deploy: true })).rejects.toMatchObject(failure)
})

test('a name like none of them gets none', () => {
  expect(() => engine.getPipeline('q')).toThrow(/^There is no pipeline q$/)
})
