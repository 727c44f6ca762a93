/**
 * `Message` → bytes, with flatbuffers' Builder: for the control path, where a frame a second is many. The hot messages
 * have their own writers: Infer infer-encoder.ts (used here too), Results native/. Frames are fresh memory, owned by the
 * caller.
 */
import { Builder, type Offset } from 'flatbuffers'
import { dtypeInfo } from '../tensor/dtype.js'
import type { TensorField } from '../tensor/tensor.js'
import { Authenticate } from './generated/authenticate.js'
import { Body } from './generated/body.js'
import { Cancel } from './generated/cancel.js'
import { Close } from './generated/close.js'
import { Credit } from './generated/credit.js'
import { Failure } from './generated/failure.js'
import { Field } from './generated/field.js'
import { Goaway } from './generated/goaway.js'
import { Hello } from './generated/hello.js'
import { InferMany } from './generated/infer-many.js'
import { Message as WireMessage } from './generated/message.js'
import { Open } from './generated/open.js'
import { Opened } from './generated/opened.js'
import { Results } from './generated/results.js'
import { timingValues } from './timing.js'
import { InferEncoder } from './infer-encoder.js'
import type {
  FailureMessage,
  InferManyMessage,
  InferMessage,
  Message,
  OpenedMessage,
  ResultsMessage,
} from './messages.js'

/**
 * Encodes one message; numbers must fit their fields (unsigned 32 bits unless the schema says otherwise).
 * @returns the frame: fresh memory, owned by the caller.
 */
export function encodeMessage(message: Message): Uint8Array {
  if (message.kind === 'infer') return encodeInfer(message)
  const builder = new Builder(256)
  const [type, body] = encodeBody(builder, message)
  builder.finish(WireMessage.createMessage(builder, type, body))
  return builder.asUint8Array()
}

function encodeInfer(message: InferMessage): Uint8Array {
  const { channel, request, rows, data, meta, deadlineMs, priority, texts, timing, requestId } = message
  const dims = message.dims === null ? null : Array.from(message.dims)
  return new InferEncoder(channel).encode(request, rows, [data], {
    dims,
    meta,
    deadlineMs,
    priority,
    texts,
    timing,
    requestId,
  })
}

function encodeBody(builder: Builder, message: Exclude<Message, InferMessage>): [Body, Offset] {
  switch (message.kind) {
    case 'authenticate':
      return [Body.Authenticate, Authenticate.createAuthenticate(builder, builder.createString(message.key))]
    case 'open':
      return [Body.Open, Open.createOpen(builder, message.channel, builder.createString(message.pipeline))]
    case 'infer-many':
      return [Body.InferMany, encodeInferMany(builder, message)]
    case 'cancel':
      return [Body.Cancel, Cancel.createCancel(builder, message.channel, message.request)]
    case 'close':
      return [Body.Close, Close.createClose(builder, message.channel)]
    case 'opened':
      return [Body.Opened, encodeOpened(builder, message)]
    case 'results':
      return [Body.Results, encodeResults(builder, message)]
    case 'failure':
      return [Body.Failure, encodeFailure(builder, message)]
    case 'hello': {
      const server = builder.createString(message.server)
      return [
        Body.Hello,
        Hello.createHello(builder, message.windowRequests, server, message.frameBytesMax, message.inferManyMax ?? 0),
      ]
    }
    case 'credit':
      return [Body.Credit, Credit.createCredit(builder, message.windowRequests)]
    case 'goaway':
      return [Body.Goaway, Goaway.createGoaway(builder, builder.createString(message.reason), message.graceMs)]
  }
}

/** What clients send in numbers is written by infer-many-encoder.ts. */
function encodeInferMany(builder: Builder, message: InferManyMessage): Offset {
  const { channel, rows, deadlinesMs, priorities, requestIds } = message
  const requestsOffset = InferMany.createRequestsVector(builder, Array.from(message.requests))
  const rowsOffset = rows === null ? 0 : InferMany.createRowsVector(builder, Array.from(rows))
  const dataOffset = builder.createByteVector(message.data)
  const deadlines = deadlinesMs === undefined ? 0 : InferMany.createDeadlinesMsVector(builder, Array.from(deadlinesMs))
  const prioritiesOffset =
    priorities === undefined ? 0 : InferMany.createPrioritiesVector(builder, Array.from(priorities))
  const ids = requestIds === undefined ? 0 : InferMany.createRequestIdsVector(builder, Array.from(requestIds))
  return InferMany.createInferMany(
    builder,
    channel,
    requestsOffset,
    rowsOffset,
    dataOffset,
    deadlines,
    prioritiesOffset,
    ids,
  )
}

function encodeOpened(builder: Builder, message: OpenedMessage): Offset {
  const inputs = Opened.createInputsVector(builder, encodeFields(builder, message.inputs))
  const outputs = Opened.createOutputsVector(builder, encodeFields(builder, message.outputs))
  const checks = Opened.createChecksVector(builder, encodeTexts(builder, message.checks))
  const routes = Opened.createRoutesVector(builder, encodeTexts(builder, message.routes))
  const { channel, version, isNonBatching, rowsMax } = message
  const pipeline = builder.createString(message.pipeline)
  const instance = message.instance === undefined ? 0 : builder.createString(message.instance)
  return Opened.createOpened(
    builder,
    channel,
    pipeline,
    version,
    inputs,
    outputs,
    checks,
    routes,
    isNonBatching,
    rowsMax,
    instance,
    message.inferMany === true,
  )
}

function encodeFields(builder: Builder, fields: readonly TensorField[]): Offset[] {
  return fields.map(({ name, dtype, shape, default: value }) => {
    const nameOffset = builder.createString(name)
    const shapeOffset = Field.createShapeVector(
      builder,
      shape.map((dim) => dim ?? -1),
    )
    const defaultOffset = value === undefined ? 0 : builder.createString(JSON.stringify(value))
    return Field.createField(builder, nameOffset, dtypeInfo(dtype).code, shapeOffset, defaultOffset)
  })
}

/** Vectors that may be absent go in as offset 0, which is how flatbuffers leaves a field out. */
function encodeResults(builder: Builder, message: ResultsMessage): Offset {
  const { rows, dims, checkFailures, routes, texts } = message
  const requestsOffset = Results.createRequestsVector(builder, Array.from(message.requests))
  const rowsOffset = rows === null ? 0 : Results.createRowsVector(builder, Array.from(rows))
  const dataOffset = builder.createByteVector(message.data)
  const dimsOffset = dims === null ? 0 : Results.createDimsVector(builder, Array.from(dims))
  const failuresOffset =
    checkFailures === null ? 0 : Results.createCheckFailuresVector(builder, Array.from(checkFailures))
  const routesOffset = routes === null ? 0 : Results.createRoutesVector(builder, Array.from(routes))
  const textsOffset = texts === null ? 0 : Results.createTextsVector(builder, encodeTexts(builder, texts))
  const timing = message.timing === undefined ? null : timingValues(message.timing)
  const timingOffset = timing === null ? 0 : Results.createTimingVector(builder, timing.values)
  const modelsOffset =
    timing === null ? 0 : Results.createTimingModelsVector(builder, encodeTexts(builder, timing.models))
  const { channel, requestNumbers, traceparents, caches } = message
  const numbersOffset =
    requestNumbers === undefined ? 0 : Results.createRequestNumbersVector(builder, Array.from(requestNumbers))
  const traceparentsOffset =
    traceparents === undefined ? 0 : Results.createTraceparentsVector(builder, encodeTexts(builder, traceparents))
  const cachesOffset = caches === undefined ? 0 : Results.createCachesVector(builder, Array.from(caches))
  return Results.createResults(
    builder,
    channel,
    requestsOffset,
    rowsOffset,
    dataOffset,
    dimsOffset,
    failuresOffset,
    routesOffset,
    textsOffset,
    timingOffset,
    modelsOffset,
    numbersOffset,
    traceparentsOffset,
    cachesOffset,
  )
}

function encodeFailure(builder: Builder, message: FailureMessage): Offset {
  const code = builder.createString(message.code)
  const text = builder.createString(message.message)
  return Failure.createFailure(
    builder,
    message.channel,
    message.request,
    code,
    text,
    message.retryAfterMs,
    message.isChannel,
  )
}

function encodeTexts(builder: Builder, texts: readonly string[]): Offset[] {
  return texts.map((text) => builder.createString(text))
}
