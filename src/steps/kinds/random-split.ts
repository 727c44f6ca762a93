/**
 * `random-split`: each row goes to one of the options, by weight: u in [0,1) against the cumulative weights in order.
 * With `hashKey`, u comes from that key of the request's meta instead, so that one session meets one model: a number in
 * [0,1] as it is, a text or another integer by its hash (native/plan/sticky_hash.hpp).
 */
import { OPTIONS_MAX } from '../../base/limits/limits.js'
import { modelsOfStep, type RandomSplitStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'
import { StepReader } from '../step-reader.js'

type Option = RandomSplitStep['options'][number]

const SEED_MAX = 2n ** 64n - 1n

export const randomSplitKind: StepKind<RandomSplitStep> = {
  type: 'random-split',
  keys: ['options', 'hashKey', 'hashSeed', 'required', 'seed', 'tensorFields'],
  parse: (reader) => ({
    type: 'random-split',
    options: readOptions(reader),
    ...(reader.has('hashKey') ? { hashKey: reader.text('hashKey') } : {}),
    ...(reader.has('hashSeed') ? { hashSeed: readSeed(reader, 'hashSeed') } : {}),
    ...readRequired(reader),
    ...(reader.has('seed') ? { seed: readSeed(reader, 'seed') } : {}),
    ...reader.tensorFields(),
  }),
  flow: () => 1,
  plan: (step, where, draft) => {
    const { hashKey = null, hashSeed = '0', required: isRequired = false, seed } = step
    const split = {
      kind: 'random' as const,
      cumulative: cumulativeWeights(step.options),
      seed: seed === undefined ? null : BigInt(seed),
      hashKey,
      hashSeed: BigInt(hashSeed),
      isRequired,
    }
    draft.runSplit(where, modelsOfStep(step), split, step.tensorFields)
  },
  describe: (step) => {
    const options = step.options.map(({ weight, model }) => `${weight} ${model}`)
    const key = step.hashKey === undefined ? '' : ` by ${step.hashKey}${step.required === true ? ', required' : ''}`
    return `random-split ${options.join(', ')}${key}`
  },
}

/** Upper bounds of u by option; the last is exactly 1, whatever the rounding of the sums. */
export function cumulativeWeights(options: readonly Option[]): number[] {
  const total = options.reduce((sum, { weight }) => sum + weight, 0)
  let sum = 0
  return options.map(({ weight }, i) => {
    sum += weight
    return i === options.length - 1 ? 1 : Math.min(sum / total, 1)
  })
}

function readOptions(reader: StepReader): Option[] {
  const options = reader.list('options', OPTIONS_MAX).map((value, i) => {
    const key = `options[${i}]`
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw reader.error(key, 'an object like {"weight": 1, "model": "ccfraud"}', value)
    }
    const option = new StepReader(`${reader.where}.${key}`, value as Record<string, unknown>)
    option.expectKeys(['weight', 'model'])
    const weight = option.get('weight')
    if (typeof weight === 'number' && Number.isFinite(weight) && weight > 0) {
      return { weight, model: option.reference('model') }
    }
    throw option.error('weight', 'a number above 0', weight, weight === 0 ? 'Leave the option out instead' : '')
  })
  const total = options.reduce((sum, { weight }) => sum + weight, 0)
  if (!Number.isFinite(total)) throw reader.error('options', 'of weights with a finite sum', total)
  return options
}

/** @throws PenstockError ERR_PIPELINE_INVALID also where no key is named that could be hashed or missed. */
function readRequired(reader: StepReader): { required?: boolean } {
  const needsKey = ['hashSeed', 'required'].find((key) => reader.has(key))
  if (needsKey !== undefined && !reader.has('hashKey'))
    throw reader.error(
      needsKey,
      'beside hashKey, the routing key that it is about',
      reader.get(needsKey),
      'Add hashKey',
    )
  return reader.has('required') ? { required: reader.boolean('required') } : {}
}

/** In the shortest decimal, so that equal seeds are equal definitions. */
function readSeed(reader: StepReader, key: 'hashSeed' | 'seed'): string {
  const seed = reader.get(key)
  const isDecimal = typeof seed === 'string' && /^\d{1,20}$/.test(seed)
  if (isDecimal && BigInt(seed) <= SEED_MAX) return BigInt(seed).toString()
  throw reader.error(key, 'an unsigned 64-bit integer as a decimal text', seed)
}
