/**
 * One connection that takes new work, a line of requests that wait for it, and the rules of the road after a loss.
 * Connections carry requests; this decides which connection, when, and what becomes of those that had no answer.
 *
 * 1. What was sent and not answered rejects with ERR_CONNECTION_LOST: whether it ran is unknown, so it is never resent.
 * 2. What was not sent yet waits for the next connection, in order, until its deadline, its signal or close().
 * 3. ERR_CHANNEL_STALE and ERR_DRAINING mean that nothing ran: the request is sent again, once, after the pipeline was
 *    opened again or on the next connection.
 * 4. After a goaway nothing new is sent there; what is in flight finishes there, while a new connection is dialled.
 *
 * A request stands in one place at a time: the line (it waits for room), its channel's parking (it waits for the channel
 * to open) or a connection's table (in flight).
 */
import { argumentError, expectInteger, expectName, expectOneOf, expectRecord } from '../base/expect.js'
import { PenstockError, toPenstockError } from '../base/errors.js'
import { DEADLINE_MS_MAX } from '../base/limits.js'
import type { HelloMessage, OpenedMessage } from '../protocol/codec.js'
import { backoffDelayMs } from './backoff.js'
import { Binding, Signature } from './binding.js'
import { Channel, ChannelState, type ChannelOwner } from './channel.js'
import { Connection, isFinal, type ConnectionEnd, type ConnectionOwner } from './connection.js'
import { Deadlines } from './deadlines.js'
import { ClientEmitter } from './events.js'
import { abortedError, Exchange, type ClientInferOptions, type ClientInputs, type ClientResult } from './exchange.js'
import { Line } from './line.js'
import type { ClientEnvironment, ClientSettings } from './options.js'

/** A connection that held this long was a good one: the next loss starts its backoff afresh. */
const STABLE_MS = 5000

interface Waiter {
  resolve(): void
  reject(error: PenstockError): void
}

export class ClientCore implements ChannelOwner, ConnectionOwner {
  readonly events = new ClientEmitter()
  /** Takes new work; null while there is none. Dialling ones are here too, without room. */
  #connection: Connection | null = null
  /** After a goaway, until their last answer. */
  readonly #draining = new Set<Connection>()
  readonly #channels = new Map<string, ChannelState>()
  readonly #line = new Line()
  #parkedCount = 0
  readonly #readyWaiters = new Set<Waiter>()
  readonly #deadlines: Deadlines
  #firstConnect: Waiter | null = null
  #cancelRedial: (() => void) | null = null
  #attempt = 0
  /** Of the monotonic clock; null while no connection stands. */
  #openedUs: number | null = null
  /** Why nothing can be asked any more; null while the client lives. */
  #closedBy: PenstockError | null = null

  constructor(
    private readonly settings: ClientSettings,
    private readonly environment: ClientEnvironment,
  ) {
    this.#deadlines = new Deadlines(environment, (exchange, error) => this.#abandon(exchange, error))
  }

  get inFlight(): number {
    let count = this.#connection?.inFlight ?? 0
    for (const connection of this.#draining) count += connection.inFlight
    return count
  }

  get waitingCount(): number {
    return this.#line.size + this.#parkedCount
  }

  get isConnected(): boolean {
    return this.#connection !== null && this.#connection.hello !== null
  }

  // ── the life of connections ─────────────────────────────────────────────────────────────────

  /** The first connection is tried once: a wrong address should fail at once, not after minutes. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#firstConnect = { resolve, reject }
      this.#dial()
    })
  }

  async close(): Promise<void> {
    const connections = [...this.#draining, ...(this.#connection === null ? [] : [this.#connection])]
    const error = new PenstockError('ERR_CLOSED', 'The client was closed')
    this.#shut(error)
    await Promise.all(connections.map((connection) => connection.close(error)))
  }

  #dial(): void {
    this.#connection = new Connection(this.settings, this.environment, this)
  }

  onHello(connection: Connection, hello: HelloMessage): void {
    if (connection !== this.#connection) return
    this.#openedUs = this.environment.clock.monotonicUs()
    for (const state of this.#channels.values()) this.#bind(state)
    this.events.emit('open', { server: hello.server, windowRequests: hello.windowRequests })
    this.#firstConnect?.resolve()
    this.#firstConnect = null
    this.#pump()
  }

  onRoom(connection: Connection): void {
    if (connection === this.#connection) this.#pump()
  }

  onGoaway(connection: Connection, reason: string, graceMs: number): void {
    if (connection !== this.#connection) return
    connection.isDraining = true
    this.#unbind()
    this.#draining.add(connection)
    this.events.emit('goaway', { reason, graceMs })
    if (this.settings.reconnect === null)
      this.#shut(new PenstockError('ERR_CONNECTION_LOST', `The server went away: ${reason}`))
    else this.#redialLater()
  }

  onClosed(connection: Connection, { code, reason, error }: ConnectionEnd): void {
    this.#draining.delete(connection)
    if (connection !== this.#connection || this.#closedBy !== null) return
    this.#unbind()
    if (this.#firstConnect !== null) {
      this.#shut(error)
      return
    }
    const willReconnect =
      this.settings.reconnect !== null && !isFinal(error) && this.#attempt < this.settings.reconnect.attemptsMax
    if (connection.hello !== null) this.events.emit('close', { code, reason, error, willReconnect })
    // A listener may have closed the client.
    if (this.#closedBy !== null) return
    if (willReconnect) this.#redialLater()
    else this.#shut(error)
  }

  #redialLater(): void {
    const { reconnect } = this.settings
    if (reconnect === null) return
    const delayMs = backoffDelayMs(reconnect, this.#attempt, this.environment.random)
    this.#attempt++
    this.#cancelRedial?.()
    this.#cancelRedial = this.environment.setTimer(() => this.#dial(), delayMs)
    this.events.emit('reconnecting', { attempt: this.#attempt, delayMs })
  }

  /** The present connection takes nothing more: channels lose their binding, requests in the line wait for the next. */
  #unbind(): void {
    const nowUs = this.environment.clock.monotonicUs()
    if (this.#openedUs !== null && nowUs - this.#openedUs >= STABLE_MS * 1000) this.#attempt = 0
    this.#openedUs = null
    this.#connection = null
    for (const state of this.#channels.values()) {
      state.binding = null
      state.isOpening = false
    }
  }

  #shut(error: PenstockError): void {
    if (this.#closedBy !== null) return
    this.#closedBy = error
    this.#cancelRedial?.()
    const states = [...this.#channels.values()]
    this.#channels.clear()
    this.#firstConnect?.reject(error)
    this.#firstConnect = null
    for (const { parked, waiters } of states) {
      for (const waiter of waiters.splice(0)) waiter.reject(error)
      for (const exchange of [...parked]) exchange.fail(error)
    }
    for (const exchange of this.#line.all()) exchange.fail(error)
    for (const waiter of this.#readyWaiters) waiter.reject(error)
    this.#readyWaiters.clear()
  }

  // ── channels ────────────────────────────────────────────────────────────────────────────────

  open(pipeline: string): Promise<Channel> {
    const error = this.#closedError()
    if (error !== null) return Promise.reject(error)
    const state = this.#channels.get(pipeline) ?? this.#addChannel(pipeline)
    if (state.binding !== null && state.channel !== null) return Promise.resolve(state.channel)
    return new Promise((resolve, reject) => {
      state.waiters.push({ resolve, reject })
      this.#bind(state)
    })
  }

  #addChannel(pipeline: string): ChannelState {
    const state = new ChannelState(expectName('pipeline', pipeline))
    this.#channels.set(pipeline, state)
    return state
  }

  closeChannel(state: ChannelState): void {
    if (state.isClosed) return
    state.isClosed = true
    if (this.#channels.get(state.pipeline) === state) this.#channels.delete(state.pipeline)
    if (state.binding !== null) this.#connection?.retire(state.binding)
    state.binding = null
    const error = new PenstockError('ERR_CLOSED', `The channel of ${state.pipeline} was closed`)
    for (const waiter of state.waiters.splice(0)) waiter.reject(error)
    for (const exchange of [...state.parked]) exchange.fail(error)
    for (const exchange of this.#line.all()) if (exchange.state === state) exchange.fail(error)
  }

  /** Opens the pipeline on the present connection, unless that is under way; without one, onHello does it. */
  #bind(state: ChannelState): void {
    const connection = this.#connection
    if (connection === null || connection.hello === null || state.isOpening || state.binding !== null) return
    state.isOpening = true
    const channel = connection.openChannel(state.pipeline, (answer) => {
      if (connection === this.#connection) this.#onOpenAnswer(connection, state, channel, answer)
    })
  }

  #onOpenAnswer(
    connection: Connection,
    state: ChannelState,
    channel: number,
    answer: OpenedMessage | PenstockError,
  ): void {
    state.isOpening = false
    if (answer instanceof PenstockError) {
      for (const waiter of state.waiters.splice(0)) waiter.reject(answer)
      for (const exchange of [...state.parked]) exchange.fail(answer)
      // Never opened: nobody holds it. Otherwise the next request tries again.
      if (state.signature === null) this.#channels.delete(state.pipeline)
      return
    }
    const signature = new Signature(answer)
    const binding = new Binding(channel, signature)
    if (state.isClosed) {
      connection.retire(binding)
      return
    }
    state.signature = signature
    state.binding = binding
    state.channel ??= new Channel(state, signature, this)
    for (const waiter of state.waiters.splice(0)) waiter.resolve(state.channel)
    for (const exchange of [...state.parked]) {
      this.#unpark(exchange)
      this.#line.push(exchange)
    }
    this.#pump()
  }

  onNotRun(connection: Connection, exchange: Exchange, binding: Binding, error: PenstockError): void {
    const { state } = exchange
    if (error.code === 'ERR_DRAINING') this.onGoaway(connection, error.message, 0)
    else if (state.binding === binding) {
      connection.retire(binding)
      state.binding = null
    }
    if (exchange.isRetried || state.isClosed || this.#closedBy !== null) {
      exchange.fail(error)
      return
    }
    exchange.isRetried = true
    exchange.binding = null
    // The connection calls onRoom after each frame of answers, which sends it or parks it.
    this.#line.push(exchange)
  }

  // ── requests ────────────────────────────────────────────────────────────────────────────────

  submit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> {
    const exchange = this.#admit(state, inputs, options)
    if (exchange instanceof PenstockError) return Promise.reject(exchange)
    if (this.#line.size === 0 && state.binding !== null && (this.#connection?.room ?? 0) > 0) {
      this.#send(exchange, state.binding)
    } else if (this.waitingCount >= this.settings.waitingMax) {
      exchange.fail(
        new PenstockError(
          'ERR_QUEUE_FULL',
          `Expected at most ${this.settings.waitingMax} requests to wait in this client. Await ready() first`,
        ),
      )
    } else {
      this.#line.push(exchange)
      this.#pump()
    }
    return exchange.promise
  }

  trySubmit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> | null {
    const isClosed = state.isClosed || this.#closedBy !== null
    if (!isClosed && (this.#line.size > 0 || state.binding === null || (this.#connection?.room ?? 0) === 0)) return null
    return this.submit(state, inputs, options)
  }

  ready(): Promise<void> {
    const error = this.#closedError()
    if (error !== null) return Promise.reject(error)
    return new Promise((resolve, reject) => {
      this.#readyWaiters.add({ resolve, reject })
      this.#pump()
    })
  }

  /** Checks a request while its caller is still on the stack; afterwards nothing about it is wrong but what the server finds. */
  #admit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Exchange | PenstockError {
    try {
      const closed = state.isClosed
        ? new PenstockError('ERR_CLOSED', `The channel of ${state.pipeline} was closed`)
        : this.#closedError()
      if (closed !== null) throw closed
      const { signal, deadlineMs } = checkOptions(options)
      if (signal?.aborted === true) throw abortedError(signal)
      const deadlineUs = deadlineMs === undefined ? 0 : this.environment.clock.monotonicUs() + deadlineMs * 1000
      const exchange = new Exchange(state, inputs, options, deadlineUs)
      exchange.packed = state.signature?.pack(inputs) ?? null
      exchange.onSettled = () => this.#forget(exchange)
      exchange.watchSignal(() => this.#abandon(exchange, abortedError(signal)))
      if (deadlineUs !== 0) this.#deadlines.add(exchange)
      return exchange
    } catch (error) {
      return toPenstockError(error)
    }
  }

  /** Sends what there is room for, in order; what has no channel yet is parked with it. */
  #pump(): void {
    let room = this.#connection?.room ?? 0
    for (let exchange = this.#line.first(); exchange !== null && room > 0; exchange = this.#line.first()) {
      this.#line.delete(exchange)
      const { binding } = exchange.state
      if (binding === null) {
        this.#park(exchange)
        continue
      }
      if (this.#send(exchange, binding)) room = this.#connection?.room ?? 0
    }
    if (this.#line.size > 0) return
    for (const waiter of this.#readyWaiters) {
      if (room-- <= 0) break
      this.#readyWaiters.delete(waiter)
      waiter.resolve()
    }
  }

  /** @returns false when the request failed instead. */
  #send(exchange: Exchange, binding: Binding): boolean {
    try {
      const { signature } = binding
      // The pipeline may have got another signature since; then the caller's inputs are read again.
      if (exchange.packed?.signatureKey !== signature.key) exchange.packed = signature.pack(exchange.inputs)
      const { deadlineUs, options } = exchange
      const leftMs = deadlineUs === 0 ? 0 : Math.ceil((deadlineUs - this.environment.clock.monotonicUs()) / 1000)
      if (deadlineUs !== 0 && leftMs <= 0) {
        throw new PenstockError('ERR_DEADLINE_EXCEEDED', `The request waited ${options.deadlineMs} ms for its turn`)
      }
      this.#connection?.send(exchange, binding, leftMs)
      return true
    } catch (error) {
      exchange.fail(toPenstockError(error))
      return false
    }
  }

  #park(exchange: Exchange): void {
    exchange.state.parked.add(exchange)
    this.#parkedCount++
    this.#bind(exchange.state)
  }

  #unpark(exchange: Exchange): void {
    if (exchange.state.parked.delete(exchange)) this.#parkedCount--
  }

  /** Settles a request early. In flight, its slot stays taken until the server's answer; the server is told to stop. */
  #abandon(exchange: Exchange, error: PenstockError): void {
    if (exchange.isSettled) return
    const connection = exchange.binding === null ? null : this.#connectionOf(exchange)
    exchange.fail(error)
    connection?.cancel(exchange)
  }

  #connectionOf(exchange: Exchange): Connection | null {
    if (this.#connection?.holds(exchange) === true) return this.#connection
    for (const connection of this.#draining) if (connection.holds(exchange)) return connection
    return null
  }

  #forget(exchange: Exchange): void {
    this.#line.delete(exchange)
    this.#unpark(exchange)
    if (exchange.deadlineUs !== 0) this.#deadlines.delete(exchange)
  }

  #closedError(): PenstockError | null {
    if (this.#closedBy === null) return null
    // A fresh one: the stack of the call that came too late.
    return new PenstockError('ERR_CLOSED', 'The client is closed', { cause: this.#closedBy })
  }
}

const optionKeys: ReadonlySet<string> = new Set<keyof ClientInferOptions>(['meta', 'deadlineMs', 'priority', 'signal'])

function checkOptions(options: ClientInferOptions): ClientInferOptions {
  expectRecord('options', options)
  // A misspelt deadline must not be silently none.
  for (const key in options)
    if (!optionKeys.has(key)) throw argumentError('each key of options', `one of ${[...optionKeys].join(', ')}`, key)
  const { deadlineMs, priority, signal, meta } = options
  if (deadlineMs !== undefined) expectInteger('deadlineMs', deadlineMs, 1, DEADLINE_MS_MAX)
  if (priority !== undefined) expectOneOf('priority', priority, ['interactive', 'background'])
  if (meta !== undefined) expectRecord('meta', meta)
  if (
    signal !== undefined &&
    typeof (signal as { addEventListener?: unknown } | null)?.addEventListener !== 'function'
  ) {
    throw argumentError('signal', 'an AbortSignal', signal)
  }
  return options
}
