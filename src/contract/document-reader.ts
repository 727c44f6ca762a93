/**
 * Reads members of an untrusted document: each call checks one and gives it back, or notes the problem and gives nothing.
 * A member that is absent is no problem here.
 */
import { DESCRIPTION_CHARACTERS_MAX } from '../base/limits/contract-limits.js'
import { didYouMean } from '../base/suggest.js'
import type { ContractProblems } from './problems.js'
import { codePointCount } from './values/element.js'

export class DocumentReader {
  readonly #record: Readonly<Record<string, unknown>>
  readonly #countBefore: number

  /** @param where the place of the record in the document, e.g. `fields[2]`; '' for the document itself. */
  constructor(
    readonly where: string,
    record: object,
    readonly problems: ContractProblems,
  ) {
    this.#record = record as Readonly<Record<string, unknown>>
    this.#countBefore = problems.count
  }

  /** Whether nothing that this reader was asked for was wrong. */
  get isClean(): boolean {
    return this.problems.count === this.#countBefore
  }

  /** A member as it is. Only its own: a field without `class` must not find one on Object.prototype. */
  get(key: string): unknown {
    return Object.hasOwn(this.#record, key) ? this.#record[key] : undefined
  }

  path(key: string): string {
    return this.where === '' ? key : `${this.where}.${key}`
  }

  fail(key: string, rule: string, wayOut = ''): undefined {
    this.problems.add(this.path(key), rule, this.get(key), wayOut)
    return undefined
  }

  /** A well-formed text of 1..charactersMax code points. */
  text(key: string, charactersMax = DESCRIPTION_CHARACTERS_MAX): string | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return this.fail(key, 'a text')
    if (codePointCount(value) <= charactersMax) return value
    return this.fail(key, `a text of at most ${charactersMax} characters`)
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key)
    return value === undefined || typeof value === 'boolean' ? value : this.fail(key, 'true or false')
  }

  integer(key: string, min: number, max: number): number | undefined {
    const value = this.get(key)
    const isFit = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    return value === undefined ? undefined : isFit ? value : this.fail(key, `an integer in ${min}..${max}`)
  }

  oneOf<const T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    const found = allowed.find((candidate) => candidate === value)
    if (found !== undefined) return found
    return this.fail(key, `one of ${allowed.join(', ')}`, typeof value === 'string' ? suggestion(value, allowed) : '')
  }

  /** An array of countMin..countMax elements. */
  list(key: string, countMin: number, countMax: number): readonly unknown[] | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length >= countMin && value.length <= countMax) return value as unknown[]
    this.problems.add(
      this.path(key),
      `an array of ${countMin}..${countMax} elements`,
      Array.isArray(value) ? `${value.length} elements` : value,
    )
    return undefined
  }

  object(key: string): object | undefined {
    const value = this.get(key)
    return value === undefined ? undefined : isObject(value) ? value : this.fail(key, 'an object')
  }

  /** Notes members that there are not: a misspelt one must not be ignored in silence. */
  expectKeys(keys: readonly string[], what: string): void {
    for (const key of Object.keys(this.#record)) {
      if (keys.includes(key)) continue
      const rule = `one of ${keys.join(', ')}`
      this.problems.add(this.path(key), rule, key, suggestion(key, keys), `each member of ${what}`)
    }
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `Did you mean …?` or ''. */
function suggestion(word: string, candidates: readonly string[]): string {
  return didYouMean(word, candidates).replace(/^\. /, '')
}
