/**
 * Proves that untrusted bytes are a well-formed FlatBuffer of our schema before anything reads them: the flatbuffers
 * library for JavaScript follows whatever offset it finds. Walks the tables of generated/wire-tables.ts.
 *
 * What holds afterwards: every offset, vtable, field, string and vector lies inside the bytes and is aligned as its
 * type asks, relative to their start; required fields and exactly one known union member are present; strings end in NUL.
 * Order is free: a vtable may stand before or after its table, vectors may be shared.
 *
 * Sharing is why there is a budget: 64 MiB of offsets to one table of 64 MiB of offsets to one string would be 2^48
 * steps. Whatever is visited costs its size at each visit, and the sum may not exceed WORK_PER_BYTE × the frame. Time is
 * therefore O(bytes), and so is the time of a decoder that visits each reference once.
 */
import { FRAME_BYTES_LIMIT } from '../base/generated/boundary.js'
import { PenstockError } from '../base/errors.js'
import { wireBodies, wireRoot, wireTables, type WireField, type WireTableName } from './generated/wire-tables.js'

/** Honest frames need 1 without shared objects; sharing a long text over many rows needs a few more. */
const WORK_PER_BYTE = 16
/** Message → Infer → Meta is 3. A bound for schemas to come, which may nest. */
const DEPTH_MAX = 8

interface Walk {
  readonly view: DataView
  readonly length: number
  workLeft: number
}

/**
 * Checks that `bytes` are one penstock.v1 message.
 * @throws PenstockError ERR_FRAME saying which field breaks which rule.
 */
export function verifyMessage(bytes: Uint8Array): void {
  verifyRoot(bytes, wireRoot)
}

/**
 * Checks that `bytes` are a MetaBlock, as `encodeMetaBlock` makes it.
 * @throws PenstockError ERR_FRAME
 */
export function verifyMetaBlock(bytes: Uint8Array): void {
  verifyRoot(bytes, 'MetaBlock')
}

function verifyRoot(bytes: Uint8Array, table: WireTableName): void {
  const length = bytes.length
  if (length < 8) fail('the frame', 'have at least 8 bytes', length)
  if (length > FRAME_BYTES_LIMIT) fail('the frame', `have at most ${FRAME_BYTES_LIMIT} bytes`, length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const walk: Walk = { view, length, workLeft: length * WORK_PER_BYTE }
  verifyTable(walk, table, followOffset(walk, 0, table), 0)
}

function verifyTable(walk: Walk, name: WireTableName, position: number, depth: number): void {
  const { view, length } = walk
  if (depth > DEPTH_MAX) fail(name, `be nested at most ${DEPTH_MAX} deep`, depth)
  if (position % 4 !== 0) fail(name, 'start at a multiple of 4', position)
  if (position > length - 4) fail(name, `start inside the frame of ${length} bytes`, position)
  // Signed: the vtable may stand on either side of its table.
  const vtable = position - view.getInt32(position, true)
  if (vtable < 0 || vtable % 2 !== 0 || vtable > length - 4) {
    fail(`the vtable of ${name}`, `start at an even position inside the frame of ${length} bytes`, vtable)
  }
  const vtableBytes = view.getUint16(vtable, true)
  const tableBytes = view.getUint16(vtable + 2, true)
  if (vtableBytes < 4 || vtableBytes % 2 !== 0 || vtableBytes > length - vtable) {
    fail(`the vtable of ${name}`, 'have an even number of bytes, at least 4, inside the frame', vtableBytes)
  }
  if (tableBytes < 4 || tableBytes > length - position) {
    fail(name, `have at least 4 bytes inside the frame of ${length} bytes`, tableBytes)
  }
  spend(walk, name, tableBytes)
  let body: WireTableName | null = null
  for (const field of wireTables[name]) {
    const at = fieldPosition(walk, name, field, position, vtable, vtableBytes, tableBytes)
    if (at === 0) continue
    if (field.kind === 'union-type') body = bodyOf(view.getUint8(at))
    else if (field.kind === 'union') verifyTable(walk, expectBody(body), followOffset(walk, at, field.name), depth + 1)
    else verifyField(walk, name, field, at, depth)
  }
}

/** Position of the field's inline part, or 0 when it is absent. */
function fieldPosition(
  walk: Walk,
  name: WireTableName,
  field: WireField,
  position: number,
  vtable: number,
  vtableBytes: number,
  tableBytes: number,
): number {
  const entry = 4 + 2 * field.slot
  const offset = entry < vtableBytes ? walk.view.getUint16(vtable + entry, true) : 0
  if (offset === 0) {
    if (field.isRequired) fail(`${name}.${field.name}`, 'be present', 'nothing')
    return 0
  }
  const inlineBytes = field.kind === 'scalar' || field.kind === 'union-type' ? field.bytes : 4
  if (offset < 4 || offset > tableBytes - inlineBytes) {
    fail(`${name}.${field.name}`, `lie inside its table of ${tableBytes} bytes`, offset)
  }
  if ((position + offset) % inlineBytes !== 0) {
    fail(`${name}.${field.name}`, `be aligned to ${inlineBytes} bytes`, position + offset)
  }
  return position + offset
}

function verifyField(walk: Walk, table: WireTableName, field: WireField, at: number, depth: number): void {
  const label = field.name
  switch (field.kind) {
    case 'string':
      verifyString(walk, table, label, followOffset(walk, at, label))
      return
    case 'table':
      verifyTable(walk, field.type as WireTableName, followOffset(walk, at, label), depth + 1)
      return
    case 'scalars':
      verifyVector(walk, table, label, followOffset(walk, at, label), field.bytes)
      return
    case 'strings':
    case 'tables': {
      const vector = followOffset(walk, at, label)
      const count = verifyVector(walk, table, label, vector, 4)
      for (let index = 0; index < count; index++) {
        const element = followOffset(walk, vector + 4 + 4 * index, label)
        if (field.kind === 'strings') verifyString(walk, table, label, element)
        else verifyTable(walk, field.type as WireTableName, element, depth + 1)
      }
      return
    }
    case 'scalar':
    case 'union-type':
    case 'union':
    // Inline, or followed by the caller: nothing is left to check.
  }
}

/** @returns the number of elements. */
function verifyVector(walk: Walk, table: string, label: string, position: number, elementBytes: number): number {
  const room = walk.length - position - 4
  if (position % 4 !== 0) fail(`${table}.${label}`, 'start at a multiple of 4', position)
  if (room < 0) fail(`${table}.${label}`, `start inside the frame of ${walk.length} bytes`, position)
  const count = walk.view.getUint32(position, true)
  if (count > Math.floor(room / elementBytes)) {
    fail(`the length of ${table}.${label}`, `fit the ${room} bytes that follow it`, count)
  }
  if ((position + 4) % elementBytes !== 0) {
    fail(`${table}.${label}`, `have elements aligned to ${elementBytes} bytes`, position + 4)
  }
  spend(walk, `${table}.${label}`, 4 + count * elementBytes)
  return count
}

function verifyString(walk: Walk, table: string, label: string, position: number): void {
  const count = verifyVector(walk, table, label, position, 1)
  const end = position + 4 + count
  if (end >= walk.length || walk.view.getUint8(end) !== 0) {
    fail(
      `${table}.${label}`,
      'end in a zero byte',
      end >= walk.length ? 'the end of the frame' : walk.view.getUint8(end),
    )
  }
}

/** Reads an unsigned offset at `at`. The caller has checked that its 4 bytes are there. @returns its target, at < target < length. */
function followOffset(walk: Walk, at: number, label: string): number {
  const offset = walk.view.getUint32(at, true)
  if (offset === 0 || offset >= walk.length - at) {
    fail(`the offset of ${label}`, `point forward inside the frame of ${walk.length} bytes`, offset)
  }
  return at + offset
}

function spend(walk: Walk, label: string, bytes: number): void {
  walk.workLeft -= bytes
  if (walk.workLeft < 0) {
    fail(label, `be shared so little that a reader walks at most ${WORK_PER_BYTE} times the frame`, 'more')
  }
}

function bodyOf(id: number): WireTableName {
  const body = wireBodies[id]
  if (body === undefined) fail('Message.body_type', `be one of ${Object.keys(wireBodies).join(', ')}`, id)
  return body
}

function expectBody(body: WireTableName | null): WireTableName {
  // The type's slot precedes the body's, so it has been read if it is there; as 0 it may be left out.
  if (body === null) fail('Message.body_type', 'be present', 'nothing')
  return body
}

function fail(subject: string, rule: string, received: number | string): never {
  throw new PenstockError('ERR_FRAME', `Expected ${subject} to ${rule} but received ${received}`)
}
