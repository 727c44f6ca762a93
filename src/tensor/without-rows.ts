/** The tensor of a field in a table without rows: unknown dims are 0. */
import { allocateData } from './dtype.js'
import type { Tensor, TensorField } from './tensor.js'

/** @param field its shape has the row axis first. */
export function tensorWithoutRows({ dtype, shape }: Pick<TensorField, 'dtype' | 'shape'>): Tensor {
  const dims = shape.map((dim, axis) => (axis === 0 ? 0 : (dim ?? 0)))
  return { dtype, shape: dims, data: dtype === 'string' ? [] : allocateData(dtype, 0) }
}
