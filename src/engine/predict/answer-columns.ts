/** Outputs of a pipeline to the columns of an answer: fields by the contract's names, in its order, with what is echoed. */
import { PenstockError } from '../../base/errors.js'
import { describeValue } from '../../base/expect.js'
import { answerFields } from '../../contract/answer-fields.js'
import type { BoundOutput } from '../../contract/bind.js'
import type { ContractColumn } from '../../contract/columns.js'
import type { ResolvedField } from '../../contract/resolve.js'
import { answeringModel, modelOf } from '../../formats/models-text.js'
import { castValues } from '../../tensor/cast-values.js'
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import type { Dtype, NumericDtype, Tensor } from '../../tensor/tensor.js'
import type { InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'

/**
 * The columns of `answerFields`.
 * @param sent columns of the contract's inputs, in its order.
 * @param result null: no row was run, and no output is.
 * @throws PenstockError ERR_RUN_FAILED: the model answered what is none of the field's dtype.
 */
export function answerColumns(
  deployment: Deployment,
  sent: readonly ContractColumn[],
  result: InferResult | null,
): ContractColumn[] {
  const bound = deployment.contract
  if (bound === null) return []
  const { contract, binding } = bound
  const byName = new Map(sent.map((column) => [column.name, column]))
  return answerFields(contract).flatMap((field) => {
    const echoed = byName.get(field.name)
    if (echoed !== undefined) return [echoed]
    if (result === null) return []
    const place = binding.outputs.find(({ field: at }) => contract.outputs[at] === field)
    return place === undefined ? [] : [outputColumn(deployment, field, place, result)]
  })
}

function outputColumn(
  deployment: Deployment,
  field: ResolvedField,
  { output, column }: BoundOutput,
  result: InferResult,
): ContractColumn {
  if (output === null) return modelColumn(deployment, field.name, result)
  const { name } = deployment.compiled.callerOutputs[output] ?? { name: '' }
  const tensor = result.outputs[name]
  if (tensor === undefined) throw new PenstockError('ERR_RUN_FAILED', `The answer has no output ${name}`)
  const { rows } = result
  const [, ...dims] = tensor.shape
  const rowElements = dims.reduce((product, dim) => product * dim, 1)
  if (column !== null && column >= rowElements)
    throw misfit(field, `read from column ${column} of ${name}`, `a row of ${rowElements}`)
  if (column === null && field.shape.length === 0 && rowElements !== 1)
    throw misfit(field, 'one value', `a row of ${rowElements} from ${name}`)
  const elements = column === null ? tensor : columnOf(tensor, rows, rowElements, column)
  const shape = column === null && field.shape.length > 0 ? dims : []
  const data = castTo(field, elements)
  return { name: field.name, dtype: field.dtype, rows, shape, data, validity: null, offsets: null }
}

function columnOf(tensor: Tensor, rows: number, width: number, column: number): Tensor {
  const { dtype } = tensor
  if (dtype === 'string') {
    const texts = tensor.data as readonly string[]
    return { dtype, shape: [rows], data: Array.from({ length: rows }, (_, row) => texts[row * width + column] ?? '') }
  }
  const source = tensor.data as Float64Array
  const data = allocateData(dtype, rows) as Float64Array
  for (let row = 0; row < rows; row++) data[row] = source[row * width + column] as number
  return { dtype, shape: [rows], data }
}

function castTo(field: ResolvedField, { dtype, data }: Tensor): NumericData | readonly string[] {
  if (dtype === field.dtype || dtype === 'string') return data
  const target = allocateData(field.dtype as NumericDtype, data.length)
  const unfit = castValues(data as NumericData, dtype, target, field.dtype as NumericDtype)
  if (unfit < 0) return target
  throw misfit(field, `a value that ${field.dtype} holds`, describeValue(data[unfit]))
}

function misfit({ name, dtype }: ResolvedField, expected: string, received: string): PenstockError {
  const wayOut = `Give ${name} the dtype and place that the model's output has, in a new version of the contract`
  return new PenstockError(
    'ERR_RUN_FAILED',
    `Expected the model's answer for ${name} (${dtype}) to be ${expected} but received ${received}. ${wayOut}`,
  )
}

/** `name@version` of the model that is called so; '': none. */
function modelText({ resolved, description }: Deployment, label: string | null): string {
  const model = (label === null ? undefined : resolved.get(label)) ?? modelOf(label, description)
  return model === null ? '' : `${model.name}@${model.version}`
}

/** `name@version` of the one model that answers all rows; '': several do, or none is meant. */
export function onlyModelText(deployment: Deployment): string {
  const single = answeringModel(deployment.description)
  return single === null ? '' : modelText(deployment, single)
}

/** `name@version` of the model that answered each row; missing where no single one did. */
function modelColumn(deployment: Deployment, name: string, result: InferResult): ContractColumn {
  const { description } = deployment
  const { rows, metadata } = result
  const textOf = (label: string | null): string => modelText(deployment, label)
  const single = answeringModel(description)
  const { route } = metadata
  const labels = single === null && route !== null ? route : null
  const known = new Map<string | null, string>([...new Set(labels ?? [single])].map((label) => [label, textOf(label)]))
  const data = Array.from({ length: rows }, (_, row) => known.get(labels?.[row] ?? single) ?? '')
  const validity = data.includes('') ? Uint8Array.from(data, (text) => (text === '' ? 0 : 1)) : null
  const dtype: Dtype = 'string'
  return { name, dtype, rows, shape: [], data, validity, offsets: null }
}
