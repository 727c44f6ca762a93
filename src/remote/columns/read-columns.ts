/**
 * What a remote answered as columns: every element is held to the dtype, the dims and the number of rows that the step
 * declares. Errors are Unfit, whose sentence the step puts behind the remote's address.
 */
import { isPenstockError } from '../../base/errors.js'
import type { JsonValue } from '../../formats/json/json-reader.js'
import { viewData, dtypeInfo, allocateData, type NumericData } from '../../tensor/dtype.js'
import { bfloat16Value, float16Value } from '../../tensor/float16.js'
import type { StageColumn } from '../../pipeline/columns/stage.js'
import { nestedToTensor } from '../../tensor/nested.js'
import {
  bitsOf,
  elementsOf,
  hasBit,
  isFloat,
  packStrings,
  packTexts,
  type TransformColumn,
} from '../../transforms/draft/column.js'

/** An output of a step, its type and whether NaN and null are answers. */
export interface AnswerColumn extends StageColumn {
  /** What the remote calls it. */
  readonly from: string
  /** Floats too, whose missing value is NaN. */
  readonly mayBeMissing: boolean
}

/** An answer that is not what the step expects. The message is a clause: `score has 3 rows and not 4`. */
export class Unfit extends Error {}

/**
 * One value a row, each nested as the column's dims say.
 * @throws Unfit: rows, dims, dtype, null.
 */
export function columnOfValues(column: AnswerColumn, values: readonly JsonValue[], rows: number): TransformColumn {
  const { name, dtype, shape } = column
  if (values.length !== rows) throw new Unfit(`${name} has ${values.length} rows and not ${rows}`)
  const missing = values.map((value) => value === null)
  const firstNull = missing.indexOf(true)
  if (firstNull >= 0 && !column.mayBeMissing) throw isMissing(name, firstNull)
  if (firstNull >= 0 && shape.length > 0) throw new Unfit(`${name} has no row ${firstNull}, only null in its place`)
  const standIn = isFloat(dtype) ? null : dtype === 'string' ? '' : 0
  const present = firstNull < 0 ? values : values.map((value) => value ?? standIn)
  try {
    const tensor = nestedToTensor({ name, dtype, shape: [null, ...shape] }, present, false)
    // An array of as many bare numbers as a row has is taken as one row: no remote that answers so means it.
    if (tensor.shape[0] !== rows) throw new Unfit(`${name} has ${String(tensor.shape[0])} rows and not ${rows}`)
    const validity = firstNull < 0 || isFloat(dtype) ? null : bitsOf(missing.map((isNull) => !isNull))
    const read: TransformColumn =
      dtype === 'string'
        ? { dtype, shape: tensor.shape, ...packStrings(tensor.data as readonly string[]), validity }
        : { dtype, shape: tensor.shape, data: tensor.data as NumericData, offsets: null, validity }
    return withoutNan(column, read)
  } catch (error) {
    if (isPenstockError(error)) throw new Unfit(lowerFirst(error.message), { cause: error })
    throw error
  }
}

/**
 * Elements as bytes, little-endian, texts with their length before each.
 * @throws Unfit: too few bytes or too many, texts that are no UTF-8, NaN.
 */
export function columnOfBytes(
  column: AnswerColumn & { readonly shape: readonly number[] },
  bytes: Uint8Array,
  rows: number,
): TransformColumn {
  const { name, dtype, shape: dims } = column
  const count = rows * elementsOf(dims)
  const shape = [rows, ...dims]
  if (dtype === 'string') return { dtype, shape, ...packTexts(textsOf(name, bytes, count)), validity: null }
  const sizeBytes = count * dtypeInfo(dtype).sizeBytes
  if (bytes.length !== sizeBytes) throw new Unfit(`${name} has ${bytes.length} bytes and not ${sizeBytes}`)
  // A copy: the bytes lie anywhere in the body, and elements must lie at multiples of their size.
  const data = viewData(dtype, new Uint8Array(bytes).buffer, 0, count)
  return withoutNan(column, { dtype, shape, data, offsets: null, validity: null })
}

function textsOf(name: string, bytes: Uint8Array, count: number): Uint8Array[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: Uint8Array[] = []
  let position = 0
  while (texts.length < count) {
    const length = position + 4 <= view.length ? view.readUInt32LE(position) : Infinity
    if (position + 4 + length > view.length) throw new Unfit(`${name} ends within its text ${texts.length}`)
    const text = view.subarray(position + 4, position + 4 + length)
    if (!isUtf8(text)) throw new Unfit(`text ${texts.length} of ${name} is no UTF-8`)
    texts.push(text)
    position += 4 + length
  }
  if (position !== view.length) throw new Unfit(`${name} has ${view.length - position} bytes more than ${count} texts`)
  return texts
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** @throws Unfit for the first NaN of a column that has none. */
function withoutNan(column: AnswerColumn, read: TransformColumn): TransformColumn {
  if (!isFloat(column.dtype) || column.mayBeMissing) return read
  const { data } = read
  const valueOf = column.dtype === 'float16' ? float16Value : column.dtype === 'bfloat16' ? bfloat16Value : Number
  for (let i = 0; i < data.length; i++) {
    if (Number.isNaN(valueOf(data[i] as number)))
      throw isMissing(column.name, Math.floor(i / elementsOf(read.shape.slice(1))))
  }
  return read
}

function isMissing(name: string, row: number): Unfit {
  return new Unfit(
    `${name} has no value in row ${row}. Declare it among outputs with "nullable": true if it may be missing`,
  )
}

/**
 * The rows of several answers, one behind the other.
 * @param parts one and more, of the same dtype. @throws Unfit: their rows have other dims.
 */
export function joinColumns(name: string, parts: readonly TransformColumn[]): TransformColumn {
  const [first] = parts as readonly [TransformColumn]
  if (parts.length === 1) return first
  const dimsOf = ({ shape: [, ...dims] }: TransformColumn): string => `[${dims.join(', ')}]`
  const other = parts.find((part) => dimsOf(part) !== dimsOf(first))
  if (other !== undefined)
    throw new Unfit(`${name} has rows of ${dimsOf(first)} in one call and of ${dimsOf(other)} in another`)
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0)
  const shape = [rows, ...first.shape.slice(1)]
  const validity = parts.every((part) => part.validity === null) ? null : bitsOf(parts.flatMap(flagsOf))
  if (first.offsets !== null) {
    const texts = parts.flatMap(({ data, offsets }) =>
      Array.from({ length: (offsets as Int32Array).length - 1 }, (_, i) =>
        (data as Uint8Array).subarray((offsets as Int32Array)[i], (offsets as Int32Array)[i + 1]),
      ),
    )
    return { dtype: first.dtype, shape, ...packTexts(texts), validity }
  }
  const data = allocateData(first.dtype as Exclude<typeof first.dtype, 'string'>, elementsOf(shape))
  let position = 0
  for (const part of parts) {
    data.set(part.data as never, position)
    position += part.data.length
  }
  return { dtype: first.dtype, shape, data, offsets: null, validity }
}

function flagsOf({ validity, shape }: TransformColumn): boolean[] {
  return Array.from({ length: shape[0] as number }, (_, row) => hasBit(validity, row))
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
