/** ValueInfoProto and TypeProto: what inputs, outputs and values inside a graph are. */
import { VARINT, type WireReader } from '../base/protobuf/wire-reader.js'
import { dtypeOfCode } from '../tensor/dtype.js'
import { type Budget, expectDepth, expectDim, readInt32, readOnce, readText } from './message.js'
import type { OnnxType, OnnxValueInfo } from './model.js'

/** The fields of TypeProto's choice. */
const TENSOR = 1
const SEQUENCE = 4
const MAP = 5
const DENOTATION = 6
const OPAQUE = 7
const SPARSE = 8
const OPTIONAL = 9

export function readValueInfo(reader: WireReader, budget: Budget): OnnxValueInfo {
  let name = ''
  let type: OnnxType | undefined
  budget.spend()
  while (reader.next()) {
    if (reader.field === 1) name = readText(reader)
    else if (reader.field === 2) type = readType(readOnce(reader, type, `type of ${name}`), budget, 0)
    else reader.skip()
  }
  return { name, type }
}

function readType(reader: WireReader, budget: Budget, depth: number): OnnxType | undefined {
  expectDepth(depth)
  budget.spend()
  let denotation = ''
  let choice: ((denotation: string) => OnnxType) | undefined
  while (reader.next()) {
    if (reader.field === DENOTATION) denotation = readText(reader)
    else if (isChoice(reader.field)) {
      const { field } = reader
      choice = readChoice(field, readOnce(reader, choice, 'kind of a type'), budget, depth)
    } else reader.skip()
  }
  return choice?.(denotation)
}

const isChoice = (field: number): boolean =>
  field === TENSOR || field === SPARSE || field === SEQUENCE || field === OPTIONAL || field === MAP || field === OPAQUE

function readChoice(
  field: number,
  reader: WireReader,
  budget: Budget,
  depth: number,
): (denotation: string) => OnnxType {
  if (field === TENSOR || field === SPARSE) {
    const { elementType, dims } = readTensorType(reader, budget)
    const kind = field === TENSOR ? 'tensor' : 'sparse'
    return (denotation) => ({ kind, dtype: dtypeOfCode(elementType), elementType, dims, denotation })
  }
  if (field === MAP) {
    const { key, value } = readMapType(reader, budget, depth)
    return (denotation) => ({ kind: 'map', key: dtypeOfCode(key), value, denotation })
  }
  if (field === OPAQUE) return (denotation) => ({ kind: 'opaque', denotation })
  let element: OnnxType | undefined
  while (reader.next()) {
    if (reader.field === 1) element = readType(readOnce(reader, element, 'element type'), budget, depth + 1)
    else reader.skip()
  }
  const kind = field === SEQUENCE ? 'sequence' : 'optional'
  return (denotation) => ({ kind, element, denotation })
}

function readTensorType(
  reader: WireReader,
  budget: Budget,
): { elementType: number; dims: (number | string | null)[] | null } {
  let elementType = 0
  let dims: (number | string | null)[] | undefined
  while (reader.next()) {
    if (reader.field === 1) elementType = readInt32(reader)
    else if (reader.field === 2) dims = readShape(readOnce(reader, dims, 'shape of a type'), budget)
    else reader.skip()
  }
  return { elementType, dims: dims ?? null }
}

function readShape(reader: WireReader, budget: Budget): (number | string | null)[] {
  const dims: (number | string | null)[] = []
  while (reader.next()) {
    if (reader.field === 1) {
      budget.spend()
      dims.push(readDim(reader.message()))
    } else reader.skip()
  }
  return dims
}

/** A size, or the name of a free dim; some exporters write -1 for one. */
function readDim(reader: WireReader): number | string | null {
  let dim: number | string | null = null
  while (reader.next()) {
    if (reader.field === 1) {
      reader.expect(VARINT)
      const size = reader.int64()
      expectDim(size, 'a value')
      dim = size < 0n ? null : Number(size)
    } else if (reader.field === 2) {
      const name = readText(reader)
      dim = name === '' ? null : name
    } else reader.skip()
  }
  return dim
}

function readMapType(reader: WireReader, budget: Budget, depth: number): { key: number; value: OnnxType | undefined } {
  let key = 0
  let value: OnnxType | undefined
  while (reader.next()) {
    if (reader.field === 1) key = readInt32(reader)
    else if (reader.field === 2) value = readType(readOnce(reader, value, 'value type of a map'), budget, depth + 1)
    else reader.skip()
  }
  return { key, value }
}
