/**
 * Producers that loop over tryInfer and ready, through every trouble that a connection and a pipeline can have: they come to
 * an end, and each request is answered or rejects with a documented code. In a world from a seed.
 */
import { describe, expect, it } from 'vitest'
import { PenstockError } from '../base/errors.js'
import { FakeServer } from './testing/fake-server.js'
import { opened, until } from './testing/harness.js'
import { produce, type Produced } from './testing/producer.js'
import { World } from './testing/world.js'
import { PenstockClient, type Channel } from './index.js'

const COUNT = 60
const reconnect = { reconnect: { delayMsMin: 5, delayMsMax: 50 } }

type Trouble = (world: World, server: FakeServer) => void
const restart: Trouble = (world, server) => {
  server.isUp = false
  server.goaway()
  world.setTimer(() => server.live.forEach((socket) => socket.cut(1001, 'bye')), 5)
  world.setTimer(() => (server.isUp = true), 60)
}
const troubles: Readonly<Record<string, Trouble>> = {
  'a lost connection': (_world, server) => server.live.forEach((socket) => socket.cut()),
  'a goaway': (_world, server) => server.goaway(),
  'a restart': restart,
  'a crash, and a server that is away for a while': (world, server) => {
    server.isUp = false
    server.live.forEach((socket) => socket.cut())
    world.setTimer(() => (server.isUp = true), 200)
  },
  'a redeployed pipeline': (world, server) => {
    server.refuse = () => new PenstockError('ERR_CHANNEL_STALE')
    world.setTimer(() => (server.refuse = null), 10)
  },
  'a pipeline that is gone, and comes back': (world, server) => {
    server.refuse = () => new PenstockError('ERR_CHANNEL_STALE')
    server.refuseOpen = () => new PenstockError('ERR_PIPELINE_NOT_DEPLOYED')
    world.setTimer(() => (server.refuse = server.refuseOpen = null), 30)
  },
  'a server that is ready only some time after it restarted': (world, server) => {
    restart(world, server)
    server.refuseOpen = () => new PenstockError('ERR_NOT_READY')
    world.setTimer(() => (server.refuseOpen = null), 120)
  },
  'a socket that congests': (world, server) => {
    server.live.forEach((socket) => (socket.bufferedAmount = 1e9))
    world.setTimer(() => server.live.forEach((socket) => (socket.bufferedAmount = 0)), 40)
  },
}
const allowed = new Set(['ERR_CONNECTION_LOST', 'ERR_CHANNEL_STALE', 'ERR_PIPELINE_NOT_DEPLOYED', 'ERR_NOT_READY'])

/** `producers` at a time, each its values; trouble after `afterMs`. */
async function run(seed: number, trouble: Trouble, producers: number, hasPauses: boolean): Promise<Produced> {
  const world = new World(seed)
  const server = new FakeServer(world)
  server.windowRequests = world.integer(1, 6)
  server.latencyMs = [0, world.integer(0, 6)]
  const client = await until(world, PenstockClient.connect('ws://fake', reconnect, server.environment))
  const channels = await until(world, Promise.all(['a', 'b'].map((name) => client.open(name))))
  world.setTimer(() => trouble(world, server), world.integer(0, 30))
  const pause = (): Promise<void> => new Promise((resolve) => void world.setTimer(resolve, world.integer(0, 3)))
  const all = await until(
    world,
    Promise.all(
      Array.from({ length: producers }, (_, index) =>
        produce(world, client, channels[index % 2]!, index * COUNT, COUNT, {}, hasPauses ? pause : undefined),
      ),
    ),
  )
  expect(server.violations).toEqual([])
  let isClosed = false
  void client.close().then(() => (isClosed = true))
  await world.run(() => isClosed)
  return {
    answered: all.reduce((sum, { answered }) => sum + answered, 0),
    codes: all.flatMap(({ codes }) => codes),
    waits: all.reduce((sum, { waits }) => sum + waits, 0),
  }
}

describe('producers', () => {
  for (const [what, trouble] of Object.entries(troubles)) {
    for (const [producers, hasPauses] of [
      [1, false],
      [1, true],
      [5, false],
      [5, true],
    ] as const) {
      it(`producers: ${producers} ${hasPauses ? 'with pauses ' : ''}come through ${what}`, async () => {
        let answered = 0
        for (let seed = 1; seed <= 8; seed++) {
          const produced = await run(seed, trouble, producers, hasPauses)
          expect(produced.answered + produced.codes.length).toBe(producers * COUNT)
          for (const code of produced.codes) expect(allowed).toContain(code)
          answered += produced.answered
        }
        // Whatever happens in the middle, there is a time before and after it.
        expect(answered).toBeGreaterThan(COUNT)
      })
    }
  }

  it('producers: a pipeline that is gone for good refuses each request, and none spins', async () => {
    const { world, server, client, channel } = await opened(reconnect)
    server.refuseOpen = () => new PenstockError('ERR_PIPELINE_NOT_DEPLOYED')
    for (const socket of server.live) socket.cut()
    const { answered, codes } = await until(world, produce(world, client, channel, 0, 50))
    expect(answered).toBe(0)
    expect(new Set(codes)).toEqual(new Set(['ERR_PIPELINE_NOT_DEPLOYED']))
    expect(codes).toHaveLength(50)
  })

  it('producers: a client that gives up ends them', async () => {
    const { world, server, client, channel } = await opened({
      reconnect: { attemptsMax: 2, delayMsMin: 1, delayMsMax: 2 },
    })
    server.isUp = false
    for (const socket of server.live) socket.cut()
    await expect(until(world, produce(world, client, channel, 0, 50))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
    })
    const later = await until(world, produce(world, client, channel, 0, 3))
    expect(later.codes).toEqual(['ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED'])
  })

  it('producers: those that were woken and want nothing leave the room to the others', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.windowRequests = 2))
    server.isAnswering = false
    const first = [channel.infer({ x: [1, 2] }), channel.infer({ x: [1, 2] })]
    expect(channel.tryInfer({ x: [1, 2] })).toBeNull()
    const woken = Promise.all(Array.from({ length: 7 }, () => client.ready()))
    await world.runFor(20)
    for (const answer of server.held.splice(0)) answer()
    await until(world, Promise.all(first))
    await until(world, woken)
  })

  it('producers: the loop of this suite notices a ready that says nothing', async () => {
    const { world, client } = await opened()
    const lying = { ready: () => Promise.resolve() } as unknown as PenstockClient
    const closed = { tryInfer: () => null } as unknown as Channel
    await expect(produce(world, lying, closed, 0, 1)).rejects.toThrow(/without end/)
    void client.close()
  })
})
