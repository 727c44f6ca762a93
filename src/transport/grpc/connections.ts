/**
 * The connections of a gRPC server: calls are given to their methods, idle and deaf peers are let go, and everybody is asked
 * to leave when the server stops.
 */
import type { Socket } from 'node:net'
import { systemClock } from '../../base/clock.js'
import { HTTP2_FAREWELL_MS, HTTP2_LOOK_MS } from '../../base/limits/http2-limits.js'
import { Http2Connection } from '../http2/connection.js'
import type { Http2Stream, StreamReceiver } from '../http2/stream.js'
import { SlowReaders } from '../socket/slow-readers.js'
import { StreamCall, type CallLimits } from './call.js'
import { readHead, type GrpcHead } from './head.js'
import type { Method } from './service.js'
import { STATUS, escapeDetails } from './status.js'
import { packings } from './unpack.js'

export interface GrpcConnectionsOptions extends CallLimits {
  readonly methods: readonly Method[]
  /** Seconds after which a connection is let go that has no call, or gives no sign of life. */
  readonly idleTimeoutS: number
}

/** Milliseconds for the last answers to be written. */
const farewellMs = 500

export class GrpcConnections {
  readonly #options: GrpcConnectionsOptions
  readonly #methods: ReadonlyMap<string, Method>
  readonly #connections = new Set<Http2Connection<GrpcHead>>()
  readonly #readers = new SlowReaders()
  #timer: NodeJS.Timeout | null = null
  #isStopped = false
  #onEmpty: (() => void) | null = null

  constructor(options: GrpcConnectionsOptions) {
    this.#options = options
    this.#methods = new Map(options.methods.map((method) => [method.path, method]))
  }

  /** Takes a connection over. */
  accept(socket: Socket): void {
    if (this.#isStopped) return void socket.destroy()
    const peer = socket.remoteAddress ?? ''
    const connection: Http2Connection<GrpcHead> = new Http2Connection<GrpcHead>({
      socket,
      readers: this.#readers,
      clock: systemClock,
      readHead: (fields) => readHead(fields, this.#methods),
      onStream: (stream, head) => this.#open(stream, head, peer),
      onClosed: () => this.#forget(connection),
    })
    this.#connections.add(connection)
    this.#timer ??= setInterval(() => this.#look(), HTTP2_LOOK_MS).unref()
  }

  /** Calls under way go on. Idempotent. */
  stop(): void {
    this.#isStopped = true
    for (const connection of this.#connections) connection.leave()
  }

  /** Ends every call that is not over by itself in a moment. Idempotent. */
  async close(): Promise<void> {
    this.stop()
    if (this.#connections.size === 0) return
    const force = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy()
    }, farewellMs)
    await new Promise<void>((resolve) => (this.#onEmpty = resolve))
    clearTimeout(force)
  }

  #open(stream: Http2Stream, head: GrpcHead | null, peer: string): StreamReceiver {
    if (head !== null && head.method !== undefined && head.refusalStatus === 0 && packings.includes(head.encoding))
      return new StreamCall(stream, head, head.method, this.#options, peer)
    stream.sendHeaders({ common: [], others: refusalOf(head) }, true)
    return nobody
  }

  #look(): void {
    const nowMs = systemClock.monotonicUs() / 1000
    const idleMs = this.#options.idleTimeoutS * 1000
    for (const connection of [...this.#connections]) {
      const { leavingMs, pingedMs, heardMs, usedMs, streamCount } = connection
      if (leavingMs !== null && nowMs - leavingMs > HTTP2_FAREWELL_MS) {
        connection.goAway()
        if (streamCount === 0 && nowMs - leavingMs > 2 * HTTP2_FAREWELL_MS) connection.destroy()
      } else if (leavingMs === null && streamCount === 0 && nowMs - usedMs >= idleMs) connection.leave()
      if (pingedMs === null && nowMs - heardMs >= idleMs / 2) connection.ping(nowMs)
      else if (pingedMs !== null && nowMs - pingedMs >= idleMs / 2) connection.destroy()
    }
  }

  #forget(connection: Http2Connection<GrpcHead>): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#onEmpty?.()
  }
}

const nobody: StreamReceiver = { onData: () => undefined, onEnd: () => undefined, onClosed: () => undefined }

function refusalOf(head: GrpcHead | null): [string, string][] {
  if (head === null) return [[':status', '431']]
  if (head.refusalStatus !== 0) return [[':status', String(head.refusalStatus)]]
  const details =
    head.method === undefined
      ? `The server does not implement the method ${head.path.slice(0, 200)}`
      : `Expected grpc-encoding to be one of ${packings.join(', ')} but received '${head.encoding.slice(0, 100)}'`
  return [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-accept-encoding', packings.join(',')],
    ['grpc-status', String(STATUS.UNIMPLEMENTED)],
    ['grpc-message', escapeDetails(details)],
  ]
}
