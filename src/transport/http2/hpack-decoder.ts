/**
 * HPACK, decoded from untrusted bytes. The dynamic table has the size that every peer may count on and no more; a list of
 * fields is bounded in bytes and number, so that a small block of references cannot become a large list.
 *
 * @source RFC 7541.
 */
import { HTTP2_FIELDS_MAX, HTTP2_FIELD_BYTES_MAX } from '../../base/limits/http2-limits.js'
import { CODE, ConnectionError, TABLE_BYTES, type Field } from './frames.js'
import { decodeHuffman } from './huffman.js'
import { staticFields } from './static-table.js'

/** What a field costs beside its texts: RFC 7541 section 4.1. */
const fieldBytes = 32
/** An integer of a block is never more: it is above any length or index that is allowed. */
const integerMax = 2 ** 24

export class HpackDecoder {
  /** Newest first. */
  readonly #table: Field[] = []
  #tableBytes = 0
  #tableBytesMax = TABLE_BYTES
  /** Counts changes of the table: two equal blocks mean the same while it stands still. */
  revision = 0
  #block: Buffer = Buffer.alloc(0)
  #at = 0

  /**
   * @param block whole: HEADERS and what continues it.
   * @returns null: well-formed, but more than is allowed; the table is as the peer's all the same.
   * @throws ConnectionError COMPRESSION_ERROR: the two tables have parted.
   */
  decode(block: Buffer): Field[] | null {
    this.#block = block
    this.#at = 0
    const fields: Field[] = []
    let bytes = 0
    let isTooMuch = false
    while (this.#at < block.length) {
      const field = this.#next(fields.length === 0 && bytes === 0)
      if (field === null) continue
      bytes += sizeOf(field)
      if (bytes > HTTP2_FIELD_BYTES_MAX || fields.length >= HTTP2_FIELDS_MAX) isTooMuch = true
      else fields.push(field)
    }
    return isTooMuch ? null : fields
  }

  /** @returns null: it was a change of the table's size. */
  #next(isFirst: boolean): Field | null {
    const byte = this.#block[this.#at] as number
    if (byte >= 0x80) return this.#fieldAt(this.#integer(7))
    if (byte >= 0x40) {
      const field = this.#literal(6)
      this.#insert(field)
      return field
    }
    // Without indexing, or never indexed: nothing here passes headers on.
    if (byte < 0x20) return this.#literal(4)
    if (!isFirst) throw broken('a change of the table stands behind a field')
    const size = this.#integer(5)
    if (size > TABLE_BYTES) throw broken('a table larger than was allowed')
    this.#tableBytesMax = size
    this.#evict(0)
    this.revision++
    return null
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits)
    const name = index === 0 ? this.#text() : this.#fieldAt(index)[0]
    return [name, this.#text()]
  }

  #fieldAt(index: number): Field {
    const field = index <= staticFields.length ? staticFields[index - 1] : this.#table[index - staticFields.length - 1]
    if (field === undefined) throw broken('an index that no field has')
    return field
  }

  #insert(field: Field): void {
    this.revision++
    const bytes = sizeOf(field)
    this.#evict(bytes)
    if (bytes > this.#tableBytesMax) return
    this.#table.unshift(field)
    this.#tableBytes += bytes
  }

  /** Makes room for `bytes` more. */
  #evict(bytes: number): void {
    while (this.#table.length > 0 && this.#tableBytes + bytes > this.#tableBytesMax)
      this.#tableBytes -= sizeOf(this.#table.pop() as Field)
  }

  #integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1
    let value = this.#byte() & max
    if (value < max) return value
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (value > integerMax || scale > integerMax) throw broken('an integer that is too large')
      if (byte < 0x80) return value
    }
  }

  #text(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80
    const length = this.#integer(7)
    const start = this.#at
    if (length > this.#block.length - start) throw broken('a text that ends early')
    this.#at += length
    return isHuffman ? decodeHuffman(this.#block, start, this.#at) : this.#block.toString('latin1', start, this.#at)
  }

  #byte(): number {
    const byte = this.#block[this.#at++]
    if (byte === undefined) throw broken('a block that ends early')
    return byte
  }
}

const sizeOf = ([name, value]: Field): number => name.length + value.length + fieldBytes

function broken(what: string): ConnectionError {
  return new ConnectionError(CODE.COMPRESSION_ERROR, `a header block has ${what}`)
}
