/**
 * Bytes over gRPC that are no protobuf: every method of every service answers INVALID_ARGUMENT, with words, and the
 * connection goes on. By hand over HTTP/2, for a client library cannot send them.
 */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type Served } from '../support/served.js'

let served: Served
let session: ClientHttp2Session
beforeAll(async () => {
  served = await serve({ grpcPort: 0 })
  session = connect(`http://127.0.0.1:${served.server.grpcPort}`)
})
afterAll(async () => {
  session.close()
  await served.close()
})

interface Ending {
  /** OK is 0, INVALID_ARGUMENT 3, INTERNAL 13. */
  readonly status: number
  readonly words: string
  readonly body: Buffer
}

/** Sends messages to a method and waits for the end. */
function send(path: string, messages: readonly Uint8Array[], headers: Record<string, string> = {}): Promise<Ending> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  return new Promise((resolve, reject) => {
    let status = -1
    let words = ''
    const note = (fields: IncomingHttpHeaders): void => {
      if (fields['grpc-status'] === undefined) return
      status = Number(fields['grpc-status'])
      words = decodeURIComponent(String(fields['grpc-message']))
    }
    const chunks: Buffer[] = []
    stream.on('response', note).on('trailers', note)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve({ status, words, body: Buffer.concat(chunks) })).on('error', reject)
    for (const message of messages) {
      const head = Buffer.alloc(5)
      head.writeUInt32BE(message.length, 1)
      stream.write(Buffer.concat([head, message]))
    }
    stream.end()
  })
}

const inference = (method: string): string => `/inference.GRPCInferenceService/${method}`
const methods = [
  ...['ModelInfer', 'ModelStreamInfer', 'ModelReady', 'ModelMetadata', 'ModelConfig', 'ModelStatistics'],
  ...['RepositoryIndex', 'RepositoryModelLoad', 'RepositoryModelUnload'],
  ...['SystemSharedMemoryStatus', 'SystemSharedMemoryRegister', 'CudaSharedMemoryRegister'],
].map(inference)
const others = [
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]
/** Field 1 of ten bytes, of which two came. */
const cut = Buffer.from([0x0a, 0x0a, 0x61, 0x62])
const malformed: readonly [string, Buffer][] = [
  ['a field that ends early', cut],
  ['a wire type that is none', Buffer.from([0x0f, 0x01])],
  ['a varint without an end', Buffer.from([0x08, ...new Array<number>(11).fill(0xff)])],
  ['half a key', Buffer.from([0x80])],
]

describe('malformed protobuf', () => {
  it.each([...methods, ...others])('%s: INVALID_ARGUMENT with words', async (path) => {
    for (const [what, bytes] of malformed) {
      const { status, words } = await send(path, [bytes])
      expect([what, status]).toEqual([what, 3])
      expect(words).toMatch(
        new RegExp(`Expected a well-formed request of ${path} but received \\d+ bytes that are none: .+`),
      )
    }
    expect((await send(inference('ServerLive'), [Buffer.alloc(0)])).status).toBe(0)
  })

  it('inside a request: of an input, of its shape, of a parameter', async () => {
    const field = (number: number, bytes: Buffer): Buffer =>
      Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
    const name = field(1, Buffer.from('add'))
    const inner = [
      field(5, cut),
      field(5, field(3, Buffer.from([0xff]))),
      field(4, field(2, Buffer.from([0x1a, 0x05, 0x61]))),
      field(6, Buffer.from([0x07])),
    ]
    for (const part of inner) {
      const { status, words } = await send(inference('ModelInfer'), [Buffer.concat([name, part])])
      expect([status, words]).toEqual([3, expect.stringContaining('well-formed') as string])
    }
  })

  it('in a stream: ends it after the answers before it, while a request that is only wrong does not', async () => {
    const wrong = Buffer.concat([Buffer.from([0x0a, 3]), Buffer.from('add')])
    const lenient = await send(inference('ModelStreamInfer'), [wrong, wrong])
    expect(lenient.status).toBe(0)
    expect(lenient.body.toString('latin1').match(/expected 1 inputs but got 0/g)).toHaveLength(2)
    const strict = await send(inference('ModelStreamInfer'), [wrong, cut, wrong])
    expect(strict.status).toBe(3)
    expect(strict.body.toString('latin1').match(/expected 1 inputs but got 0/g)).toHaveLength(1)
  })
})
