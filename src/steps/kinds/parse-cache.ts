/** Reads the member `cache` of a definition: docs/guides/prediction-cache.md says what it does. */
import { CACHE_BYTES_MAX, CACHE_BYTES_MIN, CACHE_TTL_SECONDS_MAX } from '../../base/limits/limits.js'
import type { CachePolicy, Step } from '../../pipeline/definition.js'
import { stepError, suggest } from '../step-reader.js'

const policyKeys = ['ttlSeconds', 'maxBytes']

/** @throws PenstockError ERR_PIPELINE_INVALID naming the member, or the random split that it does not go with. */
export function parseCachePolicy(json: unknown, steps: readonly Step[]): CachePolicy {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw stepError('cache', 'an object like {"ttlSeconds": 60, "maxBytes": 67108864}', json)
  const other = Object.keys(json).find((key) => !policyKeys.includes(key))
  if (other !== undefined)
    throw stepError('cache', `made of ${policyKeys.join(', ')}`, other, suggest(other, policyKeys))
  const { ttlSeconds, maxBytes } = json as Readonly<Record<string, unknown>>
  const isTime = typeof ttlSeconds === 'number' && ttlSeconds >= 0.001 && ttlSeconds <= CACHE_TTL_SECONDS_MAX
  if (!isTime) throw stepError('cache.ttlSeconds', `a number of seconds in 0.001..${CACHE_TTL_SECONDS_MAX}`, ttlSeconds)
  const isSize = Number.isInteger(maxBytes) && (maxBytes as number) >= CACHE_BYTES_MIN
  if (!isSize || (maxBytes as number) > CACHE_BYTES_MAX)
    throw stepError('cache.maxBytes', `an integer in ${CACHE_BYTES_MIN}..${CACHE_BYTES_MAX}`, maxBytes)
  const split = steps.findIndex(({ type }) => type === 'random-split')
  if (split >= 0) {
    const wayOut =
      'Who asks twice would be drawn once, and the branches would be compared on what is not cached. ' +
      'Use a key-split, whose branch is part of the key, or leave the cache out'
    throw stepError('cache', 'absent from a pipeline that splits at random', `steps[${split}], a random-split`, wayOut)
  }
  return { ttlSeconds: ttlSeconds, maxBytes: maxBytes as number }
}
