/**
 * The connection against a real client (Node's http2, whose HPACK and flow control are nghttp2's) and against hostile
 * bytes: rules that are broken end it with their code, and what a flood costs is bounded.
 */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.js'
import { HTTP2_FIELD_BYTES_MAX, HTTP2_NUISANCES_MAX, HTTP2_STREAMS_MAX } from '../../base/limits/http2-limits.js'
import { SlowReaders } from '../socket/slow-readers.js'
import { Http2Connection } from './connection.js'
import { CODE, FLAG, FRAME, PREFACE, frameOf, type Field } from './frames.js'
import type { Http2Stream, StreamReceiver } from './stream.js'

let server: Server
let heads: (readonly Field[] | null)[]
let resets: number
let connections: Http2Connection<readonly Field[]>[]
/** What a stream does when its request is over. */
let answer: (stream: Http2Stream, body: Buffer) => void

beforeEach(async () => {
  heads = []
  resets = 0
  connections = []
  answer = (stream, body) => {
    stream.sendHeaders(
      {
        common: [
          [':status', '200'],
          ['x-common', 'always'],
        ],
        others: [['x-own', 'once']],
      },
      false,
    )
    stream.sendData(body, null)
    stream.sendTrailers({ common: [['x-end', '0']], others: [] })
  }
  server = createServer((socket) => {
    connections.push(
      new Http2Connection({
        socket,
        readers: new SlowReaders(),
        clock: systemClock,
        readHead: (fields) => fields,
        onStream: (stream, head) => receive(stream, head),
        onClosed: () => undefined,
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  for (const connection of connections) connection.destroy()
  server.close()
})

function receive(stream: Http2Stream, head: readonly Field[] | null): StreamReceiver {
  heads.push(head)
  const chunks: Buffer[] = []
  return {
    onData: (bytes) => {
      chunks.push(Buffer.from(bytes))
      stream.returnWindow(bytes.length)
    },
    onEnd: () => answer(stream, Buffer.concat(chunks)),
    onClosed: (isReset) => void (resets += isReset ? 1 : 0),
  }
}

const port = (): number => (server.address() as AddressInfo).port
const settings = frameOf(FRAME.SETTINGS, 0, 0, Buffer.alloc(0))
/** POST / as references to the static table. */
const post = Buffer.from([0x83, 0x84, 0x86])
const headers = (id: number, block: Uint8Array = post, flags: number = FLAG.END_HEADERS | FLAG.END_STREAM): Buffer =>
  frameOf(FRAME.HEADERS, flags, id, block)
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Sends bytes after preface and settings. @returns the code of the GOAWAY that follows; null: closed without one. */
async function codeAfter(...frames: readonly Uint8Array[]): Promise<number | null> {
  const socket = connect(port(), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
  socket.write(Buffer.concat([PREFACE, settings, ...frames]))
  await once(socket, 'close')
  let code: number | null = null
  for (const { type, payload } of framesOf(Buffer.concat(chunks)))
    if (type === FRAME.GOAWAY) code = payload.readUInt32BE(4)
  return code
}

function framesOf(bytes: Buffer): { type: number; id: number; payload: Buffer }[] {
  const frames = []
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    frames.push({
      type: bytes[at + 3] as number,
      id: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    })
    at += 9 + length
  }
  return frames
}

async function ask(
  socket: ReturnType<typeof connectHttp2>,
  body: Buffer,
  fields: Record<string, string> = {},
): Promise<Buffer> {
  const stream = socket.request({ ':method': 'POST', ':path': '/x', ...fields })
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.end(body)
  await once(stream, 'close')
  return Buffer.concat(chunks)
}

describe('http2 connection with a client', () => {
  it('reads every printable character by HPACK, in values that are Huffman-coded, and entries of its table', async () => {
    const client = connectHttp2(`http://127.0.0.1:${port()}`)
    const text = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
      .join('')
      .trim()
    for (let round = 0; round < 3; round++)
      await ask(client, Buffer.alloc(1), { 'x-text': text, 'x-round': String(round) })
    expect(heads.map((head) => head?.find(([name]) => name === 'x-text')?.[1])).toEqual([text, text, text])
    expect(heads.map((head) => head?.find(([name]) => name === 'x-round')?.[1])).toEqual(['0', '1', '2'])
    client.destroy()
  })

  it('keeps its table in step while the peer evicts: 300 fields that differ, each sent twice', async () => {
    const client = connectHttp2(`http://127.0.0.1:${port()}`)
    const values = Array.from({ length: 300 }, (_, index) => `value-${index}`.repeat(5))
    for (const value of values) {
      await ask(client, Buffer.alloc(0), { 'x-value': value })
      await ask(client, Buffer.alloc(0), { 'x-value': value })
    }
    const read = heads.map((head) => head?.find(([name]) => name === 'x-value')?.[1])
    expect(read).toEqual(values.flatMap((value) => [value, value]))
    client.destroy()
  })

  it('gives back bodies larger than any window, many at a time, within the peer’s windows', async () => {
    const client = connectHttp2(`http://127.0.0.1:${port()}`, { settings: { initialWindowSize: 1000 } })
    const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(3_000_000 + index, index + 1))
    const answers = await Promise.all(bodies.map((body) => ask(client, body)))
    answers.forEach((bytes, index) => expect(bytes.equals(bodies[index] as Buffer)).toBe(true))
    client.destroy()
  })

  it.each([0, 100, 4096, 65536])('answers peers whose header table has %i bytes', async (headerTableSize) => {
    const client = connectHttp2(`http://127.0.0.1:${port()}`, { settings: { headerTableSize } })
    for (let round = 0; round < 4; round++) {
      const stream = client.request({ ':method': 'POST', ':path': '/' }, { endStream: true })
      const [response] = (await once(stream, 'response')) as [Record<string, string>]
      expect([response['x-common'], response['x-own']]).toEqual(['always', 'once'])
      stream.resume()
      const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>]
      expect(trailers['x-end']).toBe('0')
    }
    client.destroy()
  })

  it('answers what comes byte by byte as what comes whole', async () => {
    const socket = connect({ port: port(), host: '127.0.0.1', noDelay: true })
    const bytes: Buffer[] = []
    socket.on('data', (chunk: Buffer) => bytes.push(chunk))
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from('body'), Buffer.alloc(3)])
    const request = Buffer.concat([
      PREFACE,
      settings,
      headers(1, post, FLAG.END_HEADERS),
      frameOf(FRAME.DATA, FLAG.END_STREAM | FLAG.PADDED, 1, padded),
    ])
    for (const byte of request) {
      socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const body = (): string =>
      framesOf(Buffer.concat(bytes))
        .flatMap(({ type, payload }) => (type === FRAME.DATA ? [payload] : []))
        .toString()
    await expect.poll(body).toBe('body')
    socket.destroy()
  })

  it('leaves when it is told to: what is under way is answered', async () => {
    const client = connectHttp2(`http://127.0.0.1:${port()}`)
    let finish = (): void => undefined
    const plain = answer
    answer = (stream, body) => void (finish = () => plain(stream, body))
    const asked = ask(client, Buffer.from('late'))
    await expect.poll(() => heads.length).toBe(1)
    const closed = once(client, 'close')
    connections[0]?.leave()
    await once(client, 'goaway')
    finish()
    expect((await asked).toString()).toBe('late')
    await closed
  })
})

describe('http2 connection with a hostile peer', () => {
  const bigIndex = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])
  it.each<[string, number, readonly Uint8Array[]]>([
    ['a frame of more than was allowed', CODE.FRAME_SIZE_ERROR, [Buffer.from([0x01, 0, 0, 0, 0, 0, 0, 0, 1])]],
    ['data of no stream', CODE.PROTOCOL_ERROR, [frameOf(FRAME.DATA, 0, 1, Buffer.alloc(1))]],
    ['a stream with the number of a server', CODE.PROTOCOL_ERROR, [headers(2)]],
    ['a push promise', CODE.PROTOCOL_ERROR, [frameOf(FRAME.PUSH_PROMISE, 0, 1, Buffer.alloc(8))]],
    ['an index that no field has', CODE.COMPRESSION_ERROR, [headers(1, Buffer.from([0xbe + 1]))]],
    ['an integer without an end', CODE.COMPRESSION_ERROR, [headers(1, bigIndex)]],
    [
      'a Huffman text that is none',
      CODE.COMPRESSION_ERROR,
      [headers(1, Buffer.from([0x40, 0x84, 0xff, 0xff, 0xff, 0xff, 0]))],
    ],
    ['a table larger than was allowed', CODE.COMPRESSION_ERROR, [headers(1, Buffer.from([0x3f, 0xff, 0x7f]))]],
    [
      'more padding than bytes',
      CODE.PROTOCOL_ERROR,
      [headers(1, Buffer.from([200, 0x83]), FLAG.PADDED | FLAG.END_HEADERS)],
    ],
    ['a window that does not grow', CODE.PROTOCOL_ERROR, [frameOf(FRAME.WINDOW_UPDATE, 0, 0, uint32(0))]],
    [
      'a window beyond what windows may be',
      CODE.FLOW_CONTROL_ERROR,
      [frameOf(FRAME.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff))],
    ],
    ['half a setting', CODE.FRAME_SIZE_ERROR, [frameOf(FRAME.SETTINGS, 0, 0, Buffer.alloc(5))]],
    ['a header block that something else interrupts', CODE.PROTOCOL_ERROR, [headers(1, post, 0), settings]],
  ])('%s: ends with its code', async (_what, code, frames) => {
    expect(await codeAfter(...frames)).toBe(code)
  })

  it('HTTP/1 is told that it is none of it', async () => {
    const socket = connect(port(), '127.0.0.1')
    socket.end('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
    await once(socket, 'close')
    expect(framesOf(Buffer.concat(chunks)).at(-1)?.type).toBe(FRAME.GOAWAY)
  })

  it.each<[string, () => Buffer[]]>([
    ['streams taken back', () => Array.from({ length: 1500 }, (_, index) => resetPair(2 * index + 1)).flat()],
    ['settings', () => Array.from({ length: 1500 }, () => settings)],
    ['pings', () => Array.from({ length: 1500 }, () => frameOf(FRAME.PING, 0, 0, Buffer.alloc(8)))],
    [
      'empty data',
      () => [
        headers(1, post, FLAG.END_HEADERS),
        ...Array.from({ length: 1500 }, () => frameOf(FRAME.DATA, 0, 1, Buffer.alloc(0))),
      ],
    ],
    [
      'continuations',
      () => [
        headers(1, post, 0),
        ...Array.from({ length: 20 }, () => frameOf(FRAME.CONTINUATION, 0, 1, Buffer.alloc(0))),
      ],
    ],
  ])('a flood of %s: ENHANCE_YOUR_CALM', async (_what, frames) => {
    expect(HTTP2_NUISANCES_MAX).toBeLessThan(1400)
    answer = () => undefined
    expect(await codeAfter(...frames())).toBe(CODE.ENHANCE_YOUR_CALM)
    // The bucket fills a little meanwhile.
    expect(heads.length).toBeLessThan(HTTP2_NUISANCES_MAX + 200)
  })

  it('a small block of references to a large field is no large list', async () => {
    const large = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 0x61)])
    const bomb = Buffer.alloc(10_000, 0xbe)
    void codeAfter(headers(1, Buffer.concat([post, large])), headers(3, Buffer.concat([post, bomb])))
    await expect.poll(() => heads.length).toBe(2)
    expect(heads[0]?.at(-1)?.[1]).toHaveLength(4000)
    expect(4000 * 10_000).toBeGreaterThan(HTTP2_FIELD_BYTES_MAX)
    expect(heads[1]).toBeNull()
  })

  it('more streams than are allowed are refused, and the others live', async () => {
    answer = () => undefined
    const socket: Socket = connect(port(), '127.0.0.1')
    socket.on('error', () => undefined)
    const bytes: Buffer[] = []
    socket.on('data', (chunk: Buffer) => bytes.push(chunk))
    const opened = Array.from({ length: HTTP2_STREAMS_MAX + 2 }, (_, index) => headers(2 * index + 1))
    socket.write(Buffer.concat([PREFACE, settings, ...opened]))
    const refused = (): number => framesOf(Buffer.concat(bytes)).filter(({ type }) => type === FRAME.RST_STREAM).length
    await expect.poll(refused).toBe(2)
    expect(heads).toHaveLength(HTTP2_STREAMS_MAX)
    socket.destroy()
    await expect.poll(() => resets).toBe(HTTP2_STREAMS_MAX)
  })
})

function resetPair(id: number): Buffer[] {
  return [headers(id), frameOf(FRAME.RST_STREAM, 0, id, uint32(CODE.CANCEL))]
}
