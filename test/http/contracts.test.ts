/** Contracts over HTTP and through the control client: every answer is held to the schema of the OpenAPI document. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Engine, pipeline, PenstockControl, PenstockServer } from 'penstock'
import { call, modelBytes } from '../support/served.js'

let engine: Engine
let server: PenstockServer
let url = ''
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('linear', modelBytes('linear'))
  server = await PenstockServer.start({ engine, port: 0 })
  url = server.url
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const fields = ['a', 'b', 'c', 'd'].map((name) => ({ name, dtype: 'float32', min: -10 }))
const path = '/v1/contracts/four'

describe('http: contracts', () => {
  test('http: a contract is stored, listed, named by a pipeline and removed when none names it', async () => {
    const stored = await call(url, 'PUT', path, { fields, example: { a: 1, b: 2, c: 3, d: 4 } })
    expect([stored.status, stored.json['name'], stored.json['version']]).toEqual([201, 'four', 1])
    expect((await call(url, 'PUT', path, fields)).json['version']).toBe(2)
    expect((await call(url, 'PUT', path, fields)).json['version']).toBe(2)
    expect((await call(url, 'GET', '/v1/contracts')).json['contracts']).toMatchObject([{ name: 'four' }])
    expect((await call(url, 'GET', path)).json['versions']).toMatchObject([{ version: 1 }, { version: 2 }])
    const one = await call(url, 'GET', `${path}/versions/1`)
    expect(one.json['contract']).toMatchObject({ name: 'four', fields, example: { d: 4 } })
    const definition = { contract: 'four', steps: [{ type: 'model', model: 'linear' }] }
    const applied = await call(url, 'PUT', '/v1/pipelines/linear?deploy=true', definition)
    expect([applied.status, applied.json['contract']]).toEqual([201, 'four@2'])
    expect((await call(url, 'GET', '/v1/pipelines/linear')).json['versions']).toMatchObject([{ contract: 'four@2' }])
    expect((await call(url, 'DELETE', path)).status).toBe(409)
    expect((await call(url, 'DELETE', `${path}/versions/2`)).status).toBe(409)
    expect((await call(url, 'DELETE', `${path}/versions/1`)).status).toBe(204)
    expect((await call(url, 'GET', `${path}/versions/1`)).json['code']).toBe('ERR_CONTRACT_NOT_FOUND')
    await call(url, 'POST', '/v1/pipelines/linear/undeploy')
    expect((await call(url, 'DELETE', path)).status).toBe(204)
    expect((await call(url, 'GET', path)).status).toBe(404)
  })

  test('http: what is none is refused, with each of its mistakes', async () => {
    const refused = await call(url, 'PUT', path, { fields: [{ name: 'a', dtype: 'int8', max: 200 }, { nam: 'b' }] })
    expect([refused.status, refused.json['code']]).toEqual([400, 'ERR_CONTRACT_INVALID'])
    expect((refused.json['errors'] as { field: string }[]).map(({ field }) => field)).toEqual([
      'fields[0].max',
      'fields[1].nam',
      'fields[1].name',
      'fields[1].dtype',
    ])
    for (const [method, address, body, status, code] of [
      ['PUT', path, '[1', 400, 'ERR_BODY'],
      ['PUT', path, { name: 'other', fields }, 400, 'ERR_CONTRACT_INVALID'],
      ['PUT', '/v1/contracts/a_b', fields, 400, 'ERR_ARGUMENT'],
      ['GET', '/v1/contracts/absent', undefined, 404, 'ERR_CONTRACT_NOT_FOUND'],
      ['DELETE', '/v1/contracts/absent', undefined, 404, 'ERR_CONTRACT_NOT_FOUND'],
      ['GET', `${path}/versions/x`, undefined, 400, 'ERR_ARGUMENT'],
      [
        'PUT',
        '/v1/pipelines/p',
        { contract: 'absent', steps: [{ type: 'model', model: 'linear' }] },
        404,
        'ERR_CONTRACT_NOT_FOUND',
      ],
      [
        'PUT',
        '/v1/pipelines/p',
        { contract: 'a@b', steps: [{ type: 'model', model: 'linear' }] },
        400,
        'ERR_PIPELINE_INVALID',
      ],
    ] as const) {
      const answer = await call(url, method, address, body)
      expect([answer.status, answer.json['code']], `${method} ${address}`).toEqual([status, code])
    }
  })

  test('control: the same calls and the same records as the engine embedded', async () => {
    const control = new PenstockControl(url)
    const contract = { name: 'mirror', fields: [{ name: 'x', dtype: 'float32', shape: [4] }] } as const
    expect(await control.contracts.put(contract)).toEqual(engine.contracts.getVersion('mirror'))
    await control.contracts.put({ ...contract, extra: 'log' })
    expect(await control.contracts.list()).toEqual(engine.contracts.list())
    expect(await control.contracts.get('mirror')).toEqual(engine.contracts.get('mirror'))
    expect(await control.contracts.getVersion('mirror')).toEqual(engine.contracts.getVersion('mirror', 2))
    expect(await control.contracts.getVersion('mirror', 1)).toEqual(engine.contracts.getVersion('mirror', 1))
    await pipeline('linear', control).model('linear').contract('mirror@1').deploy()
    expect((await control.describePipeline('linear')).definition.contract).toBe('mirror@1')
    await expect(control.contracts.remove('mirror')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await control.contracts.removeVersion('mirror', 2)
    await expect(control.contracts.getVersion('mirror', 2)).rejects.toMatchObject({ code: 'ERR_CONTRACT_NOT_FOUND' })
    await control.undeployPipeline('linear')
    await control.contracts.remove('mirror')
    expect(await control.contracts.list()).toEqual([])
  })
})
