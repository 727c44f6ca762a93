/**
 * The string path: pipelines in which a tensor holds strings, which the addon does not carry. Each request is walked
 * through the plan by itself (plain-walk.ts): no batching, models run as jobs of the inference workers. Correct and
 * slow, and said so in the documentation.
 *
 * Bounded: STRING_PATH_REQUESTS_MAX requests are in flight at most. A deadline or a cancellation ends the caller's wait at
 * once and the walk between two stages; a run under way cannot be stopped and its result is dropped.
 */
import { addon } from '../../../bindings/native.js'
import { onAbort } from '../../base/abort.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { STRING_PATH_REQUESTS_MAX } from '../../base/limits/limits.js'
import type { InferencePool } from '../../worker/pool/inference-pool.js'
import type { AdmittedRequest } from '../requests/admission.js'
import type { CancelSignal, InferResult } from '../api/api.js'
import type { ByteBudget } from '../memory/byte-budget.js'
import type { Deployment } from '../deploy/deployment.js'
import { abortedError, budgetSentence } from '../requests/failures.js'
import type { StringPathCounters } from '../counters/string-path-counters.js'
import { StringPathWalk, type StringPathHooks } from './plan-walk.js'
import { tensorBytes } from './row-operations.js'

type RequestBudget = Pick<ByteBudget, 'tryChargeRequest' | 'releaseRequest' | 'usedBytes' | 'limitBytes'>

/** Milliseconds after which some of what is in flight has been answered. */
const RETRY_AFTER_MS = 100

export class StringPathExecutor {
  readonly #pool: InferencePool
  readonly #hooks: StringPathHooks
  readonly #budget: RequestBudget
  /** Bytes of a row's answer, as the last requests had them. */
  readonly #answerBytes = new WeakMap<Deployment, number>()
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
      const { code } = toPenstockError(error)
      counters.failures.set(code, (counters.failures.get(code) ?? 0) + 1)
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
    let bytes = Math.ceil(rows * (this.#answerBytes.get(deployment) ?? 0))
    for (const tensor of tensors) bytes += 2 * tensorBytes(tensor.data)
    if (this.#budget.tryChargeRequest(bytes)) return bytes
    const { requests, bodies, answers } = this.#budget.usedBytes()
    throw new PenstockError(
      'ERR_QUEUE_FULL',
      budgetSentence(bytes, requests + bodies + answers, this.#budget.limitBytes),
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }

  #start(walk: StringPathWalk, deployment: Deployment, bytes: number): Promise<InferResult> {
    this.#inFlight++
    deployment.stringPathInFlight++
    return walk
      .run()
      .then((result) => {
        this.#learn(deployment, result)
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

  #learn(deployment: Deployment, { rows, outputs }: InferResult): void {
    if (rows === 0) return
    let bytes = 0
    for (const { data } of Object.values(outputs)) bytes += tensorBytes(data)
    const before = this.#answerBytes.get(deployment) ?? 0
    // It rises at once, for memory is what it protects, and falls slowly.
    this.#answerBytes.set(deployment, Math.max(bytes / rows, before * 0.8))
  }
}

function countResult(counters: StringPathCounters, { rows, checkFailures }: InferResult): void {
  counters.requestCount++
  counters.rowCount += rows
  for (const { check, rows: failed } of checkFailures) {
    counters.checkFailures.set(check, (counters.checkFailures.get(check) ?? 0) + failed.length)
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
