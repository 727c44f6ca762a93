/** Rows of tensors as explanations need them: read as numbers, copied, changed element by element. Any dtype. */
import { allocateData } from '../tensor/dtype.js'
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import type { NumericDtype, Tensor } from '../tensor/tensor.js'

/** By input name. */
export type Tensors = Readonly<Record<string, Tensor>>

/** What may be written; strings are an array of them. */
type Elements = { [index: number]: unknown; readonly length: number }

/** Elements of one row. */
export function rowLength(tensor: Tensor): number {
  return tensor.shape.slice(1).reduce((product, dim) => product * dim, 1)
}

/** Bytes of one row of all tensors; a string counts as 64. */
export function rowBytes(tensors: Tensors): number {
  const bytesOf = (tensor: Tensor): number => {
    const { data } = tensor
    return rowLength(tensor) * ('BYTES_PER_ELEMENT' in data ? data.BYTES_PER_ELEMENT : 64)
  }
  return Object.values(tensors).reduce((sum, tensor) => sum + bytesOf(tensor), 0)
}

/** A tensor like `tensor` with `rows` rows, zeroed; the caller owns it. */
export function emptyRows(tensor: Tensor, rows: number): Tensor {
  const count = rows * rowLength(tensor)
  const data = tensor.dtype === 'string' ? new Array<string>(count).fill('') : allocateData(tensor.dtype, count)
  return { dtype: tensor.dtype, shape: [rows, ...tensor.shape.slice(1)], data }
}

/** The same values in memory of its own. */
export function copyTensor({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape, data: data.slice() }
}

/** Copies row `from` of `source` to row `to` of `target`, which has the same dims. */
export function copyRow(target: Tensor, to: number, source: Tensor, from: number): void {
  const length = rowLength(source)
  const into = target.data as Elements
  for (let i = 0; i < length; i++) into[to * length + i] = source.data[from * length + i]
}

/** Copies the named elements of row `from` of `source` into row `to` of `target`. */
export function copyElements(
  target: Tensor,
  to: number,
  source: Tensor,
  from: number,
  elements: readonly number[],
): void {
  const length = rowLength(source)
  const into = target.data as Elements
  for (const element of elements) into[to * length + element] = source.data[from * length + element]
}

/** Element `index` of the whole tensor as a number; NaN for what is none. 64-bit integers are rounded. */
export function numberAt({ dtype, data }: Tensor, index: number): number {
  const value = data[index]
  if (value === undefined || dtype === 'string') return Number.NaN
  if (dtype === 'float16') return float16Value(value as number)
  if (dtype === 'bfloat16') return bfloat16Value(value as number)
  return Number(value)
}

/** Whether a mean of its values has to be rounded. */
export function isIntegral(dtype: NumericDtype): boolean {
  return !dtype.includes('float')
}
