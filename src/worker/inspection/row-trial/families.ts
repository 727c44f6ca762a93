/**
 * Kinds of values that a row of a trial is made of. Rows that touch each other may do so only where values are large, below
 * zero, missing or of a rare category, so each kind is tried; a trial in [0, 1) alone would let a maximum of at least 1 pass.
 *
 * A kind changes what `sampleData` drew, so that whatever the model needs of it (its width, its categories) stays. One that
 * the model refuses for a lone row (an index outside its table) is left out for that input.
 */
import type { RandomSource } from '../../../base/random.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import { float16Bits, float16Value } from '../../../tensor/float16.js'
import type { Dtype, TensorData } from '../../../tensor/tensor.js'

export type Family =
  'plain' | 'large' | 'negative' | 'tiny' | 'whole' | 'zero' | 'missing' | 'infinite' | 'category' | 'text'

const floatFamilies: readonly Family[] = ['large', 'negative', 'tiny', 'whole', 'zero', 'missing', 'infinite']
const integerFamilies: readonly Family[] = ['category', 'large', 'negative', 'zero']

/** Beside `plain`, which a model that is tried at all has run. */
export function familiesOf(dtype: Dtype): readonly Family[] {
  const { kind } = dtypeInfo(dtype)
  if (kind === 'float') return floatFamilies
  if (kind === 'string') return ['text', 'missing']
  if (kind === 'bool') return ['zero']
  return dtype.startsWith('u') ? integerFamilies.filter((family) => family !== 'negative') : integerFamilies
}

/** @returns values of the family, made from `base`, which is not changed. */
export function valuesOf(family: Family, dtype: Dtype, base: TensorData, random: RandomSource): TensorData {
  if (family === 'plain') return base
  if (dtype === 'string') return textValues(family, base as readonly string[], random)
  if (dtypeInfo(dtype).kind === 'float') return floatValues(family, dtype, base, random)
  return integerValues(family, dtype, base, random)
}

type Numbers = Float32Array | Float64Array | Uint16Array

function floatValues(family: Family, dtype: Dtype, base: TensorData, random: RandomSource): TensorData {
  const isHalf = dtype === 'float16'
  const data = (base as Numbers).slice()
  // Powers of ten that the dtype holds with room for a sum.
  const [most, least] = isHalf ? [3, 3] : [6, 9]
  const large = 10 ** (1 + random() * (most - 1))
  const tiny = 10 ** -(1 + random() * (least - 1))
  const change = (value: number): number => {
    if (family === 'large') return value * large
    if (family === 'negative') return -value * 10 ** (random() * 2)
    if (family === 'tiny') return value * tiny
    if (family === 'whole') return Math.floor(value * 256)
    if (family === 'zero') return 0
    if (family === 'missing') return random() < 0.5 ? NaN : value
    if (family === 'infinite') return random() < 0.5 ? value : random() < 0.5 ? Infinity : -Infinity
    return value
  }
  for (let i = 0; i < data.length; i++) {
    const value = change(isHalf ? float16Value(data[i] as number) : (data[i] as number))
    data[i] = isHalf ? float16Bits(value) : value
  }
  return data
}

function integerValues(family: Family, dtype: Dtype, base: TensorData, random: RandomSource): TensorData {
  const data = (base as Int32Array).slice()
  const large = dtype.endsWith('int8') ? 120 : 1000
  const draw = (value: number): number => {
    if (family === 'category') return Math.floor(random() * 10)
    if (family === 'large') return Math.floor(random() * large)
    if (family === 'negative') return -1 - Math.floor(random() * 9)
    return family === 'zero' ? 0 : value
  }
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array
  for (let i = 0; i < data.length; i++) {
    const value = draw(Number(data[i]))
    ;(data as unknown as (number | bigint)[])[i] = isBig ? BigInt(value) : value
  }
  return data
}

const words = ['', '0', 'zebra', 'Ä', 'a b', 'none']

function textValues(family: Family, base: readonly string[], random: RandomSource): readonly string[] {
  return base.map((text) =>
    family === 'missing' ? '' : random() < 0.5 ? text : (words[Math.floor(random() * words.length)] as string),
  )
}
