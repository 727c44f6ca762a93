/**
 * One field of an untrusted document: every member of the right type, in one order, what says the default left out, so
 * that equal fields are equal texts. Whether its members go together is consistency.ts.
 */
import {
  ACCEPTED_VALUES_MAX,
  FIELD_ELEMENTS_MAX,
  FIELD_DEPTH_MAX,
  FIELD_NAME_CHARACTERS_MAX,
  FIELD_PATH_CHARACTERS_MAX,
  PATTERN_CHARACTERS_MAX,
  VALUE_CHARACTERS_MAX,
} from '../base/limits/contract-limits.js'
import { RANK_MAX } from '../base/limits/limits.js'
import { DTYPES } from '../tensor/dtype.js'
import {
  CALENDAR_DTYPES,
  type ContractField,
  FIELD_ROLES,
  type FieldDtype,
  type FieldValue,
  INVALID_ACTIONS,
  type OutputPlace,
  type PlainDtype,
  splitDtype,
} from './contract.js'
import { DocumentReader } from './document-reader.js'
import { pointer, pointerSteps } from './member-tree.js'
import { BOUND_RULES, isWideInteger } from './resolve.js'
import { codePointCount } from './values/element.js'

const FIELD_MEMBERS = [
  'name',
  'dtype',
  'role',
  'class',
  'estimates',
  'from',
  'path',
  'shape',
  ...BOUND_RULES,
  'values',
  'pattern',
  'minLength',
  'maxLength',
  'required',
  'unique',
  'onInvalid',
  'impute',
  'description',
  'unit',
] as const
const plainDtypes: readonly PlainDtype[] = [...DTYPES.map(({ name }) => name), ...CALENDAR_DTYPES]
const LENGTH_MAX = 2 ** 31 - 1
const decimalInteger = /^-?(?:0|[1-9]\d{0,19})$/

/** Reads a field. @returns undefined when a problem was noted. */
export function parseField(reader: DocumentReader): ContractField | undefined {
  reader.expectKeys(FIELD_MEMBERS, reader.where)
  const name = reader.text('name', FIELD_NAME_CHARACTERS_MAX)
  if (reader.get('name') === undefined) reader.fail('name', 'a text', 'Every field has a name')
  const dtype = readDtype(reader)
  const members = {
    role: withoutDefault(reader.oneOf('role', FIELD_ROLES), 'feature'),
    class: readClass(reader),
    estimates: reader.text('estimates', FIELD_NAME_CHARACTERS_MAX),
    from: readPlace(reader),
    path: name === undefined ? undefined : readPath(reader, name),
    shape: readShape(reader),
    ...(dtype === undefined ? {} : readNumbers(reader, dtype)),
    pattern: reader.text('pattern', PATTERN_CHARACTERS_MAX),
    minLength: reader.integer('minLength', 0, LENGTH_MAX),
    maxLength: reader.integer('maxLength', 0, LENGTH_MAX),
    required: reader.boolean('required'),
    unique: withoutDefault(reader.boolean('unique'), false),
    onInvalid: withoutDefault(reader.oneOf('onInvalid', INVALID_ACTIONS), 'reject'),
    impute: readImpute(reader),
    description: reader.text('description'),
    unit: reader.text('unit', FIELD_NAME_CHARACTERS_MAX),
  }
  if (!reader.isClean || name === undefined || dtype === undefined) return undefined
  const required = withoutDefault(members.required, members.role !== 'target')
  return present({ name, dtype, ...members, required })
}

function withoutDefault<T>(value: T | undefined, byDefault: T): T | undefined {
  return value === byDefault ? undefined : value
}

/** Without the members that are undefined. */
export function present<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}

function readDtype(reader: DocumentReader): FieldDtype | undefined {
  const value = reader.get('dtype')
  if (typeof value === 'string') {
    const { dtype } = splitDtype(value as FieldDtype)
    if (plainDtypes.includes(dtype)) return value as FieldDtype
  }
  const near = typeof value === 'string' ? (foreignDtypes[value.replace('?', '').toLowerCase()] ?? '') : ''
  const wayOut = near === '' ? 'A ? at its end lets it be missing' : `Use ${near}`
  return reader.fail('dtype', `one of ${plainDtypes.join(', ')}`, wayOut)
}

/** What other systems call them. */
const foreignDtypes: Readonly<Record<string, PlainDtype>> = {
  double: 'float64',
  float: 'float32',
  half: 'float16',
  int: 'int64',
  integer: 'int64',
  long: 'int64',
  short: 'int16',
  byte: 'int8',
  boolean: 'bool',
  str: 'string',
  text: 'string',
  varchar: 'string',
  datetime: 'timestamp',
  number: 'float64',
}

function readClass(reader: DocumentReader): string | number | undefined {
  const value = reader.get('class')
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (value === undefined || typeof value === 'string') return reader.text('class', VALUE_CHARACTERS_MAX)
  return reader.fail('class', 'a text or an integer')
}

function readPlace(reader: DocumentReader): OutputPlace | undefined {
  const record = reader.object('from')
  if (record === undefined) return undefined
  const place = new DocumentReader(reader.path('from'), record, reader.problems)
  place.expectKeys(['output', 'column'], place.where)
  const output = nameOrPosition(place, 'output')
  if (place.get('output') === undefined) place.fail('output', "the name or position of one of the pipeline's outputs")
  const column = nameOrPosition(place, 'column')
  return output === undefined ? undefined : present({ output, column })
}

function nameOrPosition(reader: DocumentReader, key: string): string | number | undefined {
  const value = reader.get(key)
  if (value === undefined || typeof value === 'string') return reader.text(key, VALUE_CHARACTERS_MAX)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : reader.fail(key, 'a name, or a position from 0')
}

/** What says the default is left out. */
function readPath(reader: DocumentReader, name: string): string | undefined {
  const path = reader.text('path', FIELD_PATH_CHARACTERS_MAX)
  if (path === undefined) return undefined
  const steps = pointerSteps(path)
  if (steps === null || steps.length > FIELD_DEPTH_MAX) {
    const rule = `a JSON Pointer of 1..${FIELD_DEPTH_MAX} members from the row, like /customer/age`
    return reader.fail('path', rule, "In a member's name ~1 is / and ~0 is ~")
  }
  return withoutDefault(path, pointer([name]))
}

/** [] is a scalar, which is the default. */
function readShape(reader: DocumentReader): (number | null)[] | undefined {
  const dims = reader.list('shape', 0, RANK_MAX - 1)
  if (dims === undefined || dims.length === 0) return undefined
  const isDim = (dim: unknown): dim is number => typeof dim === 'number' && Number.isSafeInteger(dim) && dim > 0
  const isShape = dims.every((dim, axis) => isDim(dim) || (dim === null && axis === 0))
  const known = dims.filter(isDim)
  if (!isShape) return reader.fail('shape', 'dims from 1, the first of them null where its length is free')
  if (known.reduce((product, dim) => product * dim, 1) > FIELD_ELEMENTS_MAX)
    return reader.fail('shape', `dims of at most ${FIELD_ELEMENTS_MAX} elements`)
  return dims as (number | null)[]
}

type Numbers = Pick<ContractField, (typeof BOUND_RULES)[number] | 'values'>

function readNumbers(reader: DocumentReader, dtype: FieldDtype): Numbers {
  const plain = splitDtype(dtype).dtype
  const bounds = BOUND_RULES.map((rule) => [rule, readNumber(reader, plain, rule)] as const)
  return { ...Object.fromEntries(bounds), values: readValues(reader, plain) }
}

function readNumber(reader: DocumentReader, dtype: PlainDtype, key: string): number | string | undefined {
  const value = reader.get(key)
  if (value === undefined) return undefined
  const number = normalNumber(dtype, value)
  return number ?? reader.fail(key, numberWords(dtype))
}

/** A number, or the digits of a 64-bit integer beyond 2^53, as they are stored; undefined when it is neither. */
function normalNumber(dtype: PlainDtype, value: unknown): number | string | undefined {
  if (!isWideInteger(dtype)) return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  if (typeof value !== 'string' || !decimalInteger.test(value)) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function numberWords(dtype: PlainDtype): string {
  return isWideInteger(dtype) ? 'an integer, beyond 2^53 as a text of its digits' : 'a number'
}

function readValues(reader: DocumentReader, dtype: PlainDtype): (number | string)[] | undefined {
  const list = reader.list('values', 1, ACCEPTED_VALUES_MAX)
  const values = list?.map((value, index) => {
    const isText = dtype === 'string' && typeof value === 'string' && codePointCount(value) <= VALUE_CHARACTERS_MAX
    const read = isText ? value : dtype === 'string' ? undefined : normalNumber(dtype, value)
    const words = dtype === 'string' ? `a text of at most ${VALUE_CHARACTERS_MAX} characters` : numberWords(dtype)
    if (read === undefined) reader.problems.add(`${reader.path('values')}[${index}]`, words, value)
    return read
  })
  return values?.every((value) => value !== undefined) === true ? values : undefined
}

/** Whether it is valid is found out by the field's own rules. */
function readImpute(reader: DocumentReader): FieldValue | undefined {
  const value = reader.get('impute')
  if (value === null) return reader.fail('impute', 'a value', 'null is what it takes the place of')
  return value as FieldValue | undefined
}
