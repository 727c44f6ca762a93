/**
 * Bad input, in one table per door. Each row is answered with its documented status or close code, error code and
 * sentence; then a good request on another connection is answered right; at the end nothing is in flight.
 * docs/reference/errors.md is the list of codes.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage, type InferMessage, type Message } from '../../src/protocol/codec.js'
import { errorTable, type ErrorCode } from '../../src/base/errors.js'
import { RawConnection, RawWebSocket, rawHttp, rawRequest } from './raw-sockets.js'
import { call, modelBytes, serve, until, type Served } from './served.js'

const bodyBytesMax = 4 * 1024 * 1024
const frameBytesMax = 1024 * 1024
let served: Served
let port: number

beforeAll(async () => {
  served = await serve({ limits: { bodyBytesMax, frameBytesMax } })
  port = served.server.port
  await call(served.server.url, 'PUT', '/v1/pipelines/idle', { steps: [{ type: 'model', model: 'add' }] })
})

afterEach(async () => {
  const answer = await call(served.server.url, 'POST', '/v1/pipelines/add/infer', { x: [[1, 2, 3]] })
  expect(answer.json['outputs']).toEqual({ y: [[2, 3, 4]] })
})

afterAll(async () => {
  await until('nothing is in flight', () => served.engine.inFlight === 0)
  for (const { name, in_flight } of (await Promise.all(['add', 'text', 'slow'].map(async (name) => ({ name, in_flight: served.engine.pipelineStatus(name).inFlight }))))) expect([name, in_flight]).toEqual([name, 0])
  const startedMs = performance.now()
  await served.close()
  // Draining waits for every open exchange: a leaked one would cost the whole limit of 30 s.
  expect(performance.now() - startedMs).toBeLessThan(10_000)
})

const floats = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer)
const inferMessage = (more: Partial<InferMessage> = {}): InferMessage => ({
  kind: 'infer', channel: 1, request: 1, rows: 1, data: floats(1, 2, 3), dims: null, meta: null, deadlineMs: 0, priority: 'interactive', texts: null, ...more,
})

// ── HTTP ────────────────────────────────────────────────────────────────────────────────────────

interface HttpCase {
  readonly what: string
  /** Pipeline of an infer; absent: `add`. */
  readonly to?: string
  readonly path?: string
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly code: ErrorCode
  /** In the sentence. */
  readonly says: string | RegExp
}

const binary = { 'content-type': 'application/x-penstock' }
const rowsBeyond = Array.from({ length: 65_537 }, () => [1, 2, 3])
const good = { x: [[1, 2, 3]] }

const inferCases: readonly HttpCase[] = [
  { what: 'an unknown pipeline', to: 'nowhere', body: good, code: 'ERR_PIPELINE_NOT_FOUND', says: 'nowhere' },
  { what: 'a pipeline that is not deployed', to: 'idle', body: good, code: 'ERR_PIPELINE_NOT_DEPLOYED', says: 'idle' },
  { what: 'a missing input', to: 'both', body: { left: [[1, 2]] }, code: 'ERR_MISSING_INPUT', says: 'Expected the body to have the input right' },
  { what: 'no input at all', body: {}, code: 'ERR_MISSING_INPUT', says: 'Send {"x": float32 [n, 3]}' },
  { what: 'an extra input', body: { ...good, z: [1] }, code: 'ERR_UNKNOWN_INPUT', says: 'Expected an input of pipeline add but received "z"' },
  { what: 'a misspelt input', to: 'text', body: { lable: ['a'] }, code: 'ERR_UNKNOWN_INPUT', says: 'Did you mean label?' },
  { what: 'inputs of unlike row counts', to: 'both', body: { left: [[1, 2]], right: [[1, 2], [3, 4]] }, code: 'ERR_SHAPE', says: 'right' },
  { what: 'text for numbers', body: { x: [['a', 2, 3]] }, code: 'ERR_ARGUMENT', says: 'Expected x[0][0] to be a number (float32) but received "a"' },
  { what: 'numbers for text', to: 'text', body: { label: [1] }, code: 'ERR_ARGUMENT', says: 'Expected label[0] to be a string but received 1' },
  { what: 'a bool for a number', body: { x: [[true, 2, 3]] }, code: 'ERR_ARGUMENT', says: 'Pass 1 or 0' },
  { what: 'an object for a tensor', body: { x: { a: 1 } }, code: 'ERR_ARGUMENT', says: 'Expected x to be a nested array' },
  { what: 'a rank too many', body: { x: [[[1, 2, 3]]] }, code: 'ERR_SHAPE', says: 'nested deeper' },
  { what: 'a dim too many', body: { x: [[1, 2, 3, 4]] }, code: 'ERR_SHAPE', says: 'Expected x to have the shape [n, 3]' },
  { what: 'a flat array that is no whole number of rows', body: { x: [1, 2, 3, 4] }, code: 'ERR_SHAPE', says: 'x' },
  { what: 'ragged rows', body: { x: [[1, 2, 3], [4, 5]] }, code: 'ERR_SHAPE', says: 'Expected x[1] to be an array of 3 elements' },
  { what: 'NaN', body: '{"x":[[NaN,2,3]]}', code: 'ERR_BODY', says: 'received NaN: JSON has neither NaN nor Infinity' },
  { what: '-Infinity', body: '{"x":[[1,-Infinity,3]]}', code: 'ERR_BODY', says: 'received -Infinity' },
  { what: 'null in a tensor', body: { x: [[null, 2, 3]] }, code: 'ERR_ARGUMENT', says: 'There are no missing values' },
  { what: 'a number beyond float32', body: { x: [[1e39, 2, 3]] }, code: 'ERR_VALUE_RANGE', says: 'Expected x[0][0] to be a number in -3.4028235e38..3.4028235e38' },
  { what: 'a number beyond float64', body: '{"x":[[1e999,2,3]]}', code: 'ERR_VALUE_RANGE', says: 'a number that a float64 can hold but received 1e999' },
  { what: 'a number beyond uint8', to: 'small', body: { x: [[256, 0, 0]] }, code: 'ERR_VALUE_RANGE', says: 'Expected x[0][0] to be an integer in 0..255 (uint8) but received 256' },
  { what: 'a negative number for uint8', to: 'small', body: { x: [[0, -1, 0]] }, code: 'ERR_VALUE_RANGE', says: 'x[0][1]' },
  { what: 'a fraction for uint8', to: 'small', body: { x: [[0, 0.5, 0]] }, code: 'ERR_VALUE_RANGE', says: 'received 0.5' },
  { what: 'a number beyond int64', to: 'wide', body: '{"x":[[9223372036854775808,0,0]]}', code: 'ERR_VALUE_RANGE', says: '9223372036854775808' },
  { what: 'an integer that JSON numbers cannot hold exactly', to: 'wide', body: '{"x":[[9007199254740993.0,0,0]]}', code: 'ERR_VALUE_RANGE', says: 'without point and exponent' },
  { what: 'two for a bool', to: 'bool', body: { x: [[2, 0, 0]] }, code: 'ERR_VALUE_RANGE', says: 'x[0][0]' },
  { what: 'too many rows', body: { x: rowsBeyond }, code: 'ERR_TOO_MANY_ROWS', says: '65536' },
  { what: 'too many records', body: rowsBeyond.map((x) => ({ x })), code: 'ERR_TOO_MANY_ROWS', says: 'at most 65536 records' },
  { what: 'zero rows', body: { x: [] }, code: 'ERR_SHAPE', says: 'Expected x to be an array of at least one element' },
  { what: 'zero records', body: [], code: 'ERR_SHAPE', says: 'at least one record' },
  { what: 'a record without an input', body: [{ x: [1, 2, 3] }, { y: 1 }], code: 'ERR_MISSING_INPUT', says: 'Expected record 1 to have the input x' },
  { what: 'a record that is no object', body: [[1, 2, 3]], code: 'ERR_BODY', says: 'record 0 to be an object' },
  { what: 'an object sent as records', body: good, headers: { 'content-type': 'application/json; format=pandas-records' }, code: 'ERR_BODY', says: 'Expected an array of records' },
  { what: 'no body', body: '', code: 'ERR_BODY', says: 'received none' },
  { what: 'no JSON', body: 'hello', code: 'ERR_BODY', says: 'at byte 0' },
  { what: 'a bare number', body: '17', code: 'ERR_BODY', says: 'an object of inputs or an array of records but received 17' },
  { what: 'truncated JSON', body: '{"x":[[1,2', code: 'ERR_BODY', says: 'but received its end' },
  { what: 'something after the JSON', body: '{"x":[[1,2,3]]}}', code: 'ERR_BODY', says: 'the body to end at byte 15' },
  { what: 'a repeated key', body: '{"x":[[1,2,3]],"x":[[4,5,6]]}', code: 'ERR_BODY', says: '"x" twice' },
  { what: 'deep nesting', body: `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, code: 'ERR_BODY', says: 'at most 32 deep' },
  { what: 'bytes that are not UTF-8', to: 'text', body: Buffer.from([...Buffer.from('{"label":["'), 0xff, ...Buffer.from('"]}')]), headers: { 'content-type': 'application/json' }, code: 'ERR_BODY', says: 'to be UTF-8' },
  { what: 'UTF-16', body: Buffer.from('\ufeff{"x":[[1,2,3]]}', 'utf16le'), headers: { 'content-type': 'application/json' }, code: 'ERR_BODY', says: 'at byte 0' },
  { what: 'plain text', body: 'x=1', headers: { 'content-type': 'text/plain' }, code: 'ERR_CONTENT_TYPE', says: 'received text/plain' },
  { what: 'a form, as curl -d sends it', body: '{"x":[[1,2,3]]}', headers: { 'content-type': 'application/x-www-form-urlencoded' }, code: 'ERR_CONTENT_TYPE', says: 'application/json' },
  { what: 'an Accept that cannot be met', body: good, headers: { accept: 'text/csv' }, code: 'ERR_NOT_ACCEPTABLE', says: 'text/csv' },
  { what: 'a body beyond the limit', body: `{"x":[${'1,'.repeat(bodyBytesMax / 2)}1]}`, code: 'ERR_BODY_TOO_LARGE', says: String(bodyBytesMax) },
  { what: 'a deadline of zero', body: { inputs: good, deadlineMs: 0 }, code: 'ERR_ARGUMENT', says: 'deadlineMs' },
  { what: 'an unknown priority', body: { inputs: good, priority: 'urgent' }, code: 'ERR_ARGUMENT', says: '"interactive", "background"' },
  { what: 'meta of the wrong length', to: 'split', body: { inputs: good, meta: { region: ['eu', 'us'] } }, code: 'ERR_META', says: 'region' },
  { what: 'meta that is an object', to: 'split', body: { inputs: good, meta: { region: {} } }, code: 'ERR_META', says: 'meta.region' },
  { what: 'a hash key out of range', to: 'weighted', body: { inputs: good, meta: { u: 1.5 } }, code: 'ERR_META', says: 'u' },
  { what: 'a hash key that is no number', to: 'weighted', body: { inputs: good, meta: { u: 'x' } }, code: 'ERR_META', says: 'u' },
  { what: 'an index that the model refuses at run time', to: 'table', body: { index: [[99]] }, code: 'ERR_RUN_FAILED', says: 'ONNX Runtime' },
  { what: 'a message that is noise', body: Buffer.alloc(100, 7), headers: binary, code: 'ERR_FRAME', says: 'Expected' },
  { what: 'a message of another kind', body: encodeMessage({ kind: 'open', channel: 1, pipeline: 'add' }), headers: binary, code: 'ERR_FRAME', says: 'received open' },
  { what: 'a truncated message', body: encodeMessage(inferMessage()).slice(0, -5), headers: binary, code: 'ERR_FRAME', says: 'Expected' },
  { what: 'an empty message', body: Buffer.alloc(0), headers: binary, code: 'ERR_BODY', says: 'nothing' },
  { what: 'a message with too few bytes', body: encodeMessage(inferMessage({ data: floats(1, 2) })), headers: binary, code: 'ERR_FRAME', says: 'data' },
  { what: 'a message with more rows than bytes', body: encodeMessage(inferMessage({ rows: 4_000_000_000 })), headers: binary, code: 'ERR_FRAME', says: 'data' },
  { what: 'a message without its free dims', to: 'tokens', body: encodeMessage(inferMessage()), headers: binary, code: 'ERR_FRAME', says: 'dims' },
]

const controlCases: readonly HttpCase[] = [
  { what: 'an unknown address', path: '/v2/nothing', method: 'GET', code: 'ERR_ROUTE_NOT_FOUND', says: 'GET / lists the addresses' },
  { what: 'a misspelt address', path: '/v1/pipline/add/infer', method: 'POST', body: good, code: 'ERR_ROUTE_NOT_FOUND', says: 'Did you mean /v1/pipelines/add/infer?' },
  { what: 'a method that the address does not take', path: '/v1/pipelines/add/infer', method: 'GET', code: 'ERR_METHOD', says: 'to be POST but received GET' },
  { what: 'a path that is not UTF-8', path: '/v1/models/%ff', method: 'GET', code: 'ERR_ARGUMENT', says: 'percent-encoded' },
  { what: 'an unknown query parameter', path: '/v1/pipelines/add?depoly=true', method: 'PUT', body: { steps: [] }, code: 'ERR_ARGUMENT', says: 'one of deploy but received "depoly"' },
  { what: 'no ONNX file', path: '/v1/models/bad/versions', method: 'PUT', body: Buffer.from('hello, I am no model'), code: 'ERR_MODEL_INVALID', says: 'Expected an ONNX file' },
  { what: 'an empty upload', path: '/v1/models/bad/versions', method: 'PUT', body: Buffer.alloc(0), code: 'ERR_BODY', says: '--data-binary' },
  { what: 'weights in another file', path: '/v1/models/bad/versions', method: 'PUT', body: modelBytes('missing-external-data'), code: 'ERR_MODEL_INVALID', says: 'lie in another file' },
  { what: 'an opset from the future', path: '/v1/models/bad/versions', method: 'PUT', body: modelBytes('future-opset'), code: 'ERR_MODEL_INVALID', says: /opset/i },
  { what: 'a model whose output is no tensor', path: '/v1/models/bad/versions', method: 'PUT', body: modelBytes('zipmap-classifier'), code: 'ERR_MODEL_INVALID', says: /tensor/i },
  { what: 'half a model', path: '/v1/models/bad/versions', method: 'PUT', body: modelBytes('slow').subarray(0, 9000), code: 'ERR_MODEL_INVALID', says: 'ONNX' },
  { what: 'a bad model name', path: '/v1/models/a.b/versions', method: 'PUT', body: modelBytes('add-one'), code: 'ERR_ARGUMENT', says: 'letters, digits and hyphens but received "a.b"' },
  { what: 'a bad alias', path: '/v1/models/add/versions?alias=a_b', method: 'PUT', body: modelBytes('add-one'), code: 'ERR_ARGUMENT', says: 'a_b' },
  { what: 'an alias to nothing', path: '/v1/models/add/aliases/champion', method: 'PUT', body: { version: 99 }, code: 'ERR_MODEL_NOT_FOUND', says: '99' },
  { what: 'an alias to no number', path: '/v1/models/add/aliases/champion', method: 'PUT', body: { version: 'one' }, code: 'ERR_ARGUMENT', says: 'version' },
  { what: 'a misspelt member', path: '/v1/models/add/aliases/champion', method: 'PUT', body: { verison: 1 }, code: 'ERR_ARGUMENT', says: 'verison' },
  { what: 'a model that a pipeline uses', path: '/v1/models/add', method: 'DELETE', code: 'ERR_CONFLICT', says: 'add' },
  { what: 'a version that is no number', path: '/v1/pipelines/add/versions/newest', method: 'GET', code: 'ERR_ARGUMENT', says: '"newest"' },
  { what: 'a definition that is no JSON', path: '/v1/pipelines/new', method: 'PUT', body: 'steps: []', code: 'ERR_BODY', says: 'at byte 0' },
  { what: 'a definition without steps', path: '/v1/pipelines/new', method: 'PUT', body: {}, code: 'ERR_PIPELINE_INVALID', says: 'steps' },
  { what: 'an unknown step', path: '/v1/pipelines/new', method: 'PUT', body: { steps: [{ type: 'modle', model: 'add' }] }, code: 'ERR_PIPELINE_INVALID', says: 'modle' },
  { what: 'an unknown model', path: '/v1/pipelines/new?deploy=true', method: 'PUT', body: { steps: [{ type: 'model', model: 'nowhere' }] }, code: 'ERR_MODEL_NOT_FOUND', says: 'nowhere' },
  { what: 'a check that cannot be parsed', path: '/v1/pipelines/new?deploy=true', method: 'PUT', body: { steps: [{ type: 'model', model: 'add' }, { type: 'check', name: 'c', flag: 'out.y[0] >' }] }, code: 'ERR_PIPELINE_INVALID', says: 'c' },
  { what: 'a definition as text', path: '/v1/pipelines/new', method: 'PUT', body: '{"steps":[]}', headers: { 'content-type': 'text/plain' }, code: 'ERR_CONTENT_TYPE', says: 'text/plain' },
  { what: 'a plain GET of the stream', path: '/v1/stream', method: 'GET', code: 'ERR_SUBPROTOCOL', says: 'WebSocket handshake' },
]

describe('HTTP refuses', () => {
  it.each([...inferCases, ...controlCases])('$what: $code', async ({ to = 'add', path = `/v1/pipelines/${to}/infer`, method = 'POST', body, headers, code, says }) => {
    const answer = await call(served.server.url, method, path, body, headers)
    expect(answer.json).toMatchObject({ code })
    expect(answer.status).toBe(errorTable[code].http)
    expect(answer.json['error']).toMatch(says instanceof RegExp ? says : new RegExp(says.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')))
  })
})

describe('HTTP at the level of bytes', () => {
  const request = rawRequest('POST', '/v1/pipelines/add/infer', '{"x":[[1,2,3]]}')

  const lineEnd = request.indexOf('\r\n') + 2

  it('takes headers and a body that come one byte at a time', async () => {
    const bytes = Array.from(request.subarray(lineEnd), (byte) => Uint8Array.of(byte))
    const answer = await rawHttp(port, [request.subarray(0, lineEnd), ...bytes], 1)
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([200, { outputs: { y: [[2, 3, 4]] } }])
  })

  // A limit of the socket library, documented in docs/reference/http.md. When this fails, the limit is gone.
  it('refuses a request line that comes in pieces with 505, and closes', async () => {
    const answer = await rawHttp(port, [request.subarray(0, 10), request.subarray(10)], 20)
    expect(answer.status).toBe(505)
  })

  it('takes a chunked body, and refuses one beyond the limit while it arrives', async () => {
    const head = 'POST /v1/pipelines/add/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
    expect(await rawHttp(port, [head, chunk('{"x":'), chunk('[[1,2,3]]}'), '0\r\n\r\n'])).toMatchObject({ status: 200 })
    const endless = [head, chunk('{"x":['), ...Array.from({ length: 100 }, () => chunk('1,'.repeat(32 * 1024)))]
    const answer = await rawHttp(port, endless)
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([413, { code: 'ERR_BODY_TOO_LARGE' }])
  })

  it.each([
    ['a giant header', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(300_000)}\r\n\r\n`, 431],
    ['a content-length that is no number', 'POST /v1/pipelines/add/infer HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n', 400],
    ['both lengths', 'POST /v1/pipelines/add/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a chunk that lies', 'POST /v1/pipelines/add/infer HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 505],
    ['noise', '\x00\x01\x02\x03 \r\n\r\n', 505],
  ])('answers %s itself and closes', async (_what, bytes, status) => {
    const connection = await RawConnection.open(port)
    connection.socket.write(bytes)
    await connection.until(() => connection.isClosed)
    expect(Number(connection.received.toString('latin1', 9, 12))).toBe(status)
  })

  it('forgets a caller who leaves in the middle of a header, a body or a run', async () => {
    const slow = rawRequest('POST', '/v1/pipelines/slow/infer', JSON.stringify({ x: Array.from({ length: 10 }, () => [1, 2, 3, 4]) }))
    for (const bytes of [request.subarray(0, 20), request.subarray(0, -5), slow]) {
      const connection = await RawConnection.open(port)
      connection.socket.write(bytes)
      await new Promise((resolve) => setTimeout(resolve, 20))
      connection.socket.resetAndDestroy()
    }
    await until('nothing is in flight', () => served.engine.inFlight === 0)
  })
})

// ── WebSocket ───────────────────────────────────────────────────────────────────────────────────

const goodFrame = encodeMessage(inferMessage())
const withUint32 = (offset: number, value: number): Uint8Array => {
  const bytes = goodFrame.slice()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true)
  return bytes
}

/** Of an Infer frame; null when the frame is not well-formed. */
const rowsOf = (bytes: Uint8Array): number | null => {
  try {
    const message = decodeMessage(bytes)
    return message.kind === 'infer' ? message.rows : null
  } catch {
    return null
  }
}

interface FrameCase {
  readonly what: string
  readonly frame: Uint8Array
  readonly opcode?: number
  readonly close: number
  readonly says: string
}

const closingCases: readonly FrameCase[] = [
  { what: 'a text frame', frame: Buffer.from('{"hello":1}'), opcode: 1, close: 4400, says: 'ERR_FRAME: Expected binary frames but received text' },
  { what: 'an empty frame', frame: new Uint8Array(), close: 4400, says: 'ERR_FRAME' },
  { what: 'noise', frame: Buffer.alloc(64, 0xa5), close: 4400, says: 'ERR_FRAME' },
  { what: 'zeros', frame: Buffer.alloc(64), close: 4400, says: 'ERR_FRAME' },
  { what: 'a root offset beyond the frame', frame: withUint32(0, 0x7fffffff), close: 4400, says: 'ERR_FRAME' },
  { what: 'a message that only servers send', frame: encodeMessage({ kind: 'hello', windowRequests: 1, server: 'x', frameBytesMax: 1 }), close: 4400, says: 'ERR_FRAME' },
  { what: 'a frame beyond the limit', frame: new Uint8Array(frameBytesMax + 1), close: 1009, says: 'ERR_BODY_TOO_LARGE' },
]

const failingCases: readonly { what: string; to?: string; message: Message; code: ErrorCode }[] = [
  { what: 'a channel that was never opened', message: inferMessage({ channel: 9 }), code: 'ERR_CHANNEL_NOT_FOUND' },
  { what: 'too few bytes', message: inferMessage({ data: floats(1, 2) }), code: 'ERR_SHAPE' },
  { what: 'too many bytes', message: inferMessage({ data: floats(1, 2, 3, 4) }), code: 'ERR_SHAPE' },
  { what: 'no bytes', message: inferMessage({ data: new Uint8Array() }), code: 'ERR_SHAPE' },
  { what: 'zero rows', message: inferMessage({ rows: 0, data: new Uint8Array() }), code: 'ERR_SHAPE' },
  { what: 'more rows than bytes', message: inferMessage({ rows: 1000 }), code: 'ERR_SHAPE' },
  { what: 'rows whose bytes wrap', message: inferMessage({ rows: 0x40000000 }), code: 'ERR_TOO_MANY_ROWS' },
  { what: 'free dims that are missing', to: 'tokens', message: inferMessage({ data: new Uint8Array(16) }), code: 'ERR_SHAPE' },
  { what: 'free dims that lie', to: 'tokens', message: inferMessage({ data: new Uint8Array(16), dims: [0xffffffff] }), code: 'ERR_SHAPE' },
  { what: 'a free dim of zero', to: 'tokens', message: inferMessage({ data: new Uint8Array(), dims: [0] }), code: 'ERR_SHAPE' },
  { what: 'a hash key out of range', to: 'weighted', message: inferMessage({ meta: { u: 2 } }), code: 'ERR_META' },
  { what: 'a hash key that is text', to: 'weighted', message: inferMessage({ meta: { u: 'x' } }), code: 'ERR_META' },
  { what: 'text that is missing', to: 'text', message: inferMessage({ data: new Uint8Array() }), code: 'ERR_FRAME' },
  { what: 'an index that the model refuses at run time', to: 'table', message: inferMessage({ data: new Uint8Array(new BigInt64Array([99n]).buffer) }), code: 'ERR_RUN_FAILED' },
]

async function openStream(pipeline = 'add'): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(port)
  socket.send({ kind: 'open', channel: 1, pipeline })
  await socket.message('opened')
  return socket
}

describe('WebSocket refuses', () => {
  it.each([
    ['no subprotocol', ''],
    ['another subprotocol', 'graphql-ws'],
    ['another version', 'penstock.v2, penstock.v10'],
  ])('a handshake with %s: 400 ERR_SUBPROTOCOL', async (_what, subprotocols) => {
    await expect(RawWebSocket.open(port, subprotocols)).rejects.toMatchObject({ answer: { status: 400, body: expect.stringContaining('"ERR_SUBPROTOCOL"') as string } })
  })

  it.each(closingCases)('$what: closes with $close', async ({ frame, opcode, close, says }) => {
    const witness = await openStream()
    const socket = await openStream()
    socket.sendFrame(frame, opcode)
    const { code, reason } = await socket.closed()
    expect(code).toBe(close)
    expect(reason.startsWith(says), reason).toBe(true)
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123)
    witness.send(inferMessage())
    expect((await witness.message('results')).requests.length).toBe(1)
    witness.connection.close()
  })

  it('every truncation of a good frame, and nothing else: 4400', async () => {
    for (let length = 0; length < goodFrame.length; length++) {
      const socket = await openStream()
      socket.sendFrame(goodFrame.slice(0, length))
      expect(await socket.closed(), `${length} of ${goodFrame.length} bytes`).toMatchObject({ code: 4400 })
    }
    const socket = await openStream()
    socket.sendFrame(goodFrame)
    await socket.message('results')
    socket.connection.close()
  })

  it('every lie in an offset or length by closing, failing the request, or answering it: never by anything else', async () => {
    for (let offset = 0; offset + 4 <= goodFrame.length; offset += 2) {
      for (const value of [0, 0xffffffff, 0x7fffffff, goodFrame.length, 0x80000000]) {
        const socket = await openStream()
        socket.sendFrame(withUint32(offset, value))
        await socket.connection.until(() => socket.closing() !== null || socket.messages.some(({ kind }) => kind === 'results' || kind === 'failure'))
        const closing = socket.closing()
        if (closing !== null) expect(closing.code, `${value} at ${offset}`).toBe(4400)
        socket.connection.close()
      }
    }
  }, 60_000)

  it.each(failingCases)('$what: fails the request with $code and stays open', async ({ to = 'add', message, code }) => {
    const socket = await openStream(to)
    socket.send(message)
    const failure = await socket.message('failure')
    expect(failure).toMatchObject({ code, request: 1, isChannel: false })
    expect(failure.message).toMatch(/^[A-Z].{10,}/)
    socket.send({ kind: 'open', channel: 2, pipeline: 'add' })
    await socket.message('opened', ({ channel }) => channel === 2)
    socket.send(inferMessage({ channel: 2, request: 5 }))
    expect(Array.from((await socket.message('results')).requests)).toEqual([5])
    socket.connection.close()
  })

  it('meta of another length than the rows: fails the request with ERR_META', async () => {
    // The encoder would not do it: two rows are encoded, and the number is changed afterwards.
    const bytes = encodeMessage(inferMessage({ rows: 2, meta: { region: ['eu', 'us'] } }))
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const rowsAt = Array.from({ length: bytes.length / 4 }, (_, index) => 4 * index).find((offset) => {
      if (view.getUint32(offset, true) !== 2) return false
      view.setUint32(offset, 1, true)
      if (rowsOf(bytes) === 1) return true
      view.setUint32(offset, 2, true)
      return false
    })
    expect(rowsAt).not.toBe(undefined)
    const socket = await openStream('split')
    socket.sendFrame(bytes)
    expect(await socket.message('failure')).toMatchObject({ code: 'ERR_META', request: 1 })
    socket.connection.close()
  })

  it('a frame far beyond the limit by cutting the connection, one without a mask as malformed', async () => {
    const far = await openStream()
    far.sendFrame(new Uint8Array(16), 2, 2 ** 40)
    await far.connection.until(() => far.connection.isClosed)
    const unmasked = await openStream()
    unmasked.connection.socket.write(Uint8Array.of(0x82, 64, ...new Uint8Array(80)))
    expect(await unmasked.closed()).toMatchObject({ code: 4400 })
  })

  it('more channels than a connection may have', async () => {
    const socket = await RawWebSocket.open(port)
    for (let channel = 0; channel <= 1024; channel++) socket.send({ kind: 'open', channel, pipeline: 'add' })
    expect(await socket.message('failure')).toMatchObject({ channel: 1024, code: 'ERR_ARGUMENT', isChannel: true })
    socket.connection.close()
  })

  it('nothing when Cancel and Close name what is not there', async () => {
    const socket = await openStream()
    socket.send({ kind: 'cancel', channel: 1, request: 77 })
    socket.send({ kind: 'cancel', channel: 9, request: 77 })
    socket.send({ kind: 'close', channel: 9 })
    socket.send(inferMessage())
    await socket.message('results')
    expect(socket.messages.map(({ kind }) => kind)).toEqual(['hello', 'opened', 'results'])
    socket.connection.close()
  })

  it('a client that leaves in the middle of a frame', async () => {
    const socket = await openStream()
    socket.sendFrame(goodFrame.slice(0, 10), 2, goodFrame.length)
    socket.connection.socket.resetAndDestroy()
    await until('the server has forgotten it', () => served.server.connectionCount === 0)
  })
})
