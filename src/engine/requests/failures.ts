/**
 * The one place where the addon's failures (a status and four numbers) become sentences. native/core/failure.hpp says
 * what the numbers mean; every transport and `infer` show the same words.
 */
import { errorCodeOfNative, errorTable, PenstockError, type ErrorCode } from '../../base/errors.js'
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

/** By FrameFault of native/wire/frame.hpp. */
const frameFaults: Readonly<Record<number, string>> = {
  1: 'it does not begin with a message',
  2: 'the message has no body of a known type',
  3: 'a field of its Infer lies outside the frame',
  4: 'its meta is not one value, or one per row, under each key',
}

/** By MetaFault of native/plan/router.cpp. */
const hashable = 'a text, a number in [0, 1] or an integer up to 2^53 - 1 but received'
const metaFaults: Readonly<Record<number, string>> = {
  0: `${hashable} something else`,
  1: `${hashable} another number. Send ids that are larger, or negative, as text`,
  2: 'one value, or one per row, but received another count',
  3: 'a routing key that the split requires but received none',
}

/** In place of an input of kShape: native/wire/gateway.cpp. */
const BEYOND_DIM_MAX = -2

/** What a failure has beside its first three numbers. */
interface FailureRest {
  readonly d: number
  readonly text: string
}
type Sentence = (a: number, b: number, c: number, context: FailureContext, rest: FailureRest) => string

const sentences: Partial<Record<ErrorCode, Sentence>> = {
  ERR_SHAPE: (index, expected, received, { inputs }) =>
    index === BEYOND_DIM_MAX
      ? `Expected each dim to be at most ${expected} but received ${received}`
      : `Expected input ${inputs[index]?.name ?? index} to be of ${expected} bytes (or that dim) as its signature says but received ${received}`,
  ERR_META: (split, row, fault, { splitKeys }) =>
    `Expected meta[${JSON.stringify(splitKeys[split] ?? '')}] to be ${metaFaults[fault] ?? 'usable'} (row ${row})`,
  ERR_TOO_MANY_ROWS: (limit, received) =>
    `Expected the request to have 1..${limit} rows but received ${received}. Split it into smaller requests`,
  ERR_QUEUE_FULL: (pending, limit, _retryMs, _context, { d: wanted }) =>
    wanted > 0
      ? budgetSentence(wanted, pending, limit)
      : wanted < 0
        ? `The connection's requests hold ${mebibytes(pending)} of the ${mebibytes(limit)} that one may take of the memory budget; nothing was run. Read what was answered, then try again`
        : `The model's queue is full: ${pending} of ${limit} rows wait or run, nothing was run. Try again later`,
  ERR_DEADLINE_EXCEEDED: (waitUs, budgetUs) =>
    waitUs > 0
      ? `The deadline cannot be met: the queue needs about ${milliseconds(waitUs)} ms and the budget is ${milliseconds(budgetUs)} ms; nothing was run`
      : 'The deadline passed before the answer was ready',
  ERR_CREDIT_EXCEEDED: (inFlight, window) =>
    `The connection has ${inFlight} requests in flight and its window is ${window}`,
  ERR_FRAME: (_offset, fault) =>
    `The frame is no well-formed penstock.v1 message: ${frameFaults[fault] ?? 'a field is out of its range'}`,
  ERR_PIPELINE_NOT_DEPLOYED: (_a, _b, _c, { pipeline }) => `Pipeline ${pipeline} is not deployed. Deploy it first`,
  ERR_STORAGE: (fault) => `The log of the pipeline could not be written (${faultName(fault)})`,
  ERR_RUN_FAILED: (isOurs, _b, _c, _context, { text }) =>
    isOurs === 1 ? text : `ONNX Runtime could not run the request: ${text}`,
}

const capacityCodes: ReadonlySet<ErrorCode> = new Set(['ERR_QUEUE_FULL', 'ERR_DRAINING', 'ERR_WORKER_LOST'])

/** A failure of the addon as the error that callers see. */
export function failureOf(failure: NativeFailure, context: FailureContext = nowhere): PenstockError {
  const code = errorCodeOfNative(failure.status)
  const [a = 0, b = 0, c = 0, d = 0] = failure.details
  if (code === 'ERR_RATE_LIMITED') return limitError(a === 1, b / 1000)
  const sentence = sentences[code]?.(a, b, c, context, { d, text: failure.text })
  // A detail of zeros is no fact: the code's own sentence says more. Of ERR_META it is one: split 0, row 0, no number.
  const isBare =
    failure.text === '' &&
    a === 0 &&
    b === 0 &&
    c === 0 &&
    code !== 'ERR_DEADLINE_EXCEEDED' &&
    code !== 'ERR_META' &&
    code !== 'ERR_PIPELINE_NOT_DEPLOYED'
  const message = sentence === undefined || isBare ? withText(errorTable[code].sentence, failure.text) : sentence
  if (code === 'ERR_DEADLINE_EXCEEDED') return withoutStack(() => new PenstockError(code, message))
  if (!capacityCodes.has(code)) return new PenstockError(code, message)
  const retryAfterMs = code === 'ERR_QUEUE_FULL' && c > 0 ? Math.ceil(c) : RETRY_AFTER_MS
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

function withText(sentence: string, text: string): string {
  return text === '' ? sentence : `${sentence} ${text}`
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 1 : 0)
}
