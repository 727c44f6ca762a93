/**
 * Operators whose definition has the batch on axis 0 and treats each of its items by itself: images, sequences, fused
 * layers. A row on another axis is a channel, a pixel or a word to them.
 */
import { fixed, isEqual, isFixedAt, ROW_COUNT, type Amount } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { slidDims } from './windows.js'
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
  type Rows,
  type Value,
} from '../value.js'

/** A window slides over images [n, channels, ...]; every other input is a weight. */
export function sliding(weightInput: number | null): Rule {
  return (node) => {
    const data = imageOf(node)
    if (data === null) return stringPathOutputs(node)
    const weights = weightInput === null ? undefined : node.required(weightInput).dims
    const channels = weightInput === null ? (data.dims[1] ?? null) : (weights?.[0] ?? null)
    const dims = [data.dims[0] as Amount, channels, ...slidDims(node, data.dims, weights ?? null)]
    return Array.from({ length: node.outputCount }, () => rowsAt(dims, 0, data))
  }
}

/** Images in, images of other sizes out, which are not followed. */
export const image: Rule = (node) => {
  const data = imageOf(node)
  if (data === null) return stringPathOutputs(node)
  return [
    rowsAt(
      data.dims.map((dim, axis) => (axis === 0 ? dim : null)),
      0,
      data,
    ),
  ]
}

/** The same, with one pixel of each channel left. */
export const globalImage: Rule = (node) => {
  const data = imageOf(node)
  if (data === null) return stringPathOutputs(node)
  return [
    rowsAt(
      data.dims.map((dim, axis) => (axis < 2 ? dim : fixed(1))),
      0,
      data,
    ),
  ]
}

/** The same, with each size kept. */
export const sameImage: Rule = (node) => {
  const data = imageOf(node)
  return data === null ? stringPathOutputs(node) : [data]
}

function imageOf(node: NodeView): Rows | null {
  for (let index = 1; index < node.inputs.length; index++) node.plain(index, 'weight')
  return isRows(node.required(0)) ? node.batched(0) : null
}

export const batchNormalisation: Rule = (node) => {
  const isTraining =
    node.int('training_mode', 0) !== 0 ||
    (node.opset < 7 && node.int('is_test', 0) === 0) ||
    (node.opset < 14 && node.outputCount > 1)
  if (isTraining && isRows(node.required(0))) throw new RowsMix('it is in training mode and normalises over the batch')
  return sameImage(node)
}

export const dropout: Rule = (node) => {
  const data = node.required(0)
  const training = node.plain(2, 'mode')
  const isTraining =
    (node.opset < 7 && node.int('is_test', 0) === 0) || (training !== undefined && fixedElements(training)?.[0] !== 0)
  if (isTraining) throw new RowsMix('it is in training mode and draws random numbers')
  return [data, data.kind === 'plain' ? { ...data, known: null } : data]
}

/** Resize and Upsample: the factor of the rows' axis must be 1. */
export const resize: Rule = (node) => {
  const data = node.required(0)
  const isOld = node.node.opType === 'Upsample' || node.opset < 11
  const scales = node.plain(isOld ? 1 : 2, 'scales')
  const sizes = isOld ? undefined : node.plain(3, 'sizes')
  if (!isRows(data)) return stringPathOutputs(node)
  const rank = data.dims.length
  const axes = node.ints('axes')?.map((axis) => fromFront(axis, rank)) ?? [...data.dims.keys()]
  const at = axes.indexOf(data.axis)
  const factors = node.attribute('scales')?.floats
  const scale = factors === undefined ? scales?.known?.elements[at] : fixed(factors[at] ?? 0)
  const size = sizes?.known?.elements[at]
  if (at >= 0) {
    if (scale == null && size == null) throw new NotKnown('its scales are not known')
    const isKept = scale == null ? isEqual(size ?? null, data.dims[data.axis] as Amount) : isFixedAt(scale, 1)
    if (!isKept) throw new RowsMix('it resizes the axis that holds the rows')
  }
  const mode = node.text('coordinate_transformation_mode', '')
  if (mode === 'tf_crop_and_resize' && at >= 0) throw new NotKnown('it crops along all axes')
  const isPlainImage = data.outer === 1 && data.inner === 1
  if (!isPlainImage) throw new NotKnown('the rows share their axis with something else')
  return [
    rowsAt(
      data.dims.map((dim, axis) => (axis === data.axis || !axes.includes(axis) ? dim : null)),
      data.axis,
      data,
    ),
  ]
}

export const depthToSpace: Rule = (node) => {
  const data = imageOf(node)
  return data === null ? stringPathOutputs(node) : [rowsAt([data.dims[0] as Amount, null, null, null], 0, data)]
}

/**
 * Fused layers: every input that holds rows holds them on axis 0, with nothing else there, and so does every result.
 * @param ranks of the results; null: as the first input's.
 */
export function fused(...ranks: readonly (number | null)[]): Rule {
  return (node) => {
    const rows = node.inputs.flatMap((_input, index) => (isRows(node.optional(index)) ? node.batched(index) : []))
    const first = rows[0]
    if (first === undefined) return stringPathOutputs(node)
    if (rows.some(({ outer, inner }) => outer !== 1 || inner !== 1))
      throw new NotKnown('the rows share their axis with something else')
    return ranks.map((rank) => rowsAt(rank === null ? first.dims : [ROW_COUNT, ...unknown(rank - 1)], 0))
  }
}

/** SkipLayerNormalization: sums its first inputs, and normalises each line of the sum. */
export const skipNormalisation: Rule = (node) => {
  const data = node.required(0)
  if (!isRows(data)) return stringPathOutputs(node)
  if (data.axis === data.dims.length - 1) throw new RowsMix('it works along the axis that holds the rows')
  for (let index = 2; index < node.inputs.length; index++) node.plain(index, 'weight')
  const skip = node.required(1)
  if (!isRows(skip) || skip.axis !== data.axis || skip.outer !== data.outer || skip.inner !== data.inner)
    throw new NotKnown('its two inputs are laid out differently')
  return Array.from({ length: node.outputCount }, () => data)
}

function stringPathOutputs(node: NodeView): readonly Value[] {
  return Array.from({ length: node.outputCount }, () => plain(null, originOf(node.inputs)))
}

function unknown(count: number): Dims {
  return Array.from({ length: count }, () => null)
}
