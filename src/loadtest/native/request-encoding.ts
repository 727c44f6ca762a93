/**
 * One request in the form that each transport sends: a JSON body, an Infer message, an Open Inference Protocol body with
 * or without binary tensors. The generator sends these bytes as they are; of an Infer message it fills in the channel
 * and the request number.
 */
import { Builder } from 'flatbuffers'
import { PenstockError } from '../../base/errors.js'
import { InferEncoder, TensorLayout, type Meta } from '../../protocol/codec.js'
import { Body } from '../../protocol/generated/body.js'
import { Infer } from '../../protocol/generated/infer.js'
import { Message } from '../../protocol/generated/message.js'
import type { Priority } from '../../protocol/codec.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { writeNested } from '../../tensor/print.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import type { LoadTarget } from './load-plan.js'
import type { EncodedBody } from './request-bodies.js'

type WebSocketTransport = LoadTarget['transport']

export interface RequestContent {
  /** The signature's inputs; a free dim is null. */
  readonly fields: readonly TensorField[]
  /** One per field, of its dtype; 16-bit floats as bit patterns. */
  readonly tensors: readonly Tensor[]
  /** Tensors have no row axis. */
  readonly isNonBatching?: boolean
  readonly meta?: Meta
  readonly deadlineMs?: number
  readonly priority?: Priority
  /** OIP: outputs that are asked for; all when absent. */
  readonly outputs?: readonly string[]
}

/** Stands where the generator writes its own numbers; not zero, or FlatBuffers would leave the field out. */
const PLACEHOLDER = 0xffff_ffff

/** What a request of `transport` says its body is; null for WebSocket, which has no such thing. */
export function contentTypeOf(transport: WebSocketTransport): string | null {
  switch (transport) {
    case 'websocket':
      return null
    case 'http-binary':
      return 'application/x-penstock'
    case 'oip-binary':
      return 'application/octet-stream'
    case 'http-json':
    case 'oip-json':
      return 'application/json'
  }
}

/** @throws PenstockError ERR_ARGUMENT when the transport cannot carry the content. */
export function encodeRequest(transport: WebSocketTransport, content: RequestContent): EncodedBody {
  switch (transport) {
    case 'websocket':
    case 'http-binary':
      return { bytes: encodeInfer(content), headBytes: 0 }
    case 'http-json':
      return { bytes: Buffer.from(jsonBody(content)), headBytes: 0 }
    case 'oip-json':
      return { bytes: Buffer.from(oipJsonBody(content)), headBytes: 0 }
    case 'oip-binary':
      return oipBinaryBody(content)
  }
}

function encodeInfer(content: RequestContent): Uint8Array {
  const { fields, tensors, isNonBatching = false, meta, deadlineMs, priority } = content
  const { data, dims, texts } = new TensorLayout(fields, isNonBatching).pack(tensors)
  const rows = isNonBatching ? 1 : (tensors[0]?.shape[0] ?? 1)
  const isPlain =
    dims === null && texts === null && meta === undefined && deadlineMs === undefined && priority === undefined
  if (isPlain) return encodePlainInfer(rows, data)
  // encode() lends its memory.
  return new InferEncoder(PLACEHOLDER)
    .encode(PLACEHOLDER, rows, data, { dims, texts, meta, deadlineMs, priority })
    .slice()
}

/** Without the room that InferEncoder keeps for optional fields: the shortest frame that carries the rows. */
function encodePlainInfer(rows: number, data: readonly ArrayBufferView[]): Uint8Array {
  const bytes = concatenate(data)
  const builder = new Builder(bytes.length + 128)
  const vector = Infer.createDataVector(builder, bytes)
  Infer.startInfer(builder)
  Infer.addData(builder, vector)
  Infer.addRows(builder, rows)
  Infer.addRequest(builder, PLACEHOLDER)
  Infer.addChannel(builder, PLACEHOLDER)
  const infer = Infer.endInfer(builder)
  builder.finish(Message.createMessage(builder, Body.Infer, infer))
  return builder.asUint8Array()
}

function jsonBody(content: RequestContent): string {
  const { meta, deadlineMs, priority } = content
  const inputs = `{${namedTensors(content)
    .map(({ name }, index) => `${JSON.stringify(name)}:${writeNested(tensorAt(content, index))}`)
    .join(',')}}`
  if (meta === undefined && deadlineMs === undefined && priority === undefined) return inputs
  const rest = JSON.stringify({ meta, deadlineMs, priority })
  return `{"inputs":${inputs},${rest.slice(1)}`
}

function oipJsonBody(content: RequestContent): string {
  const inputs = namedTensors(content).map(({ name, dtype }, index) => {
    if (dtype === 'float16' || dtype === 'bfloat16')
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected ${name} to travel as oip-binary: OIP has no JSON form of ${dtype}`,
      )
    const tensor = tensorAt(content, index)
    const head = JSON.stringify({ name, shape: tensor.shape, datatype: dtypeInfo(dtype).oip })
    return `${head.slice(0, -1)},"data":${writeNested(tensor)}}`
  })
  return `{"inputs":[${inputs.join(',')}]${requestedOutputs(content, false)}}`
}

/** The JSON head, then the tensors in its order without padding. Outputs are asked for in binary as well. */
function oipBinaryBody(content: RequestContent): EncodedBody {
  const data = content.tensors.map((tensor) => tensorBytes(tensor))
  const inputs = namedTensors(content).map(({ name, dtype }, index) => {
    const tensor = tensorAt(content, index)
    const parameters = { binary_data_size: data[index]?.length }
    return { name, shape: tensor.shape, datatype: dtypeInfo(dtype).oip, parameters }
  })
  const head = Buffer.from(`{"inputs":${JSON.stringify(inputs)}${requestedOutputs(content, true)}}`)
  return { bytes: concatenate([head, ...data]), headBytes: head.length }
}

function requestedOutputs({ outputs }: RequestContent, isBinary: boolean): string {
  if (outputs !== undefined) {
    const list = outputs.map((name) => ({ name, ...(isBinary ? { parameters: { binary_data: true } } : {}) }))
    return `,"outputs":${JSON.stringify(list)}`
  }
  return isBinary ? ',"parameters":{"binary_data_output":true}' : ''
}

function namedTensors({ fields, tensors }: RequestContent): readonly TensorField[] {
  if (fields.length !== tensors.length)
    throw new PenstockError('ERR_ARGUMENT', `Expected ${fields.length} tensors but received ${tensors.length}`)
  return fields
}

function tensorAt({ tensors }: RequestContent, index: number): Tensor {
  return tensors[index] as Tensor
}

function tensorBytes({ dtype, data }: Tensor): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (dtype !== 'string') throw new PenstockError('ERR_ARGUMENT', `Expected data of ${dtype} to be a typed array`)
  // BYTES: each element with its length in front.
  return concatenate(data.flatMap((text) => [Uint32Array.of(Buffer.byteLength(text)), Buffer.from(text)]))
}

function concatenate(parts: readonly ArrayBufferView[]): Uint8Array {
  return Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
}
