/**
 * Ensembles as trainers leave them, without a trainer: each tree is grown over rows of its own, the node with the most rows
 * first, at a value between two of them. Depths and the ways of rows are then those of real trees, which thresholds drawn from a
 * hat would not give. Each is written as a model that ONNX Runtime opens and as the spec that the addon takes.
 */
import { TreeAggregate, TreeKind, TreeMode, TreePostTransform } from '../../src/base/generated/boundary.js'
import { buildModel } from '../../src/onnx/testing/build.js'

export interface ForestShape {
  readonly name: string
  readonly trees: number
  readonly leaves: number
  readonly features: number
  /** Part of the elements that are NaN, in training and in the rows that are asked. */
  readonly missing: number
  /** Where a node splits its rows: 0.5 in the middle; less is more lopsided. */
  readonly balance: number
}

export interface Forest {
  readonly model: Uint8Array
  readonly arrays: Readonly<Record<string, Uint8Array>>
}

const trainingRows = 4096
const askedRows = 16_384

interface Nodes {
  readonly starts: number[]
  readonly tree: number[]
  readonly id: number[]
  readonly mode: number[]
  readonly feature: number[]
  readonly threshold: number[]
  readonly trueNode: number[]
  readonly falseNode: number[]
  readonly missing: number[]
  readonly weight: number[]
}

export function makeForest(shape: ForestShape): Forest {
  const random = mulberry(shape.trees * 1009 + shape.leaves)
  const rows = randomRows(shape, trainingRows, random)
  const nodes: Nodes = {
    starts: [],
    tree: [],
    id: [],
    mode: [],
    feature: [],
    threshold: [],
    trueNode: [],
    falseNode: [],
    missing: [],
    weight: [],
  }
  for (let tree = 0; tree < shape.trees; tree++) growTree(shape, tree, rows, nodes, random)
  return { model: modelOf(shape, nodes), arrays: arraysOf(shape, nodes, randomRows(shape, askedRows, random)) }
}

function randomRows({ features, missing }: ForestShape, rows: number, random: () => number): Float32Array {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Float32Array.from({ length: rows * features }, () => (random() < missing ? NaN : normal()))
}

function growTree(shape: ForestShape, tree: number, rows: Float32Array, nodes: Nodes, random: () => number): void {
  const start = nodes.tree.length
  nodes.starts.push(start)
  const add = (): number => {
    const id = nodes.tree.length - start
    nodes.tree.push(tree)
    nodes.id.push(id)
    nodes.mode.push(TreeMode.leaf)
    for (const list of [nodes.feature, nodes.threshold, nodes.trueNode, nodes.falseNode, nodes.missing]) list.push(0)
    nodes.weight.push(Math.fround(random() - 0.5))
    return id
  }
  const open = [{ id: add(), members: Array.from({ length: trainingRows }, (_, i) => i) }]
  for (let leaves = 1; leaves < shape.leaves; leaves++) {
    const largest = open.reduce((best, node, i) => (node.members.length > open[best]!.members.length ? i : best), 0)
    const { id, members } = open.splice(largest, 1)[0]!
    const feature = Math.floor(random() * shape.features)
    const valueOf = (row: number) => rows[row * shape.features + feature]!
    const values = members.map(valueOf).filter((value) => !Number.isNaN(value))
    const share = shape.balance + (1 - 2 * shape.balance) * random()
    const threshold = values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
    const takesMissing = shape.missing > 0 && random() < 0.5
    const isTrue = (row: number) => (Number.isNaN(valueOf(row)) ? takesMissing : valueOf(row) <= threshold)
    const trueNode = add()
    const falseNode = add()
    nodes.mode[start + id] = TreeMode.lessOrEqual
    nodes.feature[start + id] = feature
    nodes.threshold[start + id] = threshold
    nodes.trueNode[start + id] = trueNode
    nodes.falseNode[start + id] = falseNode
    nodes.missing[start + id] = Number(takesMissing)
    open.push({ id: trueNode, members: members.filter(isTrue) })
    open.push({ id: falseNode, members: members.filter((row) => !isTrue(row)) })
  }
}

function modelOf(shape: ForestShape, nodes: Nodes): Uint8Array {
  const leaves = nodes.mode.flatMap((mode, i) => (mode === TreeMode.leaf ? [i] : []))
  return buildModel({
    domains: { 'ai.onnx.ml': 3 },
    nodes: [
      {
        op: 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['scores'],
        attributes: {
          n_targets: 1,
          nodes_treeids: nodes.tree,
          nodes_nodeids: nodes.id,
          nodes_featureids: nodes.feature,
          nodes_values: Float32Array.from(nodes.threshold),
          nodes_modes: nodes.mode.map((mode) => (mode === TreeMode.leaf ? 'LEAF' : 'BRANCH_LEQ')),
          nodes_truenodeids: nodes.trueNode,
          nodes_falsenodeids: nodes.falseNode,
          ...(shape.missing > 0 ? { nodes_missing_value_tracks_true: nodes.missing } : {}),
          target_treeids: leaves.map((i) => nodes.tree[i]!),
          target_nodeids: leaves.map((i) => nodes.id[i]!),
          target_ids: leaves.map(() => 0),
          target_weights: Float32Array.from(leaves, (i) => nodes.weight[i]!),
        },
      },
    ],
    inputs: [['x', 'float32', ['N', shape.features]]],
    outputs: [['scores', 'float32', ['N', 1]]],
  })
}

function arraysOf(shape: ForestShape, nodes: Nodes, rows: Float32Array): Record<string, Uint8Array> {
  const bytes = (array: Float32Array | Uint32Array | Uint8Array) => new Uint8Array(array.buffer)
  const isLeaf = (i: number) => nodes.mode[i] === TreeMode.leaf
  const child = (list: readonly number[]) =>
    Uint32Array.from(list, (id, i) => (isLeaf(i) ? 0 : nodes.starts[nodes.tree[i]!]! + id))
  let weights = 0
  const starts = nodes.mode.map((mode) => (weights += Number(mode === TreeMode.leaf)))
  return {
    numbers: bytes(Uint32Array.of(shape.features, TreeKind.regressor, 1, TreeAggregate.sum, TreePostTransform.none)),
    roots: bytes(Uint32Array.from(nodes.starts)),
    modes: bytes(Uint8Array.from(nodes.mode)),
    featureIds: bytes(Uint32Array.from(nodes.feature)),
    thresholds: bytes(Float32Array.from(nodes.threshold)),
    trueNodes: bytes(child(nodes.trueNode)),
    falseNodes: bytes(child(nodes.falseNode)),
    missingTrue: bytes(Uint8Array.from(nodes.missing)),
    weightStarts: bytes(Uint32Array.from([0, ...starts])),
    targets: bytes(new Uint32Array(weights)),
    weights: bytes(Float32Array.from(nodes.weight.filter((_, i) => isLeaf(i)))),
    rows: bytes(rows),
  }
}

/** Numbers in [0, 1) that a seed repeats. @source mulberry32, Tommy Ettinger, public domain */
function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
