/**
 * Writes small ONNX models for tests, so that what a test is about stands in the test: its nodes, fields and weights.
 * Numbers in attributes are floats when given as `{ float }` or Float32Array; a number is an `int`, an array `ints`.
 */
import { ProtoWriter } from '../../base/protobuf/wire-writer.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import type { Dtype, TensorData } from '../../tensor/tensor.js'

export interface BuiltModel extends BuiltGraph {
  readonly irVersion?: number
  readonly opset?: number
  /** Versions of other domains. */
  readonly domains?: Readonly<Record<string, number>>
  readonly producer?: string
  readonly functions?: readonly BuiltFunction[]
}

export interface BuiltGraph {
  readonly nodes: readonly BuiltNode[]
  readonly inputs?: readonly BuiltValue[]
  readonly outputs: readonly BuiltValue[]
  readonly initializers?: readonly BuiltTensor[]
  readonly sparseInitializers?: readonly {
    readonly values: BuiltTensor
    readonly indices: BuiltTensor
    dims: number[]
  }[]
}

export interface BuiltFunction {
  readonly name: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly BuiltNode[]
}

export interface BuiltNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, BuiltAttribute>>
}

export type BuiltAttribute =
  | number
  | string
  | { readonly float: number }
  | { readonly tensor: BuiltTensor }
  | {
      readonly sparse: { readonly values: BuiltTensor; readonly indices: BuiltTensor; readonly dims: readonly number[] }
    }
  | { readonly graph: BuiltGraph }
  | Float32Array
  | readonly number[]
  | readonly string[]

/** A tensor; or, with a type's bytes, whatever `sequenceOfMaps` and `sequenceOf` make. */
export type BuiltValue =
  | readonly [name: string, dtype: Dtype | number, dims: readonly (number | string | null)[] | null]
  | readonly [name: string, type: Uint8Array]

export interface BuiltTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly dims: readonly number[]
  /** Absent with `external`. */
  readonly data?: TensorData
  readonly external?: Readonly<Record<string, string>>
}

/** The bytes of an .onnx file. */
export function buildModel(model: BuiltModel): Uint8Array {
  const { irVersion = 8, opset = 17, domains = {}, producer = 'a test', functions = [] } = model
  const writer = new ProtoWriter().unsigned(1, irVersion).text(2, producer)
  writer.message(7, (graph) => writeGraph(graph, model))
  for (const [domain, version] of Object.entries({ '': opset, ...domains }))
    writer.message(8, (entry) => entry.text(1, domain).unsigned(2, version))
  for (const made of functions) writer.message(25, (message) => writeFunction(message, made, opset))
  return writer.bytes.slice()
}

/** seq(map(key, float32)), as ZipMap gives. */
export function sequenceOfMaps(key: 'int64' | 'string'): Uint8Array {
  const value = tensorType('float32', [])
  const map = new ProtoWriter().message(5, (type) => type.unsigned(1, dtypeInfo(key).code).data(2, value)).bytes
  return sequenceOf(map)
}

/** A sequence of the type that `element` encodes. */
export function sequenceOf(element: Uint8Array): Uint8Array {
  return new ProtoWriter().message(4, (sequence) => sequence.data(1, element)).bytes.slice()
}

export function tensorType(dtype: Dtype | number, dims: readonly (number | string | null)[] | null): Uint8Array {
  const code = typeof dtype === 'number' ? dtype : dtypeInfo(dtype).code
  return new ProtoWriter()
    .message(1, (tensor) => {
      tensor.unsigned(1, code)
      if (dims !== null)
        tensor.message(2, (shape) => dims.forEach((dim) => shape.message(1, (one) => writeDim(one, dim))))
    })
    .bytes.slice()
}

function writeDim(message: ProtoWriter, dim: number | string | null): void {
  if (typeof dim === 'number') message.unsigned(1, dim)
  else if (dim !== null) message.text(2, dim)
}

function writeGraph(message: ProtoWriter, graph: BuiltGraph): void {
  for (const node of graph.nodes) message.message(1, (child) => writeNode(child, node))
  message.text(2, 'g')
  for (const tensor of graph.initializers ?? []) message.message(5, (child) => writeTensor(child, tensor))
  for (const value of graph.inputs ?? []) message.message(11, (child) => writeValue(child, value))
  for (const value of graph.outputs) message.message(12, (child) => writeValue(child, value))
  for (const sparse of graph.sparseInitializers ?? []) message.message(15, (child) => writeSparse(child, sparse))
}

function writeFunction(message: ProtoWriter, made: BuiltFunction, opset: number): void {
  message.text(1, made.name)
  for (const name of made.inputs) message.text(4, name)
  for (const name of made.outputs) message.text(5, name)
  for (const node of made.nodes) message.message(7, (child) => writeNode(child, node))
  message.message(9, (entry) => entry.text(1, '').unsigned(2, opset)).text(10, made.domain)
}

function writeNode(message: ProtoWriter, { op, inputs, outputs, domain, attributes = {} }: BuiltNode): void {
  for (const name of inputs) message.text(1, name)
  for (const name of outputs) message.text(2, name)
  message.text(4, op)
  for (const [name, value] of Object.entries(attributes))
    message.message(5, (child) => writeAttribute(child.text(1, name), value))
  if (domain !== undefined) message.text(7, domain)
}

function writeAttribute(message: ProtoWriter, value: BuiltAttribute): void {
  if (typeof value === 'number') message.integer(3, BigInt(value)).unsigned(20, 2)
  else if (typeof value === 'string') message.text(4, value).unsigned(20, 3)
  else if (value instanceof Float32Array) message.data(7, value).unsigned(20, 6)
  else if (Array.isArray(value)) writeList(message, value as readonly number[] | readonly string[])
  else if ('float' in value) message.float(2, value.float).unsigned(20, 1)
  else if ('tensor' in value) message.message(5, (child) => writeTensor(child, value.tensor)).unsigned(20, 4)
  else if ('sparse' in value) message.message(22, (child) => writeSparse(child, value.sparse)).unsigned(20, 11)
  else if ('graph' in value) message.message(6, (child) => writeGraph(child, value.graph)).unsigned(20, 5)
}

function writeList(message: ProtoWriter, values: readonly number[] | readonly string[]): void {
  if (typeof values[0] === 'string') {
    for (const text of values as readonly string[]) message.text(9, text)
    message.unsigned(20, 8)
  } else message.data(8, packedInt64(values as readonly number[])).unsigned(20, 7)
}

function writeTensor(message: ProtoWriter, { name, dtype, dims, data, external }: BuiltTensor): void {
  if (dims.length > 0) message.packedUnsigned(1, dims)
  message.unsigned(2, dtypeInfo(dtype).code).text(8, name)
  if (external !== undefined) {
    for (const [key, value] of Object.entries(external))
      message.message(13, (entry) => entry.text(1, key).text(2, value))
    message.unsigned(14, 1)
  } else if (dtype === 'string') for (const text of data as readonly string[]) message.text(6, text)
  else message.data(9, data as ArrayBufferView)
}

function writeSparse(
  message: ProtoWriter,
  { values, indices, dims }: { values: BuiltTensor; indices: BuiltTensor; dims: readonly number[] },
): void {
  message.message(1, (child) => writeTensor(child, values)).message(2, (child) => writeTensor(child, indices))
  message.packedUnsigned(3, dims)
}

function writeValue(message: ProtoWriter, value: BuiltValue): void {
  const type = value.length === 2 ? value[1] : tensorType(value[1], value[2])
  message.text(1, value[0]).data(2, type)
}

/** Packs int64 values of either sign as varints. */
function packedInt64(values: readonly number[]): Uint8Array {
  const bytes: number[] = []
  for (const value of values) {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
    bytes.push(Number(rest))
  }
  return Uint8Array.from(bytes)
}
