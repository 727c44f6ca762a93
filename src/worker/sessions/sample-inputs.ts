/**
 * Seeded random inputs for a model that nobody has sent anything yet: what inspection and calibration run it on.
 *
 * Floats in [0, 1); integers 0 or 1, so that they stay inside the smallest embedding or one-hot; and where the graph shows
 * what a model knows (texts of an encoder, rows of a table), values of those.
 */
import type { RandomSource } from '../../base/random.js'
import { allocateData, dtypeInfo } from '../../tensor/dtype.js'
import { float16Bits } from '../../tensor/float16.js'
import type { InputHint, ValueHint } from '../../onnx/index.js'
import type { Dtype, TensorData, TensorField } from '../../tensor/tensor.js'

/**
 * @param hint what the graph says of the values; absent: nothing.
 * @param width of the last axis, whose columns the hint lists.
 * @returns `elements` values of `dtype`; the caller owns them.
 */
export function sampleData(
  dtype: Dtype,
  elements: number,
  random: RandomSource,
  hint?: InputHint,
  width = 1,
): TensorData {
  const hintAt = (i: number): ValueHint | undefined => hint?.columns.get(i % width) ?? hint
  if (dtype === 'string') return Array.from({ length: elements }, (_, i) => textOf(random, hintAt(i), hint))
  const data = allocateData(dtype, elements)
  const columns = hint === undefined || hint.columns.size === 0 ? 1 : width
  const drawers = Array.from({ length: columns }, (_, column) =>
    drawerOf(dtype, random, columns === 1 ? hint : hintAt(column)),
  )
  for (let i = 0; i < elements; i++) {
    const value = (drawers[i % columns] as () => number)()
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value)
    else data[i] = dtype === 'float16' ? float16Bits(value) : value
  }
  return data
}

function textOf(random: RandomSource, ...hints: readonly (ValueHint | undefined)[]): string {
  const texts = hints.find((hint) => hint !== undefined && hint.texts.length > 0)?.texts ?? ['a', 'b']
  return texts[Math.floor(random() * texts.length)] as string
}

function drawerOf(dtype: Dtype, random: RandomSource, hint: ValueHint | undefined): () => number {
  const { kind } = dtypeInfo(dtype)
  const known = hint?.integers ?? []
  if (kind !== 'bool' && known.length > 0) return () => known[Math.floor(random() * known.length)] as number
  if (kind === 'float') return random
  const end = kind === 'bool' || hint === undefined || hint.integerEnd === 0 ? 2 : hint.integerEnd
  return () => Math.floor(random() * end)
}

/** An input, and what the graph says of its values; absent: nothing. */
export interface HintedField extends TensorField {
  readonly hint?: InputHint
}

/** The dims of one input: its free first dim is `rows`, as many columns as the graph reads, the other free ones `innerSize`. */
export function sampleDims(field: HintedField, rows: number, innerSize: number): number[] {
  const columns = field.hint?.columnsMin ?? 0
  return field.shape.map((dim, axis) => {
    if (dim !== null) return dim
    if (axis === 0) return rows
    return columns > 0 && axis === field.shape.length - 1 ? columns : innerSize
  })
}
