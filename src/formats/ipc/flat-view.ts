/**
 * FlatBuffers that nobody has vouched for: every offset and length is checked where it is followed, so that a reader can
 * walk Arrow's metadata without knowing it to be whole. Values that are not there have their defaults, as the format says.
 *
 * Why not apache-arrow's reader for requests: it trusts what it reads. A vector that claims 2^31 fields keeps it busy for
 * minutes. Format: https://flatbuffers.dev/internals/ ; all integers little-endian.
 */
import { PenstockError } from '../../base/errors.js'

/** @throws always: the bytes are no Arrow. */
export function arrowError(rule: string, received: string): PenstockError {
  return new PenstockError('ERR_BODY', `Expected Arrow ${rule} but received ${received}`)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** How much may be read of one message: a few times its size, or parts that are pointed at again and again add up. */
interface Allowance {
  bytes: number
}
const readingsMax = 4
const allowanceBytesMin = 4096

/** A table inside `bytes`; slots are numbered as in the schema. */
export class FlatTable {
  readonly #view: DataView
  readonly #allowance: Allowance
  readonly #position: number
  readonly #vtable: number
  readonly #vtableBytes: number
  readonly #tableBytes: number

  constructor(view: DataView, position: number, allowance: Allowance) {
    this.#view = view
    this.#allowance = allowance
    this.#position = position
    spend(allowance, 8)
    expectRoom(view, position, 4)
    this.#vtable = position - view.getInt32(position, true)
    expectRoom(view, this.#vtable, 4)
    this.#vtableBytes = view.getUint16(this.#vtable, true)
    this.#tableBytes = view.getUint16(this.#vtable + 2, true)
    expectRoom(view, this.#vtable, this.#vtableBytes)
    expectRoom(view, position, this.#tableBytes)
  }

  /** The table that `bytes` begin with. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    expectRoom(view, 0, 4)
    const allowance = { bytes: readingsMax * bytes.byteLength + allowanceBytesMin }
    return new FlatTable(view, view.getUint32(0, true), allowance)
  }

  has(slot: number): boolean {
    return this.#field(slot, 1) !== null
  }

  int8(slot: number, absent: number): number {
    const at = this.#field(slot, 1)
    return at === null ? absent : this.#view.getInt8(at)
  }

  int16(slot: number, absent: number): number {
    const at = this.#field(slot, 2)
    return at === null ? absent : this.#view.getInt16(at, true)
  }

  int32(slot: number, absent: number): number {
    const at = this.#field(slot, 4)
    return at === null ? absent : this.#view.getInt32(at, true)
  }

  /** A count or size: refused when it is below 0 or beyond 2^53. */
  size(slot: number): number {
    const at = this.#field(slot, 8)
    return at === null ? 0 : readSize(this.#view, at)
  }

  table(slot: number): FlatTable | null {
    const at = this.#field(slot, 4)
    return at === null ? null : new FlatTable(this.#view, at + this.#view.getUint32(at, true), this.#allowance)
  }

  text(slot: number): string {
    const range = this.#vector(slot, 1)
    if (range === null) return ''
    const { buffer, byteOffset } = this.#view
    try {
      return decoder.decode(new Uint8Array(buffer, byteOffset + range.start, range.count))
    } catch {
      throw arrowError('metadata with texts in UTF-8', 'bytes that are not')
    }
  }

  tables(slot: number): FlatTable[] {
    const range = this.#vector(slot, 4)
    if (range === null) return []
    return Array.from({ length: range.count }, (_, index) => {
      const at = range.start + 4 * index
      return new FlatTable(this.#view, at + this.#view.getUint32(at, true), this.#allowance)
    })
  }

  /** Structs of pairs of 64-bit sizes: Arrow's FieldNode and Buffer. @param min of the second: -1 stands for unknown. */
  pairs(slot: number, min: 0 | -1 = 0): (readonly [number, number])[] {
    const range = this.#vector(slot, 16)
    if (range === null) return []
    return Array.from({ length: range.count }, (_, index) => {
      const at = range.start + 16 * index
      return [readSize(this.#view, at), readSize(this.#view, at + 8, min)] as const
    })
  }

  /** 64-bit sizes. */
  sizes(slot: number): number[] {
    const range = this.#vector(slot, 8)
    if (range === null) return []
    return Array.from({ length: range.count }, (_, index) => readSize(this.#view, range.start + 8 * index))
  }

  /** Arrow's Block: {offset: int64, metaDataLength: int32, bodyLength: int64}. */
  blocks(slot: number): { offset: number; metadataBytes: number; bodyBytes: number }[] {
    const range = this.#vector(slot, 24)
    if (range === null) return []
    return Array.from({ length: range.count }, (_, index) => {
      const at = range.start + 24 * index
      const metadataBytes = this.#view.getInt32(at + 8, true)
      if (metadataBytes < 0) throw arrowError('blocks of a size >= 0', String(metadataBytes))
      return { offset: readSize(this.#view, at), metadataBytes, bodyBytes: readSize(this.#view, at + 16) }
    })
  }

  /** Where the field lies; null when it is absent. */
  #field(slot: number, bytes: number): number | null {
    const entry = 4 + 2 * slot
    if (entry + 2 > this.#vtableBytes) return null
    const offset = this.#view.getUint16(this.#vtable + entry, true)
    if (offset === 0) return null
    if (offset + bytes > this.#tableBytes)
      throw arrowError('metadata whose fields lie in their table', `an offset of ${offset}`)
    return this.#position + offset
  }

  #vector(slot: number, elementBytes: number): { readonly start: number; readonly count: number } | null {
    const at = this.#field(slot, 4)
    if (at === null) return null
    const position = at + this.#view.getUint32(at, true)
    expectRoom(this.#view, position, 4)
    const count = this.#view.getUint32(position, true)
    expectRoom(this.#view, position + 4, count * elementBytes)
    spend(this.#allowance, count * elementBytes)
    return { start: position + 4, count }
  }
}

function readSize(view: DataView, at: number, min = 0): number {
  const value = view.getBigInt64(at, true)
  if (value < min || value > BigInt(Number.MAX_SAFE_INTEGER)) throw arrowError('sizes in 0..2^53', String(value))
  return Number(value)
}

function spend(allowance: Allowance, bytes: number): void {
  allowance.bytes -= bytes
  if (allowance.bytes < 0) throw arrowError('metadata that stands once', 'parts that many others point at')
}

function expectRoom(view: DataView, position: number, bytes: number): void {
  if (position >= 0 && bytes <= view.byteLength - position) return
  throw arrowError('metadata whose offsets lie inside it', `an offset of ${position} in ${view.byteLength} bytes`)
}
