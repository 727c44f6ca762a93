/** Reads the member `log` of a definition: docs/reference/log.md says what each member means. */
import { LOG_AGE_HOURS_MAX, LOG_BYTES_MAX, LOG_KEY_CHARACTERS_MAX, LOG_KEYS_MAX } from '../../base/limits/limits.js'
import {
  DURABILITIES,
  REQUEST_ID_KEY,
  type Durability,
  type LogPolicy,
  type LogRetention,
} from '../../pipeline/definition.js'
import { stepError, suggest } from '../step-reader.js'

const policyKeys = ['durability', 'sampleRate', 'onFailure', 'retention', 'keys']
const retentionKeys = ['ageHours', 'bytes']

/** @throws PenstockError ERR_PIPELINE_INVALID naming the member. */
export function parseLogPolicy(json: unknown): LogPolicy {
  const record = expectObject('log', json, policyKeys)
  const { durability, sampleRate, onFailure, retention, keys } = record
  if (!DURABILITIES.includes(durability as Durability)) {
    throw stepError('log.durability', `one of ${DURABILITIES.join(', ')}`, durability)
  }
  const isSampled = durability === 'sampled'
  if (isSampled ? !isRate(sampleRate) : sampleRate !== undefined) {
    const rule = isSampled ? 'a number above 0 and at most 1' : 'absent unless durability is sampled'
    throw stepError('log.sampleRate', rule, sampleRate)
  }
  if (onFailure !== undefined && onFailure !== 'answer' && onFailure !== 'refuse') {
    throw stepError('log.onFailure', 'answer or refuse', onFailure)
  }
  return {
    durability: durability as Durability,
    ...(isSampled ? { sampleRate: sampleRate as number } : {}),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(retention === undefined ? {} : { retention: parseRetention(retention) }),
    ...(keys === undefined ? {} : { keys: parseKeys(keys) }),
  }
}

function parseKeys(json: unknown): string[] {
  // One column is the caller's id.
  const countMax = LOG_KEYS_MAX - 1
  if (!Array.isArray(json) || json.length > countMax)
    throw stepError('log.keys', `a list of at most ${countMax} names`, json)
  const names = json as readonly unknown[]
  names.forEach((name, index) => {
    const isName = typeof name === 'string' && name.length >= 1 && name.length <= LOG_KEY_CHARACTERS_MAX
    if (!isName || name === REQUEST_ID_KEY || names.indexOf(name) !== index) {
      const rule = `a name of 1..${LOG_KEY_CHARACTERS_MAX} characters, each once, without ${REQUEST_ID_KEY}, which is always logged`
      throw stepError(`log.keys[${index}]`, rule, name)
    }
  })
  return names as string[]
}

function parseRetention(json: unknown): LogRetention {
  const { ageHours, bytes } = expectObject('log.retention', json, retentionKeys)
  const isAge = typeof ageHours === 'number' && ageHours > 0 && ageHours <= LOG_AGE_HOURS_MAX
  if (ageHours !== undefined && !isAge) {
    throw stepError('log.retention.ageHours', `a number above 0 and at most ${LOG_AGE_HOURS_MAX}`, ageHours)
  }
  const isSize = Number.isInteger(bytes) && (bytes as number) >= 1 && (bytes as number) <= LOG_BYTES_MAX
  if (bytes !== undefined && !isSize) {
    throw stepError('log.retention.bytes', `an integer in 1..${LOG_BYTES_MAX}`, bytes)
  }
  return {
    ...(ageHours === undefined ? {} : { ageHours: ageHours }),
    ...(bytes === undefined ? {} : { bytes: bytes as number }),
  }
}

function isRate(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= 1
}

function expectObject(where: string, json: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw stepError(where, 'an object', json)
  const other = Object.keys(json).find((key) => !keys.includes(key))
  if (other !== undefined) throw stepError(where, `made of ${keys.join(', ')}`, other, suggest(other, keys))
  return json as Readonly<Record<string, unknown>>
}
