/**
 * Operators that take elements by index: from a table for each row (an embedding), along another axis of the rows, or, with
 * the row's own place in the batch as an index, from each row's part.
 */
import { fixed, fixedOf, isEqual, ROW_COUNT, type Amount } from './linear.js'
import { pick } from './fold.js'
import type { Rule } from '../node-view.js'
import {
  fixedElements,
  fromFront,
  isRows,
  NotKnown,
  originOf,
  plain,
  RowsMix,
  rowsAt,
  type Plain,
  type Rows,
} from '../value.js'

export const gather: Rule = (node) => {
  const data = node.required(0)
  const indices = node.required(1)
  if (data.dims === null || indices.dims === null) {
    if (isRows(data) || isRows(indices)) throw new NotKnown('the shape of one of its inputs is not known')
    return [plain(null, originOf([data, indices]))]
  }
  const axis = fromFront(node.int('axis', 0), data.dims.length)
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)]
  if (isRows(data) && isRows(indices)) throw new RowsMix('each row takes from all rows')
  if (isRows(indices)) return [rowsAt(dims, axis + indices.axis, indices)]
  if (isRows(data)) {
    if (axis === data.axis) throw new RowsMix('it takes single rows of the batch')
    return [rowsAt(dims, data.axis + (axis < data.axis ? indices.dims.length - 1 : 0), data)]
  }
  const wanted = fixedElements(indices)
  const known = data.known === null || wanted === undefined || data.dims.length !== 1 ? null : pick(data.known, wanted)
  return [plain(dims, originOf([data, indices]), known)]
}

/** GatherElements, and ScatterElements, whose updates lie as their indices do. */
export const elementsAlongAxis: Rule = (node) => {
  const inputs = node.inputs.map((_input, index) => node.required(index))
  const rows = inputs.filter(isRows)
  const [first] = rows
  if (first === undefined) return [plain(null, originOf(inputs))]
  if (rows.length < inputs.length) throw new RowsMix('the rows meet a constant')
  if (rows.some((value) => value.axis !== first.axis || value.outer !== first.outer || value.inner !== first.inner))
    throw new RowsMix('the rows meet each other: they lie on another axis of each input')
  if (fromFront(node.int('axis', 0), first.dims.length) === first.axis)
    throw new RowsMix('each row takes from all rows')
  const isScatter = node.node.opType !== 'GatherElements'
  const shape = (isScatter ? first : (inputs[1] as Rows)).dims
  return [rowsAt(shape, first.axis, { outer: first.outer, inner: first.inner })]
}

export const gatherNd: Rule = (node) => {
  const data = node.required(0)
  const indices = node.required(1)
  if (data.dims === null || indices.dims === null) throw new NotKnown('the shape of one of its inputs is not known')
  const depth = fixedOf(indices.dims.at(-1))
  if (depth === undefined) throw new NotKnown('the length of its indices is not known')
  const batchDims = node.int('batch_dims', 0)
  const dims = [...indices.dims.slice(0, -1), ...data.dims.slice(batchDims + depth)]
  if (!isRows(data) && !isRows(indices)) return [plain(dims, originOf([data, indices]))]
  if (!isRows(indices)) throw new RowsMix('it takes single rows of the batch')
  if (indices.axis === indices.dims.length - 1) throw new RowsMix('its indices are made of several rows')
  const result = rowsAt(dims, indices.axis, { outer: indices.outer, inner: indices.inner })
  if (!isRows(data)) {
    if (indices.axis < batchDims) throw new RowsMix('the rows meet a constant')
    return [result]
  }
  const isNonBatching = data.outer === 1 && data.inner === 1 && indices.outer === 1 && indices.inner === 1
  const isOwn = data.axis < batchDims ? indices.axis === data.axis : data.axis === batchDims && indices.place === 'last'
  if (!isNonBatching || !isOwn) throw new RowsMix('each row takes from all rows')
  return [result]
}

export const oneHot: Rule = (node) => {
  const indices = node.required(0)
  const depth = fixedElements(node.plain(1, 'depth'))?.[0]
  node.plain(2, 'values')
  if (indices.dims === null) return [plain(null, originOf([indices]))]
  const rank = indices.dims.length + 1
  const axis = fromFront(node.int('axis', -1), rank)
  const size: Amount = depth === undefined ? null : fixed(depth)
  const dims = [...indices.dims.slice(0, axis), size, ...indices.dims.slice(axis)]
  if (!isRows(indices)) return [plain(dims, indices.origin)]
  return [rowsAt(dims, indices.axis + (axis <= indices.axis ? 1 : 0), indices)]
}

export const shapeOf: Rule = (node) => {
  const data = node.required(0)
  if (data.dims === null) return [plain([null], (data as Plain).origin)]
  const rank = data.dims.length
  const clamp = (at: number): number => Math.max(0, Math.min(rank, fromFront(at, rank)))
  const elements = data.dims.slice(clamp(node.int('start', 0)), node.has('end') ? clamp(node.int('end', 0)) : rank)
  const isKnown = data.kind === 'plain' && data.origin === 'file'
  return [
    plain([fixed(elements.length)], isKnown ? 'file' : isRows(data) ? 'count' : data.origin, {
      isFloat: false,
      elements,
    }),
  ]
}

export const sizeOf: Rule = (node) => {
  const data = node.required(0)
  return [plain([], isRows(data) ? 'count' : data.origin)]
}

/** 0, 1, 2 … up to the number of rows is each row's place. */
export const rangeOf: Rule = (node) => {
  const parts = [0, 1, 2].map((index) => node.plain(index, 'bounds'))
  const [start, limit, step] = parts.map((part) => part?.known?.elements[0] ?? null)
  const origin = originOf(parts.map((part) => part ?? null))
  const [from, to, by] = [fixedOf(start), fixedOf(limit), fixedOf(step)]
  if (from === 0 && by === 1 && isEqual(limit ?? null, ROW_COUNT))
    return [rowsAt([ROW_COUNT], 0, { outer: 1, inner: 1, place: 'all' })]
  if (from === undefined || to === undefined || by === undefined || by === 0) return [plain([null], origin)]
  const count = Math.max(0, Math.ceil((to - from) / by))
  const elements = count > 1024 ? null : Array.from({ length: count }, (_, index) => fixed(from + index * by))
  return [plain([fixed(count)], origin, elements === null ? null : { isFloat: false, elements })]
}
