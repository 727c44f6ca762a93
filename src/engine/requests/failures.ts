/**
 * The one place where the addon's failures (a status and four numbers) become sentences. bindings/generated/boundary.ts
 * names the numbers by status; every transport and `infer` show the same words.
 */
import {
  CreditExceededDetail,
  DeadlineExceededDetail,
  FrameDetail,
  FrameFault,
  MetaDetail,
  MetaFault,
  QueueFullDetail,
  QueueFullWanted,
  RateLimitedDetail,
  RunFailedDetail,
  ShapeDetail,
  ShapeInput,
  StorageDetail,
  TooManyRowsDetail,
} from '../../../bindings/generated/boundary.js'
import { INFER_MANY_MAX } from '../../base/generated/boundary.js'
import { errorCodeOfNative, errorTable, PenstockError, type ErrorCode } from '../../base/errors.js'
import type { CancelSignal } from '../api/api.js'
import type { FailureContext } from '../deploy/deployment.js'
import { limitError } from './caller-limit.js'
import { faultName } from '../request-log/row-logs.js'

/** As the addon reports it: FailureDetail of bindings/. */
export interface NativeFailure {
  readonly status: number
  readonly details: readonly number[]
  readonly text: string
}

const nowhere: FailureContext = { pipeline: '', inputs: [], splitKeys: [] }

/** Milliseconds that a refusal without its own estimate suggests to wait. */
const RETRY_AFTER_MS = 100

const frameFaults: Readonly<Record<number, string>> = {
  [FrameFault.noMessage]: 'it does not begin with a message',
  [FrameFault.noBody]: 'the message has no body of a known type',
  [FrameFault.infer]: 'a field of its Infer lies outside the frame',
  [FrameFault.inferMany]: `its InferMany has a field outside the frame, fields of different lengths, or not 1..${INFER_MANY_MAX} requests`,
  [FrameFault.meta]: 'its meta is not one value, or one per row, under each key',
}

const hashable = 'a text, a number in [0, 1] or an integer up to 2^53 - 1 but received'
const metaFaults: Readonly<Record<number, string>> = {
  [MetaFault.unusable]: `${hashable} something else`,
  [MetaFault.outOfRange]: `${hashable} another number. Send ids that are larger, or negative, as text`,
  [MetaFault.wrongLength]: 'one value, or one per row, but received another count',
  [MetaFault.missing]: 'a routing key that the split requires but received none',
}

type Sentence = (details: readonly number[], context: FailureContext, text: string) => string

const sentences: Partial<Record<ErrorCode, Sentence>> = {
  ERR_SHAPE: (details, { inputs }) => {
    const input = at(details, ShapeDetail.input)
    const expected = at(details, ShapeDetail.expected)
    const received = at(details, ShapeDetail.received)
    return input === ShapeInput.beyondDimMax
      ? `Expected each dim to be at most ${expected} but received ${received}`
      : `Expected input ${inputs[input]?.name ?? input} to be of ${expected} bytes (or that dim) as its signature says but received ${received}`
  },
  ERR_META: (details, { splitKeys }) => {
    const key = JSON.stringify(splitKeys[at(details, MetaDetail.split)] ?? '')
    const fault = metaFaults[at(details, MetaDetail.fault)] ?? 'usable'
    return `Expected meta[${key}] to be ${fault} (row ${at(details, MetaDetail.row)})`
  },
  ERR_TOO_MANY_ROWS: (details) =>
    `Expected the request to have 1..${at(details, TooManyRowsDetail.limit)} rows but received ${at(details, TooManyRowsDetail.received)}. Split it into smaller requests`,
  ERR_QUEUE_FULL: (details) => {
    const used = at(details, QueueFullDetail.used)
    const limit = at(details, QueueFullDetail.limit)
    const wanted = at(details, QueueFullDetail.wanted)
    if (wanted === QueueFullWanted.rows)
      return `The model's queue is full: ${used} of ${limit} rows wait or run, nothing was run. Try again later`
    return wanted === QueueFullWanted.connectionShare
      ? `The connection's requests hold ${mebibytes(used)} of the ${mebibytes(limit)} that one may take of the memory budget; nothing was run. Read what was answered, then try again`
      : budgetSentence(wanted, used, limit)
  },
  ERR_DEADLINE_EXCEEDED: (details) => {
    const waitUs = at(details, DeadlineExceededDetail.waitUs)
    const budgetUs = at(details, DeadlineExceededDetail.budgetUs)
    return waitUs > 0
      ? `The deadline cannot be met: the queue needs about ${milliseconds(waitUs)} ms and the budget is ${milliseconds(budgetUs)} ms; nothing was run`
      : 'The deadline passed before the answer was ready'
  },
  ERR_CREDIT_EXCEEDED: (details) =>
    `The connection has ${at(details, CreditExceededDetail.inFlight)} requests in flight and its window is ${at(details, CreditExceededDetail.window)}`,
  ERR_FRAME: (details) =>
    `The frame is no well-formed penstock.v1 message: ${frameFaults[at(details, FrameDetail.fault)] ?? 'a field is out of its range'}`,
  ERR_PIPELINE_NOT_DEPLOYED: (_details, { pipeline }) => `Pipeline ${pipeline} is not deployed. Deploy it first`,
  ERR_STORAGE: (details) =>
    `The log of the pipeline could not be written (${faultName(at(details, StorageDetail.fault))})`,
  ERR_RUN_FAILED: (details, _context, text) =>
    at(details, RunFailedDetail.isOurs) === 1 ? text : `ONNX Runtime could not run the request: ${text}`,
}

/** These say something even where all details are 0: ERR_META then means split 0, row 0, unusable. */
const saysAllOfZeros: ReadonlySet<ErrorCode> = new Set([
  'ERR_DEADLINE_EXCEEDED',
  'ERR_META',
  'ERR_PIPELINE_NOT_DEPLOYED',
])

const capacityCodes: ReadonlySet<ErrorCode> = new Set(['ERR_QUEUE_FULL', 'ERR_DRAINING', 'ERR_WORKER_LOST'])

/** A failure of the addon as the error that callers see. */
export function failureOf(failure: NativeFailure, context: FailureContext = nowhere): PenstockError {
  const code = errorCodeOfNative(failure.status)
  const { details, text } = failure
  if (code === 'ERR_RATE_LIMITED')
    return limitError(at(details, RateLimitedDetail.isBusy) === 1, at(details, RateLimitedDetail.retryAfterUs) / 1000)
  // Details of zeros are no facts: the code's own sentence says more.
  const isBare = text === '' && !saysAllOfZeros.has(code) && details.every((detail) => detail === 0)
  const sentence = isBare ? undefined : sentences[code]?.(details, context, text)
  const message = sentence ?? withText(errorTable[code].sentence, text)
  if (code === 'ERR_DEADLINE_EXCEEDED') return withoutStack(() => new PenstockError(code, message))
  if (!capacityCodes.has(code)) return new PenstockError(code, message)
  const estimatedMs = code === 'ERR_QUEUE_FULL' ? at(details, QueueFullDetail.retryAfterMs) : 0
  const retryAfterMs = estimatedMs > 0 ? Math.ceil(estimatedMs) : RETRY_AFTER_MS
  return withoutStack(() => new PenstockError(code, message, { retryAfterMs }))
}

/** Nobody's code is at fault when there is too much to do, and the trace would cost more than all else that a refusal takes. */
function withoutStack(make: () => PenstockError): PenstockError {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/**
 * Says what does not fit the memory budget, in the same words wherever it is charged.
 * @param wantedBytes what the request, with its expected answer, would make the engine hold.
 */
export function budgetSentence(wantedBytes: number, usedBytes: number, limitBytes: number): string {
  return (
    `The memory budget is full: the request would take ${mebibytes(wantedBytes)} with its answer, and ` +
    `${mebibytes(usedBytes)} of ${mebibytes(limitBytes)} are in use; it was not run. Try again later, with fewer rows ` +
    `at a time, or give the server more (--memory-budget)`
  )
}

function mebibytes(bytes: number): string {
  const mib = bytes / 2 ** 20
  return `${mib < 10 ? mib.toFixed(2) : Math.round(mib)} MiB`
}

function at(details: readonly number[], index: number): number {
  return details[index] ?? 0
}

function withText(sentence: string, text: string): string {
  return text === '' ? sentence : `${sentence} ${text}`
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 1 : 0)
}

export function abortedError(signal: CancelSignal): PenstockError {
  return new PenstockError('ERR_ABORTED', 'The caller cancelled the request', { cause: signal.reason })
}
