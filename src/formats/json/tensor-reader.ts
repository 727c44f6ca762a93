/**
 * Tensors out of a JSON body: from text to typed memory, without nested arrays in between.
 *
 * The fast path takes only what is surely right: rectangular nests of numbers that fit the dtype, and null for a missing
 * float. Whatever is not (ragged, a word, out of range, 64-bit integers, strings) is read again from the same place as
 * JavaScript values and handed to tensor/convert.ts, which knows the rules and the words. So there is one place that
 * refuses tensors, and the two paths cannot disagree on what is accepted: the fast one accepts a subset.
 *
 * The scratch memory is one per isolate; it is empty between requests.
 */
import { PenstockError } from '../../base/errors.js'
import { toTensor } from '../../tensor/convert.js'
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import { shapeMatches } from '../../tensor/shape.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import { takeNull } from './peek.js'
import type { JsonReader, JsonValue } from './json-reader.js'

/** Kept between requests up to this many numbers: 8 MiB. */
const scratchNumbersMax = 1 << 20
const fastDtypes: ReadonlySet<Dtype> = new Set([
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
])
const wideDtypes: ReadonlySet<Dtype> = new Set(['int64', 'uint64'])

/** Whether values of the field may go the fast path. */
export function isFastField(field: TensorField): boolean {
  return fastDtypes.has(field.dtype)
}

/** Whether numbers of the field are integers that a double would round. */
export function isExactField(field: TensorField): boolean {
  return wideDtypes.has(field.dtype)
}

/** Numbers on their way to a tensor, with the dims of the nest they came in. */
export class NumberScratch {
  values = new Float64Array(256)
  length = 0
  /** Filled in as arrays end; every later array must agree. */
  readonly dims: number[] = []
  /** More than any request may have: then nobody needs to know what is wrong with it besides. */
  #numbersMax = Infinity
  #field: TensorField | null = null
  #rowsMax = 0
  #rank = -1
  #hasMissing = false

  /** @param rowsMax of the request; Infinity where there is no row axis. */
  begin(field: TensorField, rowsMax: number): void {
    const rest = field.shape.slice(1)
    this.#field = field
    this.#rowsMax = rowsMax
    this.#hasMissing = field.dtype === 'float32' || field.dtype === 'float64'
    this.#numbersMax = rest.reduce<number>((product, dim) => product * (dim ?? Infinity), rowsMax)
    this.clear()
  }

  clear(): void {
    if (this.values.length > scratchNumbersMax) this.values = new Float64Array(256)
    this.length = 0
    this.dims.length = 0
    this.#rank = -1
  }

  /** Appends a number or a rectangular nest of numbers. @returns false when the value is anything else. */
  append(reader: JsonReader): boolean {
    return this.#level(reader, 0)
  }

  /** Appends the row of a record that does not have the field: a bare missing value. @returns false when it has none. */
  appendMissing(): boolean {
    return this.#hasMissing && (this.#rank < 0 || this.#rank === 0) && this.#push(NaN, 0)
  }

  #level(reader: JsonReader, level: number): boolean {
    if (!reader.isAtArray) return (this.#rank < 0 || this.#rank === level) && this.#number(reader, level)
    if (level === this.#rank) return false
    let count = 0
    if (reader.enterArray()) {
      do {
        if (!this.#level(reader, level + 1)) return false
        count++
      } while (reader.hasMore())
    }
    if (this.dims[level] === undefined) this.dims[level] = count
    return count > 0 && this.dims[level] === count
  }

  #number(reader: JsonReader, level: number): boolean {
    if (reader.isAtNumber) return this.#push(reader, level)
    return this.#hasMissing && takeNull(reader) && this.#push(NaN, level)
  }

  #push(next: JsonReader | number, level: number): boolean {
    this.#rank = level
    if (this.length >= this.#numbersMax) throw tooManyRows(this.#field?.name ?? '', this.#rowsMax)
    if (this.length === this.values.length) {
      const grown = new Float64Array(2 * this.length)
      grown.set(this.values)
      this.values = grown
    }
    this.values[this.length++] = typeof next === 'number' ? next : next.readNumber()
    return true
  }
}

const shared = new NumberScratch()

function tooManyRows(name: string, rowsMax: number): PenstockError {
  return new PenstockError(
    'ERR_TOO_MANY_ROWS',
    `Expected ${name} to have at most ${rowsMax} rows but received more. Send them in several requests`,
  )
}

/**
 * Reads the value of one input.
 * @param field its shape has the row axis first unless `isNonBatching`.
 * @param rowsMax of a request; more are refused as soon as they are seen, where the size of a row is known.
 * @returns a tensor of the field's dtype and a shape that meets the field's. A flat array is as many rows as it divides into.
 * @throws PenstockError ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT, ERR_BODY, ERR_TOO_MANY_ROWS.
 */
export function readTensor(reader: JsonReader, field: TensorField, isNonBatching: boolean, rowsMax: number): Tensor {
  if (!isFastField(field))
    return toTensor(field, unflatten(field, reader.readValue(isExactField(field))), isNonBatching)
  const mark = reader.mark()
  shared.begin(field, isNonBatching ? Infinity : rowsMax)
  const tensor = shared.append(reader) ? tensorOf(shared, field, isNonBatching) : null
  if (tensor !== null) return tensor
  reader.reset(mark)
  return toTensor(field, unflatten(field, reader.readValue()), isNonBatching)
}

function tensorOf(scratch: NumberScratch, field: TensorField, isNonBatching: boolean): Tensor | null {
  const data = dataOf(scratch, field.dtype as NumericDtype)
  if (data === null) return null
  const shape = [...scratch.dims]
  if (shapeMatches(field.shape, shape)) return { dtype: field.dtype, shape, data }
  if (!isNonBatching && shape.length > 0 && shapeMatches(field.shape.slice(1), shape))
    return { dtype: field.dtype, shape: [1, ...shape], data }
  // What begins with null may be rows that are null, which a typed array cannot hold.
  return shape.length === 1 && !Number.isNaN(data[0]) ? toTensor(field, data, isNonBatching) : null
}

/** Rounds or narrows to the dtype; null when a number does not fit. */
export function dataOf(scratch: Pick<NumberScratch, 'values' | 'length'>, dtype: NumericDtype): NumericData | null {
  const { values, length } = scratch
  const data = allocateData(dtype, length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return null
  data.set(values.subarray(0, length))
  const isFloat = dtype === 'float32' || dtype === 'float64'
  for (let index = 0; index < length; index++) {
    const stored = data[index] as number
    const value = values[index] as number
    // A float may only have been rounded, not overflowed, and NaN is a missing one; an integer must be what was stored.
    if (isFloat ? stored - stored !== 0 && value - value === 0 : stored !== value) return null
  }
  return data
}

/** The flat form for the slow dtypes: convert.ts takes nests only, so the rows are cut here. */
function unflatten(field: TensorField, value: JsonValue): JsonValue {
  const rest = field.shape.slice(1)
  if (!Array.isArray(value) || rest.length === 0 || value.some(Array.isArray) || rest.includes(null)) return value
  const dims = rest as number[]
  const rowLength = dims.reduce((product, dim) => product * dim, 1)
  // One row is taken as it is: what is wrong with it has the place that the caller knows.
  if (rowLength < 1 || value.length % rowLength !== 0 || (dims.length === 1 && value.length === rowLength)) return value
  return chunk(value, dims)
}

function chunk(values: JsonValue[], dims: readonly number[]): JsonValue[] {
  const [, ...inner] = dims
  const length = dims.reduce((product, dim) => product * dim, 1)
  const chunks: JsonValue[] = []
  for (let start = 0; start < values.length; start += length) {
    const part = values.slice(start, start + length)
    chunks.push(inner.length === 0 ? part : chunk(part, inner))
  }
  return chunks
}
