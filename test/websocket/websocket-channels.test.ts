/**
 * Channels by number: whatever a client writes there, each message is answered as docs/reference/wire-protocol.md says, the
 * connection goes on, and both socket backends agree.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawWebSocket } from '../support/raw-sockets.js'
import { serve, type Served } from '../support/served.js'
import { floats, inferMessage } from '../support/messages.js'

let served: Served
beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

const outOfRange = [0, 1024, 1025, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]
const unopened = [...outOfRange, 1, 7, 1023]

/** Proves that the connection still serves: opens 5 and runs a row. */
async function expectAlive(socket: RawWebSocket): Promise<void> {
  socket.send({ kind: 'open', channel: 5, pipeline: 'add' })
  await socket.message('opened', ({ channel }) => channel === 5)
  socket.send(inferMessage({ channel: 5, request: 99, data: floats(1, 2, 3) }))
  await socket.message('results', ({ channel, requests }) => channel === 5 && requests[0] === 99)
  expect(socket.closing()).toBe(null)
  socket.connection.close()
}

describe('channel numbers', () => {
  it.each([1, 2, 1022, 1023])('Open of %d: is answered with Opened, and serves', async (channel) => {
    const socket = await RawWebSocket.open(served.server.port)
    socket.send({ kind: 'open', channel, pipeline: 'add' })
    expect(await socket.message('opened')).toMatchObject({ channel, pipeline: 'add' })
    socket.send(inferMessage({ channel, request: 2 ** 32 - 1, data: floats(1, 2, 3) }))
    expect(await socket.message('results')).toMatchObject({ channel, requests: new Uint32Array([2 ** 32 - 1]) })
    await expectAlive(socket)
  })

  it.each(outOfRange)('Open of %d: is answered with a failure of the channel', async (channel) => {
    const socket = await RawWebSocket.open(served.server.port)
    for (const pipeline of ['add', 'text', 'nowhere']) {
      socket.send({ kind: 'open', channel, pipeline })
    }
    await socket.connection.until(() => socket.messages.length === 4)
    for (const message of socket.messages.slice(1)) {
      expect(message).toMatchObject({ kind: 'failure', channel, isChannel: true, code: 'ERR_ARGUMENT' })
      expect(message).toMatchObject({ message: `Expected channel to be an integer in 1..1023 but received ${channel}` })
    }
    await expectAlive(socket)
  })

  it('Open of a number that is open: fails, and the channel serves on', async () => {
    const socket = await RawWebSocket.open(served.server.port)
    socket.send({ kind: 'open', channel: 3, pipeline: 'add' })
    await socket.message('opened')
    for (const pipeline of ['add', 'both']) socket.send({ kind: 'open', channel: 3, pipeline })
    await socket.connection.until(() => socket.messages.length === 4)
    for (const failure of socket.messages.slice(2))
      expect(failure).toMatchObject({ channel: 3, isChannel: true, code: 'ERR_ARGUMENT' })
    socket.send(inferMessage({ channel: 3, request: 1, data: floats(1, 2, 3) }))
    expect(await socket.message('results')).toMatchObject({ channel: 3 })
    await expectAlive(socket)
  })

  it('Open of every number: all serve side by side', async () => {
    const socket = await RawWebSocket.open(served.server.port)
    for (let channel = 1; channel <= 1023; channel++) socket.send({ kind: 'open', channel, pipeline: 'add' })
    await socket.connection.until(() => socket.messages.length === 1024)
    expect(socket.messages.slice(1).every(({ kind }) => kind === 'opened')).toBe(true)
    socket.send({ kind: 'close', channel: 5 })
    await expectAlive(socket)
  })

  it.each(unopened)('Infer on %d, which is not open: fails under its own numbers', async (channel) => {
    const socket = await RawWebSocket.open(served.server.port)
    const requests = [0, 1, 2 ** 31, 2 ** 32 - 1]
    for (const request of requests) socket.send(inferMessage({ channel, request, data: floats(1, 2, 3) }))
    await socket.connection.until(() => socket.messages.length === 1 + requests.length)
    const failures = socket.messages.slice(1)
    expect(failures).toMatchObject(
      requests.map((request) => ({
        kind: 'failure',
        channel,
        request,
        isChannel: false,
        code: 'ERR_CHANNEL_NOT_FOUND',
      })),
    )
    await expectAlive(socket)
  })

  it.each(unopened)('Close and Cancel of %d, which is not open: do nothing', async (channel) => {
    const socket = await RawWebSocket.open(served.server.port)
    socket.send({ kind: 'close', channel })
    for (const request of [0, 2 ** 32 - 1]) socket.send({ kind: 'cancel', channel, request })
    await expectAlive(socket)
    expect(socket.messages.map(({ kind }) => kind)).toEqual(['hello', 'opened', 'results'])
  })
})
