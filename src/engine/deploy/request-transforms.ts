/**
 * The transforms of a deployed pipeline, run for a request as a whole: what callers send to the plan's inputs before it is
 * admitted, the plan's outputs to what callers get when it is answered. Rows that fail are the caller's business on the way
 * in, with every row and column; on the way out a model gave what its labels do not know.
 */
import type { TransformHandle } from '../../../bindings/native.js'
import { PenstockError, type ErrorCode } from '../../base/errors.js'
import type { CompiledPlan, PlanInputTransform } from '../../pipeline/plan.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { cellsOf, packStrings, type TransformColumn } from '../../transforms/draft/column.js'
import { Transform, type TransformResult } from '../../transforms/program/transform.js'

/** By name. */
export type TransformColumns = Readonly<Record<string, TransformColumn>>

export class RequestTransforms {
  readonly #input: { readonly transform: Transform; readonly columns: PlanInputTransform['columns'] } | null
  readonly #output: Transform | null
  readonly #callerInputs: readonly TensorField[]

  /** @throws RangeError: the addon refuses a program, which the compiler would have to have made wrong. */
  constructor({ inputTransform, outputTransform, callerInputs }: CompiledPlan) {
    this.#input =
      inputTransform === null
        ? null
        : { transform: new Transform(inputTransform.program), columns: inputTransform.columns }
    this.#output = outputTransform === null ? null : new Transform(outputTransform)
    this.#callerInputs = callerInputs
  }

  /** null: there is no such program. */
  get inputHandle(): TransformHandle | null {
    return this.#input?.transform.handle ?? null
  }

  get outputHandle(): TransformHandle | null {
    return this.#output?.handle ?? null
  }

  /**
   * @param tensors in the order of the callers' inputs, of `rows` rows each.
   * @returns in the order of the plan's inputs.
   * @throws PenstockError ERR_VALUE_RANGE with each row that an operation refuses.
   */
  inputs(tensors: readonly Tensor[], rows: number): readonly Tensor[] {
    if (this.#input === null) return tensors
    const named = this.#callerInputs.map(({ name }, i): [string, TransformColumn] => [
      name,
      columnOf(tensors[i] as Tensor),
    ])
    return this.inputsOfColumns(Object.fromEntries(named), rows)
  }

  /** The same for columns, which may be missing where the contract says so. */
  inputsOfColumns(columns: TransformColumns, rows: number): readonly Tensor[] {
    if (this.#input === null) throw new Error('assertion: columns are of a pipeline that begins with a transform')
    const { transform, columns: bound } = this.#input
    const result = transform.run(columns, rows)
    expectAllRows(result, 'ERR_VALUE_RANGE')
    return bound.map(({ name, rowDims }) => tensorOf(result.columns[name] as TransformColumn, [rows, ...rowDims]))
  }

  /** @throws PenstockError ERR_RUN_FAILED with each row of which the operations can make no answer. */
  outputs(outputs: Readonly<Record<string, Tensor>>, rows: number): Readonly<Record<string, Tensor>> {
    if (this.#output === null) return outputs
    const named = Object.entries(outputs).map(([name, tensor]): [string, TransformColumn] => [name, columnOf(tensor)])
    const result = this.#output.run(Object.fromEntries(named), rows)
    expectAllRows(result, 'ERR_RUN_FAILED')
    const made = this.#output.program.outputs.map(({ name, shape }): [string, Tensor] => {
      return [name, tensorOf(result.columns[name] as TransformColumn, [rows, ...shape])]
    })
    return Object.fromEntries(made)
  }
}

function columnOf({ dtype, shape, data }: Tensor): TransformColumn {
  if (dtype !== 'string') return { dtype, shape, data: data as NumericData, offsets: null, validity: null }
  return { dtype, shape, ...packStrings(data as readonly string[]), validity: null }
}

function tensorOf(column: TransformColumn, shape: readonly number[]): Tensor {
  const { dtype, data } = column
  return { dtype, shape, data: dtype === 'string' ? (cellsOf(column) as string[]).map((text) => text ?? '') : data }
}

function expectAllRows({ failures, failureCount }: TransformResult, code: ErrorCode): void {
  const [first] = failures
  if (first === undefined) return
  const errors = failures.map(({ row, column, message }) => ({ field: `${column}[${row}]`, code, message }))
  const more = failureCount === 1 ? '' : ` (row ${first.row}; ${failureCount} values in all)`
  throw new PenstockError(code, `${first.message}${more}`, { errors })
}
