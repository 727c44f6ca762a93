/**
 * Rows of JSON by the addon: bytes to checked columns without a JavaScript value per row. It answers for rows in which
 * nothing was found and for nothing else. What breaks a rule, is no JSON, has a member beside the fields or lacks a value
 * that is imputed is read again by the reader in rows-reader.ts, which has the words: so paths, messages, order and what
 * becomes of a value have one source, and a test compares the two where nothing was found.
 *
 * The addon compares what it stores. A contract compares the number as it was sent, so that floats with bounds or accepted
 * values are read as float64 and narrowed afterwards, the ends of their dtype being bounds, too. Patterns and calendar texts
 * are looked at here, element by element.
 */
import { addon } from '../../../bindings/native.js'
import type { ContractLiteral, RowFieldSpec, RowSpecHandle } from '../../../bindings/native.js'
import { ExtraFields } from '../../base/generated/boundary.js'
import { CHECKED_BYTES_PER_BODY_BYTE } from '../../base/limits/contract-limits.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import type { RowCheck } from '../../contract/check-row.js'
import type { ContractColumn } from '../../contract/columns.js'
import type { BoundRule, ResolvedContract, ResolvedField } from '../../contract/resolve.js'
import { dateDays, timestampMicros, uuidText } from '../../contract/values/calendar.js'
import { dtypeInfo, isDtype, type NumericData, viewData } from '../../tensor/dtype.js'
import { float16Bits } from '../../tensor/float16.js'
import type { NumericDtype } from '../../tensor/tensor.js'

/** As addon.takeRows counts them. */
const ROW_WORDS = 4
/** What the columns of any request may take; of a larger body as much as it is charged for. */
const COLUMN_BYTES_MIN = 1024 * 1024
const TEXT_LENGTH_LIMIT = 2 ** 32 - 1

export interface NativeRows {
  /**
   * Reads and checks rows.
   * @param bytes untrusted; lent until it returns.
   * @param isLines a row a line.
   * @returns null: for the reader in rows-reader.ts; nothing was done.
   */
  read(bytes: Uint8Array, isLines: boolean): RowCheck | null
}

/** The contract's fields as the addon reads them. */
export interface CompiledRows {
  readonly handle: RowSpecHandle
  /** In the order of `contract.inputs`. */
  readonly forms: readonly FieldForm[]
}

/** @returns null: the contract has a rule that is not checked here. To be called once a contract, for it compiles. */
export function nativeRows(contract: ResolvedContract): NativeRows | null {
  const compiled = compileRows(contract)
  if (compiled === null) return null
  const { handle, forms } = compiled
  return { read: (bytes, isLines) => readRows(handle, forms, bytes, isLines) }
}

/** The same without what reads by it. */
export function compileRows(contract: ResolvedContract): CompiledRows | null {
  const forms = contract.inputs.map(formOf)
  if (forms.length === 0 || forms.includes(null) || contract.tree !== null) return null
  const known = forms as FieldForm[]
  // Extra members are counted even where they are ignored: which of them are twice is for the other reader to say.
  const extra = contract.extra === 'reject' ? ExtraFields.reject : ExtraFields.log
  try {
    return { handle: addon.makeRowSpec({ fields: known.map(({ spec }) => spec), extra }), forms: known }
  } catch (error) {
    // Wider than the addon takes: more names, values or text than its tables hold.
    if (error instanceof RangeError) return null
    throw error
  }
}

// ── contract → spec ─────────────────────────────────────────────────────────────────────────────

export interface FieldForm {
  readonly field: ResolvedField
  readonly spec: RowFieldSpec
  /** Elements in a row. */
  readonly values: number
  /** What the addon has read is what the column has: as it is, or as a float32 that was compared as a float64. */
  readonly isPlain: boolean
  readonly isNarrowed: boolean
  /** @returns null: an element is none of the field's. */
  readonly toData: (packed: Packed) => ContractColumn['data'] | null
}

/** Where one column lies in the buffer. */
interface Packed {
  readonly buffer: ArrayBuffer
  readonly start: number
  readonly bytes: number
  readonly offsets: Uint32Array | null
  /** Elements. */
  readonly count: number
  /** By element. */
  readonly isMissing: (index: number) => boolean
}

function formOf(field: ResolvedField): FieldForm | null {
  const { name, isNullable, isUnique, shape, minLength, maxLength } = field
  const isScalar = shape.length === 0
  const hasLength = minLength > 0 || maxLength !== Infinity
  if (shape.includes(null) || (!isScalar && (hasLength || isUnique))) return null
  const carrier = carrierOf(field)
  // Two texts may mean the same day.
  if (carrier === null || (isUnique && !['integer', 'float', 'string'].includes(field.kind))) return null
  const isImputed = field.impute !== undefined && !isNullable
  const dims = shape as readonly number[]
  const spec: RowFieldSpec = {
    name,
    isNullable,
    // A row that lacks what is imputed is read again.
    isRequired: field.isRequired || isImputed,
    isUnique,
    dims,
    ...carrier.rules,
    minLength: hasLength ? minLength : null,
    maxLength: maxLength < TEXT_LENGTH_LIMIT ? maxLength : null,
  }
  const isCarried = field.kind === 'float' && carrier.rules.dtype !== dtypeInfo(field.dtype as NumericDtype).code
  const isPlain = isDtype(field.dtype) && field.pattern === null && (!isCarried || field.dtype === 'float32')
  const values = dims.reduce((product, dim) => product * dim, 1)
  return { field, spec, values, isPlain, isNarrowed: isCarried && isPlain, toData: carrier.toData }
}

interface Carrier {
  readonly rules: Pick<RowFieldSpec, 'dtype' | 'min' | 'max' | 'isMinExclusive' | 'isMaxExclusive' | 'accepted'>
  readonly toData: FieldForm['toData']
}

function carrierOf(field: ResolvedField): Carrier | null {
  const { kind, dtype, bounds, values } = field
  if (kind === 'float') {
    const limit = floatLimits[dtype]
    if (limit === undefined) return null
    const isAsSent = dtype === 'float64' || (dtype === 'float32' && bounds.length === 0 && values === null)
    if (isAsSent) return { rules: numberRules(field, dtype, null), toData: numbers(dtype) }
    return { rules: numberRules(field, 'float64', limit), toData: narrowed(dtype) }
  }
  if (kind === 'integer')
    return { rules: numberRules(field, dtype as NumericDtype, null), toData: numbers(dtype as NumericDtype) }
  if (kind === 'bool') return { rules: { dtype: dtypeInfo('bool').code }, toData: numbers('bool') }
  const accepted = values === null ? [] : [...values]
  const rules = { dtype: dtypeInfo('string').code, accepted }
  if (kind === 'string') return { rules, toData: texts(field) }
  return { rules, toData: kind === 'uuid' ? uuids : kind === 'date' ? dates : timestamps }
}

/** The first number that the dtype does not hold, because it rounds to an infinity. */
const floatLimits: Readonly<Record<string, number | undefined>> = {
  float16: 65_520,
  float32: 2 ** 128 - 2 ** 103,
  float64: Infinity,
}

interface Edge {
  readonly value: ContractLiteral | null
  readonly isExclusive: boolean
}

/** @param limit of the dtype, in both directions; null: that of the carrier. */
function numberRules(field: ResolvedField, dtype: NumericDtype, limit: number | null): Carrier['rules'] {
  const min = edgeOf(field, 'min', 'exclusiveMin', limit === null ? null : -limit)
  const max = edgeOf(field, 'max', 'exclusiveMax', limit)
  return {
    dtype: dtypeInfo(dtype).code,
    min: min.value,
    isMinExclusive: min.isExclusive,
    max: max.value,
    isMaxExclusive: max.isExclusive,
    accepted: field.values === null ? [] : [...field.values],
  }
}

/** The strictest of the bounds on one side; of two equal ones that which is exclusive. */
function edgeOf({ bounds }: ResolvedField, inclusive: BoundRule, exclusive: BoundRule, limit: number | null): Edge {
  const isLow = inclusive === 'min'
  const edges = bounds.flatMap(({ rule, value }): { value: number | bigint; isExclusive: boolean }[] =>
    rule === inclusive || rule === exclusive ? [{ value, isExclusive: rule === exclusive }] : [],
  )
  if (limit !== null) edges.push({ value: limit, isExclusive: true })
  const [first, ...others] = edges
  if (first === undefined) return { value: null, isExclusive: false }
  return others.reduce((strictest, edge) => {
    const isSame = edge.value >= strictest.value && edge.value <= strictest.value
    if (isSame) return edge.isExclusive ? edge : strictest
    return edge.value > strictest.value === isLow ? edge : strictest
  }, first)
}

// ── buffer → columns ────────────────────────────────────────────────────────────────────────────

function readRows(
  handle: RowSpecHandle,
  forms: readonly FieldForm[],
  bytes: Uint8Array,
  isLines: boolean,
): RowCheck | null {
  const bytesMax = Math.max(COLUMN_BYTES_MIN, bytes.length * CHECKED_BYTES_PER_BODY_BYTE)
  const buffer = addon.takeRows(handle, bytes, isLines, REQUEST_ROWS_MAX, bytesMax)
  if (buffer === null) return null
  const words = new Uint32Array(buffer, 0, 1 + forms.length * ROW_WORDS)
  const rowCount = words[0] as number
  const columns: ContractColumn[] = []
  for (let at = 0; at < forms.length; at++) {
    const column = columnOf(forms[at] as FieldForm, buffer, words, 1 + at * ROW_WORDS, rowCount)
    if (column === null) return null
    columns.push(column)
  }
  const rows = new Uint32Array(rowCount)
  for (let row = 1; row < rowCount; row++) rows[row] = row
  const clean = { droppedRows: noRows, problems: [], problemCount: 0, refusalCount: 0, extra: [], extraValues: noExtra }
  return { columns, rows, rowCount, ...clean }
}

const noRows = new Uint32Array(0)
const noExtra: ReadonlyMap<string, unknown> = new Map()
const isNeverMissing = (): boolean => false

function columnOf(
  { field, values, toData }: FieldForm,
  buffer: ArrayBuffer,
  words: Uint32Array,
  at: number,
  rows: number,
): ContractColumn | null {
  const [start = 0, bytes = 0, offsetsStart = 0, bitsStart = 0] = [
    words[at],
    words[at + 1],
    words[at + 2],
    words[at + 3],
  ]
  const count = rows * values
  const bits = bitsStart === 0 ? null : new Uint8Array(buffer, bitsStart, Math.ceil(count / 8))
  const isMissing =
    bits === null ? isNeverMissing : (index: number) => (((bits[index >> 3] as number) >> (index & 7)) & 1) === 0
  const validity = bits === null ? null : validityOf(isMissing, rows, values)
  if (validity === undefined) return null
  const offsets = offsetsStart === 0 ? null : new Uint32Array(buffer, offsetsStart, count + 1)
  const data = toData({ buffer, start, bytes, offsets, count, isMissing })
  if (data === null) return null
  return { name: field.name, dtype: field.dtype, rows, shape: field.shape, data, validity, offsets: null }
}

/** By row. @returns undefined: an element of a list is missing, which a contract does not allow. */
function validityOf(isMissing: Packed['isMissing'], rows: number, values: number): Uint8Array | undefined {
  const validity = new Uint8Array(rows)
  for (let row = 0; row < rows; row++) {
    const isRowMissing = isMissing(row * values)
    for (let index = row * values + 1; index < (row + 1) * values; index++)
      if (isMissing(index) !== isRowMissing) return undefined
    validity[row] = isRowMissing ? 0 : 1
  }
  return validity
}

/** The buffer is this request's own, so that a column is a view of it. */
function numbers(dtype: NumericDtype): FieldForm['toData'] {
  return ({ buffer, start, count }) => viewData(dtype, buffer, start, count)
}

function narrowed(dtype: string): FieldForm['toData'] {
  return ({ buffer, start, count }): NumericData => {
    const wide = new Float64Array(buffer, start, count)
    return dtype === 'float32' ? new Float32Array(wide) : Uint16Array.from(wide, float16Bits)
  }
}

function texts({ pattern }: ResolvedField): FieldForm['toData'] {
  const convert = pattern === null ? (text: string) => text : (text: string) => (pattern.test(text) ? text : null)
  return (packed) => converted(packed, convert, '')
}

const uuids = (packed: Packed): string[] | null => converted(packed, uuidText, '')

function dates(packed: Packed): Int32Array | null {
  const days = converted(packed, dateDays, 0)
  return days === null ? null : Int32Array.from(days)
}

function timestamps(packed: Packed): BigInt64Array | null {
  const micros = converted(packed, timestampMicros, 0n)
  return micros === null ? null : BigInt64Array.from(micros)
}

/** The texts, each converted. @returns null: one is none of the field's. */
function converted<T>(
  { buffer, start, bytes, offsets, count, isMissing }: Packed,
  convert: (text: string) => T | null,
  missing: T,
): T[] | null {
  const utf8 = Buffer.from(buffer, start, bytes)
  const results = new Array<T>(count)
  for (let index = 0; index < count; index++) {
    const result = isMissing(index)
      ? missing
      : convert(utf8.toString('utf8', offsets?.[index] ?? 0, offsets?.[index + 1] ?? 0))
    if (result === null) return null
    results[index] = result
  }
  return results
}
