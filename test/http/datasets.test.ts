/** Datasets over HTTP, the control client and the command line: what is stored comes back, and models say what they were made with. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetsOf, Engine, Home, PenstockControl, PenstockServer, tablesIn, withDatasets } from 'penstock'
import { penstock } from '../support/cli-process.js'
import { call, modelBytes } from '../support/served.js'

const folder = mkdtempSync(join(tmpdir(), 'penstock-datasets-'))
const wines = 'alcohol,type,quality\n9.4,red,5\n10.1,white,6\n,red,9007199254740993\n'
const file = join(folder, 'wines.csv')
let home: Home
let engine: Engine
let server: PenstockServer
let control: PenstockControl
let url = ''

beforeAll(async () => {
  writeFileSync(file, wines)
  home = await Home.open({ path: join(folder, 'home') })
  const { models, pipelines } = home
  const stores = { models, pipelines, datasets: datasetsOf(home), tables: withDatasets(home, tablesIn(folder)) }
  engine = await Engine.open({ ...stores, inferWorkers: 1, calibration: 'off' })
  server = await PenstockServer.start({ engine, port: 0 })
  url = server.url
  control = new PenstockControl(url)
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await home.close()
  rmSync(folder, { recursive: true, force: true })
})

const put = (name: string, query: string, body: string | Uint8Array) =>
  call(url, 'PUT', `/v1/datasets/${name}/versions?${query}`, Buffer.from(body), {
    'content-type': 'application/octet-stream',
  })

test('datasets: a file is stored with its facts, listed, and comes back byte for byte', async () => {
  const stored = await put('wine', 'format=csv&split=train', wines)
  expect(stored.status).toBe(201)
  const sha256 = createHash('sha256').update(wines).digest('hex')
  expect(stored.json).toMatchObject({ name: 'wine', version: 1, split: 'train', rows: 3, sha256, format: 'csv' })
  expect((await put('wine', 'format=csv&split=train', wines)).json['version']).toBe(1)
  const content = await call(url, 'GET', '/v1/datasets/wine/versions/1/content')
  expect(Buffer.from(content.bytes).toString()).toBe(wines)
  expect((await call(url, 'GET', '/v1/datasets')).json).toMatchObject({ datasets: [{ name: 'wine' }] })
  const { rows } = (await call(url, 'GET', '/v1/datasets/wine/versions/1/rows?limit=3')).json as { rows: object[] }
  expect(rows).toEqual([
    { alcohol: 9.4, type: 'red', quality: 5 },
    { alcohol: 10.1, type: 'white', quality: 6 },
    { alcohol: null, type: 'red', quality: '9007199254740993' },
  ])
  expect(engine.datasets.open('wine@latest')).toMatchObject({ name: 'wine', format: 'csv', version: { version: 1 } })
  expect(readFileSync(engine.datasets.open('wine').path, 'utf8')).toBe(wines)
})

test('datasets: the control client has the calls of the engine', async () => {
  const version = await control.datasets.create('small', Buffer.from('a\n1\n'), { format: 'csv' })
  expect(version).toEqual(engine.datasets.getVersion('small'))
  expect(await control.datasets.get('small')).toEqual(engine.datasets.get('small'))
  expect(Buffer.from(await control.datasets.read('small')).toString()).toBe('a\n1\n')
  expect(await control.datasets.rows('small', 1, 5)).toEqual([{ a: 1 }])
  await control.datasets.removeVersion('small', 1)
  expect((await control.datasets.list()).map(({ name }) => name)).toEqual(['wine'])
})

test('datasets: what a model was made with is pinned, shown, and not removed without a word', async () => {
  const lineage = { datasets: { train: 'wine@latest' } }
  const { version } = await engine.addModel('add', modelBytes('add-one'), { lineage })
  const kept = (await control.getModel('add')).versions.find((one) => one.version === version)
  expect(kept?.lineage).toEqual({ datasets: { train: 'wine@1' } })
  const refused = await call(url, 'DELETE', '/v1/datasets/wine')
  expect(refused.json).toMatchObject({
    code: 'ERR_CONFLICT',
    error: 'The dataset wine@1 is named in the lineage of add@1. Remove it with force, or those versions first',
  })
  await expect(engine.setLineage('add', version, { datasets: { train: 'wines@1' } })).rejects.toMatchObject({
    code: 'ERR_DATASET_NOT_FOUND',
    message: 'There is no dataset wines. Did you mean wine?',
  })
  await put('gone', 'format=csv', 'a\n1\n')
  await engine.setLineage('add', version, { datasets: { test: 'gone@1' } })
  expect((await call(url, 'DELETE', '/v1/datasets/gone/versions/1?force=true')).status).toBe(204)
})

test('datasets: a lookup step reads one by its reference, and follows the newest where no version is said', async () => {
  await put('orders', 'format=csv', 'id,x\n1,10\n')
  const lookup = (table: string) => ({
    type: 'lookup' as const,
    table,
    key: ['id'],
    columns: [{ name: 'x', dtype: 'float32' as const }],
    inputs: [{ name: 'id', dtype: 'int64' as const }],
  })
  const ask = async (pipeline: string): Promise<unknown> =>
    (await engine.infer(pipeline, { inputs: { id: BigInt64Array.of(1n) } })).outputs['x']?.data[0]
  await engine.applyPipeline({ name: 'pinned', steps: [lookup('dataset:orders@1')] }, { deploy: true })
  await engine.applyPipeline({ name: 'newest', steps: [lookup('dataset:orders')] }, { deploy: true })
  expect([await ask('pinned'), await ask('newest')]).toEqual([10, 10])
  await put('orders', 'format=csv', 'id,x\n1,11\n')
  await expect.poll(() => ask('newest'), { timeout: 20_000 }).toBe(11)
  expect(await ask('pinned')).toBe(10)
  const cache = { ttlSeconds: 60, maxBytes: 65_536 }
  await expect(
    engine.applyPipeline({ name: 'wrong', steps: [lookup('dataset:orders')], cache }, { deploy: true }),
  ).rejects.toThrow(/Expected a pipeline with a cache to have a model/)
  await expect(
    engine.applyPipeline({ name: 'wrong', steps: [lookup('dataset:order')] }, { deploy: true }),
  ).rejects.toThrow(/There is no table dataset:order. Did you mean dataset:orders\?/)
})

test('datasets: the command line creates, shows, gets, and takes them in place of files', async () => {
  const cli = async (...words: string[]) => {
    const { stdout: out, stderr: err } = await penstock(words, { env: { PENSTOCK_URL: url } })
    return { out, err }
  }
  expect((await cli('dataset', 'create', 'wine-cli', file, '--split', 'test')).out).toMatch(
    /^wine-cli@1 {2}3 rows, 3 columns, .* of csv\n {2}split {4}test\n {2}sha256 {3}[0-9a-f]{64}\n/,
  )
  expect((await cli('dataset', 'list')).out).toMatch(/wine-cli@1 +test +3 +3/)
  expect((await cli('dataset', 'show', 'wine-cli@latest', '--rows', '1')).out).toMatch(
    /ALCOHOL +TYPE +QUALITY\n9\.4 +red +5/,
  )
  const copy = join(folder, 'copy.csv')
  await cli('dataset', 'get', 'wine-cli', '--out', copy)
  expect(readFileSync(copy, 'utf8')).toBe(wines)
  const ops = join(folder, 'ops.json')
  writeFileSync(ops, JSON.stringify([{ op: 'one-hot', columns: ['type'] }]))
  const fitted = await cli('transform', 'fit', '--table', 'dataset:wine-cli@1', '--ops', ops)
  expect(fitted.out).toMatch(/red[\s\S]*white/)
  const drafted = await cli('contract', 'infer', '--table', 'dataset:wine-cli', '--target', 'quality')
  expect(JSON.parse(drafted.out)).toMatchObject({ name: 'wine-cli' })
  expect((await cli('dataset', 'remove', 'wine-cli')).out).toBe('removed wine-cli\n')
  expect((await cli('transform', 'fit', '--table', 'dataset:wine-cli@1', '--ops', ops)).err).toMatch(
    /There is no dataset wine-cli/,
  )
})

test.each([
  [
    'PUT',
    '/v1/datasets/wine/versions',
    'a\n1\n',
    'ERR_ARGUMENT',
    /Expected format to be one of "csv", "json", "ndjson"/,
  ],
  ['PUT', '/v1/datasets/wine/versions?format=xlsx', 'a\n1\n', 'ERR_ARGUMENT', /Expected format to be one of/],
  ['PUT', '/v1/datasets/wine/versions?format=csv', '', 'ERR_BODY', /received an empty body\. With curl/],
  ['PUT', '/v1/datasets/wine/versions?format=csv&split=a%2Fb', 'a\n1\n', 'ERR_ARGUMENT', /Expected split/],
  ['PUT', '/v1/datasets/a.b/versions?format=csv', 'a\n1\n', 'ERR_ARGUMENT', /Expected dataset/],
  ['PUT', '/v1/datasets/wine/versions?format=csv', 'a,a\n1,2\n', 'ERR_BODY', /columns of different names/],
  ['PUT', '/v1/datasets/wine/versions?format=parquet', 'no', 'ERR_BODY', /whole file/],
  ['GET', '/v1/datasets/wines', undefined, 'ERR_DATASET_NOT_FOUND', /Did you mean wine\?/],
  ['GET', '/v1/datasets/wine/versions/7', undefined, 'ERR_DATASET_NOT_FOUND', /no version 7\. It has the versions 1/],
  ['GET', '/v1/datasets/wine/versions/0', undefined, 'ERR_ARGUMENT', /the version in the path/],
  ['GET', '/v1/datasets/wine/versions/1/rows?limit=0', undefined, 'ERR_ARGUMENT', /Expected limit .* 1\.\.100/],
  ['GET', '/v1/datasets/wine/versions/1/rows?limit=x', undefined, 'ERR_ARGUMENT', /Expected limit/],
  ['DELETE', '/v1/datasets/wine?force=maybe', undefined, 'ERR_ARGUMENT', /Expected force to be one of "true", "false"/],
] as const)('datasets: %s %s with %j is refused and loses nothing', async (method, path, body, code, message) => {
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const { json } = await call(url, method, path, bytes)
  expect(json['code']).toBe(code)
  expect(json['error']).toMatch(message)
  expect(engine.datasets.get('wine').versions).toHaveLength(1)
})

test('datasets: an engine without a store says what is missing', async () => {
  const bare = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  expect(bare.datasets.list()).toEqual([])
  await expect(bare.datasets.create('a', Buffer.from('a\n1\n'), { format: 'csv' })).rejects.toThrow(
    'This engine keeps no datasets. Open it with datasetsOf(home) as its datasets',
  )
  await bare.close()
})
