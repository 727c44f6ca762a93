/** Whether finished counts are within an objective: shared by the steps of a sweep and the result of a single run. */
import type { FinishedEvent } from '../native/load-plan.js'
import type { Objective } from '../scenario/scenario.js'

/** The share of the offered rate that must have been served: a growing queue shows here before it shows in p99. */
const SERVED_SHARE_MIN = 0.95

/** Why the step misses the objective, or ''. */
export function missOf(finished: FinishedEvent, ratePerSecond: number | null, objective: Objective): string {
  const { requests, failures, mismatches, latencyUs } = finished.total
  if (requests === 0) return 'nothing was answered'
  const share = (failures + mismatches) / (requests + failures + mismatches)
  if (share > objective.failureShareMax) return `${percent(share)} of the requests failed`
  const p99Ms = latencyUs.p99 / 1000
  if (p99Ms > objective.p99Ms) return `p99 is ${p99Ms.toPrecision(3)} ms`
  const servedPerSecond = requests / finished.seconds
  if (ratePerSecond !== null && servedPerSecond < ratePerSecond * SERVED_SHARE_MIN && isBehind(finished, ratePerSecond))
    return `only ${Math.round(servedPerSecond)} a second were served`
  return ''
}

/** Whether fewer answers came than Poisson arrivals at that rate explain (four standard deviations). */
function isBehind({ total, seconds }: FinishedEvent, ratePerSecond: number): boolean {
  const expected = ratePerSecond * seconds
  return total.requests < expected - 4 * Math.sqrt(expected)
}

function percent(share: number): string {
  return `${(share * 100).toPrecision(2)} %`
}
