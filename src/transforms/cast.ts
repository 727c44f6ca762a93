/** Casts between dtypes that lose values, which a pipeline never makes unasked: the caller asks. */
import { addon } from '../../bindings/native.js'
import { argumentError } from '../base/expect.js'
import { dtypeInfo, isDtype } from '../tensor/dtype.js'
import type { NumericDtype, Tensor } from '../tensor/tensor.js'
import { expectTensor, resultTensor, type NumericTensor } from './arguments.js'

/**
 * Converts each element to `dtype`.
 *
 * Into a float: rounded once, to nearest, ties to even; overflow is an infinity. Float to integer: truncated toward zero and
 * saturated, NaN becomes 0. Integer to integer wraps, as numpy's astype. Anything but 0 is true.
 * @param input any shape, any dtype but string; lent for the call.
 * @param out the result's place: `dtype`, the input's shape, apart from the input.
 * @throws PenstockError ERR_DTYPE, ERR_SHAPE, ERR_ARGUMENT.
 * @example cast({ dtype: 'float32', shape: [2], data: new Float32Array([1, 300]) }, 'uint8').data // [1, 255]
 */
export function cast(input: Tensor, dtype: NumericDtype, out?: Tensor): NumericTensor {
  const source = expectTensor('input', input)
  if (!isDtype(dtype) || (dtype as string) === 'string')
    throw argumentError('dtype', 'a numeric dtype', dtype, '', 'ERR_DTYPE')
  const target = resultTensor(out, dtype, source.shape, [source])
  addon.castElements(target.data, dtypeInfo(dtype).code, source.data, dtypeInfo(source.dtype).code)
  return target
}
