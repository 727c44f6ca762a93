/**
 * Seeded random inputs for a model that nobody has sent anything yet: what inspection and calibration run it on.
 *
 * Floats in [0, 1); integers 0 or 1, so that they stay inside the smallest embedding or one-hot.
 */
import type { RandomSource } from '../base/random.js'
import { allocateData, dtypeInfo } from '../tensor/dtype.js'
import { float16Bits } from '../tensor/float16.js'
import type { Dtype, TensorData, TensorField } from '../tensor/tensor.js'

/** @returns `elements` values of `dtype`; the caller owns them. */
export function sampleData(dtype: Dtype, elements: number, random: RandomSource): TensorData {
  if (dtype === 'string') return Array.from({ length: elements }, () => (random() < 0.5 ? 'a' : 'b'))
  const data = allocateData(dtype, elements)
  const { kind } = dtypeInfo(dtype)
  for (let i = 0; i < elements; i++) {
    const value = kind === 'float' ? random() : random() < 0.5 ? 0 : 1
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value)
    else data[i] = dtype === 'float16' ? float16Bits(value) : value
  }
  return data
}

/** The dims of one input: its free first dim is `rows`, the other free ones are `innerSize`. */
export function sampleDims(field: TensorField, rows: number, innerSize: number): number[] {
  return field.shape.map((dim, axis) => dim ?? (axis === 0 ? rows : innerSize))
}
