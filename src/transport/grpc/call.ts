/**
 * One gRPC call: messages out of DATA and into it, its deadline, its end, and what it makes the server hold.
 *
 *     DATA ─► [flag][length][message] ─► method.read ─► receiver
 *     receiver ─► respond, or write … end ─► head, DATA, trailers
 *
 * A message that arrives with one read of the socket is handed on as a view of it and is charged to nobody; what must wait
 * for its rest is charged to the byte budget until the engine takes it. An answer is charged while the socket does not have
 * it, unless it is small and goes there at once. Beyond the budget a call ends with RESOURCE_EXHAUSTED, which clients with
 * a retry policy try again after `grpc-retry-pushback-ms`.
 *
 * Thread: the I/O isolate.
 */
import { SOCKET_BUFFER_BYTES_MAX } from '../../base/limits/limits.js'
import type { PenstockError } from '../../base/errors.js'
import { ByteCharge, type Budget } from '../byte-charge.js'
import { CODE, type Field } from '../http2/frames.js'
import type { Http2Stream, StreamReceiver } from '../http2/stream.js'
import type { ReadHeader } from '../request-headers.js'
import type { GrpcHead } from './head.js'
import { PREFIX_BYTES, type CallReceiver, type GrpcCall, type Method, type ReceivedMessage } from './service.js'
import { STATUS, escapeDetails, pushback, type CallFailure } from './status.js'
import { UnpackFailure, packings, unpack } from './unpack.js'

/** An answer that is not charged when it goes to the socket at once. */
const smallBytes = 16 * 1024
/** Kept views of less are copied: each holds all that the socket read with it. */
const keptViewBytes = 8 * 1024
/** Longer than any timer; such a deadline is none. */
const timerMsMax = 2 ** 31 - 1

const headFields: readonly Field[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-accept-encoding', packings.join(',')],
]
const okFields: readonly Field[] = [['grpc-status', '0']]
const noFields: readonly Field[] = []

export interface CallLimits {
  readonly budget: Budget
  /** Bytes of one message, unpacked. */
  readonly messageBytesMax: number
}

export class StreamCall implements StreamReceiver, GrpcCall {
  readonly #stream: Http2Stream
  readonly #head: GrpcHead
  readonly #limits: CallLimits
  readonly #peer: string
  readonly #method: Method
  readonly #receiver: CallReceiver
  #charge: ByteCharge | null = null
  #deadline: NodeJS.Timeout | null = null
  #hasSentHead = false
  /** A status was sent, or nobody waits for one. */
  #isOver = false
  // What has arrived and is no message yet.
  readonly #kept: Buffer[] = []
  #keptBytes = 0
  #wantedBytes = PREFIX_BYTES
  #isPaused = false
  #isUnpacking = false
  #isRemoteEnded = false
  /** Bytes that were read while the call was paused, and not given back to the peer's window. */
  #unreturnedBytes = 0

  /** @param peer its address. */
  constructor(stream: Http2Stream, head: GrpcHead, method: Method, limits: CallLimits, peer: string) {
    this.#stream = stream
    this.#head = head
    this.#limits = limits
    this.#peer = peer
    this.#method = method
    this.#receiver = method.open(this)
    const { timeoutMs } = head
    if (timeoutMs === null) return
    if (Number.isNaN(timeoutMs)) this.fail({ code: STATUS.INTERNAL, details: invalidTimeout(head) })
    else if (timeoutMs <= timerMsMax && !this.#isOver) this.#deadline = setTimeout(() => this.#expire(), timeoutMs)
  }

  get header(): ReadHeader {
    return this.#head.header
  }

  get address(): string {
    return this.#peer
  }

  metadata(name: string): string {
    return this.#head.metadata(name)
  }

  // ── answers ──────────────────────────────────────────────────────────────────────────────────

  sendHead(fields: readonly Field[] = noFields): void {
    if (this.#hasSentHead || this.#isOver) return
    this.#hasSentHead = true
    this.#stream.sendHeaders({ common: headFields, others: fields }, false)
  }

  write(bytes: number, frame: () => Buffer): boolean {
    if (this.#isOver) return false
    const isCharged = bytes > smallBytes || !this.#stream.isOpenFor(bytes + PREFIX_BYTES)
    if (isCharged) {
      const charge = (this.#charge ??= new ByteCharge(this.#limits.budget))
      const waitingBytes = charge.held('answers')
      // The first message of a call is never too much: it was admitted with its request.
      if (waitingBytes > 0 && waitingBytes + bytes > SOCKET_BUFFER_BYTES_MAX) {
        this.#stream.reset(CODE.ENHANCE_YOUR_CALM)
        return false
      }
      const refusal = charge.tryAdd('answers', bytes)
      if (refusal !== null) {
        this.#refuse(refusal)
        return false
      }
    }
    this.sendHead()
    const message = frame()
    message[0] = 0
    message.writeUInt32BE(message.length - PREFIX_BYTES, 1)
    this.#stream.sendData(message, isCharged ? () => this.#onWritten(bytes) : null)
    return true
  }

  get isBehind(): boolean {
    return (this.#charge?.held('answers') ?? 0) > 0
  }

  end(fields: readonly Field[] = noFields): void {
    if (this.#isOver) return
    this.sendHead()
    this.#finish()
    this.#stream.sendTrailers({ common: okFields, others: fields })
  }

  fail({ code, details, metadata = noFields }: CallFailure): void {
    if (this.#isOver) return
    this.#finish()
    const status: Field[] = [
      ['grpc-status', String(code)],
      ['grpc-message', escapeDetails(details)],
    ]
    if (this.#hasSentHead) return this.#stream.sendTrailers({ common: noFields, others: [...status, ...metadata] })
    this.#stream.sendHeaders({ common: headFields, others: [...status, ...metadata] }, true)
  }

  // ── requests ─────────────────────────────────────────────────────────────────────────────────

  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    const bytes = this.#unreturnedBytes
    this.#unreturnedBytes = 0
    this.#stream.returnWindow(bytes)
    this.#proceed()
  }

  onData(bytes: Buffer): void {
    if (this.#isPaused) this.#unreturnedBytes += bytes.length
    else this.#stream.returnWindow(bytes.length)
    if (this.#isOver) return
    if (this.#keptBytes === 0 && !this.#isPaused && !this.#isUnpacking) return this.#read(bytes, false)
    if (this.#keep(bytes, false)) this.#proceed()
  }

  onEnd(): void {
    this.#isRemoteEnded = true
    if (!this.#isPaused && !this.#isUnpacking) this.#endRequests()
  }

  onClosed(isReset: boolean): void {
    this.#charge?.close()
    if (isReset && !this.#isOver) this.#cancel()
  }

  /** Reads on, of what is kept. */
  #proceed(): void {
    if (this.#isPaused || this.#isUnpacking || this.#isOver) return
    if (this.#keptBytes > 0 && this.#keptBytes >= this.#wantedBytes) {
      const bytes = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept)
      this.#kept.length = 0
      this.#keptBytes = 0
      this.#read(bytes, true)
    }
    if (this.#isRemoteEnded && !this.#isPaused && !this.#isUnpacking) this.#endRequests()
  }

  /** @param isCharged whether `bytes` are. */
  #read(bytes: Buffer, isCharged: boolean): void {
    let at = 0
    this.#wantedBytes = PREFIX_BYTES
    while (!this.#isPaused && !this.#isUnpacking && !this.#isOver && bytes.length - at >= PREFIX_BYTES) {
      const length = bytes.readUInt32BE(at + 1)
      if (length > this.#limits.messageBytesMax) return this.#abort(tooLarge(length, this.#limits.messageBytesMax))
      const stop = at + PREFIX_BYTES + length
      if (stop > bytes.length) {
        this.#wantedBytes = PREFIX_BYTES + length
        break
      }
      const message = bytes.subarray(at + PREFIX_BYTES, stop)
      const isPacked = bytes[at] !== 0
      at = stop
      if (isPacked) void this.#unpack(message, isCharged ? PREFIX_BYTES + length : 0)
      else this.#deliver(message, isCharged ? PREFIX_BYTES + length : 0)
    }
    if (at < bytes.length && !this.#isOver) this.#keep(at === 0 ? bytes : bytes.subarray(at), isCharged)
  }

  /** @returns false: they are too many, which has ended the call. */
  #keep(bytes: Buffer, isCharged: boolean): boolean {
    if (!isCharged) {
      const charge = (this.#charge ??= new ByteCharge(this.#limits.budget))
      const refusal = charge.tryAdd('bodies', bytes.length)
      if (refusal !== null) {
        this.#refuse(refusal)
        return false
      }
    }
    this.#kept.push(bytes.length < keptViewBytes ? Buffer.from(bytes) : bytes)
    this.#keptBytes += bytes.length
    return true
  }

  /** @param chargedBytes released when the engine takes them, or with the call. */
  #deliver(message: Buffer, chargedBytes: number): void {
    let request: unknown
    try {
      request = this.#method.read(message)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const details = `Expected a well-formed request of ${this.#method.path} but received ${message.length} bytes that are none: ${reason}`
      return this.#abort({ code: STATUS.INVALID_ARGUMENT, details })
    }
    if (chargedBytes > 0 && typeof request === 'object' && request !== null)
      (request as ReceivedMessage).onTaken = () => this.#charge?.release('bodies', chargedBytes)
    this.#receiver.onRequest(request)
  }

  async #unpack(message: Buffer, chargedBytes: number): Promise<void> {
    this.#isUnpacking = true
    try {
      const { messageBytesMax, budget } = this.#limits
      const unpacked = await unpack(message, this.#head.encoding, messageBytesMax, () => this.#isOver)
      this.#isUnpacking = false
      if (this.#isOver) return
      const charge = (this.#charge ??= new ByteCharge(budget))
      const refusal = charge.tryAdd('bodies', unpacked.length)
      if (refusal !== null) return this.#refuse(refusal)
      this.#deliver(unpacked, chargedBytes + unpacked.length)
      this.#proceed()
    } catch (error) {
      this.#isUnpacking = false
      if (!(error instanceof UnpackFailure)) throw error
      this.#abort(error.failure)
    }
  }

  #endRequests(): void {
    if (this.#isOver) return
    if (this.#keptBytes > 0)
      return this.#abort({
        code: STATUS.INTERNAL,
        details: 'Expected a whole message but the request ended inside one',
      })
    this.#receiver.onEnd()
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────

  #onWritten(bytes: number): void {
    this.#charge?.release('answers', bytes)
    if (!this.#isOver && !this.isBehind) this.#receiver.onDrain?.()
  }

  #refuse({ message: details, retryAfterMs }: PenstockError): void {
    this.#charge?.release('bodies')
    this.#abort({ code: STATUS.RESOURCE_EXHAUSTED, details, metadata: pushback(retryAfterMs) })
  }

  #expire(): void {
    this.#abort({ code: STATUS.DEADLINE_EXCEEDED, details: 'Deadline exceeded' })
  }

  /** Ends it whatever its receiver is doing. */
  #abort(failure: CallFailure): void {
    if (this.#isOver) return
    this.fail(failure)
    this.#receiver.onCancelled()
  }

  #cancel(): void {
    this.#finish()
    this.#receiver.onCancelled()
  }

  #finish(): void {
    this.#isOver = true
    this.#kept.length = 0
    this.#keptBytes = 0
    if (this.#deadline !== null) clearTimeout(this.#deadline)
  }
}

function tooLarge(length: number, max: number): CallFailure {
  return { code: STATUS.RESOURCE_EXHAUSTED, details: `Received message larger than max (${length} vs. ${max})` }
}

function invalidTimeout({ metadata }: GrpcHead): string {
  const text = metadata('grpc-timeout').slice(0, 40)
  return `Expected grpc-timeout to be up to eight digits and one of H M S m u n but received '${text}'`
}
