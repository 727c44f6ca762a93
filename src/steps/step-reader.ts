/**
 * Reads the members of one step from untrusted JSON, with errors that name the step and the member:
 * `Expected steps[2].index to be an integer in 0..63 but received -1`. Shared by all kinds, so that they say it alike.
 */
import { argumentError, describeValue } from '../base/expect.js'
import type { PenstockError } from '../base/errors.js'
import { FIELDS_MAX, META_TEXT_CHARACTERS_MAX, NAME_CHARACTERS_MAX } from '../base/limits/limits.js'
import { readReference, referenceText, type ModelReference } from '../pipeline/model-reference.js'

export class StepReader {
  /** @param where the place of the step in the definition, e.g. `steps[2]`. */
  constructor(
    readonly where: string,
    private readonly record: Readonly<Record<string, unknown>>,
  ) {}

  has(key: string): boolean {
    return this.record[key] !== undefined
  }

  /** A member as it is. Only its own: a step without `default` must not find one on Object.prototype. */
  get(key: string): unknown {
    return Object.hasOwn(this.record, key) ? this.record[key] : undefined
  }

  error(key: string, rule: string, value: unknown, wayOut = ''): PenstockError {
    return stepError(key === '' ? this.where : `${this.where}.${key}`, rule, value, wayOut)
  }

  /** A text of 1..charactersMax characters. */
  text(key: string, charactersMax = META_TEXT_CHARACTERS_MAX): string {
    const value = this.get(key)
    if (typeof value !== 'string' || value === '') throw this.error(key, 'a text', value)
    if (value.length > charactersMax) {
      throw this.error(key, `a text of at most ${charactersMax} characters`, `${value.length} characters`)
    }
    return value
  }

  integer(key: string, min: number, max: number): number {
    const value = this.get(key)
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
    throw this.error(key, `an integer in ${min}..${max}`, value)
  }

  boolean(key: string): boolean {
    const value = this.get(key)
    if (typeof value === 'boolean') return value
    throw this.error(key, 'true or false', value)
  }

  reference(key: string): ModelReference {
    return this.toReference(key, this.get(key))
  }

  /** As it is stored: `models:/wine/3` is `wine@3`. */
  toReference(key: string, value: unknown): ModelReference {
    const read = readReference(value)
    if ('name' in read) return referenceText(read)
    throw this.error(key, read.rule, value, read.wayOut)
  }

  references(key: string, countMax: number): ModelReference[] {
    return this.list(key, countMax).map((value, i) => this.toReference(`${key}[${i}]`, value))
  }

  /** An array of 1..countMax elements. */
  list(key: string, countMax: number): readonly unknown[] {
    const value = this.get(key)
    if (!Array.isArray(value)) throw this.error(key, 'an array', value)
    if (value.length < 1 || value.length > countMax) {
      throw this.error(key, `an array of 1..${countMax} elements`, `${value.length} elements`)
    }
    return value
  }

  object(key: string): Readonly<Record<string, unknown>> {
    const value = this.get(key)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw this.error(key, 'an object', value)
  }

  /** `tensorFields`, ready to be spread: absent when the step has none. */
  tensorFields(): { tensorFields?: string[] } {
    if (!this.has('tensorFields')) return {}
    const names = this.list('tensorFields', FIELDS_MAX).map((value, i) => {
      const isName = typeof value === 'string' && value !== '' && value.length <= META_TEXT_CHARACTERS_MAX
      if (!isName) throw this.error(`tensorFields[${i}]`, 'the name of a tensor', value)
      return value
    })
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined)
      throw this.error('tensorFields', 'names that are all different', describeValue(names.join(', ')))
    return { tensorFields: names }
  }

  /** Refuses members that the step does not have: a misspelt option must not be ignored in silence. */
  expectKeys(keys: readonly string[]): void {
    for (const key of Object.keys(this.record)) {
      if (key === 'type' || keys.includes(key)) continue
      throw this.error('', `made of ${['type', ...keys].join(', ')}`, key, suggest(key, keys))
    }
  }
}

export function stepError(where: string, rule: string, value: unknown, wayOut = ''): PenstockError {
  return argumentError(where, rule, value, wayOut, 'ERR_PIPELINE_INVALID')
}

/** `Did you mean …?` for the nearest of `candidates`, or '' when none is near. */
export function suggest(word: string, candidates: readonly string[]): string {
  if (word.length > NAME_CHARACTERS_MAX) return ''
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const [nearest] = ranked
  const isNear = nearest !== undefined && nearest.distance <= Math.ceil(nearest.candidate.length / 3)
  return isNear ? `Did you mean ${nearest.candidate}?` : ''
}

/** Levenshtein's distance by rows; O(a * b), both at most NAME_CHARACTERS_MAX. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] as number) + Number(a[i - 1] !== b[j - 1])
      row.push(Math.min(substituted, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    previous = row
  }
  return previous[b.length] as number
}
