/**
 * Computes small constants and shapes as the graph would: what a target shape is decides where the rows lie.
 *
 * Only tensors of up to KNOWN_ELEMENTS_MAX numbers are followed; whatever is not computed here is a value that is not
 * known, which costs proof and never truth.
 */
import type { TensorData } from '../../../tensor/tensor.js'
import type { OnnxTensorInfo } from '../../model.js'
import * as linear from './linear.js'
import { fixed, negate, type Amount, type Combine, type Linear } from './linear.js'
import type { NodeView } from '../node-view.js'
import { plain, type Dims, type Known, type Plain } from '../value.js'

const KNOWN_ELEMENTS_MAX = 1024

const pairs: Readonly<Record<string, Combine>> = {
  Add: linear.add,
  Sub: linear.subtract,
  Mul: linear.multiply,
  Div: linear.divide,
  Mod: linear.modulo,
  Min: linear.smaller,
  Max: linear.larger,
  Less: linear.less,
  Greater: linear.greater,
  LessOrEqual: linear.lessOrEqual,
  GreaterOrEqual: linear.greaterOrEqual,
  Equal: linear.equal,
  And: (a, b) => truths(a, b, (x, y) => x && y),
  Or: (a, b) => truths(a, b, (x, y) => x || y),
  Xor: (a, b) => truths(a, b, (x, y) => x !== y),
}

const singles: Readonly<Record<string, (a: Linear) => Amount>> = {
  Identity: (a) => a,
  Neg: (a) => ({ perRow: -a.perRow, rest: -a.rest }),
  Not: negate,
  Abs: (a) => onFixed(a, Math.abs),
  Floor: (a) => onFixed(a, Math.floor),
  Ceil: (a) => onFixed(a, Math.ceil),
  Sqrt: (a) => onFixed(a, Math.sqrt),
  Sign: (a) => onFixed(a, Math.sign),
}

/** The elements of an elementwise node whose inputs are all known, or null. */
export function foldElementwise(node: NodeView): Known | null {
  const inputs = node.inputs.map((input) => (input?.kind === 'plain' ? input.known : null))
  const [first] = inputs
  if (first == null) return null
  const { opType } = node.node
  if (opType === 'Where') return foldWhere(inputs)
  if (opType === 'Cast') return foldCast(node, first)
  const single = singles[opType]
  if (single !== undefined) return { ...first, elements: first.elements.map((a) => (a === null ? null : single(a))) }
  const pair = pairs[opType]
  if (pair === undefined) return null
  return inputs.slice(1).reduce<Known | null>((a, b) => (a == null || b == null ? null : combine(a, b, pair)), first)
}

/** What the file says of a tensor; its elements when they are few. */
export function plainOf(tensor: OnnxTensorInfo): Plain {
  const dims = tensor.dims.map(fixed)
  const count = tensor.dims.reduce((size, dim) => size * dim, 1)
  const { dtype } = tensor
  if (
    count > KNOWN_ELEMENTS_MAX ||
    tensor.isExternal ||
    dtype === undefined ||
    dtype === 'float16' ||
    dtype === 'string'
  )
    return plain(dims, 'file')
  try {
    return plain(dims, 'file', knownOf(tensor.read(), dtype === 'float32' || dtype === 'float64'))
  } catch {
    // ONNX Runtime has loaded the file: an element type that is not read here is not known here.
    return plain(dims, 'file')
  }
}

export function knownOf(data: TensorData | readonly number[], isFloat: boolean): Known {
  return { isFloat, elements: Array.from(data as ArrayLike<number | bigint>, (value) => fixed(Number(value))) }
}

/** Elements that only move: a reshape, a squeeze. */
export function sameElements(value: Plain, dims: Dims | null): Plain {
  return { ...value, dims }
}

/** Elements of a one-dimensional `known` at `indices`, negative ones from its end; null when one does not exist. */
export function pick(known: Known, indices: readonly number[]): Known | null {
  const { length } = known.elements
  const places = indices.map((index) => (index < 0 ? index + length : index))
  if (places.some((place) => place < 0 || place >= length)) return null
  return { ...known, elements: places.map((place) => known.elements[place] as Amount) }
}

export function concatenate(parts: readonly (Known | null)[]): Known | null {
  const elements: Amount[] = []
  for (const part of parts) {
    if (part === null || elements.length + part.elements.length > KNOWN_ELEMENTS_MAX) return null
    elements.push(...part.elements)
  }
  return { isFloat: parts[0]?.isFloat ?? false, elements }
}

export function repeat(element: Amount, count: number | undefined, isFloat: boolean): Known | null {
  if (count === undefined || count > KNOWN_ELEMENTS_MAX) return null
  return { isFloat, elements: Array.from({ length: count }, () => element) }
}

/** All elements to one, by a reduction over every axis. */
export function foldReduction(known: Known | null, opType: string): Known | null {
  const combineTwo = {
    ReduceProd: linear.multiply,
    ReduceSum: linear.add,
    ReduceMin: linear.smaller,
    ReduceMax: linear.larger,
  }[opType]
  if (known === null || combineTwo === undefined || known.elements.length === 0) return null
  const result = known.elements.reduce((a, b) => (a === null || b === null ? null : combineTwo(a, b, known.isFloat)))
  return { ...known, elements: [result] }
}

function foldWhere([condition, yes, no]: readonly (Known | null)[]): Known | null {
  if (condition == null || yes == null || no == null) return null
  const count = Math.max(condition.elements.length, yes.elements.length, no.elements.length)
  if (![condition, yes, no].every(({ elements }) => elements.length === count || elements.length === 1)) return null
  const at = ({ elements }: Known, index: number): Amount => elements[elements.length === 1 ? 0 : index] as Amount
  const elements = Array.from({ length: count }, (_, index) => {
    const truth = at(condition, index)
    if (truth === null || truth.perRow !== 0) return null
    return at(truth.rest === 0 ? no : yes, index)
  })
  return { ...yes, elements }
}

/** ONNX TensorProto.DataType: the integers and bool; float, double and the halves. */
const integerTypes = new Set([2, 3, 4, 5, 6, 7, 9, 12, 13])
const floatTypes = new Set([1, 10, 11, 16])
const BOOL = 9

function foldCast(node: NodeView, known: Known): Known | null {
  const to = node.int('to', 0)
  if (floatTypes.has(to)) return { isFloat: true, elements: known.elements }
  if (!integerTypes.has(to)) return null
  const cut = (a: Linear): Amount => {
    if (to === BOOL) return a.perRow === 0 ? fixed(a.rest === 0 ? 0 : 1) : null
    if (a.perRow === 0) return fixed(Math.trunc(a.rest))
    return Number.isInteger(a.perRow) && Number.isInteger(a.rest) ? a : null
  }
  return { isFloat: false, elements: known.elements.map((a) => (a === null ? null : cut(a))) }
}

/** One after the other, or one of them with each of the others. */
function combine(a: Known, b: Known, pair: Combine): Known | null {
  const count = Math.max(a.elements.length, b.elements.length)
  if (![a, b].every(({ elements }) => elements.length === count || elements.length === 1)) return null
  const isFloat = a.isFloat || b.isFloat
  const elements = Array.from({ length: count }, (_, index) => {
    const x = a.elements[a.elements.length === 1 ? 0 : index] as Amount
    const y = b.elements[b.elements.length === 1 ? 0 : index] as Amount
    return x === null || y === null ? null : pair(x, y, isFloat)
  })
  return { isFloat, elements }
}

function truths(a: Linear, b: Linear, decide: (x: boolean, y: boolean) => boolean): Amount {
  if (a.perRow !== 0 || b.perRow !== 0) return null
  return fixed(decide(a.rest !== 0, b.rest !== 0) ? 1 : 0)
}

function onFixed(a: Linear, compute: (value: number) => number): Amount {
  return a.perRow === 0 ? fixed(compute(a.rest)) : null
}
