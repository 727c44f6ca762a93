/**
 * Row operations on tensors that live in JavaScript, strings included: what the addon does with memory on the batched
 * path, in plain code for the plain one. The row axis is the first; results own their data.
 */
import { allocateData, castData, type NumericData } from '../../tensor/dtype.js'
import type { RowView } from '../../pipeline/check-evaluate.js'
import type { Dtype, Tensor, TensorData } from '../../tensor/tensor.js'

/** @throws PenstockError ERR_DTYPE when the cast could lose a value. */
export function castTensor(tensor: Tensor, dtype: Dtype): Tensor {
  return tensor.dtype === dtype
    ? tensor
    : { dtype, shape: tensor.shape, data: castData(tensor.data, tensor.dtype, dtype) }
}

/** The rows in the order given. */
export function takeRows(tensor: Tensor, rows: readonly number[]): Tensor {
  const count = rowElements(tensor)
  const data = allocate(tensor.dtype, rows.length * count)
  rows.forEach((row, index) => copy(data, index * count, tensor.data, row * count, count))
  return { dtype: tensor.dtype, shape: [rows.length, ...tensor.shape.slice(1)], data }
}

/** One after the other; all have the same dtype and the same dims beyond the rows. */
export function concatenateRows(parts: readonly Tensor[]): Tensor {
  const first = parts[0]
  if (first === undefined) throw new Error('Expected at least one tensor')
  const rows = parts.reduce((sum, part) => sum + (part.shape[0] as number), 0)
  const count = rowElements(first)
  const data = allocate(first.dtype, rows * count)
  let row = 0
  for (const part of parts) {
    copy(data, row * count, part.data, 0, part.data.length)
    row += part.shape[0] as number
  }
  return { dtype: first.dtype, shape: [rows, ...first.shape.slice(1)], data }
}

/**
 * Puts rows that went separate ways back in the request's order.
 * @param parts by branch: its rows (null: all of them) and their tensor, or null when it got none.
 */
export function scatterRows(
  parts: readonly ({ rows: readonly number[] | null; tensor: Tensor } | null)[],
  rowCount: number,
): Tensor {
  const present = parts.filter((part) => part !== null)
  const first = present[0]
  if (first === undefined) throw new Error('Expected at least one option to have rows')
  if (first.rows === null) return first.tensor
  const count = rowElements(first.tensor)
  const data = allocate(first.tensor.dtype, rowCount * count)
  for (const { rows, tensor } of present) {
    rows?.forEach((row, index) => copy(data, row * count, tensor.data, index * count, count))
  }
  return { dtype: first.tensor.dtype, shape: [rowCount, ...first.tensor.shape.slice(1)], data }
}

/** One row as the check evaluator reads it; the whole tensor when it has no rows. */
export function rowView(tensor: Tensor, row: number, isNonBatching: boolean): RowView {
  const count = isNonBatching ? tensor.data.length : rowElements(tensor)
  return { data: tensor.data, dtype: tensor.dtype, start: isNonBatching ? 0 : row * count, count }
}

function rowElements(tensor: Tensor): number {
  return tensor.shape.slice(1).reduce((product, dim) => product * dim, 1)
}

function allocate(dtype: Dtype, length: number): string[] | NumericData {
  return dtype === 'string' ? new Array<string>(length).fill('') : allocateData(dtype, length)
}

function copy(
  target: string[] | NumericData,
  targetStart: number,
  source: TensorData,
  sourceStart: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) target[targetStart + i] = source[sourceStart + i] as never
}

/** What a string of JavaScript takes beside its characters. */
const STRING_BYTES = 24

/** Bytes that the data takes in memory, of strings about. */
export function tensorBytes(data: Tensor['data']): number {
  if (!Array.isArray(data)) return (data as ArrayBufferView).byteLength
  let bytes = data.length * STRING_BYTES
  for (const text of data as readonly string[]) bytes += 2 * text.length
  return bytes
}
