/**
 * Reads the members of one operation from untrusted JSON, with errors that name the operation and the member:
 * `Expected ops[2].bins to be an integer in 2..65536 but received 1`. Shared by all kinds, so that they say it alike.
 */
import type { PenstockError } from '../../base/errors.js'
import { type ErrorCode } from '../../base/errors.js'
import { argumentError, describeValue } from '../../base/expect.js'
import {
  TRANSFORM_CATEGORIES_MAX,
  TRANSFORM_COLUMNS_MAX,
  TRANSFORM_TEXT_CHARACTERS_MAX,
} from '../../base/limits/transform-limits.js'
import { closest } from '../../base/suggest.js'
import type { CellValue } from './column.js'

/** Where a definition stands, and with which code its mistakes are reported. */
export interface Place {
  /** e.g. `ops` or `steps[0].ops`. */
  readonly where: string
  readonly code: ErrorCode
}

/** `one of a, b, c`, the nearest name behind it where one is near. */
export function unknownName(where: string, name: unknown, known: readonly string[], code: ErrorCode): PenstockError {
  const near = typeof name === 'string' ? closest(name, known) : null
  const listed =
    known.length > 20 ? `one of ${known.length}: ${known.slice(0, 20).join(', ')} …` : `one of ${known.join(', ')}`
  return argumentError(
    where,
    known.length === 0 ? 'a column, of which there is none' : listed,
    name,
    near === null ? '' : `Did you mean ${near}?`,
    code,
  )
}

export class OpReader {
  constructor(
    /** e.g. `ops[2]`. */
    readonly where: string,
    private readonly record: Readonly<Record<string, unknown>>,
    private readonly code: ErrorCode,
  ) {}

  has(key: string): boolean {
    return Object.hasOwn(this.record, key) && this.record[key] !== undefined
  }

  get(key: string): unknown {
    return Object.hasOwn(this.record, key) ? this.record[key] : undefined
  }

  error(key: string, rule: string, value: unknown, wayOut = ''): PenstockError {
    return argumentError(key === '' ? this.where : `${this.where}.${key}`, rule, value, wayOut, this.code)
  }

  /** No key but `op` and these. */
  expectKeys(keys: readonly string[]): void {
    const other = Object.keys(this.record).find((key) => key !== 'op' && !keys.includes(key))
    if (other !== undefined) throw unknownName(`each key of ${this.where}`, other, ['op', ...keys], this.code)
  }

  text(key: string, value: unknown = this.get(key)): string {
    if (typeof value !== 'string') throw this.error(key, 'a text', value)
    if (value.length > TRANSFORM_TEXT_CHARACTERS_MAX)
      throw this.error(
        key,
        `a text of at most ${TRANSFORM_TEXT_CHARACTERS_MAX} characters`,
        `${value.length} characters`,
      )
    return value
  }

  name(key: string, value: unknown = this.get(key)): string {
    const name = this.text(key, value)
    if (name === '') throw this.error(key, 'a name', name)
    return name
  }

  integer(key: string, min: number, max: number, value: unknown = this.get(key)): number {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
    throw this.error(key, `an integer in ${min}..${max}`, value)
  }

  number(key: string, value: unknown = this.get(key)): number {
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.error(key, 'a number', value)
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key)
    if (value === undefined) return fallback
    if (typeof value === 'boolean') return value
    throw this.error(key, 'true or false', value)
  }

  oneOf<const T extends string>(key: string, allowed: readonly T[], fallback?: T): T {
    const value = this.get(key) ?? fallback
    const found = allowed.find((candidate) => candidate === value)
    if (found !== undefined) return found
    throw unknownName(`${this.where}.${key}`, value, allowed, this.code)
  }

  list(key: string, countMin: number, countMax: number, value: unknown = this.get(key)): readonly unknown[] {
    if (!Array.isArray(value)) throw this.error(key, 'an array', value)
    if (value.length >= countMin && value.length <= countMax) return value as readonly unknown[]
    const rule =
      countMin === countMax ? `an array of ${countMin} elements` : `an array of ${countMin}..${countMax} elements`
    throw this.error(key, rule, `${value.length} elements`)
  }

  object(key: string): Readonly<Record<string, unknown>> {
    const value = this.get(key)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw this.error(key, 'an object', value)
  }

  /** Names, each once. */
  names(key: string, countMin = 1, countMax = TRANSFORM_COLUMNS_MAX): string[] {
    const names = this.list(key, countMin, countMax).map((value, i) => this.name(`${key}[${i}]`, value))
    const twice = names.findIndex((name, i) => names.indexOf(name) < i)
    if (twice >= 0) throw this.error(`${key}[${twice}]`, 'a name that stands there once', names[twice])
    return names
  }

  /** `columns`, and `as` of as many names where it is there. */
  columns(): { columns: string[]; as?: string[] } {
    const columns = this.names('columns')
    return this.has('as') ? { columns, as: this.names('as', columns.length, columns.length) } : { columns }
  }

  /** One value a column, read by `read`. */
  perColumn<T>(key: string, columns: readonly string[], read: (key: string, value: unknown) => T): T[] {
    return this.list(key, columns.length, columns.length).map((value, i) => read(`${key}[${i}]`, value))
  }

  /** A number, or one for each element of a row. */
  parameter(key: string, value: unknown): Parameter {
    if (!Array.isArray(value)) return this.number(key, value)
    return this.list(key, 1, TRANSFORM_CATEGORIES_MAX, value).map((item, i) => this.number(`${key}[${i}]`, item))
  }

  /** A value of a cell: number, text, true, false; null for a missing one. */
  cell(key: string, value: unknown): JsonCell {
    if (typeof value === 'string') return this.text(key, value)
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.error(key, 'a number, a text, true, false or null', value)
  }

  /** Categories: cells, each once. */
  cells(key: string, value: unknown): JsonCell[] {
    const cells = this.list(key, 1, TRANSFORM_CATEGORIES_MAX, value).map((item, i) => this.cell(`${key}[${i}]`, item))
    const seen = new Set<JsonCell>()
    cells.forEach((cell, i) => {
      if (seen.has(cell)) throw this.error(`${key}[${i}]`, 'a value that stands there once', cell)
      seen.add(cell)
    })
    return cells
  }
}

export type Parameter = number | readonly number[]
/** A cell as JSON has it: 64-bit integers beyond 2^53 as texts of digits. */
export type JsonCell = Exclude<CellValue, bigint>

/** Some of a list, for a sentence. */
export function listed(values: readonly unknown[]): string {
  const shown = values.slice(0, 5).map((value) => describeValue(value))
  return values.length > 5 ? `${shown.join(', ')} … (${values.length})` : shown.join(', ')
}
