/**
 * Checked columns to the tensors of a pipeline's inputs, as the contract is bound to them: a feature is an input, or some
 * columns of the only one. What no deploy could know, because it depends on the values, is found here: a number that the
 * input's dtype does not hold, and lists of several lengths, which are no tensor.
 */
import type { RowProblem } from '../../contract/check-row.js'
import { pointer } from '../../contract/member-tree.js'
import type { BoundFeature } from '../../contract/bind.js'
import type { ContractColumn } from '../../contract/columns.js'
import type { RuleName } from '../../contract/values/element.js'
import { describeValue } from '../../base/expect.js'
import { castValues } from '../../tensor/cast-values.js'
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'

export interface FeatureTensors {
  /** By input name; inputs of which the contract has no feature are absent. */
  readonly inputs: Readonly<Record<string, Tensor>>
  /** null: all values fit. */
  readonly problem: RowProblem | null
}

/**
 * Makes the tensors.
 * @param columns of the contract's inputs, in its order.
 * @param rowOf the position among the rows that came, by the position in the columns; for problems.
 */
export function featureTensors(
  features: readonly BoundFeature[],
  fields: readonly TensorField[],
  columns: readonly ContractColumn[],
  rowOf: Uint32Array,
): FeatureTensors {
  const inputs: Record<string, Tensor> = {}
  try {
    const [first] = features
    if (first?.columns != null) {
      const field = fields[first.input] as TensorField
      inputs[field.name] = filledTensor(features, field, columns)
    } else {
      for (const { field: at, input } of features) {
        const field = fields[input] as TensorField
        inputs[field.name] = columnTensor(columns[at] as ContractColumn, field)
      }
    }
    return { inputs, problem: null }
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    return { inputs, problem: error.problem(rowOf) }
  }
}

/** Thrown from loops over elements, and caught in this file. */
class Unfit extends Error {
  constructor(
    private readonly field: string,
    private readonly row: number,
    private readonly rule: RuleName,
    private readonly expected: string,
    private readonly value: unknown,
    private readonly wayOut: string,
  ) {
    super(expected)
  }

  problem(rowOf: Uint32Array): RowProblem {
    const { field, rule, value, wayOut } = this
    const row = rowOf[this.row] ?? this.row
    const sentence = `Expected ${field} of row ${row} to be ${this.expected} but received ${describeValue(value)}`
    const path = pointer([row, field])
    return { row, field, path, rule, value, action: 'reject', message: `${sentence}. ${wayOut}`, wayOut }
  }
}

/** One input whose columns the features fill, in the contract's order. */
function filledTensor(
  features: readonly BoundFeature[],
  { dtype }: TensorField,
  columns: readonly ContractColumn[],
): Tensor {
  const width = features.reduce((sum, { columns: place }) => sum + (place?.count ?? 0), 0)
  const rows = columns[0]?.rows ?? 0
  const data = emptyData(dtype, rows * width)
  for (const { field, columns: place } of features) {
    const { start = 0, count = 1 } = place ?? {}
    const column = columns[field] as ContractColumn
    if (count === 1) copyElements(column, 0, rows, data, dtype, { start, step: width })
    else
      for (let row = 0; row < rows; row++)
        copyElements(column, row * count, (row + 1) * count, data, dtype, { start: row * width + start, step: 1 })
  }
  return { dtype, shape: [rows, width], data: data }
}

function columnTensor(column: ContractColumn, { dtype, shape }: TensorField): Tensor {
  const { rows } = column
  const whole = column.offsets === null ? column : evenColumn(column)
  const dims = column.shape.length === 0 ? shape.slice(1).map(() => 1) : (whole.shape as readonly number[])
  const full = [rows, ...dims]
  if (dtype === 'string') expectNoNul(whole, 0, whole.data.length)
  // The memory is the columns' own: the request has it until its rows are in their batches.
  if (whole.dtype === dtype) return { dtype, shape: full, data: whole.data }
  const data = emptyData(dtype, whole.data.length)
  copyElements(whole, 0, whole.data.length, data, dtype, { start: 0, step: 1 })
  return { dtype, shape: full, data: data }
}

/** Lists with a free first dim as a tensor has them: of one length, missing ones filled. */
function evenColumn(column: ContractColumn): ContractColumn {
  const { name, dtype, rows, shape, validity } = column
  const offsets = column.offsets as Int32Array
  const inner = shape.slice(1).reduce<number>((product, dim) => product * (dim ?? 1), 1)
  const countOf = (row: number): number => (offsets[row + 1] as number) - (offsets[row] as number)
  let first = 0
  while (first < rows && validity?.[first] === 0) first++
  const count = first < rows ? countOf(first) : 0
  for (let row = first; row < rows; row++) {
    if (validity?.[row] === 0 || countOf(row) === count) continue
    const expected = `a list of ${count / inner}, as those of the rows before it are`
    const wayOut = 'Send rows whose lists are of one length in a request of their own'
    throw new Unfit(name, row, 'shape', expected, `a list of ${countOf(row) / inner}`, wayOut)
  }
  const dims = [count / inner, ...shape.slice(1)]
  if (validity === null) return { ...column, shape: dims, offsets: null }
  const data = missingData(dtype as Dtype, rows * count)
  for (let row = 0; row < rows; row++)
    for (let at = 0; at < countOf(row); at++)
      data[row * count + at] = column.data[(offsets[row] as number) + at] as never
  return { ...column, shape: dims, offsets: null, data }
}

/** What a missing value is to a model. Integers have nothing that means it, and no binding lets them be missing. */
function missingData(dtype: Dtype, length: number): NumericData | string[] {
  const data = emptyData(dtype, length)
  if (dtype === 'string') return data
  const numbers = data as NumericData
  if (dtype === 'float32' || dtype === 'float64') return (numbers as Float32Array).fill(NaN)
  if (dtype === 'float16') return (numbers as Uint16Array).fill(0x7e00)
  return dtype === 'bfloat16' ? (numbers as Uint16Array).fill(0x7fc0) : numbers
}

function emptyData(dtype: Dtype, length: number): NumericData | string[] {
  return dtype === 'string' ? new Array<string>(length).fill('') : allocateData(dtype, length)
}

interface Place {
  readonly start: number
  readonly step: number
}

/** Elements of a column to another dtype, by value. */
function copyElements(
  column: ContractColumn,
  from: number,
  to: number,
  target: NumericData | string[],
  dtype: Dtype,
  place: Place,
): void {
  if (dtype === 'string') {
    const texts = column.data as readonly string[]
    expectNoNul(column, from, to)
    for (let at = from; at < to; at++) (target as string[])[place.start + (at - from) * place.step] = texts[at] ?? ''
    return
  }
  const source = (column.data as NumericData).subarray(from, to)
  const unfit = castValues(source, column.dtype as NumericDtype, target as NumericData, dtype, place)
  if (unfit < 0) return
  const row = rowAt(column, from + unfit)
  const wayOut = 'The contract lets more pass than the model takes: give the field its dtype, or bounds'
  throw new Unfit(
    column.name,
    row,
    'dtype',
    `a value that ${dtype} holds, as the model takes it`,
    source[unfit],
    wayOut,
  )
}

/** The row of an element; lists have one length by now. */
function rowAt({ rows, data }: ContractColumn, element: number): number {
  return Math.floor((element * rows) / data.length)
}

/** ONNX Runtime takes texts as C does, and would cut them off there without a word. */
function expectNoNul(column: ContractColumn, from: number, to: number): void {
  const texts = column.data as readonly string[]
  for (let at = from; at < to; at++) {
    const text = texts[at] ?? ''
    if (!text.includes('\0')) continue
    const wayOut = 'Models read texts up to the first of them'
    throw new Unfit(column.name, rowAt(column, at), 'dtype', 'a text without NUL characters', text, wayOut)
  }
}
