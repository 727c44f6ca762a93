/** Connections come and go, politely or not, and leave neither descriptors nor memory. */
import { PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { RawConnection, RawWebSocket, rawRequest } from '../support/raw-sockets.js'
import { ServerChild, type ChildSetup } from '../stress/testing/server-child.js'
import { ramp } from '../stress/testing/load.js'
import { expectNoLeak, measureLeaks, repeat } from './leak.js'

const setup: ChildSetup = {
  models: { add: 'add-one', text: 'upper-string', two: 'times-two' },
  pipelines: {
    add: [{ type: 'model', model: 'add' }],
    text: [{ type: 'model', model: 'text' }],
    two: [{ type: 'model', model: 'two' }],
  },
  engine: { inferWorkers: 1 },
}
/** Bytes a connection. What the server keeps of one while it is open is more than 2,000. */
const limits = { heap: 400, rss: 6000 }

describe('leak: connections', () => {
  test('WebSockets with channels and requests in flight, closed and reset', async () => {
    const server = await ServerChild.start(setup)
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 6,
      round: () =>
        repeat(300, 8, async (index) => {
          if (index % 3 === 0) {
            const socket = await RawWebSocket.open(server.port)
            for (const [channel, pipeline] of ['add', 'two', 'text', 'nobody'].entries())
              socket.send({ kind: 'open', channel: channel + 1, pipeline })
            await socket.message('failure')
            if (index % 2 === 0) socket.sendFrame(Buffer.from('no message'))
            else socket.connection.socket.resetAndDestroy()
            await socket.connection.until(() => socket.connection.isClosed || socket.closing() !== null)
            return socket.connection.close()
          }
          const client = await PenstockClient.connect(server.url, { reconnect: false })
          const answer = client.infer('add', { x: ramp(1, 3, 1) })
          if (index % 2 === 0) await answer
          const ended = answer.catch(() => undefined)
          await client.infer('text', { label: ['one'] })
          await client.close()
          await ended
        }),
    })
    expectNoLeak('WebSocket connections', run, limits)
    expect(await server.close()).toBe(0)
  })

  test('HTTP connections of one request each, answered or cut off', async () => {
    const server = await ServerChild.start(setup)
    const body = JSON.stringify({ inputs: { x: [[1, 2, 3]] } })
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 6,
      round: () =>
        repeat(600, 8, async (index) => {
          const connection = await RawConnection.open(server.port)
          const cut = index % 3 === 1 ? 100 : undefined
          connection.socket.write(rawRequest('POST', '/v1/pipelines/add/infer', body).subarray(0, cut))
          if (index % 3 === 0) await connection.until(() => connection.received.includes('"outputs"'))
          connection.socket.resetAndDestroy()
        }),
    })
    expectNoLeak('HTTP connections', run, limits)
    expect(await server.close()).toBe(0)
  })
})
