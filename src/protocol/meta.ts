/**
 * Routing keys on the wire: entries of `Infer.meta`, or a `MetaBlock` of their own, which is how the engine hands them
 * to the addon.
 *
 * Written forward, by hand: sizes are bounded first, then everything is placed in one pass, so that InferEncoder can
 * append them to a frame whose beginning is fixed. flatbuffers' Builder writes backwards and cannot. Layout of an entry,
 * at an 8-byte boundary of the buffer: vtable (14 bytes, padded to 16), table (16 bytes), key, value.
 */
import { argumentError } from '../base/expect.js'
import { META_KEYS_MAX, META_TEXT_CHARACTERS_MAX } from '../base/limits/limits.js'
import { PenstockError } from '../base/errors.js'
import { ByteBuffer } from 'flatbuffers'
import type { Meta as WireMeta } from './generated/meta.js'
import { MetaBlock } from './generated/meta-block.js'
import type { Meta, MetaValue } from './meta-value.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY, withValidTrace } from './trace-context.js'
import { verifyMetaBlock } from './verify.js'

export type { Meta, MetaValue } from './meta-value.js'

/** Slots of wire.Meta; a test compares them with the schema. */
export const META_SLOTS = { key: 0, number: 1, text: 2, numbers: 3, texts: 4 } as const
type ValueSlot = Exclude<keyof typeof META_SLOTS, 'key'>

const ENTRY_VTABLE_BYTES = 14
const ENTRY_TABLE_BYTES = 16
const META_BLOCK_HEAD_BYTES = 20
const textEncoder = new TextEncoder()

/** A place to write: both views are of the same memory and start at its first byte. */
export interface WireMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/**
 * Encodes routing keys as a MetaBlock FlatBuffer.
 * @param rows of the request: arrays must have one value per row.
 * @returns fresh memory, owned by the caller; null when `meta` has no entry.
 * @throws PenstockError ERR_META when a value is neither a string, a finite number, nor one of them per row.
 */
export function encodeMetaBlock(meta: Meta, rows: number): Uint8Array | null {
  const entries = metaEntries(meta, rows)
  if (entries.length === 0) return null
  const bytes = new Uint8Array(META_BLOCK_HEAD_BYTES + metaBytesBound(entries))
  const memory = { bytes, view: new DataView(bytes.buffer) }
  const { view } = memory
  view.setUint32(0, 12, true) // root
  view.setUint16(4, 6, true) // vtable: its bytes, the table's bytes, entries
  view.setUint16(6, 8, true)
  view.setUint16(8, 4, true)
  view.setInt32(12, 8, true) // table: back to the vtable
  view.setUint32(16, META_BLOCK_HEAD_BYTES - 16, true)
  return bytes.subarray(0, writeMetaEntries(memory, META_BLOCK_HEAD_BYTES, entries))
}

/**
 * Reads a MetaBlock. The result has no prototype: keys come from outside.
 * @throws PenstockError ERR_FRAME when the bytes are not a well-formed MetaBlock.
 */
export function decodeMetaBlock(bytes: Uint8Array): Meta {
  verifyMetaBlock(bytes)
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  const block = MetaBlock.getRootAsMetaBlock(new ByteBuffer(aligned))
  return readMetaEntries(block.entriesLength(), (index) => block.entries(index))
}

/** Reads the verified entries of a frame. @throws PenstockError ERR_FRAME when an entry has not exactly one value. */
export function readMetaEntries(count: number, entryAt: (index: number) => WireMeta | null): Meta {
  const meta: Record<string, MetaValue> = Object.create(null) as Record<string, MetaValue>
  for (let index = 0; index < count; index++) {
    const entry = entryAt(index)
    const key = entry?.key() ?? ''
    const values = entry === null ? [] : valuesOf(entry)
    const [value] = values
    if (value === undefined || values.length > 1) {
      throw new PenstockError(
        'ERR_FRAME',
        `Expected meta entry ${index} to have exactly one value but received ${values.length}`,
      )
    }
    meta[key] = value
  }
  return meta
}

function valuesOf(entry: WireMeta): MetaValue[] {
  const values: MetaValue[] = []
  const number = entry.number()
  const text = entry.text()
  const numbers = entry.numbersArray()
  if (number !== null) values.push(number)
  if (text !== null) values.push(text)
  // An empty vector is present too; flatc's accessor gives null for absence for typed vectors only.
  if (numbers !== null) values.push(Array.from(numbers))
  if (entry.bb?.__offset(entry.bb_pos, 4 + 2 * META_SLOTS.texts)) {
    values.push(Array.from({ length: entry.textsLength() }, (_, index) => entry.texts(index)))
  }
  return values
}

/** One checked entry. */
export interface MetaEntry {
  readonly key: string
  readonly slot: ValueSlot
  readonly value: MetaValue
}

/**
 * Checks routing keys and sorts out which of the four wire forms each takes. An invalid trace context is left out.
 * @throws PenstockError ERR_META
 */
export function metaEntries(given: Meta, rows: number): MetaEntry[] {
  const meta = withValidTrace(given)
  const keys = Object.keys(meta)
  // A proxy adds the trace context: a request that was small enough before is not refused for it.
  if (keys.length > META_KEYS_MAX && keys.filter(isCounted).length > META_KEYS_MAX)
    throw metaError('meta', `an object of at most ${META_KEYS_MAX} keys`, `${keys.length} keys`)
  return keys.flatMap((key) => {
    const value = meta[key]
    // As everywhere in JavaScript's options: undefined is absent.
    if (value === undefined) return []
    if (key.length > META_TEXT_CHARACTERS_MAX) {
      throw metaError('each key of meta', `at most ${META_TEXT_CHARACTERS_MAX} characters`, `${key.length} characters`)
    }
    return [{ key, slot: slotOf(key, value, rows), value }]
  })
}

function isCounted(key: string): boolean {
  return key !== TRACE_PARENT_KEY && key !== TRACE_STATE_KEY
}

function slotOf(key: string, value: unknown, rows: number): ValueSlot {
  if (!Array.isArray(value)) {
    if (typeof value === 'number') return expectFinite(key, value)
    if (typeof value === 'string') return expectShort(key, value)
    throw metaError(`meta.${key}`, 'a string, a number, or an array of one per row', value)
  }
  const values: readonly unknown[] = value
  if (values.length !== rows) {
    throw metaError(`meta.${key}`, `one value, or an array of one per row (${rows})`, value)
  }
  const isText = typeof values[0] === 'string'
  for (const element of values) {
    if (isText && typeof element === 'string') expectShort(key, element)
    else if (!isText && typeof element === 'number') expectFinite(key, element)
    else throw metaError(`meta.${key}`, 'an array of strings or an array of numbers', element)
  }
  return isText ? 'texts' : 'numbers'
}

function expectFinite(key: string, value: number): 'number' {
  if (!Number.isFinite(value)) throw metaError(`meta.${key}`, 'a finite number', value)
  return 'number'
}

function expectShort(key: string, value: string): 'text' {
  if (value.length > META_TEXT_CHARACTERS_MAX) {
    throw metaError(
      `meta.${key}`,
      `a text of at most ${META_TEXT_CHARACTERS_MAX} characters`,
      `${value.length} characters`,
    )
  }
  return 'text'
}

function metaError(name: string, rule: string, value: unknown): PenstockError {
  return argumentError(name, rule, value, '', 'ERR_META')
}

/** Bytes that `writeMetaEntries` takes at most, wherever it starts. */
export function metaBytesBound(entries: readonly MetaEntry[]): number {
  let bound = 8 + 4 * entries.length
  for (const { key, value } of entries) {
    bound += 7 + 16 + ENTRY_TABLE_BYTES + textBytesBound(key)
    if (typeof value === 'string') bound += textBytesBound(value)
    else if (Array.isArray(value)) bound += 12 + arrayBytesBound(value)
  }
  return bound
}

function arrayBytesBound(values: readonly (string | number)[]): number {
  let bound = 0
  for (const value of values) bound += typeof value === 'string' ? 4 + textBytesBound(value) : 8
  return bound
}

/** Length, at most 3 bytes of UTF-8 per UTF-16 unit, the zero, padding to 4. */
export function textBytesBound(text: string): number {
  return 4 + 3 * text.length + 1 + 3
}

/**
 * Writes the vector of entries at `at`, a multiple of 4, and what it points to behind it. The memory must have room for
 * `metaBytesBound` bytes; what lies there need not be zero.
 * @returns where it ends.
 */
export function writeMetaEntries(memory: WireMemory, at: number, entries: readonly MetaEntry[]): number {
  const { view } = memory
  view.setUint32(at, entries.length, true)
  let end = at + 4 + 4 * entries.length
  for (const [index, entry] of entries.entries()) {
    const slot = at + 4 + 4 * index
    const vtable = alignUp(memory, end, 8)
    const table = vtable + 16
    view.setUint32(slot, table - slot, true)
    end = writeEntry(memory, vtable, table, entry)
  }
  return end
}

function writeEntry(memory: WireMemory, vtable: number, table: number, { key, slot, value }: MetaEntry): number {
  const { view } = memory
  memory.bytes.fill(0, vtable, table + ENTRY_TABLE_BYTES)
  view.setUint16(vtable, ENTRY_VTABLE_BYTES, true)
  view.setUint16(vtable + 2, ENTRY_TABLE_BYTES, true)
  view.setUint16(vtable + 4 + 2 * META_SLOTS.key, 4, true)
  view.setUint16(vtable + 4 + 2 * META_SLOTS[slot], 8, true)
  view.setInt32(table, table - vtable, true)
  view.setUint32(table + 4, ENTRY_TABLE_BYTES - 4, true)
  const end = writeText(memory, table + ENTRY_TABLE_BYTES, key)
  if (typeof value === 'number') {
    view.setFloat64(table + 8, value, true)
    return end
  }
  if (typeof value === 'string') {
    view.setUint32(table + 8, end - (table + 8), true)
    return writeText(memory, end, value)
  }
  return slot === 'texts'
    ? writeTexts(memory, table + 8, end, value as readonly string[])
    : writeNumbers(memory, table + 8, end, value as readonly number[])
}

/** The elements, not the length before them, are aligned to 8. */
function writeNumbers(memory: WireMemory, slot: number, end: number, values: readonly number[]): number {
  const elements = Math.ceil((end + 4) / 8) * 8
  memory.bytes.fill(0, end, elements)
  memory.view.setUint32(slot, elements - 4 - slot, true)
  memory.view.setUint32(elements - 4, values.length, true)
  for (let index = 0; index < values.length; index++)
    memory.view.setFloat64(elements + 8 * index, values[index] ?? 0, true)
  return elements + 8 * values.length
}

/** Writes a vector of strings at `end`, a multiple of 4, pointed to by `slot`. @returns where it ends, a multiple of 4. */
export function writeTexts(memory: WireMemory, slot: number, end: number, texts: readonly string[]): number {
  const { view } = memory
  view.setUint32(slot, end - slot, true)
  view.setUint32(end, texts.length, true)
  let at = end + 4 + 4 * texts.length
  for (let index = 0; index < texts.length; index++) {
    const element = end + 4 + 4 * index
    view.setUint32(element, at - element, true)
    at = writeText(memory, at, texts[index] ?? '')
  }
  return at
}

/** @param at a multiple of 4. @returns where it ends, padded to the next multiple of 4 with zeros. */
function writeText(memory: WireMemory, at: number, text: string): number {
  const { written } = textEncoder.encodeInto(text, memory.bytes.subarray(at + 4))
  memory.view.setUint32(at, written, true)
  const end = at + 4 + written
  memory.bytes[end] = 0
  return alignUp(memory, end + 1, 4)
}

/** Zeroes the padding: frames are reused, and old bytes of another request are nobody's business. */
function alignUp(memory: WireMemory, at: number, alignment: number): number {
  const aligned = Math.ceil(at / alignment) * alignment
  if (aligned !== at) memory.bytes.fill(0, at, aligned)
  return aligned
}
