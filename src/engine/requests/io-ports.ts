/**
 * The requests of all I/O threads, their WebSocket connections as one WebSocketPort: each thread has a port of its own, on which it admits
 * frames and writes results without this isolate. Here arrives what the threads leave: a connection's id says which
 * thread it is of.
 *
 *     id = connection of its thread · threads + thread
 */
import { addon } from '../../../bindings/native.js'
import type { PortHandle } from '../../../bindings/native.js'
import type { PenstockError } from '../../base/errors.js'
import type { PipelineDescription } from '../api/api.js'
import { NativeCallerLimit, type CallerLimit, type CallerLimitOptions } from './caller-limit.js'
import type { JsonTarget } from './json-port.js'
import { NativePort } from './native-port.js'
import { RecentRefusals } from './recent-refusals.js'
import {
  EngineWebSocketPort,
  type SocketPlace,
  type WebSocketHooks,
  type WebSocketPort,
  type WebSocketPortDependencies,
} from './websocket-port.js'

export interface IoPortsDependencies extends Omit<WebSocketPortDependencies, 'port'> {
  readonly runtime: number
  /** Requests in flight that all threads together may have. */
  readonly requestsMax: number
}

/** Takes what I/O threads leave of HTTP requests that they have admitted. */
export interface IoJsonHooks {
  /** It failed. @returns the reply. */
  onFailure(route: number, error: PenstockError): IoReply
}

export interface IoReply {
  readonly status: number
  /** Whole lines with their ends, but for those that say where the body ends. */
  readonly headers: string
  readonly body: Uint8Array
}

interface ThreadPort {
  readonly native: NativePort
  readonly frames: EngineWebSocketPort
}

const nothing: IoReply = { status: 500, headers: '', body: new Uint8Array(0) }

export class IoPorts implements WebSocketPort {
  readonly #dependencies: IoPortsDependencies
  #threads: readonly ThreadPort[] = []
  #jsonHooks: IoJsonHooks | null = null
  #last: EngineWebSocketPort | null = null

  constructor(dependencies: IoPortsDependencies) {
    this.#dependencies = dependencies
  }

  get instance(): string {
    return this.#dependencies.instance
  }

  /**
   * Makes a port a thread, in place of those of a server that is closed.
   * @param threads 1 or more.
   * @returns what each thread is given, in order.
   */
  open(threads: number): readonly PortHandle[] {
    this.close()
    const { runtime, requestsMax, ...dependencies } = this.#dependencies
    this.#threads = Array.from({ length: threads }, () => {
      const native = new NativePort(runtime, Math.max(1, Math.floor(requestsMax / threads)), true)
      const refusals = new RecentRefusals(native.handle)
      native.registerJson({
        inFlight: 0,
        renewOutbox: () => undefined,
        answer: () => undefined,
        answerLarge: () => undefined,
        fail: (exchange, failure, route) => {
          const reply = this.#jsonHooks?.onFailure(route, refusals.errorOfFailure(failure, null)) ?? nothing
          addon.replyLater(native.handle, exchange, reply.status, reply.headers, reply.body)
        },
      })
      return { native, frames: new EngineWebSocketPort({ ...dependencies, port: native }) }
    })
    return this.#threads.map(({ native }) => native.handle)
  }

  setJsonHooks(hooks: IoJsonHooks): void {
    this.#jsonHooks = hooks
  }

  /**
   * Lets the thread take requests with this head by itself, for a moment: JavaScript has judged one of them.
   * @param target of `JsonPort.find`. @param route what its answers are counted under: 0 to 7.
   */
  keepHead(thread: number, key: string, target: JsonTarget, limit: CallerLimit | null, route: number): void {
    const port = this.#threads[thread]?.native
    if (port === undefined || target.current === null) return
    const { handle: limitHandle = null } = (limit as NativeCallerLimit | null) ?? {}
    addon.keepHead(port.handle, key, target.handle, target.current.plan, limitHandle, route)
  }

  /** HTTP requests that the threads have answered with 200, by the route of `keepHead`. */
  answeredCount(route: number): number {
    return this.#threads.reduce((sum, { native }) => sum + addon.answeredRequests(native.handle, route), 0)
  }

  /** Idempotent. */
  close(): void {
    for (const { native } of this.#threads) native.close()
    this.#threads = []
  }

  get inFlight(): number {
    return this.#threads.reduce((sum, { native }) => sum + native.inFlight, 0)
  }

  get connectionCount(): number {
    return this.#threads.reduce((sum, { frames }) => sum + frames.connectionCount, 0)
  }

  setHooks(hooks: WebSocketHooks): void {
    this.#threads.forEach(({ frames }, thread) =>
      frames.setHooks({
        onSend: (id, bytes, isHeld) => hooks.onSend(this.#idOf(thread, id), bytes, isHeld),
        onDrained: () => hooks.onDrained?.(),
        onHeld: (id, bufferedBytes, readyBytes) => hooks.onHeld?.(this.#idOf(thread, id), bufferedBytes, readyBytes),
        onWebSocketFailure: (id, channel, wireId, error) =>
          hooks.onWebSocketFailure(this.#idOf(thread, id), channel, wireId, error),
      }),
    )
  }

  /** @param place is there: these connections have their sockets in threads. */
  openConnection(windowRequests: number, place?: SocketPlace): number {
    const thread = place?.thread ?? 0
    const id = this.#of(thread).openConnection(windowRequests, place)
    return id < 0 ? id : this.#idOf(thread, id)
  }

  handled(place: SocketPlace): void {
    this.#threads[place.thread]?.frames.handled(place)
  }

  keepRefusal(connectionId: number, frame: Uint8Array, channelAt: number, requestAt: number): void {
    this.#portOf(connectionId).keepRefusal(this.#localOf(connectionId), frame, channelAt, requestAt)
  }

  closeConnection(connectionId: number): void {
    // The ports may be closed before their sockets.
    if (this.#threads.length > 0) this.#portOf(connectionId).closeConnection(this.#localOf(connectionId))
  }

  openChannel(connectionId: number, channel: number, pipeline: string): PipelineDescription {
    return this.#portOf(connectionId).openChannel(this.#localOf(connectionId), channel, pipeline)
  }

  closeChannel(connectionId: number, channel: number): void {
    this.#portOf(connectionId).closeChannel(this.#localOf(connectionId), channel)
  }

  makeLimit(options: CallerLimitOptions): CallerLimit {
    return new NativeCallerLimit(options)
  }

  setLimit(connectionId: number, limit: CallerLimit): void {
    this.#portOf(connectionId).setLimit(this.#localOf(connectionId), limit)
  }

  /** The threads see to it. */
  setCongested(): void {
    // Nothing.
  }

  /** The threads see to it. */
  acknowledge(): void {
    // Nothing.
  }

  readyBytes(connectionId: number): number {
    return this.#portOf(connectionId).readyBytes(this.#localOf(connectionId))
  }

  receive(connectionId: number, frame: ArrayBuffer): number {
    this.#last = this.#portOf(connectionId)
    return this.#last.receive(this.#localOf(connectionId), frame)
  }

  get lastRefusal(): PenstockError {
    return (this.#last ?? this.#of(0)).lastRefusal
  }

  cancel(connectionId: number, channel: number, wireId: number): boolean {
    return this.#portOf(connectionId).cancel(this.#localOf(connectionId), channel, wireId)
  }

  expectCurrent(connectionId: number, channel: number): void {
    this.#portOf(connectionId).expectCurrent(this.#localOf(connectionId), channel)
  }

  #idOf(thread: number, id: number): number {
    return id * this.#threads.length + thread
  }

  #localOf(connectionId: number): number {
    return Math.floor(connectionId / this.#threads.length)
  }

  #portOf(connectionId: number): EngineWebSocketPort {
    return this.#of(connectionId % this.#threads.length)
  }

  #of(thread: number): EngineWebSocketPort {
    const port = this.#threads[thread]
    if (port === undefined) throw new Error(`Expected I/O thread ${thread} to be one of ${this.#threads.length}`)
    return port.frames
  }
}
