import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.js'
import type { ClientRequest } from './client-request.js'
import { InFlight, SLOTS_MAX } from './in-flight.js'
import { FifoQueue } from './fifo-queue.js'

const request = (): ClientRequest => ({ id: -1, place: -1 }) as ClientRequest

describe('in flight: slots', () => {
  it('in flight: the id of an answered request meets nobody, though its slot is used again', () => {
    const table = new InFlight()
    const [first, second] = [request(), request()]
    table.put(first)
    const { id } = first
    expect(table.take(id)).toBe(first)
    table.put(second)
    expect([second.id % SLOTS_MAX, second.id === id]).toEqual([id % SLOTS_MAX, false])
    expect(table.take(id)).toBeNull()
    expect(table.take(second.id)).toBe(second)
  })

  it('in flight: ids stay unsigned 32-bit numbers after 65,536 turns', () => {
    const table = new InFlight()
    for (let turn = 0; turn < 65_540; turn++) {
      const one = request()
      table.put(one)
      // Compared by hand: 131,080 calls of expect take ten seconds on a busy machine.
      if (one.id !== (turn % 65_536) * SLOTS_MAX || table.take(one.id) !== one)
        expect.fail(`turn ${turn}: id ${one.id}`)
    }
    expect(table.size).toBe(0)
  })

  it('in flight: clear gives back what is there and forgets it', () => {
    const table = new InFlight()
    const all = [request(), request(), request()]
    for (const one of all) table.put(one)
    table.take(all[1]!.id)
    expect(table.clear()).toEqual([all[0], all[2]])
    expect([table.size, table.holds(all[0]!)]).toEqual([0, false])
  })
})

describe('fifo queue: who waits', () => {
  it('fifo queue: keeps the order of a plain array under random pushes and removals, seed 5', () => {
    const random = seededRandom(5)
    const queue = new FifoQueue()
    const model: ClientRequest[] = []
    for (let step = 0; step < 20_000; step++) {
      const chance = random()
      if (chance < 0.5) {
        const one = request()
        queue.push(one)
        model.push(one)
      } else if (chance < 0.8) {
        const first = queue.first()
        expect(first).toBe(model.shift() ?? null)
        if (first !== null) queue.delete(first)
      } else {
        const one = model.splice(Math.floor(random() * model.length), 1)[0] ?? request()
        queue.delete(one)
        queue.delete(one)
      }
      expect(queue.size).toBe(model.length)
    }
    expect(queue.all()).toEqual(model)
  })
})
