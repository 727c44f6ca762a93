/** What is asked of a pipeline and what it answers. Types only. */
import type { Meta } from '../../protocol/meta-value.js'
import type { InferTiming } from '../../protocol/timing.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'

export type { Meta, MetaValue } from '../../protocol/meta-value.js'

export type Priority = 'interactive' | 'background'

/** What a request listens to for its caller's change of mind: an AbortSignal, or something lighter with its members. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What a request says beside its tensors: one value, from the reader of the connection to the call that runs it. */
export interface RequestOptions {
  /** Routing keys, an id of the caller's own (`x-request-id`), a W3C trace context (`traceparent`, `tracestate`). */
  readonly meta?: Meta | undefined
  /** Budget from now, ms, 1..DEADLINE_MS_MAX; absent: none. */
  readonly deadlineMs?: number | undefined
  readonly priority?: Priority | undefined
  readonly signal?: CancelSignal | undefined
  /** true: metadata.timing reports where the time went. */
  readonly timing?: boolean | undefined
  /** true: the result waits for the models beside the answering one, challengers among them, and has what they gave. */
  readonly withOthers?: boolean | undefined
}

export interface InferRequest extends RequestOptions {
  /** By input name. A bare typed array or nested numbers are taken with the dtype of the signature. */
  readonly inputs: Readonly<Record<string, Tensor | InputData>>
}

export type TypedArray = NumericData
export type NestedNumbers = readonly (number | bigint | boolean | string | NestedNumbers)[]
export type InputData = TypedArray | NestedNumbers

export interface CheckFailure {
  readonly check: string
  /** Rows (0-based) of the request on which it failed. */
  readonly rows: readonly number[]
}

export interface InferMetadata {
  readonly pipeline: string
  readonly pipelineVersion: number
  readonly requestId: string
  /** Nanoseconds: [admission to first run, one per step that runs models]. */
  readonly elapsedNs: readonly number[]
  /** Model that answered, by row, of the last split; null when the pipeline does not split. */
  readonly route: readonly string[] | null
  /** `hit`: the answer came from the prediction cache, no model ran. Absent where the pipeline has none. */
  readonly cache?: 'hit' | 'miss'
  /** The W3C trace context of the request, from its meta; absent when it had no valid one. */
  readonly traceparent?: string
  /** How many tokens the texts were, padding not counted, and how many rows lost an end; absent: no step made tokens of them. */
  readonly texts?: { readonly tokens: number; readonly cutRows: number }
  /** Absent unless `timing` was asked for. */
  readonly timing?: InferTiming
}

export interface InferResult {
  readonly rows: number
  /** By output name; when several models answer, those after the first are named `<model>.<output>`. */
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly checkFailures: readonly CheckFailure[]
  readonly metadata: InferMetadata
  /** With `withOthers`: outputs by model and name; null when its rows were shed or its run failed. */
  readonly others?: Readonly<Record<string, Readonly<Record<string, Tensor>> | null>>
}
