import { describe, expect, it } from 'vitest'
import { seededRandom, systemRandom } from './random.js'

describe('random', () => {
  it('seededRandom: repeats itself for a seed and differs for another', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed))
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it.each([
    ['seededRandom', seededRandom(20_261_121)],
    ['systemRandom', systemRandom],
  ])('%s: is uniform in [0, 1)', (_name, random) => {
    const draws = 40_000
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < draws; i++) {
      const value = random()
      expect(value >= 0 && value < 1).toBe(true)
      const bin = Math.floor(value * 10)
      counts[bin] = (counts[bin] ?? 0) + 1
    }
    // Each bin: mean 4000, standard deviation 60; 8 of them are never seen.
    for (const count of counts) expect(Math.abs(count - 4000)).toBeLessThan(480)
  })
})
