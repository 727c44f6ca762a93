/** The byte budget of an engine, without one: the same counting, only in JavaScript. */
import type { TransportUse } from '../../engine/memory/byte-budget.js'
import type { Budget } from '../byte-charge.js'

export function testBudget(limitBytes = 2 ** 30): Budget & { readonly totalBytes: number } {
  const used: Record<TransportUse, number> = { bodies: 0, answers: 0 }
  const total = (): number => used.bodies + used.answers
  return {
    limitBytes,
    get totalBytes() {
      return total()
    },
    tryCharge(use, bytes) {
      if (total() > 0 && total() + bytes > limitBytes) return false
      used[use] += bytes
      return true
    },
    charge: (use, bytes) => void (used[use] += bytes),
    release(use, bytes) {
      if (bytes > total()) throw new Error(`Expected at most ${total()} bytes to be released but received ${bytes}`)
      used[use] -= bytes
    },
    usedBytes: () => ({ requests: 0, ...used }),
  }
}
