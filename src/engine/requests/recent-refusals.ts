/**
 * Refusals of a server that has too much to do. Under overload most requests end here: refusals for the same reason
 * within a millisecond share one error, with the figures of the first, so that transports can send the same bytes. An
 * error, its sentence and its answer cost as much as several admissions, and the thread that makes them is the one that
 * sends the answers of those that were admitted.
 */
import { REFUSAL_MOMENT_US } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { PortHandle } from '../../../bindings/native.js'
import { errorCodeOfNative, isForLoad, type PenstockError } from '../../base/errors.js'
import type { Deployment } from '../deploy/deployment.js'
import { failureOf, type NativeFailure } from './failures.js'

/** Refusals of budgets this close share one error. */
const BUDGET_STEP_US = 500

/** Each port has one. */
export class RecentRefusals {
  readonly #port: PortHandle
  #facts: Float64Array | null = null
  #status = 0
  #deployment: Deployment | null = null
  /** The limit that was reached; for a deadline, the caller's own budget. */
  #second = 0
  /** Which of a code's sentences it is: see failures.ts. */
  #kind = 0
  /** On the clock of nowUs(). */
  #untilUs = 0
  #error: PenstockError | null = null

  constructor(port: PortHandle) {
    this.#port = port
  }

  /** Whether the status is one of too much to do. */
  has(status: number): boolean {
    return isForLoad(errorCodeOfNative(status))
  }

  /** What the addon knows of the request that it refused just now: by RefusalSlot. Valid until the next. */
  get facts(): Float64Array {
    return (this.#facts ??= addon.refusalFacts(this.#port))
  }

  /** The error of the request that was refused just now, which the addon's `facts` describe. */
  errorOfRefusal(status: number, deployment: Deployment | null): PenstockError {
    const [first = 0, second = 0, third = 0, fourth = 0] = this.facts
    return this.#errorOf(status, first, second, third, fourth, deployment)
  }

  /** The error of a request that failed, with others where that was for want of room or time. */
  errorOfFailure(failure: NativeFailure, deployment: Deployment | null): PenstockError {
    const { status, details } = failure
    if (!this.has(status)) return failureOf(failure, deployment?.failureContext)
    const [first = 0, second = 0, third = 0, fourth = 0] = details
    return this.#errorOf(status, first, second, third, fourth, deployment)
  }

  #errorOf(
    status: number,
    first: number,
    second: number,
    third: number,
    fourth: number,
    deployment: Deployment | null,
  ): PenstockError {
    const nowUs = addon.nowUs()
    const kind = kindOf(first, fourth)
    const isSame =
      nowUs < this.#untilUs &&
      this.#status === status &&
      this.#kind === kind &&
      this.#deployment === deployment &&
      Math.abs(this.#second - second) <= BUDGET_STEP_US
    if (isSame && this.#error !== null) return this.#error
    this.#status = status
    this.#kind = kind
    this.#deployment = deployment
    this.#second = second
    this.#untilUs = nowUs + REFUSAL_MOMENT_US
    const failure = { status, details: [first, second, third, fourth], text: '' }
    return (this.#error = failureOf(failure, deployment?.failureContext))
  }
}

/** By the signs of what decides between sentences. */
function kindOf(first: number, fourth: number): number {
  return Math.sign(first) * 3 + Math.sign(fourth)
}
