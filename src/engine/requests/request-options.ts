/**
 * The options of a request as the runtime takes them: checked once, here, and one value from then on. The executors hand
 * it down as it is, as far as the call of the addon.
 */
import { Priority as PriorityNumber, type PriorityCode } from '../../base/generated/boundary.js'
import { expectBoolean, expectOneOf } from '../../base/expect.js'
import { encodeMetaBlock } from '../../protocol/meta.js'
import { traceparentOf } from '../../protocol/trace-context.js'
import type { CancelSignal, InferMetadata, RequestOptions } from '../api/api.js'

/** What the answer's metadata repeat of the request. */
export type AnswerLabels = Pick<InferMetadata, 'requestId' | 'traceparent'>

/** What answers and the log call a request. */
export interface RequestId {
  readonly number: number
  readonly text: string
}

export interface AdmittedOptions {
  /** What the log calls the request. */
  readonly number: number
  readonly labels: AnswerLabels
  /** A MetaBlock; null: no key. */
  readonly meta: Uint8Array | null
  /** Budget from now; 0: none. */
  readonly deadlineMs: number
  /** 0 interactive, 1 background. */
  readonly priority: PriorityCode
  readonly hasTiming: boolean
  readonly hasAuditedOutputs: boolean
  readonly signal: CancelSignal | undefined
}

/** A request that says nothing beside its tensors. */
export const noOptions: RequestOptions = {}

/**
 * @param options the transport that read their deadline has checked it, for protocols count it in different units.
 * @throws PenstockError ERR_ARGUMENT, ERR_META.
 */
export function admitOptions(options: RequestOptions, rows: number, id: RequestId): AdmittedOptions {
  const { meta, deadlineMs = 0, priority, timing, withOthers, signal } = options
  const traceparent = traceparentOf(meta)
  const isInteractive =
    priority === undefined || expectOneOf('priority', priority, ['interactive', 'background']) === 'interactive'
  return {
    number: id.number,
    labels: traceparent === undefined ? { requestId: id.text } : { requestId: id.text, traceparent },
    meta: meta === undefined ? null : encodeMetaBlock(meta, rows),
    deadlineMs,
    priority: isInteractive ? PriorityNumber.interactive : PriorityNumber.background,
    hasTiming: timing !== undefined && expectBoolean('timing', timing),
    hasAuditedOutputs: withOthers !== undefined && expectBoolean('withOthers', withOthers),
    signal,
  }
}
