/**
 * Tensors to JSON text. Text, not JavaScript values: JSON.stringify would print 0.98119897 (a float32) with the noise of
 * its float64, and cannot print an int64 beyond 2^53 at all.
 *
 * Floats are printed as the shortest decimal that reads back to the same float32 (or float64, JavaScript's own rule);
 * 16-bit floats like the float32 they are. JSON has no NaN and no infinities: they are printed as null, which only
 * outputs can hold, because requests with them are refused.
 */
import { PenstockError } from '../base/errors.js'
import { argumentError } from '../base/expect.js'
import { EMPTY_NEST_CHARACTERS_MAX } from '../base/limits/limits.js'
import { bfloat16Value, float16Value } from './float16.js'
import { elementCount, rowElementCount } from './shape.js'
import type { Dtype, Tensor, TensorData } from './tensor.js'

type PrintElement = (data: never, index: number) => string

/** Nested arrays of a tensor; int64 and uint64 as bigint, bool as boolean, NaN as NaN. */
export type Nested = number | bigint | boolean | string | Nested[]

/**
 * Prints rows as nested JSON arrays, the row axis included.
 * @param rowStart first row, 0-based; @param rowCount rows from there, absent: all the rest.
 * @returns e.g. `[[1,2],[3,4]]`; a bare value for rank 0.
 * @throws PenstockError ERR_ARGUMENT when the rows are not there, ERR_RUN_FAILED when a tensor without elements has more
 *   brackets than EMPTY_NEST_CHARACTERS_MAX lets it.
 */
export function writeNested(tensor: Tensor, rowStart = 0, rowCount?: number): string {
  if (tensor.shape.length === 0) return printers[tensor.dtype](tensor.data as never, 0)
  const rows = tensor.shape[0] as number
  const count = rowCount ?? rows - rowStart
  if (!Number.isInteger(rowStart) || rowStart < 0 || !(count >= 0 && rowStart + count <= rows)) {
    throw argumentError('rowStart and rowCount', `rows of 0..${rows}`, `${rowStart} and ${count}`)
  }
  const shape = [count, ...tensor.shape.slice(1)]
  if (tensor.data.length === 0) expectFewBrackets(shape)
  return printLevel(tensor, shape, 0, rowStart * rowElementCount(tensor.shape))
}

/** Prints the element at an index, as JSON. */
export function elementPrinter({ dtype, data }: Tensor): (index: number) => string {
  const print = printers[dtype]
  return (index) => print(data as never, index)
}

/** @throws PenstockError ERR_RUN_FAILED, as the addon fails such an answer. */
export function expectFewBrackets(shape: readonly number[]): void {
  let arrays = 1
  let characters = 3
  for (const dim of shape) characters += 3 * (arrays *= dim)
  if (characters > EMPTY_NEST_CHARACTERS_MAX) {
    const sentence = 'The answer is too large to be written as JSON. Ask for Arrow or penstock.v1.'
    throw new PenstockError('ERR_RUN_FAILED', sentence)
  }
}

/**
 * Prints one row without the row axis, as a record has it.
 * @returns e.g. `[1,2]`; a bare value for a tensor of the shape [n].
 * @throws PenstockError ERR_ARGUMENT when there is no such row, ERR_SHAPE for rank 0.
 */
export function writeRow(tensor: Tensor, row: number): string {
  const rows = tensor.shape[0]
  if (rows === undefined)
    throw argumentError('tensor', 'a tensor with a row axis', 'a tensor of rank 0', '', 'ERR_SHAPE')
  if (!Number.isInteger(row) || row < 0 || row >= rows) throw argumentError('row', `an integer in 0..${rows - 1}`, row)
  const start = row * rowElementCount(tensor.shape)
  if (tensor.shape.length === 1) return printers[tensor.dtype](tensor.data as never, start)
  return printLevel(tensor, tensor.shape.slice(1), 0, start)
}

/**
 * Prints a float32 as the shortest decimal that reads back to it, as JSON; NaN and infinities as null.
 * @param value a number that is exactly a float32.
 * @example float32ToJson(Math.fround(0.1)) // '0.1'
 */
export function float32ToJson(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (value - value !== 0) return 'null'
  // A decimal of up to 6 digits survives float32, so the first of 6, 7, 8, 9 digits that reads back is the shortest.
  // digits / 10^k is rounded once while both are exact in float64, and String() then prints just those digits.
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  if (exponent >= -13 && exponent <= 20) {
    for (let digitCount = 6; digitCount <= 9; digitCount++) {
      const scale = digitCount - 1 - exponent
      const candidate =
        scale >= 0
          ? Math.round(value * (powersOfTen[scale] as number)) / (powersOfTen[scale] as number)
          : Math.round(value / (powersOfTen[-scale] as number)) * (powersOfTen[-scale] as number)
      if (Math.fround(candidate) === value) return String(candidate)
    }
  }
  return printSlowly(value)
}

/** Returns the values as nested arrays, the row axis first; a bare value for rank 0. */
export function toNested(tensor: Tensor): Nested {
  return nestLevel(tensor, 0, 0, elementCount(tensor.shape))
}

const powersOfTen: readonly number[] = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/** Also for subnormals, which have fewer than 6 digits, and where powers of ten are not exact. */
function printSlowly(value: number): string {
  for (let digitCount = 1; digitCount <= 9; digitCount++) {
    const candidate = Number(value.toPrecision(digitCount))
    if (Math.fround(candidate) === value) return String(candidate)
  }
  return String(value)
}

/** Prints a float64 as the shortest decimal that reads back to it, as JSON; NaN and infinities as null. */
export function float64ToJson(value: number): string {
  if (value - value !== 0) return 'null'
  return Object.is(value, -0) ? '-0' : String(value)
}

const printers: Readonly<Record<Dtype, PrintElement>> = {
  float32: (data: Float32Array, index) => float32ToJson(data[index] as number),
  float64: (data: Float64Array, index) => float64ToJson(data[index] as number),
  float16: (data: Uint16Array, index) => float32ToJson(float16Value(data[index] as number)),
  bfloat16: (data: Uint16Array, index) => float32ToJson(bfloat16Value(data[index] as number)),
  int8: printInteger,
  uint8: printInteger,
  int16: printInteger,
  uint16: printInteger,
  int32: printInteger,
  uint32: printInteger,
  int64: printInteger,
  uint64: printInteger,
  bool: (data: Uint8Array, index) => (data[index] === 0 ? 'false' : 'true'),
  string: (data: readonly string[], index) => JSON.stringify(data[index]),
}

function printInteger(data: TensorData, index: number): string {
  return String(data[index])
}

function printLevel(tensor: Tensor, shape: readonly number[], axis: number, start: number): string {
  const length = shape[axis] as number
  if (axis === shape.length - 1) return printFlat(tensor, start, length)
  const stride = elementCount(shape.slice(axis + 1))
  let text = '['
  for (let i = 0; i < length; i++) {
    if (i > 0) text += ','
    text += printLevel(tensor, shape, axis + 1, start + i * stride)
  }
  return text + ']'
}

function printFlat(tensor: Tensor, start: number, length: number): string {
  const print = printers[tensor.dtype]
  let text = '['
  for (let i = 0; i < length; i++) {
    if (i > 0) text += ','
    text += print(tensor.data as never, start + i)
  }
  return text + ']'
}

function nestLevel(tensor: Tensor, axis: number, start: number, count: number): Nested {
  if (axis === tensor.shape.length) return valueAt(tensor, start)
  const length = tensor.shape[axis] as number
  const stride = length === 0 ? 0 : count / length
  return Array.from({ length }, (_, i) => nestLevel(tensor, axis + 1, start + i * stride, stride))
}

function valueAt({ dtype, data }: Tensor, index: number): number | bigint | boolean | string {
  const element = data[index] as number
  if (dtype === 'float16') return float16Value(element)
  if (dtype === 'bfloat16') return bfloat16Value(element)
  return dtype === 'bool' ? element !== 0 : element
}
