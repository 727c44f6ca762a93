/**
 * A contract to the tensors of a pipeline: which feature is which input, and where each answered field is read. What is
 * bound is bound by name; features that are called like no input fill the width of the only one, in the contract's order.
 * What can be proven not to fit is refused when the pipeline is deployed, with everything that is wrong; what depends on
 * the values (a number that an integer input does not hold) is found with the values.
 */
import { PenstockError } from '../base/errors.js'
import { didYouMean } from '../base/suggest.js'
import { dtypeInfo } from '../tensor/dtype.js'
import { dimsCompatible, formatShape } from '../tensor/shape.js'
import type { TensorField } from '../tensor/tensor.js'
import type { ResolvedContract, ResolvedField } from './resolve.js'

export interface BindableOutput extends TensorField {
  /** What its columns stand for, where that is known. */
  readonly classes?: readonly (string | number)[] | undefined
}

/** The tensors of a pipeline, their row axis first. */
export interface BindableTensors {
  /** null: a step before the first model makes them out of the features. */
  readonly inputs: readonly TensorField[] | null
  readonly outputs: readonly BindableOutput[]
}

export interface BoundFeature {
  /** Index in `contract.inputs`. */
  readonly field: number
  /** Index of the pipeline's input. */
  readonly input: number
  /** The first element of the input's row that it fills, and how many; null: the whole row, as it is. */
  readonly columns: { readonly start: number; readonly count: number } | null
}

export interface BoundOutput {
  /** Index in `contract.outputs`. */
  readonly field: number
  /** Index of the pipeline's output; null: the server fills it in. */
  readonly output: number | null
  /** null: the whole row. */
  readonly column: number | null
}

export interface ContractBinding {
  /** null: a step before the first model takes the features. */
  readonly features: readonly BoundFeature[] | null
  readonly outputs: readonly BoundOutput[]
}

/**
 * Binds a contract.
 * @param what the contract and the pipeline in words, e.g. `wine@2`, for messages.
 * @throws PenstockError ERR_PIPELINE_INVALID with everything that cannot be bound.
 */
export function bindContract(what: string, contract: ResolvedContract, tensors: BindableTensors): ContractBinding {
  const mistakes: string[] = []
  const features = tensors.inputs === null ? null : bindFeatures(what, contract, tensors.inputs, mistakes)
  const outputs = contract.outputs.flatMap((field, at) => bindOutput(field, at, tensors.outputs, mistakes) ?? [])
  if (mistakes.length === 0) return { features, outputs }
  const sentence = mistakes.length === 1 ? (mistakes[0] ?? '') : `${mistakes.length} mistakes: ${mistakes.join('; ')}`
  const code = 'ERR_PIPELINE_INVALID'
  const errors = mistakes.map((message) => ({ field: 'contract', code, message }) as const)
  throw new PenstockError(code, sentence, mistakes.length === 1 ? {} : { errors })
}

// ── features ────────────────────────────────────────────────────────────────────────────────────

interface Feature {
  readonly field: ResolvedField
  /** Index in `contract.inputs`. */
  readonly at: number
}

function bindFeatures(
  what: string,
  contract: ResolvedContract,
  inputs: readonly TensorField[],
  mistakes: string[],
): BoundFeature[] {
  const features = contract.inputs.flatMap((field, at): Feature[] => (field.role === 'feature' ? [{ field, at }] : []))
  const names = inputs.map(({ name }) => name)
  const [only] = inputs
  const isByName = inputs.length !== 1 || features.some(({ field }) => names.includes(field.name))
  if (!isByName && only !== undefined) return fillInput(what, features, only, mistakes)
  for (const { name, default: byDefault } of inputs) {
    if (byDefault !== undefined || features.some(({ field }) => field.name === name)) continue
    const near = didYouMean(
      name,
      features.map(({ field }) => field.name),
    )
    mistakes.push(
      `Expected the features of ${what} to have each input of the pipeline but there is none for ${name}${near}`,
    )
  }
  return features.flatMap(({ field, at }) => {
    const input = names.indexOf(field.name)
    if (input < 0) {
      const wayOut =
        didYouMean(field.name, names) || `. Its inputs are ${names.join(', ')}; a field with another role is no feature`
      mistakes.push(`Expected the feature ${field.name} of ${what} to be an input of the pipeline${wayOut}`)
      return []
    }
    expectFeature(field, inputs[input] as TensorField, mistakes)
    return [{ field: at, input, columns: null }]
  })
}

/** One field per column of the only input. */
function fillInput(what: string, features: readonly Feature[], input: TensorField, mistakes: string[]): BoundFeature[] {
  const [width] = input.shape.slice(1)
  const counts = features.map(({ field }) => elementCountOf(field.shape))
  if (input.shape.length !== 2 || counts.includes(null)) {
    const shape = formatShape(input.shape, false)
    mistakes.push(
      `Expected the features of ${what} to be called like the input ${input.name} but ${namesOf(features)} are not, and its shape ${shape} is none that they could fill`,
    )
    return []
  }
  const total = (counts as number[]).reduce((sum, count) => sum + count, 0)
  if (width != null && width !== total)
    mistakes.push(
      `Expected the features of ${what} to fill the ${width} columns of the input ${input.name} but they have ${total}: ${namesOf(features)}`,
    )
  let start = 0
  return features.map(({ field, at }, index) => {
    expectKind(field, input, mistakes)
    const count = counts[index] as number
    const columns = { start, count }
    start += count
    return { field: at, input: 0, columns }
  })
}

function namesOf(features: readonly Feature[]): string {
  const names = features.map(({ field }) => field.name)
  return names.length > 20 ? `${names.slice(0, 20).join(', ')} …` : names.join(', ')
}

function elementCountOf(shape: readonly (number | null)[]): number | null {
  return shape.reduce<number | null>((product, dim) => (product === null || dim === null ? null : product * dim), 1)
}

function expectFeature(field: ResolvedField, input: TensorField, mistakes: string[]): void {
  expectKind(field, input, mistakes)
  const row = input.shape.slice(1)
  const isScalar = field.shape.length === 0 && row.every((dim) => dim === 1 || dim === null)
  if (isScalar || dimsCompatible(field.shape, row)) return
  mistakes.push(
    `Expected the feature ${field.name} to have the shape ${formatShape(row, true)}, as a row of the input has, but it has ${formatShape(field.shape, true)}`,
  )
}

function expectKind(field: ResolvedField, input: TensorField, mistakes: string[]): void {
  const { kind } = dtypeInfo(input.dtype)
  if ((field.kind === 'string') !== (kind === 'string')) {
    mistakes.push(
      `Expected the feature ${field.name} to be ${kind === 'string' ? 'string' : 'a number'}, as the input ${input.name} is (${input.dtype}), but its dtype is ${field.dtype}`,
    )
    return
  }
  if (field.isNullable && kind !== 'float' && kind !== 'string')
    mistakes.push(
      `Expected the feature ${field.name} to have a value in every row, for the input ${input.name} (${input.dtype}) has none that means missing. Take ${field.dtype} without ?, and impute what stands for it`,
    )
}

// ── answers ─────────────────────────────────────────────────────────────────────────────────────

function bindOutput(
  field: ResolvedField,
  at: number,
  outputs: readonly BindableOutput[],
  mistakes: string[],
): BoundOutput | undefined {
  if (field.role === 'modelVersion') return { field: at, output: null, column: null }
  const { from } = field.source
  const names = outputs.map(({ name }) => name)
  const wanted = from?.output ?? field.name
  const index = typeof wanted === 'number' ? wanted : names.indexOf(wanted)
  const output = outputs[index]
  if (output === undefined) {
    const near = typeof wanted === 'string' ? didYouMean(wanted, names) : ''
    const wayOut = from === undefined ? '. Say where it is: "from": {"output": …}' : ''
    mistakes.push(
      `Expected ${field.name} to be read from an output of the pipeline, which has ${names.join(', ')}, but it says ${wanted}${near || wayOut}`,
    )
    return undefined
  }
  if ((field.kind === 'string') !== (output.dtype === 'string')) {
    mistakes.push(`Expected ${field.name} to be of the output's kind, ${output.dtype}, but its dtype is ${field.dtype}`)
    return undefined
  }
  const column = columnOf(field, output, mistakes)
  return column === undefined ? undefined : { field: at, output: index, column }
}

/** @returns undefined after a mistake. */
function columnOf(field: ResolvedField, output: BindableOutput, mistakes: string[]): number | null | undefined {
  const row = output.shape.slice(1)
  const isOneValue = row.every((dim) => dim === 1)
  const { from, class: label } = field.source
  const wanted = from?.column ?? (isOneValue ? undefined : label)
  if (wanted === undefined) {
    const isScalar = field.shape.length === 0
    if (isScalar ? row.every((dim) => dim === 1 || dim === null) : dimsCompatible(field.shape, row)) return null
    const wayOut = isScalar && row.length === 1 ? '. Say which column it is: "from": {"output": …, "column": …}' : ''
    mistakes.push(
      `Expected ${field.name} to have the shape ${formatShape(row, true)}, as a row of ${output.name} has, but it has ${formatShape(field.shape, true)}${wayOut}`,
    )
    return undefined
  }
  const [width] = row
  const isPosition = typeof from?.column === 'number'
  const column = isPosition
    ? (wanted as number)
    : (output.classes ?? []).findIndex((one) => String(one) === String(wanted))
  if (row.length === 1 && column >= 0 && (width == null || column < width)) return column
  const classes = output.classes === undefined ? 'no names of classes' : `the classes ${output.classes.join(', ')}`
  const facts =
    row.length === 1 ? `${width ?? 'any number of'} columns and ${classes}` : `the shape ${formatShape(row, true)}`
  mistakes.push(
    `Expected ${field.name} to be read from a column of ${output.name}, which has ${facts}, but it says ${wanted}. Say its position: "from": {"output": "${output.name}", "column": 0}`,
  )
  return undefined
}
