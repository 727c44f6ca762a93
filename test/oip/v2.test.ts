/**
 * The Open Inference Protocol over HTTP, byte by byte: what clients that others wrote cannot be made to send, and that the
 * fast path and the one that takes everything answer alike. Those clients themselves are in test/interop.
 */
import { deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, serve, type Served } from '../support/served.js'

let served: Served
beforeAll(async () => {
  served = await serve({ allowClientShm: true })
})
afterAll(() => served.close())

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
}

async function post(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${served.server.url}/v2/${path}`, { method: 'POST', body: body as string, headers })
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

/** Node's fetch names encodings unasked, which the fast path leaves to the other. */
const fast = { 'accept-encoding': '' }

const floats = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer)
const head = (input: object, rest: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], ...input }], ...rest }))

/** A head and the bytes behind it. */
function binary(json: Buffer, tail: Buffer): [Buffer, Record<string, string>] {
  return [Buffer.concat([json, tail]), { 'inference-header-content-length': String(json.length) }]
}

const sized = (bytes: number): object => ({ parameters: { binary_data_size: bytes } })
const errorOf = ({ bytes }: Answer): string => (JSON.parse(bytes.toString()) as { error: string }).error

describe('v2 over HTTP', () => {
  it('answers what OpenAPI promises', async () => {
    const { url } = served.server
    for (const path of [
      '',
      '/',
      '/models',
      '/models/stats',
      '/models/add',
      '/models/add/versions/1',
      '/models/add/config',
    ])
      expect((await call(url, 'GET', `/v2${path}`)).status, path).toBe(200)
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [[1, 2, 3], 4, 5, [[6]]] }], id: '7' }
    expect((await call(url, 'POST', '/v2/models/add/infer', body)).json).toEqual({
      model_name: 'add',
      model_version: '1',
      id: '7',
      parameters: { request_id: expect.any(String) as string },
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 3], data: [2, 3, 4, 5, 6, 7] }],
    })
    expect((await call(url, 'GET', '/v2/models/add/stats')).json).toMatchObject({ model_stats: [{ name: 'add' }] })
    expect((await call(url, 'POST', '/v2/repository/index', { ready: true })).status).toBe(200)
    expect((await call(url, 'GET', '/v2/models/nobody')).status).toBe(404)
  })

  it('answers health as KServe reads it, and loads with nothing', async () => {
    const answers = [
      ['health/live', { live: true }],
      ['health/ready', { ready: true }],
      ['models/add/ready', { name: 'add', ready: true }],
    ] as const
    for (const [path, body] of answers) {
      const { status, json } = await call(served.server.url, 'GET', `/v2/${path}`)
      expect([status, json], path).toEqual([200, body])
    }
    const loaded = await post('repository/models/one/load', '')
    expect([loaded.status, loaded.bytes.length]).toEqual([200, 0])
  })

  it('answers the fast path and the other byte for byte alike', async () => {
    const json = head({ ...sized(12) }, { id: 'a', parameters: { binary_data_output: true } })
    const cases: [Uint8Array | string, Record<string, string>][] = [
      binary(json, floats([1, 2, 3])),
      binary(head(sized(12), { outputs: [{ name: 'y', parameters: { binary_data: true } }] }), floats([1, 2, 3])),
      binary(head(sized(12), { outputs: [{ name: 'y' }] }), floats([1, 2, 3])),
      [head({ data: [1, 2, 3] }), {}],
      binary(head(sized(16)), floats([1, 2, 3])),
      binary(head(sized(8)), floats([1, 2, 3])),
      [head({ data: [1, 2] }), {}],
      [head({ datatype: 'INT8', data: [1, 2, 3] }), {}],
      ['', {}],
    ]
    for (const [body, headers] of cases) {
      const one = await post('models/add/infer', body, { ...headers, ...fast })
      const other = await post('models/add/infer', body, { ...headers, 'accept-encoding': 'identity' })
      // Each has an id of its own.
      const textOf = (bytes: Buffer): string => bytes.toString('latin1').replace(/"request_id":"[^"]+"/, '')
      expect([one.status, textOf(one.bytes)]).toEqual([other.status, textOf(other.bytes)])
      expect(one.headers.get('content-type')).toBe(other.headers.get('content-type'))
    }
  })

  it('puts binary tensors behind the JSON and says where they begin', async () => {
    const [body, headers] = binary(head(sized(12), { parameters: { binary_data_output: true } }), floats([1, 2, 3]))
    const answer = await post('models/add/infer', body, { ...headers, ...fast })
    const length = Number(answer.headers.get('inference-header-content-length'))
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    expect(JSON.parse(answer.bytes.toString('utf8', 0, length))).toMatchObject({
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } }],
    })
    expect(answer.bytes.subarray(length)).toEqual(floats([2, 3, 4]))
    const plain = await post('models/add/infer', head({ data: [1, 2, 3] }), fast)
    expect(plain.headers.get('inference-header-content-length')).toBeNull()
  })

  it('takes data before the shape that it is read by, and members that it does not know', async () => {
    const body =
      '{"model_name":"m","inputs":[{"data":[9007199254740993,-1,0],"more":{"a":[1]},"datatype":"INT64","shape":[1,3],"name":"x"}]}'
    const { status, bytes } = await post('models/wide/infer', body)
    expect([status, bytes.toString()]).toEqual([200, expect.stringContaining('"data":[9007199254740993,-1,0]')])
  })

  it('unpacks what is packed, up to the limit of a body', async () => {
    const body = head({ data: [1, 2, 3] })
    for (const [encoding, packed] of [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
    ] as const)
      expect((await post('models/add/infer', packed, { 'content-encoding': encoding })).status).toBe(200)
    expect((await post('models/add/infer', body, { 'content-encoding': 'gzip' })).status).toBe(400)
    const bomb = gzipSync(Buffer.alloc(65 * 2 ** 20))
    expect((await post('models/add/infer', bomb, { 'content-encoding': 'gzip' })).status).toBe(413)
  })

  it.each([
    [head({ shape: [1, -3], data: [1] }), /unsigned-integer/],
    [head({ shape: [2 ** 40, 2 ** 40], data: [1] }), /each dim must be at most 2147483647/],
    [head({ shape: [2 ** 30, 2 ** 30], data: [1] }), /exceed maximum size/],
    [head({ shape: [1, 1e6], data: [1] }), /expected 1000000 elements/],
    [head({ data: [1, 2, 3, 4] }), /got more/],
    [head({ data: [1, 'a', 3] }), /element 1 must be a number/],
    [head({ data: [1, 1e39, 3] }), /is no float32/],
    [head({ data: 'abc' }), /non-array/],
    [head({}), /unable to find data/],
    [head({ data: [1, 2, 3], ...sized(12) }), /more than one/],
    [head({ datatype: 'FP7', data: [1, 2, 3] }), /invalid datatype/],
    [head({ data: [1, 2, 3] }, { id: 7 }), /'id'/],
    [head({ data: [1, 2, 3] }, { outputs: [{ name: 'y' }, { name: 'y' }] }), /already requested/],
    [head({ data: [1, 2, 3] }, { parameters: { priority: -1 } }), /priority/],
    ['{"inputs":[{"name":"x","name":"x"}]}', /twice/],
    [`{"inputs":${'['.repeat(100_000)}`, /non-object/],
    ['{"id":"1"}', /'inputs'/],
  ] as const)('refuses what is wrong: case %#', async (body, words) => {
    for (const encoding of ['', 'identity']) {
      const answer = await post('models/add/infer', body, { 'accept-encoding': encoding })
      expect(answer.status).toBe(400)
      expect(errorOf(answer)).toMatch(words)
    }
  })

  it('refuses lengths of the head that are none', async () => {
    for (const length of ['-1', '999', '1e2', 'x', '99999999999999'])
      expect(
        (await post('models/add/infer', head(sized(12)), { 'inference-header-content-length': length })).status,
        length,
      ).toBe(400)
  })

  it('has no address but those of the protocol', async () => {
    const statuses = await Promise.all(
      ['models/add/versions/x', 'models/add/infer', 'nothing'].map(
        async (path) => (await fetch(`${served.server.url}/v2/${path}`)).status,
      ),
    )
    expect(statuses).toEqual([404, 405, 404])
  })

  it('serves a model that a pipeline hides under its reference', async () => {
    const body = head({ data: [1, 2, 3] })
    expect((await post('models/add@1/infer', body, fast)).status).toBe(200)
    expect((await post('models/add%401/infer', body, fast)).status).toBe(200)
    expect((await post('models/add@2/infer', body, fast)).status).toBe(404)
    // What serves it goes with its version, and does not keep it.
    await served.engine.addModel('brief', (await import('../support/served.js')).modelBytes('add-one'))
    expect((await post('models/brief/infer', body, fast)).status).toBe(200)
    await served.engine.removeModel('brief')
    expect((await post('models/brief/infer', body, fast)).status).toBe(404)
  })

  it('follows a redeployed pipeline and an undeployed one', async () => {
    const { engine } = served
    const body = head({ data: [1, 2, 3] })
    await engine.applyPipeline({ name: 'moving', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
    expect((await post('models/moving/infer', body, fast)).status).toBe(200)
    await engine.undeployPipeline('moving')
    const refused = await post('models/moving/infer', body, fast)
    expect([refused.status, errorOf(refused)]).toEqual([400, expect.stringContaining('not at ready state')])
    await engine.deployPipeline('moving')
    expect((await post('models/moving/infer', body, fast)).status).toBe(200)
  })
})
