/**
 * `lookup`: columns of a table, by the key of an entity. Before the first step that runs a model they are features that
 * callers need not send; behind the last they stand beside the answer.
 */
import { didYouMean } from '../../base/suggest.js'
import { LOOKUP_COLUMNS_MAX, LOOKUP_KEYS_MAX, NAME_CHARACTERS_MAX } from '../../base/limits/limits.js'
import { lookupColumnType, lookupKeys } from '../../pipeline/columns/lookup-step.js'
import type { StageColumn, StagePlan } from '../../pipeline/columns/stage.js'
import type { LookupColumn, LookupKey, LookupStep } from '../../pipeline/definition.js'
import { DTYPES, isDtype } from '../../tensor/dtype.js'
import { describeType, expectColumnType, isFloat } from '../../transforms/draft/column.js'
import type { StepKind } from '../step.js'
import { stepError, StepReader, suggest } from '../step-reader.js'
import { readInputs, readShape } from './column-inputs.js'

const columnKeys = ['name', 'dtype', 'shape', 'from']
const policies = ['refuse', 'flag'] as const
const tableCharactersMax = 256

export const lookupKind: StepKind<LookupStep> = {
  type: 'lookup',
  keys: ['table', 'key', 'columns', 'onMissing', 'flag', 'asOf', 'inputs'],
  parse: (reader) => {
    const step: LookupStep = {
      type: 'lookup',
      table: readTable(reader),
      key: readKey(reader),
      columns: readColumns(reader),
      ...readMissing(reader),
      ...(reader.has('asOf') ? { asOf: readAsOf(reader) } : {}),
      ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}),
    }
    expectNullable(reader, step)
    return step
  },
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => draft.stage(where, step, (table) => compileLookup(step, where, table), step.inputs),
  describe: ({ table, key, columns }) =>
    `lookup ${columns.map(({ name }) => name).join(', ')} in ${table} by ${key.map(keyName).join(', ')}`,
}

/** Relative, inside of the folder, nothing hidden: what the store opens is decided by it alone. */
const tablePattern =
  /^(?:dataset:[A-Za-z0-9-]+(?:@[A-Za-z0-9-]+)?|(?!\.)[A-Za-z0-9._ -]+(?:\/(?!\.)[A-Za-z0-9._ -]+)*)$/

function readTable(reader: StepReader): string {
  const table = reader.text('table', tableCharactersMax)
  if (tablePattern.test(table)) return table
  const wayOut = 'Paths out of the folder, hidden files and other characters are refused'
  throw reader.error('table', 'a file of the folder of tables, like customers.parquet or eu/shops.csv', table, wayOut)
}

function readKey(reader: StepReader): (string | LookupKey)[] {
  const key = reader.list('key', LOOKUP_KEYS_MAX).map((item, i): string | LookupKey => {
    if (typeof item === 'string') return expectNamed(reader, `key[${i}]`, item)
    const part = memberReader(reader, `key[${i}]`, item, ['name', 'from'], '{"name": "customer_id", "from": "id"}')
    return { name: part.text('name'), from: part.text('from') }
  })
  const names = key.map(keyName)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw reader.error('key', 'names that are all different', twice)
  return key
}

function readColumns(reader: StepReader): LookupColumn[] {
  const names = new Set<string>()
  return reader.list('columns', LOOKUP_COLUMNS_MAX).map((item, i) => {
    const example = '{"name": "age", "dtype": "float32"}'
    const column = memberReader(reader, `columns[${i}]`, item, columnKeys, example)
    const name = column.text('name', NAME_CHARACTERS_MAX)
    if (names.has(name)) throw column.error('name', 'the name of no other column', name)
    names.add(name)
    const written = column.get('dtype')
    const dtype = typeof written === 'string' && written.endsWith('?') ? written.slice(0, -1) : written
    if (!isDtype(dtype))
      throw column.error(
        'dtype',
        `one of ${DTYPES.map(({ name }) => name).join(', ')}, with ? where a row may have none`,
        written,
      )
    if (written !== dtype && isFloat(dtype))
      throw column.error('dtype', `${dtype} without ?`, written, 'A missing float is NaN')
    const read: LookupColumn = {
      name,
      dtype: written as LookupColumn['dtype'],
      ...(column.has('shape') ? { shape: readShape(column) } : {}),
      ...(column.has('from') ? { from: column.text('from') } : {}),
    }
    if (written !== dtype && read.shape !== undefined)
      throw column.error('dtype', 'without ?, for rows of several elements have no missing value', written)
    return read
  })
}

function readMissing(reader: StepReader): Pick<LookupStep, 'onMissing' | 'flag'> {
  const onMissing = reader.has('onMissing') ? reader.get('onMissing') : undefined
  if (onMissing !== undefined && !policies.includes(onMissing as 'refuse'))
    throw reader.error('onMissing', `one of ${policies.join(', ')}`, onMissing)
  const isFlagged = onMissing === 'flag'
  if (isFlagged !== reader.has('flag')) {
    const rule = isFlagged
      ? 'the name of a bool column, which says whether there is a row, for onMissing is flag'
      : 'absent, unless onMissing is flag'
    throw reader.error('flag', rule, reader.get('flag'))
  }
  return {
    ...(onMissing === undefined ? {} : { onMissing: onMissing as 'refuse' | 'flag' }),
    ...(isFlagged ? { flag: reader.text('flag', NAME_CHARACTERS_MAX) } : {}),
  }
}

function readAsOf(reader: StepReader): { column: string; at: string } {
  const example = '{"column": "valid_from", "at": "time"}'
  const asOf = memberReader(reader, 'asOf', reader.get('asOf'), ['column', 'at'], example)
  return { column: asOf.text('column'), at: asOf.text('at') }
}

function memberReader(
  reader: StepReader,
  key: string,
  item: unknown,
  members: readonly string[],
  example: string,
): StepReader {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw reader.error(key, `an object like ${example}`, item)
  const other = Object.keys(item).find((member) => !members.includes(member))
  if (other !== undefined) throw reader.error(key, `made of ${members.join(', ')}`, other, suggest(other, members))
  return new StepReader(`${reader.where}.${key}`, item as Record<string, unknown>)
}

function expectNamed(reader: StepReader, key: string, name: string): string {
  if (name !== '' && name.length <= NAME_CHARACTERS_MAX) return name
  throw reader.error(key, 'the name of a column', name)
}

/** A flagged row has nothing in its columns. */
function expectNullable(reader: StepReader, { columns, onMissing, flag }: LookupStep): void {
  if (flag !== undefined && columns.some(({ name }) => name === flag))
    throw reader.error('flag', 'the name of none of the columns', flag)
  if (onMissing !== 'flag') return
  columns.forEach((column, i) => {
    const { dtype, isNullable, shape } = lookupColumnType(column)
    if (isNullable || isFloat(dtype)) return
    const rule = `${shape.length === 0 ? `${dtype}?` : 'a float'}, for a flagged row has no value`
    throw reader.error(`columns[${i}].dtype`, rule, column.dtype)
  })
}

function keyName(key: string | LookupKey): string {
  return typeof key === 'string' ? key : key.name
}

/** @throws PenstockError ERR_PIPELINE_INVALID. */
export function compileLookup(step: LookupStep, where: string, table: readonly StageColumn[]): StagePlan {
  const { asOf, flag, columns } = step
  const keys = lookupKeys(step).map(({ name }, i) => keyColumn(where, `key[${i}]`, name, table))
  const takes = asOf === undefined ? keys : [...keys, timeColumn(where, asOf.at, table)]
  const makes = columns.map((column, i) => expectColumnType(`${where}.columns[${i}]`, lookupColumnType(column)))
  const flagged = flag === undefined ? [] : [{ name: flag, dtype: 'bool' as const, isNullable: false, shape: [] }]
  const unique = takes.filter(({ name }, i) => takes.findIndex((other) => other.name === name) === i)
  return { takes: unique, makes: [...makes, ...flagged] }
}

function columnNamed(where: string, key: string, name: string, table: readonly StageColumn[]): StageColumn {
  const found = table.find((column) => column.name === name)
  if (found !== undefined) return found
  const names = table.map((column) => column.name)
  const near = didYouMean(name, names).replace(/^\. /, '') || `There is ${names.slice(0, 20).join(', ')}`
  throw stepError(`${where}.${key}`, 'a column in front of the step', name, near)
}

function keyColumn(where: string, key: string, name: string, table: readonly StageColumn[]): StageColumn {
  const column = columnNamed(where, key, name, table)
  const { dtype, shape } = column
  const isInteger = /^u?int/.test(dtype)
  if (shape.length === 0 && (isInteger || dtype === 'string' || dtype === 'bool')) return column
  const wayOut = 'A float is no key: two that print alike need not be one'
  throw stepError(`${where}.${key}`, 'a column of integers, bools or texts, one a row', shown(column), wayOut)
}

function timeColumn(where: string, name: string, table: readonly StageColumn[]): StageColumn {
  const column = columnNamed(where, 'asOf.at', name, table)
  if (column.dtype === 'int64' && column.shape.length === 0) return column
  const wayOut = 'Fields of the role timestamp are such columns: microseconds since 1970'
  throw stepError(`${where}.asOf.at`, 'a column of int64, one a row', shown(column), wayOut)
}

function shown({ name, dtype, isNullable, shape }: StageColumn): string {
  return `${name}: ${describeType({ dtype, isNullable, shape: shape.map((dim) => dim ?? -1) })}`
}
