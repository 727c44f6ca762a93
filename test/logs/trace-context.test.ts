/**
 * A W3C trace context by every way in: the answer has its traceparent, the log has it with each row, and what is invalid
 * is ignored without a word.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metadata } from '@grpc/grpc-js'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { Engine, LogStore, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeMessage } from '../../src/protocol/codec.js'
import { parseTraceparent } from '../../src/protocol/trace-context.js'
import { floats, inferMessage } from '../support/messages.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import { call, modelBytes } from '../support/served.js'
import { grpcClient } from '../support/v2-ways.js'

const state = 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'
let traces = 0
const freshParent = (): string => `00-${(++traces).toString(16).padStart(32, 'a')}-b7ad6b7169203331-01`
const x = (rows: number): number[][] => Array.from({ length: rows }, () => [1, 0, 0])
const oip = [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [1, 0, 0, 1, 0, 0] }]

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
/** The cases of src/protocol/trace-context.test.ts in short, for the side that is written in C++. */
const foreignParents = [
  parent,
  parent.replace(/01$/, 'ff'),
  `cc${parent.slice(2)}`,
  `cc${parent.slice(2)}-what-will-be`,
  `cc${parent.slice(2)}-`,
  `cc${parent.slice(2)}.more`,
  `00${parent.slice(2)}-`,
  `ff${parent.slice(2)}`,
  '',
  parent.toUpperCase(),
  parent.slice(0, -1),
  `${parent}1`,
  ` ${parent}`,
  `${parent}\n`,
  parent.replaceAll('-', '_'),
  parent.replace('a', 'g'),
  parent.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`),
  parent.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`),
  'é'.repeat(40),
]

/** The frame with keys of its meta that our encoder would not write: it leaves an invalid trace context out. */
function withKeys(frame: Uint8Array, keys: Readonly<Record<string, string>>): Uint8Array {
  let text = Buffer.from(frame).toString('latin1')
  for (const [from, to] of Object.entries(keys)) {
    expect(text.split(from)).toHaveLength(2)
    text = text.replace(from, to)
  }
  return Buffer.from(text, 'latin1')
}

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-trace-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  server = await PenstockServer.start({ engine, port: 0, grpcPort: 0 })
  await engine.addModel('one', modelBytes('constant-v1'))
  await engine.addModel('text', modelBytes('upper-string'))
  for (const [name, model] of [
    ['plain', 'one'],
    ['texts', 'text'],
  ] as const)
    await engine.applyPipeline({ name, steps: [{ type: 'model', model }] }, { deploy: true })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The trace contexts of the rows where the SQL condition holds. */
async function loggedWhere(condition: string, pipeline = 'plain'): Promise<unknown[]> {
  const { body } = await engine.queryLogs(
    `SELECT "metadata.traceparent" AS parent, "metadata.tracestate" AS state FROM ${pipeline} WHERE ${condition}`,
  )
  return JSON.parse(Buffer.from(body).toString()) as unknown[]
}
const logged = (parent: string, pipeline = 'plain'): Promise<unknown[]> =>
  loggedWhere(`"metadata.traceparent" = '${parent}'`, pipeline)

const url = '/v1/pipelines/plain/infer'
const arrow = { 'content-type': 'application/vnd.apache.arrow.file' }
const ways: [string, string, () => unknown, Record<string, string>][] = [
  ['JSON columns, which the addon reads', url, () => ({ x: x(2) }), {}],
  ['JSON columns, the usual way', url, () => ({ inputs: { x: x(2) }, priority: 'background' }), {}],
  ['JSON with a timing', url, () => ({ x: x(2) }), { 'penstock-timing': '1' }],
  ['records', url, () => [{ x: [1, 2, 3] }, { x: [4, 5, 6] }], {}],
  ['Arrow', url, () => tableToIPC(tableFromArrays({ x: x(2) }), 'file'), arrow],
  ['CSV of a dataset', `${url}?dataset=out`, () => ({ x: x(2) }), { accept: 'text/csv' }],
  ['Open Inference, fast path', '/v2/models/plain/infer', () => ({ inputs: oip }), { 'accept-encoding': '' }],
  ['Open Inference, fall-back', '/v2/models/plain/infer', () => ({ inputs: oip }), { 'accept-encoding': 'identity' }],
  [
    'Open Inference, binary outputs',
    '/v2/models/plain/infer',
    () => ({ inputs: oip, parameters: { binary_data_output: true } }),
    { 'accept-encoding': '' },
  ],
]

describe('trace context over HTTP', () => {
  test.each(ways)('%s: the answer has it, and each row of the log', async (_, path, body, headers) => {
    const traceparent = freshParent()
    const answer = await call(server.url, 'POST', path, body(), { ...headers, traceparent, tracestate: state })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('traceparent')).toBe(traceparent)
    expect(await logged(traceparent)).toEqual([0, 1].map(() => ({ parent: traceparent, state })))
  })

  test.each(ways)('%s: an invalid one is ignored, with its state', async (way, path, body, headers) => {
    const id = `invalid ${way}`
    const invalid = { traceparent: freshParent().toUpperCase(), tracestate: state, 'x-request-id': id }
    const answer = await call(server.url, 'POST', path, body(), { ...headers, ...invalid })
    expect([answer.status, answer.headers.get('traceparent')]).toEqual([200, null])
    expect(await loggedWhere(`"metadata.id" = '${id}'`)).toEqual([0, 1].map(() => ({ parent: null, state: null })))
  })

  test('a state that is too long is dropped, and the parent kept', async () => {
    const traceparent = freshParent()
    const headers = { traceparent, tracestate: 'x'.repeat(513) }
    expect((await call(server.url, 'POST', url, { x: x(1) }, headers)).status).toBe(200)
    expect(await logged(traceparent)).toEqual([{ parent: traceparent, state: null }])
  })

  test('the meta of a body wins over the header, and takes no state from it', async () => {
    const [inBody, inHeader] = [freshParent(), freshParent()]
    const body = { inputs: { x: x(1) }, meta: { traceparent: inBody } }
    const answer = await call(server.url, 'POST', url, body, { traceparent: inHeader, tracestate: state })
    expect(answer.headers.get('traceparent')).toBe(inBody)
    expect([await logged(inBody), await logged(inHeader)]).toEqual([[{ parent: inBody, state: null }], []])
  })

  test('a string pipeline does the same', async () => {
    const traceparent = freshParent()
    const headers = { traceparent, tracestate: state }
    const answer = await call(server.url, 'POST', '/v1/pipelines/texts/infer', [{ label: 'a' }], headers)
    expect(answer.headers.get('traceparent')).toBe(traceparent)
    expect(await logged(traceparent, 'texts')).toEqual([{ parent: traceparent, state }])
  })

  test('OpenAPI names the headers of requests and answers', async () => {
    const { json } = await call(server.url, 'GET', '/openapi.json')
    const { paths } = json as { paths: Record<string, { post: { parameters: object[]; responses: object } }> }
    for (const path of ['/v1/pipelines/{pipeline}/infer', '/v2/models/{model}/infer']) {
      const names = ['x-request-id', 'traceparent', 'tracestate']
      const parameters = names.map((name) => expect.objectContaining({ name, in: 'header' }) as object)
      expect(paths[path]?.post.parameters).toEqual(expect.arrayContaining(parameters))
      expect(paths[path]?.post.responses).toMatchObject({ 200: { headers: { traceparent: {} } } })
    }
  })
})

describe('trace context elsewhere', () => {
  const grpcRequest = {
    model_name: 'plain',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], contents: { fp32_contents: [1, 0, 0, 1, 0, 0] } }],
  }
  function traced(traceparent: string): Metadata {
    const metadata = new Metadata()
    metadata.set('traceparent', traceparent)
    metadata.set('tracestate', state)
    return metadata
  }

  test('gRPC: as metadata of the call, and of its answer', async () => {
    const client = grpcClient(server)
    const ask = (metadata: Metadata): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const sent = client.ModelInfer(grpcRequest, metadata, (error) => {
          if (error !== null) reject(new Error(error.details))
        })
        sent.on('status', ({ metadata: trailer }) => resolve(trailer.get('traceparent')))
      })
    const traceparent = freshParent()
    try {
      expect(await ask(traced(traceparent))).toEqual([traceparent])
      expect(await ask(traced('wrong'))).toEqual([])
    } finally {
      client.close()
    }
    expect(await logged(traceparent)).toEqual([0, 1].map(() => ({ parent: traceparent, state })))
  })

  test('a gRPC stream: the metadata count for each of its requests, a parameter for its own', async () => {
    const client = grpcClient(server)
    const [ofStream, ofRequest] = [freshParent(), freshParent()]
    try {
      const stream = client.ModelStreamInfer(traced(ofStream))
      const errors: string[] = []
      const head = new Promise<Metadata>((resolve) => stream.on('metadata', resolve))
      const end = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
      stream.on('data', ({ error_message: error }: { error_message: string }) => errors.push(error))
      stream.write(grpcRequest)
      stream.write({ ...grpcRequest, parameters: { traceparent: { string_param: ofRequest } } })
      stream.end()
      expect((await head).get('traceparent')).toEqual([ofStream])
      await end
      expect(errors).toEqual(['', ''])
    } finally {
      client.close()
    }
    expect(await logged(ofStream)).toEqual([0, 1].map(() => ({ parent: ofStream, state })))
    expect(await logged(ofRequest)).toEqual([0, 1].map(() => ({ parent: ofRequest, state: null })))
  })

  test('WebSocket: a key of the meta, whose row the id of the answer finds', async () => {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    const traceparent = freshParent()
    try {
      const channel = await client.open('plain')
      const meta = { traceparent, tracestate: state }
      const { requestId, ...result } = await channel.infer({ x: Float32Array.of(1, 0, 0) }, { meta, requestId: true })
      expect(result.traceparent).toBe(traceparent)
      expect(await loggedWhere(`"metadata.request_id" = '${requestId}'`)).toEqual([{ parent: traceparent, state }])
      const wrong = { meta: { traceparent: 'wrong', tracestate: state }, requestId: true }
      const ignored = await channel.infer({ x: Float32Array.of(1, 0, 0) }, wrong)
      expect(ignored).not.toHaveProperty('traceparent')
      expect(await loggedWhere(`"metadata.request_id" = '${ignored.requestId}'`)).toEqual([
        { parent: null, state: null },
      ])
    } finally {
      await client.close()
    }
  })

  test.each([
    ['plain', { data: floats(1, 0, 0) }],
    ['texts', { data: new Uint8Array(), texts: ['a'] }],
  ] as const)(
    'WebSocket: what a foreign client sends in a frame for %s is held to the same rules',
    async (pipeline, tensors) => {
      const socket = await RawWebSocket.open(server.port)
      socket.send({ kind: 'open', channel: 1, pipeline })
      await socket.message('opened')
      const expected: unknown[] = []
      for (const [request, traceparent] of foreignParents.entries()) {
        const id = `${pipeline}-${String(request).padStart(3, '0')}`
        const meta = { 'x-request-id': id, traceparenX: traceparent, tracestatX: state }
        const frame = encodeMessage(inferMessage({ ...tensors, request, meta }))
        socket.sendFrame(withKeys(frame, { traceparenX: 'traceparent', tracestatX: 'tracestate' }))
        const kept = parseTraceparent(traceparent)
        const results = await socket.message('results', ({ requests }) => requests[0] === request)
        expect(results.traceparents, traceparent).toEqual(kept === null ? undefined : [kept])
        expected.push({ parent: kept, state: kept === null ? null : state })
      }
      socket.connection.close()
      expect(await loggedWhere(`"metadata.id" LIKE '${pipeline}-%' ORDER BY "metadata.id"`, pipeline)).toEqual(expected)
    },
  )

  test('WebSocket: results that share a frame have the traceparent of each', async () => {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    try {
      const channel = await client.open('plain')
      const parents = Array.from({ length: 40 }, (_, at) => (at % 3 === 0 ? freshParent() : undefined))
      const results = await Promise.all(
        parents.map((traceparent) =>
          channel.infer({ x: Float32Array.of(1, 0, 0) }, traceparent === undefined ? {} : { meta: { traceparent } }),
        ),
      )
      expect(results.map(({ traceparent }) => traceparent)).toEqual(parents)
      const each = [freshParent(), freshParent()]
      const perRow = await channel.infer({ x: x(2) }, { meta: { traceparent: each } })
      expect(perRow).not.toHaveProperty('traceparent')
      for (const parent of each) expect(await logged(parent)).toHaveLength(1)
    } finally {
      await client.close()
    }
  })

  test('the library: a key of the meta, and in the metadata of the result', async () => {
    const traceparent = freshParent()
    for (const [pipeline, inputs] of [
      ['plain', { x: x(1) }],
      ['texts', { label: ['a'] }],
    ] as const) {
      const { metadata } = await engine.infer(pipeline, { inputs, meta: { traceparent, tracestate: state } })
      expect(metadata.traceparent).toBe(traceparent)
      expect(await logged(traceparent, pipeline)).toEqual([{ parent: traceparent, state }])
      const ignored = await engine.infer(pipeline, { inputs, meta: { traceparent: 'wrong' } })
      expect(ignored.metadata).not.toHaveProperty('traceparent')
    }
  })
})
