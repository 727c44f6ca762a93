/**
 * HPACK, encoded. Fields that most answers have are put into the peer's table once and are a byte each from then on; all
 * others are literals that enter no table. Nothing is Huffman-coded: what is rare need not be small.
 *
 * A peer that wants a table smaller than the default gets none at all.
 *
 * @source RFC 7541.
 */
import { TABLE_BYTES, type Field } from './frames.js'
import { staticFields } from './static-table.js'

/** Fields of an answer. */
export interface FieldList {
  /** One of few lists that are the same for the life of the process, by identity. */
  readonly common: readonly Field[]
  /** Go as literals. */
  readonly others: readonly Field[]
}

export class HpackEncoder {
  /** By `name\0value`: which insertion it was. */
  readonly #inserted = new Map<string, number>()
  #isIndexing = true
  /** The next block begins with the news that the table is gone. */
  #isReset = false
  /** Blocks of lists that are nothing but common; an insertion moves all indexes, and empties it. */
  readonly #blocks = new Map<readonly Field[], Buffer>()

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  limitTable(bytes: number): void {
    if (bytes >= TABLE_BYTES || !this.#isIndexing) return
    this.#isIndexing = false
    this.#isReset = true
    this.#inserted.clear()
    this.#blocks.clear()
  }

  /** Blocks must be sent in the order in which they are encoded. */
  encode({ common, others }: FieldList): Buffer {
    const known = others.length === 0 && !this.#isReset ? this.#blocks.get(common) : undefined
    if (known !== undefined) return known
    const insertions = this.#inserted.size
    const isPlain = others.length === 0 && !this.#isReset
    const parts: number[] = []
    if (this.#isReset) parts.push(0x20)
    this.#isReset = false
    for (const field of common) this.#writeCommon(parts, field)
    for (const field of others) writeLiteral(parts, 0, field)
    const block = Buffer.from(parts)
    if (this.#inserted.size !== insertions) this.#blocks.clear()
    else if (isPlain) this.#blocks.set(common, block)
    return block
  }

  #writeCommon(parts: number[], field: Field): void {
    const known = staticFields.findIndex(([name, value]) => name === field[0] && value === field[1])
    if (known >= 0) return writeInteger(parts, 0x80, 7, known + 1)
    if (!this.#isIndexing) return writeLiteral(parts, 0, field)
    const key = field.join('\0')
    const insertion = this.#inserted.get(key)
    // The newest has the first index behind the static ones.
    if (insertion !== undefined)
      return writeInteger(parts, 0x80, 7, staticFields.length + this.#inserted.size - insertion)
    this.#inserted.set(key, this.#inserted.size)
    writeLiteral(parts, 0x40, field)
  }
}

function writeLiteral(parts: number[], first: number, [name, value]: Field): void {
  parts.push(first)
  writeText(parts, name)
  writeText(parts, value)
}

function writeText(parts: number[], text: string): void {
  writeInteger(parts, 0, 7, text.length)
  for (let index = 0; index < text.length; index++) parts.push(text.charCodeAt(index) & 0xff)
}

function writeInteger(parts: number[], first: number, prefixBits: number, value: number): void {
  const max = 2 ** prefixBits - 1
  if (value < max) return void parts.push(first | value)
  parts.push(first | max)
  let rest = value - max
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) parts.push((rest % 0x80) | 0x80)
  parts.push(rest)
}
