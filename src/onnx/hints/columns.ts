/**
 * Which columns of an input lie in a value that was made of it: an exporter takes a table apart, one column to each
 * encoder, and each encoder knows other texts.
 *
 *   x [n, 3] ─► Gather(axis 1, [2]) ─► OneHotEncoder(cats)     cats are the texts of column 2
 *
 * What moves elements about (Reshape, Transpose) loses the places, not the columns that may be among the values.
 */
import type { OnnxGraph, OnnxNode, OnnxTensorInfo } from '../model.js'

/** The columns of one input on the last axis of a value. */
export interface Place {
  /** By place, the input's column; null: another input's. Null in all: nobody knows which lies where. */
  readonly layout: readonly (number | null)[] | null
  /** The columns that may be among the values; null: all of the input's. */
  readonly among: readonly number[] | null
  readonly rank: number | null
}

/** What distinguishes nodes. */
export interface Surroundings {
  readonly weights: ReadonlyMap<string, OnnxTensorInfo>
  /** Sizes of the last axes that the file shows, by value. */
  readonly widths: ReadonlyMap<string, number>
}

/** Columns that are followed one by one; a wider input is an image or an embedding, no table. */
const COLUMNS_MAX = 1024

/** @param dims as declared; null: the file does not say. */
export function placeOfInput(dims: readonly unknown[] | null): Place {
  const rank = dims?.length ?? null
  const width = dims?.at(-1)
  if ((rank !== null && rank < 2) || (typeof width === 'number' && width > COLUMNS_MAX))
    return { layout: null, among: null, rank }
  // A free width gets as many columns as a graph may choose from.
  return { layout: Array.from({ length: Number(width) || COLUMNS_MAX }, (_, column) => column), among: null, rank }
}

export function widthsOf(graph: OnnxGraph): Map<string, number> {
  const widths = new Map<string, number>()
  for (const { name, type } of [...graph.valueInfos, ...graph.inputs]) {
    const width = type?.kind === 'tensor' && (type.dims?.length ?? 0) >= 2 ? type.dims?.at(-1) : undefined
    if (typeof width === 'number') widths.set(name, width)
  }
  for (const { name, dims } of graph.initializers) if (dims.length >= 2) widths.set(name, dims.at(-1) as number)
  for (const { opType, inputs, outputs } of graph.nodes) {
    const width = opType === 'Cast' || opType === 'Identity' ? widths.get(inputs[0] ?? '') : undefined
    if (width !== undefined) widths.set(outputs[0] ?? '', width)
  }
  return widths
}

/** @returns the place in each output of a node that passes values on, whose input at `input` has `place`. */
export function placesAfter(node: OnnxNode, input: number, place: Place, around: Surroundings): readonly Place[] {
  const { opType, outputs } = node
  const isAlongColumns = isLast(Number(node.attributes.get('axis')?.i ?? 0n), place)
  if (keepers.has(opType)) return [place]
  if (opType === 'ArrayFeatureExtractor') return [chosen(place, integersOf(around.weights.get(node.inputs[1] ?? '')))]
  if (opType === 'Gather' && isAlongColumns) return [gathered(place, around.weights.get(node.inputs[1] ?? ''))]
  if (opType === 'Split') return isAlongColumns ? splitUp(node, place, around) : outputs.map(() => place)
  if (opType === 'Slice') return [sliced(node, place, around)]
  if (opType === 'Concat' && isAlongColumns) return [joined(node, input, place, around)]
  return [blurred(place)]
}

const keepers = new Set(['Identity', 'Cast', 'StringNormalizer'])

function isLast(axis: number, { rank }: Place): boolean {
  return axis === -1 || axis + 1 === rank
}

function blurred({ among }: Place): Place {
  return { layout: null, among, rank: null }
}

function chosen(place: Place, places: readonly number[] | null): Place {
  const { layout } = place
  const isFromEnd = places?.some((at) => at < 0) === true && layout?.length === COLUMNS_MAX
  // A free width has no known end.
  if (layout === null || places === null || isFromEnd) return { ...blurred(place), rank: place.rank }
  const kept = places.map((at) => layout.at(at) ?? null)
  return { layout: kept, among: kept.filter((column) => column !== null), rank: place.rank }
}

function gathered(place: Place, indices: OnnxTensorInfo | undefined): Place {
  const after = chosen(place, integersOf(indices))
  // A scalar takes the axis away.
  return indices?.dims.length === 1 ? after : blurred(after)
}

function splitUp(node: OnnxNode, place: Place, { weights }: Surroundings): Place[] {
  const { layout } = place
  const listed = node.attributes.get('split')?.ints
  const sizes =
    (listed === undefined ? integersOf(weights.get(node.inputs[1] ?? '')) : [...listed].map(Number)) ??
    // Alike, the last one smaller.
    node.outputs.map(() => Math.ceil((layout?.length ?? 0) / node.outputs.length))
  let start = 0
  return sizes.slice(0, node.outputs.length).map((size) => {
    const from = start
    start += size
    return chosen(place, layout === null ? null : range(from, Math.min(start, layout.length), 1))
  })
}

function sliced(node: OnnxNode, place: Place, { weights }: Surroundings): Place {
  const setting = (name: string, input: number): readonly number[] | null => {
    const listed = node.attributes.get(name)?.ints
    return listed === undefined ? integersOf(weights.get(node.inputs[input] ?? '')) : [...listed].map(Number)
  }
  const starts = setting('starts', 1)
  const ends = setting('ends', 2)
  const axes = setting('axes', 3) ?? starts?.map((_start, axis) => axis)
  const at = axes?.findIndex((axis) => isLast(axis, place)) ?? -1
  const { layout } = place
  if (starts === null || ends === null || layout === null) return { ...blurred(place), rank: place.rank }
  if (at < 0) return place
  const step = setting('steps', 4)?.[at] ?? 1
  const isFromEnd = layout.length === COLUMNS_MAX && ((starts[at] as number) < 0 || (ends[at] as number) < 0)
  if (step < 1 || isFromEnd) return { ...blurred(place), rank: place.rank }
  const bounded = (index: number): number =>
    Math.min(layout.length, Math.max(0, index < 0 ? index + layout.length : index))
  return chosen(place, range(bounded(starts[at] as number), bounded(ends[at] as number), step))
}

function joined(node: OnnxNode, input: number, place: Place, { widths }: Surroundings): Place {
  const before = node.inputs.slice(0, input).map((name) => widths.get(name))
  const offset = before.reduce<number>((sum, width) => sum + (width ?? NaN), 0)
  if (place.layout === null || !(offset <= COLUMNS_MAX)) return { ...blurred(place), rank: place.rank }
  return { ...place, layout: [...Array.from({ length: offset }, () => null), ...place.layout] }
}

/** null: they are not known. */
function integersOf(tensor: OnnxTensorInfo | undefined): number[] | null {
  if (tensor === undefined || tensor.isExternal || (tensor.dtype !== 'int64' && tensor.dtype !== 'int32')) return null
  return tensor.dims.reduce((size, dim) => size * dim, 1) > COLUMNS_MAX ? null : Array.from(tensor.read(), Number)
}

function range(start: number, end: number, step: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((end - start) / step)) }, (_, i) => start + i * step)
}
