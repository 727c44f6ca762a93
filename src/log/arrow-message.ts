/**
 * Encapsulated messages of the Arrow IPC stream format, as the log writes them from the request clock: a schema at each
 * deploy, and record batches of the string path. Two messages with few kinds of columns: written with FlatBuffers, which
 * the protocol uses anyway, so that this thread need not load all of Arrow. The addon lays out its record batches itself.
 *
 * @source https://arrow.apache.org/docs/format/Columnar.html (Schema.fbs, Message.fbs, version V5)
 */
import { Builder } from 'flatbuffers'
import {
  ARROW_ALIGNMENT_BYTES,
  ARROW_HEADER_RECORD_BATCH,
  ARROW_VERSION_V5,
} from '../../bindings/generated/boundary.js'

/** What an element is; a list's `child` is never null. */
export type ArrowType =
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'bool' }
  | { readonly kind: 'utf8' }
  | { readonly kind: 'timestamp-ms' }
  | { readonly kind: 'list'; readonly child: ArrowType }
  | { readonly kind: 'fixed-list'; readonly child: ArrowType; readonly size: number }

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly isNullable: boolean
  readonly metadata?: Readonly<Record<string, string>>
}

/** A column or child of a record batch. */
export interface ArrowNode {
  readonly length: number
  readonly nullCount: number
}

// Members of the union Type, and of MessageHeader.
const TYPE_INT = 2
const TYPE_FLOAT = 3
const TYPE_UTF8 = 5
const TYPE_BOOL = 6
const TYPE_TIMESTAMP = 10
const TYPE_LIST = 12
const TYPE_FIXED_LIST = 16
const HEADER_SCHEMA = 1
const UNIT_MILLISECOND = 1
const floatPrecisions = { 16: 0, 32: 1, 64: 2 } as const

/** The first message of a stream. */
export function encodeSchemaMessage(
  fields: readonly ArrowField[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const builder = new Builder(1024)
  const fieldsAt = offsetVector(
    builder,
    fields.map((field) => addField(builder, field)),
  )
  const metadataAt = addMetadata(builder, metadata)
  builder.startObject(4)
  builder.addFieldOffset(1, fieldsAt, 0)
  builder.addFieldOffset(2, metadataAt, 0)
  return finishMessage(builder, HEADER_SCHEMA, builder.endObject(), [], 0)
}

/** @param buffers of all columns in order, children behind their parents; lent until it returns. */
export function encodeRecordBatchMessage(
  rows: number,
  nodes: readonly ArrowNode[],
  buffers: readonly Uint8Array[],
): Uint8Array {
  const builder = new Builder(1024)
  let bodyBytes = 0
  const places = buffers.map(({ byteLength }) => {
    const place = { offset: bodyBytes, length: byteLength }
    bodyBytes += aligned(byteLength)
    return place
  })
  const buffersAt = structVector(
    builder,
    places.map(({ offset, length }) => [offset, length]),
  )
  const nodesAt = structVector(
    builder,
    nodes.map(({ length, nullCount }) => [length, nullCount]),
  )
  builder.startObject(4)
  builder.addFieldInt64(0, BigInt(rows), 0n)
  builder.addFieldOffset(1, nodesAt, 0)
  builder.addFieldOffset(2, buffersAt, 0)
  return finishMessage(builder, ARROW_HEADER_RECORD_BATCH, builder.endObject(), buffers, bodyBytes)
}

function finishMessage(
  builder: Builder,
  headerType: number,
  headerAt: number,
  buffers: readonly Uint8Array[],
  bodyBytes: number,
): Uint8Array {
  builder.startObject(5)
  builder.addFieldInt64(3, BigInt(bodyBytes), 0n)
  builder.addFieldOffset(2, headerAt, 0)
  builder.addFieldInt16(0, ARROW_VERSION_V5, 0)
  builder.addFieldInt8(1, headerType, 0)
  builder.finish(builder.endObject())
  const header = builder.asUint8Array()
  const headerBytes = aligned(header.byteLength)
  const message = new Uint8Array(8 + headerBytes + bodyBytes)
  const view = new DataView(message.buffer)
  view.setUint32(0, 0xffffffff, true)
  view.setUint32(4, headerBytes, true)
  message.set(header, 8)
  let at = 8 + headerBytes
  for (const buffer of buffers) {
    message.set(buffer, at)
    at += aligned(buffer.byteLength)
  }
  return message
}

function addField(builder: Builder, { name, type, isNullable, metadata }: ArrowField): number {
  const isNested = type.kind === 'list' || type.kind === 'fixed-list'
  const children = isNested ? [addField(builder, { name: 'item', type: type.child, isNullable: false })] : []
  const childrenAt = offsetVector(builder, children)
  const metadataAt = metadata === undefined ? 0 : addMetadata(builder, metadata)
  const nameAt = builder.createString(name)
  const [typeCode, typeAt] = addType(builder, type)
  builder.startObject(7)
  builder.addFieldOffset(0, nameAt, 0)
  builder.addFieldInt8(1, isNullable ? 1 : 0, 0)
  builder.addFieldInt8(2, typeCode, 0)
  builder.addFieldOffset(3, typeAt, 0)
  builder.addFieldOffset(5, childrenAt, 0)
  if (metadataAt !== 0) builder.addFieldOffset(6, metadataAt, 0)
  return builder.endObject()
}

function addType(builder: Builder, type: ArrowType): [code: number, at: number] {
  builder.startObject(2)
  const end = (code: number): [number, number] => [code, builder.endObject()]
  switch (type.kind) {
    case 'int':
      builder.addFieldInt32(0, type.bits, 0)
      builder.addFieldInt8(1, type.isSigned ? 1 : 0, 0)
      return end(TYPE_INT)
    case 'float':
      builder.addFieldInt16(0, floatPrecisions[type.bits], 0)
      return end(TYPE_FLOAT)
    case 'bool':
      return end(TYPE_BOOL)
    case 'utf8':
      return end(TYPE_UTF8)
    case 'timestamp-ms':
      builder.addFieldInt16(0, UNIT_MILLISECOND, 0)
      return end(TYPE_TIMESTAMP)
    case 'list':
      return end(TYPE_LIST)
    case 'fixed-list':
      builder.addFieldInt32(0, type.size, 0)
      return end(TYPE_FIXED_LIST)
  }
}

function addMetadata(builder: Builder, metadata: Readonly<Record<string, string>>): number {
  const entries = Object.entries(metadata).map(([key, value]) => {
    const keyAt = builder.createString(key)
    const valueAt = builder.createString(value)
    builder.startObject(2)
    builder.addFieldOffset(0, keyAt, 0)
    builder.addFieldOffset(1, valueAt, 0)
    return builder.endObject()
  })
  return offsetVector(builder, entries)
}

function offsetVector(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4)
  for (const offset of offsets.toReversed()) builder.addOffset(offset)
  return builder.endVector()
}

/** Structs of two int64. */
function structVector(builder: Builder, pairs: readonly (readonly [number, number])[]): number {
  builder.startVector(16, pairs.length, 8)
  for (const [first, second] of pairs.toReversed()) {
    builder.addInt64(BigInt(second))
    builder.addInt64(BigInt(first))
  }
  return builder.endVector()
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ARROW_ALIGNMENT_BYTES) * ARROW_ALIGNMENT_BYTES
}
