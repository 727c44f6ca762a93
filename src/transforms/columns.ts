/**
 * Column-wise transforms of float32 rows: scikit-learn's scalers, imputer and encoder with what they have learnt. A column
 * is an index of the last dim; everything before it is rows. Arithmetic is float32, one rounding per operation.
 */
import { addon } from '../../bindings/native.js'
import { argumentError, expectArray, expectRecord } from '../base/expect.js'
import { TENSOR_ELEMENTS_MAX } from '../base/limits/limits.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  columnCount,
  columnValues,
  expectFloat32,
  expectTensor,
  resultTensor,
  type ColumnValues,
  type Float32Tensor,
} from './arguments.js'

type TwoParameters = (target: Float32Array, source: Float32Array, first: Float32Array, second: Float32Array) => void

/**
 * (x - mean) / deviation: StandardScaler.transform with its `mean_` and `scale_`.
 * @param input float32 [..., columns]; lent for the call.
 * @param out may be the input.
 * @example normalise({ dtype: 'float32', shape: [1, 2], data: new Float32Array([3, 5]) }, { mean: [1, 1], deviation: 2 }).data // [1, 2]
 */
export function normalise(
  input: Tensor,
  { mean, deviation }: { readonly mean: ColumnValues; readonly deviation: ColumnValues },
  out?: Tensor,
): Float32Tensor {
  return mapColumns(input, { mean }, { deviation }, out, (...memory) => addon.normaliseRows(...memory))
}

/**
 * x * factor + offset: MinMaxScaler.transform with its `scale_` and `min_`.
 * @param input float32 [..., columns]; lent for the call.
 * @param out may be the input.
 */
export function scale(
  input: Tensor,
  { factor, offset }: { readonly factor: ColumnValues; readonly offset: ColumnValues },
  out?: Tensor,
): Float32Tensor {
  return mapColumns(input, { factor }, { offset }, out, (...memory) => addon.scaleRows(...memory))
}

/**
 * numpy.clip: values below `low` become `low`, above `high` become `high`; NaN stays NaN.
 * @param input float32 [..., columns]; lent for the call.
 * @param bounds low <= high in each column; neither is NaN.
 * @param out may be the input.
 */
export function clip(
  input: Tensor,
  { low, high }: { readonly low: ColumnValues; readonly high: ColumnValues },
  out?: Tensor,
): Float32Tensor {
  return mapColumns(input, { low }, { high }, out, (target, source, lows, highs) => {
    const wrong = lows.findIndex((bound, c) => !(bound <= (highs[c] as number)))
    if (wrong >= 0) throw argumentError(`low[${wrong}]`, `at most high[${wrong}], ${highs[wrong]}`, lows[wrong])
    addon.clipRows(target, source, lows, highs)
  })
}

/**
 * Replaces NaN: SimpleImputer.transform with its `statistics_`.
 * @param input float32 [..., columns]; lent for the call.
 * @param out may be the input.
 */
export function impute(input: Tensor, { fill }: { readonly fill: ColumnValues }, out?: Tensor): Float32Tensor {
  const source = expectFloat32('input', input)
  const fills = columnValues('fill', fill, columnCount('input', source))
  const target = resultTensor(out, 'float32', source.shape, [source], source) as Float32Tensor
  addon.imputeRows(target.data, source.data, fills)
  return target
}

/**
 * Categories to indicator columns: OneHotEncoder(handle_unknown='ignore', sparse_output=False).transform with its
 * `categories_`. A value that is no category leaves zeros; NaN is a category if it is listed.
 * @param input float32 or int32 [..., columns]; other dtypes through cast. Lent for the call.
 * @param categories for each column its values, in the order of the indicators.
 * @returns float32 [..., total of the categories].
 * @example oneHot({ dtype: 'int32', shape: [2, 1], data: new Int32Array([7, 9]) }, { categories: [[7, 8]] }).data // [1, 0, 0, 0]
 */
export function oneHot(
  input: Tensor,
  { categories }: { readonly categories: readonly (readonly number[])[] },
  out?: Tensor,
): Float32Tensor {
  const source = expectTensor('input', input, ['float32', 'int32'])
  const columns = columnCount('input', source)
  const lists = expectArray('categories', categories, TENSOR_ELEMENTS_MAX) as readonly (readonly number[])[]
  if (lists.length !== columns)
    throw argumentError('categories.length', `${columns}, the last dim`, lists.length, '', 'ERR_SHAPE')
  const isInteger = source.dtype === 'int32'
  const values = lists.flatMap((list, c) => checkCategories(`categories[${c}]`, list, isInteger))
  let end = 0
  const ends = Uint32Array.from(lists, (list) => (end += list.length))
  const shape = [...source.shape.slice(0, -1), end]
  const target = resultTensor(out, 'float32', shape, [source]) as Float32Tensor
  const known = isInteger ? Int32Array.from(values) : Float32Array.from(values)
  addon.oneHotRows(target.data, source.data, known, ends, isInteger)
  return target
}

function checkCategories(name: string, list: unknown, isInteger: boolean): readonly number[] {
  const values = expectArray(name, list) as readonly number[]
  const wrong = values.findIndex((value) => (isInteger ? (value | 0) !== value : typeof value !== 'number'))
  if (wrong >= 0) throw argumentError(`${name}[${wrong}]`, isInteger ? 'an int32' : 'a number', values[wrong])
  return values
}

function mapColumns(
  input: Tensor,
  first: Readonly<Record<string, unknown>>,
  second: Readonly<Record<string, unknown>>,
  out: Tensor | undefined,
  kernel: TwoParameters,
): Float32Tensor {
  const source = expectFloat32('input', input)
  const columns = columnCount('input', source)
  const [a, b] = [first, second].map((parameter) => {
    const [name = '', values] = Object.entries(expectRecord('parameters', parameter))[0] ?? []
    return columnValues(name, values, columns)
  }) as [Float32Array, Float32Array]
  const target = resultTensor(out, 'float32', source.shape, [source], source) as Float32Tensor
  kernel(target.data, source.data, a, b)
  return target
}
