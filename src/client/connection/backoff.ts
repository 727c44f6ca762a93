/**
 * How long to wait before try number `attempt`: exponential backoff with full jitter, uniform in [0, min(max, min × 2^attempt)).
 * After a server's restart all its clients come back; jitter over the whole span spreads them best (M. Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
import type { ReconnectPlan } from './options.js'

/**
 * @param attempt 0 for the first try after a loss.
 * @param random in [0, 1).
 * @returns whole milliseconds.
 */
export function backoffDelayMs(
  { delayMsMin, delayMsMax }: ReconnectPlan,
  attempt: number,
  random: () => number,
): number {
  const ceilingMs = Math.min(delayMsMax, delayMsMin * 2 ** Math.min(attempt, 52))
  return Math.floor(random() * ceilingMs)
}
