/** The client against the real server: readers that stop for a while, and servers that restart, cost no answer. */
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { PenstockClient, type ClientResult } from 'penstock/client'
import { cuttable, Stage } from '../support/client-harness.js'

const stages: Stage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

async function openStage(...parameters: Parameters<typeof Stage.open>): Promise<Stage> {
  const stage = await Stage.open(...parameters)
  stages.push(stage)
  return stage
}

/**
 * A port that is free now. A server bound to port 0 would not do: the socket library lets only a named port be bound again
 * while connections of its last owner are in TIME_WAIT.
 */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

const row = (value: number) => ({ x: Float32Array.of(value, value + 1, value + 2) })
const firstOf = ({ outputs }: ClientResult) => Number(outputs['y']?.data[0])

describe('client, end to end: slow readers and drains', () => {
  it('client: a reader that stops for a while gets all of its answers afterwards', async () => {
    const stage = await openStage({ tokens: 'double-tokens' }, [], { limits: { windowRequests: 64 } })
    const sockets: WebSocket[] = []
    const client = await PenstockClient.connect(stage.url, {}, cuttable(sockets))
    const channel = await client.open('tokens')
    // 64 results of 240 kB are more than the kernel's buffers hold.
    const data = BigInt64Array.from({ length: 30_000 }, (_, index) => BigInt(index))
    const tokens = { dtype: 'int64', shape: [1, data.length], data } as const
    sockets[0]?.pause()
    const promises = Array.from({ length: 200 }, () => channel.infer({ tokens }))
    const settled = Promise.allSettled(promises)
    await sleep(500)
    expect(client.inFlight).toBe(64)
    // In small steps: answers arrive, and their slots are used again, while the server still has bytes to send.
    for (let step = 0; step < 20; step++) {
      sockets[0]?.resume()
      await sleep(1)
      sockets[0]?.pause()
      await sleep(2)
    }
    sockets[0]?.resume()
    const reasons = (await settled).flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    expect(reasons).toEqual([])
    const results = await Promise.all(promises)
    expect(results.every(({ outputs }) => outputs['doubled']?.data[29_999] === 59_998n)).toBe(true)
    await client.close()
  })

  it('client: a server that restarts under load loses no answer', async () => {
    const port = await freePort()
    const first = await openStage({ 'add-one': 'add-one' }, [], { port })
    const client = await first.client({ reconnect: { delayMsMin: 5, delayMsMax: 20 } })
    const events: string[] = []
    for (const name of ['open', 'close', 'goaway'] as const) client.on(name, () => events.push(name))
    const channel = await client.open('add-one')
    let isStopped = false
    let answered = 0
    const failures: string[] = []
    const load = Array.from({ length: 16 }, async (_, index) => {
      // Ends with the first failures: a client that has given up rejects without ever yielding.
      for (let value = index; !isStopped && failures.length < 16; value += 16) {
        const answer = await channel.infer(row(value)).then(firstOf, String)
        if (answer === value + 1) answered++
        else failures.push(`${value}: ${answer}`)
      }
    })
    await expect.poll(() => answered).toBeGreaterThan(100)
    // The next process has an engine of its own.
    await first.server.close()
    await first.engine.close()
    const before = answered
    await openStage({ 'add-one': 'add-one' }, [], { port })
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(before + 100)
    isStopped = true
    await Promise.all(load)
    expect(failures).toEqual([])
    expect(events).toEqual(['goaway', 'open'])
    await client.close()
  })
})
