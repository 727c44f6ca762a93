/**
 * The columns of one record batch: nodes and buffers taken one after the other in the order of the schema, each checked
 * where it is taken. A plain column is a view of the body; views, dictionaries, run ends and packed buffers are written out.
 *
 * Invariant: what passed can be read without another look. Every row of a column has its element, every offset lies in
 * its child, and no loop over a column is longer than bytes that are there or were spent from the allowance.
 */
import type { ArrowEncoding, ArrowField } from './arrow-schema.js'
import {
  type Allowance,
  type ArrowColumn,
  bitAt,
  elementBytes,
  emptyColumn,
  joinColumns,
  noBytes,
  takeRows,
} from './columns.js'
import { arrowError, type FlatTable } from './flat-view.js'
import { type Codec, codecs, unpackBuffer } from './unpack.js'

type Ints =
  Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array | BigInt64Array | BigUint64Array

/** Values of dictionaries by their number: what deltas added, in parts. */
export type Dictionaries = Map<number, ArrowColumn[]>

/** Reads the columns of one batch; made anew for each. */
export class ColumnReader {
  readonly #nodes: readonly (readonly [number, number])[]
  readonly #buffers: readonly (readonly [number, number])[]
  /** Buffers of each column of views, in their order. */
  readonly #viewBuffers: readonly number[]
  readonly #body: Uint8Array
  readonly #codec: Codec | null
  readonly #dictionaries: Dictionaries
  readonly #allowance: Allowance
  #node = 0
  #buffer = 0
  #viewColumn = 0
  /** Bytes of all buffers so far. */
  #bytes = 0

  /** @param header a RecordBatch table. @param body of its message. */
  constructor(header: FlatTable, body: Uint8Array, dictionaries: Dictionaries, allowance: Allowance) {
    this.#nodes = header.pairs(1, -1)
    this.#buffers = header.pairs(2)
    this.#viewBuffers = header.sizes(4)
    this.#body = body
    this.#codec = codecOf(header)
    this.#dictionaries = dictionaries
    this.#allowance = allowance
  }

  read(field: ArrowField): ArrowColumn {
    const { encoding } = field
    if (encoding === null) return this.#readPlain(field)
    if (encoding.id === 'view') return this.#readViews(field)
    if (encoding.id === 'list-view') return this.#readListViews(field, encoding.isLarge)
    return encoding.id === 'dictionary' ? this.#readIndices(field, encoding) : this.#readRuns(field, encoding)
  }

  #readPlain(field: ArrowField): ArrowColumn {
    const { type } = field
    const { length, nullCount } = this.#nextNode(field)
    if (type.id === 'null') {
      this.#allowance.spend(length)
      return { field, length, nullCount: length, validity: null, values: noBytes, offsets: null, children: [] }
    }
    const column = { field, length, ...this.#validity(field, length, nullCount) }
    if (type.id === 'struct') {
      // Nothing but the node says how many rows a struct or a list of fixed size has.
      this.#allowance.spend(length)
      const children = type.members.map((member) => this.read(member))
      const uneven = children.find((child) => child.length !== length)
      if (uneven !== undefined)
        throw arrowError(`${length} rows in each member of ${field.name}`, `${uneven.length} in ${uneven.field.name}`)
      return { ...column, values: noBytes, offsets: null, children }
    }
    if (type.id === 'fixed-size-list') {
      this.#allowance.spend(length)
      const child = this.read(type.item)
      if (child.length !== length * type.size)
        throw arrowError(`${length * type.size} elements in ${field.name}, ${type.size} a row,`, `${child.length}`)
      return { ...column, values: noBytes, offsets: null, children: [child] }
    }
    if (type.id === 'list' || type.id === 'large-list' || type.id === 'map') {
      const offsets = this.#offsets(field, length)
      const child = this.read(type.item)
      expectOffsets(field, offsets, length, child.length)
      return { ...column, values: noBytes, offsets, children: [child] }
    }
    if (type.id === 'utf8' || type.id === 'large-utf8' || type.id === 'binary' || type.id === 'large-binary') {
      const offsets = this.#offsets(field, length)
      const values = this.#nextBuffer(field, 0)
      expectOffsets(field, offsets, length, values.length)
      return { ...column, values, offsets, children: [] }
    }
    const bytes = type.id === 'bool' ? Math.ceil(length / 8) : length * elementBytes(type)
    if (bytes === 0) this.#allowance.spend(length)
    return { ...column, values: this.#nextBuffer(field, bytes).subarray(0, bytes), offsets: null, children: [] }
  }

  /** Texts of up to 12 bytes stand in their views; of longer ones the buffer and where in it. */
  #readViews(field: ArrowField): ArrowColumn {
    const node = this.#nextNode(field)
    const { length } = node
    const { nullCount, validity } = this.#validity(field, length, node.nullCount)
    const views = this.#nextBuffer(field, length * VIEW_BYTES)
    const view = new DataView(views.buffer, views.byteOffset, views.byteLength)
    const count = this.#viewBuffers[this.#viewColumn++] ?? 0
    const buffers: Uint8Array[] = []
    for (let index = 0; index < count; index++) buffers.push(this.#nextBuffer(field, 0))
    const offsets = new Int32Array(length + 1)
    const isValid = (row: number): boolean => validity === null || bitAt(validity, row)
    let total = 0
    for (let row = 0; row < length; row++) {
      if (isValid(row)) total += viewSize(field, view, row, buffers)
      // Kept within 32 bits by what may be spent of one body, and by this in files.
      if (total > 0x7fffffff) throw arrowError(`texts of ${field.name} of at most 2^31 bytes in a batch`, 'more')
      offsets[row + 1] = total
    }
    this.#allowance.spend(total + 4 * length)
    const values = new Uint8Array(total)
    for (let row = 0; row < length; row++) {
      const [start, end] = [offsets[row] as number, offsets[row + 1] as number]
      const size = end - start
      const at = row * VIEW_BYTES
      if (size === 0) continue
      const source = size <= INLINE_BYTES_MAX ? views : (buffers[view.getInt32(at + 8, true)] as Uint8Array)
      const from = size <= INLINE_BYTES_MAX ? at + 4 : view.getInt32(at + 12, true)
      values.set(source.subarray(from, from + size), start)
    }
    return { field, length, nullCount, validity, values, offsets, children: [] }
  }

  #readListViews(field: ArrowField, isLarge: boolean): ArrowColumn {
    const node = this.#nextNode(field)
    const { length } = node
    const { nullCount, validity } = this.#validity(field, length, node.nullCount)
    const bytes = length * (isLarge ? 8 : 4)
    const starts = intsOf(this.#nextBuffer(field, bytes), isLarge ? 64 : 32, true, length)
    const sizes = intsOf(this.#nextBuffer(field, bytes), isLarge ? 64 : 32, true, length)
    const child = this.read((field.type as { item: ArrowField }).item)
    const offsets = new Int32Array(length + 1)
    let total = 0
    let isInOrder = true
    for (let row = 0; row < length; row++) {
      const isValid = validity === null || bitAt(validity, row)
      const [start, size] = isValid ? [Number(starts[row]), Number(sizes[row])] : [0, 0]
      if (start < 0 || size < 0 || start + size > child.length)
        throw arrowError(`lists of ${field.name} in 0..${child.length}`, `${size} at ${start}`)
      if (size > 0 && start !== total) isInOrder = false
      total += size
      if (total > 0x7fffffff) throw arrowError(`lists of ${field.name} of at most 2^31 elements in a batch`, 'more')
      offsets[row + 1] = total
    }
    const column = { field, length, nullCount, validity, values: noBytes, offsets }
    if (isInOrder) return { ...column, children: [child] }
    this.#allowance.spend(4 * total)
    const rows = new Int32Array(total)
    for (let row = 0; row < length; row++) {
      const [at, end] = [offsets[row] as number, offsets[row + 1] as number]
      for (let index = at; index < end; index++) rows[index] = Number(starts[row]) + index - at
    }
    return { ...column, children: [takeRows(child, rows, this.#allowance)] }
  }

  #readIndices(field: ArrowField, encoding: ArrowEncoding & { id: 'dictionary' }): ArrowColumn {
    const node = this.#nextNode(field)
    const { length } = node
    const { nullCount, validity } = this.#validity(field, length, node.nullCount)
    const { bits, isSigned, dictionary } = encoding
    const indices = intsOf(this.#nextBuffer(field, (length * bits) / 8), bits, isSigned, length)
    const values = this.#valuesOf(dictionary)
    if (values === null && nullCount < length)
      throw arrowError(`a dictionary batch before the indices of ${field.name}`, 'none')
    this.#allowance.spend(4 * length)
    const rows = new Int32Array(length).fill(-1)
    for (let row = 0; row < length; row++) {
      if (validity !== null && !bitAt(validity, row)) continue
      const index = Number(indices[row])
      if (index < 0 || index >= (values?.length ?? 0))
        throw arrowError(`indices of ${field.name} in its dictionary of ${values?.length ?? 0} values`, `${index}`)
      rows[row] = index
    }
    return takeRows(values ?? emptyColumn(encoding.values), rows, this.#allowance, field)
  }

  /** The values of a dictionary as one column, joined at their first use. */
  #valuesOf(dictionary: number): ArrowColumn | null {
    const parts = this.#dictionaries.get(dictionary)
    if (parts === undefined) return null
    const joined = joinColumns(parts, this.#allowance)
    this.#dictionaries.set(dictionary, [joined])
    return joined
  }

  #readRuns(field: ArrowField, { bits, values }: ArrowEncoding & { id: 'run-end' }): ArrowColumn {
    // The column itself has a node and no buffers; its nulls are those of the values.
    const { length } = this.#nextNode(field)
    const ends = this.#readPlain({ ...field, type: { id: 'int', bits, isSigned: true }, encoding: null })
    const runs = this.read(values)
    this.#allowance.spend(4 * length)
    const rows = new Int32Array(length)
    const at = intsOf(ends.values, bits, true, ends.length)
    let start = 0
    for (let run = 0; run < ends.length && start < length; run++) {
      const end = Math.min(Number(at[run]), length)
      if (end <= start || run >= runs.length) throw arrowError(`run ends of ${field.name} that grow`, `${at[run]}`)
      rows.fill(run, start, end)
      start = end
    }
    if (start < length) throw arrowError(`runs of ${field.name} up to row ${length}`, `${start}`)
    return takeRows(runs, rows, this.#allowance, field)
  }

  #nextNode(field: ArrowField): { readonly length: number; readonly nullCount: number } {
    const node = this.#nodes[this.#node++]
    if (node === undefined) throw arrowError('a node for each column', `none for ${field.name}`)
    const [length, nullCount] = node
    if (nullCount > length) throw arrowError(`at most ${length} nulls in ${field.name}`, `${nullCount}`)
    return { length, nullCount }
  }

  /** How many rows have no value, and the bits that say which. */
  #validity(field: ArrowField, length: number, nullCount: number): Pick<ArrowColumn, 'nullCount' | 'validity'> {
    const bits = this.#nextBuffer(field, nullCount > 0 ? Math.ceil(length / 8) : 0)
    if (nullCount >= 0) return { nullCount, validity: nullCount > 0 ? bits : null }
    // apache-arrow leaves the count of some slices unknown.
    if (bits.length < Math.ceil(length / 8)) return { nullCount: 0, validity: null }
    let nulls = 0
    for (let row = 0; row < length; row++) if (!bitAt(bits, row)) nulls++
    return { nullCount: nulls, validity: nulls > 0 ? bits : null }
  }

  /** The next buffer, of at least `bytesMin` bytes, aligned to 8 where it lies or copied to where it is. */
  #nextBuffer(field: ArrowField, bytesMin: number): Uint8Array {
    const buffer = this.#buffers[this.#buffer++]
    if (buffer === undefined) throw arrowError('buffers for each column', `none for ${field.name}`)
    const [offset, length] = buffer
    const body = this.#body
    if (offset > body.length || length > body.length - offset)
      throw arrowError(
        `the buffers of ${field.name} in their message`,
        `${length} bytes at ${offset} of ${body.length}`,
      )
    this.#bytes += length
    if (this.#bytes > body.length) throw arrowError('buffers beside each other', 'some that overlap')
    const stored = body.subarray(offset, offset + length)
    const bytes = this.#codec === null ? stored : unpackBuffer(stored, this.#codec, this.#allowance, field.name)
    if (bytes.length < bytesMin) throw arrowError(`at least ${bytesMin} bytes in ${field.name}`, `${bytes.length}`)
    return bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.prototype.slice.call(bytes)
  }

  #offsets(field: ArrowField, length: number): Int32Array | BigInt64Array {
    const isLarge = field.type.id.startsWith('large')
    const bytes = (length + 1) * (isLarge ? 8 : 4)
    // An empty column may leave its one offset out.
    const buffer = this.#nextBuffer(field, length === 0 ? 0 : bytes)
    if (length === 0) return isLarge ? new BigInt64Array(1) : new Int32Array(1)
    return intsOf(buffer, isLarge ? 64 : 32, true, length + 1) as Int32Array | BigInt64Array
  }
}

const VIEW_BYTES = 16
const INLINE_BYTES_MAX = 12

/** The bytes of one text; where they lie is checked. */
function viewSize(field: ArrowField, view: DataView, row: number, buffers: readonly Uint8Array[]): number {
  const at = row * VIEW_BYTES
  const size = view.getInt32(at, true)
  if (size >= 0 && size <= INLINE_BYTES_MAX) return size
  const [index, offset] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)]
  const buffer = buffers[index]
  if (size >= 0 && offset >= 0 && buffer !== undefined && offset + size <= buffer.length) return size
  throw arrowError(
    `views of ${field.name} into its ${buffers.length} buffers`,
    `${size} bytes at ${offset} of ${index}`,
  )
}

function codecOf(header: FlatTable): Codec | null {
  const compression = header.table(3)
  if (compression === null) return null
  const codec = codecs[compression.int8(0, 0)]
  if (codec === undefined || compression.int8(1, 0) !== 0)
    throw arrowError(`buffers packed with ${codecs.join(' or ')}`, 'some packed otherwise')
  return codec
}

function intsOf(bytes: Uint8Array, bits: 8 | 16 | 32 | 64, isSigned: boolean, count: number): Ints {
  const signed = { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array }
  const unsigned = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array }
  return new (isSigned ? signed : unsigned)[bits](bytes.buffer as ArrayBuffer, bytes.byteOffset, count)
}

/** One pass over the offsets; after it every row lies in the elements. */
function expectOffsets(field: ArrowField, offsets: Int32Array | BigInt64Array, length: number, elements: number): void {
  const isGrowing = offsets instanceof Int32Array ? grows(offsets, length) : growsLarge(offsets, length)
  if (!isGrowing) throw arrowError(`offsets of ${field.name} that grow from 0`, 'some that do not')
  if (Number(offsets[length]) > elements)
    throw arrowError(`offsets of ${field.name} in 0..${elements}`, `${offsets[length]}`)
}

function grows(offsets: Int32Array, length: number): boolean {
  if ((offsets[0] as number) < 0) return false
  for (let row = 0; row < length; row++) if ((offsets[row + 1] as number) < (offsets[row] as number)) return false
  return true
}

function growsLarge(offsets: BigInt64Array, length: number): boolean {
  if ((offsets[0] as bigint) < 0n) return false
  for (let row = 0; row < length; row++) if ((offsets[row + 1] as bigint) < (offsets[row] as bigint)) return false
  return true
}
