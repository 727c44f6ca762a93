/**
 * The transforms of a pipeline: those before its models become one program from what callers send to the plan's inputs,
 * those behind them one from the plan's outputs to what callers get. Columns go where they go by name.
 */
import type { PenstockError } from '../base/errors.js'
import { didYouMean } from '../base/suggest.js'
import { formatShape } from '../tensor/shape.js'
import type { TensorField } from '../tensor/tensor.js'
import { type ColumnType, describeType, elementsOf, isFloat } from '../transforms/draft/column.js'
import { compileOps, type OutputColumn, type TransformProgram } from '../transforms/program/compile.js'
import type { TransformStep } from './definition.js'
import { invalid } from './plan-graph.js'
import type { CompiledPlan } from './plan.js'

export interface PendingTransform {
  readonly where: string
  readonly step: TransformStep
}

interface TransformFacts {
  readonly before: readonly PendingTransform[]
  readonly behind: readonly PendingTransform[]
  /** Columns of the contract; null: there is none. */
  readonly features: readonly ColumnType[] | null
  readonly isNonBatching: boolean
  readonly inputFields: TensorField[]
  readonly outputFields: TensorField[]
}

type Transforms = Pick<CompiledPlan, 'callerInputs' | 'callerOutputs' | 'inputTransform' | 'outputTransform'>

/** @throws PenstockError ERR_PIPELINE_INVALID. */
export function finishTransforms(facts: TransformFacts): Transforms {
  const { before, behind, isNonBatching, inputFields, outputFields } = facts
  const [first] = [...before, ...behind]
  if (first !== undefined && isNonBatching)
    throw invalid(
      `Expected the models of a pipeline with a transform (${first.where}) to take rows but they take whole requests`,
    )
  const input = before.length === 0 ? null : inputProgram(before, facts)
  const output = behind.length === 0 ? null : compileAll(behind, outputFields.map(answerColumn(behind)))
  return {
    callerInputs: input === null ? inputFields : input.inputs.map(callerField),
    callerOutputs: output === null ? outputFields : output.outputs.map(callerField),
    inputTransform: input === null ? null : { program: input, columns: bindInputs(input, inputFields, before) },
    outputTransform: output,
  }
}

function inputProgram(before: readonly PendingTransform[], { features }: TransformFacts): TransformProgram {
  const [{ where, step }] = before as [PendingTransform]
  if (step.inputs !== undefined && features !== null)
    throw invalid(`Expected ${where} to have no inputs, for the contract of the pipeline says what callers send`)
  const declared = step.inputs?.map(({ name, dtype, shape = [] }) => ({ name, dtype, isNullable: false, shape }))
  const inputs = declared ?? features
  if (inputs !== null) return compileAll(before, inputs)
  const wayOut = 'Name a contract, or give it inputs: [{"name": "alcohol", "dtype": "float32"}, …]'
  throw invalid(`Expected ${where} to know the columns that callers send. ${wayOut}`)
}

/** Several transforms run as one, so that a block of rows passes all of them while it is in the cache. */
function compileAll(transforms: readonly PendingTransform[], inputs: readonly ColumnType[]): TransformProgram {
  const where = transforms.map((transform) => transform.where).join(', ')
  return compileOps(
    transforms.flatMap(({ step }) => step.ops),
    inputs,
    { where: `${where}.ops`, code: 'ERR_PIPELINE_INVALID' },
  )
}

function answerColumn(behind: readonly PendingTransform[]): (field: TensorField) => ColumnType {
  return ({ name, dtype, shape }) => {
    const [, ...row] = shape
    if (row.includes(null)) {
      const where = behind[0]?.where ?? ''
      throw invalid(
        `Expected ${name} to have rows of one shape, for ${where} takes it, but it has ${formatShape(shape, false)}`,
      )
    }
    return { name, dtype, isNullable: false, shape: row.length === 1 && row[0] === 1 ? [] : (row as number[]) }
  }
}

/** A value a row stands as [rows]: columns have no second axis. */
function callerField({ name, dtype, shape }: ColumnType): TensorField {
  return { name, dtype, shape: [null, ...shape] }
}

function bindInputs(
  { outputs }: TransformProgram,
  inputs: readonly TensorField[],
  before: readonly PendingTransform[],
): { name: string; rowDims: number[] }[] {
  const where = before.at(-1)?.where ?? ''
  return inputs.map((field) => {
    const names = outputs.map(({ name }) => name)
    const named = outputs.find(({ name }) => name === field.name)
    const column = named ?? (inputs.length === 1 && outputs.length === 1 ? outputs[0] : undefined)
    if (column === undefined) {
      const wayOut =
        didYouMean(field.name, names) ||
        `. It leaves ${names.slice(0, 20).join(', ')}: concat or rename makes ${field.name} of them`
      throw invalid(
        `Expected ${where} to make the input ${field.name} of the model, but it leaves no column of that name${wayOut}`,
      )
    }
    return { name: column.name, rowDims: rowDimsOf(where, column, field) }
  })
}

function rowDimsOf(where: string, column: OutputColumn, field: TensorField): number[] {
  const [, ...wanted] = field.shape
  if (column.dtype !== field.dtype)
    throw misfit(where, column, field, `{"op": "cast", "columns": ["${column.name}"], "to": "${field.dtype}"}`)
  if (column.isNullable && !isFloat(column.dtype))
    throw misfit(
      where,
      column,
      field,
      `{"op": "impute", "columns": ["${column.name}"], …}, for the model knows no missing value`,
    )
  const width = elementsOf(column.shape)
  if (wanted.every((dim) => dim !== null)) {
    if (elementsOf(wanted) === width) return wanted
    throw misfit(where, column, field, `{"op": "concat", …} of as many columns as it has`)
  }
  const dims = column.shape.length === 0 && wanted.length === 1 ? [1] : column.shape
  const isFit = dims.length === wanted.length && wanted.every((dim, i) => dim === null || dim === dims[i])
  if (!isFit) throw misfit(where, column, field, '{"op": "reshape", …}')
  return [...dims]
}

function misfit(where: string, column: OutputColumn, field: TensorField, wayOut: string): PenstockError {
  const input = `${field.dtype} ${formatShape(field.shape, false)}`
  return invalid(
    `Expected ${where} to make the input ${field.name} of the model (${input}) but the column ${column.name} is ${describeType(column)}. Add ${wayOut}`,
  )
}
