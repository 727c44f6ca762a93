/**
 * TensorProto and SparseTensorProto. The scan keeps views of the data; `read` copies it out, because ONNX data lies at any
 * offset and typed arrays want theirs aligned.
 */
import { ONNX_ITEMS_MAX } from '../base/limits/limits.js'
import type { WireReader } from '../base/protobuf/wire-reader.js'
import { allocateData, dtypeInfo, dtypeOfCode, type NumericData } from '../tensor/dtype.js'
import type { Dtype, NumericDtype, TensorData } from '../tensor/tensor.js'
import { type Budget, guarded, invalid, readDims, readEntry, readInt32, readOnce, readText } from './message.js'
import type { OnnxSparseTensor, OnnxTensorInfo } from './model.js'

/** TensorProto.DataLocation. */
const EXTERNAL = 1
/** Which repeated field carries a dtype that does not come as raw bytes. */
const typedFields: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float64: 10,
  float16: 5,
  bfloat16: 5,
  int8: 5,
  uint8: 5,
  int16: 5,
  uint16: 5,
  int32: 5,
  bool: 5,
  string: 6,
  int64: 7,
  uint32: 11,
  uint64: 11,
}

/** @param reader at the start of a TensorProto; views of its bytes are kept. */
export function readTensor(reader: WireReader, budget: Budget): OnnxTensorInfo {
  const start = reader.position
  const dims: number[] = []
  const externalData = new Map<string, string>()
  let name = ''
  let elementType = 0
  let location = 0
  budget.spend()
  while (reader.next()) {
    if (reader.field === 1) readDims(reader, dims)
    else if (reader.field === 2) elementType = readInt32(reader)
    else if (reader.field === 8) name = readText(reader)
    else if (reader.field === 13) readEntry(reader.message(), budget, externalData)
    else if (reader.field === 14) location = readInt32(reader)
    else reader.skip()
  }
  const dtype = dtypeOfCode(elementType)
  const isExternal = location === EXTERNAL
  return {
    name,
    dtype,
    elementType,
    dims,
    isExternal,
    externalData,
    read(): TensorData {
      if (isExternal) throw invalid(`The data of tensor ${name} lies in another file`)
      if (dtype === undefined) throw invalid(`Tensor ${name} is of data type ${elementType}, which has no carrier`)
      return guarded(() => readData(reader.from(start), name, dtype, dims))
    },
  }
}

export function readSparseTensor(reader: WireReader, budget: Budget): OnnxSparseTensor {
  let values: OnnxTensorInfo | undefined
  let indices: OnnxTensorInfo | undefined
  const dims: number[] = []
  while (reader.next()) {
    if (reader.field === 1) values = readTensor(readOnce(reader, values, 'values of a sparse tensor'), budget)
    else if (reader.field === 2) indices = readTensor(readOnce(reader, indices, 'indices of a sparse tensor'), budget)
    else if (reader.field === 3) readDims(reader, dims)
    else reader.skip()
  }
  if (values === undefined || indices === undefined)
    throw invalid('Expected a sparse tensor to have values and indices but one is missing')
  return { values, indices, dims }
}

function readData(reader: WireReader, name: string, dtype: Dtype, dims: readonly number[]): TensorData {
  const count = dims.reduce((product, dim) => product * dim, 1)
  const typedField = typedFields[dtype]
  const strings: string[] = []
  let raw: Uint8Array | null = null
  const parts: WireReader[] = []
  while (reader.next()) {
    if (reader.field === 9) raw = reader.bytes()
    else if (reader.field === typedField && dtype === 'string') {
      if (strings.length === ONNX_ITEMS_MAX) throw invalid(`Tensor ${name} has more than ${ONNX_ITEMS_MAX} strings`)
      strings.push(readText(reader))
    } else if (reader.field === typedField) parts.push(reader.value())
    else reader.skip()
  }
  if (dtype === 'string') {
    if (strings.length === count) return strings
    throw wrongLength(name, dims, `${strings.length} strings`)
  }
  return raw === null ? typedData(parts, name, dtype, dims, count) : rawData(raw, name, dtype, dims, count)
}

function rawData(
  raw: Uint8Array,
  name: string,
  dtype: NumericDtype,
  dims: readonly number[],
  count: number,
): NumericData {
  if (raw.length !== count * dtypeInfo(dtype).sizeBytes) throw wrongLength(name, dims, `${raw.length} bytes`)
  const data = allocateData(dtype, count)
  // ONNX is little-endian, as are all processors that Node runs the addon on.
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(raw)
  return data
}

function typedData(
  parts: readonly WireReader[],
  name: string,
  dtype: NumericDtype,
  dims: readonly number[],
  count: number,
): NumericData {
  const bytes = parts.reduce((sum, part) => sum + part.remaining, 0)
  // Every element takes a byte at least, so that no dims make this allocate more than the file is long (times 8).
  if (count > bytes) throw wrongLength(name, dims, `${bytes} bytes of values`)
  const data = allocateData(dtype, count)
  let index = 0
  for (const part of parts) {
    while (!part.isAtEnd) {
      if (index === count) throw wrongLength(name, dims, 'more values')
      writeElement(data, dtype, index++, part)
    }
  }
  if (index !== count) throw wrongLength(name, dims, `${index} values`)
  return data
}

function writeElement(data: NumericData, dtype: NumericDtype, index: number, reader: WireReader): void {
  if (dtype === 'float32') data[index] = reader.float()
  else if (dtype === 'float64') data[index] = reader.double()
  else if (data instanceof BigInt64Array) data[index] = reader.int64()
  else if (data instanceof BigUint64Array) data[index] = reader.uint64()
  // Narrower carriers keep the low bits.
  else data[index] = reader.uint32()
}

function wrongLength(name: string, dims: readonly number[], received: string): Error {
  return invalid(`Expected the data of tensor ${name} to fill [${dims.join(', ')}] but received ${received}`)
}
