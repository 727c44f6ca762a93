/**
 * From a flat table (`in.x`, `out.y`, `metadata.elapsed` …) to the two documented Arrow forms of results and logs:
 *
 *   flat     time: timestamp[ms] · in.x: list<item: float> · out.y: list<inner: float not null> not null · …
 *   nested   time: int64 not null · in: struct<x: list<item: float> not null> not null · out: struct<…> · anomaly · metadata
 *
 * Lists of fixed size become lists with offsets over the same elements, because that is what callers are used to; no
 * element is copied. The names of list items are the documented ones: item for inputs, inner for outputs.
 */
import {
  type Data,
  DataType,
  Field,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMillisecond,
} from 'apache-arrow'
import { strideOffsets, TENSOR_TYPE, tensorMetadata, type Column, tensorTypeOf } from './column-types.js'
import { groupOf } from '../dataset.js'

/** The nested form. */
export function nestTable(flat: Table): Table {
  return mapBatches(flat, (columns) => {
    const groups = new Map<string, Column[]>()
    for (const column of columns) {
      const { name } = column.field
      const group = groupOf(name)
      const inside = group === name ? name : name.slice(group.length + 1)
      const member = documented(column, group, inside, true)
      const members = groups.get(group)
      if (members === undefined) groups.set(group, [member])
      else members.push(member)
    }
    return [...groups].map(([group, members]) => {
      const [first] = members
      if (first !== undefined && members.length === 1 && first.field.name === group) return first
      return structOf(group, members)
    })
  })
}

/** The flat form, with `separator` between group and field. */
export function flattenTable(flat: Table, separator = '.'): Table {
  return mapBatches(flat, (columns) =>
    columns.map((column) => {
      const { name } = column.field
      const group = groupOf(name)
      const shown = group === name ? name : `${group}${separator}${name.slice(group.length + 1)}`
      return documented(column, group, shown, false)
    }),
  )
}

function structOf(name: string, members: readonly Column[]): Column {
  const type = new Struct(members.map((member) => member.field))
  const length = members[0]?.data.length ?? 0
  const data = makeData({ type, length, nullCount: 0, children: members.map((member) => member.data) })
  return { field: new Field(name, type, false), data }
}

function documented({ field, data }: Column, group: string, name: string, isNested: boolean): Column {
  if (group === 'time') return timeColumn(data, name, isNested)
  const { shape } = tensorTypeOf(field)
  const metadata =
    group === 'metadata' || group === 'check_failures' || shape === null ? undefined : tensorMetadata(shape)
  const isInput = group === 'in'
  const list = asList(data, isInput, group)
  // Documented as never null are the inputs that a model read; columns beside them may have no value.
  const isNullable = (isInput && !isNested) || field.nullable || list.nullCount > 0
  return { field: new Field(name, list.type, isNullable, withDtype(metadata, field)), data: list }
}

/** Only bfloat16 needs its dtype in the metadata: the column's type says all others. */
function withDtype(metadata: Map<string, string> | undefined, field: Field): Map<string, string> | undefined {
  const { shape, dtype } = tensorTypeOf(field)
  return dtype === 'bfloat16' ? new Map([[TENSOR_TYPE, JSON.stringify({ shape, dtype })]]) : metadata
}

function timeColumn({ length, values }: Data, name: string, isNested: boolean): Column {
  const parts = { length, nullCount: 0, data: values as BigInt64Array }
  if (isNested) return { field: new Field(name, new Int64(), false), data: makeData({ type: new Int64(), ...parts }) }
  const type = new TimestampMillisecond()
  return { field: new Field(name, type, true), data: makeData({ type, ...parts }) }
}

/** Lists of fixed size become lists; other columns stay as they are. */
function asList(data: Data, isInput: boolean, group: string): Data {
  if (group === 'metadata' && DataType.isList(data.type)) return data
  if (DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type
    const [child] = data.children as [Data]
    const item = new Field(itemName(isInput, group), child.type, isInput)
    return makeData({
      type: new List(item),
      length: data.length,
      ...nullsOf(data),
      valueOffsets: strideOffsets(data.length, listSize),
      child,
    })
  }
  if (DataType.isList(data.type) && group !== 'metadata' && group !== 'check_failures') {
    const [child] = data.children as [Data]
    const type = new List(new Field(itemName(isInput, group), child.type, isInput || child.nullCount > 0))
    return makeData({
      type,
      length: data.length,
      ...nullsOf(data),
      valueOffsets: data.valueOffsets as Int32Array,
      child,
    })
  }
  return data
}

function itemName(isInput: boolean, group: string): string {
  if (group === 'metadata') return 'steps'
  return isInput ? 'item' : 'inner'
}

function nullsOf(data: Data): { nullCount: number } | { nullBitmap: Uint8Array } {
  if (data.nullCount === 0) return { nullCount: 0 }
  // A slice's bits begin in the middle of a byte: written anew from the first.
  const bits = new Uint8Array((data.length + 7) >> 3)
  for (let row = 0; row < data.length; row++)
    if (data.getValid(row)) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7))
  return { nullBitmap: bits }
}

function mapBatches(table: Table, map: (columns: Column[]) => readonly Column[]): Table {
  const convert = (data: Data<Struct>): { schema: Schema; data: Data<Struct> } => {
    const columns = map(table.schema.fields.map((field, index) => ({ field, data: data.children[index] as Data })))
    const fields = columns.map((column) => column.field)
    const type = new Struct(fields)
    return {
      schema: new Schema(fields),
      data: makeData({ type, length: data.length, nullCount: 0, children: columns.map((column) => column.data) }),
    }
  }
  const batches = table.batches.map((batch) => convert(batch.data))
  const [first] = batches
  if (first === undefined) {
    const children = table.schema.fields.map((field) => makeData({ type: field.type as unknown } as never) as Data)
    const empty = makeData({ type: new Struct(table.schema.fields), length: 0, nullCount: 0, children })
    return new Table(convert(empty).schema)
  }
  // Whether a column has nulls may differ by batch; a field that may have some in any batch may in all.
  const schema = batches.reduce((schemas, batch) => loosen(schemas, batch.schema), first.schema)
  return new Table(
    schema,
    batches.map((batch) => new RecordBatch(schema, batch.data.clone(new Struct(schema.fields)))),
  )
}

function loosen(a: Schema, b: Schema): Schema {
  return new Schema(a.fields.map((field, index) => loosenField(field, b.fields[index])))
}

function loosenField(field: Field, other: Field | undefined): Field {
  const nullable = field.nullable || other?.nullable === true
  if (!DataType.isStruct(field.type)) return nullable === field.nullable ? field : field.clone({ nullable })
  const members = other !== undefined && DataType.isStruct(other.type) ? other.type.children : []
  const type = new Struct(field.type.children.map((child, index) => loosenField(child, members[index])))
  return field.clone({ type, nullable })
}
