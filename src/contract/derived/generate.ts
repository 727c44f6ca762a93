/**
 * Made-up rows of a contract, drawn from a seed: valid ones within bounds, accepted values and patterns, and ones that break
 * exactly one rule of one field. What a load test sends, and what a test of a reader compares.
 *
 * Every value is checked by the contract's own rules before it is given out; a field of which none can be made (a pattern
 * that sample-pattern.ts does not read, and no example) is named with the way out.
 */
import { argumentError } from '../../base/expect.js'
import type { RandomSource } from '../../base/random.js'
import type { ExampleRow, FieldValue } from '../contract.js'
import { valueAt, withoutValueAt, withValueAt } from '../member-tree.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { dateText, timestampText } from '../values/calendar.js'
import { codePointCount, type RuleName } from '../values/element.js'
import { integerRange, roundedTo } from '../values/ranges.js'
import { checkValue } from '../values/value.js'
import { patternSampler } from './sample-pattern.js'

export type MadeRow = ExampleRow

export interface BrokenRow {
  readonly row: Readonly<Record<string, unknown>>
  /** The field that breaks a rule, and the rule. */
  readonly field: string
  readonly rule: RuleName
}

/** Share of the rows in which a field that may be missing is. */
const MISSING_SHARE = 0.1
const ATTEMPTS_MAX = 100
/** How far numbers without bounds reach. */
const NUMBER_SPAN = 1000
const TEXT_LENGTH_MAX = 12
const LIST_LENGTH_MAX = 8
/** 2026-01-01, and a year of it. */
const TIME_START_MS = 1_767_225_600_000
const TIME_SPAN_MS = 365 * 86_400_000

export class RowGenerator {
  readonly #contract: ResolvedContract
  readonly #random: RandomSource
  /** Values given out of fields that no two rows may share. */
  readonly #given = new Map<string, Set<string>>()

  /** @param random seededRandom(seed): the same seed makes the same rows. */
  constructor(contract: ResolvedContract, random: RandomSource) {
    this.#contract = contract
    this.#random = random
  }

  /** A valid row. @throws PenstockError ERR_ARGUMENT naming a field of which no value can be made. */
  valid(): MadeRow {
    const members = this.#contract.inputs.flatMap((field): [readonly string[], FieldValue][] => {
      const mayBeAbsent = !field.isRequired
      const mayBeNull = field.isNullable || field.impute !== undefined
      if (mayBeAbsent && this.#random() < MISSING_SHARE) return []
      if (mayBeNull && this.#random() < MISSING_SHARE) return [[field.path, null]]
      return [[field.path, this.#uniqueValue(field)]]
    })
    if (this.#contract.tree === null) return flatRow(members)
    return members.reduce<MadeRow>((row, [path, value]) => withValueAt(row, path, value), {})
  }

  /** A row that breaks one rule; null where the contract has none that can be broken. */
  invalid(): BrokenRow | null {
    const breaches = this.#contract.inputs.flatMap((field) => breachesOf(field).map((breach) => ({ field, breach })))
    const chosen = breaches[Math.floor(this.#random() * breaches.length)]
    if (chosen === undefined) return null
    const { field, breach } = chosen
    const row = this.valid()
    if (breach.rule === 'required') return { row: withoutValueAt(row, field.path), field: field.name, rule: 'required' }
    return { row: withValueAt<unknown>(row, field.path, breach.value), field: field.name, rule: breach.rule }
  }

  #uniqueValue(field: ResolvedField): FieldValue {
    if (!field.isUnique) return this.#value(field)
    const given = this.#given.get(field.name) ?? new Set<string>()
    this.#given.set(field.name, given)
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const value = this.#value(field)
      const key = String(value)
      if (given.has(key)) continue
      given.add(key)
      return value
    }
    throw argumentError(
      field.name,
      'of a field with more values, for it is unique',
      `${given.size} of them`,
      'Make fewer rows',
    )
  }

  #value(field: ResolvedField): FieldValue {
    const sample = elementSampler(field)
    for (let attempt = 0; attempt < ATTEMPTS_MAX && sample !== null; attempt++) {
      const value = this.#nested(field, sample, 0)
      if (checkValue(field, value, 'reject').violation === null) return value
    }
    const known = valueAt(this.#contract.contract.example, field.path)
    if (known !== undefined && known !== null) return known as FieldValue
    throw argumentError(
      field.name,
      'of a field of which values can be made',
      field.source.pattern ?? field.dtype,
      'Give the contract an example with it, or accepted values',
    )
  }

  #nested(field: ResolvedField, sample: (random: RandomSource) => FieldValue, axis: number): FieldValue {
    const dim = field.shape[axis]
    if (dim === undefined) return sample(this.#random)
    const most = Math.min(field.maxLength, Math.max(field.minLength, LIST_LENGTH_MAX))
    const length = dim ?? field.minLength + Math.floor(this.#random() * (most - field.minLength + 1))
    return Array.from({ length }, () => this.#nested(field, sample, axis + 1))
  }
}

/** fromEntries defines, so that a field called __proto__ is one. */
function flatRow(members: readonly (readonly [readonly string[], FieldValue])[]): MadeRow {
  return Object.fromEntries(members.map(([[name = ''], value]) => [name, value]))
}

// ── values ──────────────────────────────────────────────────────────────────────────────────────

type ElementSampler = (random: RandomSource) => FieldValue

/** null: there is none for the field's pattern. */
function elementSampler(field: ResolvedField): ElementSampler | null {
  if (field.values !== null) {
    const values = [...field.values].map((value) => (typeof value === 'bigint' ? String(value) : value))
    return (random) => values[Math.floor(random() * values.length)] as FieldValue
  }
  switch (field.kind) {
    case 'integer':
      return integerSampler(field)
    case 'float':
      return floatSampler(field)
    case 'bool':
      return (random) => random() < 0.5
    case 'string':
      return textSampler(field)
    case 'timestamp':
      return (random) => timestampText(BigInt(TIME_START_MS + Math.floor(random() * TIME_SPAN_MS)) * 1000n)
    case 'date':
      return (random) => dateText(Math.floor((TIME_START_MS + random() * TIME_SPAN_MS) / 86_400_000))
    case 'uuid':
      return uuid
  }
}

interface Interval<T> {
  readonly low: T | undefined
  readonly high: T | undefined
}

function intervalOf({ bounds }: ResolvedField): Interval<number | bigint> {
  return {
    low: bounds.find(({ rule }) => rule === 'min' || rule === 'exclusiveMin')?.value,
    high: bounds.find(({ rule }) => rule === 'max' || rule === 'exclusiveMax')?.value,
  }
}

/** Exclusive bounds are drawn as well, and refused by the check. */
function integerSampler(field: ResolvedField): ElementSampler {
  const range = integerRange(field.dtype)
  const { low, high } = intervalOf(field)
  const span = BigInt(NUMBER_SPAN)
  const clip = (value: bigint): bigint => (value < range.min ? range.min : value > range.max ? range.max : value)
  const least = low === undefined ? clip((high === undefined ? 0n : BigInt(high)) - span) : BigInt(low)
  const most = high === undefined ? clip((low === undefined ? 0n : BigInt(low)) + span) : BigInt(high)
  return (random) => {
    const value = least + (BigInt(Math.floor(random() * 2 ** 53)) * (most - least + 1n)) / 2n ** 53n
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  }
}

function floatSampler(field: ResolvedField): ElementSampler {
  const { low, high } = intervalOf(field)
  const least = low === undefined ? (high === undefined ? 0 : Number(high)) - NUMBER_SPAN : Number(low)
  const most = high === undefined ? (low === undefined ? 0 : Number(low)) + NUMBER_SPAN : Number(high)
  // Halved before the difference, which would overflow for the widest bounds; rounded, so that a reader compares equal.
  return (random) => roundedTo(field.dtype, least + 2 * (random() * (most / 2 - least / 2)))
}

const letters = 'abcdefghijklmnopqrstuvwxyz'

function textSampler({ pattern, minLength, maxLength, shape }: ResolvedField): ElementSampler | null {
  if (pattern !== null) return patternSampler(pattern.text)
  const isScalar = shape.length === 0
  const least = isScalar ? minLength : 1
  const most = isScalar ? Math.min(maxLength, Math.max(least, TEXT_LENGTH_MAX)) : TEXT_LENGTH_MAX
  return (random) => {
    const length = least + Math.floor(random() * (most - least + 1))
    return Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
  }
}

function uuid(random: RandomSource): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

// ── what is invalid ─────────────────────────────────────────────────────────────────────────────

interface Breach {
  readonly rule: RuleName
  readonly value?: unknown
}

/** Values that break one rule each, told as that rule. */
function breachesOf(field: ResolvedField): Breach[] {
  const candidates: Breach[] = [{ rule: 'dtype', value: wrap(field, wrongType(field)) }]
  if (field.isRequired) candidates.push({ rule: 'required' })
  if (!field.isNullable && field.impute === undefined) candidates.push({ rule: 'null', value: null })
  if (field.shape.length > 0) candidates.push({ rule: 'shape', value: 0 })
  for (const { rule, value } of field.bounds) candidates.push({ rule, value: wrap(field, beyond(rule, value)) })
  if (field.values !== null) candidates.push({ rule: 'values', value: wrap(field, unlike(field)) })
  if (field.pattern !== null)
    for (const text of ['', ' ', '~', 'Ω']) candidates.push({ rule: 'pattern', value: wrap(field, text) })
  if (field.kind === 'string' && field.shape.length === 0) candidates.push(...textLengths(field))
  // A candidate may break an earlier rule instead, or none.
  return candidates.filter(({ rule, value }) => isDeclared(field, rule, value))
}

function isDeclared(field: ResolvedField, rule: RuleName, value: unknown): boolean {
  if (rule === 'required' || rule === 'null') return true
  return checkValue(field, value, 'reject').violation?.rule === rule
}

function wrongType({ kind }: ResolvedField): unknown {
  return kind === 'string' || kind === 'bool'
    ? 7
    : kind === 'timestamp'
      ? 'yesterday'
      : kind === 'date'
        ? '31.1.2026'
        : 'seven'
}

/** One element in a value of the field's shape. */
function wrap({ shape, minLength }: ResolvedField, element: unknown): unknown {
  return shape.reduceRight<unknown>(
    (inner, dim, axis) => new Array<unknown>(dim ?? Math.max(1, axis === 0 ? minLength : 1)).fill(inner),
    element,
  )
}

function beyond(rule: string, bound: number | bigint): unknown {
  if (rule.startsWith('exclusive')) return typeof bound === 'bigint' ? String(bound) : bound
  const sign = rule === 'min' ? -1 : 1
  if (typeof bound === 'bigint') return String(bound + BigInt(sign))
  // The next number that a double tells from the bound, and an integer where the bound is one.
  return bound + sign * Math.max(1, Math.ceil(Math.abs(bound) * 2 ** -40))
}

function unlike({ kind, values }: ResolvedField): unknown {
  const known = [...(values ?? [])]
  if (kind === 'string') return `${known.join('')}!`.slice(-1000)
  return known.reduce<number>((most, value) => Math.max(most, Number(value)), 0) + 1
}

function textLengths({ minLength, maxLength }: ResolvedField): Breach[] {
  return [
    ...(minLength > 0 ? [{ rule: 'minLength', value: 'a'.repeat(minLength - 1) } as const] : []),
    ...(maxLength < 2 ** 16 ? [{ rule: 'maxLength', value: 'a'.repeat(maxLength + 1) } as const] : []),
  ].filter(({ value }) => codePointCount(value) < 2 ** 17)
}
