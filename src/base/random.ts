/**
 * Randomness as an argument. Whatever draws (jitter of a reconnect, the seed of a split at deploy) takes a RandomSource,
 * so that a test replays it. This file is the only place in src that asks the machine for randomness of this kind; keys
 * and ids that nobody may guess come from node:crypto instead.
 */

/** A number in [0, 1), uniformly. */
export type RandomSource = () => number

export const systemRandom: RandomSource = () => Math.random()

/**
 * A source that repeats itself for the same seed: xorshift32, period 2^32 - 1, for tests and simulations.
 * @param seed any integer; its low 32 bits count.
 * @source G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003, the triple (13, 17, 5)
 */
export function seededRandom(seed: number): RandomSource {
  // Neighbouring seeds must not start alike, and zero is xorshift's one fixed point.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 8; i++) next()
  return next
}
