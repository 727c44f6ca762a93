/** Waiting for work to end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { addon } from '../../../bindings/native.js'
import { DRAIN_POLL_MS } from '../../base/limits/limits.js'

/** Looks every few milliseconds. @returns false: it was still busy after `limitMs`. */
export async function untilIdle(isBusy: () => boolean, limitMs: number): Promise<boolean> {
  const endUs = addon.nowUs() + limitMs * 1000
  while (isBusy()) {
    if (addon.nowUs() >= endUs) return false
    await sleep(DRAIN_POLL_MS)
  }
  return true
}
