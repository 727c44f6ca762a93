/** One column of a file, part by part, in the dtype that is wanted of it: values are judged one by one, never by their dtype. */
import { PenstockError } from '../base/errors.js'
import { describeValue } from '../base/expect.js'
import { timestampMicros } from '../contract/values/calendar.js'
import { castValues } from '../tensor/cast-values.js'
import { allocateData, type NumericData } from '../tensor/dtype.js'
import { bfloat16Bits, float16Bits } from '../tensor/float16.js'
import type { NumericDtype } from '../tensor/tensor.js'
import {
  bitsOf,
  cellsOf,
  type ColumnType,
  describeType,
  elementsOf,
  hasBit,
  isFloat,
  type TransformColumn,
} from '../transforms/draft/column.js'
import type { PackedColumn, PackedColumnSpec } from './packed.js'

export type PackedPart = TransformColumn

/** UTF-8 bytes of one column: offsets are 32-bit. */
const textBytesMax = 2 ** 31 - 1

interface Chunk {
  readonly rows: number
  readonly data: NumericData
  readonly offsets: Int32Array | null
  readonly validity: Uint8Array | null
}

export class ColumnPacker {
  readonly #table: string
  readonly #spec: PackedColumnSpec
  readonly #isTime: boolean
  #chunks: Chunk[] = []
  #rows = 0
  #bytes = 0

  /** @throws PenstockError ERR_PIPELINE_INVALID: a value of the file's type can be none of what is wanted. */
  constructor(table: string, type: ColumnType, spec: PackedColumnSpec) {
    this.#table = table
    this.#spec = spec
    this.#isTime = type.dtype === 'string' && spec.dtype === 'int64'
    const isKind = (type.dtype === 'string') === (spec.dtype === 'string') || this.#isTime
    if (isKind && elementsOf(type.shape) === elementsOf(spec.shape)) return
    const { dtype, shape } = spec
    throw new PenstockError(
      'ERR_PIPELINE_INVALID',
      `Expected the column ${type.name} of ${table} to be ${describeType({ dtype, isNullable: false, shape })} but it is ${describeType(type)}`,
    )
  }

  get from(): string {
    return this.#spec.from
  }

  /** Bytes of what came so far. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * @param kept rows of the file's part that the column has; null: all.
   * @param start the part's first row in the file.
   * @throws PenstockError ERR_PIPELINE_INVALID: a value that the dtype does not hold, or none.
   */
  add(column: PackedPart, kept: Int32Array | null, start: number): void {
    const rowOf = (at: number): number => start + (kept === null ? at : (kept[at] as number))
    const chunk = this.#spec.dtype === 'string' ? this.#texts(column, rowOf) : this.#numbers(column, rowOf)
    this.#chunks.push(chunk)
    this.#rows += chunk.rows
    this.#bytes += chunk.data.byteLength + (chunk.offsets?.byteLength ?? 0) + (chunk.validity?.byteLength ?? 0)
  }

  finish(): PackedColumn {
    const { dtype, shape, isNullable } = this.#spec
    const chunks = this.#chunks
    this.#chunks = []
    const validity = isNullable && chunks.some((chunk) => chunk.validity !== null) ? joinBits(chunks, this.#rows) : null
    if (dtype === 'string') return { dtype, shape, isNullable, ...joinTexts(chunks), validity }
    const data = allocateData(dtype, this.#rows * elementsOf(shape))
    let at = 0
    for (const chunk of chunks) {
      data.set(chunk.data as never, at)
      at += chunk.data.length
    }
    return { dtype, shape, isNullable, data, offsets: null, validity }
  }

  #texts(column: PackedPart, rowOf: (at: number) => number): Chunk {
    const rows = column.shape[0] ?? 0
    this.#expectPresent(column.validity, rows, rowOf)
    const offsets = column.offsets as Int32Array
    const first = offsets[0] ?? 0
    const data = (column.data as Uint8Array).slice(first, offsets[offsets.length - 1])
    const own = first === 0 ? offsets.slice() : offsets.map((offset) => offset - first)
    if (this.#bytes + data.length > textBytesMax) throw this.#invalid('to have at most 2 GiB of texts', 'more')
    return { rows, data, offsets: own, validity: column.validity?.slice() ?? null }
  }

  #numbers(column: PackedPart, rowOf: (at: number) => number): Chunk {
    const { dtype, shape, isNullable } = this.#spec
    const rows = column.shape[0] ?? 0
    const width = elementsOf(shape)
    const source = this.#isTime ? this.#times(column, rowOf) : column
    const validity =
      isFloat(dtype) || isFloat(source.dtype) ? validityOfFloats(source, rows, isNullable) : source.validity
    if (!isFloat(dtype)) this.#expectPresent(validity, rows, rowOf)
    const data = allocateData(dtype as NumericDtype, rows * width)
    const from = validity !== null && isFloat(source.dtype) ? withoutNaN(source, validity) : source.data
    const unfit = castValues(from, source.dtype as NumericDtype, data, dtype as NumericDtype)
    if (unfit >= 0)
      throw this.#invalid(
        `to have values that ${dtype} holds`,
        `${String(source.data[unfit])} in row ${rowOf(Math.floor(unfit / width))}`,
      )
    if (!isFloat(dtype)) return { rows, data, offsets: null, validity: isNullable ? validity : null }
    if (validity !== null) clearMissing(data, validity, dtype, rows)
    return { rows, data, offsets: null, validity: null }
  }

  /** Texts of RFC 3339 as microseconds since 1970. */
  #times(column: PackedPart, rowOf: (at: number) => number): PackedPart {
    const cells = cellsOf(column)
    const data = BigInt64Array.from(cells, (cell, at) => {
      const micros = cell === null ? 0n : timestampMicros(cell as string)
      if (micros !== null) return micros
      throw this.#invalid('to have timestamps of RFC 3339', `${describeValue(cell)} in row ${rowOf(at)}`)
    })
    return { dtype: 'int64', shape: column.shape, data, offsets: null, validity: column.validity }
  }

  #expectPresent(validity: Uint8Array | null, rows: number, rowOf: (at: number) => number): void {
    if (validity === null || this.#spec.isNullable) return
    for (let row = 0; row < rows; row++) {
      if (hasBit(validity, row)) continue
      const { dtype } = this.#spec
      throw this.#invalid(`to have a value in each row, or the step to say ${dtype}?`, `none in row ${rowOf(row)}`)
    }
  }

  #invalid(rule: string, received: string): PenstockError {
    return new PenstockError(
      'ERR_PIPELINE_INVALID',
      `Expected the column ${this.#spec.from} of ${this.#table} ${rule} but received ${received}`,
    )
  }
}

/** Floats of one element a row that are NaN are missing where integers are wanted of them. */
function validityOfFloats({ dtype, data, validity }: PackedPart, rows: number, isNullable: boolean): Uint8Array | null {
  if (!isNullable || (dtype !== 'float32' && dtype !== 'float64')) return validity
  const numbers = data as Float64Array
  const flags = Array.from({ length: rows }, (_, row) => !Number.isNaN(numbers[row]))
  return flags.includes(false) ? bitsOf(flags) : null
}

function withoutNaN({ data }: PackedPart, validity: Uint8Array): NumericData {
  return (data as Float64Array).map((value, row) => (hasBit(validity, row) ? value : 0))
}

function clearMissing(data: NumericData, validity: Uint8Array, dtype: string, rows: number): void {
  const missing = dtype === 'float16' ? float16Bits(NaN) : dtype === 'bfloat16' ? bfloat16Bits(NaN) : NaN
  for (let row = 0; row < rows; row++) if (!hasBit(validity, row)) data[row] = missing
}

function joinBits(chunks: readonly Chunk[], rows: number): Uint8Array {
  const bits = new Uint8Array((rows + 7) >> 3)
  let at = 0
  for (const chunk of chunks)
    for (let row = 0; row < chunk.rows; row++, at++)
      if (hasBit(chunk.validity, row)) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
  return bits
}

function joinTexts(chunks: readonly Chunk[]): { data: Uint8Array; offsets: Int32Array } {
  const bytes = chunks.reduce((sum, { data }) => sum + data.length, 0)
  const texts = chunks.reduce((sum, { offsets }) => sum + (offsets as Int32Array).length - 1, 0)
  const data = new Uint8Array(bytes)
  const offsets = new Int32Array(texts + 1)
  let byte = 0
  let text = 0
  for (const chunk of chunks) {
    data.set(chunk.data as Uint8Array, byte)
    const own = chunk.offsets as Int32Array
    for (let i = 1; i < own.length; i++) offsets[++text] = byte + (own[i] as number)
    byte += chunk.data.length
  }
  return { data, offsets }
}
