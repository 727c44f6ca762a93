/**
 * The loop that documentation and examples show: tryInfer, and where it says null, ready. Here it stops with an error when
 * both contradict each other: ready resolves and tryInfer says null again, and nothing of the world happens in between.
 * Such a loop runs on promises alone, and would hold every event, timers of a test among them, back for ever.
 */
import type { Channel, ClientInferOptions, PenstockClient } from '../index.js'
import type { World } from './world.js'

/** As many producers may have been woken for room that others took. */
const SPINS_MAX = 100

export interface Produced {
  answered: number
  readonly codes: string[]
  /** How often ready() was waited for. */
  waits: number
}

/**
 * Sends `count` requests of values from `start` on, and waits for their answers.
 * @param pause stands between two requests; absent: none, the window is kept full.
 */
export async function produce(
  world: World,
  client: PenstockClient,
  channel: Channel,
  start: number,
  count: number,
  options: ClientInferOptions = {},
  pause?: () => Promise<void>,
): Promise<Produced> {
  const produced: Produced = { answered: 0, codes: [], waits: 0 }
  const pending = new Set<Promise<unknown>>()
  let spins = 0
  let seenEvents = -1
  for (let sent = 0; sent < count;) {
    const value = start + sent
    const answer = channel.tryInfer({ x: Float32Array.of(value, 0) }, options)
    if (answer === null) {
      spins = world.eventCount === seenEvents ? spins + 1 : 0
      seenEvents = world.eventCount
      if (spins > SPINS_MAX) throw new Error(`seed ${world.seed}: ready() resolves and tryInfer says null, without end`)
      produced.waits++
      await client.ready()
      continue
    }
    sent++
    const settled = answer
      .then(({ outputs }) => {
        if (outputs['y']?.data[0] !== 2 * value) throw new Error(`${value} got ${String(outputs['y']?.data[0])}`)
        produced.answered++
      })
      .catch((error: { code?: string }) => void produced.codes.push(error.code ?? 'no code'))
      .finally(() => pending.delete(settled))
    pending.add(settled)
    if (pause !== undefined) await pause()
  }
  await Promise.all(pending)
  return produced
}
