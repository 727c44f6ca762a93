/**
 * How a stage's inputs are bound: names, dtypes and dims of both sides brought together, or an error that names both.
 *
 * Rule 1. An input is bound under its own name, or the one that `tensorFields` gives its position.
 * Rule 2. The branches of a split take the same inputs; where each takes just one, their names need not agree.
 * Rule 3. Stage 0: the request has the inputs of all its models. The first model that names one decides its dtype (it
 *         must cast to the others' without loss); its dims are the narrowest of all.
 * Rule 4. Later stages: the tensor of that name, or `<label>.<name>`, among the current outputs. Where there
 *         is exactly one tensor and the model has exactly one input, their names need not agree.
 */
import { PenstockError } from '../base/errors.js'
import { isSafeCast, safeCastTargets } from '../tensor/dtype.js'
import { formatShape, mergeDims, type FieldShape } from '../tensor/shape.js'
import type { Dtype, TensorField } from '../tensor/tensor.js'
import type { ResolvedModel } from './plan.js'

/** An input of a node: it is bound to the same request tensor or output whichever branch runs. */
export interface FedInput {
  readonly name: string
  /** By branch: which input of its model, and what that takes. */
  readonly byOption: readonly { readonly slot: number; readonly field: TensorField; readonly model: string }[]
}

/** Something that an input may be bound to: an input of the request, or an output of the step before. */
export interface Feedable {
  readonly name: string
  readonly dtype: Dtype
  readonly rowDims: FieldShape
  /** For messages: the model it belongs to. */
  readonly model: string
}

export function formatModel({ name, version }: ResolvedModel): string {
  return `${name}@${version}`
}

/** The part of a field's shape that requests of any number of rows have in common. */
export function rowDimsOf(field: TensorField, isNonBatching: boolean): FieldShape {
  return isNonBatching ? field.shape : field.shape.slice(1)
}

/**
 * Lines up the inputs of a node's branches (rules 1 and 2).
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export function alignInputs(
  where: string,
  models: readonly ResolvedModel[],
  tensorFields: readonly string[] | undefined,
): FedInput[] {
  const inputsByOption = models.map((model) => nameInputs(where, model, tensorFields))
  const [first = []] = inputsByOption
  const [single] = first
  if (single !== undefined && inputsByOption.every((inputs) => inputs.length === 1)) {
    return [{ name: single.name, byOption: inputsByOption.flat() }]
  }
  inputsByOption.forEach((inputs, i) => expectSameNames(where, 'inputs', first, inputs, models[0], models[i]))
  return first.map(({ name }) => ({
    name,
    byOption: inputsByOption.flatMap((inputs) => inputs.filter((input) => input.name === name)),
  }))
}

/** Refuses two models of a split whose tensors have not the same names. */
export function expectSameNames(
  where: string,
  kind: 'inputs' | 'outputs',
  first: readonly { readonly name: string }[],
  other: readonly { readonly name: string }[],
  firstModel: ResolvedModel | undefined,
  otherModel: ResolvedModel | undefined,
): void {
  if (firstModel === undefined || otherModel === undefined) return
  const names = (list: readonly { readonly name: string }[]) =>
    list
      .map(({ name }) => name)
      .sort()
      .join(', ')
  if (names(first) === names(other)) return
  const wayOut = kind === 'inputs' ? '. Give the step tensorFields: the names by position' : ''
  throw new PenstockError(
    'ERR_PIPELINE_INVALID',
    `Expected the options of ${where} to have the same ${kind} but ${formatModel(firstModel)} has ${names(first)} ` +
      `and ${formatModel(otherModel)} has ${names(other)}${wayOut}`,
  )
}

/**
 * Checks what is bound against what each branch takes, and returns the dims that satisfy all.
 * @throws PenstockError ERR_PIPELINE_INVALID naming both sides.
 */
export function expectFeedable(where: string, from: Feedable, input: FedInput, isNonBatching: boolean): FieldShape {
  let dims = from.rowDims
  for (const { field, model } of input.byOption) {
    const into = `${field.name} of ${model} in ${where}`
    const source = `${from.name} of ${from.model}`
    if (!isSafeCast(from.dtype, field.dtype)) {
      const targets = [from.dtype, ...safeCastTargets(from.dtype)].join(', ')
      throw new PenstockError(
        'ERR_PIPELINE_INVALID',
        `Expected ${into} to take ${targets}, which ${source} casts to without loss, but it takes ${field.dtype}`,
      )
    }
    const merged = mergeDims(dims, rowDimsOf(field, isNonBatching))
    if (merged === null) {
      throw new PenstockError(
        'ERR_PIPELINE_INVALID',
        `Expected ${into} to have the shape of ${source}, ${formatRow(dims, isNonBatching)}, ` +
          `but it has ${formatRow(rowDimsOf(field, isNonBatching), isNonBatching)}`,
      )
    }
    dims = merged
  }
  return dims
}

/**
 * Finds the output that an input of a later stage is bound to (rule 4).
 * @param isOnlyInput the model has no other input.
 * @throws PenstockError ERR_PIPELINE_INVALID: missing or ambiguous, naming what there is.
 */
export function findInputBinding<T extends Feedable>(
  where: string,
  outputs: readonly T[],
  input: FedInput,
  isOnlyInput: boolean,
): T {
  const [only] = outputs
  if (isOnlyInput && outputs.length === 1 && only !== undefined) return only
  const found = outputs.filter(({ name, model }) => name === input.name || `${model}.${name}` === input.name)
  const [match] = found
  if (found.length === 1 && match !== undefined) return match
  const model = input.byOption[0]?.model ?? 'a model'
  const list = outputs.map(({ name, model: owner }) => `${name} of ${owner}`).join(', ')
  throw new PenstockError(
    'ERR_PIPELINE_INVALID',
    found.length === 0
      ? `Expected an output named ${input.name} for ${model} in ${where} but the step before gives ${list}. ` +
          'Give the step tensorFields: the outputs to feed, by position of the inputs'
      : `Expected one output named ${input.name} for ${model} in ${where} but the step before gives ` +
          `${found.map(({ model: owner }) => `one of ${owner}`).join(', ')}. Keep one with a select step, or name the model ` +
          `in tensorFields: ${match?.model ?? ''}.${input.name}`,
  )
}

function nameInputs(
  where: string,
  model: ResolvedModel,
  tensorFields: readonly string[] | undefined,
): { name: string; slot: number; field: TensorField; model: string }[] {
  const { inputs } = model.signature
  if (tensorFields !== undefined && tensorFields.length !== inputs.length) {
    const list = inputs.map(({ name }) => name).join(', ')
    throw new PenstockError(
      'ERR_PIPELINE_INVALID',
      `Expected ${where}.tensorFields to have ${inputs.length} names, for the inputs of ${formatModel(model)} (${list}), ` +
        `but received ${tensorFields.length}`,
    )
  }
  const owner = formatModel(model)
  return inputs.map((field, slot) => ({ name: tensorFields?.[slot] ?? field.name, slot, field, model: owner }))
}

function formatRow(rowDims: FieldShape, isNonBatching: boolean): string {
  return formatShape(isNonBatching ? rowDims : [null, ...rowDims], isNonBatching)
}
