/** Missing values of whole rows: which inputs may have none in a row, and the tensor of an input that no row has. */
import { allocateData } from './dtype.js'
import { bfloat16Bits, float16Bits } from './float16.js'
import type { Tensor, TensorField } from './tensor.js'

/** Whether a row of `field` is one float or text, which have a missing value. @param shape its row axis is first. */
export function mayBeMissing({ dtype, shape }: Pick<TensorField, 'dtype' | 'shape'>): boolean {
  return hasMissingValue({ dtype }) && shape.length > 0 && shape.slice(1).every((dim) => dim === 1)
}

export function hasMissingValue({ dtype }: Pick<TensorField, 'dtype'>): boolean {
  return dtype === 'string' || dtype.includes('float')
}

/** NaN or '' in each row. @param field one that mayBeMissing. */
export function missingTensor({ dtype, shape }: Pick<TensorField, 'dtype' | 'shape'>, rows: number): Tensor {
  const dims = [rows, ...shape.slice(1).map(() => 1)]
  if (dtype === 'string') return { dtype, shape: dims, data: new Array<string>(rows).fill('') }
  const data = allocateData(dtype, rows) as Float32Array
  const value = dtype === 'float16' ? float16Bits(NaN) : dtype === 'bfloat16' ? bfloat16Bits(NaN) : NaN
  return { dtype, shape: dims, data: data.fill(value) }
}
