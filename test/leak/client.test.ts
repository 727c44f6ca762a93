/**
 * The client in a program that runs for months: requests of every outcome, channels opened and closed, connections made,
 * cut and made again. Measured in this very process, whose heap holds the test framework too: a constant, to a slope.
 */
import { setMaxListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PenstockClient } from 'penstock/client'
import { describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { cuttable } from '../support/client-harness.js'
import { ServerChild, type ChildSetup } from '../stress/testing/server-child.js'
import { ramp, sleep } from '../stress/testing/load.js'
import { medianSlope, repeat } from './leak.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const setup: ChildSetup = {
  models: { add: 'add-one', table: 'gather-ten', slow: 'slow' },
  pipelines: {
    add: [{ type: 'model', model: 'add' }],
    table: [{ type: 'model', model: 'table' }],
    slow: [{ type: 'model', model: 'slow' }],
  },
  engine: { inferWorkers: 1, batchRowsMax: 8 },
}
const warmRounds = 3
const rounds = 7

interface Held {
  readonly heapBytes: number
  readonly descriptors: number
  readonly handles: number
}

async function held(): Promise<Held> {
  for (let pass = 0; pass < 3; pass++) {
    collect()
    await sleep(20)
  }
  const { heapUsed, external } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo().length
  return { heapBytes: heapUsed + external, descriptors: readdirSync('/proc/self/fd').length, handles }
}

/** Bytes per operation that rounds of `operations` leave in this process. */
async function heapSlope(what: string, operations: number, round: () => Promise<unknown>): Promise<number> {
  const seen: Held[] = []
  for (let index = 0; index < warmRounds + rounds; index++) {
    await round()
    if (index >= warmRounds) seen.push(await held())
  }
  const slope = medianSlope(
    seen.map((_, index) => index * operations),
    seen.map(({ heapBytes }) => heapBytes),
  )
  const first = seen[0] as Held
  const last = seen.at(-1) as Held
  console.info(
    `leak: ${what}: heap ${slope.toFixed(1)} B per operation, +${last.descriptors - first.descriptors} descriptors, +${last.handles - first.handles} handles`,
  )
  expect(last.descriptors).toBeLessThanOrEqual(first.descriptors)
  expect(last.handles).toBeLessThanOrEqual(first.handles)
  return slope
}

describe('leak: client', () => {
  test('requests: answered, failed, refused, expired, cancelled', async () => {
    const server = await ServerChild.start(setup)
    const client = await PenstockClient.connect(server.url)
    const round = (): Promise<number> =>
      repeat(2000, 16, (index) => {
        if (index % 8 === 1) return client.infer('table', { index: [[99n]] })
        if (index % 8 === 2) return client.infer('add', { x: [[1, 2]] })
        if (index % 8 === 3) return client.infer('nobody', { x: [[1, 2, 3]] })
        if (index % 256 === 4) return client.infer('slow', { x: ramp(1, 4, 0) }, { deadlineMs: 1 })
        if (index % 8 === 5) return client.infer('add', { x: ramp(1, 3, 0) }, { signal: AbortSignal.abort() })
        if (index % 256 === 6) {
          const controller = new AbortController()
          setTimeout(() => controller.abort(), 2)
          return client.infer('slow', { x: ramp(1, 4, 0) }, { signal: controller.signal })
        }
        return client.infer('add', { x: ramp(1 + (index % 7), 3, index) })
      })
    // Measured: under 10. A promise and its closure are more than 100.
    expect(await heapSlope('client requests', 2000, round)).toBeLessThan(60)
    expect(client.inFlight + client.waiting).toBe(0)
    await client.close()
    expect(await server.close()).toBe(0)
  })

  test('one signal for all requests of a program gathers no listeners', async () => {
    const server = await ServerChild.start(setup)
    const client = await PenstockClient.connect(server.url)
    const { signal } = new AbortController()
    // Node warns of more than ten listeners; sixteen requests at a time are meant here.
    setMaxListeners(16, signal)
    const round = (): Promise<number> =>
      repeat(2000, 16, (index) => client.infer('add', { x: ramp(1, 3, index) }, { signal, deadlineMs: 60_000 }))
    expect(await heapSlope('client requests with one signal', 2000, round)).toBeLessThan(60)
    await client.close()
    expect(await server.close()).toBe(0)
  })

  test('channels and connections: opened, closed, cut, made again', async () => {
    const server = await ServerChild.start(setup)
    const round = (): Promise<number> =>
      repeat(60, 4, async (index) => {
        const sockets: WebSocket[] = []
        const client = await PenstockClient.connect(
          server.url,
          { reconnect: { delayMsMin: 1, delayMsMax: 2 } },
          cuttable(sockets),
        )
        const channel = await client.open('add')
        await channel.infer({ x: ramp(1, 3, index) })
        if (index % 2 === 0) {
          const cut = client.infer('add', { x: ramp(1, 3, 0) }).catch(() => undefined)
          sockets[0]?.terminate()
          await cut
          await channel.infer({ x: ramp(1, 3, index) })
        }
        for (const pipeline of ['table', 'slow']) (await client.open(pipeline)).close()
        channel.close()
        await client.close()
      })
    // Measured: up to 500 a connection, which held is tens of kilobytes.
    expect(await heapSlope('client connections', 60, round)).toBeLessThan(3000)
    expect(await server.close()).toBe(0)
  })

  test('canary: an answer that is kept is noticed', async () => {
    const server = await ServerChild.start(setup)
    const client = await PenstockClient.connect(server.url)
    const kept: unknown[] = []
    const round = (): Promise<number> =>
      repeat(500, 16, async (index) => kept.push(await client.infer('add', { x: ramp(1, 3, index) })))
    expect(await heapSlope('canary client', 500, round)).toBeGreaterThan(60)
    expect(kept).toHaveLength(500 * (warmRounds + rounds))
    await client.close()
    expect(await server.close()).toBe(0)
  })
})
