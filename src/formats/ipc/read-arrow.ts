/**
 * Arrow IPC bodies, file or stream, to columns. The bytes are a stranger's, so that whatever they claim is checked first:
 * that a message lies in the body, a buffer in its message, an element in its buffer; that offsets of lists only grow.
 * What passed can be read without another look. Plain columns are views of the body, nothing of them is copied; packed
 * buffers, dictionaries and views are written out within an allowance (read-column.ts).
 *
 *   stream   message… (end marker)                message: ffffffff · size · metadata · padding · body
 *   file     ARROW1 · message… · footer · size · ARROW1        the footer says where the batches are
 *
 * https://arrow.apache.org/docs/format/Columnar.html
 */
import { PenstockError } from '../../base/errors.js'
import { ARROW_DECODED_BYTES_MAX } from '../../base/limits/limits.js'
import { readSchema, type ArrowField, type ArrowSchema } from './arrow-schema.js'
import { Allowance, type ArrowColumn } from './columns.js'
import { arrowError, FlatTable } from './flat-view.js'
import { ColumnReader, type Dictionaries } from './read-column.js'

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
  /** What may still be made of the body. */
  readonly allowance: Allowance
}

export const arrowMagic = 'ARROW1'
const SCHEMA = 1
const DICTIONARY = 2
const RECORD_BATCH = 3

/**
 * Reads a body of either form.
 * @param bytes the caller's; the columns may be views of them.
 * @param rowsMax of all batches together.
 * @param allowance for what is unpacked and written out.
 * @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_TOO_MANY_ROWS.
 */
export function readArrow(
  bytes: Uint8Array,
  rowsMax: number,
  allowance = new Allowance(ARROW_DECODED_BYTES_MAX),
): ArrowBody {
  const isFile = isArrowFile(bytes)
  const decoder = isFile ? readFile(bytes, rowsMax, allowance) : readStream(bytes, rowsMax, allowance)
  const { batches, rows } = decoder
  return { form: isFile ? 'file' : 'stream', fields: decoder.schema.fields, batches, rows, allowance }
}

/** Whether `bytes` begin as an Arrow file does. */
export function isArrowFile(bytes: Uint8Array): boolean {
  return bytes.length >= arrowMagic.length && startsWithMagic(bytes, 0)
}

/** Messages behind a schema, in their order, to batches. */
export class BatchDecoder {
  readonly schema: ArrowSchema
  readonly batches: ArrowBatch[] = []
  rows = 0
  readonly allowance: Allowance
  readonly #rowsMax: number
  readonly #dictionaries: Dictionaries = new Map()

  constructor(schema: FlatTable, rowsMax: number, allowance: Allowance) {
    this.schema = readSchema(schema)
    this.#rowsMax = rowsMax
    this.allowance = allowance
  }

  /** @throws PenstockError ERR_BODY also for a message that has no place behind a schema. */
  take(message: ArrowMessage): void {
    if (message.kind === DICTIONARY) this.#takeDictionary(message)
    else if (message.kind === RECORD_BATCH) this.#takeBatch(message)
    else
      throw arrowError(
        'one schema and then batches',
        message.kind === SCHEMA ? 'a second schema' : `a message of kind ${message.kind}`,
      )
  }

  #takeBatch({ header, body }: ArrowMessage): void {
    // Before the columns are looked at: every loop over them is bounded by the rows, or by bytes that are there.
    const rows = header.size(0)
    this.rows += rows
    if (this.rows > this.#rowsMax) {
      const sentence = `Expected the request to have at most ${this.#rowsMax} rows but received more`
      throw new PenstockError('ERR_TOO_MANY_ROWS', `${sentence}. Send them in several requests`)
    }
    const reader = new ColumnReader(header, body, this.#dictionaries, this.allowance)
    const columns = this.schema.fields.map((field) => reader.read(field))
    const uneven = columns.find((column) => column.length !== rows)
    if (uneven !== undefined)
      throw arrowError(`columns of ${rows} rows, as their batch has`, `${uneven.length} in ${uneven.field.name}`)
    if (rows > 0) this.batches.push({ rows, columns })
  }

  /** A delta stands behind the values that are there; any other batch replaces them. */
  #takeDictionary({ header, body }: ArrowMessage): void {
    const id = header.size(0)
    const values = this.schema.dictionaries.get(id)
    const data = header.table(1)
    if (values === undefined || data === null)
      throw arrowError('dictionary batches of dictionaries that the schema names', `one of the number ${id}`)
    const column = new ColumnReader(data, body, this.#dictionaries, this.allowance).read(values)
    const before = header.int8(2, 0) === 0 ? [] : (this.#dictionaries.get(id) ?? [])
    this.#dictionaries.set(id, [...before, column])
  }
}

// ── messages ────────────────────────────────────────────────────────────────────────────────────

export interface ArrowMessage {
  readonly kind: number
  readonly header: FlatTable
  readonly body: Uint8Array
  /** Where the next message begins. */
  readonly end: number
}

function readStream(bytes: Uint8Array, rowsMax: number, allowance: Allowance): BatchDecoder {
  let decoder: BatchDecoder | null = null
  for (let at = 0; ;) {
    const message = readMessage(bytes, at)
    if (message === null) break
    at = message.end
    if (decoder !== null) decoder.take(message)
    else if (message.kind === SCHEMA) decoder = new BatchDecoder(message.header, rowsMax, allowance)
    else break
  }
  if (decoder === null) throw arrowError('bytes that begin with a schema', `${bytes.length} bytes without one`)
  return decoder
}

function readFile(bytes: Uint8Array, rowsMax: number, allowance: Allowance): BatchDecoder {
  const footerEnd = bytes.length - arrowMagic.length - 4
  if (footerEnd < 8 || !startsWithMagic(bytes, bytes.length - arrowMagic.length)) {
    throw arrowError('in a file that ends with ARROW1', 'one that is cut off')
  }
  const footerBytes = viewOf(bytes).getInt32(footerEnd, true)
  if (footerBytes <= 0 || footerBytes > footerEnd - 8)
    throw arrowError('a footer inside the file', `one of ${footerBytes} bytes`)
  const { schema, dictionaries, batches } = readFooter(bytes.subarray(footerEnd - footerBytes, footerEnd))
  const decoder = new BatchDecoder(schema, rowsMax, allowance)
  let messageBytes = 0
  const takeBlocks = (blocks: readonly ArrowBlock[], kind: number): void => {
    for (const { offset } of blocks) {
      const message = offset < 8 || offset >= footerEnd ? null : readMessage(bytes.subarray(0, footerEnd), offset)
      if (message?.kind !== kind)
        throw arrowError('blocks that are batches of their kind', `one at ${offset} that is none`)
      messageBytes += message.end - offset
      if (messageBytes > bytes.length) throw arrowError('blocks beside each other', 'some that overlap')
      decoder.take(message)
    }
  }
  takeBlocks(dictionaries, DICTIONARY)
  takeBlocks(batches, RECORD_BATCH)
  return decoder
}

export type ArrowBlock = ReturnType<FlatTable['blocks']>[number]

export interface ArrowFooter {
  readonly schema: FlatTable
  readonly dictionaries: readonly ArrowBlock[]
  readonly batches: readonly ArrowBlock[]
}

/** @param bytes only of the footer. */
export function readFooter(bytes: Uint8Array): ArrowFooter {
  const footer = FlatTable.root(bytes)
  const schema = footer.table(1)
  if (schema === null) throw arrowError('a footer with a schema', 'one without')
  return { schema, dictionaries: footer.blocks(2), batches: footer.blocks(3) }
}

/** A message whose metadata are all there, and how many bytes follow them. */
export interface MessageHead {
  readonly message: FlatTable
  /** Where the body begins. */
  readonly start: number
  readonly bodyBytes: number
}

/**
 * The metadata of the message at `at`; null at the end of the stream.
 * @throws PenstockError ERR_BODY when they are cut off.
 */
export function readMessageHead(bytes: Uint8Array, at: number): MessageHead | null {
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
  return { message, start: start + size, bodyBytes: message.size(3) }
}

/**
 * The message at `at`; null at the end of the stream.
 * @throws PenstockError ERR_BODY when it is cut off.
 */
export function readMessage(bytes: Uint8Array, at: number): ArrowMessage | null {
  const head = readMessageHead(bytes, at)
  if (head === null) return null
  const { message, start, bodyBytes } = head
  if (bodyBytes > bytes.length - start) throw cutOff()
  const header = message.table(2)
  if (header === null) throw arrowError('messages with a header', 'one without')
  const end = start + bodyBytes
  return { kind: message.int8(1, 0), header, body: bytes.subarray(start, end), end }
}

function cutOff(): PenstockError {
  return arrowError('bytes that hold what they announce', 'fewer: they are cut off, or no Arrow at all')
}

function startsWithMagic(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < arrowMagic.length; index++)
    if (bytes[at + index] !== arrowMagic.charCodeAt(index)) return false
  return true
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
