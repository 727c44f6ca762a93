/** What requests that JavaScript carries hold of the byte budget: the addon counts those that it has. */
import { PenstockError } from '../../base/errors.js'
import type { InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { ByteBudget } from '../memory/byte-budget.js'
import { budgetSentence } from '../requests/failures.js'
import { tensorBytes } from './row-operations.js'

export type RequestBudget = Pick<ByteBudget, 'tryChargeRequest' | 'releaseRequest' | 'usedBytes' | 'limitBytes'>

/** Milliseconds after which some of what is in flight has been answered. */
const RETRY_AFTER_MS = 100

/** @returns the bytes, for `releaseRequest`. @throws PenstockError ERR_QUEUE_FULL. */
export function chargeRequest(budget: RequestBudget, bytes: number): number {
  if (budget.tryChargeRequest(bytes)) return bytes
  const { requests, bodies, answers } = budget.usedBytes()
  throw new PenstockError('ERR_QUEUE_FULL', budgetSentence(bytes, requests + bodies + answers, budget.limitBytes), {
    retryAfterMs: RETRY_AFTER_MS,
  })
}

/** Bytes of a row's answer, as the last requests of a deployment had them. */
export class AnswerBytes {
  readonly #perRow = new WeakMap<Deployment, number>()

  expected(deployment: Deployment, rows: number): number {
    return Math.ceil(rows * (this.#perRow.get(deployment) ?? 0))
  }

  learn(deployment: Deployment, { rows, outputs }: InferResult): void {
    if (rows === 0) return
    let bytes = 0
    for (const { data } of Object.values(outputs)) bytes += tensorBytes(data)
    const before = this.#perRow.get(deployment) ?? 0
    // It rises at once, for memory is what it protects, and falls slowly.
    this.#perRow.set(deployment, Math.max(bytes / rows, before * 0.8))
  }
}
