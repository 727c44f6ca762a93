/**
 * Tensors as NumPy's .npy arrays and back. Elements are cast as those of Arrow columns are: every number to every dtype
 * that holds it.
 */
import { PenstockError } from '../base/errors.js'
import { dtypeInfo } from '../tensor/dtype.js'
import { isNpyDtype, npyElements, npyHeader, readNpyHeader } from '../tensor/npy.js'
import { expectShape, shapeMatches } from '../tensor/shape.js'
import type { NumericData } from '../tensor/dtype.js'
import type { NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import type { ArrowType } from './ipc/arrow-schema.js'
import { elementsOf, expectType } from './tensors/elements.js'

/**
 * Reads a whole file.
 * @param bytes of the file; the tensor may be a view of them.
 * @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_SHAPE, ERR_VALUE_RANGE.
 */
export function npyTensor(bytes: Uint8Array, field: TensorField, isNonBatching: boolean): Tensor {
  const header = readNpyHeader(bytes)
  const elements = npyElements(bytes, header)
  const shape = shapeFor(field, header.shape, isNonBatching)
  const type = typeOf(header.dtype)
  expectType(field, type)
  const { sizeBytes } = dtypeInfo(header.dtype)
  // Views of wider elements begin where they are aligned.
  const values = elements.byteOffset % sizeBytes === 0 ? elements : Uint8Array.from(elements)
  const count = elements.length / sizeBytes
  const leaf = {
    field: { name: field.name, type } as Parameters<typeof elementsOf>[1][number]['leaf']['field'],
    length: count,
    nullCount: 0,
    validity: null,
    values,
    offsets: null,
    children: [],
  }
  const rows = isNonBatching ? 1 : (shape[0] as number)
  const data = elementsOf(field, [{ leaf, start: 0, count, rows }], rows)
  return { dtype: field.dtype, shape, data }
}

/** @throws PenstockError ERR_NOT_ACCEPTABLE: NumPy has no such dtype. */
export function writeNpy(tensor: Tensor, name: string): Uint8Array {
  const { dtype, shape } = tensor
  if (!isNpyDtype(dtype))
    throw new PenstockError(
      'ERR_NOT_ACCEPTABLE',
      `Expected the output ${name} to be of a dtype that .npy has but it is ${dtype}. Ask for another form in accept`,
    )
  const { buffer, byteOffset, byteLength } = tensor.data as NumericData
  return Buffer.concat([npyHeader(dtype, shape), new Uint8Array(buffer, byteOffset, byteLength)])
}

/** Rows without their axis, [n] for [n, 1] and the reverse, as JSON has them. */
function shapeFor(field: TensorField, shape: readonly number[], isNonBatching: boolean): readonly number[] {
  if (isNonBatching || shapeMatches(field.shape, shape)) {
    expectShape(field, shape, isNonBatching)
    return shape
  }
  const rest = field.shape.slice(1)
  if (shape.length > 0 && shapeMatches(rest, shape)) return [1, ...shape]
  if (field.shape.length === 2 && rest[0] === 1 && shape.length === 1) return [...shape, 1]
  if (field.shape.length === 1 && shape.length === 2 && shape[1] === 1) return shape.slice(0, 1)
  expectShape(field, shape, isNonBatching)
  return shape
}

/** Bools are bytes in .npy and bits in Arrow: as integers they are cast by value. */
function typeOf(dtype: NumericDtype): ArrowType {
  if (dtype === 'bool') return { id: 'int', bits: 8, isSigned: false }
  const { kind, sizeBytes } = dtypeInfo(dtype)
  const bits = sizeBytes * 8
  return (kind === 'float' ? { id: 'float', bits } : { id: 'int', bits, isSigned: !dtype.startsWith('u') }) as ArrowType
}
