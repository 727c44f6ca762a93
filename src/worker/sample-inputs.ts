/**
 * Seeded random inputs for a model that nobody has sent anything yet: what inspection and calibration run it on.
 *
 * Floats in [0, 1); integers 0 or 1, so that they stay inside the smallest embedding or one-hot; and where the graph tells
 * what a model knows (texts of an encoder, rows of a table), values of those.
 */
import type { RandomSource } from '../base/random.js'
import { allocateData, dtypeInfo } from '../tensor/dtype.js'
import { float16Bits } from '../tensor/float16.js'
import type { InputHint } from '../onnx/index.js'
import type { Dtype, TensorData, TensorField } from '../tensor/tensor.js'

/**
 * @param hint what the graph says of the values; absent: nothing.
 * @returns `elements` values of `dtype`; the caller owns them.
 */
export function sampleData(dtype: Dtype, elements: number, random: RandomSource, hint?: InputHint): TensorData {
  if (dtype === 'string') {
    const texts = hint === undefined || hint.texts.length === 0 ? ['a', 'b'] : hint.texts
    return Array.from({ length: elements }, () => texts[Math.floor(random() * texts.length)] as string)
  }
  const data = allocateData(dtype, elements)
  const draw = drawerOf(dtype, random, hint)
  for (let i = 0; i < elements; i++) {
    const value = draw()
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value)
    else data[i] = dtype === 'float16' ? float16Bits(value) : value
  }
  return data
}

function drawerOf(dtype: Dtype, random: RandomSource, hint: InputHint | undefined): () => number {
  const { kind } = dtypeInfo(dtype)
  const known = hint?.integers ?? []
  if (kind !== 'bool' && known.length > 0) return () => known[Math.floor(random() * known.length)] as number
  if (kind === 'float') return random
  const end = kind === 'bool' || hint === undefined || hint.integerEnd === 0 ? 2 : hint.integerEnd
  return () => Math.floor(random() * end)
}

/** The dims of one input: its free first dim is `rows`, the other free ones are `innerSize`. */
export function sampleDims(field: TensorField, rows: number, innerSize: number): number[] {
  return field.shape.map((dim, axis) => dim ?? (axis === 0 ? rows : innerSize))
}
