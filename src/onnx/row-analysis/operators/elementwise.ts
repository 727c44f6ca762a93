/**
 * Operators that compute each element from the elements at its own place, with broadcasting: rows stay apart as long as
 * the axis that holds them meets nothing but itself and dims of 1.
 */
import { fixedOf, isEqual, isFixedAt, type Amount } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { foldElementwise } from './fold.js'
import {
  isRows,
  NotKnown,
  originOf,
  plain,
  RowsMix,
  rowsAt,
  type Dims,
  type Plain,
  type Rows,
  type Value,
} from '../value.js'

export const elementwise: Rule = (node) => {
  const inputs = node.inputs.flatMap((_input, index) => node.optional(index) ?? [])
  const result = broadcast(inputs, node)
  return Array.from({ length: node.outputCount }, () => result)
}

/** The first input's elements, one by one; the others are settings (a scale, a zero point) and must not hold rows. */
export const likeFirst: Rule = (node) => {
  const first = node.required(0)
  for (let index = 1; index < node.inputs.length; index++) node.plain(index, 'setting')
  return Array.from({ length: node.outputCount }, () => (first.kind === 'rows' ? first : { ...first, known: null }))
}

/** What comes of values that meet element by element. @throws RowsMix, NotKnown. */
export function broadcast(inputs: readonly (Plain | Rows)[], node?: NodeView): Value {
  const first = inputs.find(isRows)
  const shapes = inputs.map((input) => input.dims)
  if (first === undefined)
    return plain(broadcastDims(shapes), originOf(inputs), node === undefined ? null : foldElementwise(node))
  const rank = shapes.reduce((most, shape) => Math.max(most, shape?.length ?? 0), 0)
  const axis = first.axis + rank - first.dims.length
  // First: what does not fit says that rows meet something, not that sizes differ.
  for (const input of inputs) expectAligned(input, axis, rank, first)
  const dims = broadcastDims(shapes) as Dims
  const place = inputs.length === 1 ? first.place : undefined
  return rowsAt(dims, axis, { outer: first.outer, inner: first.inner, ...(place === undefined ? {} : { place }) })
}

function expectAligned(input: Plain | Rows, axis: number, rank: number, first: Rows): void {
  const { dims } = input
  if (dims === null) throw new NotKnown('the shape of one of its inputs is not known')
  const own = axis - (rank - dims.length)
  if (isRows(input)) {
    if (own !== input.axis) throw new RowsMix(`the rows meet each other: they lie on another axis of each input`)
    if (input.outer !== first.outer || input.inner !== first.inner)
      throw new RowsMix('the rows meet each other: they are laid out differently in its inputs')
    return
  }
  if (own < 0 || isFixedAt(dims[own] as Amount, 1)) return
  if (dims[own] === null) throw new NotKnown('the shape of one of its inputs is not known')
  throw new RowsMix(`a constant of ${fixedOf(dims[own]) ?? 'several'} elements meets the rows`)
}

/** null when a rank is not known. @throws NotKnown when they do not fit, which ONNX Runtime will say better. */
export function broadcastDims(shapes: readonly (Dims | null)[]): Dims | null {
  const known: Dims[] = []
  for (const shape of shapes) {
    if (shape === null) return null
    known.push(shape)
  }
  const rank = known.reduce((most, shape) => Math.max(most, shape.length), 0)
  return Array.from({ length: rank }, (_, axis) =>
    known.map((shape) => shape[axis - (rank - shape.length)]).reduce<Amount>(broadcastDim, { perRow: 0, rest: 1 }),
  )
}

function broadcastDim(a: Amount, b: Amount | undefined): Amount {
  if (b === undefined || isFixedAt(b, 1)) return a
  if (isFixedAt(a, 1)) return b
  // The other is 1, or the same.
  if (a === null || b === null) return a ?? b
  if (isEqual(a, b)) return a
  if (a.perRow !== 0 || b.perRow !== 0) throw new RowsMix('the rows meet another axis')
  throw new NotKnown('the shapes of its inputs do not fit')
}
