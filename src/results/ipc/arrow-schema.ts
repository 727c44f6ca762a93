/**
 * The schema of an Arrow request: which columns it has and of what types. Only types that a request can mean something
 * with are read; all others are refused by their name, before a byte of data is looked at.
 * Slots and numbers: https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */
import { PenstockError } from '../../base/errors.js'
import { FIELDS_MAX, JSON_KEYS_MAX, RANK_MAX } from '../../base/limits.js'
import { arrowError, type FlatTable } from './flat-view.js'

export type ArrowType =
  | { readonly id: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly id: 'float'; readonly bits: 16 | 32 | 64 }
  | { readonly id: 'bool' }
  | { readonly id: 'utf8' }
  | { readonly id: 'large-utf8' }
  | { readonly id: 'timestamp'; readonly unit: 0 | 1 | 2 | 3; readonly zone: string }
  | { readonly id: 'list'; readonly item: ArrowField }
  | { readonly id: 'large-list'; readonly item: ArrowField }
  | { readonly id: 'fixed-size-list'; readonly size: number; readonly item: ArrowField }

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly isNullable: boolean
  readonly metadata: ReadonlyMap<string, string>
}

/** By Schema.fbs's Type union; those without a reader here are refused by the name. */
const typeNames: readonly string[] =
  'none null int floating-point binary utf8 bool decimal date time timestamp interval list struct union fixed-size-binary fixed-size-list map duration large-binary large-utf8 large-list run-end-encoded binary-view utf8-view list-view large-list-view'.split(
    ' ',
  )
const readTypes = 'integers, floats, bool, utf8, timestamps, and lists of them'

/** @param schema a Schema table. @throws PenstockError ERR_BODY, ERR_DTYPE naming the column. */
export function readSchema(schema: FlatTable): ArrowField[] {
  if (schema.int16(0, 0) !== 0) throw arrowError('in little-endian order', 'a schema in big-endian')
  const fields = schema.tables(1)
  const columnsMax = FIELDS_MAX + JSON_KEYS_MAX
  if (fields.length > columnsMax) throw arrowError(`of at most ${columnsMax} columns`, `${fields.length}`)
  const read = fields.map((field) => readField(field, [], 0))
  const twice = read.find(({ name }, index) => read.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined)
    throw arrowError('columns with different names', `two that are called ${JSON.stringify(twice.name)}`)
  return read
}

function readField(field: FlatTable, path: readonly string[], depth: number): ArrowField {
  const name = field.text(0)
  const here = [...path, name]
  if (depth > RANK_MAX) throw arrowError(`lists nested at most ${RANK_MAX} deep`, `more in column ${here[0]}`)
  if (field.has(4))
    throw refusedColumn(here, 'a dictionary', 'Decode it first, in pyarrow with column.dictionary_decode()')
  const metadata = new Map(field.tables(6).map((pair) => [pair.text(0), pair.text(1)]))
  return { name, type: readType(field, here, depth), isNullable: field.int8(1, 0) !== 0, metadata }
}

function readType(field: FlatTable, path: readonly string[], depth: number): ArrowType {
  const number = field.int8(2, 0)
  const name = typeNames[number] ?? `type ${number}`
  const type = field.table(3)
  if (type === null) throw arrowError('fields with a type', `none in column ${path.join('.')}`)
  const item = (): ArrowField => {
    const [only, ...others] = field.tables(5)
    if (only === undefined || others.length > 0)
      throw arrowError('lists of one child', `${1 + others.length} in column ${path.join('.')}`)
    return readField(only, path, depth + 1)
  }
  if (name === 'int') {
    const bits = type.int32(0, 0)
    if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64)
      throw arrowError('integers of 8, 16, 32 or 64 bits', `${bits}`)
    return { id: 'int', bits, isSigned: type.int8(1, 0) !== 0 }
  }
  if (name === 'floating-point') return { id: 'float', bits: ([16, 32, 64] as const)[type.int16(0, 0)] ?? 16 }
  if (name === 'bool' || name === 'utf8' || name === 'large-utf8') return { id: name }
  if (name === 'timestamp')
    return { id: 'timestamp', unit: (type.int16(0, 0) & 3) as 0 | 1 | 2 | 3, zone: type.text(1) }
  if (name === 'list' || name === 'large-list') return { id: name, item: item() }
  if (name === 'fixed-size-list') {
    const size = type.int32(0, 0)
    if (size < 0) throw arrowError('fixed-size lists of a size >= 0', `${size}`)
    return { id: 'fixed-size-list', size, item: item() }
  }
  throw refusedColumn(path, name, 'Cast it first, or leave it out')
}

function refusedColumn(path: readonly string[], received: string, wayOut: string): PenstockError {
  return new PenstockError(
    'ERR_DTYPE',
    `Expected column ${path.join('.')} to be of ${readTypes} but received ${received}. ${wayOut}`,
  )
}
