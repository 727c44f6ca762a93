/** Inputs that may be left out: the tensor that stands for one, made once for each field. */
import { allocateData } from './dtype.js'
import { float16Bits } from './float16.js'
import type { Tensor, TensorDefault, TensorField } from './tensor.js'

const made = new WeakMap<TensorDefault, Tensor>()

/** undefined: the input must be sent. The tensor is shared: it is read, never written. */
export function defaultTensor({ dtype, default: value }: TensorField): Tensor | undefined {
  if (value === undefined) return undefined
  const present = made.get(value)
  if (present !== undefined) return present
  const { shape, data } = value
  const tensor: Tensor =
    dtype === 'string'
      ? { dtype, shape, data: data.map(String) }
      : { dtype, shape, data: allocateData(dtype, data.length) }
  if (dtype !== 'string') {
    const target = tensor.data as Float32Array | BigInt64Array
    data.forEach((element, index) => {
      if (target instanceof BigInt64Array || target instanceof BigUint64Array) target[index] = BigInt(element)
      else target[index] = dtype === 'float16' ? float16Bits(Number(element)) : Number(element)
    })
  }
  made.set(value, tensor)
  return tensor
}
