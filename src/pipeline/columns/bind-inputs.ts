/**
 * The columns of a pipeline: what stands before its models becomes one chain from what callers send to the plan's inputs,
 * what stands behind them one from the plan's outputs to what callers get. Columns go where they go by name.
 */
import type { PenstockError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import { formatShape } from '../../tensor/shape.js'
import type { TensorField } from '../../tensor/tensor.js'
import { describeType, elementsOf, isFloat } from '../../transforms/draft/column.js'
import type { TransformInput } from '../definition.js'
import { invalid } from '../plan-graph.js'
import type { CompiledPlan, PlanInputColumn } from '../plan.js'
import { callerField, modelColumn, compileChain, onlyProgram, type PendingColumnStep } from './chain.js'
import type { PlanChain, StageColumn } from './stage.js'

interface ColumnFacts {
  readonly before: readonly PendingColumnStep[]
  readonly behind: readonly PendingColumnStep[]
  /** Columns of the contract; null: there is none. */
  readonly features: readonly StageColumn[] | null
  /** Columns of the contract that are no features: for stages that take them. */
  readonly others: readonly StageColumn[]
  readonly isNonBatching: boolean
  readonly inputFields: TensorField[]
  readonly outputFields: TensorField[]
}

type Columns = Pick<
  CompiledPlan,
  | 'callerInputs'
  | 'callerOutputs'
  | 'inputTransform'
  | 'outputTransform'
  | 'inputChain'
  | 'outputChain'
  | 'inputColumns'
  | 'carriedColumns'
>

/** @throws PenstockError ERR_PIPELINE_INVALID. */
export function finishColumns(facts: ColumnFacts): Columns {
  const { before, behind, isNonBatching, inputFields, outputFields } = facts
  const [first] = [...before, ...behind]
  if (first !== undefined && isNonBatching)
    throw invalid(
      `Expected the models of a pipeline with a ${first.step.type} (${first.where}) to take rows but they take whole requests`,
    )
  const inputChain = before.length === 0 ? null : chainOfCallers(before, facts)
  const outputChain =
    behind.length === 0
      ? null
      : compileChain(behind, outputFields.map(modelColumn), [], inputChain?.outputs ?? inputFields.map(modelColumn))
  const carriedColumns = carriedOf(outputChain, outputFields)
  const inputColumns = inputChain === null ? [] : bindInputs(inputChain, inputFields, before)
  const inputProgram = inputChain === null ? null : onlyProgram(inputChain)
  return {
    callerInputs: inputChain === null ? inputFields : inputChain.inputs.map(callerField),
    callerOutputs: outputChain === null ? outputFields : outputChain.outputs.map(callerField),
    inputTransform: inputProgram === null ? null : { program: inputProgram, columns: inputColumns },
    outputTransform: outputChain === null || carriedColumns.length > 0 ? null : onlyProgram(outputChain),
    inputChain,
    outputChain,
    inputColumns,
    carriedColumns,
  }
}

/** What the chain takes besides the plan's outputs. */
function carriedOf(chain: PlanChain | null, outputFields: readonly TensorField[]): string[] {
  const names = (chain?.inputs ?? []).map(({ name }) => name)
  return names.filter((name) => !outputFields.some((field) => field.name === name))
}

/** The chain that begins with what callers send. @throws PenstockError ERR_PIPELINE_INVALID. */
export function chainOfCallers(
  before: readonly PendingColumnStep[],
  { features, others }: Pick<ColumnFacts, 'features' | 'others'>,
): PlanChain {
  const [{ where, inputs, alone }] = before as [PendingColumnStep]
  if (inputs !== undefined && features !== null)
    throw invalid(`Expected ${where} to have no inputs, for the contract of the pipeline says what callers send`)
  const declared = (inputs ?? (features === null ? alone : undefined))?.map(columnOfInput)
  const columns = declared ?? features
  if (columns !== null) return compileChain(before, columns, others)
  const wayOut = 'Name a contract, or give it inputs: [{"name": "alcohol", "dtype": "float32"}, …]'
  throw invalid(`Expected ${where} to know the columns that callers send. ${wayOut}`)
}

function columnOfInput({ name, dtype, shape = [] }: TransformInput): StageColumn {
  return { name, dtype, isNullable: false, shape }
}

function bindInputs(
  { outputs }: PlanChain,
  inputs: readonly TensorField[],
  before: readonly PendingColumnStep[],
): PlanInputColumn[] {
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

function rowDimsOf(where: string, column: StageColumn, field: TensorField): (number | null)[] {
  const [, ...wanted] = field.shape
  if (column.dtype !== field.dtype)
    throw misfit(where, column, field, `{"op": "cast", "columns": ["${column.name}"], "dtype": "${field.dtype}"}`)
  if (column.isNullable && !isFloat(column.dtype))
    throw misfit(
      where,
      column,
      field,
      `{"op": "impute", "columns": ["${column.name}"], …}, for the model knows no missing value`,
    )
  const { shape } = column
  const isFixed = shape.every((dim) => dim !== null)
  if (isFixed && wanted.every((dim) => dim !== null)) {
    if (elementsOf(wanted) === elementsOf(shape)) return wanted
    throw misfit(where, column, field, `{"op": "concat", …} of as many columns as it has`)
  }
  const dims = shape.length === 0 && wanted.length === 1 ? [1] : shape
  // A dim that is free on this side alone is known by each request, and checked there.
  const isFit = dims.length === wanted.length && wanted.every((dim, i) => dim === null || dim === dims[i])
  if (!isFit) throw misfit(where, column, field, isFixed ? '{"op": "reshape", …}' : 'what makes its rows of that shape')
  return [...dims]
}

function misfit(where: string, column: StageColumn, field: TensorField, wayOut: string): PenstockError {
  const input = `${field.dtype} ${formatShape(field.shape, false)}`
  return invalid(
    `Expected ${where} to make the input ${field.name} of the model (${input}) but the column ${column.name} is ${describeColumn(column)}. Add ${wayOut}`,
  )
}

/** `float32`, `int64 [?, 3]`. */
function describeColumn({ dtype, isNullable, shape }: StageColumn): string {
  const dims = shape.map((dim) => dim ?? '?').join(', ')
  return `${describeType({ dtype, isNullable, shape: [] })}${shape.length === 0 ? '' : ` [${dims}]`}`
}
