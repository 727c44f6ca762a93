/**
 * Arrow columns as values, as JSON would have them: numbers by value, integers beyond 2^53 as bigints, dates and
 * timestamps as the texts that a contract reads, lists nested by their dims. Whether a value is one of its field's dtype
 * is the contract's to say, by the same rules as of JSON; what no field takes (a duration, a struct) is reported by its type.
 *
 * null and NaN are missing, in a column of any type: pandas has no other way to say it of integers.
 */
import { bitAt, type ArrowColumn, isNull } from '../../formats/ipc/columns.js'
import type { ArrowBatch, ArrowBody } from '../../formats/ipc/read-arrow.js'
import { decimalReader } from '../../formats/tensors/decimals.js'
import { viewData } from '../../tensor/dtype.js'
import { float16Bits, float16Value } from '../../tensor/float16.js'
import { float32ToJson } from '../../tensor/print.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import { narrowBigint, type ResolvedContract, type ResolvedField } from '../resolve.js'
import { arrowCalendarText, arrowUuidText } from './arrow-calendar.js'
import { listReader } from './arrow-lists.js'
import { type CellReader, RowTable, type TableBatch, tableBatch, type TableColumn } from './row-table.js'

/** @param body what readArrow made; lent until its rows are read. */
export function arrowRows(body: Pick<ArrowBody, 'fields' | 'batches' | 'rows'>): RowTable {
  const { fields, batches, rows: rowCount } = body
  const names = fields.map(({ name }) => name)
  const leafCounts = new Map(names.map((name, index) => [name, sumOf(batches, index, leafCount)]))
  return new RowTable({
    rowCount,
    elementCountOf: (name) => leafCounts.get(name) ?? 0,
    textBytes: names.reduce((sum, _, index) => sum + sumOf(batches, index, textBytes), 0),
    batchesOf: (contract) => batchesOf(names, batches, contract),
  })
}

function* batchesOf(
  names: readonly string[],
  batches: readonly ArrowBatch[],
  contract: ResolvedContract,
): Generator<TableBatch> {
  const fields = new Map(contract.inputs.map((field) => [field.name, field]))
  for (const { columns, rows } of batches)
    yield tableBatch(
      contract,
      rows,
      columns.map((column, index) => columnOf(names[index] as string, column, fields.get(names[index] as string))),
    )
}

function columnOf(name: string, column: ArrowColumn, field: ResolvedField | undefined): TableColumn {
  const read = cellReader(column, field)
  const { type } = column.field
  return type.id === 'float' && type.bits === 32 ? { name, read, told: shortest } : { name, read }
}

/** A float32 in the fewest digits that mean it. */
function shortest(value: unknown): unknown {
  return typeof value === 'number' && Number.isFinite(value) ? Number(float32ToJson(Math.fround(value))) : value
}

/** @param field absent: the column is none, and its values are only told. */
export function cellReader(column: ArrowColumn, field: ResolvedField | undefined): CellReader {
  const read = valueReader(column, field)
  return column.nullCount === 0 ? read : (row) => (isNull(column, row) ? null : read(row))
}

function valueReader(column: ArrowColumn, field: ResolvedField | undefined): CellReader {
  const { values } = column
  const { type } = column.field
  switch (type.id) {
    case 'null':
      return () => null
    case 'bool':
      return (row) => bitAt(values, row)
    case 'int':
      return integerReader(column, `${type.isSigned ? '' : 'u'}int${type.bits}`)
    case 'float':
      return floatReader(column, type.bits, field)
    case 'utf8':
    case 'large-utf8':
      return textReader(column)
    case 'decimal': {
      const read = decimalReader(type, values)
      return (row) => {
        const value = read(row)
        return typeof value === 'bigint' ? narrowBigint(value) : value
      }
    }
    case 'date':
    case 'timestamp':
      return arrowCalendarText(type, values)
    case 'list':
    case 'large-list':
    case 'fixed-size-list':
      return listReader(column, field, cellReader(column.children[0] as ArrowColumn, elementField(field)))
    case 'fixed-size-binary':
      return field?.kind === 'uuid' && type.size === 16 ? (row) => arrowUuidText(values, row) : () => `<${type.id}>`
    default:
      return () => `<${type.id}>`
  }
}

/** Lists inside lists are of the field's inner dims. */
function elementField(field: ResolvedField | undefined): ResolvedField | undefined {
  return field === undefined ? undefined : { ...field, shape: field.shape.slice(1) }
}

function integerReader({ values, length }: ArrowColumn, dtype: NumericDtype): CellReader {
  const data = viewData(dtype, values.buffer, values.byteOffset, length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return (row) => narrowBigint(data[row] as bigint)
  return (row) => data[row]
}

function floatReader(
  { values, length }: ArrowColumn,
  bits: 16 | 32 | 64,
  field: ResolvedField | undefined,
): CellReader {
  const data = viewData(`float${bits}`, values.buffer, values.byteOffset, length) as Float64Array
  const written = field?.dtype === `float${bits}` && bits < 64 ? writtenNumbers(field, bits as 16 | 32) : null
  return (row) => {
    const stored = data[row] as number
    const value = bits === 16 ? float16Value(stored) : stored
    if (Number.isNaN(value)) return null
    return written?.get(value) ?? value
  }
}

/**
 * The bounds and accepted values of a field by the float next to each. 0.7 is more than its float32: a bound of 0.7 means
 * the number that was written, and no other float lies between the two.
 */
function writtenNumbers({ bounds, values }: ResolvedField, bits: 16 | 32): ReadonlyMap<number, number> | null {
  const written = [...bounds.map(({ value }) => value), ...(values ?? [])].filter((value) => typeof value === 'number')
  const stored = (value: number): number => (bits === 16 ? float16Value(float16Bits(value)) : Math.fround(value))
  return written.length === 0 ? null : new Map(written.map((value) => [stored(value), value]))
}

function textReader({ values, offsets }: ArrowColumn): CellReader {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return (row) => bytes.toString('utf8', Number(offsets?.[row]), Number(offsets?.[row + 1]))
}

function sumOf(batches: readonly ArrowBatch[], index: number, of: (column: ArrowColumn) => number): number {
  return batches.reduce((sum, { columns }) => sum + of(columns[index] as ArrowColumn), 0)
}

/** Elements of a column at the end of its lists. */
function leafCount({ children: [child], field, length }: ArrowColumn): number {
  return child === undefined || field.type.id === 'struct' ? length : Math.max(length, leafCount(child))
}

function textBytes({ children: [child], field, values }: ArrowColumn): number {
  if (child !== undefined && field.type.id !== 'struct') return textBytes(child)
  return field.type.id.endsWith('utf8') ? values.byteLength : 0
}
