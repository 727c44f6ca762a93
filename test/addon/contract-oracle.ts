/** What a contract makes of rows that JSON.parse read, as plainly as can be said: the oracle of contract.test.ts. */
import type { RowColumn } from '../../bindings/native.js'
import { ContractRule, OnInvalid } from '../../src/base/generated/boundary.js'

/** Element and array of each dtype, with the range of the integers. */
export const dtypes = {
  float32: { code: 1, array: Float32Array },
  float64: { code: 11, array: Float64Array },
  uint8: { code: 2, array: Uint8Array, min: 0n, max: 255n },
  int8: { code: 3, array: Int8Array, min: -128n, max: 127n },
  int32: { code: 6, array: Int32Array, min: -(2n ** 31n), max: 2n ** 31n - 1n },
  int64: { code: 7, array: BigInt64Array, min: -(2n ** 63n), max: 2n ** 63n - 1n },
  bool: { code: 9, array: Uint8Array },
  string: { code: 8, array: Uint8Array },
} as const

export type Cell = number | string | boolean | null | Cell[] | { a: Cell }

export interface OracleField {
  name: string
  dtype: keyof typeof dtypes
  isNullable: boolean
  isRequired: boolean
  dims: number[]
  min: number | null
  max: number | null
  isMinExclusive: boolean
  isMaxExclusive: boolean
  accepted: (number | string | boolean)[]
  minLength: number | null
  maxLength: number | null
  isUnique: boolean
  onInvalid: (typeof OnInvalid)[keyof typeof OnInvalid]
  impute: number | string | boolean | null
}

type Value = number | bigint | string | boolean | null
interface Broken {
  rule: number
  /** What a number beyond a bound may become. */
  clamped?: Value
}
/** [row, field, element, rule, outcome] */
type Problem = number[]

const isFloat = ({ dtype }: OracleField): boolean => dtype.startsWith('float')
const round = ({ dtype }: OracleField, value: number): number => (dtype === 'float32' ? Math.fround(value) : value)

/** The inclusive bounds of a field, as values of its dtype. */
function bounds(field: OracleField): [low: Value, high: Value] {
  const range = dtypes[field.dtype]
  if (!('min' in range)) {
    const largest = field.dtype === 'float32' ? 3.4028234663852886e38 : Number.MAX_VALUE
    return [field.min ?? -largest, field.max ?? largest]
  }
  const low = field.min === null ? range.min : BigInt(field.min) + (field.isMinExclusive ? 1n : 0n)
  return [low, field.max === null ? range.max : BigInt(field.max) - (field.isMaxExclusive ? 1n : 0n)]
}

/** A cell as a value of the field's dtype. */
function narrow(field: OracleField, cell: Cell): { value: Value } | Broken {
  const [low, high] = bounds(field)
  if (cell === null) return field.isNullable ? { value: null } : { rule: ContractRule.null }
  if (field.dtype === 'bool') return typeof cell === 'boolean' ? { value: cell } : { rule: ContractRule.type }
  if (field.dtype === 'string') {
    if (typeof cell !== 'string') return { rule: ContractRule.type }
    if (!cell.isWellFormed()) return { rule: ContractRule.encoding }
    return cell.includes('\0') ? { rule: ContractRule.nul } : { value: cell }
  }
  const isDecimal =
    field.dtype === 'int64' &&
    typeof cell === 'string' &&
    /^-?[1-9][0-9]{15,19}$/.test(cell) &&
    !Number.isSafeInteger(Number(BigInt(cell)))
  if (typeof cell !== 'number' && !isDecimal) return { rule: ContractRule.type }
  if (isFloat(field)) {
    const value = round(field, cell as number)
    return Number.isFinite(value) ? { value } : { rule: ContractRule.range, clamped: value < 0 ? low : high }
  }
  if (typeof cell === 'number' && !Number.isInteger(cell)) return { rule: ContractRule.integer }
  const value = BigInt(cell)
  const range = dtypes[field.dtype] as { min: bigint; max: bigint }
  if (value < range.min) return { rule: ContractRule.range, clamped: low }
  return value > range.max ? { rule: ContractRule.range, clamped: high } : { value }
}

/** The rule that a value breaks, or null. */
function judge(field: OracleField, value: Value): Broken | null {
  const [low, high] = bounds(field)
  if (typeof value === 'number' || typeof value === 'bigint') {
    const min = field.min === null ? null : round(field, field.min)
    const max = field.max === null ? null : round(field, field.max)
    if (min !== null && (field.isMinExclusive ? value <= min : value < min))
      return { rule: field.isMinExclusive ? ContractRule.exclusiveMinimum : ContractRule.minimum, clamped: low }
    if (max !== null && (field.isMaxExclusive ? value >= max : value > max))
      return { rule: field.isMaxExclusive ? ContractRule.exclusiveMaximum : ContractRule.maximum, clamped: high }
  }
  if (typeof value === 'string') {
    const length = [...value].length
    if (field.minLength !== null && length < field.minLength) return { rule: ContractRule.minLength }
    if (field.maxLength !== null && length > field.maxLength) return { rule: ContractRule.maxLength }
  }
  const key = typeof value === 'bigint' ? Number(value) : value === 0 ? 0 : value
  const accepted = field.accepted.map((each) => (typeof each === 'number' ? round(field, each) : each))
  const isAccepted = accepted.length === 0 || accepted.some((each) => each === key)
  return isAccepted ? null : { rule: ContractRule.accepted }
}

/** The cells of one row, flat; null: it has another shape. */
function flatten(field: OracleField, value: Cell): Cell[] | null {
  const { dims } = field
  if (dims.length === 0) return [value]
  const count = dims.reduce((product, dim) => product * dim, 1)
  if (value === null) return Array.from({ length: count }, () => null)
  if (!Array.isArray(value)) return null
  const isNested = dims.length === 2
  const flat = isNested
    ? (value as Cell[][]).flatMap((row) => (Array.isArray(row) && row.length === dims[1] ? row : [[]]))
    : value
  const isShaped = flat.length === count && (!isNested || value.length === dims[0])
  return isShaped && !flat.some((cell) => Array.isArray(cell)) ? flat : null
}

class Checker {
  readonly rejected: Problem[] = []
  readonly mended: Problem[] = []
  readonly flagged = new Set<number>()
  readonly dropped = new Set<number>()

  constructor(readonly fields: OracleField[]) {}

  /** Notes what is broken. @returns the outcome. */
  note(row: number, index: number, element: number, { rule, clamped }: Broken): number {
    const { onInvalid } = this.fields[index] as OracleField
    const isHelpless =
      (onInvalid === OnInvalid.clamp && clamped === undefined) ||
      (onInvalid === OnInvalid.impute && rule === ContractRule.unique)
    const outcome = isHelpless ? OnInvalid.reject : onInvalid
    ;(outcome === OnInvalid.reject ? this.rejected : this.mended).push([row, index, element, rule, outcome])
    if (outcome === OnInvalid.flag) this.flagged.add(row)
    if (outcome === OnInvalid.drop) this.dropped.add(row)
    return outcome
  }

  row(row: number, index: number, record: Record<string, Cell>): Value[] {
    const field = this.fields[index] as OracleField
    const count = field.dims.reduce((product, dim) => product * dim, 1)
    const all = (broken: Broken): Value[] => {
      const value = this.note(row, index, -1, broken) === OnInvalid.impute ? this.imputed(field) : null
      return Array.from({ length: count }, () => value)
    }
    const cell = record[field.name]
    if (cell === undefined)
      return field.isRequired ? all({ rule: ContractRule.missing }) : Array.from({ length: count }, () => null)
    if (cell === null && field.dims.length > 0 && !field.isNullable) return all({ rule: ContractRule.null })
    const cells = flatten(field, cell)
    if (cells === null) return all({ rule: ContractRule.shape })
    return cells.map((each, element) => this.value(row, index, field.dims.length === 0 ? -1 : element, each))
  }

  imputed(field: OracleField): Value {
    return isFloat(field) || typeof field.impute !== 'number' ? field.impute : BigInt(field.impute)
  }

  value(row: number, index: number, element: number, cell: Cell): Value {
    const field = this.fields[index] as OracleField
    const narrowed = narrow(field, cell)
    if (!('value' in narrowed)) {
      const outcome = this.note(row, index, element, narrowed)
      if (outcome === OnInvalid.impute) return this.imputed(field)
      // A bound may itself break no rule but that of accepted values.
      return outcome === OnInvalid.clamp ? this.judged(row, index, element, narrowed.clamped as Value) : null
    }
    return narrowed.value === null ? null : this.judged(row, index, element, narrowed.value)
  }

  judged(row: number, index: number, element: number, value: Value): Value {
    const field = this.fields[index] as OracleField
    const broken = judge(field, value)
    if (broken === null || (field.onInvalid === OnInvalid.impute && value === this.imputed(field))) return value
    const outcome = this.note(row, index, element, broken)
    if (outcome === OnInvalid.impute) return this.imputed(field)
    return outcome === OnInvalid.clamp ? (broken.clamped as Value) : value
  }
}

/** @param body a row or a list of rows. @returns as the test's summary does. */
export function check(fields: OracleField[], body: object): object {
  const records = (Array.isArray(body) ? body : [body]) as Record<string, Cell>[]
  const checker = new Checker(fields)
  const columns = fields.map((_, index) => records.map((record, row) => checker.row(row, index, record)))
  for (const [index, field] of fields.entries()) {
    if (!field.isUnique) continue
    const seen = new Set<Value>()
    for (const [row, [value]] of (columns[index] as Value[][]).entries()) {
      if (value === null || value === undefined || checker.dropped.has(row)) continue
      const key = value === 0 ? 0 : value
      if (seen.has(key)) checker.note(row, index, -1, { rule: ContractRule.unique })
      else seen.add(key)
    }
  }
  const order = (problems: Problem[]): Problem[] =>
    problems.sort((a, b) => a.map((part, at) => part - (b[at] as number)).find((difference) => difference !== 0) ?? 0)
  const isRejected = checker.rejected.length > 0
  const kept = records.map((_, row) => row).filter((row) => !checker.dropped.has(row))
  return {
    rejected: order(checker.rejected),
    mended: order(checker.mended),
    rows: isRejected ? 0 : kept.length,
    dropped: isRejected ? [] : [...checker.dropped].sort((a, b) => a - b),
    flags: isRejected ? [] : [...kept.entries()].filter(([, row]) => checker.flagged.has(row)).map(([at]) => at),
    columns: isRejected ? [] : columns.map((column) => kept.flatMap((row) => column[row] as Value[])),
  }
}

/** A column's values, null where one is missing; asserts what lies in the place of those. */
export function elementsOf(field: OracleField, column: RowColumn | undefined, rows: number): Value[] {
  if (column === undefined) throw new Error(`Expected a column of ${field.name} but there is none`)
  const bits = column.validity === null ? null : new Uint8Array(column.validity)
  const count = rows * field.dims.reduce((product, dim) => product * dim, 1)
  const numbers = new dtypes[field.dtype].array(column.values)
  const offsets = column.offsets === null ? null : new Uint32Array(column.offsets)
  const valueAt = (index: number): Value => {
    if (offsets !== null)
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        column.values.slice(offsets[index], offsets[index + 1]),
      )
    const number = numbers[index] as number | bigint
    if (field.dtype === 'bool') return number === 1
    return isFloat(field) ? number : BigInt(number)
  }
  return Array.from({ length: count }, (_, index) => {
    const isMissing = bits !== null && ((bits[index >> 3] as number) & (1 << (index & 7))) === 0
    const value = valueAt(index)
    if (!isMissing) return value
    const empty = field.dtype === 'string' ? value === '' : isFloat(field) ? Number.isNaN(value) : Number(value) === 0
    if (!empty) throw new Error(`Expected nothing in the place of a missing value but found ${String(value)}`)
    return null
  })
}
