/**
 * Sixty WebSockets that ask for answers of 4 MiB and read none. Without a bound each is sent all that it asked for. They
 * hold their share of the budget and no more, the slowest are cut off, and one that reads is answered all the while.
 */
import { PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { encodeMessage } from '../../src/protocol/codec.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import { floats, inferMessage } from '../support/messages.js'
import { sleep } from './testing/load.js'
import { expectBounded, measureMemory, MIB, printMemory } from './testing/memory.js'
import { ServerChild } from './testing/server-child.js'
import { wideModel } from './testing/wide-model.js'

const budgetBytes = 256 * MIB
const socketCount = 60
const requestsEach = 100
const loadMs = 8_000

describe('WebSockets that do not read', () => {
  test('hold no more than the budget, and harm nobody who reads', async () => {
    const server = await ServerChild.start({
      modelBytes: { wide: wideModel(MIB, true) },
      models: { add: 'add-one' },
      pipelines: { wide: [{ type: 'model', model: 'wide' }], add: [{ type: 'model', model: 'add' }] },
      engine: { memoryBudgetBytes: budgetBytes },
      isAsShipped: true,
    })
    const client = await PenstockClient.connect(server.url)
    const add = (): Promise<unknown> =>
      client.infer('add', { x: { dtype: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 3) } })
    // The start is a server that has answered a few of either kind.
    for (let request = 0; request < 8; request++) {
      await client.infer('wide', { x: { dtype: 'float32', shape: [1, 1], data: Float32Array.of(request) } })
      await add()
    }
    let answered = 0
    const failures: string[] = []
    let left = 0
    const run = await measureMemory(server.pid, async () => {
      const sockets = await Promise.all(
        Array.from({ length: socketCount }, async () => {
          const socket = await RawWebSocket.open(server.port)
          socket.send({ kind: 'open', channel: 1, pipeline: 'wide' })
          await socket.message('opened')
          socket.connection.socket.pause()
          return socket
        }),
      )
      const endMs = performance.now() + loadMs
      for (let request = 1; performance.now() < endMs; request++) {
        if (request <= requestsEach)
          for (const socket of sockets)
            if (!socket.connection.isClosed)
              socket.sendFrame(encodeMessage(inferMessage({ request, data: floats(request) })))
        await add().then(
          () => answered++,
          (error: unknown) => failures.push(String(error)),
        )
        await sleep(20)
      }
      left = (await server.observe()).webSockets - 1
      for (const { connection } of sockets) connection.socket.resetAndDestroy()
    })
    const more = `${left} of ${socketCount} left, ${answered} other requests answered, ${failures.length} refused`
    printMemory('WebSockets that do not read', run, budgetBytes, more)
    expect(left).toBeLessThan(socketCount)
    expect(failures.length).toBeLessThan(answered / 10)
    expectBounded(run, budgetBytes)
    await client.close()
  })
})
