/** What the client's tests share: a connected client in a world that stands still, and promises that can be looked at. */
import type { PenstockError } from '../../base/errors.js'
import { PenstockClient, type ClientOptions, type ClientResult } from '../index.js'
import { FakeServer } from './fake-server.js'
import { World } from './world.js'

/** The code of a rejection, 'resolved', or 'pending'. */
export function track(promise: Promise<unknown>): { outcome: string; error?: PenstockError } {
  const tracked: { outcome: string; error?: PenstockError } = { outcome: 'pending' }
  promise.then(
    () => (tracked.outcome = 'resolved'),
    (error: PenstockError) => {
      tracked.outcome = error.code ?? String(error)
      tracked.error = error
    },
  )
  return tracked
}

export async function until<T>(world: World, promise: Promise<T>): Promise<T> {
  const tracked = track(promise)
  await world.run(() => tracked.outcome !== 'pending')
  return promise
}

export async function opened(options: ClientOptions = {}, change: (server: FakeServer) => void = () => undefined) {
  const world = new World(1)
  const server = new FakeServer(world)
  change(server)
  const client = await until(world, PenstockClient.connect('ws://fake', options, server.environment))
  const channel = await until(world, client.open('double'))
  return { world, server, client, channel }
}

export const inputs = (value: number) => ({ x: Float32Array.of(value, value + 0.5) })
export const firstOf = ({ outputs }: ClientResult) => outputs['y']?.data[0]
export const socketOf = (server: FakeServer) => server.live.at(-1) ?? server.sockets[0]!
