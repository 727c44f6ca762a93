/**
 * Trees answered as simply as they can be: a row, a tree, a node at a time, float32 sums in the order of the trees. For
 * regressors without post-transform; what the tables say of a graph is then what ONNX Runtime makes of it, or not.
 */
import { TreeAggregate, TreeMode } from '../../../base/generated/boundary.js'
import type { TreeSpec } from '../tree-spec.js'

/** @returns rows * targetCount scores. */
export function answerNaively(spec: TreeSpec, input: ArrayLike<number>, rows: number): Float32Array {
  const { features, targetCount, roots } = spec
  const scores = new Float32Array(rows * targetCount)
  for (let row = 0; row < rows; row++) {
    const values = Array.from({ length: features }, (_, column) =>
      scaled(spec, column, input[row * features + column] as number),
    )
    const sums: (number | undefined)[] = Array.from({ length: targetCount }, () => undefined)
    for (const root of roots) add(spec, leafOf(spec, root, values), sums)
    sums.forEach((sum, target) => (scores[row * targetCount + target] = finished(spec, target, sum)))
  }
  return scores
}

function scaled({ scaleOffset: offset, scaleFactor: factor }: TreeSpec, column: number, value: number): number {
  const x = Math.fround(value)
  if (offset === undefined || factor === undefined) return x
  const at = (list: Float32Array): number => list[list.length === 1 ? 0 : column] as number
  return Math.fround(Math.fround(x - at(offset)) * at(factor))
}

function leafOf(spec: TreeSpec, root: number, values: readonly number[]): number {
  let node = root
  while (spec.modes[node] !== TreeMode.leaf)
    node = (goesTrue(spec, node, values[spec.featureIds[node] as number] as number) ? spec.trueNodes : spec.falseNodes)[
      node
    ] as number
  return node
}

function goesTrue(spec: TreeSpec, node: number, x: number): boolean {
  if (Number.isNaN(x) && spec.missingTrue?.[node] === 1) return true
  const t = spec.thresholds[node] as number
  const compare: Readonly<Record<number, () => boolean>> = {
    [TreeMode.lessOrEqual]: () => x <= t,
    [TreeMode.less]: () => x < t,
    [TreeMode.greaterOrEqual]: () => x >= t,
    [TreeMode.greater]: () => x > t,
    [TreeMode.equal]: () => x === t,
    [TreeMode.notEqual]: () => x !== t,
    [TreeMode.member]: () =>
      spec.members?.subarray(spec.memberStarts?.[node], spec.memberStarts?.[node + 1]).includes(x) === true,
  }
  return (compare[spec.modes[node] as number] as () => boolean)()
}

function add(spec: TreeSpec, leaf: number, sums: (number | undefined)[]): void {
  for (let i = spec.weightStarts[leaf] as number; i < (spec.weightStarts[leaf + 1] as number); i++) {
    const target = spec.targets[i] as number
    const weight = spec.weights[i] as number
    const sum = sums[target]
    if (sum === undefined) sums[target] = weight
    else if (spec.aggregate === TreeAggregate.min) sums[target] = Math.min(sum, weight)
    else if (spec.aggregate === TreeAggregate.max) sums[target] = Math.max(sum, weight)
    else sums[target] = Math.fround(sum + weight)
  }
}

function finished({ aggregate, roots, baseValues }: TreeSpec, target: number, sum = 0): number {
  const score = aggregate === TreeAggregate.average ? Math.fround(sum / roots.length) : sum
  return baseValues.length === 0 ? score : Math.fround(score + (baseValues[target] as number))
}
