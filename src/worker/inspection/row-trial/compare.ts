/**
 * When an answer counts as the same. Equal bits are not required between a lone row and a row among others: ONNX Runtime
 * multiplies one row by another kernel than eight, and adds the products in another order. What is asked:
 *
 *     alone ≈ among others        relative to the largest number of the row's output: 1e-5 (float32), 1e-9, 2e-3
 *     else: among others ≡ copies the same row at the same place among as many copies of itself: the same kernels ran on
 *                                 other neighbours. Equal up to 1e-6 (float32): the kernel made the difference, not the
 *                                 neighbours, and what is left is how many they were
 *
 * The second look distinguishes a tie of two classes, or a sum that cancels, from an influence. NaN equals NaN, infinities
 * equal themselves, integers, booleans and text are equal or not.
 */
import { dtypeInfo } from '../../../tensor/dtype.js'
import { float16Value } from '../../../tensor/float16.js'
import type { Dtype, TensorData } from '../../../tensor/tensor.js'

export interface Answer {
  readonly dtype: Dtype
  readonly dims: readonly number[]
  readonly data: TensorData
}

export type Tolerance = Readonly<Partial<Record<Dtype, number>>>

/** A row alone and among others: other kernels, the same numbers. */
export const KERNEL_TOLERANCE: Tolerance = { float32: 1e-5, float64: 1e-9, float16: 2e-3 }
/** The same kernels at the same place. */
export const SAME_KERNEL_TOLERANCE: Tolerance = { float32: 1e-6, float64: 1e-12, float16: 1e-3 }
/** More than any kernel makes of sound numbers: what is left when neighbours are copies is how many they are. */
export const COUNT_TOLERANCE: Tolerance = { float32: 1e-2, float64: 1e-4, float16: 5e-2 }

/** Whether two rows of one output are the same; each begins at its offset and has `elements`. */
export function isSameRow(
  a: Answer,
  offsetA: number,
  b: Answer,
  offsetB: number,
  elements: number,
  tolerance: Tolerance,
): boolean {
  const allowed = dtypeInfo(a.dtype).kind === 'float' ? tolerance[a.dtype] : undefined
  if (allowed === undefined) {
    for (let i = 0; i < elements; i++) if (a.data[offsetA + i] !== b.data[offsetB + i]) return false
    return true
  }
  const isHalf = a.dtype === 'float16'
  const at = (answer: Answer, index: number): number =>
    isHalf ? float16Value(answer.data[index] as number) : (answer.data[index] as number)
  let largest = 0
  for (let i = 0; i < elements; i++) {
    const size = Math.abs(at(a, offsetA + i))
    if (size > largest && size < Infinity) largest = size
  }
  for (let i = 0; i < elements; i++) {
    const x = at(a, offsetA + i)
    const y = at(b, offsetB + i)
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
    if (!(Math.abs(x - y) <= allowed * largest)) return false
  }
  return true
}
