/**
 * One JSON value against one field: is it of the dtype, by value and not by form (7.0 is an int32, 2^40 is none), and does
 * it keep the field's rules. The order of the rules is fixed, because the first that is broken is the one that is reported:
 * dtype, bounds, range of the dtype, accepted values, pattern, length. Bounds come before the range, for the contract's
 * own words say more than the dtype's; accepted values and bounds are compared with the number as it was sent, before it
 * is rounded to the dtype.
 */
import type { PlainDtype } from '../contract.js'
import { type Bound, isWideInteger, narrowBigint, type ResolvedField } from '../resolve.js'
import { dateDays, timestampMicros, timestampOfMs, uuidText } from './calendar.js'
import { isInRange, rangeWords } from './ranges.js'

/** Rules that a row may break, as they stand in reports. */
export type RuleName =
  | 'object'
  | 'extra'
  | 'required'
  | 'null'
  | 'dtype'
  | 'shape'
  | Bound['rule']
  | 'values'
  | 'pattern'
  | 'minLength'
  | 'maxLength'
  | 'unique'

/** An element as it is stored: numbers, 64-bit integers beyond 2^53 and microseconds as bigints, days as numbers. */
export type StoredElement = number | bigint | string | boolean

export interface Violation {
  readonly rule: RuleName
  /** Expected … to be <expected>. */
  readonly expected: string
  readonly value: unknown
  /** A sentence without its full stop, or ''. */
  readonly wayOut: string
  /** The element as it can be stored all the same. */
  readonly kept?: StoredElement | undefined
  /** The nearest element that keeps the bounds. */
  readonly clamped?: StoredElement | undefined
}

export type ElementOutcome =
  { readonly element: StoredElement; readonly violation?: undefined } | { readonly violation: Violation }

/** Checks one element of a field's value: the value itself of a scalar. It is not null. */
export function checkElement(field: ResolvedField, value: unknown): ElementOutcome {
  const { kind } = field
  if (kind === 'float' || kind === 'integer') return checkNumber(field, value)
  if (kind === 'string') return checkText(field, value)
  const element = kind === 'bool' ? boolOf(value) : calendarOf(field.dtype, value)
  return element === null ? { violation: wrongKind(field, value) } : { element }
}

function checkNumber(field: ResolvedField, value: unknown): ElementOutcome {
  const { dtype } = field
  const number = field.kind === 'integer' ? integerOf(dtype, value) : floatOf(value)
  if (number === null) return { violation: wrongKind(field, value) }
  const isHeld = isInRange(dtype, number)
  const broken = field.bounds.find((bound) => !keepsBound(bound, number))
  if (broken !== undefined) {
    const expected = `${boundWords[broken.rule]} ${broken.value}`
    const kept = isHeld ? number : undefined
    return { violation: { rule: broken.rule, expected, value, wayOut: '', kept, clamped: clampedTo(field, broken) } }
  }
  if (!isHeld) return { violation: { rule: 'dtype', expected: rangeWords(dtype), value, wayOut: '' } }
  if (field.values !== null && !field.values.has(number)) return { violation: notAccepted(field, value, number) }
  return { element: number }
}

function checkText(field: ResolvedField, value: unknown): ElementOutcome {
  if (typeof value !== 'string' || !value.isWellFormed()) return { violation: wrongKind(field, value) }
  if (field.values !== null && !field.values.has(value)) return { violation: notAccepted(field, value, value) }
  if (field.pattern !== null && !field.pattern.test(value)) {
    const expected = `a text that matches ${field.pattern.text}`
    return { violation: { rule: 'pattern', expected, value, wayOut: '', kept: value } }
  }
  // A length of a list is one of its elements: list.ts counts them.
  if (field.shape.length > 0) return { element: value }
  const violation = lengthViolation(field, codePointCount(value), 'characters', value)
  return violation === undefined ? { element: value } : { violation: { ...violation, kept: value } }
}

/** @param unit what is counted. */
export function lengthViolation(
  field: ResolvedField,
  length: number,
  unit: string,
  value: unknown,
): Violation | undefined {
  if (length < field.minLength)
    return { rule: 'minLength', expected: `at least ${field.minLength} ${unit} long`, value, wayOut: '' }
  if (length > field.maxLength)
    return { rule: 'maxLength', expected: `at most ${field.maxLength} ${unit} long`, value, wayOut: '' }
  return undefined
}

export function codePointCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

// ── of the dtype ────────────────────────────────────────────────────────────────────────────────

/** 20 digits hold every 64-bit integer, and BigInt() is quadratic in their number. */
const decimalInteger = /^-?[1-9]\d{15,19}$/

/**
 * An integer by its value; null: none. Texts are integers only where a number of JSON would be rounded: of a 64-bit dtype,
 * beyond 2^53. A number out there was rounded already by whoever read it, and is refused.
 */
function integerOf(dtype: PlainDtype, value: unknown): number | bigint | null {
  if (typeof value === 'bigint') return narrowBigint(value)
  if (typeof value === 'number') {
    const isExact = isWideInteger(dtype) ? Number.isSafeInteger(value) : Number.isInteger(value)
    return isExact ? value : null
  }
  if (typeof value !== 'string' || !isWideInteger(dtype) || !decimalInteger.test(value)) return null
  const integer = narrowBigint(BigInt(value))
  return typeof integer === 'bigint' ? integer : null
}

function floatOf(value: unknown): number | null {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

function boolOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

function calendarOf(dtype: PlainDtype, value: unknown): StoredElement | null {
  if (dtype === 'timestamp' && typeof value === 'number') return timestampOfMs(value)
  if (typeof value !== 'string') return null
  if (dtype === 'timestamp') return timestampMicros(value)
  return dtype === 'date' ? dateDays(value) : uuidText(value)
}

// ── bounds ──────────────────────────────────────────────────────────────────────────────────────

const boundWords: Readonly<Record<Bound['rule'], string>> = {
  min: 'at least',
  max: 'at most',
  exclusiveMin: 'greater than',
  exclusiveMax: 'less than',
}

/** Comparisons of a number with a bigint are exact in JavaScript. */
export function keepsBound({ rule, value: bound }: Bound, value: number | bigint): boolean {
  if (rule === 'min') return value >= bound
  if (rule === 'max') return value <= bound
  return rule === 'exclusiveMin' ? value > bound : value < bound
}

/** Exclusive bounds of integers are clamped to their neighbour; floats have none that a person would name. */
function clampedTo({ kind }: ResolvedField, { rule, value }: Bound): StoredElement | undefined {
  if (rule === 'min' || rule === 'max') return value
  if (kind !== 'integer') return undefined
  return narrowBigint(BigInt(value) + (rule === 'exclusiveMin' ? 1n : -1n))
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────

const valuesShownMax = 10

function notAccepted(field: ResolvedField, value: unknown, kept: StoredElement): Violation {
  const values = [...(field.values ?? [])]
  const shown = values
    .slice(0, valuesShownMax)
    .map((one) => (typeof one === 'string' ? JSON.stringify(one) : String(one)))
  const more = values.length > shown.length ? ` or ${values.length - shown.length} others` : ''
  return { rule: 'values', expected: `one of ${shown.join(', ')}${more}`, value, wayOut: '', kept }
}

function wrongKind(field: ResolvedField, value: unknown): Violation {
  return { rule: 'dtype', expected: kindWords(field), value, wayOut: kindWayOut(field, value) }
}

function kindWords({ kind, dtype }: ResolvedField): string {
  switch (kind) {
    case 'integer':
      return `an integer (${dtype})`
    case 'float':
      return `a number (${dtype})`
    case 'bool':
      return 'true or false'
    case 'string':
      return 'a text'
    case 'timestamp':
      return 'a timestamp like "2026-01-31T08:30:00Z", or whole milliseconds since 1970'
    case 'date':
      return 'a date like "2026-01-31"'
    case 'uuid':
      return 'a UUID like "123e4567-e89b-12d3-a456-426614174000"'
  }
}

function kindWayOut({ kind, dtype, isNullable }: ResolvedField, value: unknown): string {
  if (kind === 'integer' || kind === 'float') {
    if (isWideInteger(dtype) && typeof value === 'number' && Number.isInteger(value))
      return 'Send an integer beyond 2^53 as a text of its digits'
    if (typeof value === 'string' && /^[-+]?(nan|inf|infinity)?$/i.test(value.trim()))
      return isNullable ? 'Send null for a missing value' : 'JSON has neither NaN nor Infinity'
    if (typeof value === 'string' && Number.isFinite(Number(value))) return 'Send the number without quotes'
    return typeof value === 'boolean' ? 'Send 1 or 0: true and false are no numbers' : ''
  }
  if (kind === 'string' && typeof value === 'string') return 'Half a surrogate pair is no Unicode'
  if (kind === 'string' && typeof value === 'number') return 'Put it in quotes'
  if (kind === 'bool') return value === 0 || value === 1 ? 'Numbers are not taken for true and false' : ''
  return kind === 'timestamp' && typeof value === 'string' && /^\d{4}-\d{2}-\d{2}[T ][\d:.]+$/.test(value)
    ? 'Say its zone: Z for UTC, or an offset like +02:00'
    : ''
}
