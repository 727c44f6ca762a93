/**
 * What is seen of a loaded model's batches while it serves: rows that were checked, differences, shared runs that failed
 * although their requests ran by themselves. Says what an operator should read, and not more than once a minute a model.
 */
import type { Clock } from '../../base/clock.js'
import { BATCHING_NOTICE_MS } from '../../base/limits/limits.js'
import type { EngineNotice } from '../api/options.js'
import { BATCHING_PROOF_REVISION } from '../../worker/inspection/row-trial/decide-batching.js'
import type { DifferencePolicy } from '../api/options.js'
import type { BatchingCounts, BatchingProof, ModelVersion } from '../api/api.js'

export const newBatchingCounts = (): { -readonly [K in keyof BatchingCounts]: BatchingCounts[K] } => ({
  rowChecks: 0,
  rowDifferences: 0,
  sharedFailures: 0,
})

/** undefined: none, or one that this release does not trust. */
export function trustedProof(version: ModelVersion): BatchingProof | undefined {
  const { batchingProof } = version.signature
  return batchingProof?.revision === BATCHING_PROOF_REVISION ? batchingProof : undefined
}

/** Whether rows of a version whose signature says `rows` must run one by one all the same. */
export function mustRunUnbatched(version: ModelVersion, policy: DifferencePolicy): boolean {
  if (version.signature.batching !== 'rows') return false
  const proof = trustedProof(version)
  return proof === undefined || (proof.found !== undefined && policy === 'unbatch')
}

export class BatchingNotices {
  readonly #clock: Clock
  readonly #onNotice: (notice: EngineNotice) => void
  readonly #said = new Map<string, number>()

  constructor(clock: Clock, onNotice: (notice: EngineNotice) => void) {
    this.#clock = clock
    this.#onNotice = onNotice
  }

  difference(label: string, output: string, isUnbatched: boolean): void {
    const consequence = isUnbatched
      ? 'Its rows run one by one from now on'
      : 'Its rows go on sharing batches, as configured or as an operator said'
    this.#say(
      label,
      'difference',
      `A row of ${label} got another answer in a shared batch than by itself (output ${output}). ${consequence}`,
    )
  }

  sharedFailure(label: string, reason: string): void {
    this.#say(
      label,
      'failure',
      `A shared run of ${label} failed although each of its requests ran by itself: ${reason}. Such runs are paid twice`,
    )
  }

  #say(label: string, kind: string, message: string): void {
    const key = `${kind} ${label}`
    const nowMs = this.#clock.monotonicUs() / 1000
    if (nowMs - (this.#said.get(key) ?? -Infinity) < BATCHING_NOTICE_MS) return
    this.#said.set(key, nowMs)
    this.#onNotice({ level: 'warn', message })
  }
}
