/**
 * The messages of penstock.v1 as JavaScript sees them: one variant of `Message` per member of penstock.fbs's
 * union; `kind` distinguishes them. docs/reference/wire-protocol.md explains the order in which they may come.
 *
 * Decoded `data`, `requests`, `rows`, `dims`, `checkFailures` and `routes` are views of the frame, whose owner
 * lends them. Everything else is a copy.
 */
import type { TensorField } from '../tensor/tensor.js'
import type { Meta } from './meta.js'
import type { InferTiming } from './timing.js'

export const SUBPROTOCOL = 'penstock.v1'
/** A subprotocol that carries the API key, because browsers cannot set headers: `penstock.key.<key>`. */
export const KEY_SUBPROTOCOL_PREFIX = 'penstock.key.'
/** Offered beside `penstock.v1`: the API key comes in the connection's first message, where no proxy logs it. */
export const AUTHENTICATE_SUBPROTOCOL = 'penstock.auth'
export const STREAM_PATH = '/v1/stream'

/** On the wire 0 and 1. */
export type Priority = 'interactive' | 'background'

/** Client → server, the first message of a connection that offered AUTHENTICATE_SUBPROTOCOL, and of no other. */
export interface AuthenticateMessage {
  readonly kind: 'authenticate'
  readonly key: string
}

/** Client → server: gives `pipeline` a channel number, chosen by the client, unique on the connection. */
export interface OpenMessage {
  readonly kind: 'open'
  readonly channel: number
  readonly pipeline: string
}

export interface InferMessage {
  readonly kind: 'infer'
  readonly channel: number
  readonly request: number
  readonly rows: number
  /** The numeric inputs in signature order, each row-major little endian, without padding. */
  readonly data: Uint8Array
  /** Free dims beyond the row axis, in order over all inputs; null when the signature has none. */
  readonly dims: ArrayLike<number> | null
  readonly meta: Meta | null
  /** Milliseconds from arrival; 0: none. */
  readonly deadlineMs: number
  readonly priority: Priority
  /** Elements of string inputs in signature order; null when there are none. */
  readonly texts: readonly string[] | null
  /** The answer shall report where its time went; absent: no. */
  readonly timing?: boolean
  /** The answer shall have its number in the log; absent: no. */
  readonly requestId?: boolean
}

/** Client → server: requests of one channel that are sent together. Absent vectors: each request has the usual value. */
export interface InferManyMessage {
  readonly kind: 'infer-many'
  readonly channel: number
  readonly requests: ArrayLike<number>
  /** One for each request; null: 1. */
  readonly rows: ArrayLike<number> | null
  /** Input after input in signature order: of each the rows of all requests, one behind the other. */
  readonly data: Uint8Array
  /** Milliseconds from arrival, 0: none. */
  readonly deadlinesMs?: ArrayLike<number>
  /** 0 interactive, 1 background. */
  readonly priorities?: ArrayLike<number>
  /** 1: the answer shall have its number in the log. */
  readonly requestIds?: ArrayLike<number>
}

export interface CancelMessage {
  readonly kind: 'cancel'
  readonly channel: number
  readonly request: number
}

export interface CloseMessage {
  readonly kind: 'close'
  readonly channel: number
}

/** Server → client: the channel is open; this is its signature. */
export interface OpenedMessage {
  readonly kind: 'opened'
  readonly channel: number
  readonly pipeline: string
  readonly version: number
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly TensorField[]
  /** Bit c of `ResultsMessage.checkFailures` is checks[c]. */
  readonly checks: readonly string[]
  /** `ResultsMessage.routes` are indices into it; empty when no step splits. */
  readonly routes: readonly string[]
  /** True: tensors carry no row axis. */
  readonly isNonBatching: boolean
  readonly rowsMax: number
  /** Names the server's process; the first part of ids in its log. Older servers send none. */
  readonly instance?: string
  /** Its requests may share frames, as many as `HelloMessage.inferManyMax`; absent: each has its own. */
  readonly inferMany?: boolean
}

/** Results of one channel that finished together: result i has id requests[i] and rows[i] rows (rows null: 1 each). */
export interface ResultsMessage {
  readonly kind: 'results'
  readonly channel: number
  readonly requests: ArrayLike<number>
  readonly rows: ArrayLike<number> | null
  /** Result after result, each: numeric outputs in signature order, row-major, without padding. */
  readonly data: Uint8Array
  /** Free output dims; only in frames with a single result. */
  readonly dims: ArrayLike<number> | null
  /** One mask per row over all results; null: none failed. */
  readonly checkFailures: ArrayLike<bigint> | null
  /** One per row over all results; null: the pipeline does not split. */
  readonly routes: ArrayLike<number> | null
  /** Elements of string outputs; only in frames with a single result. */
  readonly texts: readonly string[] | null
  /** Present when the request asked for it; only in frames with a single result. */
  readonly timing?: InferTiming
  /** One per result, 0: it did not ask; the last part of its id in the log. Absent: none asked. */
  readonly requestNumbers?: ArrayLike<bigint>
  /** One per result, '': it has none that is valid. Absent: none has. */
  readonly traceparents?: readonly string[]
  /** One per result, a CacheUse. Absent: the pipeline has no prediction cache. */
  readonly caches?: ArrayLike<number>
}

export interface FailureMessage {
  readonly kind: 'failure'
  readonly channel: number
  /** 0 when the channel itself failed. */
  readonly request: number
  /** A code of errors.json; a newer server may send one that this side does not know. */
  readonly code: string
  readonly message: string
  /** Milliseconds; 0: not said. */
  readonly retryAfterMs: number
  /** True: Open was refused. */
  readonly isChannel: boolean
}

/** The first message of a connection. */
export interface HelloMessage {
  readonly kind: 'hello'
  /** Requests that may be unanswered at once, over all channels. */
  readonly windowRequests: number
  /** Name and version of the server. */
  readonly server: string
  readonly frameBytesMax: number
  /** Requests of one InferMany at most; absent or 0: an older server, which takes none. */
  readonly inferManyMax?: number
}

export interface CreditMessage {
  readonly kind: 'credit'
  readonly windowRequests: number
}

export interface GoawayMessage {
  readonly kind: 'goaway'
  readonly reason: string
  /** Milliseconds until the server closes the connection. */
  readonly graceMs: number
}

export type Message =
  | AuthenticateMessage
  | OpenMessage
  | InferMessage
  | InferManyMessage
  | CancelMessage
  | CloseMessage
  | OpenedMessage
  | ResultsMessage
  | FailureMessage
  | HelloMessage
  | CreditMessage
  | GoawayMessage
