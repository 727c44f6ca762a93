/**
 * gRPC connections that nobody uses, or whose peer is gone without a word: they are let go after the documented time, as
 * those of HTTP and WebSocket are (test/stress/silent-clients.test.ts), and clients come back by themselves.
 */
import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type Served } from '../support/served.js'
import { grpcClient } from '../support/v2-ways.js'

const idleTimeoutS = 8
let served: Served
beforeAll(async () => {
  served = await serve({ grpcPort: 0, limits: { idleTimeoutS } })
})
afterAll(() => served.close())

async function grpcConnections(): Promise<number> {
  const text = await (await fetch(`${served.server.url}/metrics`)).text()
  return Number(/^penstock_connections\{kind="grpc"\} (\d+)$/m.exec(text)?.[1])
}

describe('gRPC connections that are of no use', () => {
  const limitMs = (idleTimeoutS + 4) * 1000

  it('are let go: idle, silent from the start, deaf to pings', { timeout: 60_000 }, async () => {
    const port = served.server.grpcPort ?? 0
    const startedMs = Date.now()
    const idle = connectHttp2(`http://127.0.0.1:${port}`)
    const silent = connect(port, '127.0.0.1')
    // Speaks HTTP/2 and then no more: its preface and settings, and no answer to anything.
    const deaf = connect(port, '127.0.0.1')
    deaf.write(
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]),
    )
    const goaway = once(idle, 'goaway')
    const times = await Promise.all([idle, silent, deaf].map((peer) => closedAfter(peer, startedMs)))
    const [code] = (await goaway) as [number]
    expect(code).toBe(0)
    for (const time of times) {
      expect(time).toBeGreaterThan(((idleTimeoutS - 1) * 1000) / 2)
      expect(time).toBeLessThan(limitMs)
    }
    await expect.poll(grpcConnections).toBe(0)
  })

  it(
    'are kept while a call is open, and clients that were let go come back by themselves',
    { timeout: 60_000 },
    async () => {
      const client = grpcClient(served.server)
      const call = (method: string, request: object): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const calls = client as unknown as Record<
            string,
            (r: object, done: (e: Error | null, a: unknown) => void) => void
          >
          calls[method]?.call(client, request, (error, answer) => (error === null ? resolve(answer) : reject(error)))
        })
      const stream = (client as unknown as { ModelStreamInfer(): Duplex }).ModelStreamInfer()
      const ended = once(stream, 'end')
      stream.on('data', () => undefined)
      await call('ServerLive', {})
      await new Promise((resolve) => setTimeout(resolve, limitMs))
      expect(await grpcConnections()).toBe(1)
      stream.end()
      await ended
      await expect.poll(grpcConnections, { timeout: limitMs }).toBe(0)
      expect(await call('ServerLive', {})).toEqual({ live: true })
      client.close()
    },
  )
})

async function closedAfter(peer: Socket | ClientHttp2Session, startedMs: number): Promise<number> {
  peer.on('error', () => undefined)
  // Nothing arrives, not even the end, where nobody reads.
  if (!('goaway' in peer)) peer.resume()
  await once(peer, 'close')
  return Date.now() - startedMs
}
