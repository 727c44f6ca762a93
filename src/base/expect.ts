/**
 * Checks of arguments at the border, in one wording: `Expected <argument> to be <rule> but received <value>`. Each
 * returns its value with the type it has proved, so that a check reads as an assignment. Inside the border nothing
 * checks again. All throw PenstockError ERR_ARGUMENT, or the code of the argument class that is passed in.
 */
import { PenstockError, type ErrorCode } from './errors.js'
import { NAME_CHARACTERS_MAX } from './limits/limits.js'

const valueCharactersMax = 80

/** `value` as it should stand in a sentence: short, on one line, of any type. */
export function describeValue(value: unknown): string {
  const text = describeUncut(value)
  return text.length > valueCharactersMax ? `${text.slice(0, valueCharactersMax)}…` : text
}

/** An error in the house's wording. `wayOut` is a sentence that says what to do instead. */
export function argumentError(
  name: string,
  rule: string,
  value: unknown,
  wayOut = '',
  code: ErrorCode = 'ERR_ARGUMENT',
): PenstockError {
  const sentence = `Expected ${name} to be ${rule} but received ${describeValue(value)}`
  return new PenstockError(code, wayOut === '' ? sentence : `${sentence}. ${wayOut}`)
}

/** An integer in min..max, both included; beyond 2^53 - 1 numbers are not integers any more. */
export function expectInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw argumentError(name, `an integer in ${min}..${max}`, value)
}

/** A finite number in min..max, both included. */
export function expectNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max) return value
  throw argumentError(name, `a number in ${min}..${max}`, value)
}

export function expectString(name: string, value: unknown, charactersMax = Number.MAX_SAFE_INTEGER): string {
  if (typeof value !== 'string') throw argumentError(name, 'a string', value)
  if (value.length > charactersMax)
    throw argumentError(name, `a string of at most ${charactersMax} characters`, `${value.length} characters`)
  return value
}

export function expectBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw argumentError(name, 'true or false', value)
  return value
}

/** A name of a pipeline, alias, key …: 1..NAME_CHARACTERS_MAX letters, digits and hyphens, as host names have. */
export function expectName(name: string, value: unknown): string {
  if (isName(value)) return value
  const near = typeof value === 'string' ? value.trim().replaceAll(/[\s._/]+/g, '-') : ''
  const wayOut = isName(near) ? `Use ${near}` : ''
  throw argumentError(name, `1..${NAME_CHARACTERS_MAX} letters, digits and hyphens`, value, wayOut)
}

/** What callers ask: a pipeline, or a version of one beside the deployed one, `wine.v1`. */
export function expectServedName(name: string, value: unknown): string {
  if (typeof value !== 'string') return expectName(name, value)
  const pipeline = value.replace(/\.v[1-9]\d{0,9}$/, '')
  return isName(pipeline) ? value : expectName(name, value)
}

/** A name of a model: as expectName, and underscores, for it is often the name of a file. */
export function expectModelName(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= NAME_CHARACTERS_MAX && /^[A-Za-z0-9_-]+$/.test(value)) return value
  throw argumentError(name, `1..${NAME_CHARACTERS_MAX} letters, digits, hyphens and underscores`, value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NAME_CHARACTERS_MAX && /^[A-Za-z0-9-]+$/.test(value)
}

/** One of `allowed`. */
export function expectOneOf<const T extends string | number>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw argumentError(name, `one of ${allowed.map(describeValue).join(', ')}`, value)
  return found
}

/** Whether it is an object with string keys: neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object with string keys. */
export function expectRecord(name: string, value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value
  throw argumentError(name, 'an object', value)
}

/** An array of at most `lengthMax` elements. */
export function expectArray(name: string, value: unknown, lengthMax = Number.MAX_SAFE_INTEGER): readonly unknown[] {
  if (!Array.isArray(value)) throw argumentError(name, 'an array', value)
  if (value.length > lengthMax)
    throw argumentError(name, `an array of at most ${lengthMax} elements`, `${value.length} elements`)
  return value
}

/** No key of `record` but the `allowed` ones: a misspelt option must not be silently ignored. */
export function expectNoOtherKeys(
  name: string,
  record: Readonly<Record<string, unknown>>,
  allowed: readonly string[],
): void {
  const other = Object.keys(record).find((key) => !allowed.includes(key))
  if (other !== undefined) throw argumentError(`each key of ${name}`, `one of ${allowed.join(', ')}`, other)
}

const jsonBigintMin = 10n ** 15n

function describeUncut(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > valueCharactersMax ? value.slice(0, valueCharactersMax + 1) : value)
  // Numbers of JSON with so many digits are bigints here; a shorter one was a bigint of its caller.
  if (typeof value === 'bigint') return value > -jsonBigintMin && value < jsonBigintMin ? `${value}n` : String(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length} elements`
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`
  const kind = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof kind === 'string' && kind !== 'Object' && kind !== '' ? `an instance of ${kind}` : 'an object'
}
