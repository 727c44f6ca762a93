/**
 * Arrow IPC bodies, file or stream, to columns that are views of the body: nothing is decoded and nothing copied. The
 * bytes are a stranger's, so that whatever they claim is checked first: that a message lies in the body, a buffer in its
 * message, an element in its buffer; that offsets of lists only grow. What passed can be read without another look.
 *
 *   stream   message… (end marker)                message: ffffffff · size · metadata · padding · body
 *   file     ARROW1 · message… · footer · size · ARROW1        the footer says where the batches are
 *
 * Compressed bodies and dictionaries are refused by their names: the first would make the work for a body unbounded by
 * its size, the second has no use in numbers. https://arrow.apache.org/docs/format/Columnar.html
 */
import { PenstockError } from '../../base/errors.js'
import type { ArrowField, ArrowType } from './arrow-schema.js'
import { readSchema } from './arrow-schema.js'
import { arrowError, FlatTable } from './flat-view.js'

/** A column of one record batch. `values` of a list are those of its child. */
export interface ArrowColumn {
  readonly field: ArrowField
  readonly length: number
  /** 0: `validity` says nothing. */
  readonly nullCount: number
  /** Bits, the lowest first; null: every row has a value. */
  readonly validity: Uint8Array | null
  /** Of primitives and texts; empty for lists. */
  readonly values: Uint8Array
  /** Of lists and texts: length + 1 numbers that do not shrink, inside child or values; null for others. */
  readonly offsets: Int32Array | BigInt64Array | null
  readonly child: ArrowColumn | null
}

export interface ArrowBatch {
  readonly rows: number
  readonly columns: readonly ArrowColumn[]
}

export interface ArrowBody {
  readonly form: 'file' | 'stream'
  readonly fields: readonly ArrowField[]
  /** Batches without rows are left out. */
  readonly batches: readonly ArrowBatch[]
  readonly rows: number
}

const magic = 'ARROW1'
const SCHEMA = 1
const DICTIONARY = 2
const RECORD_BATCH = 3
const codecs: readonly string[] = ['LZ4', 'ZSTD']

/**
 * Reads a body of either form.
 * @param bytes the caller's; the columns are views of them.
 * @param rowsMax of all batches together.
 * @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_TOO_MANY_ROWS.
 */
export function readArrow(bytes: Uint8Array, rowsMax: number): ArrowBody {
  const isFile = isArrowFile(bytes)
  const { fields, batches } = isFile ? readFile(bytes) : readStream(bytes)
  const read: ArrowBatch[] = []
  let rows = 0
  for (const { header, body } of batches) {
    // Before the columns are looked at: every loop over them is bounded by the rows, or by bytes that are there.
    rows += header.size(0)
    if (rows > rowsMax) {
      const sentence = `Expected the request to have at most ${rowsMax} rows but received more`
      throw new PenstockError('ERR_TOO_MANY_ROWS', `${sentence}. Send them in several requests`)
    }
    const batch = readBatch(header, body, fields)
    if (batch.rows > 0) read.push(batch)
  }
  return { form: isFile ? 'file' : 'stream', fields, batches: read, rows }
}

/** Whether `bytes` begin as an Arrow file does. */
export function isArrowFile(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && startsWithMagic(bytes, 0)
}

// ── messages ────────────────────────────────────────────────────────────────────────────────────

export interface ArrowMessage {
  readonly kind: number
  readonly header: FlatTable
  readonly body: Uint8Array
  /** Where the next message begins. */
  readonly end: number
}

interface Parts {
  readonly fields: ArrowField[]
  readonly batches: readonly { readonly header: FlatTable; readonly body: Uint8Array }[]
}

function readStream(bytes: Uint8Array): Parts {
  let fields: ArrowField[] | null = null
  const batches: { header: FlatTable; body: Uint8Array }[] = []
  for (let at = 0; ;) {
    const message = readMessage(bytes, at)
    if (message === null) break
    at = message.end
    if (message.kind === SCHEMA && fields === null) fields = readSchema(message.header)
    else if (message.kind === RECORD_BATCH && fields !== null) batches.push(message)
    else throw unexpectedMessage(message.kind)
  }
  if (fields === null) throw arrowError('bytes that begin with a schema', `${bytes.length} bytes without one`)
  return { fields, batches }
}

function readFile(bytes: Uint8Array): Parts {
  const footerEnd = bytes.length - magic.length - 4
  if (footerEnd < 8 || !startsWithMagic(bytes, bytes.length - magic.length)) {
    throw arrowError('a file that ends with ARROW1', 'one that is cut off')
  }
  const footerBytes = viewOf(bytes).getInt32(footerEnd, true)
  if (footerBytes <= 0 || footerBytes > footerEnd - 8)
    throw arrowError('a footer inside the file', `one of ${footerBytes} bytes`)
  const footer = FlatTable.root(bytes.subarray(footerEnd - footerBytes, footerEnd))
  const schema = footer.table(1)
  if (schema === null) throw arrowError('a footer with a schema', 'one without')
  if (footer.blocks(2).length > 0) throw unexpectedMessage(DICTIONARY)
  const fields = readSchema(schema)
  let messageBytes = 0
  const batches = footer.blocks(3).map(({ offset }) => {
    const message = offset < 8 || offset >= footerEnd ? null : readMessage(bytes.subarray(0, footerEnd), offset)
    if (message?.kind !== RECORD_BATCH)
      throw arrowError('blocks that are record batches', `one at ${offset} that is none`)
    messageBytes += message.end - offset
    if (messageBytes > bytes.length) throw arrowError('blocks beside each other', 'some that overlap')
    return message
  })
  return { fields, batches }
}

/**
 * The message at `at`; null at the end of the stream.
 * @throws PenstockError ERR_BODY when it is cut off.
 */
export function readMessage(bytes: Uint8Array, at: number): ArrowMessage | null {
  const left = bytes.length - at
  if (left === 0) return null
  const view = viewOf(bytes)
  if (left < 4) throw cutOff()
  // Before Arrow 0.15 there was no marker before the size.
  const isMarked = view.getInt32(at, true) === -1
  if (isMarked && left < 8) throw cutOff()
  const start = at + (isMarked ? 8 : 4)
  const size = view.getInt32(start - 4, true)
  if (size === 0) return null
  if (size < 0 || size > bytes.length - start) throw cutOff()
  const message = FlatTable.root(bytes.subarray(start, start + size))
  const bodyBytes = message.size(3)
  if (bodyBytes > bytes.length - start - size) throw cutOff()
  const header = message.table(2)
  if (header === null) throw arrowError('messages with a header', 'one without')
  const end = start + size + bodyBytes
  return { kind: message.int8(1, 0), header, body: bytes.subarray(start + size, end), end }
}

function cutOff(): PenstockError {
  return arrowError('bytes that hold what they announce', 'fewer: they are cut off, or no Arrow at all')
}

function unexpectedMessage(kind: number): PenstockError {
  if (kind === DICTIONARY) {
    return new PenstockError(
      'ERR_BODY',
      'Expected Arrow without dictionaries but received a dictionary batch. Decode the columns first, in pyarrow with column.dictionary_decode()',
    )
  }
  return arrowError(
    'one schema and then record batches',
    kind === SCHEMA ? 'a second schema' : `a message of kind ${kind}`,
  )
}

// ── record batches ──────────────────────────────────────────────────────────────────────────────

/** The nodes and buffers of a batch, taken one after the other in the order of the schema. */
interface Cursor {
  readonly nodes: readonly (readonly [number, number])[]
  readonly buffers: readonly (readonly [number, number])[]
  readonly body: Uint8Array
  node: number
  buffer: number
  /** Of all buffers so far. */
  bytes: number
}

function readBatch(header: FlatTable, body: Uint8Array, fields: readonly ArrowField[]): ArrowBatch {
  const compression = header.table(3)
  if (compression !== null) {
    const codec = codecs[compression.int8(0, 0)] ?? 'an unknown codec'
    throw new PenstockError(
      'ERR_BODY',
      `Expected Arrow without compression but received buffers compressed with ${codec}. Send them as they are`,
    )
  }
  const rows = header.size(0)
  const cursor: Cursor = { nodes: header.pairs(1), buffers: header.pairs(2), body, node: 0, buffer: 0, bytes: 0 }
  const columns = fields.map((field) => readColumn(field, cursor))
  const odd = columns.find((column) => column.length !== rows)
  if (odd !== undefined)
    throw arrowError(`columns of ${rows} rows, as their batch has`, `${odd.length} in ${odd.field.name}`)
  return { rows, columns }
}

function readColumn(field: ArrowField, cursor: Cursor): ArrowColumn {
  const node = cursor.nodes[cursor.node++]
  if (node === undefined) throw arrowError('a node for each column', `none for ${field.name}`)
  const [length, nullCount] = node
  if (nullCount > length) throw arrowError(`at most ${length} nulls in ${field.name}`, `${nullCount}`)
  const bits = nextBuffer(cursor, field, nullCount > 0 ? Math.ceil(length / 8) : 0)
  const column = { field, length, nullCount, validity: nullCount > 0 ? bits : null }
  const { type } = field
  if (type.id === 'fixed-size-list') {
    const child = readColumn(type.item, cursor)
    if (child.length !== length * type.size)
      throw arrowError(`${length * type.size} elements in ${field.name}, ${type.size} a row,`, `${child.length}`)
    return { ...column, values: none, offsets: null, child }
  }
  if (type.id === 'list' || type.id === 'large-list') {
    const offsets = readOffsets(field, length, cursor)
    const child = readColumn(type.item, cursor)
    expectOffsets(field, offsets, length, child.length)
    return { ...column, values: none, offsets, child }
  }
  if (type.id === 'utf8' || type.id === 'large-utf8') {
    const offsets = readOffsets(field, length, cursor)
    const values = nextBuffer(cursor, field, 0)
    expectOffsets(field, offsets, length, values.length)
    return { ...column, values, offsets, child: null }
  }
  const bytes = type.id === 'bool' ? Math.ceil(length / 8) : length * elementBytes(type)
  return { ...column, values: nextBuffer(cursor, field, bytes).subarray(0, bytes), offsets: null, child: null }
}

const none = new Uint8Array(0)

/** Bytes of one element of a type of fixed size. */
export function elementBytes(type: ArrowType): number {
  if (type.id === 'int' || type.id === 'float') return type.bits / 8
  return type.id === 'timestamp' ? 8 : 0
}

/** The next buffer, of at least `bytesMin` bytes, aligned to 8 where it lies or copied to where it is. */
function nextBuffer(cursor: Cursor, field: ArrowField, bytesMin: number): Uint8Array {
  const buffer = cursor.buffers[cursor.buffer++]
  if (buffer === undefined) throw arrowError('buffers for each column', `none for ${field.name}`)
  const [offset, length] = buffer
  const { body } = cursor
  if (offset > body.length || length > body.length - offset)
    throw arrowError(`the buffers of ${field.name} in their message`, `${length} bytes at ${offset} of ${body.length}`)
  cursor.bytes += length
  if (cursor.bytes > body.length) throw arrowError('buffers beside each other', 'some that overlap')
  if (length < bytesMin) throw arrowError(`at least ${bytesMin} bytes in ${field.name}`, `${length}`)
  const bytes = body.subarray(offset, offset + length)
  return bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.prototype.slice.call(bytes)
}

function readOffsets(field: ArrowField, length: number, cursor: Cursor): Int32Array | BigInt64Array {
  const isLarge = field.type.id === 'large-list' || field.type.id === 'large-utf8'
  const bytes = (length + 1) * (isLarge ? 8 : 4)
  // An empty column may leave its one offset out.
  const buffer = nextBuffer(cursor, field, length === 0 ? 0 : bytes)
  if (length === 0) return isLarge ? new BigInt64Array(1) : new Int32Array(1)
  return isLarge
    ? new BigInt64Array(buffer.buffer, buffer.byteOffset, length + 1)
    : new Int32Array(buffer.buffer, buffer.byteOffset, length + 1)
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

function startsWithMagic(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < magic.length; index++) if (bytes[at + index] !== magic.charCodeAt(index)) return false
  return true
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
