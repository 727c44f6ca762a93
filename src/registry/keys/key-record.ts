/**
 * One API key as keys.json has it, and what `keys create` may ask for. What a key leaves out is not limited: a key of an
 * earlier release, which had nothing but a name and a hash, may do everything and never expires.
 *
 * Format 2 of the file says that some key is limited. An earlier release would take such a key for an unlimited one, so it
 * must not read the file; a file without limited keys stays format 1, which it can.
 */
import { defaultScopes, expectBoundScopes, expectScopes, SCOPES, type Scope } from '../../base/access.js'
import { argumentError, expectArray, expectInteger, expectName, expectNumber, expectRecord } from '../../base/expect.js'
import { expectString } from '../../base/expect.js'
import {
  KEY_CONCURRENCY_MAX,
  KEY_LIFE_MS_MAX,
  KEY_PIPELINES_MAX,
  KEY_RATE_MAX,
} from '../../base/limits/access-limits.js'
import { checkEach, checkPattern, checkTime } from '../record-check.js'

export const KEY_FORMATS = { unlimited: 1, limited: 2 } as const

/** What a key may do. */
export interface KeyPowers {
  readonly scopes: readonly Scope[]
  /** The only pipelines that it may infer on and read of; absent: all. */
  readonly pipelines?: readonly string[]
  /** ISO 8601, UTC; absent: it does not expire. */
  readonly expiresAt?: string
  /** Requests a second; absent: as many as it likes. */
  readonly ratePerS?: number
  /** Requests in flight; absent: as many as it likes. */
  readonly concurrency?: number
}

export interface ApiKey extends KeyPowers {
  readonly name: string
  /** The first characters of the key, to recognise it by. */
  readonly prefix: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface StoredKey extends ApiKey {
  readonly sha256: string
}

/** What may be asked for when a key is made; absent means as in KeyPowers, and all scopes (of a bound key infer, read). */
export interface KeyOptions {
  readonly scopes?: readonly string[] | undefined
  readonly pipelines?: readonly string[] | undefined
  /** A time in the future, at most ten years away. */
  readonly expiresAt?: Date | undefined
  readonly ratePerS?: number | undefined
  readonly concurrency?: number | undefined
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function powersOf(options: KeyOptions, nowMs: number): KeyPowers {
  const { expiresAt, ratePerS, concurrency } = options
  const pipelines = options.pipelines === undefined ? undefined : expectPipelines('pipelines', options.pipelines)
  const isBound = pipelines !== undefined
  const scopes = options.scopes === undefined ? defaultScopes(isBound) : expectScopes('scopes', options.scopes)
  if (isBound) expectBoundScopes(scopes)
  return {
    scopes,
    ...(isBound ? { pipelines } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt: expectFuture(expiresAt, nowMs) }),
    ...(ratePerS === undefined ? {} : { ratePerS: expectRate('ratePerS', ratePerS) }),
    ...(concurrency === undefined ? {} : { concurrency: expectConcurrency('concurrency', concurrency) }),
  }
}

/** A record of keys.json. @throws PenstockError ERR_ARGUMENT naming the field. */
export function checkKey(path: string, value: unknown): StoredKey {
  const fields = expectRecord(path, value)
  const field = <T>(name: string, check: (path: string, value: unknown) => T): Record<string, T> =>
    fields[name] === undefined ? {} : { [name]: check(`${path}.${name}`, fields[name]) }
  return {
    name: expectName(`${path}.name`, fields['name']),
    prefix: expectString(`${path}.prefix`, fields['prefix']),
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
    sha256: checkPattern(`${path}.sha256`, fields['sha256'], /^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
    scopes: fields['scopes'] === undefined ? SCOPES : expectScopes(`${path}.scopes`, fields['scopes']),
    ...field('pipelines', expectPipelines),
    ...field('expiresAt', checkTime),
    ...field('ratePerS', expectRate),
    ...field('concurrency', expectConcurrency),
  }
}

/** The file's content. */
export function keyFileOf(keys: readonly StoredKey[]): string {
  const isLimited = keys.some(({ scopes, ...rest }) => scopes.length < SCOPES.length || hasLimits(rest))
  const format = isLimited ? KEY_FORMATS.limited : KEY_FORMATS.unlimited
  const records = keys.map(({ scopes, ...rest }) => (scopes.length < SCOPES.length ? { ...rest, scopes } : rest))
  return `${JSON.stringify({ format, keys: records }, null, 2)}\n`
}

/** @throws PenstockError ERR_ARGUMENT. */
export function readKeyFile(text: string, keysMax: number): StoredKey[] {
  const file = expectRecord('the file', JSON.parse(text))
  expectInteger('format', file['format'], KEY_FORMATS.unlimited, KEY_FORMATS.limited)
  expectArray('keys', file['keys'], keysMax)
  return checkEach('keys', file['keys'], checkKey)
}

function hasLimits({ pipelines, expiresAt, ratePerS, concurrency }: Omit<KeyPowers, 'scopes'>): boolean {
  return [pipelines, expiresAt, ratePerS, concurrency].some((limit) => limit !== undefined)
}

function expectPipelines(name: string, value: unknown): readonly string[] {
  const pipelines = expectArray(name, value, KEY_PIPELINES_MAX).map((entry) => expectName(`each of ${name}`, entry))
  if (pipelines.length > 0) return [...new Set(pipelines)]
  throw argumentError(name, 'one or more names of pipelines', 'none', 'Leave them out for a key of all pipelines')
}

function expectFuture(time: Date, nowMs: number): string {
  const lifeMs = time.getTime() - nowMs
  if (lifeMs > 0 && lifeMs <= KEY_LIFE_MS_MAX) return time.toISOString()
  const shown = Number.isNaN(lifeMs) ? 'no date' : time.toISOString()
  throw argumentError('expiresAt', 'a time from now on, at most ten years away', shown)
}

function expectRate(name: string, value: unknown): number {
  return expectNumber(name, value, 1 / 3600, KEY_RATE_MAX)
}

function expectConcurrency(name: string, value: unknown): number {
  return expectInteger(name, value, 1, KEY_CONCURRENCY_MAX)
}
