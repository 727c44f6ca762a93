/**
 * Holds a request to the signature of the model it is for, in the words that clients of the protocol know, and brings its
 * tensors into the order of the signature. Nothing is copied: bytes stay where they arrived.
 */
import type { PenstockError } from '../../../base/errors.js'
import type { V2Input, V2Request, V2Wish } from './call.js'
import { badRequest, badShape } from './failures.js'
import { joinColumns } from './inputs/columns.js'
import { expectOutputFits } from './inputs/content-type.js'
import { clip, countElements } from './inputs/elements.js'
import { fitInput } from './inputs/fit.js'
import type { V2Field, V2Signature } from './signature.js'

/**
 * The inputs in the order of the signature, of its datatypes and ranks.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE, ERR_VALUE_RANGE.
 */
export function orderInputs(model: string, signature: V2Signature, request: V2Request): readonly V2Input[] {
  const fields = signature.inputs
  const sent = named(fields, joinColumns(model, signature, request.inputs))
  const absent =
    sent.length < fields.length ? fields.filter(({ name }) => !sent.some((input) => input.name === name)) : []
  const inputs = [...sent, ...absent.flatMap((field) => field.default ?? [])]
  for (let index = 0; index < inputs.length; index++) {
    const { name } = inputs[index] as V2Input
    if (!fields.some((field) => field.name === name)) throw unexpectedInput(model, fields, name)
    if (inputs.findIndex((other) => other.name === name) !== index)
      throw badRequest(`input '${name}' already exists in request`)
  }
  if (inputs.length !== fields.length) throw missing(model, fields, inputs)
  const placed =
    fields.length === 1 ? inputs : fields.map((field) => inputs.find((input) => input.name === field.name) as V2Input)
  const isFit = fields.every((field, index) => isOf(field, placed[index] as V2Input))
  const ordered = isFit ? placed : fields.map((field, index) => fitInput(model, field, placed[index] as V2Input))
  fields.forEach((field, index) => expectField(model, field, ordered[index] as V2Input))
  if (signature.rowsMax > 0) expectRows(model, signature.rowsMax, ordered)
  return ordered
}

/** What MLServer's codecs call the one input of a request whose caller named none. */
const generatedName = /^input-\d+$/

/** A name that a codec made up says nothing: where one input meets one, they are each other's. */
function named(fields: readonly V2Field[], inputs: readonly V2Input[]): readonly V2Input[] {
  const [field] = fields
  const [input] = inputs
  if (field === undefined || input === undefined || fields.length > 1 || inputs.length > 1) return inputs
  return input.name === field.name || !generatedName.test(input.name) ? inputs : [{ ...input, name: field.name }]
}

function isOf(field: V2Field, { datatype, shape }: V2Input): boolean {
  return datatype === field.datatype && shape.length === field.shape.length
}

/** The outputs to answer with. @throws PenstockError ERR_ARGUMENT. */
export function wishedOutputs(
  model: string,
  signature: V2Signature,
  wishes: readonly V2Wish[] | null,
): readonly V2Wish[] {
  if (wishes === null) return signature.outputs.map(({ name }) => ({ name, classification: 0, contentType: '' }))
  wishes.forEach(({ name, contentType, classification }, index) => {
    const field = signature.outputs.find((candidate) => candidate.name === name)
    if (field === undefined) throw badRequest(`unexpected inference output '${clip(name)}' for model '${model}'`)
    expectOutputFits(name, contentType, field.dtype === 'string' || classification > 0, field.datatype)
    if (wishes.findIndex((other) => other.name === name) !== index)
      throw badRequest(`output '${name}' already requested`)
  })
  return wishes
}

function expectField(model: string, field: V2Field, input: V2Input): void {
  const { name, shape, data } = input
  const fits =
    shape.length === field.shape.length && field.shape.every((dim, axis) => dim === -1 || dim === shape[axis])
  if (!fits)
    throw badShape(
      `unexpected shape for input '${name}' for model '${model}'. Expected [${field.shape.join(',')}], got [${shape.join(',')}]`,
    )
  const count = countElements(name, shape)
  if (field.elementBytes === 0 || !(data instanceof Uint8Array)) return
  if (data.length !== count * field.elementBytes)
    throw badShape(
      `input byte size mismatch for input '${name}' for model '${model}'. Expected ${count * field.elementBytes}, got ${data.length}`,
    )
}

function expectRows(model: string, rowsMax: number, inputs: readonly V2Input[]): void {
  const rows = inputs[0]?.shape[0] ?? 0
  for (const { name, shape } of inputs) {
    if (shape[0] !== rows) throw badShape(`input '${name}' batch size does not match other inputs for '${model}'`)
  }
  if (rows > rowsMax) throw badShape(`inference request batch-size must be <= ${rowsMax} for '${model}'`)
}

function unexpectedInput(model: string, fields: readonly V2Field[], name: string): PenstockError {
  const own = fields.map((field) => `'${field.name}'`).join(',')
  return badRequest(`unexpected inference input '${clip(name)}' for model '${model}'. It has input(s) [${own}]`)
}

function missing(model: string, fields: readonly V2Field[], inputs: readonly V2Input[]): PenstockError {
  const got = inputs.map(({ name }) => `'${name}'`).join(',')
  const absent = fields
    .filter(({ name }) => !inputs.some((input) => input.name === name))
    .map(({ name }) => `'${name}'`)
  return badRequest(
    `expected ${fields.length} inputs but got ${inputs.length} inputs for model '${model}'. Got input(s) [${got}], ` +
      `but missing required input(s) [${absent.join(',')}]. Please provide all required input(s).`,
  )
}
