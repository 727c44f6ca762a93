/**
 * Operators that give the same elements, in the same order, another shape. The order is row-major, so the rows' place
 * follows from the sizes before and behind them:
 *
 *     [n, t, d]  → [n * t, d]     before 1, behind t * d   →  axis 0 of 1 * n * t
 *     [t, n, d]  → [t, n * d]     before t, behind d       →  axis 1 of 1 * n * d
 *     [n, 4]     → [4, n]         an element of row 0 becomes one of row 1: the rows mix
 */
import { fixed, fixedOf, hasRows, isEqual, multiply, product, ROW_COUNT, type Amount, type Linear } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { sameElements } from './fold.js'
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

export const reshape: Rule = (node) => {
  const data = node.required(0)
  const target = targetOf(node)
  if (target === undefined) {
    if (isRows(data)) throw new NotKnown('its target shape is not known')
    return [plain(null, data.origin, data.known)]
  }
  return [withShape(data, target, node.int('allowzero', 0) === 1)]
}

export const flatten: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [plain([null, null], originOfStringPath(data), (data as Plain).known)]
  const axis = fromFront(node.int('axis', 1), data.dims.length)
  const target = [product(data.dims.slice(0, axis)), product(data.dims.slice(axis))]
  return [withShape(data, target, true)]
}

export const squeeze: Rule = (node) => {
  const data = node.required(0)
  const axes = axesOf(node)
  if (data.dims === null) return [plain(null, originOfStringPath(data), (data as Plain).known)]
  const { dims } = data
  if (axes === undefined) {
    if (node.optional(1) !== undefined) throw new NotKnown('its axes are not known')
    // A lone row's axis would go as well.
    if (isRows(data)) throw new RowsMix('it drops every dim of 1, the row axis of a lone row among them')
    if (dims.includes(null)) return [plain(null, data.origin, data.known)]
  }
  const dropped = new Set(
    axes?.map((axis) => fromFront(axis, dims.length)) ??
      dims.flatMap((dim, axis) => (fixedOf(dim) === 1 ? [axis] : [])),
  )
  const left = dims.filter((_dim, axis) => !dropped.has(axis))
  if (!isRows(data)) return [sameElements(data, left)]
  if (dropped.has(data.axis)) throw new RowsMix('it drops the row axis, which only a lone row allows')
  const before = [...dropped].filter((axis) => axis < data.axis).length
  expectLastKept(data, !dropped.has(dims.length - 1))
  return [rowsAt(left, data.axis - before, data)]
}

export const unsqueeze: Rule = (node) => {
  const data = node.required(0)
  const axes = axesOf(node)
  if (data.dims === null) return [plain(null, originOfStringPath(data), (data as Plain).known)]
  if (axes === undefined) throw new NotKnown('its axes are not known')
  const rank = data.dims.length + axes.length
  const added = new Set(axes.map((axis) => fromFront(axis, rank)))
  const dims: Amount[] = []
  let axis = -1
  for (let next = 0, source = 0; next < rank; next++) {
    if (added.has(next)) dims.push(fixed(1))
    else {
      if (isRows(data) && source === data.axis) axis = next
      dims.push(data.dims[source++] as Amount)
    }
  }
  if (!isRows(data)) return [sameElements(data, dims)]
  if (data.place === 'last' && added.has(rank - 1)) throw new NotKnown('it moves places of rows')
  return [rowsAt(dims, axis, data)]
}

export const transpose: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [plain(null, originOfStringPath(data))]
  const { dims } = data
  const order = node.ints('perm') ?? dims.map((_dim, axis) => dims.length - 1 - axis)
  const moved = order.map((axis) => dims[axis] as Amount)
  if (!isRows(data)) return [plain(moved, data.origin, dims.length < 2 ? data.known : null)]
  expectLastKept(data, order.at(-1) === dims.length - 1)
  return [rowsAt(moved, order.indexOf(data.axis), data)]
}

function expectLastKept(data: Rows, isKept: boolean): void {
  if (data.place === 'last' && !isKept) throw new NotKnown('it moves places of rows')
}

/** A list in an attribute of older operator sets, an input of newer ones. undefined: none, or not known. */
export function axesOf(node: NodeView, input = 1): readonly number[] | undefined {
  return node.ints('axes') ?? fixedElements(node.plain(input, 'axes'))
}

function targetOf(node: NodeView): readonly Amount[] | undefined {
  const attribute = node.ints('shape')
  if (attribute !== undefined) return attribute.map(fixed)
  const shape = node.plain(1, 'target shape')
  return shape?.known?.elements
}

/** @param target sizes; 0 copies the dim unless `isZeroZero`, -1 is what is left. */
function withShape(data: Plain | Rows, target: readonly Amount[], isZeroZero: boolean): Value {
  const copied = target.map((amount, axis) =>
    !isZeroZero && fixedOf(amount) === 0 ? (data.dims?.[axis] ?? null) : amount,
  )
  const dims = copied.some((amount) => fixedOf(amount) === -1) ? withRest(data.dims, copied) : copied
  if (!isRows(data)) return sameElements(data, dims)
  const place = data.place === 'last' ? expectPlace(data, dims) : data.place
  const moved = movedRows(data, dims)
  return place === undefined ? moved : { ...moved, place }
}

/** Resolves -1. */
function withRest(from: Dims | null, target: readonly Amount[]): Dims {
  const others = product(target.filter((amount) => fixedOf(amount) !== -1))
  const all = from === null ? null : product(from)
  const rest = all === null || others === null ? null : quotient(all, others)
  return target.map((amount) => (fixedOf(amount) === -1 ? rest : amount))
}

function quotient(all: Linear, part: Linear): Amount {
  if (part.perRow === 0) return part.rest === 0 ? null : { perRow: all.perRow / part.rest, rest: all.rest / part.rest }
  return part.rest === 0 && all.rest === 0 ? fixed(all.perRow / part.perRow) : null
}

function movedRows(data: Rows, dims: Dims): Rows {
  const isWholeFirst = data.axis === 0 && data.outer === 1 && data.inner === 1
  // Row-major: as long as the first axis is the rows and nothing else, what lies behind it is each row's own.
  if (isWholeFirst && isEqual(dims[0] ?? null, ROW_COUNT)) return rowsAt(dims, 0, data)
  const axis = dims.findIndex(hasRows)
  const size = product(data.dims)
  if (axis < 0) {
    if (size === null || dims.includes(null)) throw new NotKnown('its target shape is not known')
    throw new RowsMix(`it folds the rows into the fixed shape [${dims.map((dim) => fixedOf(dim) ?? '?').join(', ')}]`)
  }
  const sizes = {
    before: multiplied(product(data.dims.slice(0, data.axis)), data.outer),
    behind: multiplied(product(data.dims.slice(data.axis + 1)), data.inner),
    newBefore: product(dims.slice(0, axis)),
    newBehind: product(dims.slice(axis + 1)),
  }
  const { before, behind, newBefore, newBehind } = sizes
  if (!before || !behind || !newBefore || !newBehind) throw new NotKnown('its target shape is not known')
  if (hasRows(newBehind)) throw new RowsMix('its target shape has the number of rows in it twice')
  const outer = before.rest / newBefore.rest
  const inner = behind.rest / newBehind.rest
  const dim = dims[axis] as Linear
  const isNonBatching =
    Number.isInteger(outer) && Number.isInteger(inner) && dim.rest === 0 && dim.perRow === outer * inner
  if (!isNonBatching || outer < 1 || inner < 1)
    throw new RowsMix('its target shape puts parts of different rows together')
  return rowsAt(dims, axis, { outer, inner })
}

function multiplied(amount: Amount, factor: number): Amount {
  return amount === null ? null : multiply(amount, fixed(factor), false)
}

/** Places stay at the last axis as long as it stays as it is. */
function expectPlace(data: Rows, dims: Dims): 'last' {
  if (!isEqual(data.dims.at(-1) ?? null, dims.at(-1) ?? null)) throw new NotKnown('it moves places of rows')
  return 'last'
}

function originOfStringPath(value: Plain | Rows): Plain['origin'] {
  return value.kind === 'plain' ? value.origin : 'file'
}
