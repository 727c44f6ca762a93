/**
 * Anything a caller may hand in for a tensor → a validated, contiguous Tensor of the field's dtype.
 *
 * Three forms: a Tensor (used in place when its dtype is the field's), a bare typed array (flat, as many rows as it
 * divides into), and nested numbers as JSON gives them (nested.ts). A Tensor and a typed array say their dtype, so only
 * casts that lose nothing are made; JSON numbers have none and are rounded to the field's dtype. NaN and infinities are
 * values in typed data, and mistakes in nested numbers, where null stands for a missing value.
 */
import { argumentError, describeValue } from '../base/expect.js'
import { PenstockError } from '../base/errors.js'
import { castData, carrierName, isDataOf, isDtype, isSafeCast } from './dtype.js'
import { hasMissingValue } from './missing.js'
import { nestedToTensor } from './nested.js'
import { elementCount, expectShape, formatShape } from './shape.js'
import type { Dtype, Tensor, TensorData, TensorField } from './tensor.js'

/**
 * Makes the tensor of one input.
 * @param field what the pipeline expects; its shape has the row axis first unless `isNonBatching`.
 * @param value a Tensor, a typed array, or nested numbers; untrusted. A Tensor's data is lent, not copied.
 * @returns a tensor of exactly `field.dtype` whose shape meets `field.shape`.
 * @throws PenstockError ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT.
 * @example toTensor({ name: 'x', dtype: 'float32', shape: [null, 2] }, [[1, 2], [3, 4]], false).shape // [2, 2]
 */
export function toTensor(field: TensorField, value: unknown, isNonBatching: boolean): Tensor {
  if (Array.isArray(value)) return nestedToTensor(field, value, isNonBatching)
  if (ArrayBuffer.isView(value)) return flatToTensor(field, value, isNonBatching)
  if (isTensor(value)) return fitTensor(field, value, isNonBatching)
  // JSON's form of a tensor of rank 0.
  if (field.shape.length === 0) return nestedToTensor(field, value, isNonBatching)
  const form = `a nested array, a typed array or a tensor of the shape ${formatShape(field.shape, isNonBatching)}`
  throw argumentError(field.name, form, value, value === null ? nullWayOut(field) : '')
}

function nullWayOut(field: TensorField): string {
  return hasMissingValue(field)
    ? 'Write null inside the array, where an element is missing'
    : 'Send a value, or leave out the row'
}

/** Whether `value` has the members of a Tensor; they are checked when it is used. */
export function isTensor(value: unknown): value is Tensor {
  if (typeof value !== 'object' || value === null) return false
  const { dtype, shape, data } = value as Partial<Record<keyof Tensor, unknown>>
  return isDtype(dtype) && Array.isArray(shape) && (ArrayBuffer.isView(data) || Array.isArray(data))
}

function fitTensor(field: TensorField, tensor: Tensor, isNonBatching: boolean): Tensor {
  expectShape(field, tensor.shape, isNonBatching)
  if (!isDataOf(tensor.dtype, tensor.data)) {
    throw argumentError(`${field.name}.data`, `a ${carrierName(tensor.dtype)} (${tensor.dtype})`, tensor.data)
  }
  const count = elementCount(tensor.shape)
  if (tensor.data.length !== count) {
    throw argumentError(
      `${field.name}.data.length`,
      `${count} (shape ${formatShape(tensor.shape)})`,
      tensor.data.length,
      '',
      'ERR_SHAPE',
    )
  }
  expectSafeCast(field, tensor.dtype)
  checkElements(field, tensor.dtype, tensor.data)
  if (tensor.dtype === field.dtype) return tensor
  return { dtype: field.dtype, shape: tensor.shape, data: castData(tensor.data, tensor.dtype, field.dtype) }
}

function flatToTensor(field: TensorField, data: ArrayBufferView, isNonBatching: boolean): Tensor {
  const dtype = dtypeOfCarrier(field, data)
  const shape = shapeOfFlat(field, (data as unknown as TensorData).length, isNonBatching)
  elementCount(shape)
  checkElements(field, dtype, data as unknown as TensorData)
  return { dtype: field.dtype, shape, data: castData(data as unknown as TensorData, dtype, field.dtype) }
}

/** The one free dim of a flat array's shape is what its length leaves. */
function shapeOfFlat(field: TensorField, length: number, isNonBatching: boolean): number[] {
  const free = field.shape.filter((dim) => dim === null).length
  // Any number of rows without elements makes an array without elements.
  const isAnyNumber = free === 1 && field.shape.includes(0)
  if (free > 1 || isAnyNumber) {
    const reason = isAnyNumber ? 'has rows without elements' : `has ${free} free dims`
    throw argumentError(
      field.name,
      `a tensor with its shape, for ${formatShape(field.shape, isNonBatching)} ${reason}`,
      `a flat array of ${length} elements`,
      'Pass { dtype, shape, data }',
      'ERR_SHAPE',
    )
  }
  const rest = elementCount(field.shape.filter((dim) => dim !== null))
  const isFit = free === 0 ? length === rest : length % rest === 0
  if (!isFit) {
    const rule = free === 0 ? String(rest) : `a multiple of ${rest}`
    throw argumentError(`${field.name}.length`, rule, length, '', 'ERR_SHAPE')
  }
  return field.shape.map((dim) => dim ?? length / rest)
}

const carriers: readonly Dtype[] = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
]

/** What a bare typed array holds: the field's dtype when it is the class that carries it, else what the class says. */
function dtypeOfCarrier(field: TensorField, data: ArrayBufferView): Dtype {
  if (isDataOf(field.dtype, data)) return field.dtype
  const dtype = carriers.find((candidate) => isDataOf(candidate, data))
  // A bare Uint16Array could be float16 bits as well as integers: for another field it is integers.
  if (dtype !== undefined && isSafeCast(dtype, field.dtype)) return dtype
  const wayOut = field.dtype === 'string' ? '' : ', or nested numbers, which are rounded to it'
  throw new PenstockError(
    'ERR_DTYPE',
    `Expected ${field.name} to be a ${carrierName(field.dtype)} (${field.dtype}) but received ${describeValue(data)}. ` +
      `Pass a ${carrierName(field.dtype)}${wayOut}`,
  )
}

function expectSafeCast(field: TensorField, dtype: Dtype): void {
  if (isSafeCast(dtype, field.dtype)) return
  throw new PenstockError(
    'ERR_DTYPE',
    `Expected ${field.name} to be ${field.dtype}, or of a dtype that casts to it without loss, but received ${dtype}`,
  )
}

/** Only bool and string have patterns that are no value; every bit pattern of a number is one. */
function checkElements(field: TensorField, dtype: Dtype, data: TensorData): void {
  if (dtype !== 'bool' && dtype !== 'string') return
  for (let i = 0; i < data.length; i++) {
    const element: unknown = data[i]
    const isValue = dtype === 'bool' ? element === 0 || element === 1 : typeof element === 'string'
    if (isValue) continue
    const rule = dtype === 'bool' ? '0 or 1' : 'a string'
    throw argumentError(
      `${field.name}.data[${i}]`,
      rule,
      element,
      '',
      dtype === 'bool' ? 'ERR_VALUE_RANGE' : 'ERR_ARGUMENT',
    )
  }
}
