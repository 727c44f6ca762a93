/** float32 <-> int8 and uint8 as ONNX QuantizeLinear and DequantizeLinear, per tensor or per column (the last axis). */
import { addon } from '../../bindings/native.js'
import { argumentError, expectOneOf } from '../base/expect.js'
import { viewData, type NumericData } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  columnCount,
  columnValues,
  expectFloat32,
  expectTensor,
  resultTensor,
  type ColumnValues,
  type Float32Tensor,
  type NumericTensor,
} from './arguments.js'

export interface QuantizeOptions {
  /** Above 0; one number, or one a column. */
  readonly scale: ColumnValues
  /** Integers of the 8-bit dtype; 0 when left out. */
  readonly zeroPoint?: ColumnValues
}

/**
 * Rounds x / scale half to even, adds zeroPoint and saturates; NaN becomes zeroPoint.
 * @param input float32 [..., columns]; lent for the call.
 * @param options `dtype` is int8 or uint8.
 * @example quantize({ dtype: 'float32', shape: [3], data: new Float32Array([0.5, 1.5, 999]) }, { dtype: 'int8', scale: 1 }).data // [0, 2, 127]
 */
export function quantize(
  input: Tensor,
  { dtype, scale, zeroPoint = 0 }: QuantizeOptions & { readonly dtype: 'int8' | 'uint8' },
  out?: Tensor,
): NumericTensor {
  const source = expectFloat32('input', input)
  expectOneOf('dtype', dtype, ['int8', 'uint8'])
  const columns = columnCount('input', source)
  const scales = positiveScales(scale, columns)
  const zeros = zeroPoints(zeroPoint, columns, dtype)
  const target = resultTensor(out, dtype, source.shape, [source])
  addon.quantizeRows(target.data, source.data, scales, zeros, dtype === 'int8')
  return target
}

/**
 * (x - zeroPoint) * scale.
 * @param input int8 or uint8 [..., columns]; lent for the call.
 */
export function dequantize(input: Tensor, { scale, zeroPoint = 0 }: QuantizeOptions, out?: Tensor): Float32Tensor {
  const source = expectTensor('input', input, ['int8', 'uint8'])
  const columns = columnCount('input', source)
  const scales = positiveScales(scale, columns)
  const zeros = zeroPoints(zeroPoint, columns, source.dtype as 'int8' | 'uint8')
  const target = resultTensor(out, 'float32', source.shape, [source]) as Float32Tensor
  addon.dequantizeRows(target.data, source.data, scales, zeros, source.dtype === 'int8')
  return target
}

function positiveScales(scale: unknown, columns: number): Float32Array {
  const scales = columnValues('scale', scale, columns)
  const wrong = scales.findIndex((value) => !(value > 0 && value < Infinity))
  if (wrong >= 0) throw argumentError(`scale[${wrong}]`, 'a number above 0', scales[wrong])
  return scales
}

function zeroPoints(zeroPoint: unknown, columns: number, dtype: 'int8' | 'uint8'): NumericData {
  const values = columnValues('zeroPoint', zeroPoint, columns)
  const [min, max] = dtype === 'int8' ? [-128, 127] : [0, 255]
  const wrong = values.findIndex((value) => !(Number.isInteger(value) && value >= min && value <= max))
  if (wrong >= 0) throw argumentError(`zeroPoint[${wrong}]`, `an integer in ${min}..${max}`, values[wrong])
  const bytes = Uint8Array.from(values)
  return viewData(dtype, bytes.buffer, bytes.byteOffset, columns)
}
