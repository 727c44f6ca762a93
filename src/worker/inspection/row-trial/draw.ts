/** Draws the rows of a trial: each input of each row of a kind of values that the model runs. */
import { allocateData, type NumericData } from '../../../tensor/dtype.js'
import type { RandomSource } from '../../../base/random.js'
import type { Dtype, TensorData } from '../../../tensor/tensor.js'
import { valuesOf, type Family } from './families.js'

export interface TrialInput {
  readonly name: string
  readonly dtype: Dtype
  /** Dims of a tensor with one row; the first is the row axis, where there is one. */
  readonly dims: readonly number[]
  /** Values that the model is known to run; the caller owns them. */
  readonly sample: (random: RandomSource) => TensorData
  /** Kinds that the model runs, `plain` among them. */
  families: readonly Family[]
}

/** One tensor per input. */
export interface TrialRow {
  readonly tensors: readonly TensorData[]
  /** Every input is as drawn. */
  readonly isPlain: boolean
}

/** How the rows of a batch are mixed: one outlier among plain rows shows what an average hides, all kinds at once what one masks. */
export type BatchMix = 'mixed' | 'outlier' | 'plain' | 'alike'

export const batchMixes: readonly BatchMix[] = ['mixed', 'outlier', 'plain', 'alike']

export function drawRows(
  inputs: readonly TrialInput[],
  count: number,
  mix: BatchMix,
  random: RandomSource,
): TrialRow[] {
  const outlier = mix === 'outlier' ? Math.floor(random() * count) : -1
  const kinds = drawKinds(inputs, random)
  return Array.from({ length: count }, (_, row) => {
    if (mix === 'alike') return makeRow(inputs, kinds, random)
    const isPlain = mix === 'plain' || (mix === 'outlier' ? row !== outlier : random() < 0.3)
    return makeRow(inputs, isPlain ? inputs.map(() => 'plain') : drawKinds(inputs, random), random)
  })
}

export function makeRow(inputs: readonly TrialInput[], kinds: readonly Family[], random: RandomSource): TrialRow {
  const tensors = inputs.map((input, index) =>
    valuesOf(kinds[index] as Family, input.dtype, input.sample(random), random),
  )
  return { tensors, isPlain: kinds.every((kind) => kind === 'plain') }
}

/** The rows' tensors of one input, one behind the other. */
export function concatenate(dtype: Dtype, parts: readonly TensorData[]): TensorData {
  if (dtype === 'string') return parts.flatMap((part) => part as readonly string[])
  const numbers = parts as readonly NumericData[]
  const joined = allocateData(
    dtype,
    numbers.reduce((sum, part) => sum + part.length, 0),
  )
  let offset = 0
  for (const part of numbers) {
    ;(joined as Uint8Array).set(part as Uint8Array, offset)
    offset += part.length
  }
  return joined
}

/** Draws a kind for each input, or for one alone: several tensors need not be of one magnitude. */
function drawKinds(inputs: readonly TrialInput[], random: RandomSource): Family[] {
  const only = random() < 0.5 ? Math.floor(random() * inputs.length) : -1
  return inputs.map(({ families }, index) =>
    only >= 0 && index !== only ? 'plain' : (families[Math.floor(random() * families.length)] as Family),
  )
}
