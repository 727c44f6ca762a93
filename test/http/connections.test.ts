/** What `penstock_connections` says of connections that open and close, of every kind and however they end. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawConnection, RawWebSocket, rawRequest } from '../support/raw-sockets.js'
import { serve, type Served } from '../support/served.js'
import { grpcClient } from '../support/v2-ways.js'

let served: Served
beforeAll(async () => {
  served = await serve({ grpcPort: 0 })
})
afterAll(() => served.close())

type Counts = Record<'tcp' | 'websocket' | 'grpc', number>

/** Read over a connection of its own, which is over afterwards and not counted. */
async function counts(): Promise<Counts> {
  const connection = await RawConnection.open(served.server.port)
  connection.socket.write(rawRequest('GET', '/metrics', '', { connection: 'close' }))
  await connection.until(() => connection.received.includes('penstock_http_requests_total'))
  connection.close()
  const text = connection.received.toString()
  const valueOf = (kind: string): number =>
    Number(new RegExp(`^penstock_connections\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  return { tcp: valueOf('tcp') - 1, websocket: valueOf('websocket'), grpc: valueOf('grpc') }
}

/** Waits until the counts are these; the last answer of a connection arrives before its end is seen. */
async function expectCounts(expected: Counts, limitMs = 5000): Promise<void> {
  await expect.poll(counts, { timeout: limitMs, interval: 50 }).toEqual(expected)
}

describe('penstock_connections', () => {
  it('HTTP: counts connections that are kept alive, and comes down however they end', async () => {
    await expectCounts({ tcp: 0, websocket: 0, grpc: 0 })
    const connections = await Promise.all(Array.from({ length: 6 }, () => RawConnection.open(served.server.port)))
    for (const connection of connections) {
      connection.socket.write(rawRequest('GET', '/healthz/live'))
      await connection.until(() => connection.received.includes('"live"'))
    }
    await expectCounts({ tcp: 6, websocket: 0, grpc: 0 })
    connections[0]?.socket.end()
    connections[1]?.socket.resetAndDestroy()
    connections[2]?.socket.write('no HTTP\r\n\r\n')
    connections[3]?.close()
    await expectCounts({ tcp: 2, websocket: 0, grpc: 0 })
    for (const connection of connections) connection.close()
    await expectCounts({ tcp: 0, websocket: 0, grpc: 0 })
  })

  it('WebSocket: comes down with close frames, cuts, resets and malformed frames', async () => {
    const sockets = await Promise.all(Array.from({ length: 5 }, () => RawWebSocket.open(served.server.port)))
    await expectCounts({ tcp: 5, websocket: 5, grpc: 0 })
    sockets[0]?.sendFrame(Buffer.from([0x03, 0xe8]), 8)
    sockets[1]?.connection.close()
    sockets[2]?.connection.socket.resetAndDestroy()
    sockets[3]?.sendFrame(Buffer.from([1, 2, 3]))
    expect(await sockets[3]?.closed()).toMatchObject({ code: 4400 })
    await expectCounts({ tcp: 1, websocket: 1, grpc: 0 })
    sockets[4]?.connection.close()
    await expectCounts({ tcp: 0, websocket: 0, grpc: 0 })
  })

  it('gRPC: counts clients, and bare connections that never say what they are', async () => {
    const client = grpcClient(served.server)
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 5000, (error) => (error === undefined ? resolve() : reject(error)))
    })
    const bare = connect(served.server.grpcPort ?? 0, '127.0.0.1')
    await once(bare, 'connect')
    await expectCounts({ tcp: 0, websocket: 0, grpc: 2 })
    client.close()
    bare.resetAndDestroy()
    await expectCounts({ tcp: 0, websocket: 0, grpc: 0 })
  })
})
