/**
 * The calls of one remote step: bounded in number, repeated where that is safe, and kept away from a remote that is down.
 *
 *   what happened                                        repeated             counts against the remote
 *   no connection (refused, no such name, TLS)           always               yes
 *   429, 503: it did not take the request                always, Retry-After  503
 *   500, 502, 504, a connection that broke               when idempotent      yes
 *   any other status, an answer that is too large        never                no
 *   the time is over, or the caller is gone              never                the step's own time only
 */
import { onAbort } from '../base/abort.js'
import { PenstockError } from '../base/errors.js'
import type { Clock } from '../base/clock.js'
import { REMOTE_BACKOFF_MS_MAX, REMOTE_WAITING_MAX } from '../base/limits/remote-limits.js'
import type { RandomSource } from '../base/random.js'
import { Breaker, type BreakerEntry, type BreakerOptions, type BreakerState } from './breaker.js'
import { BrokenExchange, type RemoteAnswer, type RemoteConnection, type RemoteRequest } from './connection.js'
import { retryAfterMs, type RemoteFailures } from './failures.js'
import { Slots } from './slots.js'

export interface RetryOptions {
  /** Attempts beyond the first. */
  readonly retries: number
  readonly backoffMs: number
  readonly isIdempotent: boolean
}

export interface RemoteClientOptions {
  readonly connection: Pick<RemoteConnection, 'exchange' | 'close'>
  readonly failures: RemoteFailures
  readonly retry: RetryOptions
  readonly breaker: BreakerOptions
  readonly concurrency: number
  /** The remote is left alone from now on, or asked again. */
  readonly onBreaker: (state: 'open' | 'closed', failure: PenstockError | null) => void
  readonly clock: Clock
  readonly random: RandomSource
}

/** Counts since the step was deployed. */
export interface RemoteCounts {
  readonly breaker: BreakerState
  readonly openedCount: number
  readonly inFlight: number
  readonly waiting: number
  /** Exchanges, each attempt for itself. */
  readonly calls: number
  readonly retries: number
  readonly failures: number
}

/** What of a call lasts until its end. */
export interface CallContext {
  /** Aborts with the error that the caller gets. */
  readonly signal: AbortSignal
  /** Milliseconds until it does; Infinity: it has no time. */
  leftMs(): number
}

interface Outcome {
  readonly failure: PenstockError
  readonly isRepeatable: boolean
  readonly isTheirs: boolean
  readonly afterMs: number
}

export class RemoteClient {
  readonly #options: RemoteClientOptions
  readonly #breaker: Breaker
  readonly #slots: Slots
  #calls = 0
  #retries = 0
  #failures = 0

  constructor(options: RemoteClientOptions) {
    this.#options = options
    this.#breaker = new Breaker(options.breaker, options.clock)
    this.#slots = new Slots(options.concurrency, REMOTE_WAITING_MAX)
  }

  get counts(): RemoteCounts {
    return {
      breaker: this.#breaker.state,
      openedCount: this.#breaker.openedCount,
      inFlight: this.#slots.runningCount,
      waiting: this.#slots.waitingCount,
      calls: this.#calls,
      retries: this.#retries,
      failures: this.#failures,
    }
  }

  /**
   * @param makeRequest is called for each attempt: a signature has its time.
   * @returns an answer of the status 200..299.
   * @throws PenstockError ERR_REMOTE_FAILED, ERR_REMOTE_UNAVAILABLE, ERR_QUEUE_FULL; the signal's reason.
   */
  call(makeRequest: () => RemoteRequest | Promise<RemoteRequest>, context: CallContext): Promise<RemoteAnswer> {
    return this.#slots.run(context.signal, () => this.#attempts(makeRequest, context))
  }

  close(): Promise<void> {
    return this.#options.connection.close()
  }

  async #attempts(
    makeRequest: () => RemoteRequest | Promise<RemoteRequest>,
    context: CallContext,
  ): Promise<RemoteAnswer> {
    const { retry, random } = this.#options
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(await makeRequest(), context)
      if (!('failure' in outcome)) return outcome
      if (!outcome.isRepeatable || attempt >= retry.retries) throw outcome.failure
      const backoffMs = Math.min(REMOTE_BACKOFF_MS_MAX, retry.backoffMs * 2 ** attempt)
      // Half of it is chance, so that callers who failed together do not come back together.
      const waitMs = Math.max(outcome.afterMs, backoffMs * (0.5 + random() / 2))
      if (waitMs >= context.leftMs()) throw outcome.failure
      await sleep(waitMs, context.signal)
      this.#retries++
    }
  }

  async #attempt(request: RemoteRequest, context: CallContext): Promise<RemoteAnswer | Outcome> {
    const entry = this.#breaker.enter()
    if (entry === null) throw this.#isOpen()
    this.#calls++
    try {
      const answer = await this.#options.connection.exchange(request, context.signal)
      const outcome = answer.status >= 200 && answer.status < 300 ? null : this.#refused(answer)
      this.#note(entry, outcome)
      return outcome ?? answer
    } catch (error) {
      if (!(error instanceof BrokenExchange)) {
        // The step's own time ran out on a remote that did not answer; a caller's may be too short for any.
        const isTheirs = error instanceof PenstockError && error.code === 'ERR_REMOTE_TIMEOUT'
        if (isTheirs) this.#failed(entry, error)
        else this.#breaker.forget(entry)
        throw error
      }
      const outcome = this.#broken(error)
      this.#note(entry, outcome)
      return outcome
    }
  }

  #note(entry: BreakerEntry, outcome: Outcome | null): void {
    if (outcome?.isTheirs === true) {
      this.#failed(entry, outcome.failure)
      return
    }
    if (outcome !== null) this.#failures++
    if (outcome?.failure.code === 'ERR_REMOTE_UNAVAILABLE') {
      this.#breaker.forget(entry)
      return
    }
    const wasClosed = this.#breaker.state === 'closed'
    this.#breaker.succeed()
    if (!wasClosed) this.#options.onBreaker('closed', null)
  }

  #failed(entry: BreakerEntry, failure: PenstockError): void {
    this.#failures++
    const { openedCount } = this.#breaker
    this.#breaker.fail(entry)
    if (this.#breaker.openedCount > openedCount) this.#options.onBreaker('open', failure)
  }

  #refused(answer: RemoteAnswer): Outcome {
    const { status } = answer
    const failure = this.#options.failures.status(answer)
    const isBusy = status === 429 || status === 503
    const isRepeatable = isBusy || ([500, 502, 504].includes(status) && this.#options.retry.isIdempotent)
    return { failure, isRepeatable, isTheirs: status >= 500, afterMs: isBusy ? (retryAfterMs(answer) ?? 0) : 0 }
  }

  #broken(error: BrokenExchange): Outcome {
    const { failures, retry } = this.#options
    const isConnect = error.at === 'connect'
    const failure = failures.failure(isConnect ? 'ERR_REMOTE_UNAVAILABLE' : 'ERR_REMOTE_FAILED', error.message, {
      cause: error,
    })
    const isRepeatable = isConnect || (error.at === 'exchange' && retry.isIdempotent)
    return { failure, isRepeatable, isTheirs: error.at !== 'size', afterMs: 0 }
  }

  #isOpen(): PenstockError {
    const waitMs = this.#breaker.waitMs
    const { failures, breaker } = this.#options
    const words = `is not asked after ${breaker.failures} failures in a row, until it has answered a trial`
    return failures.failure('ERR_REMOTE_UNAVAILABLE', words, { retryAfterMs: Math.max(waitMs, trialMs) })
  }
}

/** Milliseconds that callers are asked to wait for a trial that is under way. */
const trialMs = 100

/** @throws the signal's reason */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      off()
      resolve()
    }, ms)
    const off = onAbort(signal, () => {
      clearTimeout(timer)
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts chose the error
      reject(signal.reason)
    })
  })
}
