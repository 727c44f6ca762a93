/**
 * Operators that look at a whole axis, or several: sums, extremes, softmax, sorting, running sums, normalisation. They keep
 * rows apart unless the axis that holds the rows is one of theirs.
 */
import { fixed, fixedOf, type Amount } from './linear.js'
import { foldReduction } from './fold.js'
import type { NodeView, Rule } from '../node-view.js'
import {
  fixedElements,
  fromFront,
  isRows,
  NotKnown,
  plain,
  RowsMix,
  rowsAt,
  type Dims,
  type Plain,
  type Rows,
  type Value,
} from '../value.js'

/** Reduce*: axes in an attribute or in input 1; none mean all. */
export const reduce: Rule = (node) => {
  const data = node.required(0)
  const given = node.plain(1, 'axes')
  const axes = node.ints('axes') ?? (given === undefined ? undefined : fixedElements(given))
  if (given !== undefined && axes === undefined) throw new NotKnown('its axes are not known')
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  const isNothing = (axes?.length ?? 0) === 0 && node.int('noop_with_empty_axes', 0) !== 0
  if (isNothing) return [data]
  const rank = data.dims.length
  const reduced = new Set((axes?.length ? axes : [...data.dims.keys()]).map((axis) => fromFront(axis, rank)))
  return [dropAxes(data, reduced, node.int('keepdims', 1) !== 0, node)]
}

/** ArgMax and its kin: one axis, the first unless said. */
export const argument: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  const axis = fromFront(node.int('axis', 0), data.dims.length)
  return [dropAxes(data, new Set([axis]), node.int('keepdims', 1) !== 0, node)]
}

/** Softmax and its kin: before operator set 13 all axes from `axis` on, the second unless said. */
export const softmax: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [data]
  const rank = data.dims.length
  if (node.opset >= 13) return [keeping(data, [fromFront(node.int('axis', -1), rank)])]
  const axis = fromFront(node.int('axis', 1), rank)
  return [keeping(data, range(axis, rank))]
}

/** One axis that the operator looks along, `absent` unless said. */
export function alongAxis(absent: number): Rule {
  return (node) => {
    const data = node.required(0)
    if (data.dims === null) return [data]
    return [keeping(data, [fromFront(node.int('axis', absent), data.dims.length)])]
  }
}

export const cumulative: Rule = (node) => {
  const data = node.required(0)
  const [axis] = fixedElements(node.plain(1, 'axis')) ?? []
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  if (axis === undefined) throw new NotKnown('its axis is not known')
  return [keeping(data, [fromFront(axis, data.dims.length)])]
}

export const topK: Rule = (node) => {
  const data = node.required(0)
  const k = node.has('k') ? node.int('k', 1) : fixedElements(node.plain(1, 'number of elements'))?.[0]
  if (data.dims === null) return [plain(null, 'file'), plain(null, 'file')]
  const axis = fromFront(node.int('axis', -1), data.dims.length)
  const kept = keeping(data, [axis])
  const dims = data.dims.map((dim, other) => (other === axis ? (k === undefined ? null : fixed(k)) : dim))
  const result = { ...kept, dims, ...(kept.kind === 'plain' ? { known: null } : {}) }
  return [result, result]
}

/** LayerNormalization: all axes from `axis` on, the last unless said. Its scales must not hold rows. */
export function normaliseFrom(absent: number): Rule {
  return (node) => {
    const data = node.required(0)
    for (let index = 1; index < node.inputs.length; index++) node.plain(index, 'scale')
    if (data.dims === null) return [data]
    const rank = data.dims.length
    const axis = fromFront(node.int('axis', absent), rank)
    const kept = keeping(data, range(axis, rank))
    const statistics = keeping({ ...data, dims: data.dims.map((dim, other) => (other < axis ? dim : fixed(1))) }, [])
    return [kept, statistics, statistics]
  }
}

/** MeanVarianceNormalization: a list of axes. */
export const normaliseOver: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [data]
  const rank = data.dims.length
  return [
    keeping(
      data,
      (node.ints('axes') ?? [0, 2, 3]).map((axis) => fromFront(axis, rank)),
    ),
  ]
}

/** Diagonals and other operators over the last two axes. */
export const overMatrices: Rule = (node) => {
  const data = node.required(0)
  node.plain(1, 'setting')
  if (data.dims === null) return [data]
  return [keeping(data, [data.dims.length - 2, data.dims.length - 1])]
}

/** The value as it was, if the rows do not lie on one of `axes`. @throws RowsMix. */
function keeping(data: Plain | Rows, axes: readonly number[]): Value {
  if (!isRows(data)) return { ...data, known: null }
  if (axes.includes(data.axis)) throw new RowsMix('it works along the axis that holds the rows')
  return rowsAt(data.dims, data.axis, { outer: data.outer, inner: data.inner })
}

function dropAxes(data: Plain | Rows, axes: ReadonlySet<number>, keepsDims: boolean, node: NodeView): Value {
  const from = data.dims as Dims
  const dims = from.flatMap<Amount>((dim, axis) => (axes.has(axis) ? (keepsDims ? [fixed(1)] : []) : [dim]))
  if (!isRows(data)) {
    const isNonBatching = from.every((dim, axis) => axes.has(axis) || fixedOf(dim) === 1)
    return plain(dims, data.origin, isNonBatching ? foldReduction(data.known, node.node.opType) : null)
  }
  if (axes.has(data.axis)) throw new RowsMix('it works along the axis that holds the rows')
  const before = keepsDims ? 0 : [...axes].filter((axis) => axis < data.axis).length
  return rowsAt(dims, data.axis - before, { outer: data.outer, inner: data.inner })
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
}
