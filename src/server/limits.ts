/** What one server holds and takes at most: the options, their defaults, and the check of their ranges. */
import { expectInteger } from '../base/expect.js'
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  FRAME_BYTES_MAX,
  IDLE_TIMEOUT_S,
  SOCKET_BUFFER_BYTES_MAX,
  SOCKETS_BUFFER_BYTES_MAX,
  WINDOW_REQUESTS,
} from '../base/limits/limits.js'

export interface ServerLimits {
  /** Bytes of an infer body. */
  readonly bodyBytesMax: number
  /** Bytes of a WebSocket frame. */
  readonly frameBytesMax: number
  /** Bytes waiting in one WebSocket; at most a quarter of the engine's memory budget. */
  readonly socketBufferBytesMax: number
  /** Bytes waiting in all sockets together, at most half of the budget; beyond it the one that holds the most is cut off. */
  readonly socketsBufferBytesMax: number
  /** Requests in flight per WebSocket. */
  readonly windowRequests: number
  /** WebSockets. */
  readonly connectionsMax: number
  /** Seconds without a sign of life of a WebSocket or gRPC connection, or without a call of the latter: 8..960. */
  readonly idleTimeoutS: number
}

const limitDefaults: ServerLimits = {
  bodyBytesMax: BODY_BYTES_MAX,
  frameBytesMax: FRAME_BYTES_MAX,
  socketBufferBytesMax: SOCKET_BUFFER_BYTES_MAX,
  socketsBufferBytesMax: SOCKETS_BUFFER_BYTES_MAX,
  windowRequests: WINDOW_REQUESTS,
  connectionsMax: CONNECTIONS_MAX,
  idleTimeoutS: IDLE_TIMEOUT_S,
}

/** @throws PenstockError ERR_ARGUMENT naming the limit. */
export function expectLimits(given: Partial<ServerLimits>): ServerLimits {
  const limits = { ...limitDefaults, ...given }
  expectInteger('limits.bodyBytesMax', limits.bodyBytesMax, 1, 2 ** 31 - 1)
  expectInteger('limits.frameBytesMax', limits.frameBytesMax, 1024, 2 ** 30)
  expectInteger('limits.socketBufferBytesMax', limits.socketBufferBytesMax, 1024, 2 ** 31 - 1)
  expectInteger('limits.socketsBufferBytesMax', limits.socketsBufferBytesMax, 1024, Number.MAX_SAFE_INTEGER)
  expectInteger('limits.windowRequests', limits.windowRequests, 1, 65_536)
  expectInteger('limits.connectionsMax', limits.connectionsMax, 1, CONNECTIONS_MAX)
  expectInteger('limits.idleTimeoutS', limits.idleTimeoutS, 8, 960)
  return limits
}
