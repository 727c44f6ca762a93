/**
 * Random traffic against random trouble, replayed from a seed: cuts, goaways, refusals, aborts, deadlines, windows that
 * change, sockets that congest. Whatever happens: every request settles once, a result is its own, nothing runs twice, and
 * the server sees no broken rule.
 */
import { describe, expect, it } from 'vitest'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { PenstockClient, type Channel, type ClientInferOptions } from './index.js'
import { FakeServer } from './testing/fake-server.js'
import { World } from './testing/world.js'

const REQUESTS = 400
const allowed = new Set([
  'ERR_CONNECTION_LOST',
  'ERR_ABORTED',
  'ERR_DEADLINE_EXCEEDED',
  'ERR_QUEUE_FULL',
  'ERR_CHANNEL_STALE',
  'ERR_DRAINING',
])

interface Counters {
  resolved: number
  readonly codes: Map<string, number>
}

describe('client: simulation', () => {
  for (let seed = 1; seed <= 80; seed++) {
    const inferManyMax = seed > 40 ? 1 + (seed % 8) : 0
    const server = inferManyMax === 0 ? '' : `, ${inferManyMax} a frame`
    it(`client: every request settles with its own result or a documented code, seed ${seed}${server}`, async () => {
      const counters = await simulate(seed, inferManyMax)
      const failures = [...counters.codes.values()].reduce((sum, count) => sum + count, 0)
      expect(counters.resolved + failures).toBe(REQUESTS)
      for (const code of counters.codes.keys()) expect(allowed).toContain(code)
    })
  }

  it('client: the trouble is real: over the seeds each failure occurs, and most requests succeed', async () => {
    const codes = new Set<string>()
    let resolved = 0
    for (let seed = 1; seed <= 10; seed++) {
      const counters = await simulate(seed)
      resolved += counters.resolved
      for (const code of counters.codes.keys()) codes.add(code)
    }
    expect([...codes].sort()).toEqual(
      expect.arrayContaining(['ERR_ABORTED', 'ERR_CONNECTION_LOST', 'ERR_DEADLINE_EXCEEDED', 'ERR_QUEUE_FULL']),
    )
    expect(resolved).toBeGreaterThan(REQUESTS * 5)
  })
})

async function simulate(seed: number, inferManyMax = 0): Promise<Counters> {
  const world = new World(seed)
  const server = new FakeServer(world)
  server.inferManyMax = inferManyMax
  server.windowRequests = world.integer(1, 20)
  server.latencyMs = [0, world.integer(0, 10)]
  server.serviceMs = [0, world.integer(0, 20)]
  server.refuse = () => refusal(world)
  const counters: Counters = { resolved: 0, codes: new Map() }
  let settled = 0
  let client: PenstockClient | null = null
  void PenstockClient.connect('ws://fake', { reconnect: { delayMsMin: 5, delayMsMax: 50 } }, server.environment).then(
    async (connected) => {
      client = connected
      const channels = await Promise.all(['a', 'b', 'c'].map((name) => connected.open(name)))
      for (let value = 0; value < REQUESTS; value++) {
        world.setTimer(
          () => void request(world, connected, channels, value, counters).then(() => settled++),
          world.integer(0, 400),
        )
      }
      for (let trouble = world.integer(0, 12); trouble > 0; trouble--)
        world.setTimer(() => strike(world, server), world.integer(0, 400))
    },
  )
  await world.run(() => settled === REQUESTS)
  expect(server.violations).toEqual([])
  expect(new Set(server.ran).size).toBe(server.ran.length)
  let isClosed = false
  void (client as PenstockClient | null)?.close().then(() => (isClosed = true))
  await world.run(() => isClosed)
  return counters
}

function refusal(world: World): PenstockError | null {
  const chance = world.random()
  if (chance < 0.03) return new PenstockError('ERR_CHANNEL_STALE')
  if (chance < 0.06) return new PenstockError('ERR_QUEUE_FULL', '', { retryAfterMs: 3 })
  return chance < 0.065 ? new PenstockError('ERR_DRAINING') : null
}

function strike(world: World, server: FakeServer): void {
  const socket = server.live[world.integer(0, server.live.length - 1)]
  if (socket === undefined) return
  const chance = world.random()
  if (chance < 0.4) socket.cut()
  else if (chance < 0.6) server.goaway()
  else if (chance < 0.8) {
    // Only larger: requests that are under way when a window shrinks would break it without anybody's fault.
    server.windowRequests += 5
    for (const live of server.live) live.sendToClient({ kind: 'credit', windowRequests: server.windowRequests })
  } else {
    socket.bufferedAmount = 1e9
    world.setTimer(() => (socket.bufferedAmount = 0), world.integer(1, 60))
  }
}

async function request(
  world: World,
  client: PenstockClient,
  channels: readonly Channel[],
  value: number,
  counters: Counters,
): Promise<void> {
  const channel = channels[value % channels.length] as Channel
  const abort = new AbortController()
  if (world.random() < 0.1) world.setTimer(() => abort.abort(), world.integer(0, 40))
  const options: ClientInferOptions = {
    signal: abort.signal,
    ...(world.random() < 0.2 ? { deadlineMs: world.integer(1, 80) } : {}),
    ...(world.random() < 0.2 ? { meta: { session: world.random() } } : {}),
  }
  const rows = world.integer(1, 3)
  const x = Float32Array.from({ length: 2 * rows }, (_, index) => (index === 0 ? value : index))
  try {
    const way = world.random()
    const byName = () => client.infer(channel.pipeline, { x }, options)
    const byChannel = () => channel.infer({ x }, options)
    const promise = way < 0.3 ? byName() : way < 0.5 ? (channel.tryInfer({ x }, options) ?? byChannel()) : byChannel()
    const { outputs } = await promise
    expect(outputs['y']?.data).toEqual(x.map((element) => 2 * element))
    counters.resolved++
  } catch (error) {
    if (!isPenstockError(error)) throw error
    counters.codes.set(error.code, (counters.codes.get(error.code) ?? 0) + 1)
  }
}
