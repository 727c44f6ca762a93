/**
 * The string path: pipelines in which a tensor holds strings, which the addon does not carry. Each request is walked
 * through the plan by itself (plain-walk.ts): no batching, models run as jobs of the inference workers. Correct and
 * slow, and said so in the documentation.
 *
 * Bounded: STRING_PATH_REQUESTS_MAX requests are in flight at most. A deadline or a cancellation ends the caller's wait at
 * once and the walk between two stages; a run under way cannot be stopped and its result is dropped.
 */
import { addon } from '../../../bindings/native.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { STRING_PATH_REQUESTS_MAX } from '../../base/limits/limits.js'
import type { InferencePool } from '../../worker/pool/inference-pool.js'
import type { AdmittedRequest } from '../requests/admission.js'
import type { CancelSignal, InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import { abortedError } from '../requests/failures.js'
import { countFailure, type StringPathCounters } from '../counters/string-path-counters.js'
import { StringPathWalk, type StringPathHooks } from './plan-walk.js'
import { raceLimits } from './race-limits.js'
import { AnswerBytes, chargeRequest, type RequestBudget } from './request-bytes.js'
import { tensorBytes } from './row-operations.js'

export class StringPathExecutor {
  readonly #pool: InferencePool
  readonly #hooks: StringPathHooks
  readonly #budget: RequestBudget
  readonly #answerBytes = new AnswerBytes()
  #inFlight = 0

  constructor(pool: InferencePool, budget: RequestBudget, hooks: StringPathHooks) {
    this.#pool = pool
    this.#budget = budget
    this.#hooks = hooks
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** @param counters the pipeline's: they count the request as the addon counts its own. */
  async submit(counters: StringPathCounters, deployment: Deployment, admitted: AdmittedRequest): Promise<InferResult> {
    const { signal, deadlineMs } = admitted.options
    const admittedUs = addon.nowUs()
    let walk: StringPathWalk | null = null
    try {
      this.#expectRoom(signal)
      const bytes = this.#charge(deployment, admitted)
      const stopper = new AbortController()
      walk = new StringPathWalk(this.#pool, this.#hooks, deployment, admitted, stopper.signal)
      const result = await raceLimits(this.#start(walk, deployment, bytes), deadlineMs, signal, stopper)
      countResult(counters, result)
      return result
    } catch (error) {
      countFailure(counters, toPenstockError(error).code)
      throw error
    } finally {
      // What was refused took no time.
      if (walk !== null && this.#hooks.isMeasuring) {
        const nowUs = addon.nowUs()
        counters.totalNs.recordUs(nowUs - admittedUs)
        counters.sendNs.recordUs(nowUs - (walk.readyUs ?? nowUs))
      }
    }
  }

  /** @throws PenstockError ERR_ABORTED, ERR_QUEUE_FULL. */
  #expectRoom(signal: CancelSignal | undefined): void {
    if (signal?.aborted === true) throw abortedError(signal)
    if (this.#inFlight < STRING_PATH_REQUESTS_MAX) return
    throw new PenstockError(
      'ERR_QUEUE_FULL',
      `${STRING_PATH_REQUESTS_MAX} requests with string tensors are in flight; nothing was run. Try again later`,
      { retryAfterMs: 100 },
    )
  }

  /** Inputs, which a job's message holds once more, and the answer. @throws PenstockError ERR_QUEUE_FULL. */
  #charge(deployment: Deployment, { tensors, rows }: AdmittedRequest): number {
    let bytes = this.#answerBytes.expected(deployment, rows)
    for (const tensor of tensors) bytes += 2 * tensorBytes(tensor.data)
    return chargeRequest(this.#budget, bytes)
  }

  #start(walk: StringPathWalk, deployment: Deployment, bytes: number): Promise<InferResult> {
    this.#inFlight++
    deployment.stringPathInFlight++
    return walk
      .run()
      .then((result) => {
        this.#answerBytes.learn(deployment, result)
        return result
      })
      .finally(() => {
        this.#inFlight--
        // Its rows may still be to be logged.
        void walk.logged().finally(() => {
          deployment.stringPathInFlight--
          this.#budget.releaseRequest(bytes)
        })
      })
  }
}

/** Counts an answer that the addon does not know of. */
export function countResult(counters: StringPathCounters, { rows, checkFailures }: InferResult): void {
  counters.requestCount++
  counters.rowCount += rows
  for (const { check, rows: failed } of checkFailures) {
    counters.checkFailures.set(check, (counters.checkFailures.get(check) ?? 0) + failed.length)
  }
}
