/**
 * The `data` of a tensor in JSON, flat or nested in any way, straight from the text into typed memory: only the number of
 * elements counts, the shape is said beside it. 64-bit integers are exact; 16-bit floats have no form in JSON here, as in
 * Triton. `null` is a missing value: NaN in a float, the empty string in a text; integers and bools have none.
 */
import { PenstockError } from '../../../../base/errors.js'
import { JSON_DEPTH_MAX } from '../../../../base/limits/limits.js'
import { allocateData, type NumericData } from '../../../../tensor/dtype.js'
import type { Dtype } from '../../../../tensor/tensor.js'
import type { JsonReader } from '../../../../formats/json/json-reader.js'
import { badRequest, badShape } from '../failures.js'

/** What an element is stored in, and how many have been. */
interface Target {
  readonly name: string
  readonly dtype: Dtype
  readonly count: number
  readonly values: NumericData | string[]
  length: number
}

/**
 * Reads the value that is next.
 * @param count of elements, by the shape: it was checked against the limit, and memory is reserved for no more.
 * @param bytesMax of the text that is left: a shape is a claim, and each element needs two characters.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE, ERR_VALUE_RANGE, ERR_BODY.
 */
export function readJsonData(reader: JsonReader, name: string, dtype: Dtype, count: number): Uint8Array | string[] {
  if (dtype === 'float16' || dtype === 'bfloat16')
    throw badRequest(
      `receiving ${dtype === 'float16' ? 'FP16' : 'BF16'} data via JSON is not supported. Please use the binary data format for input ${name}`,
    )
  // An element is a digit and a comma at least.
  if (count > (reader.bytes.length - reader.position) / 2 + 1) throw wrongCount(name, count, 'fewer')
  const target: Target = {
    name,
    dtype,
    count,
    values: dtype === 'string' ? [] : allocateData(dtype, count),
    length: 0,
  }
  readLevel(reader, target, 0)
  if (target.length !== count) throw wrongCount(name, count, String(target.length))
  const { values } = target
  if (Array.isArray(values)) return values
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** Whether null is next, or what begins like it. */
export const isAtNull = (reader: JsonReader): boolean => reader.peek() === lowerN
const lowerN = 'n'.charCodeAt(0)

function readLevel(reader: JsonReader, target: Target, depth: number): void {
  if (!reader.isAtArray) {
    if (depth === 0)
      throw badRequest(`Unable to parse 'data' for input '${target.name}': attempt to access JSON non-array as array`)
    return readElement(reader, target)
  }
  if (depth > JSON_DEPTH_MAX) throw badRequest(`'data' for input '${target.name}' is nested too deeply`)
  if (!reader.enterArray()) return
  do readLevel(reader, target, depth + 1)
  while (reader.hasMore())
}

function readElement(reader: JsonReader, target: Target): void {
  const { dtype, values, count, name } = target
  if (target.length === count) throw wrongCount(name, count, 'more')
  const index = target.length++
  if (Array.isArray(values)) {
    if (reader.isAtString) values.push(reader.readString())
    else {
      readMissing(reader, target, index)
      values.push('')
    }
  } else if (dtype === 'bool') values[index] = readBool(reader, target, index)
  else if (!reader.isAtNumber) {
    readMissing(reader, target, index)
    values[index] = NaN
  } else if (values instanceof BigInt64Array || values instanceof BigUint64Array)
    storeWide(reader, target, values, index)
  else store(reader, target, values, index)
}

/** @throws PenstockError ERR_ARGUMENT, ERR_BODY: another value than null, or a dtype that has none for it. */
function readMissing(reader: JsonReader, target: Target, index: number): void {
  const { dtype, name } = target
  if (!isAtNull(reader)) throw wrongElement(target, index)
  reader.readWord()
  if (dtype === 'string' || dtype === 'float32' || dtype === 'float64') return
  throw badRequest(
    `Unable to parse 'data' for input '${name}': element ${index} is null, and ${dtype} has no missing values. ` +
      'Where the model takes floats, send the input as FP32 or FP64; else fill the value in',
  )
}

function store(
  reader: JsonReader,
  target: Target,
  values: Exclude<NumericData, BigInt64Array | BigUint64Array>,
  index: number,
): void {
  const value = reader.readNumber()
  values[index] = value
  const stored = values[index]
  const isFloat = target.dtype === 'float32' || target.dtype === 'float64'
  // A float may only have been rounded; an integer must be what was stored.
  if (isFloat ? stored - stored !== 0 : stored !== value) throw outOfRange(target, index, value)
}

function storeWide(reader: JsonReader, target: Target, values: BigInt64Array | BigUint64Array, index: number): void {
  const value = BigInt(reader.readInteger())
  values[index] = value
  if (values[index] !== value) throw outOfRange(target, index, value)
}

function readBool(reader: JsonReader, target: Target, index: number): number {
  if (isAtNull(reader)) readMissing(reader, target, index)
  const value = reader.isAtNumber
    ? reader.readNumber()
    : reader.isAtString || reader.isAtObject
      ? null
      : reader.readWord()
  if (value === true || value === 1) return 1
  if (value === false || value === 0) return 0
  throw wrongElement(target, index)
}

function wrongElement({ name, dtype }: Target, index: number): PenstockError {
  const rule = dtype === 'string' ? 'a string' : dtype === 'bool' ? 'true or false' : 'a number'
  return badRequest(`Unable to parse 'data' for input '${name}': element ${index} must be ${rule} (${dtype})`)
}

function outOfRange({ name, dtype }: Target, index: number, value: number | bigint): PenstockError {
  return new PenstockError(
    'ERR_VALUE_RANGE',
    `Unable to parse 'data' for input '${name}': element ${index}, ${value}, is no ${dtype}`,
  )
}

function wrongCount(name: string, count: number, got: string): PenstockError {
  return badShape(`Unable to parse 'data' for input '${name}': expected ${count} elements by its shape, got ${got}`)
}
