/**
 * Models of several files: which data files a model names, and the model with their bytes inside. Files come from the
 * caller by name; nothing is opened here. Offsets and lengths are checked against the file, and names may only lead into
 * the model's own folder.
 */
import { WireReader } from '../../base/protobuf/wire-reader.js'
import { dtypeInfo, dtypeOfCode } from '../../tensor/dtype.js'
import { editOnnx, fieldHead, withoutFields, type Pieces } from '../edit.js'
import { Budget, guarded, invalid } from '../message.js'
import type { OnnxModel, OnnxTensorInfo } from '../model.js'
import { readTensor } from '../tensors.js'
import { tensorsOf } from '../walk.js'

/** Fields of TensorProto. */
const RAW_DATA = 9
const EXTERNAL_DATA = 13
const DATA_LOCATION = 14

/** Bits of an element whose dtype Penstock does not carry in tensors: a weight may have it all the same. */
const elementBits: Readonly<Record<number, number>> = {
  14: 64,
  15: 128,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
  24: 8,
  25: 2,
  26: 2,
}

/** The first tensor of each data file that the model refers to, by the file's name as the model writes it. */
export function externalFiles(model: OnnxModel): Map<string, string> {
  const files = new Map<string, string>()
  for (const { name, isExternal, externalData } of tensorsOf(model)) {
    const location = externalData.get('location') ?? ''
    if (isExternal && !files.has(location)) files.set(location, name)
  }
  return files
}

/**
 * The path of a data file relative to the model's folder.
 * @throws PenstockError ERR_MODEL_INVALID when it is absolute or leads out of that folder.
 */
export function dataFilePath(location: string): string {
  const parts = location.split(/[\\/]+/).filter((part) => part !== '.' && part !== '')
  const isInside = !/^([\\/]|[A-Za-z]:)/.test(location) && !parts.includes('..') && !location.includes('\0')
  if (isInside && parts.length > 0 && !parts.some((part) => part.includes('*'))) return parts.join('/')
  throw invalid(
    `Expected the data file of a model to lie in the model's own folder but the model names ${JSON.stringify(location.slice(0, 200))}. Save it as one file: \`onnx.save(onnx.load(path), path, save_as_external_data=False)\``,
  )
}

/**
 * Writes the data of every external tensor into the model.
 * @param files by the paths of `dataFilePath`; lent until it returns.
 * @returns the new bytes, the caller's.
 * @throws PenstockError ERR_MODEL_INVALID for a file that is missing or too short, and a model of more than MODEL_BYTES_MAX.
 */
export function mergeExternalData(bytes: Uint8Array, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return guarded(() =>
    editOnnx(bytes, {
      visit: (kind, field, message) => (isTensorField(kind, field) ? mergedTensor(message, files) : undefined),
    }),
  )
}

function isTensorField(kind: string, field: number): boolean {
  return (
    (kind === 'graph' && field === 5) || (kind === 'attribute' && (field === 5 || field === 10)) || kind === 'sparse'
  )
}

function mergedTensor(message: Uint8Array, files: ReadonlyMap<string, Uint8Array>): [Pieces] | undefined {
  const buffer = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const tensor = readTensor(new WireReader(buffer), new Budget())
  if (!tensor.isExternal) return undefined
  const data = dataOf(tensor, files)
  const kept = withoutFields(message, [RAW_DATA, EXTERNAL_DATA, DATA_LOCATION])
  return [[...kept, fieldHead(RAW_DATA, data.length), data]]
}

function dataOf(tensor: OnnxTensorInfo, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const path = dataFilePath(tensor.externalData.get('location') ?? '')
  const file = files.get(path)
  if (file === undefined) throw invalid(`The data of tensor ${tensor.name} lie in ${path}, which was not sent`)
  const expected = dataBytes(tensor)
  const offset = numberOf(tensor, 'offset') ?? 0
  const length = numberOf(tensor, 'length') ?? expected
  if (length !== expected)
    throw invalid(
      `Expected the data of tensor ${tensor.name} to have ${expected} bytes, as its type and shape say, but its entry says ${length}`,
    )
  // Subtract, never add: the sum could pass 2^53.
  if (offset > file.length || length > file.length - offset)
    throw invalid(
      `Expected ${path} to have the bytes ${offset}..${offset + length} of tensor ${tensor.name} but it ends at ${file.length}`,
    )
  return file.subarray(offset, offset + length)
}

function dataBytes({ name, elementType, dims }: OnnxTensorInfo): number {
  const dtype = dtypeOfCode(elementType)
  const bits = dtype === undefined ? elementBits[elementType] : dtypeInfo(dtype).sizeBytes * 8
  if (bits === undefined || bits === 0)
    throw invalid(`Tensor ${name} is of data type ${elementType}, whose data cannot lie in another file`)
  return Math.ceil((dims.reduce((product, dim) => product * dim, 1) * bits) / 8)
}

function numberOf({ name, externalData }: OnnxTensorInfo, key: string): number | undefined {
  const text = externalData.get(key)
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalid(`Expected the ${key} of tensor ${name} to be a whole number of bytes but received ${text.slice(0, 40)}`)
}
