/** What callers send to a pipeline whose first step takes columns. Types only. */
import type { Dtype } from '../tensor/tensor.js'

/** A column that callers send, where no contract says it. */
export interface TransformInput {
  readonly name: string
  readonly dtype: Dtype
  /** Dims of a row; absent: one value. */
  readonly shape?: readonly number[] | undefined
}
