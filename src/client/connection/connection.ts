/**
 * One socket's life: dialling, Hello, requests and answers, the end. A client holds one that takes new work and, after a
 * goaway, those that still finish old work. It never dials again: that is core.ts.
 *
 *   dialling ──Hello──▶ open ──goaway──▶ draining ──last answer──▶ closed
 *       └────────────────┴───── error, close, timeout ─────────────▶ closed        onClosed comes exactly once
 */
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { INFER_MANY_MAX } from '../../base/generated/boundary.js'
import { CHANNELS_MAX } from '../../base/limits/limits.js'
import {
  decodeMessage,
  encodeMessage,
  errorOfFailure,
  SUBPROTOCOL,
  type FailureMessage,
  type HelloMessage,
  type Message,
  type OpenedMessage,
  type ResultsMessage,
} from '../../protocol/codec.js'
import { TensorCursor } from '../../protocol/tensor-layout.js'
import type { Binding } from './binding.js'
import type { ClientRequest } from './client-request.js'
import type { ClientResult } from './inference.js'
import { InFlight } from './in-flight.js'
import {
  ABNORMAL_CLOSE,
  endOfClose,
  FRAME_CLOSE,
  isFinal,
  lostError,
  NORMAL_CLOSE,
  SUBPROTOCOL_CLOSE,
  unexpected,
} from './connection-errors.js'
import type { ConnectionEnd } from './connection-errors.js'
import type { ClientEnvironment, ClientSettings } from './options.js'
import type { SocketLike } from '../socket/socket.js'

export interface ConnectionOwner {
  onHello(connection: Connection, hello: HelloMessage): void
  /** A slot, the window or the socket's buffer may have room now. */
  onRoom(connection: Connection): void
  onGoaway(connection: Connection, reason: string, graceMs: number): void
  /** The request met ERR_CHANNEL_STALE or ERR_DRAINING: the server says that nothing was run. */
  onNotRun(connection: Connection, request: ClientRequest, binding: Binding, error: PenstockError): void
  onClosed(connection: Connection, end: ConnectionEnd): void
}

type OpenAnswer = (channel: number, answer: OpenedMessage | PenstockError) => void

const BUFFER_POLL_MS = 4
/** Larger requests travel alone: their copy and their frame would only be larger together. */
const GATHERED_REQUEST_BYTES_MAX = 64 * 1024
/** A frame of many requests ends there: the server answers the first while the next are on their way. */
const GATHERED_FRAME_BYTES_MAX = 256 * 1024
const CLOSE_LIMIT_MS = 1000
/** The protocol allows 123 bytes. */
const CLOSE_REASON_CHARACTERS_MAX = 120

export class Connection {
  hello: HelloMessage | null = null
  /** Takes no new work and closes itself after the last answer. */
  isDraining = false
  isClosed = false
  #socket: SocketLike | null = null
  readonly #inFlight = new InFlight()
  /** Channels with requests that leave at the end of this turn; the frames' bytes count as buffered. */
  readonly #gathering: Binding[] = []
  #gatheredBytes = 0
  #isTurnEnding = false
  readonly #opens = new Map<number, OpenAnswer>()
  readonly #freeChannels: number[] = []
  #channelNext = 1
  #windowRequests = 0
  #cancelTimeout: (() => void) | null = null
  #cancelPoll: (() => void) | null = null
  #cancelHangUp: (() => void) | null = null
  #onGone!: () => void
  readonly #gone = new Promise<void>((resolve) => (this.#onGone = resolve))
  /** What onerror said; the close event that follows has less. */
  #lastError: unknown = null

  constructor(
    private readonly settings: ClientSettings,
    private readonly environment: ClientEnvironment,
    private readonly owner: ConnectionOwner,
  ) {
    this.#cancelTimeout = environment.setTimer(() => this.#timeout(), settings.connectTimeoutMs)
    void this.#dial()
  }

  /** Unanswered requests, abandoned ones included: they hold the window. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Requests that could be sent now. */
  get room(): number {
    if (this.hello === null || this.isDraining || this.isClosed || this.#socket === null) return 0
    const room = Math.min(this.#windowRequests, this.settings.windowRequestsMax) - this.#inFlight.size
    if (room <= 0) return 0
    if (this.#socket.bufferedAmount + this.#gatheredBytes < this.settings.bufferedBytesMax) return room
    this.#pollBuffer()
    return 0
  }

  /** Requests that the server takes in one frame; 0: an older one, which takes one an Infer. */
  get requestsPerFrame(): number {
    return Math.min(this.hello?.inferManyMax ?? 0, INFER_MANY_MAX)
  }

  /** Asks for a channel. `onAnswer` is not called when the connection ends first. */
  openChannel(pipeline: string, onAnswer: OpenAnswer): void {
    // Fresh numbers first, then the one that has been free longest: easier to follow in a capture.
    const channel = this.#channelNext < CHANNELS_MAX ? this.#channelNext++ : this.#freeChannels.shift()
    if (channel === undefined) {
      onAnswer(0, new PenstockError('ERR_ARGUMENT', `Expected at most ${CHANNELS_MAX - 1} open channels. Close one`))
      return
    }
    this.#opens.set(channel, onAnswer)
    this.#send(encodeMessage({ kind: 'open', channel, pipeline }))
  }

  /**
   * Sends a request whose inputs are packed, at the end of the turn where requests may share a frame. The caller has seen
   * that there is room.
   * @param deadlineMs what is left of its budget; 0: none.
   * @throws PenstockError ERR_META, ERR_BODY_TOO_LARGE: nothing was sent.
   */
  send(request: ClientRequest, binding: Binding, deadlineMs: number): void {
    const { packed, options } = request
    if (packed === null) throw new Error('A request is packed before it is sent')
    const { meta, priority, timing, requestId } = options
    const { rows, data, dims, texts } = packed
    if (this.#gather(request, binding, deadlineMs)) return
    // Requests of a channel arrive in the order in which they were made.
    this.#sendGathered(binding)
    const frame = binding.encoder.encode(this.#inFlight.nextId, rows, data, {
      dims,
      texts,
      meta,
      priority,
      deadlineMs,
      timing,
      requestId,
    })
    const bytesMax = this.hello?.frameBytesMax ?? 0
    if (bytesMax > 0 && frame.length > bytesMax) {
      const sentence = `Expected a request to be at most ${bytesMax} bytes but received ${frame.length}`
      throw new PenstockError('ERR_BODY_TOO_LARGE', `${sentence}. Split its rows`)
    }
    this.#putInFlight(request, binding, rows)
    this.#send(frame)
  }

  #putInFlight(request: ClientRequest, binding: Binding, rows: number): void {
    this.#inFlight.put(request)
    request.binding = binding
    request.rows = rows
    binding.inFlight++
  }

  /** Adds the request to those of its channel that leave together. False: it needs a frame of its own. */
  #gather(request: ClientRequest, binding: Binding, deadlineMs: number): boolean {
    const { packed, options } = request
    const many = binding.manyEncoder
    if (many === null || packed === null || packed.dims !== null || packed.texts !== null) return false
    if (options.meta !== undefined || options.timing === true) return false
    let dataBytes = 0
    for (const part of packed.data) dataBytes += part.byteLength
    const bytesMax = Math.min(this.hello?.frameBytesMax || Infinity, GATHERED_FRAME_BYTES_MAX)
    if (dataBytes > GATHERED_REQUEST_BYTES_MAX) return false
    if (many.count >= this.requestsPerFrame || many.frameBytesWith(dataBytes) > bytesMax) {
      this.#sendGathered(binding)
      if (many.frameBytesWith(dataBytes) > bytesMax) return false
    }
    this.#putInFlight(request, binding, packed.rows)
    if (many.count === 0) this.#startGathering(binding)
    many.add(request.id, packed.rows, packed.data, deadlineMs, options.priority, options.requestId)
    this.#gatheredBytes += dataBytes
    return true
  }

  #startGathering(binding: Binding): void {
    this.#gathering.push(binding)
    if (this.#isTurnEnding) return
    this.#isTurnEnding = true
    const endTurn = () => {
      this.#isTurnEnding = false
      this.#sendAllGathered()
    }
    if (this.#socket?.endOfTurn === undefined) queueMicrotask(endTurn)
    else this.#socket.endOfTurn(endTurn)
  }

  #sendAllGathered(): void {
    for (const binding of this.#gathering) this.#sendMany(binding)
    this.#gathering.length = 0
    this.#gatheredBytes = 0
  }

  /** What must not be overtaken: all that was gathered of the channel. */
  #sendGathered(binding: Binding): void {
    if (binding.manyEncoder === null || binding.manyEncoder.count === 0) return
    this.#gathering.splice(this.#gathering.indexOf(binding), 1)
    this.#sendMany(binding)
    if (this.#gathering.length === 0) this.#gatheredBytes = 0
  }

  #sendMany({ manyEncoder }: Binding): void {
    if (manyEncoder !== null && manyEncoder.count > 0 && !this.isClosed) this.#send(manyEncoder.finish())
  }

  /** Whether `request` is in flight here. */
  holds(request: ClientRequest): boolean {
    return this.#inFlight.holds(request)
  }

  /** Sends a Cancel: nobody waits for the answer any more. The slot stays taken until it answers. */
  cancel({ binding, id }: ClientRequest): void {
    if (binding === null || this.isClosed) return
    this.#sendGathered(binding)
    this.#send(encodeMessage({ kind: 'cancel', channel: binding.channel, request: id }))
  }

  /** Closes the channel as soon as its requests are answered. */
  retire(binding: Binding): void {
    if (binding.isRetired) return
    binding.isRetired = true
    this.#closeIfIdle(binding)
  }

  /** Ends the connection from this side; requests in flight fail with `error`. Resolves when the socket is gone. */
  close(error = lostError('The connection was closed by this side', null)): Promise<void> {
    this.#end({ code: NORMAL_CLOSE, reason: '', error })
    // Still being made: nobody waits for it for ever.
    if (this.#socket === null) this.environment.setTimer(() => this.#onGone(), CLOSE_LIMIT_MS)
    this.#hangUp(NORMAL_CLOSE, 'done')
    return this.#gone
  }

  async #dial(): Promise<void> {
    try {
      const { url, protocols } = this.settings
      const socket = await this.environment.openSocket(url, protocols)
      this.#attach(socket)
      // Closed or timed out while the socket was being made.
      if (this.isClosed) this.#hangUp(NORMAL_CLOSE, 'not needed')
    } catch (error) {
      this.#end({ code: ABNORMAL_CLOSE, reason: '', error: lostError('Could not connect', error) })
      this.#onGone()
    }
  }

  #attach(socket: SocketLike): void {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (this.isClosed) return
      const { firstKey } = this.settings
      if (socket.protocol === SUBPROTOCOL) {
        if (firstKey !== null) this.#send(encodeMessage({ kind: 'authenticate', key: firstKey }))
        return
      }
      const sentence = `Expected the server to speak ${SUBPROTOCOL} but received ${socket.protocol || 'nothing'}`
      this.#fail(SUBPROTOCOL_CLOSE, new PenstockError('ERR_SUBPROTOCOL', sentence))
    }
    socket.onmessage = ({ data }) => this.#receive(data)
    socket.onerror = (event) => (this.#lastError = event)
    socket.onclose = ({ code, reason }) => {
      this.#end(endOfClose(this.settings.url, code, reason, this.#lastError, this.hello !== null))
      this.#cancelHangUp?.()
      this.#onGone()
    }
  }

  #receive(data: unknown): void {
    if (this.isClosed) return
    try {
      if (!(data instanceof ArrayBuffer)) throw unexpected('text', 'instead of bytes')
      this.#dispatch(decodeMessage(data))
    } catch (error) {
      if (!isPenstockError(error)) throw error
      this.#fail(FRAME_CLOSE, error)
    }
  }

  #dispatch(message: Message): void {
    if (this.hello === null && message.kind !== 'hello') throw unexpected(message.kind, 'before hello')
    switch (message.kind) {
      case 'results':
        return this.#results(message)
      case 'failure':
        return message.isChannel ? this.#answerOpen(message.channel, errorOfFailure(message)) : this.#failure(message)
      case 'opened':
        return this.#answerOpen(message.channel, message)
      case 'hello':
        return this.#greet(message)
      case 'credit':
        this.#windowRequests = message.windowRequests
        return this.owner.onRoom(this)
      case 'goaway':
        this.owner.onGoaway(this, message.reason, message.graceMs)
        return this.#closeIfDone()
      default:
        throw unexpected(message.kind, 'from a server')
    }
  }

  #greet(hello: HelloMessage): void {
    if (this.hello !== null) throw unexpected('hello', 'twice')
    this.hello = hello
    this.#windowRequests = hello.windowRequests
    this.#cancelTimeout?.()
    this.#cancelTimeout = null
    this.owner.onHello(this, hello)
  }

  #answerOpen(channel: number, answer: OpenedMessage | PenstockError): void {
    const onAnswer = this.#opens.get(channel)
    if (onAnswer === undefined) throw unexpected('opened', `for channel ${channel}, which was not asked for`)
    this.#opens.delete(channel)
    if (answer instanceof PenstockError) this.#freeChannels.push(channel)
    onAnswer(channel, answer)
  }

  #results(message: ResultsMessage): void {
    const { channel, requests, rows: rowCounts } = message
    const cursor = new TensorCursor(message.data, message.dims, message.texts)
    let rowStart = 0
    for (let index = 0; index < requests.length; index++) {
      const request = this.#take(channel, requests[index] ?? 0)
      const rows = rowCounts?.[index] ?? 1
      const result = this.#read(request, message, cursor, index, rowStart, rows)
      rowStart += rows
      request.succeed(result)
    }
    cursor.expectEnd()
    this.#afterAnswers()
  }

  /** A frame that cannot be read ends the connection, and with it every request but this one, which is off the table. */
  #read(
    request: ClientRequest,
    message: ResultsMessage,
    cursor: TensorCursor,
    index: number,
    rowStart: number,
    rows: number,
  ): ClientResult {
    try {
      if (request.binding === null) throw unexpected('a result', 'for a request that was not sent')
      if (rows !== request.rows) throw unexpected(`a result of ${rows} rows`, `for a request of ${request.rows}`)
      return request.binding.signature.readResult(message, cursor, index, rowStart, rows)
    } catch (error) {
      request.fail(lostError('The answer could not be read', error))
      throw error
    }
  }

  #failure(message: FailureMessage): void {
    const request = this.#take(message.channel, message.request)
    const { binding } = request
    const error = errorOfFailure(message)
    const isNotRun = error.code === 'ERR_CHANNEL_STALE' || error.code === 'ERR_DRAINING'
    if (isNotRun && binding !== null && !request.isCompleted) this.owner.onNotRun(this, request, binding, error)
    else request.fail(error)
    this.#afterAnswers()
  }

  /** Takes the request of an answer off the table. @throws ERR_FRAME when there is none. */
  #take(channel: number, id: number): ClientRequest {
    const request = this.#inFlight.take(id)
    if (request === null)
      throw unexpected('an answer', `to request ${id} of channel ${channel}, which is not in flight`)
    const { binding } = request
    if (binding === null || binding.channel !== channel) {
      const error = unexpected('an answer', `to request ${id} on channel ${channel}, which is not the request's`)
      request.fail(lostError('The answer could not be read', error))
      throw error
    }
    binding.inFlight--
    this.#closeIfIdle(binding)
    return request
  }

  #afterAnswers(): void {
    this.#closeIfDone()
    if (!this.isClosed) this.owner.onRoom(this)
  }

  #closeIfDone(): void {
    if (this.isDraining && this.#inFlight.size === 0) void this.close()
  }

  #closeIfIdle(binding: Binding): void {
    if (!binding.isRetired || binding.inFlight > 0 || this.isClosed) return
    this.#send(encodeMessage({ kind: 'close', channel: binding.channel }))
    this.#freeChannels.push(binding.channel)
  }

  #send(frame: Uint8Array): void {
    this.#socket?.send(frame)
  }

  /** WebSocket has no drain event. */
  #pollBuffer(): void {
    this.#cancelPoll ??= this.environment.setTimer(() => {
      this.#cancelPoll = null
      if (!this.isClosed) this.owner.onRoom(this)
    }, BUFFER_POLL_MS)
  }

  #timeout(): void {
    const { url, connectTimeoutMs } = this.settings
    const text = `Expected ${url} to answer within ${connectTimeoutMs} ms but received nothing`
    this.#end({ code: ABNORMAL_CLOSE, reason: '', error: lostError(text, null) })
    this.#hangUp(NORMAL_CLOSE, 'too late')
  }

  /** Ends the connection because of what the server sent. */
  #fail(code: number, error: PenstockError): void {
    const end = isFinal(error) ? error : lostError('The server broke the protocol', error)
    this.#end({ code, reason: error.message, error: end })
    this.#hangUp(code, error.message)
  }

  /** Closes the socket, and drops it when the other side does not answer the closing handshake. */
  #hangUp(code: number, reason: string): void {
    const socket = this.#socket
    if (socket === null || this.#cancelHangUp !== null) return
    this.#cancelHangUp = this.environment.setTimer(() => {
      socket.terminate?.()
      this.#onGone()
    }, CLOSE_LIMIT_MS)
    // An error's sentence may be longer than a reason, and may hold any character.
    socket.close(code, reason.replace(/[^\x20-\x7e]/g, '?').slice(0, CLOSE_REASON_CHARACTERS_MAX))
  }

  #end(end: ConnectionEnd): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#cancelTimeout?.()
    this.#cancelPoll?.()
    // Whether they were run nobody knows: never resent here, the caller decides.
    for (const request of this.#inFlight.clear()) request.fail(end.error)
    this.owner.onClosed(this, end)
  }
}
