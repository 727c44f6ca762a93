/**
 * The protocol's public API: what clients and transports import. Bytes ↔ `Message`, and the two conversions between
 * messages and what the rest of the house speaks: errors and results.
 */
import { CacheUse } from '../base/generated/boundary.js'
import { errorTable, PenstockError, type ErrorCode } from '../base/errors.js'
import type { Tensor, TensorField } from '../tensor/tensor.js'
import type { FailureMessage, ResultsMessage } from './messages.js'
import { TensorLayout } from './tensor-layout.js'
import type { InferTiming } from './timing.js'

export { decodeMessage } from './decode.js'
export { encodeMessage } from './encode.js'
export { Body } from './generated/body.js'
export * from './messages.js'
export { decodeMetaBlock, encodeMetaBlock, type Meta, type MetaValue } from './meta.js'
export { InferEncoder, type InferFrameOptions } from './infer-encoder.js'
export { InferManyEncoder } from './infer-many-encoder.js'
export { splitMany } from './split-many.js'
export { TensorLayout } from './tensor-layout.js'
export { timingOf, type InferTiming, type StepTiming } from './timing.js'
export { verifyMessage } from './verify.js'

/** A check that failed, and the rows (0-based) of the request on which it did. */
export interface CheckFailure {
  readonly check: string
  readonly rows: readonly number[]
}

/** What of a pipeline's description its results need on the wire. */
export interface ResultSignature {
  readonly outputs: readonly TensorField[]
  readonly isNonBatching: boolean
  readonly checks: readonly string[]
  readonly routes: readonly string[]
}

export interface ResultValues {
  readonly rows: number
  /** By output name. */
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly checkFailures: readonly CheckFailure[]
  /** A name of the signature's routes by row; null when the pipeline does not split. */
  readonly route: readonly string[] | null
  /** Present when the request asked for it. */
  readonly timing?: InferTiming | null | undefined
  /** The last part of its id in the log; of a request that asked. */
  readonly requestNumber?: bigint | undefined
  /** What the prediction cache did for it; absent where the pipeline has none. */
  readonly cache?: 'hit' | 'miss' | undefined
  /** The request's own, where it had a valid one. */
  readonly traceparent?: string | undefined
}

/** The answer to a request, for servers that answer from JavaScript (string tensors). */
export function resultMessage(
  channel: number,
  request: number,
  signature: ResultSignature,
  result: ResultValues,
): ResultsMessage {
  const tensors = signature.outputs.map(({ name }) => result.outputs[name])
  // The engine made both; a gap between them is a bug.
  if (tensors.includes(undefined))
    throw new Error(`The result lacks an output of ${signature.outputs.map(({ name }) => name).join(', ')}`)
  const { data, dims, texts } = new TensorLayout(signature.outputs, signature.isNonBatching).pack(tensors as Tensor[])
  const { rows, checkFailures, route } = result
  return {
    kind: 'results',
    channel,
    requests: [request],
    rows: [rows],
    data: concatenate(data),
    dims,
    checkFailures: checkFailures.length === 0 ? null : failureMasks(checkFailures, signature.checks, rows),
    routes: route === null ? null : route.map((name) => indexOfName(signature.routes, name)),
    texts,
    ...(result.timing == null ? {} : { timing: result.timing }),
    ...(result.requestNumber === undefined ? {} : { requestNumbers: [result.requestNumber] }),
    ...(result.cache === undefined ? {} : { caches: [CacheUse[result.cache]] }),
    ...(result.traceparent === undefined ? {} : { traceparents: [result.traceparent] }),
  }
}

/** One mask per row: bit c is set when checks[c] failed on it. */
export function failureMasks(
  failures: readonly CheckFailure[],
  checks: readonly string[],
  rows: number,
): BigUint64Array {
  const masks = new BigUint64Array(rows)
  for (const failure of failures) {
    const bit = 1n << BigInt(indexOfName(checks, failure.check))
    for (const row of failure.rows) masks[row] = (masks[row] ?? 0n) | bit
  }
  return masks
}

/** The reverse: failed checks with their rows, in the order of `checks`. `start`: where the request's masks begin. */
export function failuresOfMasks(
  masks: ArrayLike<bigint>,
  checks: readonly string[],
  start: number,
  rows: number,
): CheckFailure[] {
  const rowsByCheck = new Map<number, number[]>()
  for (let row = 0; row < rows; row++) {
    for (let mask = masks[start + row] ?? 0n, check = 0; mask !== 0n; mask >>= 1n, check++) {
      if ((mask & 1n) === 0n) continue
      const failed = rowsByCheck.get(check)
      if (failed === undefined) rowsByCheck.set(check, [row])
      else failed.push(row)
    }
  }
  return [...rowsByCheck]
    .sort(([a], [b]) => a - b)
    .map(([check, failed]) => ({ check: checks[check] ?? `check ${check}`, rows: failed }))
}

/** @param isChannel the channel itself failed: Open was refused. `request` is then 0. */
export function failureMessage(
  channel: number,
  request: number,
  error: PenstockError,
  isChannel = false,
): FailureMessage {
  const { code, message, retryAfterMs = 0 } = error
  return {
    kind: 'failure',
    channel,
    request,
    code,
    message,
    retryAfterMs: Math.min(Math.ceil(retryAfterMs), 0xffff_ffff),
    isChannel,
  }
}

/** The error that a Failure carries. A code that this side does not know (a newer server's) becomes ERR_INTERNAL; its name stays in the text. */
export function errorOfFailure({ code, message, retryAfterMs }: FailureMessage): PenstockError {
  const isKnown = Object.hasOwn(errorTable, code)
  const text = isKnown ? message : `${code}: ${message}`
  return new PenstockError(
    isKnown ? (code as ErrorCode) : 'ERR_INTERNAL',
    text,
    retryAfterMs > 0 ? { retryAfterMs } : {},
  )
}

/** Both sides come from the same plan: a name that is missing is a bug, not input. */
function indexOfName(names: readonly string[], name: string): number {
  const index = names.indexOf(name)
  if (index < 0) throw new Error(`${name} is not one of ${names.join(', ')}`)
  return index
}

function concatenate(parts: readonly ArrayBufferView[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at)
    at += part.byteLength
  }
  return bytes
}
