/**
 * Attributes of tree ensembles as typed arrays. A forest has millions of numbers: integers are read through their low
 * words, and nothing becomes an object a node.
 */
import { dtypeInfo, dtypeOfCode } from '../../tensor/dtype.js'
import type { OnnxNode } from '../model.js'
import { NotTrees, type Numbers, type ValueDtype } from './tree-spec.js'

/**
 * Integers 0..2^31-1; undefined: the node has no such attribute.
 * @param isNegativeZero what is negative counts as 0: children of leaves, which exporters write as -1.
 * @throws NotTrees for any other.
 */
export function integersOf(node: OnnxNode, name: string, isNegativeZero = false): Int32Array | undefined {
  const ints = node.attributes.get(name)?.ints
  if (ints === undefined || ints.length === 0) return undefined
  // Little-endian, as are all processors that Node runs the addon on: the low word comes first.
  const words = new Int32Array(ints.buffer, ints.byteOffset, ints.length * 2)
  const values = new Int32Array(ints.length)
  for (let i = 0; i < values.length; i++) {
    const low = words[2 * i] as number
    const high = words[2 * i + 1] as number
    if (high === 0 && low >= 0) values[i] = low
    else if (!(isNegativeZero && high < 0)) throw new NotTrees(`Its ${name} has the value ${ints[i]}`)
  }
  return values
}

/**
 * Floats of the dtype in which the ensemble computes: from the list, or from the tensor that ai.onnx.ml 3 has beside it.
 * @returns an array of no elements where there is neither.
 */
export function numbersOf(node: OnnxNode, name: string, dtype: ValueDtype): Numbers {
  const tensor = node.attributes.get(`${name}_as_tensor`)?.tensor
  if (tensor !== undefined) return tensorNumbers(node, `${name}_as_tensor`, dtype)
  const floats = node.attributes.get(name)?.floats ?? new Float32Array(0)
  return dtype === 'float64' ? Float64Array.from(floats) : floats
}

/** The floats of a tensor; @returns an array of no elements where there is none. @throws NotTrees when it is of another dtype. */
export function tensorNumbers(node: OnnxNode, name: string, dtype: ValueDtype): Numbers {
  const tensor = node.attributes.get(name)?.tensor
  if (tensor === undefined) return dtype === 'float64' ? new Float64Array(0) : new Float32Array(0)
  if (tensor.dtype !== dtype)
    throw new NotTrees(`Its ${name} is ${tensor.dtype ?? 'of an unknown dtype'}, where its input makes it ${dtype}`)
  return tensor.read() as Numbers
}

/** The tensor of bytes that ai.onnx.ml 5 keeps modes in. */
export function bytesOf(node: OnnxNode, name: string): Uint8Array {
  const tensor = node.attributes.get(name)?.tensor
  if (tensor?.dtype !== 'uint8') throw new NotTrees(`Its ${name} is no tensor of uint8`)
  return tensor.read() as Uint8Array
}

/** The dtype of an ONNX code that is no string; undefined: another. */
export function numericDtypeOf(code: number): ReturnType<typeof dtypeOfCode> {
  const dtype = dtypeOfCode(code)
  return dtype === undefined || dtypeInfo(dtype).kind === 'string' ? undefined : dtype
}

/** @throws NotTrees when a table has another length than there are nodes. */
export function expectLength(name: string, length: number, expected: number): void {
  if (length !== expected) throw new NotTrees(`Its ${name} has ${length} values for ${expected} nodes`)
}
