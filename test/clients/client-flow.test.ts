/** The client against the real server: the window, losses, redeploys under load, keys. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { PenstockClient, type ClientResult } from 'penstock/client'
import { codeOf, cuttable, Stage } from '../support/client-harness.js'

const stages: Stage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

async function openStage(...parameters: Parameters<typeof Stage.open>): Promise<Stage> {
  const stage = await Stage.open(...parameters)
  stages.push(stage)
  return stage
}

const row = (value: number) => ({ x: Float32Array.of(value, value + 1, value + 2) })
const firstOf = ({ outputs }: ClientResult) => Number(outputs['y']?.data[0])

describe('client, end to end: the window', () => {
  it('client: 10,000 requests at once stay within the window, and each has its own answer', async () => {
    const stage = await openStage({ 'add-one': 'add-one' }, [], { limits: { windowRequests: 200 } })
    const client = await stage.client()
    const channel = await client.open('add-one')
    let inFlightMax = 0
    const results = await Promise.all(
      Array.from({ length: 10_000 }, async (_, index) => {
        const promise = channel.infer(row(index))
        inFlightMax = Math.max(inFlightMax, client.inFlight)
        const result = await promise
        inFlightMax = Math.max(inFlightMax, client.inFlight)
        return result
      }),
    )
    expect(results.map(firstOf)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1))
    expect(inFlightMax).toBe(200)
    expect([client.inFlight, client.waiting]).toEqual([0, 0])
  })

  it('client: a producer that awaits ready never waits in the line', async () => {
    const stage = await openStage({ 'add-one': 'add-one' }, [], { limits: { windowRequests: 8 } })
    const client = await stage.client()
    const channel = await client.open('add-one')
    const promises: Promise<ClientResult>[] = []
    for (let index = 0; index < 500; index++) {
      await client.ready()
      const promise = channel.tryInfer(row(index))
      if (promise === null) throw new Error(`full after ready, request ${index}`)
      promises.push(promise)
    }
    expect((await Promise.all(promises)).map(firstOf)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
  })

  it('client: several connections and channels do not mix up their answers', async () => {
    const stage = await openStage({ 'add-one': 'add-one', 'times-two': 'times-two' }, [], {
      limits: { windowRequests: 50 },
    })
    const clients = await Promise.all([stage.client(), stage.client(), stage.client()])
    const calls = Array.from({ length: 3000 }, async (_, index) => {
      const name = index % 2 === 0 ? 'add-one' : 'times-two'
      const result = await clients[index % 3]!.infer(name, row(index))
      return firstOf(result) === (index % 2 === 0 ? index + 1 : 2 * index)
    })
    expect((await Promise.all(calls)).every(Boolean)).toBe(true)
  })

  it('client: a frame beyond the server’s limit is refused here, and the connection lives on', async () => {
    const stage = await openStage({ 'add-one': 'add-one' }, [], { limits: { frameBytesMax: 4096 } })
    const client = await stage.client()
    expect(await codeOf(client.infer('add-one', { x: new Float32Array(3000) }))).toBe('ERR_BODY_TOO_LARGE')
    expect(firstOf(await client.infer('add-one', row(1)))).toBe(2)
  })
})

describe('client, end to end: losses', () => {
  it('client: a connection that is cut rejects what is in flight, and the next requests go to a new one', async () => {
    const stage = await openStage({ slow: 'slow', 'add-one': 'add-one' })
    const sockets: WebSocket[] = []
    const client = await PenstockClient.connect(stage.url, {}, cuttable(sockets))
    const closed: unknown[] = []
    client.on('close', ({ code, willReconnect }) => closed.push([code, willReconnect]))
    const slow = await client.open('slow')
    const promises = Array.from({ length: 3 }, () => codeOf(slow.infer({ x: new Float32Array(400) })))
    await sleep(30)
    sockets[0]?.terminate()
    expect(await Promise.all(promises)).toEqual(['ERR_CONNECTION_LOST', 'ERR_CONNECTION_LOST', 'ERR_CONNECTION_LOST'])
    expect(firstOf(await client.infer('add-one', row(5)))).toBe(6)
    expect([closed, sockets.length]).toEqual([[[1006, true]], 2])
    await expect.poll(() => stage.server.connectionCount).toBe(1)
    await client.close()
    await expect.poll(() => stage.server.connectionCount).toBe(0)
  })

  it('client: nobody listens: connect says so at once', async () => {
    const stage = await openStage({})
    const { url } = stage
    await stage.close()
    expect(await codeOf(PenstockClient.connect(url))).toBe('ERR_CONNECTION_LOST')
  })
})

describe('client, end to end: redeploys', () => {
  it('client: redeploys under load, with the same and with another signature, cost no request', async () => {
    const models = ['add-one', 'times-two', 'add-one-more-features']
    const stage = await openStage({ p: 'add-one' }, models)
    const client = await stage.client()
    const channel = await client.open('p')
    let isStopped = false
    const seen = new Map<string, number>()
    const load = Array.from({ length: 8 }, async () => {
      while (!isStopped) {
        // Flat memory of 15 numbers: 5 rows of 3 features, or 3 rows of 5.
        const { rows, outputs } = await channel.infer({ x: new Float32Array(15).fill(5) })
        const key = `${rows} rows, ${Number(outputs['y']?.data[0])}`
        seen.set(key, (seen.get(key) ?? 0) + 1)
      }
    })
    const deploy = (model: string) =>
      stage.engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model }] }, { deploy: true })
    for (const model of ['times-two', 'add-one-more-features', 'add-one', 'add-one-more-features', 'times-two']) {
      await deploy(model)
      const before = [...seen.values()].reduce((sum, count) => sum + count, 0)
      await expect.poll(() => [...seen.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(before + 50)
    }
    isStopped = true
    await Promise.all(load)
    expect([...seen.keys()].sort()).toEqual(['3 rows, 6', '5 rows, 10', '5 rows, 6'])
    expect(channel.inputs[0]?.shape).toEqual([null, 3])
  })

  it('client: an undeployed pipeline refuses, a deployed one serves on the same channel', async () => {
    const stage = await openStage({ p: 'add-one' })
    const client = await stage.client()
    const channel = await client.open('p')
    await stage.engine.undeployPipeline('p')
    expect(await codeOf(channel.infer(row(1)))).toBe('ERR_PIPELINE_NOT_DEPLOYED')
    await stage.engine.deployPipeline('p')
    expect(firstOf(await channel.infer(row(1)))).toBe(2)
  })
})

describe('client, end to end: keys', () => {
  it('client: a key opens the door, without it or with a wrong one the reason is ERR_UNAUTHORIZED', async () => {
    const keys = { count: 1, verify: (key: string) => (key === 'psk_right' ? { name: 'test' } : undefined) }
    const stage = await openStage({ 'add-one': 'add-one' }, [], { keys })
    const client = await stage.client({ apiKey: 'psk_right' })
    expect(firstOf(await client.infer('add-one', row(1)))).toBe(2)
    expect(await codeOf(stage.client())).toBe('ERR_UNAUTHORIZED')
    const error: unknown = await stage.client({ apiKey: 'psk_wrong' }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ERR_UNAUTHORIZED' })
    expect(String(error)).not.toContain('psk_wrong')
  })
})
