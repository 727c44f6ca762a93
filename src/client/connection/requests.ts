/**
 * The requests of a client that are not in flight: checked, waiting in the queue for room, or held with a channel that is
 * being opened. A request stands in one place at a time; abort and deadline find it wherever it is.
 *
 * Producers loop over trySubmit and ready(). Rule: where ready() resolves at once, trySubmit takes the request. A loop in
 * which both say the opposite never waits for anything that happens outside it: only promises keep it going, and no
 * message, timer or signal of the process is heard again. So both ask `#hasRoom`, and a channel that is being opened
 * makes ready() wait, and one that has to be opened takes the request that opens it.
 */
import { argumentError, expectBoolean, expectInteger, expectOneOf, expectRecord } from '../../base/expect.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../base/limits/limits.js'
import type { Binding } from './binding.js'
import type { ChannelState } from './channel-state.js'
import type { Connection } from './connection.js'
import { Deadlines } from './deadlines.js'
import { abortedError, ClientRequest } from './client-request.js'
import { FifoQueue } from './fifo-queue.js'
import type { ClientInferOptions, ClientInputs, ClientResult } from './inference.js'
import type { ClientEnvironment, ClientSettings } from './options.js'

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
  connectionOf(request: ClientRequest): Connection | null
}

interface Waiter {
  resolve(): void
  reject(error: PenstockError): void
}

export class Requests {
  readonly #queue = new FifoQueue()
  /** Requests that wait for their channel's binding, in order. */
  readonly #held = new Map<ChannelState, Set<ClientRequest>>()
  #heldCount = 0
  readonly #readyWaiters = new Set<Waiter>()
  /** Set while waiters are left although there was room. */
  #cancelWake: (() => void) | null = null
  readonly #deadlines: Deadlines
  /** One function for all requests: one each would be most of what a request allocates. */
  readonly #onCompleted = (request: ClientRequest): void => this.#forget(request)

  constructor(
    private readonly settings: ClientSettings,
    private readonly environment: ClientEnvironment,
    private readonly owner: RequestsOwner,
  ) {
    this.#deadlines = new Deadlines(environment, (request, error) => this.#abandon(request, error))
  }

  get waitingCount(): number {
    return this.#queue.size + this.#heldCount
  }

  submit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> {
    const request = this.#admit(state, inputs, options)
    if (request instanceof PenstockError) return Promise.reject(request)
    const { connection } = this.owner
    if (connection !== null && state.binding !== null && this.#queue.size === 0 && connection.room > 0) {
      this.#send(connection, request, state.binding)
    } else if (this.waitingCount >= this.settings.waitingMax) {
      const sentence = `Expected at most ${this.settings.waitingMax} requests to wait in this client`
      request.fail(new PenstockError('ERR_QUEUE_FULL', `${sentence}. Await ready() first`))
    } else {
      this.#queue.push(request)
      this.pump()
    }
    return request.promise
  }

  /** As `submit`, but null when the request would have to wait for anything but an opening that it starts itself. */
  trySubmit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> | null {
    const isClosed = state.isClosed || this.owner.closedError() !== null
    return isClosed || (this.#hasRoom && !state.isOpening) ? this.submit(state, inputs, options) : null
  }

  get #hasRoom(): boolean {
    return this.#queue.size === 0 && (this.owner.connection?.room ?? 0) > 0
  }

  ready(): Promise<void> {
    const error = this.owner.closedError()
    if (error !== null) return Promise.reject(error)
    return new Promise((resolve, reject) => {
      this.#readyWaiters.add({ resolve, reject })
      this.pump()
    })
  }

  /** Puts a request that was refused without being run at the end of the queue. */
  requeue(request: ClientRequest): void {
    request.resendCount++
    request.binding = null
    this.#queue.push(request)
  }

  /** Sends what there is room for, in order; what has no binding yet is held until there is one. */
  pump(): void {
    const { connection } = this.owner
    let room = connection?.room ?? 0
    for (let request = this.#queue.first(); request !== null && room > 0; request = this.#queue.first()) {
      this.#queue.delete(request)
      const { binding } = request.state
      if (binding === null) this.#hold(request)
      else if (connection !== null && this.#send(connection, request, binding)) room = connection.room
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

  /** Brings the requests that waited for a channel back to the queue. */
  releaseAll(state: ChannelState): void {
    for (const request of this.#heldFor(state)) {
      this.#release(request)
      this.#queue.push(request)
    }
    this.pump()
  }

  /** Fails what waits: for one channel, or all of it. */
  failWaiting(error: PenstockError, state: ChannelState | null): void {
    for (const request of this.#queue.all()) if (state === null || request.state === state) request.fail(error)
    for (const request of state === null ? [] : this.#heldFor(state)) request.fail(error)
    if (state !== null) return
    for (const waiter of this.#readyWaiters) waiter.reject(error)
    this.#readyWaiters.clear()
    this.#cancelWake?.()
    this.#cancelWake = null
  }

  /** Checks a request while its caller is still on the stack; afterwards only the server finds fault with it. */
  #admit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): ClientRequest | PenstockError {
    try {
      const closed = state.isClosed ? closedChannelError(state) : this.owner.closedError()
      if (closed !== null) throw closed
      const { signal, deadlineMs } = checkOptions(options)
      if (signal?.aborted === true) throw abortedError(signal)
      const deadlineUs = deadlineMs === undefined ? 0 : this.environment.clock.monotonicUs() + deadlineMs * 1000
      const request = new ClientRequest(state, inputs, options, deadlineUs, this.#onCompleted)
      request.packed = state.signature?.pack(inputs) ?? null
      if (signal !== undefined) request.watchSignal(signal, () => this.#abandon(request, abortedError(signal)))
      if (deadlineUs !== 0) this.#deadlines.add(request)
      return request
    } catch (error) {
      return toPenstockError(error)
    }
  }

  /** @returns false when the request failed instead. */
  #send(connection: Connection, request: ClientRequest, binding: Binding): boolean {
    try {
      const { signature } = binding
      // The pipeline may have got another signature since; then the caller's inputs are read again.
      if (request.packed?.signatureKey !== signature.key) request.packed = signature.pack(request.inputs)
      const { deadlineUs, options } = request
      const leftMs = deadlineUs === 0 ? 0 : Math.ceil((deadlineUs - this.environment.clock.monotonicUs()) / 1000)
      if (deadlineUs !== 0 && leftMs <= 0) {
        throw new PenstockError('ERR_DEADLINE_EXCEEDED', `The request waited ${options.deadlineMs} ms for its turn`)
      }
      connection.send(request, binding, leftMs)
      return true
    } catch (error) {
      request.fail(toPenstockError(error))
      return false
    }
  }

  #hold(request: ClientRequest): void {
    const { state } = request
    const held = this.#held.get(state) ?? new Set()
    this.#held.set(state, held.add(request))
    this.#heldCount++
    this.owner.bind(state)
  }

  #release(request: ClientRequest): void {
    const held = this.#held.get(request.state)
    if (held?.delete(request) !== true) return
    this.#heldCount--
    if (held.size === 0) this.#held.delete(request.state)
  }

  /** A copy: releasing changes the set. */
  #heldFor(state: ChannelState): ClientRequest[] {
    return [...(this.#held.get(state) ?? [])]
  }

  /** Completes a request early. In flight, its slot stays taken until the server's answer; the server gets a Cancel. */
  #abandon(request: ClientRequest, error: PenstockError): void {
    if (request.isCompleted) return
    const connection = this.owner.connectionOf(request)
    request.fail(error)
    connection?.cancel(request)
  }

  #forget(request: ClientRequest): void {
    this.#queue.delete(request)
    if (this.#heldCount > 0) this.#release(request)
    if (request.deadlineUs !== 0) this.#deadlines.delete(request)
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
