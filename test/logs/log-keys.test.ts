/**
 * What joins a logged row with what its caller knows: ids, routing keys and extra columns, by every way in; the log's own
 * id, by every way out; and of each row the model that answered it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Table, tableFromArrays, tableToIPC, Utf8, type Vector, vectorFromArray } from 'apache-arrow'
import { Engine, LogStore, PenstockServer, type PipelineDefinition } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, modelBytes } from '../support/served.js'
import { grpcClient } from '../support/v2-ways.js'

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-keys-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  server = await PenstockServer.start({ engine, port: 0, grpcPort: 0 })
  await engine.addModel('one', modelBytes('constant-v1'))
  await engine.addModel('two', modelBytes('constant-v2'))
  await engine.addModel('two', modelBytes('add-one'))
  await engine.addModel('text', modelBytes('upper-string'))
  const split = { type: 'key-split', default: 'one', key: 'region', options: { eu: 'two@1', us: 'two@2' } } as const
  const definitions: PipelineDefinition[] = [
    { name: 'plain', steps: [{ type: 'model', model: 'one' }] },
    { name: 'split', steps: [split] },
    { name: 'named', steps: [split], log: { durability: 'committed', keys: ['order', 'amount'] } },
    { name: 'texts', steps: [{ type: 'model', model: 'text' }], log: { durability: 'async', keys: ['order'] } },
  ]
  for (const definition of definitions) await engine.applyPipeline(definition, { deploy: true })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

let ids = 0
const x = (rows: number): number[][] => Array.from({ length: rows }, () => [1, 0, 0])

async function rowsOf(sql: string): Promise<Record<string, unknown>[]> {
  const { body } = await engine.queryLogs(sql)
  return JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>[]
}

/** The rows of one request by the caller's id. */
const byId = (pipeline: string, id: string): Promise<Record<string, unknown>[]> =>
  rowsOf(
    `SELECT "metadata.id" AS id, "metadata.request_id" AS request, "metadata.row" AS row, model, model_version AS version
     FROM ${pipeline} WHERE "metadata.id" = '${id}' ORDER BY row`,
  )

describe("the caller's id", () => {
  const url = (path: string): string => `/v1/pipelines/plain/infer${path}`
  const arrow = (): Uint8Array => tableToIPC(tableFromArrays({ x: x(2) }), 'file')
  const twoRecords = [{ x: [1, 2, 3] }, { x: [4, 5, 6] }]
  const forms: [string, unknown, Record<string, string>][] = [
    ['JSON columns, which the addon reads', { x: x(2) }, {}],
    ['JSON columns with options', { inputs: { x: x(2) }, priority: 'background' }, {}],
    ['records', twoRecords, {}],
    ['Arrow', arrow(), { 'content-type': 'application/vnd.apache.arrow.file' }],
  ]
  test.each(forms)(
    '%s: the header goes into each row, and the answer has the id of the log',
    async (form, body, more) => {
      const id = `id ${++ids} of ${form.slice(0, 5)} é`
      const answer = await call(server.url, 'POST', url(''), body, { 'x-request-id': encodeURIComponent(id), ...more })
      expect(answer.status).toBe(200)
      const metadata = (answer.json as { metadata?: { request_id?: string } }).metadata
      const request = answer.headers.get('x-penstock-request-id') ?? metadata?.request_id
      expect(await byId('plain', encodeURIComponent(id))).toEqual(
        [0, 1].map((row) => ({ id: encodeURIComponent(id), request, row, model: 'one', version: 1 })),
      )
    },
  )

  test('Open Inference: its id, and the id of the log among the parameters', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [1, 0, 0, 1, 0, 0] }]
    const answer = await call(server.url, 'POST', '/v2/models/plain/infer', { id: 'oip-1', inputs })
    const { id, parameters } = answer.json as { id: string; parameters: { request_id: string } }
    expect(id).toBe('oip-1')
    expect((await byId('plain', 'oip-1')).map(({ request, row }) => [request, row])).toEqual([
      [parameters.request_id, 0],
      [parameters.request_id, 1],
    ])
  })

  const oip = [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [1, 0, 0, 1, 0, 0] }]
  test.each([
    ['the fast path', ''],
    ['the fall-back', 'identity'],
  ])('Open Inference over HTTP, %s: the header where there is no id', async (way, encoding) => {
    const ask = async (more: object): Promise<string> => {
      const headers = { 'x-request-id': `header of ${way}`, 'accept-encoding': encoding }
      const answer = await call(server.url, 'POST', '/v2/models/plain/infer', { inputs: oip, ...more }, headers)
      const { parameters } = answer.json as { parameters: { request_id: string } }
      return parameters.request_id
    }
    const request = await ask({})
    const other = await ask({ id: `body of ${way}` })
    expect((await byId('plain', `header of ${way}`)).map((row) => row['request'])).toEqual([request, request])
    expect((await byId('plain', `body of ${way}`)).map((row) => row['request'])).toEqual([other, other])
  })

  test.each([true, false])('gRPC, raw %s: its id, and the id of the log among the parameters', async (isRaw) => {
    const client = grpcClient(server)
    const id = `grpc-${isRaw}`
    const data = Float32Array.of(1, 0, 0, 1, 0, 0)
    const input = { name: 'x', datatype: 'FP32', shape: [2, 3] }
    const message = isRaw
      ? { inputs: [input], raw_input_contents: [Buffer.from(data.buffer)] }
      : { inputs: [{ ...input, contents: { fp32_contents: [...data] } }] }
    try {
      const answer = await new Promise<{ parameters: Record<string, { string_param: string }> }>((resolve, reject) =>
        client.ModelInfer({ model_name: 'plain', id, ...message }, (error, reply) =>
          error === null ? resolve(reply) : reject(new Error(error.details)),
        ),
      )
      const request = answer.parameters['request_id']?.string_param
      expect(request).toMatch(/^[0-9a-f]{8}-/)
      expect((await byId('plain', id)).map(({ request: logged, row }) => [logged, row])).toEqual([
        [request, 0],
        [request, 1],
      ])
    } finally {
      client.close()
    }
  })

  test('WebSocket: results that asked have the id of the log, side by side with some that did not', async () => {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    const ids: string[] = []
    try {
      const channel = await client.open('plain')
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, at) =>
          channel.infer(
            { x: new Float32Array(3 * (1 + (at % 3))).fill(at) },
            { meta: { 'x-request-id': `ask-${at}` }, requestId: at % 2 === 0, timing: at % 10 === 0 },
          ),
        ),
      )
      for (const [at, { requestId, rows }] of answers.entries()) {
        if (at % 2 !== 0) {
          expect(requestId).toBeUndefined()
          continue
        }
        expect(requestId).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/)
        ids.push(requestId as string)
        if (at % 30 !== 0) continue
        const logged = await rowsOf(
          `SELECT "metadata.id" AS id, "metadata.row" AS row, "in.x"[1] AS x FROM plain WHERE "metadata.request_id" = '${requestId}' ORDER BY row`,
        )
        expect(logged).toEqual(Array.from({ length: rows }, (_, row) => ({ id: `ask-${at}`, row, x: at })))
      }
      expect(new Set(ids).size).toBe(150)
      const [{ n } = { n: 0 }] = await rowsOf(
        `SELECT count(DISTINCT "metadata.request_id") AS n FROM plain WHERE "metadata.id" LIKE 'ask-%'`,
      )
      expect(n).toBe(300)
      const texts = await client.open('texts')
      const { requestId } = await texts.infer({ label: ['a'] }, { requestId: true })
      expect(await rowsOf(`SELECT "in.label"[1] AS l FROM texts WHERE "metadata.request_id" = '${requestId}'`)).toEqual(
        [{ l: 'a' }],
      )
      await expect(channel.infer({ x: new Float32Array(3) }, { requestId: 1 as never })).rejects.toMatchObject({
        code: 'ERR_ARGUMENT',
      })
    } finally {
      await client.close()
    }
  })

  test('WebSocket, and the library: a key of the meta', async () => {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    try {
      const channel = await client.open('plain')
      await channel.infer({ x: Float32Array.of(1, 0, 0) }, { meta: { 'x-request-id': 'ws-1' } })
    } finally {
      await client.close()
    }
    expect(await byId('plain', 'ws-1')).toMatchObject([{ row: 0, model: 'one' }])
    const { metadata } = await engine.infer('plain', { inputs: { x: x(1) }, meta: { 'x-request-id': 'lib' } })
    expect(await byId('plain', 'lib')).toMatchObject([{ request: metadata.requestId }])
  })

  test('a string pipeline logs the same', async () => {
    const headers = { 'x-request-id': 'text-1' }
    const records = [
      { label: 'a', order: 7 },
      { label: 'b', order: 8 },
    ]
    expect((await call(server.url, 'POST', '/v1/pipelines/texts/infer', records, headers)).status).toBe(200)
    expect((await byId('texts', 'text-1')).map(({ row, model }) => [row, model])).toEqual([
      [0, 'text'],
      [1, 'text'],
    ])
    expect(
      await rowsOf(
        `SELECT "in.label"[1] AS l, "metadata.key.order" AS o FROM texts WHERE "metadata.id" = 'text-1' ORDER BY l`,
      ),
    ).toEqual([
      { l: 'a', o: '7' },
      { l: 'b', o: '8' },
    ])
  })

  test('one that is too long is refused, not cut', async () => {
    const headers = { 'x-request-id': 'x'.repeat(1025) }
    expect(await call(server.url, 'POST', url(''), { x: x(1) }, headers)).toMatchObject({
      status: 400,
      json: { code: 'ERR_META' },
    })
  })
})

describe('keys and extra columns', () => {
  test('of a split: by default; with each row the model that answered it', async () => {
    const meta = { region: ['eu', 'asia', 'us', 'eu'] }
    const body = { inputs: { x: x(4) }, meta }
    const answer = await call(server.url, 'POST', '/v1/pipelines/split/infer', body)
    const { request_id: request } = (answer.json as { metadata: { request_id: string } }).metadata
    const rows = await rowsOf(
      'SELECT "metadata.request_id" AS request, "metadata.row" AS row, "metadata.key.region" AS region, model, model_version AS v FROM split ORDER BY row',
    )
    expect(rows).toEqual([
      { request, row: 0, region: 'eu', model: 'two', v: 1 },
      { request, row: 1, region: 'asia', model: 'one', v: 1 },
      { request, row: 2, region: 'us', model: 'two', v: 2 },
      { request, row: 3, region: 'eu', model: 'two', v: 1 },
    ])
  })

  test('of the policy: from records, Arrow and meta; others are not logged', async () => {
    const url = '/v1/pipelines/named/infer'
    const records = [
      { x: [1, 0, 0], region: 'eu', order: 'a', amount: 1.5, secret: 's' },
      { x: [1, 0, 0], region: 'us', order: 'b', secret: 's' },
    ]
    expect((await call(server.url, 'POST', url, records)).status).toBe(200)
    const texts = (...values: string[]): Vector<Utf8> => vectorFromArray(values, new Utf8())
    const vectors = { x: vectorFromArray(x(2)), order: texts('c', 'd'), region: texts('eu', 'eu') }
    const table = new Table(vectors)
    const type = { 'content-type': 'application/vnd.apache.arrow.stream' }
    expect((await call(server.url, 'POST', url, tableToIPC(table, 'stream'), type)).status).toBe(200)
    const meta = { order: 'e', amount: [3, 4] }
    expect((await call(server.url, 'POST', url, { inputs: { x: x(2) }, meta })).status).toBe(200)
    expect(
      await rowsOf('SELECT "metadata.key.order" AS o, "metadata.key.amount" AS a, model FROM named ORDER BY o, a'),
    ).toEqual([
      { o: 'a', a: '1.5', model: 'two' },
      { o: 'b', a: '', model: 'two' },
      { o: 'c', a: null, model: 'two' },
      { o: 'd', a: null, model: 'two' },
      { o: 'e', a: '3', model: 'one' },
      { o: 'e', a: '4', model: 'one' },
    ])
    const { columns } = await engine.queryLogs('SELECT * FROM named LIMIT 0')
    const names = columns.map(({ name }) => name).filter((name) => name.startsWith('metadata.key'))
    expect(names).toEqual(['metadata.key.order', 'metadata.key.amount'])
  })

  test('pages have them by name or as metadata; none without a dataset', async () => {
    const read = async (dataset: string[]): Promise<string[]> => {
      const page = await engine.readLogs('named', { dataset, datasetSeparator: '.', limit: 1 })
      return Object.keys((JSON.parse(Buffer.from(page.body).toString()) as object[])[0] ?? {})
    }
    expect(await read(['*'])).toEqual(['time', 'in.x', 'out.y', 'anomaly.count'])
    expect(await read(['model', 'model_version', 'metadata.row', 'metadata.id', 'metadata.key.order'])).toEqual(
      expect.arrayContaining(['model', 'model_version', 'metadata.row', 'metadata.id', 'metadata.key.order']),
    )
  })

  test('(request_id, row) names one row, over requests of many rows, neighbours, segments and Parquet', async () => {
    const requests = Array.from({ length: 60 }, (_, at) =>
      engine.infer('plain', { inputs: { x: x(1 + (at % 7) * 30) } }),
    )
    await Promise.all(requests)
    const sql =
      'SELECT count(*) AS n, count(DISTINCT ("metadata.request_id", "metadata.row")) AS d, max("metadata.row") AS m FROM plain'
    const [before] = await rowsOf(sql)
    expect(before).toMatchObject({ n: before?.['d'], m: 180 })
    await engine.undeployPipeline('plain')
    await store.tidy()
    expect(await rowsOf(sql)).toEqual([before])
    await engine.deployPipeline('plain')
  })

  test.each([
    [['a', 'a'], /log\.keys\[1\]/],
    [['x-request-id'], /always logged/],
    [[''], /1\.\.128 characters/],
    [Array.from({ length: 32 }, (_, at) => `k${at}`), /at most 31 names/],
    ['order', /a list/],
  ])('a policy with the keys %j is refused', async (keys, message) => {
    const log = { durability: 'async', keys } as never
    const wrong = engine.applyPipeline({ name: 'wrong', steps: [{ type: 'model', model: 'one' }], log })
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) })
  })
})
