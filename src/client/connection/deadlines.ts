/**
 * Fails requests whose deadline has passed, wherever they are. One timer for all of them: it fires at the earliest
 * deadline and walks the set, O(n) but never more often than SWEEP_MS_MIN. A timer per request would cost more than the
 * request.
 */
import { PenstockError } from '../../base/errors.js'
import type { ClientRequest } from './client-request.js'
import type { ClientEnvironment } from './options.js'

/** Milliseconds between two sweeps at least: how late an expiry may come. */
const SWEEP_MS_MIN = 5

export class Deadlines {
  readonly #requests = new Set<ClientRequest>()
  #cancelTimer: (() => void) | null = null
  #timerUs = Infinity

  /** `expire` fails one request and frees what it holds. */
  constructor(
    private readonly environment: ClientEnvironment,
    private readonly expire: (request: ClientRequest, error: PenstockError) => void,
  ) {}

  add(request: ClientRequest): void {
    this.#requests.add(request)
    if (request.deadlineUs < this.#timerUs) this.#arm(request.deadlineUs)
  }

  delete(request: ClientRequest): void {
    this.#requests.delete(request)
    // An idle timer would keep a process alive for nothing.
    if (this.#requests.size === 0) this.#disarm()
  }

  #arm(deadlineUs: number): void {
    this.#disarm()
    this.#timerUs = deadlineUs
    const delayMs = Math.ceil((deadlineUs - this.environment.clock.monotonicUs()) / 1000)
    this.#cancelTimer = this.environment.setTimer(() => this.#sweep(), Math.max(SWEEP_MS_MIN, delayMs))
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#timerUs = Infinity
  }

  #sweep(): void {
    this.#disarm()
    const nowUs = this.environment.clock.monotonicUs()
    let earliestUs = Infinity
    for (const request of [...this.#requests]) {
      if (request.deadlineUs > nowUs) earliestUs = Math.min(earliestUs, request.deadlineUs)
      else
        this.expire(
          request,
          new PenstockError('ERR_DEADLINE_EXCEEDED', `No answer came within ${request.options.deadlineMs} ms`),
        )
    }
    if (earliestUs !== Infinity && earliestUs < this.#timerUs) this.#arm(earliestUs)
  }
}
