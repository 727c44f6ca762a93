/**
 * Columns that no model reads, on their way from a request to its answer. They are echoed as they came, with their type
 * and their nulls; what came as a dictionary or as views goes as plain values. Of several batches one column is made by
 * copying bytes.
 */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  Date_,
  Decimal,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  Interval,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  makeData,
  Map_,
  Null,
  Struct,
  Time,
  Timestamp,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from 'apache-arrow'
import type { Column } from './column-types.js'
import type { ArrowField, ArrowType } from '../ipc/arrow-schema.js'
import { type Allowance, type ArrowColumn, elementBytes, emptyColumn, joinColumns } from '../ipc/columns.js'
import type { ArrowBatch, ArrowBody } from '../ipc/read-arrow.js'

/** The columns at `indices` as they came. Their memory is the body's, unless it has several batches, or was packed. */
export function arrowExtras(
  { fields, batches, allowance }: Pick<ArrowBody, 'fields' | 'batches' | 'allowance'>,
  indices: readonly number[],
): Column[] {
  return indices.map((index) => extraOf(fields[index] as ArrowField, index, batches, allowance))
}

function extraOf(field: ArrowField, index: number, batches: readonly ArrowBatch[], allowance: Allowance): Column {
  const shown: Field<DataType> = fieldOf(field)
  const parts = batches.map(({ columns }) => columns[index] as ArrowColumn)
  const column = parts.length === 0 ? emptyColumn(field) : joinColumns(parts, allowance)
  // Some writers call a column not nullable and leave values out: the answer must not say so as well.
  const isNullable = shown.nullable || column.nullCount > 0
  return {
    field: isNullable === shown.nullable ? shown : shown.clone({ nullable: true }),
    data: dataOf(column, shown.type),
  }
}

function fieldOf({ name, type, isNullable, metadata }: ArrowField): Field<DataType> {
  return new Field(name, typeOf(type), isNullable, new Map(metadata))
}

function typeOf(type: ArrowType): DataType {
  switch (type.id) {
    case 'int': {
      const signed = { 8: Int8, 16: Int16, 32: Int32, 64: Int64 }
      const unsigned = { 8: Uint8, 16: Uint16, 32: Uint32, 64: Uint64 }
      return new (type.isSigned ? signed : unsigned)[type.bits]()
    }
    case 'float':
      return new { 16: Float16, 32: Float32, 64: Float64 }[type.bits]()
    case 'fixed-size-binary':
      return new FixedSizeBinary(type.size)
    case 'decimal':
      return new Decimal(type.scale, type.precision, type.bits)
    case 'date':
      return new Date_(type.unit)
    case 'time':
      return new Time(type.unit, type.bits)
    case 'timestamp':
      return new Timestamp(type.unit, type.zone === '' ? null : type.zone)
    case 'duration':
      return new Duration(type.unit)
    case 'interval':
      return new Interval(type.unit)
    case 'list':
      return new List(fieldOf(type.item))
    case 'large-list':
      return new LargeList(fieldOf(type.item))
    case 'fixed-size-list':
      return new FixedSizeList(type.size, fieldOf(type.item))
    case 'map':
      return new Map_(fieldOf(type.item) as Field<never>, type.hasSortedKeys)
    case 'struct':
      return new Struct(type.members.map(fieldOf))
    default:
      return new plainTypes[type.id]()
  }
}

const plainTypes = {
  null: Null,
  bool: Bool,
  utf8: Utf8,
  'large-utf8': LargeUtf8,
  binary: Binary,
  'large-binary': LargeBinary,
}

function dataOf({ field, length, nullCount, validity, values, offsets, children }: ArrowColumn, type: DataType): Data {
  const nulls = validity === null ? { nullCount: 0 } : { nullBitmap: validity, nullCount }
  const inner = children.map((child, index) => dataOf(child, (type.children[index] as Field<DataType>).type))
  // makeData's type knows one props object a type; which, `field.type.id` says here.
  const make = (props: object): Data => makeData({ type, length, ...props } as never)
  if (field.type.id === 'null') return make({})
  if (field.type.id === 'struct') return make({ ...nulls, children: inner })
  if (children.length > 0)
    return make({ ...nulls, child: inner[0], ...(offsets === null ? {} : { valueOffsets: offsets }) })
  if (offsets !== null) return make({ ...nulls, valueOffsets: offsets, data: values })
  return make({ ...nulls, data: elementsOf(field.type, values) })
}

/** The bytes in the typed array that apache-arrow holds the type in. */
function elementsOf(type: ArrowType, { buffer, byteOffset, byteLength }: Uint8Array): ArrayBufferView {
  const bytes = Math.max(1, elementBytes(type))
  const view = (
    constructor: new (
      buffer: ArrayBufferLike,
      byteOffset: number,
      length: number,
    ) => ArrayBufferView & {
      readonly BYTES_PER_ELEMENT: number
    },
    size: number,
  ): ArrayBufferView => new constructor(buffer, byteOffset, Math.floor(byteLength / size))
  switch (type.id) {
    case 'int':
      return view(
        (type.isSigned
          ? { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array }
          : { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array })[type.bits],
        bytes,
      )
    case 'float':
      return view({ 16: Uint16Array, 32: Float32Array, 64: Float64Array }[type.bits], bytes)
    case 'decimal':
      return view(Uint32Array, 4)
    case 'interval':
      return view(Int32Array, 4)
    case 'date':
    case 'time':
      return bytes === 4 ? view(Int32Array, 4) : view(BigInt64Array, 8)
    case 'timestamp':
    case 'duration':
      return view(BigInt64Array, 8)
    default:
      return view(Uint8Array, 1)
  }
}
