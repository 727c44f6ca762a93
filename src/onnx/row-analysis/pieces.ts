/** Operators that put tensors together, cut them, repeat or pad them: the axis of the rows must come through whole. */
import {
  add,
  fixed,
  fixedOf,
  isEqual,
  isFixedAt,
  lessOrEqual,
  multiply,
  type Amount,
  type Linear,
} from './operators/linear.js'
import { concatenate, pick, repeat } from './operators/fold.js'
import type { NodeView, Rule } from './node-view.js'
import { axesOf } from './operators/reshape.js'
import {
  fixedElements,
  fromFront,
  isRows,
  NotKnown,
  originOf,
  plain,
  RowsMix,
  rowsAt,
  type Dims,
  type Plain,
  type Value,
} from './value.js'

export const concat: Rule = (node) => concatFrom(node, 0, node.opset < 4 ? 1 : 0)

/** @param first index of the first part. */
export function concatFrom(node: NodeView, first: number, absentAxis: number): readonly Value[] {
  const parts = node.inputs.slice(first).map((_part, index) => node.required(first + index))
  const rows = parts.filter(isRows)
  const [like] = rows
  if (like === undefined) {
    const shapes = parts.map(({ dims }) => dims)
    const known = shapes.every((dims) => dims === null || dims.length === 1)
      ? concatenate(parts.map((part) => (part as Plain).known))
      : null
    return [plain(concatDims(shapes, node.int('axis', absentAxis)), originOf(parts), known)]
  }
  const axis = fromFront(node.int('axis', absentAxis), like.dims.length)
  if (axis === like.axis) throw new RowsMix('it puts something behind the rows, on their own axis')
  for (const part of parts) {
    const isAlike = isRows(part) && part.axis === like.axis && part.outer === like.outer && part.inner === like.inner
    if (!isAlike) throw new RowsMix('the rows meet a constant, or each other, on another axis')
  }
  const isLast = axis === like.dims.length - 1
  const place = isLast && like === parts[0] && like.place === 'all' && isFixedAt(like.dims[axis] as Amount, 1)
  if (!place && rows.some((part) => part.place !== undefined)) throw new NotKnown('it puts places of rows among data')
  const dims = concatDims(
    parts.map((part) => part.dims),
    axis,
  ) as Dims
  return [
    rowsAt(dims, like.axis, { outer: like.outer, inner: like.inner, ...(place ? { place: 'last' as const } : {}) }),
  ]
}

function concatDims(shapes: readonly (Dims | null)[], axis: number): Dims | null {
  const [first] = shapes
  if (first == null) return null
  const along = fromFront(axis, first.length)
  const size = shapes.reduce<Amount>((sum, shape) => {
    const dim = shape?.[along] ?? null
    return sum === null || dim === null ? null : add(sum, dim, false)
  }, fixed(0))
  return first.map((dim, other) => (other === along ? size : dim))
}

export const split: Rule = (node) => {
  const data = node.required(0)
  const sizes = node.ints('split') ?? fixedElements(node.plain(1, 'sizes'))
  const pieces = Array.from({ length: node.outputCount })
  if (data.dims === null) return pieces.map(() => plain(null, (data as Plain).origin))
  const axis = fromFront(node.int('axis', 0), data.dims.length)
  if (isRows(data) && axis === data.axis) throw new RowsMix('it cuts the axis that holds the rows')
  const whole = fixedOf(data.dims[axis])
  return pieces.map((_piece, index) => {
    // Parts of equal size, the last one may be smaller.
    const size =
      sizes === undefined && whole !== undefined && whole % pieces.length === 0 ? whole / pieces.length : sizes?.[index]
    const dims = (data.dims as Dims).map((dim, other) =>
      other === axis ? (size === undefined ? null : fixed(size)) : dim,
    )
    return isRows(data) ? rowsAt(dims, data.axis, data) : plain(dims, data.origin)
  })
}

export const slice: Rule = (node) => {
  const data = node.required(0)
  const starts = bounds(node, 'starts', 1)
  const ends = bounds(node, 'ends', 2)
  const axes = axesOf(node, 3)
  const hasAxes = node.has('axes') || node.optional(3) !== undefined
  const steps = fixedElements(node.plain(4, 'steps'))
  const hasSteps = node.optional(4) !== undefined
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  if ((hasAxes && axes === undefined) || (hasSteps && steps === undefined)) throw new NotKnown('its axes are not known')
  const count = starts?.length ?? axes?.length
  if (count === undefined) throw new NotKnown('its bounds are not known')
  const dims: Amount[] = [...data.dims]
  let known = isRows(data) ? null : data.known
  for (let index = 0; index < count; index++) {
    const axis = fromFront(axes?.[index] ?? index, dims.length)
    const bound = { start: starts?.[index] ?? null, end: ends?.[index] ?? null, step: steps?.[index] ?? 1 }
    if (isRows(data) && axis === data.axis) expectWhole(bound, dims[axis] as Amount)
    else {
      const range = rangeOf(bound, dims[axis] as Amount)
      dims[axis] = range === undefined ? null : fixed(range.length)
      known = known === null || range === undefined || data.dims.length !== 1 ? null : pick(known, range)
    }
  }
  return [isRows(data) ? rowsAt(dims, data.axis, data) : plain(dims, data.origin, known)]
}

interface Bound {
  readonly start: Amount
  readonly end: Amount
  readonly step: number
}

function expectWhole({ start, end, step }: Bound, dim: Amount): void {
  if (start === null || end === null) throw new RowsMix('it cuts the axis that holds the rows')
  const reachesEnd = dim === null ? fixedOf(end) === undefined : isTrue(lessOrEqual(dim, end, false))
  const isEndless = (fixedOf(end) ?? 0) >= 2 ** 31 - 1
  if (!isFixedAt(start, 0) || step !== 1 || !(reachesEnd || isEndless))
    throw new RowsMix('it cuts the axis that holds the rows')
}

const isTrue = (truth: Amount): boolean => fixedOf(truth) === 1

/** The places that a slice of a dim of a fixed size takes. */
function rangeOf({ start, end, step }: Bound, dim: Amount): readonly number[] | undefined {
  const [from, to, size] = [fixedOf(start), fixedOf(end), fixedOf(dim)]
  if (from === undefined || to === undefined || size === undefined || step === 0) return undefined
  const clamp = (value: number): number =>
    Math.max(step > 0 ? 0 : -1, Math.min(value < 0 ? Math.max(value + size, -1) : value, step > 0 ? size : size - 1))
  const places: number[] = []
  const last = clamp(to)
  for (let place = clamp(from); step > 0 ? place < last : place > last; place += step) places.push(place)
  return places
}

function bounds(node: NodeView, attribute: string, input: number): readonly Amount[] | undefined {
  return node.ints(attribute)?.map(fixed) ?? node.plain(input, 'bounds')?.known?.elements
}

export const pad: Rule = (node) => {
  const data = node.required(0)
  const pads = node.ints('pads') ?? node.ints('paddings') ?? fixedElements(node.plain(1, 'padding'))
  node.plain(2, 'value')
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  const rank = data.dims.length
  const axes = fixedElements(node.plain(3, 'axes')) ?? [...data.dims.keys()]
  if (node.optional(3) !== undefined && fixedElements(node.optional(3)) === undefined)
    throw new NotKnown('its axes are not known')
  const dims: Amount[] = [...data.dims]
  axes.forEach((given, index) => {
    const axis = fromFront(given, rank)
    const both = pads === undefined ? undefined : (pads[index] ?? 0) + (pads[index + axes.length] ?? 0)
    if (isRows(data) && axis === data.axis) {
      if (pads === undefined) throw new NotKnown('its padding is not known')
      if (pads[index] !== 0 || pads[index + axes.length] !== 0)
        throw new RowsMix('it pads the axis that holds the rows')
    } else dims[axis] = both === undefined || dims[axis] === null ? null : add(dims[axis] as Linear, fixed(both), false)
  })
  return [isRows(data) ? rowsAt(dims, data.axis, { outer: data.outer, inner: data.inner }) : plain(dims, data.origin)]
}

export const tile: Rule = (node) => {
  const data = node.required(0)
  const repeats = node.plain(1, 'repeats')?.known?.elements
  if (data.dims === null) return [plain(null, (data as Plain).origin)]
  if (repeats === undefined) throw new NotKnown('its repeats are not known')
  const dims = data.dims.map((dim, axis) => {
    const times = repeats[axis] ?? null
    return dim === null || times === null ? null : multiply(dim, times, false)
  })
  if (!isRows(data)) return [spread(dims, data)]
  if (!isFixedAt(repeats[data.axis] ?? null, 1)) throw new RowsMix('it repeats the rows')
  return [rowsAt(dims, data.axis, { outer: data.outer, inner: data.inner })]
}

export const constantOfShape: Rule = (node) => {
  const shape = node.plain(0, 'shape')
  const dims = shape?.known?.elements
  if (shape === undefined || dims === undefined) return [plain(null, shape?.origin ?? 'file')]
  const value = node.attribute('value')?.tensor
  const element = value === undefined ? fixed(0) : undefined
  const count = dims.reduce<number | undefined>(
    (size, dim) => (size === undefined ? size : size * (fixedOf(dim) ?? NaN)),
    1,
  )
  const filled =
    value === undefined || value.dtype === 'string'
      ? element
      : fixed(Number((value.read() as ArrayLike<number | bigint>)[0]))
  const isFloat = value === undefined || value.dtype === 'float32' || value.dtype === 'float64'
  const known = filled === undefined || Number.isNaN(count) ? null : repeat(filled, count, isFloat)
  return [spread(dims, plain(dims, shape.origin, known))]
}

/** What is the same in every row: rows, where one axis of `dims` grows with them. */
export function spread(dims: Dims, value: Plain): Value {
  const axes = dims.flatMap((dim, axis) => (dim !== null && dim.perRow !== 0 ? [axis] : []))
  const [axis] = axes
  if (axis === undefined) return plain(dims, value.origin, value.known)
  const dim = dims[axis] as Linear
  if (axes.length > 1 || dim.rest !== 0) throw new RowsMix('its shape is no list of rows')
  return rowsAt(dims, axis, { outer: 1, inner: dim.perRow })
}

export const expand: Rule = (node) => {
  const data = node.required(0)
  const target = node.plain(1, 'target shape')
  const elements = target?.known?.elements
  if (data.dims === null || elements === undefined) {
    if (isRows(data)) throw new NotKnown('its target shape is not known')
    return [plain(null, originOf([data, target ?? null]))]
  }
  const rank = Math.max(data.dims.length, elements.length)
  const dims = Array.from({ length: rank }, (_, axis) => {
    const own = (data.dims as Dims)[axis - (rank - (data.dims as Dims).length)] ?? fixed(1)
    const wanted = elements[axis - (rank - elements.length)]
    if (wanted === undefined || isFixedAt(wanted, 1)) return own
    return wanted ?? (isFixedAt(own, 1) ? null : own)
  })
  if (!isRows(data))
    return [
      spread(dims, plain(dims, originOf([data, target ?? null]), dims.length === data.dims.length ? data.known : null)),
    ]
  const axis = data.axis + rank - data.dims.length
  if (!isEqual(dims[axis] as Amount, data.dims[data.axis] as Amount)) throw new RowsMix('it repeats the rows')
  if (dims.some((dim, other) => other !== axis && dim !== null && dim.perRow !== 0))
    throw new RowsMix('the rows meet each other')
  return [rowsAt(dims, axis, data)]
}
