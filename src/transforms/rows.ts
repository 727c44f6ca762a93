/**
 * Moving rows and columns of a tensor of any numeric dtype. A row is an index of the first axis with everything behind it;
 * pad and slice work along the second axis.
 */
import { PadSlot, SliceSlot } from '../../bindings/generated/boundary.js'
import { addon } from '../../bindings/native.js'
import { argumentError, expectInteger, expectNumber } from '../base/expect.js'
import { TENSOR_ELEMENTS_MAX } from '../base/limits/limits.js'
import { allocateData, type NumericData } from '../tensor/dtype.js'
import { rowElementCount } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { elementBytes, expectTensor, resultTensor, type NumericTensor } from './arguments.js'

// Written right before the call that reads them.
const padSizes = new Float64Array(PadSlot.length)
const sliceSizes = new Float64Array(SliceSlot.length)

export type RowIndices = Uint32Array | readonly number[]

/**
 * The rows at `indices`, in that order: numpy.take(input, indices, axis=0).
 * @param indices each in 0..rows - 1; may repeat.
 * @returns [indices.length, ...] of the input's dtype.
 * @example gather({ dtype: 'int32', shape: [3, 1], data: new Int32Array([10, 11, 12]) }, [2, 0]).data // [12, 10]
 */
export function gather(input: Tensor, indices: RowIndices, out?: Tensor): NumericTensor {
  const source = expectTensor('input', input)
  const wanted = expectIndices(indices, rowsOf('input', source))
  const target = resultTensor(out, source.dtype, [wanted.length, ...source.shape.slice(1)], [source])
  const rowBytes = rowElementCount(source.shape) * elementBytes(source)
  if (rowBytes > 0 && wanted.length > 0) addon.gatherRows(target.data, source.data, wanted, rowBytes)
  return target
}

/**
 * Writes row i of the input over row indices[i] of `out`: out[indices] = input. Of equal indices the last wins.
 * @param indices as many as the input has rows, each in 0..out rows - 1.
 * @param out of the input's dtype and row shape; rows that no index names stay as they are.
 * @returns `out`.
 */
export function scatter(input: Tensor, indices: RowIndices, out: Tensor): NumericTensor {
  const source = expectTensor('input', input)
  const rows = rowsOf('input', source)
  const target = expectTensor('out', out, [source.dtype])
  resultTensor(target, source.dtype, [rowsOf('out', target), ...source.shape.slice(1)], [source])
  const places = expectIndices(indices, rowsOf('out', target))
  if (places.length !== rows)
    throw argumentError('indices.length', `${rows}, the rows of the input`, places.length, '', 'ERR_SHAPE')
  const rowBytes = rowElementCount(source.shape) * elementBytes(source)
  if (rowBytes > 0 && rows > 0) addon.scatterRows(target.data, source.data, places, rowBytes)
  return target
}

/**
 * Lengthens the second axis: numpy.pad at its end, with a constant.
 * @param options `length` of the second axis, at least what it is; `value` is 0 when left out, a bigint for 64-bit integers,
 * a bit pattern for the 16-bit floats.
 */
export function pad(
  input: Tensor,
  { length, value = 0 }: { readonly length: number; readonly value?: number | bigint },
  out?: Tensor,
): NumericTensor {
  const source = expectTensor('input', input)
  const width = secondDim(source)
  expectInteger('length', length, width, TENSOR_ELEMENTS_MAX)
  const [rows = 0, , ...rest] = source.shape
  const target = resultTensor(out, source.dtype, [rows, length, ...rest], [source])
  const unitBytes = rowElementCount([1, ...rest]) * elementBytes(source)
  if (target.data.length > 0) {
    const fill = fillOf(source, value)
    padSizes[PadSlot.targetBytes] = length * unitBytes
    padSizes[PadSlot.sourceBytes] = width * unitBytes
    padSizes[PadSlot.rows] = rows
    addon.padRows(target.data, source.data, fill, padSizes)
  }
  return target
}

/**
 * A range of the second axis: input[:, start:end].
 * @param range 0 <= start <= end <= the second dim; `end` is that dim when left out.
 */
export function slice(
  input: Tensor,
  { start, end }: { readonly start: number; readonly end?: number },
  out?: Tensor,
): NumericTensor {
  const source = expectTensor('input', input)
  const width = secondDim(source)
  expectInteger('start', start, 0, width)
  const stop = end === undefined ? width : expectInteger('end', end, start, width)
  const [rows = 0, , ...rest] = source.shape
  const target = resultTensor(out, source.dtype, [rows, stop - start, ...rest], [source])
  const unitBytes = rowElementCount([1, ...rest]) * elementBytes(source)
  if (target.data.length > 0) {
    sliceSizes[SliceSlot.targetBytes] = (stop - start) * unitBytes
    sliceSizes[SliceSlot.sourceBytes] = width * unitBytes
    sliceSizes[SliceSlot.offsetBytes] = start * unitBytes
    sliceSizes[SliceSlot.rows] = rows
    addon.sliceRows(target.data, source.data, sliceSizes)
  }
  return target
}

function rowsOf(name: string, { shape }: Tensor): number {
  const rows = shape[0]
  if (rows === undefined) throw argumentError(name, 'a tensor of at least one dim', 'a scalar', '', 'ERR_SHAPE')
  return rows
}

function secondDim({ shape }: Tensor): number {
  const width = shape[1]
  if (width === undefined)
    throw argumentError('input', 'a tensor of at least two dims', `${shape.length} dims`, '', 'ERR_SHAPE')
  return width
}

function expectIndices(indices: unknown, rows: number): Uint32Array {
  if (!Array.isArray(indices) && !(indices instanceof Uint32Array))
    throw argumentError('indices', 'a Uint32Array or an array of row numbers', indices)
  const list = indices as ArrayLike<unknown>
  for (let i = 0; i < list.length; i++) {
    const index = list[i]
    const isRow = typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < rows
    if (!isRow) throw argumentError(`indices[${i}]`, `an integer in 0..${rows - 1}`, index)
  }
  return indices instanceof Uint32Array ? indices : Uint32Array.from(indices as number[])
}

function fillOf(source: NumericTensor, value: unknown): NumericData {
  const fill = allocateData(source.dtype, 1)
  if (fill instanceof BigInt64Array || fill instanceof BigUint64Array) {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
      throw argumentError('value', `a bigint or a safe integer (${source.dtype})`, value)
    fill[0] = BigInt(value as bigint | number)
    return fill
  }
  const isFloat = fill instanceof Float32Array || fill instanceof Float64Array
  if (isFloat && typeof value === 'number') {
    fill[0] = value
    return fill
  }
  const number = expectNumber('value', value, -(2 ** 31), 2 ** 32 - 1)
  fill[0] = number
  if (fill[0] !== number) throw argumentError('value', `a value of ${source.dtype}`, value)
  return fill
}
