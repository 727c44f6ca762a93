/**
 * Between our tensors and ONNX Runtime's: views of foreign memory going in, plain data coming out.
 *
 * The dtype names agree with ours except that its JavaScript API has no bfloat16 (loading such a model throws
 * `Unsupported data type: 16`) and adds 4-bit integers, which we do not serve. float16 travels as Uint16Array; where
 * the platform has Float16Array the API wraps that view by itself, without a copy.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node'
import { viewData } from '../../tensor/dtype.js'
import type { Dtype, NumericDtype, TensorData } from '../../tensor/tensor.js'

/**
 * An ONNX Runtime tensor over `buffer`, without a copy.
 * @param buffer lent until the run is over.
 * @param dims full shape; its product is the number of elements.
 */
export function viewTensor(
  dtype: NumericDtype,
  buffer: ArrayBuffer,
  offsetBytes: number,
  dims: readonly number[],
): OrtTensor {
  let length = 1
  for (const dim of dims) length *= dim
  return makeTensor(dtype, viewData(dtype, buffer, offsetBytes, length), dims)
}

type AnyTensorConstructor = new (dtype: string, data: unknown, dims: readonly number[]) => OrtTensor

/** An ONNX Runtime tensor over `data`, which is lent until the run is over. */
export function makeTensor(dtype: Dtype, data: TensorData, dims: readonly number[]): OrtTensor {
  // The constructor's overloads pair each dtype with its array class; dtype.ts is that pairing here.
  return new (OrtTensor as unknown as AnyTensorConstructor)(dtype, data, dims)
}

/** A result's data in our carriers: a Float16Array, where the platform has one, is read as its bit patterns. */
export function dataOf(tensor: OrtTensor): TensorData {
  const data = tensor.data as unknown
  if (tensor.type !== 'float16' || data instanceof Uint16Array) return data as TensorData
  const half = data as { buffer: ArrayBuffer; byteOffset: number; length: number }
  return new Uint16Array(half.buffer, half.byteOffset, half.length)
}
