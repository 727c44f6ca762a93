/**
 * Evaluates bound checks in plain TypeScript: the reference that the addon's stack machine is tested against, and what
 * runs for pipelines with string tensors. Slow and obvious on purpose.
 *
 * Truth: neither 0 nor NaN. <, <=, >, >= and == with NaN are false and != is true, as everywhere.
 */
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import type { Dtype, TensorData } from '../tensor/tensor.js'
import type { CheckNode, ReduceNode } from './check-program.js'
import type { ApplyOperation, ReduceOperation } from './check-syntax.js'

/** The elements [start, start + count) of a tensor are the row. */
export interface RowView {
  readonly data: TensorData
  readonly dtype: Dtype
  readonly start: number
  readonly count: number
}
export type ReadRow = (source: number) => RowView

/** Whether a check failed on a row. */
export function checkFails(check: { readonly node: CheckNode; readonly failsWhen: boolean }, read: ReadRow): boolean {
  return isTruthy(evaluateCheck(check.node, read)) === check.failsWhen
}

/** The value of an expression on a row. */
export function evaluateCheck(node: CheckNode, read: ReadRow): number {
  switch (node.kind) {
    case 'number':
      return node.value
    case 'element':
      return numberAt(read(node.source), node.index)
    case 'reduce':
      return reduceRow(node.operation, sliceOf(read(node.source), node), node.isOfMagnitudes)
    case 'apply':
      return applyOperation(
        node.operation,
        node.operands.map((operand) => evaluateCheck(operand, read)),
      )
    case 'compareText':
      return Number((textOf(node.left, read) === textOf(node.right, read)) !== node.isNegated)
    case 'text':
      throw new Error('assertion: a text is only ever compared')
  }
}

/** One operation of the language on numbers. */
export function applyOperation(operation: ApplyOperation, operands: readonly number[]): number {
  const [x = NaN, y = NaN, z = NaN] = operands
  return operations[operation](x, y, z)
}

/** What there is of the elements that a reduction names. */
function sliceOf(row: RowView, { start, end }: ReduceNode): RowView {
  const first = Math.min(start, row.count)
  return { ...row, start: row.start + first, count: Math.min(end ?? row.count, row.count) - first }
}

/** One operation of the language on all elements of a row. */
export function reduceRow(operation: ReduceOperation, row: RowView, isOfMagnitudes = false): number {
  if (operation === 'length') return row.count
  if (row.count === 0) return operation === 'sum' ? 0 : NaN
  const valueAt = (index: number): number => (isOfMagnitudes ? Math.abs(numberAt(row, index)) : numberAt(row, index))
  let sum = 0
  let hasNan = false
  let least = 0
  let greatest = 0
  for (let i = 0; i < row.count; i++) {
    const value = valueAt(i)
    sum += value
    hasNan ||= Number.isNaN(value)
    if (value < valueAt(least)) least = i
    if (value > valueAt(greatest)) greatest = i
  }
  if (operation === 'sum') return sum
  if (operation === 'mean') return sum / row.count
  if (operation === 'argmax') return greatest
  return hasNan ? NaN : valueAt(operation === 'minimum' ? least : greatest)
}

function numberAt({ data, dtype, start, count }: RowView, index: number): number {
  if (index >= count) return NaN
  const element = data[start + index]
  if (dtype === 'float16') return float16Value(element as number)
  return dtype === 'bfloat16' ? bfloat16Value(element as number) : Number(element)
}

function textOf(node: CheckNode, read: ReadRow): string | null {
  if (node.kind === 'text') return node.value
  if (node.kind !== 'element') throw new Error('assertion: only texts and elements are compared as text')
  const { data, start, count } = read(node.source)
  return node.index < count ? String(data[start + node.index]) : null
}

/** The first of equals, and NaN if either is. */
function lesser(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN
  return y < x ? y : x
}

function isTruthy(value: number): boolean {
  return value !== 0 && !Number.isNaN(value)
}

const operations: Readonly<Record<ApplyOperation, (x: number, y: number, z: number) => number>> = {
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply: (x, y) => x * y,
  divide: (x, y) => x / y,
  modulo: (x, y) => x % y,
  power: (x, y) => x ** y,
  min2: (x, y) => lesser(x, y),
  max2: (x, y) => -lesser(-x, -y),
  less: (x, y) => Number(x < y),
  lessEqual: (x, y) => Number(x <= y),
  greater: (x, y) => Number(x > y),
  greaterEqual: (x, y) => Number(x >= y),
  equal: (x, y) => Number(x === y),
  notEqual: (x, y) => Number(x !== y),
  and: (x, y) => Number(isTruthy(x) && isTruthy(y)),
  or: (x, y) => Number(isTruthy(x) || isTruthy(y)),
  not: (x) => Number(!isTruthy(x)),
  select: (x, y, z) => (isTruthy(x) ? y : z),
  negate: (x) => -x,
  absolute: (x) => Math.abs(x),
  squareRoot: (x) => Math.sqrt(x),
  logarithm: (x) => Math.log(x),
  exponential: (x) => Math.exp(x),
  floor: (x) => Math.floor(x),
  ceiling: (x) => Math.ceil(x),
  round: (x) => Math.floor(x + 0.5),
  isNan: (x) => Number(Number.isNaN(x)),
  isFinite: (x) => Number(Number.isFinite(x)),
}
