/**
 * Randomness as an argument. Whatever draws (jitter of a reconnect, the seed of a split at deploy) takes a RandomSource,
 * so that a test replays it. This file is the only place in src that asks the machine for randomness of this kind; keys
 * and ids that nobody may guess come from node:crypto instead.
 */

/** A number in [0, 1), uniformly. */
export type RandomSource = () => number

export const systemRandom: RandomSource = () => Math.random()

/**
 * A source that repeats itself for the same seed: mulberry32, period 2^32, for tests and simulations.
 * @param seed any integer; its low 32 bits count.
 * @source Tommy Ettinger, mulberry32 (public domain, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c)
 */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
