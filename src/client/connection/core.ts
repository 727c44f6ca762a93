/**
 * One connection that takes new work, the channels on it, and the rules after a lost connection. Connections carry
 * requests, requests.ts holds those that wait; this decides which connection, and what becomes of what had no answer.
 *
 * 1. What was sent and not answered rejects with ERR_CONNECTION_LOST: whether it ran is unknown, so it is never resent.
 * 2. What was not sent yet waits for the next connection, in order, until its deadline, its signal or close().
 * 3. ERR_CHANNEL_STALE and ERR_DRAINING mean that nothing ran: the request is sent again after the pipeline was opened
 *    again or on the next connection; RESENDS_MAX bounds it.
 * 4. After a goaway nothing new is sent there; what is in flight finishes there, while a new connection is dialled.
 */
import { expectServedName } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import type { HelloMessage, OpenedMessage } from '../../protocol/codec.js'
import { backoffDelayMs } from './backoff.js'
import { Binding, Signature } from './binding.js'
import { ChannelState } from './channel-state.js'
import { Channel } from './channel.js'
import { Connection, type ConnectionOwner } from './connection.js'
import { ClientEmitter } from './events.js'
import type { ClientRequest } from './client-request.js'
import type { ClientInferOptions, ClientInputs, ClientResult } from './inference.js'
import { isFinal, type ConnectionEnd } from './connection-errors.js'
import type { ClientEnvironment, ClientSettings } from './options.js'
import { closedChannelError, Requests, type RequestsOwner } from './requests.js'

/** A connection that held this long was a good one: the next loss starts its backoff afresh. */
const STABLE_MS = 5000
/** Redeploys and drains that one request follows. A pipeline that changes faster than it can be opened is not usable. */
const RESENDS_MAX = 8

export class ClientCore implements ConnectionOwner, RequestsOwner {
  readonly events = new ClientEmitter()
  readonly requests: Requests
  /** Takes new work; null while there is none. Dialling ones are here too, without room. */
  connection: Connection | null = null
  /** After a goaway, until their last answer. */
  readonly #draining = new Set<Connection>()
  readonly #channels = new Map<string, ChannelState>()
  /** One channel for all callers that opened a state. */
  readonly #handles = new WeakMap<ChannelState, Channel>()
  #firstConnect: { resolve(): void; reject(error: PenstockError): void } | null = null
  #cancelRedial: (() => void) | null = null
  #attempt = 0
  /** Time on the monotonic clock; null while no connection stands. */
  #openedUs: number | null = null
  /** Why nothing can be asked any more; null while the client lives. */
  #closedBy: PenstockError | null = null

  constructor(
    private readonly settings: ClientSettings,
    private readonly environment: ClientEnvironment,
  ) {
    this.requests = new Requests(settings, environment, this)
  }

  get inFlight(): number {
    let count = this.connection?.inFlight ?? 0
    for (const connection of this.#draining) count += connection.inFlight
    return count
  }

  get isOpening(): boolean {
    for (const { isOpening, signature } of this.#channels.values()) if (isOpening && signature !== null) return true
    return false
  }

  get isConnected(): boolean {
    return this.connection !== null && this.connection.hello !== null
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
    const connections = [...this.#draining, ...(this.connection === null ? [] : [this.connection])]
    const error = new PenstockError('ERR_CLOSED', 'The client was closed')
    this.#shut(error)
    await Promise.all(connections.map((connection) => connection.close(error)))
  }

  #dial(): void {
    this.connection = new Connection(this.settings, this.environment, this)
  }

  onHello(connection: Connection, hello: HelloMessage): void {
    if (connection !== this.connection) return
    this.#openedUs = this.environment.clock.monotonicUs()
    for (const state of this.#channels.values()) this.bind(state)
    this.events.emit('open', { server: hello.server, windowRequests: hello.windowRequests })
    this.#firstConnect?.resolve()
    this.#firstConnect = null
    this.requests.pump()
  }

  onRoom(connection: Connection): void {
    if (connection === this.connection) this.requests.pump()
  }

  onGoaway(connection: Connection, reason: string, graceMs: number): void {
    if (connection !== this.connection) return
    connection.isDraining = true
    this.#unbind()
    this.#draining.add(connection)
    this.events.emit('goaway', { reason, graceMs })
    this.#redialOr(new PenstockError('ERR_CONNECTION_LOST', `The server went away: ${reason}`))
  }

  onClosed(connection: Connection, { code, reason, error }: ConnectionEnd): void {
    this.#draining.delete(connection)
    if (connection !== this.connection || this.#closedBy !== null) return
    this.#unbind()
    const willReconnect = this.#canRedial(error)
    if (connection.hello !== null) this.events.emit('close', { code, reason, error, willReconnect })
    this.#redialOr(error)
  }

  #canRedial(error: PenstockError): boolean {
    const { reconnect } = this.settings
    return reconnect !== null && this.#firstConnect === null && !isFinal(error) && this.#attempt < reconnect.attemptsMax
  }

  /** Dials again after a while; where that is no use, or not wanted, the client ends with `error`. */
  #redialOr(error: PenstockError): void {
    const { reconnect } = this.settings
    // A listener may have closed the client.
    if (this.#closedBy !== null) return
    if (reconnect === null || !this.#canRedial(error)) {
      this.#shut(error)
      return
    }
    const delayMs = backoffDelayMs(reconnect, this.#attempt, this.environment.random)
    this.#attempt++
    this.#cancelRedial = this.environment.setTimer(() => this.#dial(), delayMs)
    this.events.emit('reconnecting', { attempt: this.#attempt, delayMs })
  }

  /** The present connection takes nothing more: channels lose their binding, requests in the queue wait for the next. */
  #unbind(): void {
    const nowUs = this.environment.clock.monotonicUs()
    if (this.#openedUs !== null && nowUs - this.#openedUs >= STABLE_MS * 1000) this.#attempt = 0
    this.#openedUs = null
    this.connection = null
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
    for (const state of states) {
      for (const waiter of state.waiters.splice(0)) waiter.reject(error)
      this.requests.failWaiting(error, state)
    }
    this.requests.failWaiting(error, null)
  }

  closedError(): PenstockError | null {
    if (this.#closedBy === null) return null
    // A fresh one: the stack of the call that came too late.
    return new PenstockError('ERR_CLOSED', 'The client is closed', { cause: this.#closedBy })
  }

  connectionOf(request: ClientRequest): Connection | null {
    if (this.connection?.holds(request) === true) return this.connection
    for (const connection of this.#draining) if (connection.holds(request)) return connection
    return null
  }

  // ── channels ────────────────────────────────────────────────────────────────────────────────

  async infer(pipeline: string, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> {
    return this.requests.submit(this.#stateOf(pipeline), inputs, options)
  }

  async open(pipeline: string): Promise<Channel> {
    const state = this.#stateOf(pipeline)
    if (state.binding === null)
      await new Promise<void>((resolve, reject) => {
        state.waiters.push({ resolve, reject })
        this.bind(state)
      })
    return this.#handleOf(state)
  }

  #handleOf(state: ChannelState): Channel {
    const handle = this.#handles.get(state) ?? new Channel(state, this)
    this.#handles.set(state, handle)
    return handle
  }

  /** @throws PenstockError ERR_CLOSED, ERR_ARGUMENT */
  #stateOf(pipeline: string): ChannelState {
    const error = this.closedError()
    if (error !== null) throw error
    const known = this.#channels.get(pipeline)
    if (known !== undefined) return known
    const state = new ChannelState(expectServedName('pipeline', pipeline))
    this.#channels.set(pipeline, state)
    return state
  }

  closeChannel(state: ChannelState): void {
    if (state.isClosed) return
    state.isClosed = true
    if (this.#channels.get(state.pipeline) === state) this.#channels.delete(state.pipeline)
    if (state.binding !== null) this.connection?.retire(state.binding)
    state.binding = null
    const error = closedChannelError(state)
    for (const waiter of state.waiters.splice(0)) waiter.reject(error)
    this.requests.failWaiting(error, state)
    this.requests.pump()
  }

  /** Opens the pipeline on the present connection, unless that is under way; without one, onHello does it. */
  bind(state: ChannelState): void {
    const { connection } = this
    if (connection === null || connection.hello === null || state.isOpening || state.binding !== null) return
    state.isOpening = true
    connection.openChannel(state.pipeline, (channel, answer) => {
      if (connection === this.connection) this.#onOpenAnswer(connection, state, channel, answer)
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
      this.requests.failWaiting(answer, state)
      // Never opened: nobody holds it. Otherwise the next request tries again.
      if (state.signature === null) this.#channels.delete(state.pipeline)
      this.requests.pump()
      return
    }
    const signature = new Signature(answer)
    const binding = new Binding(channel, signature, connection.requestsPerFrame > 1)
    if (state.isClosed) {
      connection.retire(binding)
      return
    }
    state.signature = signature
    state.binding = binding
    for (const waiter of state.waiters.splice(0)) waiter.resolve()
    this.requests.releaseAll(state)
  }

  onNotRun(connection: Connection, request: ClientRequest, binding: Binding, error: PenstockError): void {
    const { state } = request
    if (error.code === 'ERR_DRAINING') this.onGoaway(connection, error.message, 0)
    else {
      connection.retire(binding)
      if (state.binding === binding) state.binding = null
    }
    // The connection calls onRoom after each frame of answers, which sends it or holds it.
    if (request.resendCount >= RESENDS_MAX || state.isClosed || this.#closedBy !== null) request.fail(error)
    else this.requests.requeue(request)
  }
}
