/** Figures that are made of the finished counts: what reports, comparisons and sweeps show of a run. */
import type { FinishedEvent } from '../native/load-plan.js'

/** Requests a second that were answered as expected. */
export function rateOf({ total, seconds }: FinishedEvent): number {
  return seconds > 0 ? total.requests / seconds : 0
}

/** CPU seconds per 1,000 requests; null where it is unknown. */
export function cpuPerThousand(cpuSeconds: number, requests: number): number | null {
  return cpuSeconds < 0 || requests === 0 ? null : (cpuSeconds / requests) * 1000
}
