/**
 * One socket's life: dialling, Hello, requests and answers, the end. A client holds one that takes new work and, after a
 * goaway, those that still finish old work. It never dials again: that is client.ts.
 *
 *   dialling ──Hello──▶ open ──goaway──▶ draining ──last answer──▶ closed
 *       └────────────────┴───── error, close, timeout ─────────────▶ closed        onClosed comes exactly once
 *
 * Requests in flight live in a table of slots. An id on the wire is slot + 65,536 × turn: a slot is reused only after its
 * answer, and an answer with another turn's id (a server that answers twice) meets nobody.
 */
import { errorTable, isPenstockError, PenstockError, type ErrorCode } from '../base/errors.js'
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
} from '../protocol/codec.js'
import { TensorCursor } from '../protocol/tensor-layout.js'
import type { Binding } from './binding.js'
import type { Exchange } from './exchange.js'
import type { ClientEnvironment, ClientSettings } from './options.js'
import { WINDOW_REQUESTS_CEILING } from './options.js'
import type { SocketLike } from './socket.js'

export interface ConnectionEnd {
  readonly code: number
  readonly reason: string
  /** ERR_CONNECTION_LOST with the reason as cause; ERR_UNAUTHORIZED or ERR_SUBPROTOCOL when dialling again is no use. */
  readonly error: PenstockError
}

export interface ConnectionOwner {
  onHello(connection: Connection, hello: HelloMessage): void
  /** A slot, the window or the socket's buffer may have room now. */
  onRoom(connection: Connection): void
  onGoaway(connection: Connection, reason: string, graceMs: number): void
  /** The request met ERR_CHANNEL_STALE or ERR_DRAINING: the server says that nothing was run. */
  onNotRun(connection: Connection, exchange: Exchange, binding: Binding, error: PenstockError): void
  onClosed(connection: Connection, end: ConnectionEnd): void
}

type OpenAnswer = (answer: OpenedMessage | PenstockError) => void

const SLOT_MASK = WINDOW_REQUESTS_CEILING - 1
const TURN_MASK = 0xffff
/** Applications may close with 1000 and 3000..4999. */
const NORMAL_CLOSE = 1000
const SUBPROTOCOL_CLOSE = 3000
/** What a loss without a close frame reads as. */
const ABNORMAL_CLOSE = 1006
const CLOSE_LIMIT_MS = 1000
const BUFFER_POLL_MS = 4
const CLOSE_REASON_BYTES_MAX = 120

export class Connection {
  hello: HelloMessage | null = null
  /** Unanswered requests, abandoned ones included: they hold the window. */
  inFlight = 0
  /** Takes no new work and closes itself after the last answer. */
  isDraining = false
  isClosed = false
  #socket: SocketLike | null = null
  readonly #slots: (Exchange | null)[] = []
  readonly #turns: number[] = []
  readonly #freeSlots: number[] = []
  readonly #opens = new Map<number, OpenAnswer>()
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

  /** Requests that could be sent now. */
  get room(): number {
    if (this.hello === null || this.isDraining || this.isClosed || this.#socket === null) return 0
    const room = Math.min(this.#windowRequests, this.settings.windowRequestsMax) - this.inFlight
    if (room <= 0) return 0
    if (this.#socket.bufferedAmount < this.settings.bufferedBytesMax) return room
    this.#pollBuffer()
    return 0
  }

  /** Asks for a channel. `onAnswer` is not called when the connection ends first. @returns its number. */
  openChannel(pipeline: string, onAnswer: OpenAnswer): number {
    const channel = this.#channelNext++
    this.#opens.set(channel, onAnswer)
    this.#send(encodeMessage({ kind: 'open', channel, pipeline }))
    return channel
  }

  /**
   * Sends a request whose inputs are packed. The caller has seen that there is room.
   * @param deadlineMs what is left of its budget; 0: none.
   * @throws PenstockError ERR_META, ERR_BODY_TOO_LARGE: nothing was sent.
   */
  send(exchange: Exchange, binding: Binding, deadlineMs: number): void {
    const { packed, options } = exchange
    if (packed === null) throw new Error('A request is packed before it is sent')
    const { meta, priority } = options
    const slot = this.#freeSlots.at(-1) ?? this.#slots.length
    const id = slot + (this.#turns[slot] ?? 0) * WINDOW_REQUESTS_CEILING
    const { rows, data, dims, texts } = packed
    const frame = binding.encoder.encode(id, rows, data, { dims, texts, meta, priority, deadlineMs })
    const frameBytesMax = this.hello?.frameBytesMax ?? 0
    if (frameBytesMax > 0 && frame.length > frameBytesMax) {
      throw new PenstockError(
        'ERR_BODY_TOO_LARGE',
        `Expected a request to be at most ${frameBytesMax} bytes but received ${frame.length}. Split its rows`,
      )
    }
    if (this.#freeSlots.length > 0) this.#freeSlots.pop()
    else this.#turns.push(0)
    this.#slots[slot] = exchange
    exchange.binding = binding
    exchange.id = id
    exchange.rows = rows
    binding.inFlight++
    this.inFlight++
    this.#send(frame)
  }

  /** Whether `exchange` is in flight here. */
  holds(exchange: Exchange): boolean {
    return exchange.id >= 0 && this.#slots[exchange.id & SLOT_MASK] === exchange
  }

  /** Tells the server that nobody waits for the answer any more. The slot stays taken until it answers. */
  cancel({ binding, id }: Exchange): void {
    if (binding !== null && !this.isClosed)
      this.#send(encodeMessage({ kind: 'cancel', channel: binding.channel, request: id }))
  }

  /** Closes the channel as soon as its requests are answered. */
  retire(binding: Binding): void {
    if (binding.isRetired) return
    binding.isRetired = true
    this.#closeIfIdle(binding)
  }

  /** Ends the connection from this side; requests in flight fail with `error`. Resolves when the socket is gone. */
  close(error = new PenstockError('ERR_CONNECTION_LOST', 'The connection was closed by this side')): Promise<void> {
    this.#end({ code: NORMAL_CLOSE, reason: '', error })
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
      this.#end({ code: ABNORMAL_CLOSE, reason: '', error: this.#lost('Could not connect', error) })
      this.#onGone()
    }
  }

  #attach(socket: SocketLike): void {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (socket.protocol === SUBPROTOCOL) return
      this.#fail(
        SUBPROTOCOL_CLOSE,
        new PenstockError(
          'ERR_SUBPROTOCOL',
          `Expected the server to speak ${SUBPROTOCOL} but received ${socket.protocol || 'nothing'}`,
        ),
      )
    }
    socket.onmessage = ({ data }) => this.#receive(data)
    socket.onerror = (event) => (this.#lastError = event)
    socket.onclose = ({ code, reason }) => {
      this.#end({ code, reason, error: this.#lossOf(code, reason) })
      this.#cancelHangUp?.()
      this.#onGone()
    }
  }

  #receive(data: unknown): void {
    if (this.isClosed) return
    try {
      if (!(data instanceof ArrayBuffer))
        throw new PenstockError('ERR_FRAME', 'Expected a message to be binary but received text')
      this.#dispatch(decodeMessage(data))
    } catch (error) {
      if (!isPenstockError(error)) throw error
      this.#fail(errorTable.ERR_FRAME.close ?? 4400, error)
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
        if (this.inFlight === 0) void this.close()
        return
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
    onAnswer(answer)
  }

  #results(message: ResultsMessage): void {
    const { channel, requests, rows: rowCounts } = message
    const cursor = new TensorCursor(message.data, message.dims, message.texts)
    let rowStart = 0
    for (let index = 0; index < requests.length; index++) {
      const exchange = this.#take(channel, requests[index] ?? 0)
      const rows = rowCounts?.[index] ?? 1
      const result = this.#read(exchange, message, cursor, rowStart, rows)
      rowStart += rows
      exchange.succeed(result)
    }
    cursor.expectEnd()
    this.#afterAnswers()
  }

  /** A frame that cannot be read ends the connection, and with it every request but this one, which is off the table. */
  #read(exchange: Exchange, message: ResultsMessage, cursor: TensorCursor, rowStart: number, rows: number) {
    try {
      if (exchange.binding === null) throw unexpected('a result', 'for a request that was not sent')
      if (rows !== exchange.rows) throw unexpected(`a result of ${rows} rows`, `for a request of ${exchange.rows}`)
      return exchange.binding.signature.readResult(message, cursor, rowStart, rows)
    } catch (error) {
      exchange.fail(this.#lost('The answer could not be read', error))
      throw error
    }
  }

  #failure(message: FailureMessage): void {
    const exchange = this.#take(message.channel, message.request)
    const { binding } = exchange
    const error = errorOfFailure(message)
    const isNotRun = error.code === 'ERR_CHANNEL_STALE' || error.code === 'ERR_DRAINING'
    if (isNotRun && binding !== null && !exchange.isSettled) this.owner.onNotRun(this, exchange, binding, error)
    else exchange.fail(error)
    this.#afterAnswers()
  }

  /** Takes the exchange of an answer off the table. @throws ERR_FRAME when there is none. */
  #take(channel: number, id: number): Exchange {
    const slot = id & SLOT_MASK
    const exchange = this.#slots[slot] ?? null
    if (exchange === null || exchange.id !== id || exchange.binding?.channel !== channel) {
      throw unexpected('an answer', `to request ${id} of channel ${channel}, which is not in flight`)
    }
    this.#slots[slot] = null
    this.#turns[slot] = ((this.#turns[slot] ?? 0) + 1) & TURN_MASK
    this.#freeSlots.push(slot)
    this.inFlight--
    exchange.binding.inFlight--
    this.#closeIfIdle(exchange.binding)
    return exchange
  }

  #afterAnswers(): void {
    if (this.isDraining && this.inFlight === 0) void this.close()
    else this.owner.onRoom(this)
  }

  #closeIfIdle(binding: Binding): void {
    if (!binding.isRetired || binding.inFlight > 0 || this.isClosed) return
    this.#send(encodeMessage({ kind: 'close', channel: binding.channel }))
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
    this.#end({ code: ABNORMAL_CLOSE, reason: '', error: this.#lost(text, null) })
    this.#hangUp(NORMAL_CLOSE, 'too late')
  }

  /** Ends the connection because of what the server sent. */
  #fail(code: number, error: PenstockError): void {
    this.#end({
      code,
      reason: error.message,
      error: isFinal(error) ? error : this.#lost('The server broke the protocol', error),
    })
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
    // The protocol allows 123 bytes; an error's sentence may be longer, and may hold any character.
    socket.close(code, reason.replace(/[^\x20-\x7e]/g, '?').slice(0, CLOSE_REASON_BYTES_MAX))
  }

  #lossOf(code: number, reason: string): PenstockError {
    const { url } = this.settings
    const text = errorText(this.#lastError)
    if (/\b401\b/.test(text))
      return new PenstockError('ERR_UNAUTHORIZED', `${url} refused the API key`, { cause: this.#lastError })
    const cause = errorOfClose(code, reason) ?? this.#lastError
    if (this.hello === null) return this.#lost(`Could not connect to ${url}${text === '' ? '' : `: ${text}`}`, cause)
    return this.#lost(`The connection to ${url} ended (${code}${reason === '' ? '' : `, ${reason}`})`, cause)
  }

  #lost(message: string, cause: unknown): PenstockError {
    return new PenstockError('ERR_CONNECTION_LOST', message, cause === null ? {} : { cause })
  }

  #end(end: ConnectionEnd): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#cancelTimeout?.()
    this.#cancelPoll?.()
    // Whether they were run nobody knows: never resent here, the caller decides.
    for (const exchange of this.#slots) exchange?.fail(end.error)
    this.#slots.length = 0
    this.inFlight = 0
    this.owner.onClosed(this, end)
  }
}

/** Errors after which another try with the same options cannot succeed. */
export function isFinal({ code }: PenstockError): boolean {
  return code === 'ERR_UNAUTHORIZED' || code === 'ERR_SUBPROTOCOL'
}

/** The error behind a close code of errors.json; null for the others. */
function errorOfClose(code: number, reason: string): PenstockError | null {
  const rows = Object.entries(errorTable) as [ErrorCode, { close?: number }][]
  const row = rows.find(([, { close }]) => close === code)
  return row === undefined ? null : new PenstockError(row[0], reason)
}

function errorText(event: unknown): string {
  const { message } = (event ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : ''
}

function unexpected(what: string, where: string): PenstockError {
  return new PenstockError('ERR_FRAME', `Expected messages in their order but received ${what} ${where}`)
}
