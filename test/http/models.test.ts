/** Versions of models over HTTP: what names them, the stages that they are in, where they come from. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, modelBytes, serve, type Answer, type Served } from '../support/served.js'

let served: Served
const http = (method: string, path: string, body?: unknown): Promise<Answer> =>
  call(served.server.url, method, path, body)
const infer = (pipeline: string, body: unknown): Promise<Answer> =>
  http('POST', `/v1/pipelines/${pipeline}/infer`, body)

beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

describe('versions of models over HTTP', () => {
  it('resolves the references of MLflow, keeps versions in stages, and pipelines follow them', async () => {
    await http('PUT', '/v1/models/staged/versions?alias=champion', modelBytes('add-one'))
    await http('PUT', '/v1/models/staged/versions', modelBytes('times-two'))
    expect((await http('PUT', '/v1/models/staged/aliases/production', { version: 1 })).json).toMatchObject({
      aliases: { champion: 1, Production: 1 },
    })
    const definition = { steps: [{ type: 'model', model: 'models:/staged/Production' }] }
    expect((await http('PUT', '/v1/pipelines/staged?deploy=true', definition)).status).toBe(201)
    expect((await http('GET', '/v1/pipelines/staged/versions/1')).json['steps']).toMatchObject([
      { model: 'staged@Production' },
    ])
    const answer = async (): Promise<unknown> => (await infer('staged', { inputs: { x: [[1, 2, 3]] } })).json['outputs']
    const before = await answer()
    const moved = await http('PUT', '/v1/models/staged/aliases/Production', { version: 2, archive_existing: true })
    expect(moved.json).toMatchObject({ aliases: { champion: 1, Production: 2 }, archived: [1] })
    expect(await answer()).not.toEqual(before)
    const versionOf = async (reference: string): Promise<unknown> =>
      (await http('GET', `/v1/model-versions?reference=${encodeURIComponent(reference)}`)).json['version']
    const references = [
      'staged',
      'models:/staged/1',
      'models:/staged/latest',
      'models:/staged/archived',
      'models:/staged@champion',
    ]
    expect(await Promise.all(references.map(versionOf))).toEqual([2, 1, 2, 1, 1])
    expect((await http('GET', '/v1/model-versions?reference=staged@1')).json['aliases']).toEqual([
      'champion',
      'Archived',
    ])
    // The stage would be empty, and a pipeline follows it.
    expect(await http('PUT', '/v1/models/staged/aliases/Staging', { version: 2 })).toMatchObject({ status: 409 })
    expect(await http('DELETE', '/v1/models/staged/aliases/PRODUCTION')).toMatchObject({ status: 409 })
  })

  it('keeps where a version comes from', async () => {
    await http('PUT', '/v1/models/told/versions', modelBytes('add-one'))
    const lineage = {
      source: 'runs:/0a/model',
      run_id: '0a',
      metrics: { rmse: 0.5 },
      params: { depth: 3, kind: 'gbt' },
    }
    const told = await http('PUT', '/v1/models/told/versions/1/lineage', lineage)
    expect(told).toMatchObject({ status: 200, json: { versions: [{ version: 1, lineage }] } })
    // The same bytes again say nothing of it.
    await http('PUT', '/v1/models/told/versions', modelBytes('add-one'))
    expect((await http('GET', '/v1/model-versions?reference=told')).json['lineage']).toEqual(lineage)
    expect((await http('PUT', '/v1/models/told/versions/1/lineage', {})).json['versions']).not.toMatchObject([
      { lineage: expect.anything() },
    ])
  })

  it.each([
    ['PUT', '/v1/models/staged/versions/1/lineage', { runId: 'a' }, 400, /run_id/],
    ['PUT', '/v1/models/staged/versions/1/lineage', { metrics: { rmse: 'low' } }, 400, /the body\.metrics\.rmse/],
    ['PUT', '/v1/models/staged/versions/1/lineage', [], 400, /an object/],
    ['PUT', '/v1/models/staged/versions/9/lineage', {}, 404, /no version 9/],
    ['GET', '/v1/model-versions', undefined, 400, /one reference but received none/],
    ['GET', '/v1/model-versions?reference=a&reference=b', undefined, 400, /received 2/],
    ['GET', '/v1/model-versions?reference=models:/staged/champion', undefined, 400, /models:\/staged@champion/],
    ['GET', '/v1/model-versions?reference=a%20b', undefined, 400, /name@alias/],
    ['GET', '/v1/model-versions?reference=stagde', undefined, 404, /Did you mean staged\?/],
    [
      'GET',
      '/v1/model-versions?reference=staged@champoin',
      undefined,
      404,
      /it has champion, Production\. Did you mean champion\?/,
    ],
    ['GET', '/v1/model-versions?reference=models:/staged/9', undefined, 404, /no version 9; it has 1, 2/],
    [
      'GET',
      '/v1/model-versions?reference=staged@Staging',
      undefined,
      404,
      /No version of model staged is in the stage Staging/,
    ],
    ['PUT', '/v1/models/staged/aliases/latest', { version: 1 }, 400, /newest version/],
    ['PUT', '/v1/models/staged/aliases/v7', { version: 1 }, 400, /model@7/],
    ['PUT', '/v1/models/staged/aliases/champion', { version: 1, archive_existing: true }, 400, /one of the stages/],
    ['PUT', '/v1/models/staged/aliases/Staging', { version: 1, archive_existing: 'yes' }, 400, /true or false/],
    ['PUT', '/v1/models/staged/aliases/Staging', { version: 1, archive: true }, 400, /archive/],
  ] as const)('refuses %s %s %j', async (method, path, body, status, message) => {
    const answer = await http(method, path, body)
    expect([answer.status, answer.json['error']]).toEqual([status, expect.stringMatching(message)])
  })
})
