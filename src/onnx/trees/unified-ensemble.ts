/**
 * TreeEnsemble (ai.onnx.ml 5): nodes that compare and leaves in lists of their own, children named by their place in one
 * of the two. Here the leaves come behind the nodes in one list.
 *
 *     nodes   0 … n-1            a child with its leaf flag set: n + its number, else its number
 *     leaves  n … n+m-1
 */
import { TreeAggregate, TreeKind, TreeMode, TreePostTransform } from '../../base/generated/boundary.js'
import { TREE_NODES_MAX } from '../../base/limits/tree-limits.js'
import type { OnnxNode } from '../model.js'
import { bytesOf, expectLength, integersOf, tensorNumbers } from './attributes.js'
import type { ReadEnsemble } from './classic-ensemble.js'
import { NotTrees, type Numbers, type TreeEnsemble, type TreeTables, type ValueDtype } from './tree-spec.js'

/** @throws NotTrees, PenstockError ERR_MODEL_INVALID. */
export function readUnified(node: OnnxNode, dtype: ValueDtype): ReadEnsemble {
  const targetCount = Number(node.attributes.get('n_targets')?.i ?? 1n)
  if (!(targetCount >= 1)) throw new NotTrees(`Its n_targets is ${targetCount}`)
  const ensemble: TreeEnsemble = {
    ...readTables(node, targetCount, dtype),
    kind: TreeKind.regressor,
    targetCount,
    aggregate: code(node, 'aggregate_function', TreeAggregate.sum, TreeAggregate),
    postTransform: code(node, 'post_transform', TreePostTransform.none, TreePostTransform),
    baseValues: dtype === 'float64' ? new Float64Array(0) : new Float32Array(0),
  }
  return { ensemble, labelTexts: null }
}

function code<T extends number>(node: OnnxNode, name: string, standard: T, codes: Readonly<Record<string, T>>): T {
  const attribute = node.attributes.get(name)
  const value = attribute === undefined ? standard : Number(attribute.i)
  const found = Object.values(codes).find((known) => known === value)
  if (found === undefined) throw new NotTrees(`Its ${name} is ${value}`)
  return found
}

function readTables(node: OnnxNode, targetCount: number, dtype: ValueDtype): TreeTables {
  const list = (name: string): Int32Array => integersOf(node, name) ?? new Int32Array(0)
  const splits = tensorNumbers(node, 'nodes_splits', dtype)
  const weights = tensorNumbers(node, 'leaf_weights', dtype)
  const targetIds = list('leaf_targetids')
  const nodeCount = splits.length
  const leafCount = weights.length
  const count = nodeCount + leafCount
  if (count > TREE_NODES_MAX) throw new NotTrees(`It has ${count} nodes, more than ${TREE_NODES_MAX}`)
  if (targetIds.length !== leafCount)
    throw new NotTrees(`Its leaf_targetids has ${targetIds.length} values for ${leafCount} leaves`)
  const splitModes = bytesOf(node, 'nodes_modes')
  const columns = list('nodes_featureids')
  expectLength('nodes_modes', splitModes.length, nodeCount)
  expectLength('nodes_featureids', columns.length, nodeCount)
  const nodeModes = new Uint8Array(count).fill(TreeMode.leaf)
  const featureIds = new Uint32Array(count)
  const thresholds = dtype === 'float64' ? new Float64Array(count) : new Float32Array(count)
  thresholds.set(splits)
  featureIds.set(columns)
  splitModes.forEach((mode, index) => {
    if (mode > TreeMode.member) throw new NotTrees(`A node of it compares by mode ${mode}`)
    nodeModes[index] = mode
  })
  // A leaf has one weight.
  const weightStarts = Uint32Array.from({ length: count + 1 }, (_, index) => Math.max(0, index - nodeCount))
  const targets = Uint32Array.from(targetIds)
  if (targets.some((target) => target >= targetCount))
    throw new NotTrees(`Its leaf_targetids names more than ${targetCount} targets`)
  const childrenOf = (side: 'true' | 'false'): Uint32Array =>
    children(list(`nodes_${side}nodeids`), list(`nodes_${side}leafs`), nodeCount, leafCount, side)
  return {
    roots: readRoots(list('tree_roots'), nodeCount),
    modes: nodeModes,
    featureIds,
    thresholds,
    trueNodes: childrenOf('true'),
    falseNodes: childrenOf('false'),
    ...readMissing(node, nodeCount, count),
    weightStarts,
    targets,
    weights,
    ...readMembers(node, dtype, nodeModes),
  }
}

function readRoots(roots: Int32Array, nodeCount: number): Uint32Array {
  if (roots.length === 0) throw new NotTrees('It has no trees')
  if (roots.some((root) => root >= nodeCount)) throw new NotTrees('A root of it is no node')
  return Uint32Array.from(roots)
}

function children(
  ids: Int32Array,
  leafFlags: Int32Array,
  nodeCount: number,
  leafCount: number,
  side: string,
): Uint32Array {
  expectLength(`nodes_${side}nodeids`, ids.length, nodeCount)
  expectLength(`nodes_${side}leafs`, leafFlags.length, nodeCount)
  const found = new Uint32Array(nodeCount + leafCount)
  for (let i = 0; i < nodeCount; i++) {
    const id = ids[i] as number
    const isLeaf = leafFlags[i] !== 0
    if (id >= (isLeaf ? leafCount : nodeCount))
      throw new NotTrees(`It names a ${isLeaf ? 'leaf' : 'node'} ${id} that it does not list`)
    found[i] = isLeaf ? nodeCount + id : id
  }
  return found
}

function readMissing(node: OnnxNode, nodeCount: number, count: number): Pick<TreeTables, 'missingTrue'> {
  const tracks = node.attributes.get('nodes_missing_value_tracks_true')?.ints
  if (tracks === undefined || tracks.length === 0) return {}
  expectLength('nodes_missing_value_tracks_true', tracks.length, nodeCount)
  const missingTrue = new Uint8Array(count)
  tracks.forEach((track, index) => (missingTrue[index] = track === 1n ? 1 : 0))
  return { missingTrue }
}

/** The sets stand one behind the other, NaN between them, in the order of the nodes that compare with one. */
function readMembers(
  node: OnnxNode,
  dtype: ValueDtype,
  nodeModes: Uint8Array,
): Pick<TreeTables, 'memberStarts' | 'members'> {
  const values = tensorNumbers(node, 'membership_values', dtype)
  if (values.length === 0 && !nodeModes.includes(TreeMode.member)) return {}
  const members: number[] = []
  const memberStarts = new Uint32Array(nodeModes.length + 1)
  let at = 0
  for (let i = 0; i < nodeModes.length; i++) {
    if (nodeModes[i] === TreeMode.member) {
      if (at > values.length) throw new NotTrees('It has fewer membership_values than nodes that compare with them')
      for (; at < values.length && !Number.isNaN(values[at]); at++) members.push(values[at] as number)
      at++
    }
    memberStarts[i + 1] = members.length
  }
  const made: Numbers = dtype === 'float64' ? Float64Array.from(members) : Float32Array.from(members)
  return { memberStarts, members: made }
}
