/**
 * The schema of an Arrow request: which columns it has and of what types. A type says what a column means once it is
 * read; an encoding says how it travels. Views, dictionaries and run ends are encodings: the reader writes them out, so
 * that nothing behind it knows of them. Types that nothing can be done with are refused by their name, before a byte of
 * data is looked at. Slots and numbers: https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */
import { PenstockError } from '../../base/errors.js'
import { FIELDS_MAX, JSON_KEYS_MAX, RANK_MAX } from '../../base/limits/limits.js'
import { arrowError, type FlatTable } from './flat-view.js'

export type ArrowType =
  | { readonly id: 'null' }
  | { readonly id: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly id: 'float'; readonly bits: 16 | 32 | 64 }
  | { readonly id: 'bool' }
  | { readonly id: 'utf8' | 'large-utf8' | 'binary' | 'large-binary' }
  | { readonly id: 'fixed-size-binary'; readonly size: number }
  | { readonly id: 'decimal'; readonly precision: number; readonly scale: number; readonly bits: 32 | 64 | 128 | 256 }
  | { readonly id: 'date'; readonly unit: 0 | 1 }
  | { readonly id: 'time'; readonly unit: 0 | 1 | 2 | 3; readonly bits: 32 | 64 }
  | { readonly id: 'timestamp'; readonly unit: 0 | 1 | 2 | 3; readonly zone: string }
  | { readonly id: 'duration'; readonly unit: 0 | 1 | 2 | 3 }
  | { readonly id: 'interval'; readonly unit: 0 | 1 | 2 }
  | { readonly id: 'list'; readonly item: ArrowField }
  | { readonly id: 'large-list'; readonly item: ArrowField }
  | { readonly id: 'fixed-size-list'; readonly size: number; readonly item: ArrowField }
  | { readonly id: 'map'; readonly item: ArrowField; readonly hasSortedKeys: boolean }
  | { readonly id: 'struct'; readonly members: readonly ArrowField[] }

/** How a column travels, where that is not what its type says. */
export type ArrowEncoding =
  /** Texts and bytes: 16 bytes each, with the first of them or the place of all. */
  | { readonly id: 'view' }
  /** Lists: an offset and a size each. */
  | { readonly id: 'list-view'; readonly isLarge: boolean }
  /** Indices into the values of dictionary batches of the same number. */
  | {
      readonly id: 'dictionary'
      readonly dictionary: number
      readonly bits: 8 | 16 | 32 | 64
      readonly isSigned: boolean
      readonly values: ArrowField
    }
  /** Each value once, and where its run ends. */
  | { readonly id: 'run-end'; readonly bits: 8 | 16 | 32 | 64; readonly values: ArrowField }

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly encoding: ArrowEncoding | null
  readonly isNullable: boolean
  readonly metadata: ReadonlyMap<string, string>
}

/** By Schema.fbs's Type union; those without a reader here are refused by the name. */
const typeNames: readonly string[] =
  'none null int floating-point binary utf8 bool decimal date time timestamp interval list struct union fixed-size-binary fixed-size-list map duration large-binary large-utf8 large-list run-end-encoded binary-view utf8-view list-view large-list-view'.split(
    ' ',
  )
type Unit = 0 | 1 | 2 | 3
/** A name per column of any nesting; more of them is no table. */
const fieldsMax = 4 * (FIELDS_MAX + JSON_KEYS_MAX)

/** The fields of a schema, and those of all dictionaries that they name. */
export interface ArrowSchema {
  readonly fields: readonly ArrowField[]
  readonly dictionaries: ReadonlyMap<number, ArrowField>
}

/** @param schema a Schema table. @throws PenstockError ERR_BODY, ERR_DTYPE naming the column. */
export function readSchema(schema: FlatTable): ArrowSchema {
  if (schema.int16(0, 0) !== 0)
    throw arrowError(
      'in little-endian order',
      'a schema in big-endian. Write it on a little-endian machine, or cast it',
    )
  const tables = schema.tables(1)
  const columnsMax = FIELDS_MAX + JSON_KEYS_MAX
  if (tables.length > columnsMax) throw arrowError(`of at most ${columnsMax} columns`, `${tables.length}`)
  const reader = new SchemaReader()
  const fields = tables.map((field) => reader.readField(field, [], 0))
  const names = new Set<string>()
  for (const { name } of fields) {
    if (names.has(name)) throw arrowError('columns with different names', `two that are called ${JSON.stringify(name)}`)
    names.add(name)
  }
  return { fields, dictionaries: reader.dictionaries }
}

class SchemaReader {
  readonly dictionaries = new Map<number, ArrowField>()
  #count = 0

  readField(field: FlatTable, path: readonly string[], depth: number): ArrowField {
    const name = field.text(0)
    const here = [...path, name]
    if (depth > RANK_MAX) throw arrowError(`columns nested at most ${RANK_MAX} deep`, `more in column ${here[0]}`)
    if (++this.#count > fieldsMax) throw arrowError(`at most ${fieldsMax} fields of any depth`, 'more')
    const metadata = new Map(field.tables(6).map((pair) => [pair.text(0), pair.text(1)]))
    const isNullable = field.int8(1, 0) !== 0
    const plain = { name, isNullable, metadata, ...this.#readType(field, here, depth) }
    const dictionary = field.table(4)
    return dictionary === null ? plain : this.#ofDictionary(plain, dictionary)
  }

  #ofDictionary(values: ArrowField, encoding: FlatTable): ArrowField {
    const dictionary = encoding.size(0)
    if (!this.dictionaries.has(dictionary)) this.dictionaries.set(dictionary, { ...values, isNullable: true })
    const index = encoding.table(1)
    // Absent: signed integers of 32 bits.
    const bits = index === null ? 32 : expectBits(index.int32(0, 0))
    const isSigned = index === null || index.int8(1, 0) !== 0
    return { ...values, encoding: { id: 'dictionary', dictionary, bits, isSigned, values } }
  }

  #readType(field: FlatTable, path: readonly string[], depth: number): Pick<ArrowField, 'type' | 'encoding'> {
    const number = field.int8(2, 0)
    const name = typeNames[number] ?? `type ${number}`
    const type = field.table(3)
    if (type === null) throw arrowError('fields with a type', `none in column ${path.join('.')}`)
    const children = (): ArrowField[] => field.tables(5).map((child) => this.readField(child, path, depth + 1))
    const item = (): ArrowField => onlyChild(children(), path)
    if (name === 'run-end-encoded') return runEnds(children(), path)
    const encoding: ArrowEncoding | null = name.endsWith('-view')
      ? name.includes('list')
        ? { id: 'list-view', isLarge: name.startsWith('large') }
        : { id: 'view' }
      : null
    const read = flatType(name, type) ?? nestedType(name, type, item, children)
    if (read !== null) return { type: read, encoding }
    throw new PenstockError(
      'ERR_DTYPE',
      `Expected column ${path.join('.')} to be of a type that can be read here but received ${name}. Cast it first, or leave it out`,
    )
  }
}

/** Types without children; null for others. */
function flatType(name: string, type: FlatTable): ArrowType | null {
  const unit = (slot: number, absent: Unit): Unit => (type.int16(slot, absent) & 3) as Unit
  switch (name) {
    case 'null':
    case 'bool':
    case 'utf8':
    case 'large-utf8':
    case 'binary':
    case 'large-binary':
      return { id: name }
    case 'utf8-view':
      return { id: 'utf8' }
    case 'binary-view':
      return { id: 'binary' }
    case 'int':
      return { id: 'int', bits: expectBits(type.int32(0, 0)), isSigned: type.int8(1, 0) !== 0 }
    case 'floating-point':
      return { id: 'float', bits: ([16, 32, 64] as const)[type.int16(0, 0)] ?? 16 }
    case 'fixed-size-binary':
      return { id: 'fixed-size-binary', size: expectSize(type.int32(0, 0)) }
    case 'decimal':
      return decimalType(type)
    case 'date':
      return { id: 'date', unit: type.int16(0, 1) === 0 ? 0 : 1 }
    case 'time':
      return { id: 'time', unit: unit(0, 1), bits: type.int32(1, 32) === 64 ? 64 : 32 }
    case 'timestamp':
      return { id: 'timestamp', unit: unit(0, 0), zone: type.text(1) }
    case 'duration':
      return { id: 'duration', unit: unit(0, 1) }
    case 'interval': {
      const of = type.int16(0, 0)
      return of === 0 || of === 1 || of === 2 ? { id: 'interval', unit: of } : null
    }
    default:
      return null
  }
}

function nestedType(
  name: string,
  type: FlatTable,
  item: () => ArrowField,
  children: () => ArrowField[],
): ArrowType | null {
  if (name === 'list' || name === 'large-list') return { id: name, item: item() }
  if (name === 'list-view' || name === 'large-list-view') return { id: 'list', item: item() }
  if (name === 'fixed-size-list') return { id: name, size: expectSize(type.int32(0, 0)), item: item() }
  if (name === 'map') return { id: name, item: item(), hasSortedKeys: type.int8(0, 0) !== 0 }
  return name === 'struct' ? { id: name, members: children() } : null
}

function decimalType(type: FlatTable): ArrowType {
  const bits = type.int32(2, 128)
  const [precision, scale] = [type.int32(0, 0), type.int32(1, 0)]
  const isDecimal = bits === 32 || bits === 64 || bits === 128 || bits === 256
  // Far beyond what fits: a scale of 2^31 would make texts of as many zeros.
  if (!isDecimal || Math.abs(precision) > 76 || Math.abs(scale) > 76)
    throw arrowError('decimals of at most 76 digits in 32, 64, 128 or 256 bits', `${precision}, ${scale} in ${bits}`)
  return { id: 'decimal', precision, scale, bits }
}

function runEnds(children: readonly ArrowField[], path: readonly string[]): Pick<ArrowField, 'type' | 'encoding'> {
  const [ends, values, ...others] = children
  if (ends?.type.id !== 'int' || ends.encoding !== null || values === undefined || others.length > 0)
    throw arrowError('run ends that are integers, with values', `something else in column ${path.join('.')}`)
  return { type: values.type, encoding: { id: 'run-end', bits: ends.type.bits, values } }
}

function onlyChild([only, ...others]: readonly ArrowField[], path: readonly string[]): ArrowField {
  if (only === undefined || others.length > 0)
    throw arrowError('lists of one child', `${only === undefined ? 0 : 1 + others.length} in column ${path.join('.')}`)
  return only
}

function expectBits(bits: number): 8 | 16 | 32 | 64 {
  if (bits === 8 || bits === 16 || bits === 32 || bits === 64) return bits
  throw arrowError('integers of 8, 16, 32 or 64 bits', `${bits}`)
}

function expectSize(size: number): number {
  if (size >= 0) return size
  throw arrowError('lists and bytes of a fixed size >= 0', `${size}`)
}
