/**
 * One isolate's traffic with the addon: submits requests, publishes them once per loop turn, drains what is done and
 * hands each event to whom it concerns.
 *
 *     infer ─ submit ─┐                          ┌─ answered, failed ─► promise (request table)
 *     frame ─ receive ┼─► flush (setImmediate)   │
 *      body ─ submit ─┘               onReady ─► drain ─┤
 *                                                ├─ send, sendFailed ─► hooks of the WebSocket transport
 *                                                └─ httpAnswered, httpLarge, httpFailed ─► hooks of the HTTP transport
 *
 * Deadlines: the addon keeps them; one timer here, armed after a flush for the earliest of them, lets it fail what has
 * expired. No timer runs while nothing has a deadline.
 */
import { addon } from '../../../bindings/native.js'
import type { Answer, PipelineHandle, PortHandle } from '../../../bindings/native.js'
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { AdmittedRequest } from './admission.js'
import { resultOf } from './answers.js'
import type { CancelSignal, InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import { failureOf, type NativeFailure } from './failures.js'
import { RequestTable } from './request-table.js'

/** Where answers of JSON over HTTP go. */
export interface HttpAnswers {
  /** Requests that are not answered: they count with the calls. */
  readonly inFlight: number
  /** The answers that follow lie in another memory. */
  renewOutbox(): void
  answer(exchange: number, offset: number, bytes: number): void
  /** Answered, to be printed in parts. */
  answerLarge(exchange: number, answer: Answer, requestNumber: number): void
  fail(exchange: number, failure: NativeFailure): void
}

export interface ExecutorEvents {
  onSend(connection: number, bytes: Uint8Array, isHeld: boolean): void
  onSendFailed(connection: number, channel: number, wireId: number, failure: NativeFailure): void
  http(): HttpAnswers
  onDrained(): void
}

// Kinds of events; bindings/native-addon.ts, drain().
const ANSWERED = 1
const FAILED = 2
const SEND = 4
const SEND_FAILED = 5
const SEND_HELD = 7
const HTTP_OUTBOX = 8
const HTTP_ANSWERED = 9
const HTTP_FAILED = 10
const HTTP_LARGE = 11

const CHANNEL_UNIT = 2 ** 32
const SCAN_INTERVAL_US = 1000

export class Executor {
  readonly port: PortHandle
  readonly #events: ExecutorEvents
  readonly #table: RequestTable
  readonly #requestsMax: number
  #isFlushScheduled = false
  #isDrainScheduled = false
  #isClosed = false
  #outbox: Uint8Array = new Uint8Array(0)
  #expiryTimer: NodeJS.Timeout | null = null
  /** On the clock of nowUs(); Infinity without a timer. */
  #expiryUs = Infinity
  #scannedUs = -Infinity
  /** Tag of the request that `start` took last; -1: none yet. */
  #startedTag = -1

  constructor(plane: number, requestsMax: number, events: ExecutorEvents) {
    this.#events = events
    this.#requestsMax = requestsMax
    this.#table = new RequestTable(requestsMax)
    this.port = addon.openPort(plane, () => this.#drain(), requestsMax)
  }

  /** Requests that are not answered, WebSocket ones included. */
  get inFlight(): number {
    return this.#isClosed ? 0 : addon.inFlight(this.port)
  }

  /** Requests that `submit` took and that are not answered. */
  get callsInFlight(): number {
    return this.#table.inUse
  }

  /** @throws through the promise: what the addon refuses or fails, ERR_ABORTED. */
  submit(pipeline: PipelineHandle, deployment: Deployment, admitted: AdmittedRequest): Promise<InferResult> {
    const { signal } = admitted.options
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortedError(signal))
      const request = this.start(pipeline, deployment, admitted, resolve, reject)
      if (request > 0 && signal !== undefined) this.#followSignal(signal, this.#startedTag, request)
    })
  }

  /**
   * The same without a promise: exactly one of the two is called, onFailure perhaps before it returns.
   * @returns > 0: the request, for `cancel` · 0: onFailure was called.
   */
  start(
    pipeline: PipelineHandle,
    deployment: Deployment,
    admitted: AdmittedRequest,
    onAnswer: (result: InferResult) => void,
    onFailure: (error: PenstockError) => void,
  ): number {
    const isFull = this.#table.inUse + this.#events.http().inFlight >= this.#requestsMax
    const tag = isFull ? -1 : this.#table.take(deployment, admitted.options.labels, onAnswer, onFailure)
    if (tag < 0) {
      onFailure(
        new PenstockError('ERR_QUEUE_FULL', 'The engine has as many requests in flight as it takes. Try again later', {
          retryAfterMs: 100,
        }),
      )
      return 0
    }
    const request = this.#callAddon(pipeline, admitted, tag)
    if (request < 0) {
      this.#table.reject(tag, failureOf(addon.lastFailure(this.port), deployment.failureContext))
      this.#table.free(tag)
      return 0
    }
    this.#startedTag = tag
    this.scheduleFlush()
    return request
  }

  /** The one place that spreads a request over the addon's parameters. @returns as addon.submit. */
  #callAddon(pipeline: PipelineHandle, { tensors, rows, dims, options }: AdmittedRequest, tag: number): number {
    const { meta, deadlineMs, priority, number, hasTiming, hasAuditedOutputs } = options
    const deadlineUs = deadlineMs === 0 ? 0 : addon.nowUs() + deadlineMs * 1000
    const data = tensors.map((tensor) => tensor.data as ArrayBufferView)
    const { port } = this
    return addon.submit(
      port,
      pipeline,
      data,
      rows,
      dims,
      meta,
      deadlineUs,
      priority,
      tag,
      number,
      hasTiming,
      hasAuditedOutputs,
    )
  }

  /** The onFailure of a started request follows with ERR_ABORTED, unless it is answered already. */
  cancel(request: number): void {
    if (!this.#isClosed) addon.cancel(this.port, request)
  }

  /** Publishes at the end of this loop turn what was appended in it. */
  scheduleFlush(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    setImmediate(this.#flush)
  }

  /** Looks for events in a later turn, though no worker has brought any: a socket takes again what was kept from it. */
  scheduleDrain(): void {
    if (this.#isDrainScheduled) return
    this.#isDrainScheduled = true
    setImmediate(() => {
      this.#isDrainScheduled = false
      this.#drain()
    })
  }

  /** Rejects what is unanswered and stops. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#expiryTimer !== null) clearTimeout(this.#expiryTimer)
    addon.closePort(this.port)
    this.#table.rejectAll(
      () => new PenstockError('ERR_CLOSED', 'The engine was closed before the request was answered'),
    )
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    if (this.#isClosed) return
    addon.flush(this.port)
    this.#armExpiry()
  }

  #armExpiry(): void {
    const nowUs = addon.nowUs()
    // The addon visits every request in flight: once a millisecond is as often as a deadline can matter.
    if (nowUs - this.#scannedUs < SCAN_INTERVAL_US)
      return this.#setExpiryTimer(nowUs, this.#scannedUs + SCAN_INTERVAL_US)
    const waitMs = addon.expire(this.port)
    // Nothing has a deadline: that was one comparison, so the next look need not wait.
    if (waitMs < 0) return
    this.#scannedUs = nowUs
    this.#setExpiryTimer(nowUs, nowUs + waitMs * 1000)
  }

  /** Makes sure that the deadlines are looked at by then. */
  #setExpiryTimer(nowUs: number, atUs: number): void {
    if (atUs >= this.#expiryUs) return
    if (this.#expiryTimer !== null) clearTimeout(this.#expiryTimer)
    this.#expiryUs = atUs
    this.#expiryTimer = setTimeout(
      () => {
        this.#expiryTimer = null
        this.#expiryUs = Infinity
        if (!this.#isClosed) this.#armExpiry()
      },
      Math.max(1, Math.ceil((atUs - nowUs) / 1000)),
    )
  }

  #followSignal(signal: CancelSignal, tag: number, request: number): void {
    const cancel = (): void => {
      // Its `failed` event with ERR_ABORTED rejects the promise.
      addon.cancel(this.port, request)
    }
    this.#table.setDetach(tag, onAbort(signal, cancel))
  }

  #drain(): void {
    if (this.#isClosed) return
    for (let count = addon.drain(this.port); count > 0; count = addon.drain(this.port)) {
      const events = addon.events(this.port)
      for (let at = 0; at < count * 4; at += 4) {
        try {
          this.#dispatch(
            events[at] as number,
            events[at + 1] as number,
            events[at + 2] as number,
            events[at + 3] as number,
          )
        } catch (error) {
          throwLater(error)
        }
        // A listener may have closed the engine.
        if (this.#isClosed) return
      }
    }
    try {
      this.#events.onDrained()
    } catch (error) {
      throwLater(error)
    }
  }

  #dispatch(kind: number, a: number, b: number, c: number): void {
    if (kind === ANSWERED) this.#onAnswered(a, b)
    else if (kind === FAILED) this.#onFailed(a, b)
    else if (kind === SEND || kind === SEND_HELD) {
      if (b + c > this.#outbox.length) this.#outbox = addon.outbox(this.port)
      this.#events.onSend(a, this.#outbox.subarray(b, b + c), kind === SEND_HELD)
    } else if (kind === HTTP_ANSWERED) this.#events.http().answer(a, b, c)
    else if (kind === HTTP_FAILED) this.#events.http().fail(a, addon.readFailure(this.port, b))
    else if (kind === HTTP_LARGE) this.#events.http().answerLarge(a, addon.readAnswer(this.port, b), c)
    else if (kind === HTTP_OUTBOX) this.#events.http().renewOutbox()
    else if (kind === SEND_FAILED) {
      this.#events.onSendFailed(a, Math.floor(c / CHANNEL_UNIT), c % CHANNEL_UNIT, addon.readFailure(this.port, b))
    }
  }

  #onAnswered(tag: number, request: number): void {
    const answer = addon.readAnswer(this.port, request)
    this.#table.resolve(tag, resultOf(this.#table.deploymentOf(tag), answer, this.#table.labelsOf(tag)))
    this.#table.free(tag)
  }

  #onFailed(tag: number, request: number): void {
    const failure = addon.readFailure(this.port, request)
    this.#table.reject(tag, failureOf(failure, this.#table.deploymentOf(tag).failureContext))
    this.#table.free(tag)
  }
}

function abortedError(signal: CancelSignal): PenstockError {
  return new PenstockError('ERR_ABORTED', 'The caller cancelled the request', { cause: signal.reason })
}

/**
 * An exception here is a bug, or a listener's. It must neither cost the other events of the drain their listeners nor
 * vanish, as exceptions of native callbacks do: it becomes an uncaught exception of its own.
 */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
