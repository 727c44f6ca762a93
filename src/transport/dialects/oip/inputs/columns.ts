/**
 * One tensor for each feature, as codecs write a data frame, made the one tensor [n, k] of a model. Which tensor is which
 * feature is decided as for tables everywhere here (tensor/feature-columns.ts); each number goes by its value, as where a
 * single tensor has another datatype.
 */
import { allocateData } from '../../../../tensor/dtype.js'
import { planFeatureColumns } from '../../../../tensor/feature-columns.js'
import type { NumericDtype } from '../../../../tensor/tensor.js'
import type { V2Input } from '../call.js'
import { badRequest, badShape } from '../failures.js'
import { clip, countElements } from './elements.js'
import type { V2Field, V2Signature } from '../signature.js'
import { castInto } from './fit.js'

/**
 * @returns the inputs themselves where they are no columns.
 * @throws PenstockError ERR_ARGUMENT (their number, a datatype), ERR_SHAPE, ERR_VALUE_RANGE.
 */
export function joinColumns(model: string, signature: V2Signature, inputs: readonly V2Input[]): readonly V2Input[] {
  const [field] = signature.inputs
  if (inputs.length < 2 || field === undefined || signature.inputs.length > 1 || signature.rowsMax === 0) return inputs
  const names = inputs.map(({ name }) => name)
  const dims = field.shape.map((dim) => (dim === -1 ? null : dim))
  const plan = planFeatureColumns([{ name: field.name, dtype: field.dtype, shape: dims }], false, names)
  if (plan === null) return inputs
  if (plan.kind === 'refused') throw wrongCount(model, field, names)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw badRequest(`input '${clip(repeated)}' already exists in request`)
  return [
    joined(
      model,
      field,
      plan.columns.map((name) => inputs[names.indexOf(name)] as V2Input),
    ),
  ]
}

function joined(model: string, field: V2Field, columns: readonly V2Input[]): V2Input {
  const step = columns.length
  const rows = columns[0]?.shape[0] ?? 0
  for (const { name, shape } of columns) {
    if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1))
      throw badShape(
        `unexpected shape for input '${clip(name)}' for model '${model}': one of ${step} features has [n] or [n,1], got [${shape.join(',')}]`,
      )
    if (shape[0] !== rows) throw badShape(`input '${clip(name)}' batch size does not match other inputs for '${model}'`)
  }
  const shape = [rows, step]
  const values = allocateData(field.dtype as NumericDtype, countElements(field.name, shape))
  columns.forEach((column, start) => castInto(model, field, column, values, { start, step }))
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name: field.name, datatype: field.datatype, shape, data }
}

function wrongCount(model: string, { name, shape }: V2Field, names: readonly string[]): Error {
  const shown = names.slice(0, shownNamesMax).map((each) => `'${clip(each)}'`)
  const more = names.length > shown.length ? `, … and ${names.length - shown.length} more` : ''
  return badRequest(
    `model '${model}' has the input '${name}' of shape [${shape.join(',')}]: send it, or one input of shape [n] or [n,1] for each of ` +
      `its ${shape[1]} features, but got ${names.length} inputs: ${shown.join(',')}${more}`,
  )
}

const shownNamesMax = 12
