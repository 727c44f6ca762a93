/**
 * Tensors as clients with types of their own write them, made the model's: a data frame has FP64 and INT64 where a model
 * has FP32, and codecs write one value a row as [n, 1] where a model has [n]. Nothing is guessed: a dim of 1 at the end
 * comes or goes, and each number must be one of the model's dtype (tensor/cast-values.ts). Text and numbers stay apart.
 */
import { PenstockError } from '../../../../base/errors.js'
import { castValues, type CastPlace } from '../../../../tensor/cast-values.js'
import { allocateData, dtypeInfo, dtypeOfOip, viewData, type NumericData } from '../../../../tensor/dtype.js'
import { bfloat16Value, float16Value } from '../../../../tensor/float16.js'
import type { NumericDtype } from '../../../../tensor/tensor.js'
import type { V2Input } from '../call.js'
import { badRequest, badShape } from '../failures.js'
import { clip, countElements } from './elements.js'
import type { V2Field } from '../signature.js'

/**
 * @returns the input itself where datatype and rank are the field's: then nothing was looked at.
 * @throws PenstockError ERR_ARGUMENT (datatype), ERR_SHAPE, ERR_VALUE_RANGE.
 */
export function fitInput(model: string, field: V2Field, input: V2Input): V2Input {
  const shape = fitShape(field, input.shape)
  if (input.datatype === field.datatype) return shape === input.shape ? input : { ...input, shape }
  const dtype = expectNumbers(model, field, input)
  const values = allocateData(dtype, countElements(input.name, shape))
  castInto(model, field, input, values)
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name: input.name, datatype: field.datatype, shape, data }
}

/** Puts the numbers of `input` into memory of the field's dtype. @throws PenstockError as `fitInput`. */
export function castInto(model: string, field: V2Field, input: V2Input, target: NumericData, place?: CastPlace): void {
  const to = expectNumbers(model, field, input)
  const from = dtypeOfOip(input.datatype) as NumericDtype
  const values = viewOf(model, from, input)
  // A byte that is neither 0 nor 1 is no bool, whatever it is to become.
  const unsupported = from === 'bool' ? castValues(values, 'uint8', new Uint8Array(values.length), 'bool') : -1
  const bad = unsupported < 0 ? castValues(values, from, target, to, place) : unsupported
  if (bad < 0) return
  const value = valueAt(values, from, bad)
  const wayOut = Number.isNaN(value) ? ': only floats have missing values' : ''
  throw new PenstockError(
    'ERR_VALUE_RANGE',
    `inference input '${clip(input.name)}' has ${value} at element ${bad} (${input.datatype}), which ${field.datatype} of model '${model}' cannot hold${wayOut}`,
  )
}

function valueAt(values: NumericData, dtype: NumericDtype, index: number): number | bigint {
  const value = values[index] as number | bigint
  if (dtype === 'float16') return float16Value(Number(value))
  return dtype === 'bfloat16' ? bfloat16Value(Number(value)) : value
}

/** With or without a last dim of 1; the same array where the rank is the field's, or nothing helps. */
function fitShape(field: V2Field, shape: readonly number[]): readonly number[] {
  const rank = field.shape.length
  if (shape.length === rank - 1 && field.shape[rank - 1] === 1) return [...shape, 1]
  if (shape.length === rank + 1 && shape[rank] === 1) return shape.slice(0, -1)
  return shape
}

function expectNumbers(model: string, field: V2Field, { name, datatype }: V2Input): NumericDtype {
  const from = dtypeOfOip(datatype)
  if (from !== undefined && from !== 'string' && field.dtype !== 'string') return field.dtype
  throw badRequest(
    `inference input '${clip(name)}' data-type is '${clip(datatype)}', but model '${model}' expects '${field.datatype}'`,
  )
}

/** The input's bytes as numbers: in place where they are aligned. */
function viewOf(model: string, dtype: NumericDtype, { name, shape, data }: V2Input): NumericData {
  const bytes = data as Uint8Array
  const { sizeBytes } = dtypeInfo(dtype)
  const count = countElements(name, shape)
  if (bytes.length !== count * sizeBytes)
    throw badShape(
      `input byte size mismatch for input '${clip(name)}' for model '${model}'. Expected ${count * sizeBytes}, got ${bytes.length}`,
    )
  if (bytes.byteOffset % sizeBytes === 0) return viewData(dtype, bytes.buffer, bytes.byteOffset, count)
  return viewData(dtype, Uint8Array.from(bytes).buffer, 0, count)
}
