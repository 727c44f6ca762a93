/** Tags, versions and explanations over HTTP: every answer is held to the schema that the OpenAPI document promises. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Engine, PenstockControl, PenstockServer } from 'penstock'
import { call, modelBytes, until } from '../support/served.js'

let engine: Engine
let server: PenstockServer
let url = ''
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  for (const name of ['linear', 'slow']) {
    await engine.addModel(name, modelBytes(name))
    await engine.applyPipeline({ name, steps: [{ type: 'model', model: name }] }, { deploy: true })
  }
  server = await PenstockServer.start({ engine, port: 0 })
  url = server.url
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const rows = [
  [1, 2, 4, 7],
  [3, -1, 0, 2],
]

describe('http: tags and versions', () => {
  test('http: tags are segments of the address, percent-encoded', async () => {
    const tagged = await call(url, 'PUT', `/v1/pipelines/linear/tags/${encodeURIComponent('team a/b ü')}`)
    expect(tagged.json['tags']).toEqual(['team a/b ü'])
    expect((await call(url, 'PUT', '/v1/models/linear/versions/1/tags/x')).json['versions']).toMatchObject([
      { tags: ['x'] },
    ])
    expect((await call(url, 'GET', '/v1/tags')).json).toEqual({
      tags: [
        { tag: 'team a/b ü', pipelines: ['linear'], models: [] },
        { tag: 'x', pipelines: [], models: [{ name: 'linear', version: 1 }] },
      ],
    })
    expect((await call(url, 'GET', '/v1/pipelines?search=TEAM')).json['pipelines']).toMatchObject([{ name: 'linear' }])
    expect((await call(url, 'GET', '/v1/models?search=nothing')).json).toEqual({ models: [] })
    expect((await call(url, 'GET', '/v1/models?search=')).json['code']).toBe('ERR_ARGUMENT')
    const absent = await call(url, 'DELETE', '/v1/pipelines/linear/tags/absent')
    expect([absent.status, absent.json['code']]).toEqual([400, 'ERR_ARGUMENT'])
    expect((await call(url, 'DELETE', '/v1/models/linear/versions/1/tags/x')).status).toBe(200)
    expect((await call(url, 'PUT', '/v1/models/linear/versions/7/tags/x')).status).toBe(404)
  })

  test('http: a version has its models, the deployed one its signature, and a deploy need not be waited for', async () => {
    const { json } = await call(url, 'GET', '/v1/pipelines/linear/versions/1/models')
    expect(json['models']).toMatchObject([{ step: 0, reference: 'linear', model: { name: 'linear', version: 1 } }])
    expect((await call(url, 'GET', '/v1/pipelines/linear/versions/2/models')).status).toBe(404)
    const description = await call(url, 'GET', '/v1/pipelines/linear/description')
    expect(description.json).toMatchObject({ version: 1, whole: false, plain: false })
    const begun = await call(url, 'POST', '/v1/pipelines/linear/deploy', { wait: false })
    expect([begun.status, begun.json['state']]).toEqual([202, 'starting'])
    await until('it runs', () => engine.pipelineStatus('linear').state === 'running')
    expect((await call(url, 'GET', '/v1/pipelines/linear/status')).json['state']).toBe('running')
    expect((await call(url, 'POST', '/v1/pipelines/linear/deploy', { wait: 1 })).json['code']).toBe('ERR_ARGUMENT')
  })
})

test('http: the status of a pipeline says why its challenger fails, and the metrics by which code', async () => {
  for (const name of ['repeat-tokens', 'gather-ten']) await engine.addModel(name, modelBytes(name))
  const shadow = { type: 'shadow', champion: 'repeat-tokens', challengers: ['gather-ten'], tensorFields: ['tokens'] }
  await engine.applyPipeline({ name: 'shadowed', steps: [shadow as never] }, { deploy: true })
  expect((await call(url, 'GET', '/v1/pipelines/shadowed/status')).json['background']).toEqual([
    { model: 'gather-ten', shed_rows: 0, failed_rows: 0, failures: {}, last_failure: null },
  ])
  expect((await call(url, 'POST', '/v1/pipelines/shadowed/infer', { tokens: [[99], [98]] })).status).toBe(200)
  await until('the reason is known', () => engine.pipelineStatus('shadowed').background[0]?.lastFailure != null)
  const { json } = await call(url, 'GET', '/v1/pipelines/shadowed/status')
  const last_failure = { code: 'ERR_RUN_FAILED', message: expect.stringContaining('out of') as string }
  const losses = { model: 'gather-ten', shed_rows: 0, failed_rows: 2, failures: { ERR_RUN_FAILED: 2 }, last_failure }
  expect(json['background']).toMatchObject([losses])
  const { background } = await new PenstockControl(url).pipelineStatus('shadowed')
  expect(background).toEqual(engine.pipelineStatus('shadowed').background)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const labels = 'pipeline="shadowed",model="gather-ten",reason="ERR_RUN_FAILED"'
  expect(metrics).toContain(`penstock_background_rows_lost_total{${labels}} 2\n`)
  await engine.undeployPipeline('shadowed')
  await engine.removePipeline('shadowed')
})

describe('http: lists for clients of Wallaroo', () => {
  test('http: name what serves, with its version and hash', async () => {
    await engine.applyPipeline({ name: 'idle', steps: [{ type: 'model', model: 'linear' }] })
    const { json } = await call(url, 'GET', '/pipelines')
    expect(json['pipelines']).toEqual([
      { id: 'linear', version: '1', status: 'Running' },
      { id: 'slow', version: '1', status: 'Running' },
    ])
    const models = (await call(url, 'GET', '/models')).json['models'] as { name: string; sha: string }[]
    expect(models.map(({ name }) => name)).toEqual(['linear', 'slow'])
    expect(models[0]?.sha).toBe(engine.getModel('linear').versions[0]?.sha256)
  })
})

describe('http: explanations', () => {
  test('http: a configuration is stored, used by name, replaced and removed', async () => {
    const path = '/v1/pipelines/linear/explain-configs'
    const config = { method: 'occlusion', baseline: { x: [0, 1, 2, 3] }, groups: [{ name: 'ends', elements: [0, 3] }] }
    expect((await call(url, 'PUT', `${path}/ends`, config)).json).toEqual({ name: 'ends', ...config })
    expect((await call(url, 'GET', path)).json).toEqual({ configs: [{ name: 'ends', ...config }] })
    expect((await call(url, 'GET', `${path}/ends`)).json['method']).toBe('occlusion')
    expect((await call(url, 'GET', '/v1/pipelines/linear')).json['explain_configs']).toHaveLength(1)
    const begun = await call(url, 'POST', '/v1/pipelines/linear/explanations', { config: 'ends', inputs: { x: rows } })
    expect([begun.status, begun.json['evaluations']]).toEqual([202, 4])
    const { id } = begun.json as { id: string }
    await engine.explanations.finished('linear', id)
    const { json } = await call(url, 'GET', `/v1/pipelines/linear/explanations/${id}`)
    expect(json).toMatchObject({ state: 'done', result: { groups: ['ends'], contributions: [[2], [6]] } })
    expect((await call(url, 'GET', '/v1/pipelines/linear/explanations')).json['explanations']).toHaveLength(1)
    expect((await call(url, 'DELETE', `${path}/ends`)).status).toBe(204)
    const gone = await call(url, 'GET', `${path}/ends`)
    expect([gone.status, gone.json['code']]).toEqual([404, 'ERR_EXPLANATION_NOT_FOUND'])
  })

  test('http: a job is cancelled, and one that fails says why', async () => {
    const inputs = { x: Array.from({ length: 300 }, () => [1, 2, 3, 4]) }
    const body = { config: { method: 'permutation', repeats: 100 }, inputs }
    const { id } = (await call(url, 'POST', '/v1/pipelines/slow/explanations', body)).json as { id: string }
    await until('it runs', () => engine.explanations.get('slow', id).evaluated > 0)
    const running = await call(url, 'GET', `/v1/pipelines/slow/explanations/${id}`)
    expect(running.json).toMatchObject({ state: 'running', result: null, ended_at: null })
    expect((await call(url, 'DELETE', `/v1/pipelines/slow/explanations/${id}`)).json['state']).toBe('cancelled')
    const begin = async () => (await call(url, 'POST', '/v1/pipelines/slow/explanations', body)).json as { id: string }
    const first = await begin()
    const second = await begin()
    await until('it runs', () => engine.explanations.get('slow', first.id).evaluated > 0)
    await engine.undeployPipeline('slow')
    await call(url, 'DELETE', `/v1/pipelines/slow/explanations/${first.id}`)
    await engine.explanations.finished('slow', second.id)
    const failed = await call(url, 'GET', `/v1/pipelines/slow/explanations/${second.id}`)
    expect(failed.json).toMatchObject({ state: 'failed', failure: { code: 'ERR_CONFLICT' } })
  })

  test('http: what is none is refused', async () => {
    const path = '/v1/pipelines/linear/explanations'
    const config = { method: 'occlusion' }
    for (const [body, status, code] of [
      [{ config }, 400, 'ERR_ARGUMENT'],
      [{ config, inputs: { x: [[1]] } }, 400, 'ERR_SHAPE'],
      [{ config: 'absent', inputs: { x: rows } }, 404, 'ERR_EXPLANATION_NOT_FOUND'],
      [{ config: { method: 'lime' }, inputs: { x: rows } }, 400, 'ERR_ARGUMENT'],
      [{ config, inputs: { x: rows }, rows: 2 }, 400, 'ERR_ARGUMENT'],
      [{ config, inputs: { x: rows }, meta: { k: [1] } }, 400, 'ERR_META'],
      ['[1', 400, 'ERR_BODY'],
    ] as const) {
      const refused = await call(url, 'POST', path, body)
      expect([refused.status, refused.json['code']], JSON.stringify(body)).toEqual([status, code])
    }
    const other = await call(url, 'PUT', '/v1/pipelines/linear/explain-configs/a', { name: 'b', method: 'occlusion' })
    expect(other.json['error']).toMatch(/name to be "a", as in the address/)
    expect((await call(url, 'GET', `${path}/none`)).status).toBe(404)
  })

  test('control: the same calls and the same numbers as the engine embedded', async () => {
    const { explanations } = new PenstockControl(url)
    const config = { name: 'p', method: 'permutation', repeats: 3, seed: 9 } as const
    expect(await explanations.putConfig('linear', config)).toEqual(config)
    expect(await explanations.listConfigs('linear')).toEqual(engine.explanations.listConfigs('linear'))
    expect(await explanations.getConfig('linear', 'p')).toEqual(config)
    // A typed array is as many rows as it divides into, here as there.
    const begun = await explanations.start('linear', { config: 'p', inputs: { x: Float32Array.from(rows.flat()) } })
    const ended = await explanations.finished('linear', begun.id)
    expect(ended).toEqual(engine.explanations.get('linear', begun.id))
    const own = engine.explanations.start('linear', { config, inputs: { x: rows } })
    expect((await engine.explanations.finished('linear', own.id)).result).toEqual(ended.result)
    expect((await explanations.list('linear')).map(({ id }) => id)).toContain(begun.id)
    expect((await explanations.cancel('linear', begun.id)).state).toBe('done')
    await explanations.removeConfig('linear', 'p')
    const request = { config: 'p', inputs: { z: [[1]] } }
    await expect(explanations.start('linear', request)).rejects.toMatchObject({ code: 'ERR_EXPLANATION_NOT_FOUND' })
    await expect(explanations.start('linear', { ...request, config })).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_INPUT',
    })
  })
})
