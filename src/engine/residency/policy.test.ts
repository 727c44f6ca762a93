import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.js'
import { EvictionPolicy, type Use } from './policy.js'

/** Loads models as they are asked for, with room for `room` of them. @returns loads, by model. */
function loadsOf(asked: Iterable<number>, room: number, order?: (loaded: readonly number[]) => number[]) {
  const policy = new EvictionPolicy<number>()
  const uses = new Map<number, { count: number; lastUs: number }>()
  const loaded = new Set<number>()
  const loads = new Map<number, number>()
  let nowUs = 0
  for (const model of asked) {
    const use = uses.get(model) ?? { count: 0, lastUs: 0 }
    uses.set(model, use)
    use.count++
    use.lastUs = ++nowUs
    if (loaded.has(model)) continue
    policy.note(uses as Iterable<[number, Use]>, loaded.size)
    const isFull = loaded.size >= room
    if (isFull) {
      const candidates = [...loaded]
      const lru = (): number[] => candidates.sort((a, b) => (uses.get(a)?.lastUs ?? 0) - (uses.get(b)?.lastUs ?? 0))
      const [victim] = order === undefined ? policy.order(candidates) : lru()
      loaded.delete(victim as number)
    }
    loaded.add(model)
    policy.loaded(model, isFull)
    loads.set(model, (loads.get(model) ?? 0) + 1)
  }
  return { loads, total: [...loads.values()].reduce((sum, count) => sum + count, 0) }
}

const lru = (): number[] => []
const inTurn = (models: number, count: number): number[] => Array.from({ length: count }, (_, at) => at % models)

/** Ranks by 1 / rank. */
function byRank(random: () => number, models: number, count: number, first = 0): number[] {
  const weights = Array.from({ length: models }, (_, rank) => 1 / (rank + 1))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return Array.from({ length: count }, () => {
    let rest = random() * sum
    const rank = weights.findIndex((weight) => (rest -= weight) < 0)
    return (first + Math.max(0, rank)) % models
  })
}

describe('eviction policy', () => {
  it('loads once what fits', () => {
    expect(loadsOf(inTurn(10, 1000), 10).total).toBe(10)
  })

  it('does not thrash at the edge: one model too many, asked in turn, costs a load in five requests, not one in each', () => {
    expect(loadsOf(inTurn(11, 1100), 10, lru).total).toBe(1100)
    expect(loadsOf(inTurn(11, 1100), 10).total).toBeLessThanOrEqual(230)
    expect(loadsOf(inTurn(20, 2000), 10).total).toBeLessThanOrEqual(1200)
  })

  it('keeps the models that are asked most, whatever passes by', () => {
    const seed = Date.now() % 2 ** 31
    const random = seededRandom(seed)
    const { loads, total } = loadsOf(byRank(random, 50, 5000), 10)
    const recent = loadsOf(byRank(random, 50, 5000), 10, lru).total
    // The first three have half of the requests, hundreds each. Of 1,500 seeds the worst has 10 loads, most have one.
    for (const hot of [0, 1, 2]) expect(loads.get(hot), `seed ${seed}`).toBeLessThanOrEqual(20)
    expect(total, `seed ${seed}`).toBeLessThan(recent)
  })

  it('lets yesterday’s favourites go', () => {
    const before = Array.from({ length: 20_000 }, (_, at) => at % 5)
    const now = Array.from({ length: 1000 }, (_, at) => 20 + (at % 10))
    const { loads } = loadsOf([...before, ...now], 10)
    const late = [...loads].filter(([model]) => model >= 20).map(([, count]) => count)
    expect(Math.max(...late)).toBeLessThanOrEqual(20)
  })

  it('of models that are asked alike the least recently used goes first, those on trial before those that stay', () => {
    const policy = new EvictionPolicy<string>()
    for (const key of ['a', 'b', 'c']) policy.loaded(key, false)
    policy.loaded('d', true)
    const uses = [
      ['a', { count: 2, lastUs: 30 }],
      ['b', { count: 2, lastUs: 20 }],
      ['c', { count: 3, lastUs: 10 }],
      ['d', { count: 1, lastUs: 40 }],
    ] as const
    policy.note(uses, 4)
    expect(policy.order(['a', 'b', 'c', 'd'])).toEqual(['d', 'b', 'a', 'c'])
    // Asked more than b and a: it stays now, and one of them is on trial.
    policy.note([['d', { count: 9, lastUs: 50 }]], 4)
    expect(policy.order(['a', 'b', 'c', 'd'])[0]).toBe('b')
    expect(policy.isOnTrial('d')).toBe(false)
  })
})
