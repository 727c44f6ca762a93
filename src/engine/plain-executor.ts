/**
 * The plain path: pipelines in which a tensor holds strings, which the addon does not carry. Each request is walked
 * through the plan by itself (plain-walk.ts): no batching, models run as jobs of the inference workers. Correct and
 * slow, and said so in the documentation.
 *
 * Bounded: PLAIN_REQUESTS_MAX requests are in flight at most. A deadline or a cancellation ends the caller's wait at
 * once and the walk between two stages; a run under way cannot be stopped and its result is dropped.
 */
import { onAbort } from '../base/abort.js'
import { PenstockError, toPenstockError } from '../base/errors.js'
import { PLAIN_REQUESTS_MAX } from '../base/limits.js'
import type { InferencePool } from '../worker/inference-pool.js'
import type { AdmittedRequest } from './admission.js'
import type { CancelSignal, InferResult } from './api.js'
import type { Deployment } from './deployment.js'
import type { RequestId } from './executor.js'
import type { PlainCounters } from './metrics.js'
import { PlainWalk, type PlainHooks } from './plain-walk.js'

export class PlainExecutor {
  readonly #pool: InferencePool
  readonly #hooks: PlainHooks
  #inFlight = 0

  constructor(pool: InferencePool, hooks: PlainHooks) {
    this.#pool = pool
    this.#hooks = hooks
  }

  get inFlight(): number {
    return this.#inFlight
  }

  async submit(
    deployment: Deployment,
    admitted: AdmittedRequest,
    id: RequestId,
    signal: CancelSignal | undefined,
  ): Promise<InferResult> {
    if (signal?.aborted === true) throw abortedError(signal)
    if (this.#inFlight >= PLAIN_REQUESTS_MAX) {
      throw new PenstockError(
        'ERR_QUEUE_FULL',
        `${PLAIN_REQUESTS_MAX} requests with string tensors are in flight; nothing was run. Try again later`,
        { retryAfterMs: 100 },
      )
    }
    const stopper = new AbortController()
    this.#inFlight++
    deployment.plainInFlight++
    const walk = new PlainWalk(this.#pool, this.#hooks, deployment, admitted, id, stopper.signal)
    const done = walk.run().finally(() => {
      this.#inFlight--
      // Its rows may still be to be logged.
      void walk.logged().finally(() => {
        deployment.plainInFlight--
      })
    })
    return raceLimits(done, admitted.deadlineMs, signal, stopper)
  }
}

/** Counts a request of the plain path as the addon counts its own. */
export async function countPlainly(
  counters: PlainCounters,
  rows: number,
  answer: Promise<InferResult>,
): Promise<InferResult> {
  counters.requestCount++
  counters.rowCount += rows
  try {
    const result = await answer
    for (const { check, rows: failed } of result.checkFailures) {
      counters.checkFailures.set(check, (counters.checkFailures.get(check) ?? 0) + failed.length)
    }
    return result
  } catch (error) {
    const { code } = toPenstockError(error)
    counters.failures.set(code, (counters.failures.get(code) ?? 0) + 1)
    throw error
  }
}

/** The caller's promise: the walk's, unless the deadline or the signal comes first. */
async function raceLimits(
  done: Promise<InferResult>,
  deadlineMs: number,
  signal: CancelSignal | undefined,
  stopper: AbortController,
): Promise<InferResult> {
  if (deadlineMs === 0 && signal === undefined) return done
  let timer: NodeJS.Timeout | undefined
  let detach: (() => void) | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    if (deadlineMs > 0) {
      timer = setTimeout(
        () => reject(new PenstockError('ERR_DEADLINE_EXCEEDED', 'The deadline passed before the answer was ready')),
        deadlineMs,
      )
    }
    if (signal !== undefined) detach = onAbort(signal, () => reject(abortedError(signal)))
  })
  try {
    return await Promise.race([done, limit])
  } catch (error) {
    stopper.abort(error)
    // Its end is nobody's business any more; the walk still counts itself out.
    done.catch(() => undefined)
    throw error
  } finally {
    clearTimeout(timer)
    detach?.()
  }
}

function abortedError(signal: CancelSignal): PenstockError {
  return new PenstockError('ERR_ABORTED', 'The caller cancelled the request', { cause: signal.reason })
}
