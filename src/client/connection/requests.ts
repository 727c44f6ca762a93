/**
 * The requests of a client that are not in flight: checked, waiting in the line for room, or parked with a channel that is
 * being opened. A request stands in one place at a time; abort and deadline find it wherever it is.
 *
 * Producers loop over trySubmit and ready(). Rule: where ready() resolves at once, trySubmit takes the request. A loop in
 * which both say the opposite never waits for anything that happens outside it: promises alone keep it going, and no
 * message, timer or signal of the process is heard again. So both ask `#hasRoom`, and a channel that is being opened
 * makes ready() wait, and one that has to be opened takes the request that opens it.
 */
import { argumentError, expectBoolean, expectInteger, expectOneOf, expectRecord } from '../../base/expect.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../base/limits/limits.js'
import type { Binding } from './binding.js'
import type { ChannelState } from './channel.js'
import type { Connection } from './connection.js'
import { Deadlines } from './deadlines.js'
import {
  abortedError,
  Exchange,
  type ClientInferOptions,
  type ClientInputs,
  type ClientResult,
} from './client-request.js'
import { Line } from './fifo-queue.js'
import type { ClientEnvironment, ClientSettings } from '../options.js'

export interface RequestsOwner {
  /** Takes new work; null while there is none. */
  readonly connection: Connection | null
  /** Whether a channel that callers hold is being opened. */
  readonly isOpening: boolean
  /** A fresh ERR_CLOSED when the client is closed. */
  closedError(): PenstockError | null
  /** Opens the channel's pipeline on the present connection, unless that is under way. */
  bind(state: ChannelState): void
  /** Where the request is in flight. */
  connectionOf(exchange: Exchange): Connection | null
}

interface Waiter {
  resolve(): void
  reject(error: PenstockError): void
}

export class Requests {
  readonly #line = new Line()
  #parkedCount = 0
  readonly #readyWaiters = new Set<Waiter>()
  /** Set while waiters are left although there was room. */
  #cancelWake: (() => void) | null = null
  readonly #deadlines: Deadlines

  constructor(
    private readonly settings: ClientSettings,
    private readonly environment: ClientEnvironment,
    private readonly owner: RequestsOwner,
  ) {
    this.#deadlines = new Deadlines(environment, (exchange, error) => this.#abandon(exchange, error))
  }

  get waitingCount(): number {
    return this.#line.size + this.#parkedCount
  }

  submit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> {
    const exchange = this.#admit(state, inputs, options)
    if (exchange instanceof PenstockError) return Promise.reject(exchange)
    const { connection } = this.owner
    if (connection !== null && state.binding !== null && this.#line.size === 0 && connection.room > 0) {
      this.#send(connection, exchange, state.binding)
    } else if (this.waitingCount >= this.settings.waitingMax) {
      const sentence = `Expected at most ${this.settings.waitingMax} requests to wait in this client`
      exchange.fail(new PenstockError('ERR_QUEUE_FULL', `${sentence}. Await ready() first`))
    } else {
      this.#line.push(exchange)
      this.pump()
    }
    return exchange.promise
  }

  /** As `submit`, but null when the request would have to wait for anything but an opening that it starts itself. */
  trySubmit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> | null {
    const isClosed = state.isClosed || this.owner.closedError() !== null
    return isClosed || (this.#hasRoom && !state.isOpening) ? this.submit(state, inputs, options) : null
  }

  get #hasRoom(): boolean {
    return this.#line.size === 0 && (this.owner.connection?.room ?? 0) > 0
  }

  ready(): Promise<void> {
    const error = this.owner.closedError()
    if (error !== null) return Promise.reject(error)
    return new Promise((resolve, reject) => {
      this.#readyWaiters.add({ resolve, reject })
      this.pump()
    })
  }

  /** Puts a request that was refused without being run at the end of the line. */
  requeue(exchange: Exchange): void {
    exchange.resendCount++
    exchange.binding = null
    this.#line.push(exchange)
  }

  /** Sends what there is room for, in order; what has no channel yet is parked with it. */
  pump(): void {
    const { connection } = this.owner
    let room = connection?.room ?? 0
    for (let exchange = this.#line.first(); exchange !== null && room > 0; exchange = this.#line.first()) {
      this.#line.delete(exchange)
      const { binding } = exchange.state
      if (binding === null) this.#park(exchange)
      else if (connection !== null && this.#send(connection, exchange, binding)) room = connection.room
    }
    if (this.#readyWaiters.size > 0 && this.#hasRoom && !this.owner.isOpening) this.#wake(room)
  }

  /** As many waiters as there is room for. Those may want it no more: the others are asked after them. */
  #wake(room: number): void {
    for (const waiter of this.#readyWaiters) {
      if (room-- <= 0) break
      this.#readyWaiters.delete(waiter)
      waiter.resolve()
    }
    if (this.#readyWaiters.size === 0) return
    this.#cancelWake ??= this.environment.setTimer(() => {
      this.#cancelWake = null
      this.pump()
    }, 0)
  }

  /** Brings the requests that waited for a channel back to the line. */
  unparkAll(state: ChannelState): void {
    for (const exchange of [...state.parked]) {
      this.#unpark(exchange)
      this.#line.push(exchange)
    }
    this.pump()
  }

  /** Fails what waits: for one channel, or all of it. */
  failWaiting(error: PenstockError, state: ChannelState | null): void {
    for (const exchange of this.#line.all()) if (state === null || exchange.state === state) exchange.fail(error)
    for (const exchange of [...(state?.parked ?? [])]) exchange.fail(error)
    if (state !== null) return
    for (const waiter of this.#readyWaiters) waiter.reject(error)
    this.#readyWaiters.clear()
    this.#cancelWake?.()
    this.#cancelWake = null
  }

  /** Checks a request while its caller is still on the stack; afterwards only the server finds fault with it. */
  #admit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Exchange | PenstockError {
    try {
      const closed = state.isClosed ? closedChannelError(state) : this.owner.closedError()
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

  /** @returns false when the request failed instead. */
  #send(connection: Connection, exchange: Exchange, binding: Binding): boolean {
    try {
      const { signature } = binding
      // The pipeline may have got another signature since; then the caller's inputs are read again.
      if (exchange.packed?.signatureKey !== signature.key) exchange.packed = signature.pack(exchange.inputs)
      const { deadlineUs, options } = exchange
      const leftMs = deadlineUs === 0 ? 0 : Math.ceil((deadlineUs - this.environment.clock.monotonicUs()) / 1000)
      if (deadlineUs !== 0 && leftMs <= 0) {
        throw new PenstockError('ERR_DEADLINE_EXCEEDED', `The request waited ${options.deadlineMs} ms for its turn`)
      }
      connection.send(exchange, binding, leftMs)
      return true
    } catch (error) {
      exchange.fail(toPenstockError(error))
      return false
    }
  }

  #park(exchange: Exchange): void {
    exchange.state.parked.add(exchange)
    this.#parkedCount++
    this.owner.bind(exchange.state)
  }

  #unpark(exchange: Exchange): void {
    if (exchange.state.parked.delete(exchange)) this.#parkedCount--
  }

  /** Settles a request early. In flight, its slot stays taken until the server's answer; the server is told to stop. */
  #abandon(exchange: Exchange, error: PenstockError): void {
    if (exchange.isSettled) return
    const connection = this.owner.connectionOf(exchange)
    exchange.fail(error)
    connection?.cancel(exchange)
  }

  #forget(exchange: Exchange): void {
    this.#line.delete(exchange)
    this.#unpark(exchange)
    if (exchange.deadlineUs !== 0) this.#deadlines.delete(exchange)
  }
}

export function closedChannelError(state: ChannelState): PenstockError {
  return new PenstockError('ERR_CLOSED', `The channel of ${state.pipeline} was closed`)
}

const optionKeys: ReadonlySet<string> = new Set<keyof ClientInferOptions>([
  'meta',
  'deadlineMs',
  'priority',
  'signal',
  'timing',
  'requestId',
])

function checkOptions(options: ClientInferOptions): ClientInferOptions {
  expectRecord('options', options)
  // A misspelt deadline must not be silently none.
  for (const key in options) {
    if (!optionKeys.has(key)) throw argumentError('each key of options', `one of ${[...optionKeys].join(', ')}`, key)
  }
  const { deadlineMs, priority, signal, meta, timing, requestId } = options
  if (timing !== undefined) expectBoolean('timing', timing)
  if (requestId !== undefined) expectBoolean('requestId', requestId)
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
