/** What classifiers' outputs need: softmax, arg-max and top-k along the last axis of float32 scores. */
import { addon } from '../../bindings/native.js'
import { argumentError, expectInteger, expectRecord } from '../base/expect.js'
import type { Tensor } from '../tensor/tensor.js'
import { columnCount, expectFloat32, resultTensor, type Float32Tensor, type Int32Tensor } from './arguments.js'

/**
 * exp(x - max) / sum: scipy.special.softmax along the last axis. A row with NaN or +Infinity becomes NaN.
 * @param input float32 [..., columns]; lent for the call.
 * @param out may be the input.
 * @returns within 1e-6 relative of float64's result, for rows of up to 1,000 columns.
 * @example softmax({ dtype: 'float32', shape: [1, 2], data: new Float32Array([3, 3]) }).data // [0.5, 0.5]
 */
export function softmax(input: Tensor, out?: Tensor): Float32Tensor {
  const source = expectFloat32('input', input)
  const columns = columnCount('input', source)
  const target = resultTensor(out, 'float32', source.shape, [source], source) as Float32Tensor
  addon.softmaxRows(target.data, source.data, columns)
  return target
}

/**
 * The column of the largest value: numpy.argmax along the last axis. The first of equals; the first NaN, if there is one.
 * @param input float32 [..., columns], columns >= 1; lent for the call.
 * @returns int32 [...].
 */
export function argMax(input: Tensor, out?: Tensor): Int32Tensor {
  const source = expectFloat32('input', input)
  const columns = someColumns(source)
  const target = resultTensor(out, 'int32', source.shape.slice(0, -1), [source]) as Int32Tensor
  addon.argMaxRows(target.data, source.data, columns)
  return target
}

/**
 * The k largest values and their columns, in descending order: numpy.argsort(-x, kind='stable')[..., :k]. Of equals the
 * lower column comes first; NaN ranks last.
 * @param input float32 [..., columns]; lent for the call.
 * @param k 1..columns.
 * @returns values float32 and indices int32, both [..., k].
 */
export function topK(
  input: Tensor,
  k: number,
  out?: { readonly values: Tensor; readonly indices: Tensor },
): { readonly values: Float32Tensor; readonly indices: Int32Tensor } {
  const source = expectFloat32('input', input)
  const columns = someColumns(source)
  expectInteger('k', k, 1, columns)
  const places = out === undefined ? {} : expectRecord('out', out)
  const shape = [...source.shape.slice(0, -1), k]
  const values = resultTensor(places['values'], 'float32', shape, [source], undefined, 'out.values') as Float32Tensor
  const apart = places['values'] === undefined ? [source] : [source, values]
  const indices = resultTensor(places['indices'], 'int32', shape, apart, undefined, 'out.indices') as Int32Tensor
  addon.topKRows(values.data, indices.data, source.data, columns, k)
  return { values, indices }
}

function someColumns(source: Float32Tensor): number {
  const columns = columnCount('input', source)
  if (columns === 0) throw argumentError('the last dim', 'at least 1', 0, '', 'ERR_SHAPE')
  return columns
}
