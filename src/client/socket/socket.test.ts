import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { NodeSocket } from './node-socket.js'
import { socketFactory } from './socket.js'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

class BrowserSocket {
  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
  ) {}
}

describe('socket: which one', () => {
  it('socket: a browser takes its own WebSocket', async () => {
    const socket = await socketFactory({ WebSocket: BrowserSocket })('ws://a', ['p'])
    expect(socket).toBeInstanceOf(BrowserSocket)
    expect(socket).toMatchObject({ url: 'ws://a', protocols: ['p'] })
  })

  it('socket: Node takes ws, whether it has a global WebSocket or not', async () => {
    for (const scope of [{ process, WebSocket: BrowserSocket }, { process }]) {
      const socket = await socketFactory(scope)('ws://127.0.0.1:9', ['p'])
      expect(socket).toBeInstanceOf(NodeSocket)
      socket.onerror = () => undefined
      socket.terminate?.()
    }
  })
})

describe('socket: of Node', () => {
  /** A server that notes the chunks in which bytes come, before they reach the WebSocket library. */
  async function connected() {
    const chunks: number[] = []
    const messages: Buffer[] = []
    const webSockets = new WebSocketServer({ noServer: true })
    const http = createServer()
    http.on('upgrade', (request, socket: Socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (peer) => {
        socket.on('data', (chunk: Buffer) => chunks.push(chunk.length))
        peer.on('message', (data: Buffer) => messages.push(data))
      })
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const socket = new NodeSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, [])
    await new Promise((resolve) => (socket.onopen = resolve))
    ends.push(() => {
      socket.terminate()
      http.close()
    })
    return { socket, chunks, messages }
  }

  it('socket: frames of one turn of the event loop leave in one write', async () => {
    const { socket, chunks, messages } = await connected()
    const send = async (value: number) => {
      await Promise.resolve()
      socket.send(Uint8Array.of(value))
    }
    await Promise.all(Array.from({ length: 100 }, (_, value) => send(value)))
    expect(socket.bufferedAmount).toBeGreaterThan(0)
    await expect.poll(() => messages.length).toBe(100)
    expect(messages.map((message) => message[0])).toEqual(Array.from({ length: 100 }, (_, value) => value))
    expect(chunks).toEqual([700])
    socket.send(Uint8Array.of(7))
    await expect.poll(() => chunks.length).toBe(2)
  })

  it('socket: send copies, so that the memory may be used again at once', async () => {
    const { socket, messages } = await connected()
    const memory = new Uint8Array(1000)
    for (let value = 0; value < 50; value++) {
      memory.fill(value)
      socket.send(memory.subarray(0, 10 + value))
    }
    memory.fill(255)
    await expect.poll(() => messages.length).toBe(50)
    expect(
      messages.every((message, value) => message.length === 10 + value && message.every((byte) => byte === value)),
    ).toBe(true)
  })
})
