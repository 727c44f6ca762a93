/**
 * What all transforms check of their arguments, and where their results go. A result is a new tensor, or `out`: the
 * caller's, of exactly the result's dtype and shape. `out` may be the input itself where a kernel works in place; any
 * other overlap is refused, because vectors would read what they have just written.
 */
import { argumentError } from '../base/expect.js'
import { PenstockError } from '../base/errors.js'
import { allocateData, carrierName, dtypeInfo, isDataOf, isDtype, type NumericData } from '../tensor/dtype.js'
import { elementCount, formatShape } from '../tensor/shape.js'
import type { Dtype, NumericDtype, Tensor } from '../tensor/tensor.js'

export interface Float32Tensor extends Tensor {
  readonly dtype: 'float32'
  readonly data: Float32Array
}
export interface Int32Tensor extends Tensor {
  readonly dtype: 'int32'
  readonly data: Int32Array
}
export interface NumericTensor extends Tensor {
  readonly dtype: NumericDtype
  readonly data: NumericData
}
/** One number for all columns, or one for each. Float32Array is used as it is; others are rounded to float32. */
export type ColumnValues = number | readonly number[] | Float32Array | Float64Array

/** A tensor of fixed-width elements whose data fits its shape. */
export function expectTensor(name: string, value: unknown, dtypes?: readonly Dtype[]): NumericTensor {
  const { dtype, shape, data } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Tensor>
  if (!isDtype(dtype) || !Array.isArray(shape) || data === undefined)
    throw argumentError(name, 'a tensor { dtype, shape, data }', value)
  if (dtype === 'string' || (dtypes !== undefined && !dtypes.includes(dtype))) {
    const rule = dtypes === undefined ? 'of a numeric dtype' : `of ${dtypes.join(' or ')}`
    throw argumentError(name, rule, dtype, 'Convert it with cast', 'ERR_DTYPE')
  }
  if (!isDataOf(dtype, data)) throw argumentError(`${name}.data`, `a ${carrierName(dtype)} (${dtype})`, data)
  const count = elementCount(shape as number[])
  if (data.length !== count) {
    const rule = `${count} (shape ${formatShape(shape as number[], true)})`
    throw argumentError(`${name}.data.length`, rule, data.length, '', 'ERR_SHAPE')
  }
  return value as NumericTensor
}

export function expectFloat32(name: string, value: unknown): Float32Tensor {
  return expectTensor(name, value, ['float32']) as Float32Tensor
}

/** The last dim: what a column is for. */
export function columnCount(name: string, { shape }: Tensor): number {
  const columns = shape.at(-1)
  if (columns === undefined) throw argumentError(name, 'a tensor of at least one dim', 'a scalar', '', 'ERR_SHAPE')
  return columns
}

/** One float32 a column. @throws PenstockError ERR_SHAPE when the values are neither one nor one a column. */
export function columnValues(name: string, values: unknown, columns: number): Float32Array {
  if (values instanceof Float32Array && values.length === columns) return values
  if (typeof values === 'number') return new Float32Array(columns).fill(values)
  const isList = Array.isArray(values) || values instanceof Float32Array || values instanceof Float64Array
  if (!isList) throw argumentError(name, 'a number, or an array of one number a column', values)
  const list = values as ArrayLike<unknown>
  if (list.length !== columns)
    throw argumentError(`${name}.length`, `${columns}, the last dim`, list.length, '', 'ERR_SHAPE')
  const numbers = new Float32Array(columns)
  for (let i = 0; i < columns; i++) {
    const value = list[i]
    if (typeof value !== 'number') throw argumentError(`${name}[${i}]`, 'a number', value)
    numbers[i] = value
  }
  return numbers
}

/**
 * Where a result goes: `out` when given, else a new tensor.
 * @param inputs tensors that `out` must not overlap.
 * @param inPlace the input that `out` may be, element for element.
 */
export function resultTensor(
  out: unknown,
  dtype: NumericDtype,
  shape: readonly number[],
  inputs: readonly Tensor[],
  inPlace?: Tensor,
  name = 'out',
): NumericTensor {
  const count = elementCount(shape)
  if (out === undefined) return { dtype, shape, data: allocateData(dtype, count) }
  const target = expectTensor(name, out, [dtype])
  const isFit = target.shape.length === shape.length && shape.every((dim, axis) => dim === target.shape[axis])
  if (!isFit) {
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected ${name} to have the shape ${formatShape(shape, true)} but received ${formatShape(target.shape, true)}`,
    )
  }
  for (const input of inputs) {
    if (input === inPlace && isSameMemory(input, target)) continue
    if (overlaps(input, target)) {
      const rule = input === inPlace ? 'apart from the input, or exactly its memory' : 'apart from the input'
      throw argumentError(`the memory of ${name}`, rule, 'memory that overlaps it', 'Leave out to get a new tensor')
    }
  }
  return target
}

export function elementBytes({ dtype }: NumericTensor): number {
  return dtypeInfo(dtype).sizeBytes
}

function isSameMemory(a: Tensor, b: Tensor): boolean {
  const x = a.data as NumericData
  const y = b.data as NumericData
  return x.buffer === y.buffer && x.byteOffset === y.byteOffset && x.byteLength === y.byteLength
}

function overlaps(a: Tensor, b: Tensor): boolean {
  const x = a.data as NumericData
  const y = b.data as NumericData
  return (
    x.buffer === y.buffer && x.byteOffset < y.byteOffset + y.byteLength && y.byteOffset < x.byteOffset + x.byteLength
  )
}
