/**
 * If, Loop and Scan: the graphs inside are analysed as the graph around them. What decides which of them runs, and how
 * often, must be the same for a row by itself and among others: a condition computed from the rows is one answer for all.
 */
import { fixedOf, isEqual, type Amount } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { fixedElements, fromFront, isRows, NotKnown, plain, RowsMix, rowsAt, type Dims, type Value } from '../value.js'

/** Rounds until what a loop carries stays as it is; each forgets a size or gives up. */
const ROUNDS_MAX = 4

export const ifNode: Rule = (node) => {
  const condition = node.plain(0, 'condition')
  if (condition?.origin === 'count') throw new RowsMix('its condition depends on how many rows there are')
  const branches = ['then_branch', 'else_branch'].map((name) => node.attribute(name)?.graph)
  const [yes, no] = branches
  if (yes === undefined || no === undefined) throw new NotKnown('a branch is missing')
  const truth = condition?.origin === 'file' ? fixedElements(condition)?.[0] : undefined
  if (truth !== undefined) return node.evaluate(truth === 0 ? no : yes, [])
  const [first, second] = [node.evaluate(yes, []), node.evaluate(no, [])]
  // Sizes of inner dims decide alike for all rows of a batch, but the results may be of another shape each.
  const known = fixedElements(condition)?.[0]
  return first.map((value, index) =>
    join(value, second[index] as Value, known === undefined ? 'both' : known === 0 ? 'second' : 'first'),
  )
}

export const loop: Rule = (node) => {
  const trips = node.plain(0, 'number of rounds')
  const condition = node.plain(1, 'condition')
  for (const decides of [trips, condition])
    if (decides?.origin === 'count') throw new RowsMix('how often it runs depends on how many rows there are')
  const body = node.attribute('body')?.graph
  if (body === undefined) throw new NotKnown('its body is missing')
  let carried: Value[] = node.inputs.slice(2).map((_input, index) => node.required(index + 2))
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const results = node.evaluate(body, [plain([], 'shape'), plain([], 'shape'), ...carried])
    const [again, ...rest] = results
    if (again === undefined) throw new NotKnown('its body has no outputs')
    expectConstant(again, 'how often it runs is computed from the rows')
    const next = rest.slice(0, carried.length).map((value, index) => join(carried[index] as Value, value, 'both'))
    if (next.every((value, index) => isSame(value, carried[index] as Value)))
      return [...next, ...rest.slice(carried.length).map((value) => stacked(value, 0))]
    carried = next
  }
  throw new NotKnown('what it carries from round to round changes its form')
}

export const scan: Rule = (node) => {
  if (node.opset < 9) throw new NotKnown('it is of an old operator set')
  const body = node.attribute('body')?.graph
  if (body === undefined) throw new NotKnown('its body is missing')
  const scannedCount = node.int('num_scan_inputs', 0)
  const stateCount = node.inputs.length - scannedCount
  const inAxes = node.ints('scan_input_axes') ?? []
  const outAxes = node.ints('scan_output_axes') ?? []
  const elements = node.inputs
    .slice(stateCount)
    .map((_input, index) => unstacked(node, stateCount + index, inAxes[index] ?? 0))
  let states: Value[] = node.inputs.slice(0, stateCount).map((_input, index) => node.required(index))
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const results = node.evaluate(body, [...states, ...elements])
    const next = results.slice(0, stateCount).map((value, index) => join(states[index] as Value, value, 'both'))
    if (next.every((value, index) => isSame(value, states[index] as Value)))
      return [...next, ...results.slice(stateCount).map((value, index) => stacked(value, outAxes[index] ?? 0))]
    states = next
  }
  throw new NotKnown('what it carries from round to round changes its form')
}

/** One element of an input that is walked along `axis`. */
function unstacked(node: NodeView, index: number, axis: number): Value {
  const value = node.required(index)
  if (value.dims === null) return plain(null, value.kind === 'plain' ? value.origin : 'file')
  const along = fromFront(axis, value.dims.length)
  const dims = value.dims.filter((_dim, other) => other !== along)
  if (!isRows(value)) return plain(dims, value.origin)
  if (value.axis === along) throw new RowsMix('it walks along the rows: each would follow from those before it')
  return rowsAt(dims, value.axis - (along < value.axis ? 1 : 0), { outer: value.outer, inner: value.inner })
}

/** One for each round, on an axis of their own. */
function stacked(value: Value, axis: number): Value {
  if (value.kind === 'plain') return plain(value.dims === null ? null : inserted(value.dims, axis), value.origin)
  if (value.kind !== 'rows') return value
  const dims = inserted(value.dims, axis)
  const along = fromFront(axis, dims.length)
  return rowsAt(dims, value.axis + (along <= value.axis ? 1 : 0), { outer: value.outer, inner: value.inner })
}

function inserted(dims: Dims, axis: number): Dims {
  const along = fromFront(axis, dims.length + 1)
  return [...dims.slice(0, along), null, ...dims.slice(along)]
}

/**
 * What holds for both. @param likely which of them is what will come, where only sizes of inner dims can make it the
 * other: its form is taken, but neither may be unproven.
 */
function join(a: Value, b: Value, likely: 'both' | 'first' | 'second'): Value {
  const blocked =
    [a, b].find((value) => value.kind === 'dependent') ?? [a, b].find((value) => value.kind === 'unproven')
  if (blocked !== undefined) return blocked
  if (likely !== 'both') return likely === 'first' ? a : b
  if (isSame(a, b)) return a
  if (a.kind === 'plain' && b.kind === 'plain')
    return plain(joinDims(a.dims, b.dims), a.origin === 'file' ? b.origin : a.origin)
  if (!isRows(a) || !isRows(b)) throw new NotKnown('its results are rows in one case and not in the other')
  const isAlike = a.axis === b.axis && a.outer === b.outer && a.inner === b.inner && a.dims.length === b.dims.length
  if (!isAlike) throw new NotKnown('its results are laid out differently in each case')
  return rowsAt(joinDims(a.dims, b.dims) as Dims, a.axis, { outer: a.outer, inner: a.inner })
}

function joinDims(a: Dims | null, b: Dims | null): Dims | null {
  if (a === null || b?.length !== a.length) return null
  return a.map((dim, axis) => (isEqual(dim, b[axis] as Amount) ? dim : null))
}

function isSame(a: Value, b: Value): boolean {
  if (a.kind === 'plain' && b.kind === 'plain') {
    const isKnownSame = a.known === b.known || (a.known === null) === (b.known === null)
    return isSameDims(a.dims, b.dims) && a.origin === b.origin && isKnownSame && fixedOfAll(a) === fixedOfAll(b)
  }
  if (!isRows(a) || !isRows(b)) return a === b
  return (
    a.axis === b.axis && a.outer === b.outer && a.inner === b.inner && a.place === b.place && isSameDims(a.dims, b.dims)
  )
}

function isSameDims(a: Dims | null, b: Dims | null): boolean {
  if (a === null || b === null) return a === b
  return (
    a.length === b.length && a.every((dim, axis) => (dim === null ? b[axis] === null : isEqual(dim, b[axis] as Amount)))
  )
}

function fixedOfAll(value: Value): string {
  return value.kind === 'plain' && value.known !== null
    ? value.known.elements.map((element) => fixedOf(element) ?? '?').join()
    : ''
}

function expectConstant(value: Value, reason: string): void {
  if (value.kind === 'unproven') throw new NotKnown(value.culprit.reason)
  if (value.kind !== 'plain') throw new RowsMix(reason)
  if (value.origin === 'count') throw new RowsMix('how often it runs depends on how many rows there are')
}
