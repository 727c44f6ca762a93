/**
 * What no server of single rows can beat: Poisson arrivals before so many servers that each take exactly one run a row,
 * first come, first served, and lose nothing (M/D/c). Criterion 7 stands beside it, for waiting is arithmetic before it
 * is a server's fault; only a model that gains by batching leaves it behind.
 */
import { seededRandom } from '../../src/base/random.js'

const arrivalCount = 200_000
const seed = 7

export interface IdealQueue {
  /** Mean and 99th percentile of the time from arrival to answer, in runs. */
  readonly mean: number
  readonly p99: number
}

/** @param share of the servers' capacity that is offered, above 0 and below 1. */
export function idealQueue(servers: number, share: number): IdealQueue {
  const random = seededRandom(seed)
  const freeAt = new Array<number>(servers).fill(0)
  const times = new Float64Array(arrivalCount)
  let now = 0
  let sum = 0
  for (let arrival = 0; arrival < arrivalCount; arrival++) {
    now -= Math.log(1 - random()) / (share * servers)
    const first = freeAt.indexOf(Math.min(...freeAt))
    const end = Math.max(now, freeAt[first] ?? 0) + 1
    freeAt[first] = end
    times[arrival] = end - now
    sum += end - now
  }
  times.sort()
  return { mean: sum / arrivalCount, p99: times[Math.floor(arrivalCount * 0.99)] ?? Number.NaN }
}

/** The share at which the p99 is `runs`, to half a hundredth. */
export function idealShare(servers: number, runs: number): number {
  let [held, missed] = [0, 1]
  while (missed - held > 0.005) {
    const middle = (held + missed) / 2
    if (idealQueue(servers, middle).p99 <= runs) held = middle
    else missed = middle
  }
  return held
}
