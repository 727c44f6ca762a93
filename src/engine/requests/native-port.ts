/**
 * One isolate's traffic with the addon: owns the port, publishes once per loop turn what was appended in it, drains what
 * is done and hands each event to the consumer that registered for it.
 *
 *     calls ──── submit ─┐                               ┌─ answered, failed ─────────────────► Calls (calls.ts)
 *     WebSocket receive ─┼─► flush (setImmediate)        │
 *     JSON ───── submit ─┘              onReady ─► drain ┼─ send, sendFailed, frameFailed, held ► websocket-port.ts
 *                                                        └─ httpAnswered, httpLarge, httpFailed ► json-port.ts
 *
 * The port of an I/O thread is used here as well, for what that thread leaves: it answers by itself, and its drains bring
 * failures to be written.
 *
 * Deadlines: the addon keeps them; one timer here, armed after a flush for the earliest of them, lets it fail what has
 * expired. No timer runs while nothing has a deadline.
 */
import { EXPIRY_LOOK_US, PortEvent, PortEventSlot } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { Answer, PortHandle } from '../../../bindings/native.js'
import { Submissions } from '../../../bindings/submissions.js'
import type { NativeFailure } from './failures.js'

/** Takes the ends of requests that were submitted under a tag. */
export interface CallEvents {
  /** Requests that are not answered. */
  readonly inFlight: number
  answered(tag: number, request: number): void
  failed(tag: number, request: number): void
}

/** Takes frames for connections. */
export interface FrameEvents {
  /** One complete Results message, valid only during the call. `isHeld`: its credit waits for `acknowledge`. */
  onSend(connection: number, bytes: Uint8Array, isHeld: boolean): void
  /** After all that was ready has been sent. */
  onDrained?(): void
  /** What waits in the socket of a connection of an I/O thread, and what is kept from it, has changed. */
  onHeld?(connection: number, bufferedBytes: number, readyBytes: number): void
}

/** Takes the failure of a request that came as a frame. */
export type FrameFailure = (connection: number, channel: number, wireId: number, failure: NativeFailure) => void

/** Takes answers of JSON over HTTP. */
export interface JsonEvents {
  /** Requests that are not answered: they count with the calls. */
  readonly inFlight: number
  /** The answers that follow lie in another memory. */
  renewOutbox(): void
  answer(exchange: number, offset: number, bytes: number): void
  /** Answered, to be printed in parts. */
  answerLarge(exchange: number, answer: Answer, requestNumber: number): void
  /** @param route of an I/O thread's: as `keepHead` has it. */
  fail(exchange: number, failure: NativeFailure, route: number): void
}

const CHANNEL_UNIT = 2 ** 32

const noCalls: CallEvents = { inFlight: 0, answered: () => undefined, failed: () => undefined }
const noFrames: FrameEvents = { onSend: () => undefined }
const noJson: JsonEvents = {
  inFlight: 0,
  renewOutbox: () => undefined,
  answer: () => undefined,
  answerLarge: () => undefined,
  fail: () => undefined,
}

export class NativePort {
  readonly handle: PortHandle
  readonly submissions: Submissions
  readonly #requestsMax: number
  #calls = noCalls
  #frames = noFrames
  #onFrameFailure: FrameFailure = () => undefined
  #json = noJson
  #isFlushScheduled = false
  #isDrainScheduled = false
  #isClosed = false
  #outbox: Uint8Array = new Uint8Array(0)
  #expiryTimer: NodeJS.Timeout | null = null
  /** On the clock of nowUs(); Infinity without a timer. */
  #expiryUs = Infinity
  #scannedUs = -Infinity

  /** @param requestsMax unanswered requests of the whole port. @param isOfIoThread it is an I/O thread's, not this isolate's. */
  constructor(runtime: number, requestsMax: number, isOfIoThread = false) {
    this.#requestsMax = requestsMax
    this.handle = addon.openPort(runtime, () => this.#drain(), requestsMax, isOfIoThread)
    this.submissions = new Submissions(this.handle)
  }

  registerCalls(events: CallEvents): void {
    this.#calls = events
  }

  registerFrames(events: FrameEvents, onFailure: FrameFailure): void {
    this.#frames = events
    this.#onFrameFailure = onFailure
  }

  registerJson(events: JsonEvents): void {
    this.#json = events
  }

  /** Requests that are not answered, WebSocket ones included. */
  get inFlight(): number {
    return this.#isClosed ? 0 : addon.inFlight(this.handle)
  }

  /** Whether the tables of calls and JSON take one more request; connections have windows of their own. */
  get hasRoom(): boolean {
    return this.#calls.inFlight + this.#json.inFlight < this.#requestsMax
  }

  /** The failure of a request follows with ERR_ABORTED, unless it is answered already. */
  cancel(request: number): void {
    if (!this.#isClosed) addon.cancel(this.handle, request)
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

  /** Ends all traffic: nothing that is unanswered is delivered any more. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#expiryTimer !== null) clearTimeout(this.#expiryTimer)
    addon.closePort(this.handle)
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    if (this.#isClosed) return
    addon.flush(this.handle)
    this.#armExpiry()
  }

  #armExpiry(): void {
    const nowUs = addon.nowUs()
    // The addon visits every request in flight: once a millisecond is as often as a deadline can matter.
    if (nowUs - this.#scannedUs < EXPIRY_LOOK_US) return this.#setExpiryTimer(nowUs, this.#scannedUs + EXPIRY_LOOK_US)
    const waitMs = addon.expire(this.handle)
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

  #drain(): void {
    if (this.#isClosed) return
    for (let count = addon.drain(this.handle); count > 0; count = addon.drain(this.handle)) {
      const events = addon.events(this.handle)
      for (let at = 0; at < count * PortEventSlot.length; at += PortEventSlot.length) {
        try {
          this.#dispatch(
            events[at + PortEventSlot.kind] as number,
            events[at + PortEventSlot.a] as number,
            events[at + PortEventSlot.b] as number,
            events[at + PortEventSlot.c] as number,
          )
        } catch (error) {
          throwLater(error)
        }
        // A listener may have closed the engine.
        if (this.#isClosed) return
      }
    }
    try {
      this.#frames.onDrained?.()
    } catch (error) {
      throwLater(error)
    }
  }

  /** The failure that is being written has this place, for `keepRefusal`; null: it is not of an I/O thread. */
  #failedPlace: number | null = null

  #frameFailed(connection: number, place: number): void {
    this.#failedPlace = place
    // Not by the event's one number for both: of channels that nobody opened, which may be any, it has not all digits.
    const failure = addon.readFrameFailure(this.handle, place)
    this.#onFrameFailure(connection, failure.channel, failure.wireId, failure)
    this.#failedPlace = null
  }

  /** Called while a FrameFailure runs: the frame that was made of it, which others that fail for the same reason are to get. */
  keepRefusal(frame: Uint8Array, channelAt: number, requestAt: number): void {
    if (this.#failedPlace !== null) addon.keepRefusal(this.handle, this.#failedPlace, frame, channelAt, requestAt)
  }

  #dispatch(kind: number, a: number, b: number, c: number): void {
    if (kind === PortEvent.answered) this.#calls.answered(a, b)
    else if (kind === PortEvent.failed) this.#calls.failed(a, b)
    else if (kind === PortEvent.send || kind === PortEvent.sendHeld) {
      if (b + c > this.#outbox.length) this.#outbox = addon.outbox(this.handle)
      this.#frames.onSend(a, this.#outbox.subarray(b, b + c), kind === PortEvent.sendHeld)
    } else if (kind === PortEvent.httpAnswered) this.#json.answer(a, b, c)
    else if (kind === PortEvent.httpFailed) this.#json.fail(a, addon.readFailure(this.handle, b), c)
    else if (kind === PortEvent.httpLarge) this.#json.answerLarge(a, addon.readAnswer(this.handle, b), c)
    else if (kind === PortEvent.jsonOutbox) this.#json.renewOutbox()
    else if (kind === PortEvent.sendFailed) {
      this.#onFrameFailure(a, Math.floor(c / CHANNEL_UNIT), c % CHANNEL_UNIT, addon.readFailure(this.handle, b))
    } else if (kind === PortEvent.frameFailed) this.#frameFailed(a, b)
    else if (kind === PortEvent.held) this.#frames.onHeld?.(a, b, c)
  }
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
