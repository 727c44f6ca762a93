/**
 * Rows on which a tree ensemble that is read or run wrongly gives itself away. Four kinds, mixed:
 *
 *     edges    each column a threshold of it, or its neighbour below or above: all of them in turn
 *     paths    down a tree by chance, each column at the edge that the first node on the way that looks at it asks for
 *     spread   between the least and the greatest threshold of each column
 *     special  some columns missing (NaN), infinite, -0, denormal, very large; whole rows of one such value
 *
 * Neighbours are those of the dtype in which nodes compare; of a wider input those of its own dtype as well, and the middle
 * between two values of the narrower, where rounding turns.
 */
import { TreeMode } from '../../../base/generated/boundary.js'
import type { RandomSource } from '../../../base/random.js'
import type { TreeGraph } from '../../../onnx/trees/index.js'
import { allocateData, dtypeOfCode, type NumericData } from '../../../tensor/dtype.js'

/** For floats; the first are missing values. */
const specials: readonly number[] = [
  Number.NaN,
  Number.NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  1e-45,
  -1e-45,
  1.1754944e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1e300,
  1,
  2,
  31,
  32,
  33,
  16_777_217,
]
const integerSpecials: readonly bigint[] = [
  0n,
  1n,
  -1n,
  32n,
  33n,
  16_777_217n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]
const DEPTH_MAX = 4096

export class EdgeRows {
  readonly #trees: TreeGraph
  readonly #random: RandomSource
  readonly #isInteger: boolean
  /** By column: where its thresholds begin in `values`; and the next that is its turn, three times each. */
  readonly #starts: Uint32Array
  readonly #next: Uint32Array
  readonly #values: Float64Array
  readonly #isNarrow: boolean
  #drawn = 0

  constructor(trees: TreeGraph, random: RandomSource) {
    this.#trees = trees
    this.#random = random
    const { features, valueDtype } = trees.spec
    this.#isInteger = trees.input.dtype === 'int64' || trees.input.dtype === 'int32'
    this.#isNarrow = dtypeOfCode(valueDtype) === 'float32'
    const { starts, values } = thresholdsByColumn(trees)
    shuffleEach(starts, values, random)
    this.#starts = starts
    this.#values = values
    this.#next = new Uint32Array(features)
  }

  /** @returns `count` rows of the input's dtype; the caller owns them. */
  draw(count: number): NumericData {
    const { features } = this.#trees.spec
    const rows = new Float64Array(count * features)
    for (let row = 0; row < count; row++) this.#fill(rows.subarray(row * features, (row + 1) * features))
    return this.#cast(rows)
  }

  #fill(row: Float64Array): void {
    const drawn = this.#drawn++
    if (drawn < specials.length) {
      row.fill(specials[drawn] as number)
      return
    }
    const kind = this.#random()
    if (kind < 0.2) for (let column = 0; column < row.length; column++) row[column] = this.#between(column)
    else for (let column = 0; column < row.length; column++) row[column] = this.#nextEdge(column)
    if (kind > 0.7) this.#walk(row)
    if (kind < 0.35) {
      const share = this.#random() * 0.5
      for (let column = 0; column < row.length; column++)
        if (this.#random() < share) row[column] = specials[Math.floor(this.#random() * specials.length)] as number
    }
  }

  /** A threshold of the column, or its neighbour. */
  #nextEdge(column: number): number {
    const start = this.#starts[column] as number
    const count = (this.#starts[column + 1] as number) - start
    if (count === 0) return this.#random()
    const turn = this.#next[column] as number
    this.#next[column] = (turn + 1) % (count * 3)
    const place = turn % count
    const threshold = this.#values[start + place] as number
    // Three times through all of them, each time on another side of each.
    return this.#edge(column, threshold, ((Math.floor(turn / count) + place) % 3) - 1)
  }

  #between(column: number): number {
    const start = this.#starts[column] as number
    const end = this.#starts[column + 1] as number
    if (start === end) return this.#random()
    const pick = (): number => this.#values[start + Math.floor(this.#random() * (end - start))] as number
    const [a, b] = [pick(), pick()]
    const value = a + (b - a) * (this.#random() * 1.4 - 0.2)
    return this.#unscaled(column, Number.isFinite(value) ? value : a)
  }

  /** Down one tree: the first node on the way that looks at a column sets it, so that leaves far below are reached as well. */
  #walk(row: Float64Array): void {
    const { spec } = this.#trees
    const isSet = new Set<number>()
    let node = spec.roots[Math.floor(this.#random() * spec.roots.length)] as number
    for (let depth = 0; depth < DEPTH_MAX && spec.modes[node] !== TreeMode.leaf; depth++) {
      const column = spec.featureIds[node] as number
      const side = Math.floor(this.#random() * 3) - 1
      if (!isSet.has(column)) row[column] = this.#edge(column, this.#thresholdOf(node), side)
      isSet.add(column)
      node = (this.#isTrue(node, row[column] as number) ? spec.trueNodes[node] : spec.falseNodes[node]) as number
    }
  }

  /** Which way a value goes, nearly: an error here makes rows that reach fewer leaves, not a wrong proof. */
  #isTrue(node: number, value: number): boolean {
    const { spec } = this.#trees
    const column = spec.featureIds[node] as number
    const { scaleOffset: offset, scaleFactor: factor } = spec
    const at = (list: Float32Array): number => list[list.length === 1 ? 0 : column] as number
    const isScaled = offset !== undefined && factor !== undefined
    const x = isScaled ? Math.fround(Math.fround(value - at(offset)) * at(factor)) : value
    const t = spec.thresholds[node] as number
    if (Number.isNaN(x) && spec.missingTrue?.[node] === 1) return true
    switch (spec.modes[node]) {
      case TreeMode.lessOrEqual:
        return x <= t
      case TreeMode.less:
        return x < t
      case TreeMode.greaterOrEqual:
        return x >= t
      case TreeMode.greater:
        return x > t
      case TreeMode.equal:
        return x === t
      case TreeMode.notEqual:
        return x !== t
      default:
        return spec.members?.subarray(spec.memberStarts?.[node], spec.memberStarts?.[node + 1]).includes(x) ?? false
    }
  }

  #thresholdOf(node: number): number {
    const { modes, thresholds, members, memberStarts } = this.#trees.spec
    if (modes[node] !== TreeMode.member || members === undefined || memberStarts === undefined)
      return thresholds[node] as number
    const start = memberStarts[node] as number
    return members[start + Math.floor(this.#random() * ((memberStarts[node + 1] as number) - start))] ?? 0
  }

  /** @param side -1, 0, 1: below, at or above the threshold, as near as there is a number. */
  #edge(column: number, threshold: number, side: number): number {
    if (this.#isInteger) return Math.round(threshold) + side
    const { dtype } = this.#trees.input
    const value = this.#isNarrow ? neighbour32(threshold, side) : neighbour64(threshold, side)
    if (!this.#isNarrow || dtype === 'float32') return this.#unscaled(column, value)
    // A wider input: its own neighbours, and the middle where rounding to the narrower dtype turns.
    const kind = this.#random()
    if (kind < 0.3) return this.#unscaled(column, neighbour64(threshold, side))
    if (kind < 0.6)
      return neighbour64((threshold + neighbour32(threshold, side)) / 2, Math.floor(this.#random() * 3) - 1)
    return this.#unscaled(column, value)
  }

  /** What a Scaler makes the value of, near enough: some of its neighbours are tried as well. */
  #unscaled(column: number, value: number): number {
    const { scaleOffset, scaleFactor } = this.#trees.spec
    if (scaleOffset === undefined || scaleFactor === undefined) return value
    const offset = scaleOffset[scaleOffset.length === 1 ? 0 : column] as number
    const factor = scaleFactor[scaleFactor.length === 1 ? 0 : column] as number
    return neighbour32(value / factor + offset, Math.floor(this.#random() * 5) - 2)
  }

  #cast(rows: Float64Array): NumericData {
    const { dtype } = this.#trees.input
    const data = allocateData(dtype, rows.length)
    if (!this.#isInteger) {
      ;(data as Float64Array).set(rows)
      return data
    }
    rows.forEach((value, index) => {
      const special = integerSpecials[Math.floor(this.#random() * integerSpecials.length)] as bigint
      const integer = Number.isSafeInteger(value) ? BigInt(value) : special
      if (data instanceof BigInt64Array) data[index] = integer
      else data[index] = Number(BigInt.asIntN(32, integer))
    })
    return data
  }
}

function thresholdsByColumn({ spec }: TreeGraph): { starts: Uint32Array; values: Float64Array } {
  const { modes, featureIds, thresholds, features, members, memberStarts } = spec
  const starts = new Uint32Array(features + 1)
  const counts = (node: number): number =>
    modes[node] !== TreeMode.member ? 1 : (memberStarts?.[node + 1] ?? 0) - (memberStarts?.[node] ?? 0)
  const isSplit = (node: number): boolean => modes[node] !== TreeMode.leaf
  for (let node = 0; node < modes.length; node++) {
    const place = (featureIds[node] as number) + 1
    if (isSplit(node)) starts[place] = (starts[place] as number) + counts(node)
  }
  for (let column = 0; column < features; column++)
    starts[column + 1] = (starts[column + 1] as number) + (starts[column] as number)
  const next = starts.slice(0, features)
  const values = new Float64Array(starts[features] as number)
  for (let node = 0; node < modes.length; node++) {
    if (!isSplit(node)) continue
    const column = featureIds[node] as number
    const count = counts(node)
    const place = next[column] as number
    if (modes[node] !== TreeMode.member) values[place] = thresholds[node] as number
    else for (let i = 0; i < count; i++) values[place + i] = members?.[(memberStarts?.[node] ?? 0) + i] as number
    next[column] = place + count
  }
  return { starts, values }
}

function shuffleEach(starts: Uint32Array, values: Float64Array, random: RandomSource): void {
  for (let column = 0; column + 1 < starts.length; column++) {
    const start = starts[column] as number
    for (let last = (starts[column + 1] as number) - 1; last > start; last--) {
      const other = start + Math.floor(random() * (last - start + 1))
      const value = values[last] as number
      values[last] = values[other] as number
      values[other] = value
    }
  }
}

const float32 = new Float32Array(1)
const bits32 = new Int32Array(float32.buffer)
const float64 = new Float64Array(1)
const bits64 = new BigInt64Array(float64.buffer)

/** The float32 that lies `steps` further than the one nearest to `value`; NaN and infinities stay. */
export function neighbour32(value: number, steps: number): number {
  float32[0] = value
  if (steps === 0 || !Number.isFinite(float32[0])) return float32[0]
  // As integers in the order of the numbers: those of negative ones run backwards.
  const order = bits32[0] as number
  const moved = (order < 0 ? -(order & 0x7fffffff) : order) + steps
  bits32[0] = moved < 0 ? -moved | 0x80000000 : moved
  return float32[0]
}

/** The same of float64. */
export function neighbour64(value: number, steps: number): number {
  if (steps === 0 || !Number.isFinite(value)) return value
  float64[0] = value
  const order = bits64[0] as bigint
  const moved = (order < 0n ? -(order & 0x7fffffffffffffffn) : order) + BigInt(steps)
  bits64[0] = moved < 0n ? BigInt.asIntN(64, -moved | 0x8000000000000000n) : moved
  return float64[0]
}
