/**
 * TreeEnsembleRegressor and TreeEnsembleClassifier (ai.onnx.ml 1 and 3): nodes and leaves in one list, named by the number
 * of their tree and their number in it, weights in lists beside them.
 *
 *     nodes_treeids  0 0 0 1 1 1 …      target_treeids  0 0 1 …
 *     nodes_nodeids  0 1 2 0 1 2 …      target_nodeids  1 2 1 …
 *
 * Rule 1. The root of a tree is the node of it that is listed first, as ONNX Runtime takes it.
 * Rule 2. Trees answer in the order in which they are listed; a leaf's weights in theirs.
 */
import { TreeAggregate, TreeKind, TreeMode, TreePostTransform } from '../../base/generated/boundary.js'
import { TREE_NODES_MAX } from '../../base/limits/tree-limits.js'
import type { OnnxNode } from '../model.js'
import { expectLength, integersOf, numbersOf } from './attributes.js'
import { NotTrees, type TreeEnsemble, type TreeTables, type ValueDtype } from './tree-spec.js'

const modes: Readonly<Record<string, number>> = {
  BRANCH_LEQ: TreeMode.lessOrEqual,
  BRANCH_LT: TreeMode.less,
  BRANCH_GTE: TreeMode.greaterOrEqual,
  BRANCH_GT: TreeMode.greater,
  BRANCH_EQ: TreeMode.equal,
  BRANCH_NEQ: TreeMode.notEqual,
  LEAF: TreeMode.leaf,
}
const aggregates = {
  AVERAGE: TreeAggregate.average,
  SUM: TreeAggregate.sum,
  MIN: TreeAggregate.min,
  MAX: TreeAggregate.max,
} as const
const postTransforms = {
  NONE: TreePostTransform.none,
  SOFTMAX: TreePostTransform.softmax,
  LOGISTIC: TreePostTransform.logistic,
  SOFTMAX_ZERO: TreePostTransform.softmaxZero,
  PROBIT: TreePostTransform.probit,
} as const

/** An ensemble, and the texts of its labels where they are such. */
export interface ReadEnsemble {
  readonly ensemble: TreeEnsemble
  readonly labelTexts: readonly string[] | null
}

/** @throws NotTrees, PenstockError ERR_MODEL_INVALID. */
export function readRegressor(node: OnnxNode, dtype: ValueDtype): ReadEnsemble {
  const targetCount = Number(node.attributes.get('n_targets')?.i ?? 0n)
  if (!(targetCount >= 1)) throw new NotTrees(`Its n_targets is ${targetCount}`)
  const aggregate = choice(node, 'aggregate_function', 'SUM', aggregates)
  const ensemble: TreeEnsemble = {
    ...readTables(node, 'target', targetCount, dtype),
    kind: TreeKind.regressor,
    targetCount,
    aggregate,
    postTransform: choice(node, 'post_transform', 'NONE', postTransforms),
    baseValues: numbersOf(node, 'base_values', dtype),
  }
  return { ensemble, labelTexts: null }
}

/** @throws NotTrees, PenstockError ERR_MODEL_INVALID. */
export function readClassifier(node: OnnxNode, dtype: ValueDtype): ReadEnsemble {
  const texts = node.attributes.get('classlabels_strings')?.strings ?? []
  const integers = node.attributes.get('classlabels_int64s')?.ints ?? new BigInt64Array(0)
  const targetCount = texts.length > 0 ? texts.length : integers.length
  if (targetCount === 0) throw new NotTrees('It is a classifier without labels')
  const ensemble: TreeEnsemble = {
    ...readTables(node, 'class', targetCount, dtype),
    kind: TreeKind.classifier,
    targetCount,
    aggregate: TreeAggregate.sum,
    postTransform: choice(node, 'post_transform', 'NONE', postTransforms),
    baseValues: numbersOf(node, 'base_values', dtype),
    classLabels: texts.length > 0 ? BigInt64Array.from(texts, (_, index) => BigInt(index)) : integers,
  }
  return { ensemble, labelTexts: texts.length > 0 ? texts : null }
}

function choice<T>(node: OnnxNode, name: string, standard: string, choices: Readonly<Record<string, T>>): T {
  const text = node.attributes.get(name)?.s ?? standard
  if (!Object.hasOwn(choices, text)) throw new NotTrees(`Its ${name} is ${text.slice(0, 40)}`)
  return choices[text] as T
}

function readTables(node: OnnxNode, owner: 'target' | 'class', targetCount: number, dtype: ValueDtype): TreeTables {
  const nodeIds = integersOf(node, 'nodes_nodeids')
  const treeIds = integersOf(node, 'nodes_treeids')
  if (nodeIds === undefined || treeIds === undefined) throw new NotTrees('It lists no nodes')
  const count = nodeIds.length
  if (count > TREE_NODES_MAX) throw new NotTrees(`It has ${count} nodes, more than ${TREE_NODES_MAX}`)
  const table = (name: string, isNegativeZero = false): Int32Array => {
    const values = integersOf(node, name, isNegativeZero) ?? new Int32Array(0)
    expectLength(name, values.length, count)
    return values
  }
  expectLength('nodes_treeids', treeIds.length, count)
  const names = new NodeNames(treeIds, nodeIds)
  const nodeModes = readModes(node, count)
  const trueIds = table('nodes_truenodeids', true)
  const falseIds = table('nodes_falsenodeids', true)
  const columns = table('nodes_featureids', true)
  const thresholds = numbersOf(node, 'nodes_values', dtype)
  expectLength('nodes_values', thresholds.length, count)
  const featureIds = new Uint32Array(count)
  const trueNodes = new Uint32Array(count)
  const falseNodes = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    if (nodeModes[i] === TreeMode.leaf) continue
    const tree = treeIds[i] as number
    featureIds[i] = columns[i] as number
    trueNodes[i] = names.indexOf(tree, trueIds[i] as number)
    falseNodes[i] = names.indexOf(tree, falseIds[i] as number)
  }
  return {
    roots: names.roots,
    modes: nodeModes,
    featureIds,
    thresholds,
    trueNodes,
    falseNodes,
    ...readMissing(node, count),
    ...readWeights(node, owner, targetCount, dtype, names, nodeModes),
  }
}

function readModes(node: OnnxNode, count: number): Uint8Array {
  const texts = node.attributes.get('nodes_modes')?.strings ?? []
  expectLength('nodes_modes', texts.length, count)
  return Uint8Array.from(texts, (text) => {
    if (!Object.hasOwn(modes, text)) throw new NotTrees(`A node of it compares by ${text.slice(0, 40)}`)
    return modes[text] as number
  })
}

function readMissing(node: OnnxNode, count: number): Pick<TreeTables, 'missingTrue'> {
  const tracks = node.attributes.get('nodes_missing_value_tracks_true')?.ints
  if (tracks === undefined || tracks.length === 0) return {}
  expectLength('nodes_missing_value_tracks_true', tracks.length, count)
  return { missingTrue: Uint8Array.from(tracks, (track) => (track === 1n ? 1 : 0)) }
}

/** Rule 2: by leaf, in the order of the lists. */
function readWeights(
  node: OnnxNode,
  owner: string,
  targetCount: number,
  dtype: ValueDtype,
  names: NodeNames,
  nodeModes: Uint8Array,
): Pick<TreeTables, 'weightStarts' | 'targets' | 'weights'> {
  const values = numbersOf(node, `${owner}_weights`, dtype)
  const list = (name: string): Int32Array => {
    const ids = integersOf(node, `${owner}_${name}`) ?? new Int32Array(0)
    if (ids.length !== values.length)
      throw new NotTrees(`Its ${owner}_${name} has ${ids.length} values for ${values.length} weights`)
    return ids
  }
  if (values.length > TREE_NODES_MAX) throw new NotTrees(`It has ${values.length} weights, more than ${TREE_NODES_MAX}`)
  const [targetIds, treeIds, nodeIds] = [list('ids'), list('treeids'), list('nodeids')]
  const leaves = new Uint32Array(values.length)
  const weightStarts = new Uint32Array(nodeModes.length + 1)
  for (let i = 0; i < leaves.length; i++) {
    const leaf = names.indexOf(treeIds[i] as number, nodeIds[i] as number)
    if (nodeModes[leaf] !== TreeMode.leaf)
      throw new NotTrees(`Node ${nodeIds[i]} of tree ${treeIds[i]} has a weight and is no leaf`)
    if ((targetIds[i] as number) >= targetCount)
      throw new NotTrees(`Its ${owner}_ids has ${targetIds[i]}, of ${targetCount}`)
    leaves[i] = leaf
    weightStarts[leaf + 1] = (weightStarts[leaf + 1] as number) + 1
  }
  for (let i = 0; i < nodeModes.length; i++)
    weightStarts[i + 1] = (weightStarts[i + 1] as number) + (weightStarts[i] as number)
  const next = weightStarts.slice(0, nodeModes.length)
  const targets = new Uint32Array(values.length)
  const weights = values.slice()
  for (let i = 0; i < leaves.length; i++) {
    const leaf = leaves[i] as number
    const place = next[leaf] as number
    next[leaf] = place + 1
    targets[place] = targetIds[i] as number
    weights[place] = values[i] as number
  }
  return { weightStarts, targets, weights }
}

/** The index of a node by the numbers of its tree and of itself. */
class NodeNames {
  /** Rule 1. */
  readonly roots: Uint32Array
  /** By number of a tree: where its nodes begin and end, and their places where they are not numbered in order. */
  readonly #trees = new Map<number, { start: number; end: number; places: Map<number, number> | null }>()

  constructor(treeIds: Int32Array, nodeIds: Int32Array) {
    const roots: number[] = []
    for (let start = 0, end = 0; start < treeIds.length; start = end) {
      const tree = treeIds[start] as number
      let isInOrder = true
      for (end = start; end < treeIds.length && treeIds[end] === tree; end++)
        if (nodeIds[end] !== end - start) isInOrder = false
      if (this.#trees.has(tree)) throw new NotTrees(`The nodes of its tree ${tree} do not stand together`)
      const places = isInOrder ? null : placesOf(nodeIds, start, end, tree)
      this.#trees.set(tree, { start, end, places })
      roots.push(start)
    }
    this.roots = Uint32Array.from(roots)
  }

  /** @throws NotTrees when there is none. */
  indexOf(tree: number, node: number): number {
    const found = this.#trees.get(tree)
    const place = found?.places === null ? found.start + node : found?.places.get(node)
    if (found === undefined || place === undefined || place >= found.end)
      throw new NotTrees(`It names a node ${node} of tree ${tree} that it does not list`)
    return place
  }
}

function placesOf(nodeIds: Int32Array, start: number, end: number, tree: number): Map<number, number> {
  const places = new Map<number, number>()
  for (let i = start; i < end; i++) {
    const node = nodeIds[i] as number
    if (places.has(node)) throw new NotTrees(`It lists node ${node} of tree ${tree} twice`)
    places.set(node, i)
  }
  return places
}
