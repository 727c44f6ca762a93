/**
 * Clients that no server deserves: each function is one visit, over plain TCP, and leaves the connection as badly as it
 * treated it. They expect nothing of the server but that it survives; where an answer is due, they check it.
 */
import { connect, type Socket } from 'node:net'
import { encodeMessage } from '../../../src/protocol/codec.js'
import { RawConnection, RawWebSocket, rawHttp, rawRequest } from '../../support/raw-sockets.js'
import { inferMessage } from '../../support/messages.js'
import { sleep } from './load.js'

export interface Victim {
  readonly port: number
  readonly random: () => number
  /** A pipeline of add-one, float32 [n, 3]. */
  readonly quick: string
  /** A pipeline of slow, float32 [n, 4]. */
  readonly slow: string
}

type Visit = (victim: Victim) => Promise<void>

const randomBytes = (random: () => number, bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)))
const jsonRow = JSON.stringify({ inputs: { x: [[1, 2, 3]] } })
const slowRow = JSON.stringify({ inputs: { x: [[1, 2, 3, 4]] } })

/** Connects, lets `act` do its worst, waits a little for a reaction, resets. */
async function visit(port: number, act: (socket: Socket) => void | Promise<void>, lingerMs = 30): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('error', () => undefined)
  socket.on('data', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
  await act(socket)
  await sleep(lingerMs)
  socket.resetAndDestroy()
}

/** The bytes of one Infer frame for channel 1. */
function inferFrame(request: number, rows: number, width: number): Buffer {
  const data = new Uint8Array(Float32Array.from({ length: rows * width }, (_, index) => index).buffer)
  return Buffer.from(encodeMessage(inferMessage({ request, rows, data })))
}

async function openedSocket(victim: Victim, pipeline: string): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(victim.port)
  socket.send({ kind: 'open', channel: 1, pipeline })
  await socket.message('opened')
  return socket
}

export const visits: Readonly<Record<string, Visit>> = {
  garbage: ({ port, random }) =>
    visit(port, (socket) => void socket.write(randomBytes(random, 1 + Math.floor(random() * 4000)))),

  'a request that ends in its head': ({ port, quick, random }) => {
    const request = rawRequest('POST', `/v1/pipelines/${quick}/infer`, jsonRow)
    return visit(port, (socket) => void socket.write(request.subarray(0, 1 + Math.floor(random() * 80))))
  },

  'a body shorter than announced': ({ port, quick }) =>
    visit(
      port,
      (socket) =>
        void socket.write(rawRequest('POST', `/v1/pipelines/${quick}/infer`, jsonRow, { 'content-length': '1000000' })),
    ),

  'a head of a megabyte': ({ port }) =>
    visit(
      port,
      (socket) => void socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx-long: ${'a'.repeat(1 << 20)}\r\n\r\n`),
    ),

  'ten thousand headers': ({ port }) =>
    visit(port, (socket) => void socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\n${'a: b\r\n'.repeat(10_000)}\r\n`)),

  slowloris: ({ port }) =>
    visit(port, async (socket) => {
      for (const byte of 'GET / HTTP/1.1\r\nhost: localhost') {
        if (socket.destroyed) return
        socket.write(byte)
        await sleep(10)
      }
    }),

  'a connection that says nothing': ({ port }) => visit(port, () => undefined, 200),

  'a half-open connection': ({ port, slow }) =>
    visit(port, (socket) => void socket.end(rawRequest('POST', `/v1/pipelines/${slow}/infer`, slowRow)), 100),

  'gone before the answer': ({ port, slow }) =>
    visit(port, (socket) => void socket.write(rawRequest('POST', `/v1/pipelines/${slow}/infer`, slowRow)), 1),

  // Not hostile, only slow: it is due an answer. The request line goes in one piece: the socket library's binary for
  // Node 20 answers 505 to one that does not (uNetworking/uWebSockets#1776).
  'one byte at a time': async ({ port, quick }) => {
    const bytes = rawRequest('POST', `/v1/pipelines/${quick}/infer`, jsonRow)
    const line = bytes.indexOf('\r\n') + 2
    const answer = await rawHttp(port, [
      bytes.subarray(0, line),
      ...Array.from(bytes.subarray(line), (byte) => Buffer.of(byte)),
    ])
    if (answer.status !== 200 || !answer.body.includes('[[2,3,4]]')) {
      throw new Error(`answered with ${answer.status} ${answer.body}`)
    }
  },

  'a pipeline of requests, unread': ({ port, quick }) =>
    visit(port, (socket) => {
      socket.pause()
      socket.write(
        Buffer.concat(Array.from({ length: 200 }, () => rawRequest('POST', `/v1/pipelines/${quick}/infer`, jsonRow))),
      )
    }),

  'a large answer, unread': ({ port, quick }) =>
    visit(
      port,
      (socket) => {
        socket.pause()
        const x = Array.from({ length: 20_000 }, (_, row) => [row, 1, 2])
        socket.write(rawRequest('POST', `/v1/pipelines/${quick}/infer`, JSON.stringify({ inputs: { x } })))
      },
      200,
    ),

  'an upload that stops half way': ({ port }) =>
    visit(
      port,
      (socket) =>
        void socket.write(
          rawRequest('PUT', '/v1/models/never/versions', Buffer.alloc(100_000), {
            'content-length': '200000',
            'content-type': 'application/octet-stream',
          }),
        ),
    ),

  'random frames': async ({ port, random }) => {
    const socket = await RawWebSocket.open(port)
    socket.sendFrame(randomBytes(random, Math.floor(random() * 300)))
    await socket.closed()
  },

  'frames with flipped bits': async (victim) => {
    const socket = await openedSocket(victim, victim.quick)
    for (let request = 1; request <= 20 && !socket.connection.isClosed; request++) {
      const frame = inferFrame(request, 2, 3)
      for (let flip = 0; flip < 4; flip++) {
        const at = Math.floor(victim.random() * frame.length)
        frame[at] = (frame[at] as number) ^ (1 << Math.floor(victim.random() * 8))
      }
      socket.sendFrame(frame)
    }
    await sleep(20)
    socket.connection.socket.resetAndDestroy()
  },

  'a frame cut off': async (victim) => {
    const socket = await openedSocket(victim, victim.quick)
    socket.sendFrame(inferFrame(1, 100, 3).subarray(0, 200), 2, 1 << 20)
    await sleep(20)
    socket.connection.socket.resetAndDestroy()
  },

  'bytes that are no frame': async ({ port, random }) => {
    const socket = await RawWebSocket.open(port)
    socket.connection.socket.write(randomBytes(random, 200))
    await sleep(20)
    socket.connection.socket.resetAndDestroy()
  },

  'reserved opcodes and text': async ({ port, random }) => {
    const socket = await RawWebSocket.open(port)
    socket.sendFrame(Buffer.from('hello'), [1, 3, 7, 11, 15][Math.floor(random() * 5)])
    await socket.connection.until(() => socket.connection.isClosed || socket.closing() !== null)
    socket.connection.close()
  },

  'gone with requests in flight': async (victim) => {
    const socket = await openedSocket(victim, victim.slow)
    for (let request = 1; request <= 8; request++) socket.sendFrame(inferFrame(request, 1, 4))
    await sleep(victim.random() * 30)
    socket.connection.socket.resetAndDestroy()
  },

  'more requests than the window': async (victim) => {
    const socket = await openedSocket(victim, victim.slow)
    for (let request = 1; request <= 200; request++) socket.sendFrame(inferFrame(request, 1, 4))
    const { code } = await socket.closed()
    if (code !== 4429) throw new Error(`more requests than the window: closed with ${code}`)
  },

  'a reader that never reads': async (victim) => {
    const socket = await openedSocket(victim, victim.quick)
    socket.connection.socket.pause()
    // 60 answers of 240 kB: more than the kernel's buffers and the server's limit hold.
    for (let request = 1; request <= 60; request++) socket.sendFrame(inferFrame(request, 20_000, 3))
    await sleep(150)
    socket.connection.socket.resetAndDestroy()
  },

  'a thousand opens': async (victim) => {
    const socket = await RawWebSocket.open(victim.port)
    for (let channel = 1; channel <= 1000; channel++)
      socket.send({ kind: 'open', channel, pipeline: channel % 2 === 0 ? victim.quick : 'nobody' })
    await sleep(20)
    socket.connection.socket.resetAndDestroy()
  },

  'connect and leave': async ({ port }) => {
    const connections = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(port)))
    for (const connection of connections) connection.socket.resetAndDestroy()
  },
}
