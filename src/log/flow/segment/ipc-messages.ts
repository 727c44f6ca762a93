/**
 * Finds the record batches of an Arrow IPC stream in a file without reading their bodies: the index by which a reader
 * gets the rows it wants, and by which a torn file is cut.
 *
 *    ┌ ff ff ff ff │ metadata bytes (int32) │ metadata: a flatbuffers Message, padded │ body ┐  again and again
 *    └ ff ff ff ff │ 0                                                                      ┘  the end, if it was sealed
 *
 * A file may end anywhere: its process was killed, or is writing. What is not whole is not there, and neither is what
 * follows something that cannot be a message: a disk that lost power leaves zeros. Only the few fields that are needed
 * are read, each bounded. Format: arrow.apache.org/docs/format/Columnar.html, Message.fbs.
 */
import { fstatSync, readSync } from 'node:fs'

/** Where a record batch lies. */
export interface BatchPlace {
  /** Where the message is in the file. */
  readonly offset: number
  readonly metadataBytes: number
  readonly bodyBytes: number
  readonly firstRow: number
  readonly rows: number
  /** Where the values of the first column, `time`, are in the file. */
  readonly timesOffset: number
}

/** What is known of a file; reading on later continues at `offset`. */
export interface StreamIndex {
  /** The schema's whole message; null: the file has none yet. */
  schema: Buffer | null
  readonly batches: BatchPlace[]
  rows: number
  /** Where the last whole message ends. */
  offset: number
  /** The end-of-stream marker was read. */
  isEnded: boolean
}

const prefixBytes = 8
const continuation = 0xffffffff
const windowBytes = 64 * 1024
/** Bytes of a message's metadata: 256 fields with their names need some hundred thousand. */
const metadataBytesMax = 16 * 1024 * 1024
const schemaType = 1
const recordBatchType = 3

export function newIndex(): StreamIndex {
  return { schema: null, batches: [], rows: 0, offset: 0, isEnded: false }
}

/** Reads on from where `index` ends, to the last whole message that the file has now. */
export function extendIndex(fd: number, index: StreamIndex): void {
  const { size } = fstatSync(fd)
  const window = new Window(fd, size)
  while (!index.isEnded && readMessage(window, index)) {
    // The index has grown by a message.
  }
}

/** @returns false when there is no further whole message. */
function readMessage(window: Window, index: StreamIndex): boolean {
  const { offset } = index
  const prefix = window.view(offset, prefixBytes)
  if (prefix === null || prefix.getUint32(0, true) !== continuation) return false
  const metadataBytes = prefix.getInt32(4, true)
  if (metadataBytes === 0) {
    index.isEnded = true
    index.offset += prefixBytes
    return false
  }
  if (metadataBytes < 0 || metadataBytes > metadataBytesMax) return false
  const metadata = window.view(offset + prefixBytes, metadataBytes)
  const message = metadata === null ? null : parseMessage(metadata)
  if (message === null) return false
  const bodyOffset = offset + prefixBytes + metadataBytes
  if (bodyOffset + message.bodyBytes > window.size) return false
  if (message.type === schemaType) index.schema = window.copy(offset, prefixBytes + metadataBytes)
  else if (message.type === recordBatchType && index.schema !== null) {
    const { rows, bodyBytes } = message
    const timesOffset = bodyOffset + message.timesOffset
    index.batches.push({ offset, metadataBytes, bodyBytes, firstRow: index.rows, rows, timesOffset })
    index.rows += rows
  } else return false
  index.offset = bodyOffset + message.bodyBytes
  return true
}

/** What a record batch message says of its body. */
export interface BatchLayout {
  /** Length and null count of each column and child, in turn. */
  readonly nodes: readonly number[]
  /** Offset in the body and length of each buffer, in turn. */
  readonly buffers: readonly number[]
}

/** @param metadata of a message that the index has found to be a record batch. */
export function batchLayoutOf(metadata: DataView): BatchLayout {
  const header = new FlatTable(metadata, metadata.getUint32(0, true)).table(2)
  const nodes = header?.vector(1)
  const buffers = header?.vector(2)
  if (nodes == null || buffers == null) throw new RangeError('Expected a record batch with nodes and buffers')
  return { nodes: sizesIn(metadata, nodes), buffers: sizesIn(metadata, buffers) }
}

/** Reads a vector of structs of two int64 that are sizes. */
function sizesIn(view: DataView, { start, length }: { start: number; length: number }): number[] {
  const sizes = new Array<number>(length * 2)
  for (let index = 0, at = start; index < sizes.length; index++, at += 8)
    sizes[index] = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
  return sizes
}

interface Message {
  readonly type: number
  readonly bodyBytes: number
  readonly rows: number
  /** In the body. */
  readonly timesOffset: number
}

/** @returns null for bytes that are no message of a schema or a record batch. */
function parseMessage(view: DataView): Message | null {
  try {
    const table = new FlatTable(view, view.getUint32(0, true))
    const type = table.uint8(1)
    const bodyBytes = table.int64(3)
    if (type === schemaType) return { type, bodyBytes, rows: 0, timesOffset: 0 }
    const header = type === recordBatchType ? table.table(2) : null
    if (header === null) return null
    const rows = header.int64(0)
    // Buffers are structs of offset and length: the first column's are its validity and its values.
    const buffers = header.vector(2)
    if (buffers === null || buffers.length < 2) return null
    const timesOffset = Number(view.getBigInt64(buffers.start + 16, true))
    return timesOffset + rows * 8 <= bodyBytes ? { type, bodyBytes, rows, timesOffset } : null
  } catch (error) {
    // An offset beyond the bytes: no message of ours.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** A flatbuffers table: fields by number, each behind an offset of the vtable; 0 where it is not written. */
class FlatTable {
  readonly #view: DataView
  readonly #start: number

  constructor(view: DataView, start: number) {
    this.#view = view
    this.#start = start
  }

  uint8(field: number): number {
    const at = this.#at(field)
    return at === 0 ? 0 : this.#view.getUint8(at)
  }

  /** Not negative. @throws RangeError */
  int64(field: number): number {
    const at = this.#at(field)
    const value = at === 0 ? 0 : Number(this.#view.getBigInt64(at, true))
    if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError('Expected a size')
    return value
  }

  table(field: number): FlatTable | null {
    const at = this.#at(field)
    return at === 0 ? null : new FlatTable(this.#view, at + this.#view.getUint32(at, true))
  }

  vector(field: number): { start: number; length: number } | null {
    const at = this.#at(field)
    if (at === 0) return null
    const vector = at + this.#view.getUint32(at, true)
    return { start: vector + 4, length: this.#view.getUint32(vector, true) }
  }

  #at(field: number): number {
    const vtable = this.#start - this.#view.getInt32(this.#start, true)
    const entry = 4 + 2 * field
    if (entry >= this.#view.getUint16(vtable, true)) return 0
    const offset = this.#view.getUint16(vtable + entry, true)
    return offset === 0 ? 0 : this.#start + offset
  }
}

/** A stretch of the file in memory: metadata is small and near its like, bodies are skipped. */
class Window {
  readonly size: number
  readonly #fd: number
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(fd: number, size: number) {
    this.#fd = fd
    this.size = size
  }

  /** @returns null when the file ends before. Valid until the next call. */
  view(offset: number, length: number): DataView | null {
    if (offset + length > this.size) return null
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      this.#start = offset
      this.#bytes = readRange(this.#fd, offset, Math.min(Math.max(length, windowBytes), this.size - offset))
      if (this.#bytes.length < length) return null
    }
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + offset - this.#start, length)
  }

  copy(offset: number, length: number): Buffer {
    const view = this.view(offset, length)
    if (view === null) throw new RangeError('Expected bytes that were read before')
    return Buffer.from(new Uint8Array(view.buffer, view.byteOffset, length))
  }
}

/** Bytes of a file, fewer where it ends. */
export function readRange(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let count = 0
  while (count < length) {
    const read = readSync(fd, bytes, count, length - count, offset + count)
    if (read === 0) break
    count += read
  }
  return bytes.subarray(0, count)
}
