/**
 * The column steps of a deployed pipeline, run for a request as a whole: what callers send to the plan's inputs before it is
 * admitted, the plan's outputs to what callers get when it is answered. Rows that fail are the caller's business on the way
 * in, with every row and column; on the way out a model gave what its labels do not know.
 */
import { PenstockError } from '../../base/errors.js'
import type { PlanInputColumn, CompiledPlan } from '../../pipeline/plan.js'
import type { ColumnStage, PlanChain, TransformColumns } from '../../pipeline/columns/stage.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { cellsOf, packStrings, type TransformColumn } from '../../transforms/draft/column.js'
import { ColumnChain, type ChainCall } from '../columns/column-chain.js'

export type { TransformColumns } from '../../pipeline/columns/stage.js'

/** Stages that were opened for a plan, by the chain that they stand in. */
export interface OpenedStages {
  readonly before: readonly ColumnStage[]
  readonly behind: readonly ColumnStage[]
}

/** A request behind the steps that stand before the models. */
export interface PreparedInputs {
  /** In the order of the plan's inputs. */
  readonly tensors: readonly Tensor[]
  /** What the steps behind the models take of it. */
  readonly carried: TransformColumns
}

export class RequestTransforms {
  /** Whether there is a stage, whose calls are counted and may wait. */
  readonly hasStages: boolean
  readonly #input: ColumnChain | null
  readonly #output: ColumnChain | null
  readonly #plan: CompiledPlan

  /** @throws RangeError: the addon refuses a program, which the compiler would have to have made wrong. */
  constructor(plan: CompiledPlan, { before, behind }: OpenedStages) {
    const { inputChain, outputChain, definition } = plan
    this.hasStages = before.length + behind.length > 0
    this.#input = inputChain === null ? null : new ColumnChain(inputChain, before, definition.name, 'ERR_VALUE_RANGE')
    this.#output = outputChain === null ? null : new ColumnChain(outputChain, behind, definition.name, 'ERR_RUN_FAILED')
    this.#plan = plan
  }

  /**
   * @param tensors in the order of the callers' inputs, of `rows` rows each.
   * @returns a promise where a stage waits.
   * @throws PenstockError ERR_VALUE_RANGE with each row that an operation refuses; what a stage throws.
   */
  inputs(tensors: readonly Tensor[], rows: number, call: ChainCall): PreparedInputs | Promise<PreparedInputs> {
    if (this.#input === null) return { tensors, carried: this.#carriedInputs(tensors) }
    const named = this.#plan.callerInputs.map(({ name }, i): [string, TransformColumn] => [
      name,
      columnOf(tensors[i] as Tensor),
    ])
    return this.inputsOfColumns(Object.fromEntries(named), rows, call)
  }

  /** The same for columns, which may be missing where the contract says so. */
  inputsOfColumns(columns: TransformColumns, rows: number, call: ChainCall): PreparedInputs | Promise<PreparedInputs> {
    if (this.#input === null) throw new Error('assertion: columns are of a pipeline that begins with a step of them')
    const made = this.#input.run(columns, rows, call)
    return made instanceof Promise ? made.then((table) => this.#bound(table, rows)) : this.#bound(made, rows)
  }

  /**
   * @param carried of the request's prepared inputs.
   * @throws PenstockError ERR_RUN_FAILED with each row of which the operations can make no answer; what a stage throws.
   */
  outputs(
    outputs: Readonly<Record<string, Tensor>>,
    rows: number,
    carried: TransformColumns,
    call: ChainCall,
  ): Readonly<Record<string, Tensor>> | Promise<Readonly<Record<string, Tensor>>> {
    const chain = this.#plan.outputChain
    if (this.#output === null || chain === null) return outputs
    const named = Object.entries(outputs).map(([name, tensor]): [string, TransformColumn] => [name, columnOf(tensor)])
    const made = this.#output.run({ ...carried, ...Object.fromEntries(named) }, rows, call)
    return made instanceof Promise ? made.then((table) => answered(chain, table, rows)) : answered(chain, made, rows)
  }

  /** Gives back what its stages hold. No request is in them. */
  async close(): Promise<void> {
    await this.#input?.close()
    await this.#output?.close()
  }

  #bound(table: TransformColumns, rows: number): PreparedInputs {
    const { inputColumns, inputFields, carriedColumns } = this.#plan
    const tensors = inputColumns.map((bound, i) =>
      boundTensor(bound, table[bound.name] as TransformColumn, rows, inputFields[i]),
    )
    const carried = carriedColumns.map((name) => [name, table[name] as TransformColumn] as const)
    return { tensors, carried: Object.fromEntries(carried) }
  }

  #carriedInputs(tensors: readonly Tensor[]): TransformColumns {
    const { carriedColumns, inputFields } = this.#plan
    if (carriedColumns.length === 0) return noColumns
    const carried = inputFields.flatMap(({ name }, i): [string, TransformColumn][] =>
      carriedColumns.includes(name) ? [[name, columnOf(tensors[i] as Tensor)]] : [],
    )
    return Object.fromEntries(carried)
  }
}

const noColumns: TransformColumns = {}

function answered({ outputs }: PlanChain, table: TransformColumns, rows: number): Readonly<Record<string, Tensor>> {
  const made = outputs.map(({ name, shape }): [string, Tensor] => {
    const column = table[name] as TransformColumn
    return [name, tensorOf(column, [rows, ...dimsOf(column, shape)])]
  })
  return Object.fromEntries(made)
}

/** @param field of the model that takes it; undefined: it is the answer. */
function boundTensor(
  { rowDims }: PlanInputColumn,
  column: TransformColumn,
  rows: number,
  field: TensorField | undefined,
): Tensor {
  const dims = dimsOf(column, rowDims)
  const wanted = field?.shape.slice(1) ?? []
  const isFit = rows === 0 || wanted.every((dim, i) => dim === null || dim === dims[i])
  if (isFit) return tensorOf(column, [rows, ...dims])
  throw new PenstockError(
    'ERR_SHAPE',
    `Expected rows of ${field?.name} to have the shape [${wanted.map((dim) => dim ?? '?').join(', ')}], as the model takes them, but the steps before it made [${dims.join(', ')}]`,
  )
}

/** The dims that are known at deploy, or, where one is free, those that the column has. */
function dimsOf({ shape }: TransformColumn, known: readonly (number | null)[]): readonly number[] {
  return known.every((dim) => dim !== null) ? known : shape.slice(1)
}

function columnOf({ dtype, shape, data }: Tensor): TransformColumn {
  if (dtype !== 'string') return { dtype, shape, data: data as NumericData, offsets: null, validity: null }
  return { dtype, shape, ...packStrings(data as readonly string[]), validity: null }
}

function tensorOf(column: TransformColumn, shape: readonly number[]): Tensor {
  const { dtype, data } = column
  return { dtype, shape, data: dtype === 'string' ? (cellsOf(column) as string[]).map((text) => text ?? '') : data }
}
