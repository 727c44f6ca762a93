/**
 * Bytes → `Message`. Verifies first and reads with flatc's accessors afterwards, so that no accessor ever meets an offset
 * that was not checked; then checks what the schema cannot say: lengths that must agree, values that must be one of a few.
 * Throws PenstockError ERR_FRAME and nothing else, whatever the bytes. Vectors of numbers are views of the frame.
 */
import { ByteBuffer } from 'flatbuffers'
import { INFER_MANY_MAX, Priority as PriorityNumber } from '../base/generated/boundary.js'
import { PenstockError } from '../base/errors.js'
import { dtypeOfCode } from '../tensor/dtype.js'
import type { TensorDefault, TensorField } from '../tensor/tensor.js'
import { Authenticate } from './generated/authenticate.js'
import { Body } from './generated/body.js'
import { Cancel } from './generated/cancel.js'
import { Close } from './generated/close.js'
import { Credit } from './generated/credit.js'
import { Failure } from './generated/failure.js'
import type { Field } from './generated/field.js'
import { Goaway } from './generated/goaway.js'
import { Hello } from './generated/hello.js'
import { InferMany } from './generated/infer-many.js'
import { Infer } from './generated/infer.js'
import { Message as WireMessage } from './generated/message.js'
import { Open } from './generated/open.js'
import { Opened } from './generated/opened.js'
import { Results } from './generated/results.js'
import type { InferManyMessage, InferMessage, Message, OpenedMessage, ResultsMessage } from './messages.js'
import { readMetaEntries } from './meta.js'
import { timingOf, type InferTiming } from './timing.js'
import { verifyMessage } from './verify.js'

/** Slot of Results.check_failures: flatc makes no array accessor for 64-bit vectors. A test compares it with the schema. */
export const CHECK_FAILURES_SLOT = 5
export const REQUEST_NUMBERS_SLOT = 10

const noBytes = new Uint8Array(0)

/**
 * Decodes one frame.
 * @param frame lent: the message's vectors of numbers are views of it (of a copy when it does not start at a multiple of
 *   8 of its buffer).
 * @throws PenstockError ERR_FRAME naming the field and the rule that it breaks.
 */
export function decodeMessage(frame: Uint8Array | ArrayBuffer): Message {
  const given = frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame
  verifyMessage(given)
  // Copied when misaligned: typed views of 8-byte elements need it, and only sockets that pool their memory do that.
  const bytes = given.byteOffset % 8 === 0 ? given : given.slice()
  return read(WireMessage.getRootAsMessage(new ByteBuffer(bytes)), bytes)
}

function read(message: WireMessage, bytes: Uint8Array): Message {
  switch (message.bodyType()) {
    case Body.Results:
      return readResults(message.body(new Results()) as Results, bytes)
    case Body.Infer:
      return readInfer(message.body(new Infer()) as Infer)
    case Body.InferMany:
      return readInferMany(message.body(new InferMany()) as InferMany)
    case Body.Open: {
      const body = message.body(new Open()) as Open
      return { kind: 'open', channel: body.channel(), pipeline: body.pipeline() }
    }
    case Body.Authenticate:
      return { kind: 'authenticate', key: (message.body(new Authenticate()) as Authenticate).key() }
    case Body.Cancel: {
      const body = message.body(new Cancel()) as Cancel
      return { kind: 'cancel', channel: body.channel(), request: body.request() }
    }
    case Body.Close:
      return { kind: 'close', channel: (message.body(new Close()) as Close).channel() }
    case Body.Opened:
      return readOpened(message.body(new Opened()) as Opened)
    case Body.Failure:
      return readFailure(message.body(new Failure()) as Failure)
    case Body.Hello: {
      const body = message.body(new Hello()) as Hello
      return {
        kind: 'hello',
        windowRequests: body.windowRequests(),
        server: body.server() ?? '',
        frameBytesMax: body.frameBytesMax(),
        ...(body.inferManyMax() === 0 ? {} : { inferManyMax: body.inferManyMax() }),
      }
    }
    case Body.Credit:
      return { kind: 'credit', windowRequests: (message.body(new Credit()) as Credit).windowRequests() }
    case Body.Goaway: {
      const body = message.body(new Goaway()) as Goaway
      return { kind: 'goaway', reason: body.reason() ?? '', graceMs: body.graceMs() }
    }
    default:
      // The verifier knows the same union; a member that it lets through and this does not read is a bug.
      throw frameError('Message.body_type', 'a known message', message.bodyType())
  }
}

function readInfer(body: Infer): InferMessage {
  const priority = body.priority()
  if (priority > PriorityNumber.background)
    throw frameError('Infer.priority', '0 (interactive) or 1 (background)', priority)
  const metaLength = body.metaLength()
  return {
    kind: 'infer',
    channel: body.channel(),
    request: body.request(),
    rows: body.rows(),
    data: body.dataArray() ?? noBytes,
    dims: body.dimsArray(),
    meta: metaLength === 0 ? null : readMetaEntries(metaLength, (index) => body.meta(index)),
    deadlineMs: body.deadlineMs(),
    priority: priority === PriorityNumber.background ? 'background' : 'interactive',
    texts: readTexts(body.textsLength(), (index) => body.texts(index)),
    ...(body.timing() ? { timing: true } : {}),
    ...(body.requestId() ? { requestId: true } : {}),
  }
}

function readInferMany(body: InferMany): InferManyMessage {
  const requests = body.requestsArray() ?? new Uint32Array(0)
  const rows = body.rowsArray()
  const deadlinesMs = body.deadlinesMsArray()
  const priorities = body.prioritiesArray()
  const requestIds = body.requestIdsArray()
  if (requests.length === 0 || requests.length > INFER_MANY_MAX)
    throw frameError('InferMany.requests', `1..${INFER_MANY_MAX} ids`, requests.length)
  if (rows !== null) expectLength('InferMany.rows', rows.length, requests.length)
  if (deadlinesMs !== null) expectLength('InferMany.deadlines_ms', deadlinesMs.length, requests.length)
  if (priorities !== null) expectLength('InferMany.priorities', priorities.length, requests.length)
  if (requestIds !== null) expectLength('InferMany.request_ids', requestIds.length, requests.length)
  const rowsInAll = rows === null ? requests.length : rows.reduce((sum, count) => sum + count, 0)
  if (rowsInAll > 0xffff_ffff) throw frameError('the sum of InferMany.rows', 'at most 4294967295', rowsInAll)
  return {
    kind: 'infer-many',
    channel: body.channel(),
    requests,
    rows,
    data: body.dataArray() ?? noBytes,
    ...(deadlinesMs === null ? {} : { deadlinesMs }),
    ...(priorities === null ? {} : { priorities }),
    ...(requestIds === null ? {} : { requestIds }),
  }
}

function readResults(body: Results, bytes: Uint8Array): ResultsMessage {
  const requests = body.requestsArray()
  if (requests === null || requests.length === 0) throw frameError('Results.requests', 'at least one id', 0)
  const rows = body.rowsArray()
  const dims = body.dimsArray()
  const checkFailures = readUint64s(body, bytes, CHECK_FAILURES_SLOT, body.checkFailuresLength())
  const requestNumbers = readUint64s(body, bytes, REQUEST_NUMBERS_SLOT, body.requestNumbersLength())
  const traceparents = readTexts(body.traceparentsLength(), (index) => body.traceparents(index))
  const caches = body.cachesArray()
  const routes = body.routesArray()
  const texts = readTexts(body.textsLength(), (index) => body.texts(index))
  if (rows !== null) expectLength('Results.rows', rows.length, requests.length)
  if (requestNumbers !== null) expectLength('Results.request_numbers', requestNumbers.length, requests.length)
  if (traceparents !== null) expectLength('Results.traceparents', traceparents.length, requests.length)
  if (caches !== null) expectLength('Results.caches', caches.length, requests.length)
  if (checkFailures !== null || routes !== null) {
    const rowCount = rows === null ? requests.length : rows.reduce((sum, count) => sum + count, 0)
    if (checkFailures !== null) expectLength('Results.check_failures', checkFailures.length, rowCount)
    if (routes !== null) expectLength('Results.routes', routes.length, rowCount)
  }
  const timing = readTiming(body)
  if ((dims !== null || texts !== null || timing !== null) && requests.length > 1) {
    throw frameError('Results.requests', 'one id in a frame with dims, texts or timing', requests.length)
  }
  return {
    kind: 'results',
    channel: body.channel(),
    requests,
    rows,
    data: body.dataArray() ?? noBytes,
    dims,
    checkFailures,
    routes,
    texts,
    ...(timing === null ? {} : { timing }),
    ...(requestNumbers === null ? {} : { requestNumbers }),
    ...(traceparents === null ? {} : { traceparents }),
    ...(caches === null ? {} : { caches }),
  }
}

function readTiming(body: Results): InferTiming | null {
  const values = body.timingArray()
  return values === null
    ? null
    : timingOf(values, readTexts(body.timingModelsLength(), (index) => body.timingModels(index)) ?? [])
}

function readUint64s(body: Results, bytes: Uint8Array, slot: number, length: number): BigUint64Array | null {
  const { bb } = body
  const offset = bb?.__offset(body.bb_pos, 4 + 2 * slot) ?? 0
  if (bb == null || offset === 0) return null
  return new BigUint64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + bb.__vector(body.bb_pos + offset), length)
}

function readOpened(body: Opened): OpenedMessage {
  const instance = body.instance()
  return {
    kind: 'opened',
    channel: body.channel(),
    pipeline: body.pipeline() ?? '',
    version: body.version(),
    inputs: readFields(body.inputsLength(), (index) => body.inputs(index)),
    outputs: readFields(body.outputsLength(), (index) => body.outputs(index)),
    checks: readTexts(body.checksLength(), (index) => body.checks(index)) ?? [],
    routes: readTexts(body.routesLength(), (index) => body.routes(index)) ?? [],
    isNonBatching: body.isNonBatching(),
    rowsMax: body.rowsMax(),
    ...(instance === null ? {} : { instance }),
    ...(body.inferMany() ? { inferMany: true } : {}),
  }
}

function readFields(count: number, fieldAt: (index: number) => Field | null): TensorField[] {
  return Array.from({ length: count }, (_, index) => {
    const field = fieldAt(index)
    if (field === null) throw frameError('Opened.inputs', 'fields', null)
    const dtype = dtypeOfCode(field.dtype())
    if (dtype === undefined) throw frameError('Field.dtype', 'a code of src/tensor/dtypes.json', field.dtype())
    const shape = Array.from(field.shapeArray() ?? [], (dim) => (dim < 0 ? null : dim))
    const value = field.defaultValue()
    return { name: field.name(), dtype, shape, ...(value === null ? {} : { default: readDefault(value) }) }
  })
}

function readDefault(text: string): TensorDefault {
  try {
    const value = JSON.parse(text) as Partial<TensorDefault> | null
    const isTensor =
      Array.isArray(value?.shape) &&
      value.shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) &&
      Array.isArray(value.data) &&
      value.data.every((element) => typeof element === 'number' || typeof element === 'string') &&
      value.data.length === value.shape.reduce((product, dim) => product * dim, 1)
    if (isTensor) return { shape: value.shape as number[], data: value.data }
  } catch {
    // No JSON: refused as any other text that is no tensor.
  }
  throw frameError('Field.default_value', 'JSON of a shape and as many elements', text.length)
}

function readFailure(body: Failure): Message {
  return {
    kind: 'failure',
    channel: body.channel(),
    request: body.request(),
    code: body.code() ?? '',
    message: body.message() ?? '',
    retryAfterMs: body.retryAfterMs(),
    isChannel: body.isChannel(),
  }
}

/** Absent and empty are one: no text. */
function readTexts(count: number, textAt: (index: number) => string): string[] | null {
  return count === 0 ? null : Array.from({ length: count }, (_, index) => textAt(index))
}

function expectLength(subject: string, length: number, expected: number): void {
  if (length !== expected) throw frameError(`the length of ${subject}`, `${expected}`, length)
}

function frameError(subject: string, rule: string, received: number | null): PenstockError {
  return new PenstockError('ERR_FRAME', `Expected ${subject} to be ${rule} but received ${received}`)
}
