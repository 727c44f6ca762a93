/**
 * Clients that fall silent: in the middle of a header, of a body, after the handshake. Each is let go after the documented
 * time, and one that only answers pings is kept. All wait side by side; the suite takes as long as the slowest.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawConnection, RawWebSocket, rawRequest } from '../support/raw-sockets.js'
import { serve, until, type Served } from '../support/served.js'

const idleTimeoutS = 8
/** The library's timers tick every 4 s. */
const httpSilenceMsMax = 20_000
const webSocketSilenceMsMax = (idleTimeoutS + 12) * 1000

let served: Served
beforeAll(async () => {
  served = await serve({ limits: { idleTimeoutS } })
})
afterAll(() => served.close())

async function silentHttp(bytes: string | Uint8Array): Promise<number> {
  const startedMs = Date.now()
  const connection = await RawConnection.open(served.server.port)
  connection.socket.write(bytes)
  await connection.until(() => connection.isClosed, httpSilenceMsMax)
  return Date.now() - startedMs
}

describe('silent clients', () => {
  it('are let go: half a header, half a body, more headers than are read, no pong', { timeout: 60_000 }, async () => {
    const request = rawRequest('POST', '/v1/pipelines/add/infer', '{"x":[[1,2,3]]}')
    const manyHeaders = Array.from({ length: 150 }, (_, index) => `x${index}: a\r\n`).join('')
    const deaf = await RawWebSocket.open(served.server.port)
    const deafClosed = deaf.connection.until(() => deaf.connection.isClosed, webSocketSilenceMsMax)
    const requests = [request.subarray(0, 40), request.subarray(0, -3)]
    // Node's own sockets answer that one, at once.
    if (served.server.sockets === 'uws')
      requests.push(Buffer.from(`GET / HTTP/1.1\r\nhost: localhost\r\n${manyHeaders}\r\n`))
    const times = await Promise.all(requests.map(silentHttp))
    // Not at once: a slow network is no attack.
    for (const time of times) expect(time).toBeGreaterThan(5000)
    await deafClosed
    await until('the server has forgotten it', () => served.server.connectionCount === 0)
    expect(served.engine.inFlight).toBe(0)
  })

  it('are kept while they answer pings', { timeout: 60_000 }, async () => {
    const socket = await RawWebSocket.open(served.server.port)
    const endMs = Date.now() + 2 * webSocketSilenceMsMax * 0.6
    let pongs = 0
    while (Date.now() < endMs && !socket.connection.isClosed) {
      expect(socket.messages.length).toBe(1)
      const pings = socket.frames.filter(({ opcode }) => opcode === 9)
      for (; pongs < pings.length; pongs++) socket.sendFrame(pings[pongs]?.payload ?? new Uint8Array(), 10)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect([socket.connection.isClosed, pongs > 0]).toEqual([false, true])
    socket.connection.close()
  })
})
