/**
 * Random tree ensembles, each as a model that ONNX Runtime opens and as the spec that the addon takes, written from one
 * description side by side: neither is made of the other.
 */
import { buildModel, type BuiltAttribute } from '../../src/onnx/testing/build.js'
import {
  TreeKind,
  TreeMode,
  type TreeAggregateCode,
  type TreeModeCode,
  type TreePostTransformCode,
} from '../../src/base/generated/boundary.js'
import type { NativeTreesSpec } from '../../bindings/native.js'

export interface TreeOptions {
  readonly operator: 'regressor' | 'classifier' | 'ensemble'
  readonly isDouble: boolean
  readonly features: number
  readonly trees: number
  readonly leaves: number
  readonly targets: number
  readonly modes: readonly TreeModeCode[]
  readonly hasMissing: boolean
  readonly hasChains: boolean
  /** Weights of a leaf: one a target, one of any target, or any number of any. */
  readonly weights: 'all' | 'one' | 'any' | 'first' | 'second'
  readonly aggregate: TreeAggregateCode
  readonly postTransform: TreePostTransformCode
  readonly bases: number
  readonly hasTextLabels?: boolean
  readonly hasPositiveWeights?: boolean
}

export interface TreeModel {
  readonly bytes: Uint8Array
  readonly spec: NativeTreesSpec
}

interface Node {
  mode: TreeModeCode
  feature: number
  threshold: number
  isMissingTrue: boolean
  trueNode: number
  falseNode: number
  weights: { target: number; value: number }[]
  members: number[]
}

export type Random = () => number

export function treeModel(options: TreeOptions, random: Random): TreeModel {
  const trees = Array.from({ length: options.trees }, () => randomTree(options, random))
  const bases = Array.from({ length: options.bases }, () => Math.fround(random() * 2 - 1))
  const bytes = options.operator === 'ensemble' ? ensembleModel(options, trees) : versionThree(options, trees, bases)
  return { bytes, spec: specOf(options, trees, bases) }
}

function randomTree(options: TreeOptions, random: Random): Node[] {
  const nodes: Node[] = []
  const below = (bound: number) => Math.floor(random() * bound)
  const value = () => {
    const kind = below(12)
    if (kind === 0) return [0, -0, 1e-45, -1e-45, Infinity, -Infinity, 3e38][below(7)] ?? 0
    if (kind < 6) return below(7) - 2
    return options.isDouble ? random() * 6 - 2 : Math.fround(random() * 6 - 2)
  }
  const add = (mode: TreeModeCode, feature = below(options.features)): number => {
    const isLeaf = mode === TreeMode.leaf
    nodes.push({
      mode,
      feature: isLeaf ? 0 : feature,
      threshold: isLeaf || mode === TreeMode.member ? 0 : value(),
      isMissingTrue: !isLeaf && options.hasMissing && below(3) === 0,
      trueNode: 0,
      falseNode: 0,
      weights: isLeaf ? leafWeights(options, random) : [],
      members: mode === TreeMode.member ? randomMembers(random) : [],
    })
    return nodes.length - 1
  }
  const link = (node: number, trueNode: number, falseNode: number) =>
    Object.assign(nodes[node]!, { trueNode, falseNode })
  const grow = (leaves: number): number => {
    if (leaves <= 1) return add(TreeMode.leaf)
    if (options.hasChains && below(4) === 0) return growChain(leaves)
    const node = add(options.modes[below(options.modes.length)]!)
    const left = 1 + below(leaves - 1)
    const falseNode = grow(leaves - left)
    link(node, grow(left), falseNode)
    return node
  }
  // As LightGBM's categories are exported before version 5: equals of one feature that share their true child.
  const growChain = (leaves: number): number => {
    const feature = below(options.features)
    const chain = Array.from({ length: 1 + below(5) }, () => add(TreeMode.equal, feature))
    for (const node of chain) {
      nodes[node]!.threshold = below(8)
      nodes[node]!.isMissingTrue = false
    }
    const last = grow(Math.max(1, leaves >> 1))
    const shared = grow(Math.max(1, leaves >> 1))
    chain.forEach((node, i) => link(node, shared, chain[i + 1] ?? last))
    return chain[0]!
  }
  // Version 5 has no tree of a leaf alone.
  grow((options.operator === 'ensemble' ? 2 : 1) + below(options.leaves))
  return nodes
}

function randomMembers(random: Random): number[] {
  const isWide = random() < 0.3
  const count = 1 + Math.floor(random() * (isWide ? 50 : 6))
  return Array.from({ length: count }, () => Math.floor(random() * (isWide ? 200 : 12)))
}

function leafWeights(options: TreeOptions, random: Random): { target: number; value: number }[] {
  const value = () => {
    const weight = options.hasPositiveWeights === true ? random() * 0.3 : random() * 2 - 1
    return options.isDouble && options.operator !== 'classifier' ? weight : Math.fround(weight)
  }
  const any = () => Math.floor(random() * options.targets)
  switch (options.weights) {
    case 'all':
      return Array.from({ length: options.targets }, (_, target) => ({ target, value: value() }))
    case 'one':
      return [{ target: any(), value: value() }]
    case 'any':
      return Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({ target: any(), value: value() }))
    case 'first':
    case 'second':
      return [{ target: options.weights === 'first' ? 0 : 1, value: value() }]
  }
}

const modeNames = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ', '', 'LEAF']
const aggregateNames = ['AVERAGE', 'SUM', 'MIN', 'MAX']
const postTransformNames = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT']

function versionThree(options: TreeOptions, trees: readonly Node[][], bases: readonly number[]): Uint8Array {
  const isClassifier = options.operator === 'classifier'
  const ids = trees.flatMap((nodes, tree) => nodes.map((node, id) => ({ tree, id, node })))
  const weights = ids.flatMap(({ tree, id, node }) => node.weights.map((weight) => ({ tree, id, ...weight })))
  const of = <T>(read: (entry: (typeof ids)[number]) => T): T[] => ids.map(read)
  const prefix = isClassifier ? 'class' : 'target'
  const floats = (name: string, values: readonly number[]): Record<string, BuiltAttribute> =>
    options.isDouble
      ? {
          [`${name}_as_tensor`]: {
            tensor: { name, dtype: 'float64', dims: [values.length], data: Float64Array.from(values) },
          },
        }
      : { [name]: Float32Array.from(values) }
  const attributes: Record<string, BuiltAttribute> = {
    nodes_treeids: of(({ tree }) => tree),
    nodes_nodeids: of(({ id }) => id),
    nodes_featureids: of(({ node }) => node.feature),
    ...floats(
      'nodes_values',
      of(({ node }) => node.threshold),
    ),
    nodes_modes: of(({ node }) => modeNames[node.mode]!),
    nodes_truenodeids: of(({ node }) => node.trueNode),
    nodes_falsenodeids: of(({ node }) => node.falseNode),
    ...(options.hasMissing ? { nodes_missing_value_tracks_true: of(({ node }) => Number(node.isMissingTrue)) } : {}),
    [`${prefix}_treeids`]: weights.map(({ tree }) => tree),
    [`${prefix}_nodeids`]: weights.map(({ id }) => id),
    [`${prefix}_ids`]: weights.map(({ target }) => target),
    ...floats(
      `${prefix}_weights`,
      weights.map(({ value }) => value),
    ),
    ...(bases.length > 0 ? floats('base_values', bases) : {}),
    post_transform: postTransformNames[options.postTransform]!,
    ...(isClassifier ? labelAttributes(options) : {}),
    ...(isClassifier ? {} : { n_targets: options.targets, aggregate_function: aggregateNames[options.aggregate]! }),
  }
  const dtype = options.isDouble ? 'float64' : 'float32'
  return buildModel({
    domains: { 'ai.onnx.ml': 3 },
    nodes: [
      {
        op: isClassifier ? 'TreeEnsembleClassifier' : 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: isClassifier ? ['label', 'scores'] : ['scores'],
        attributes,
      },
    ],
    inputs: [['x', dtype, ['N', options.features]]],
    outputs: [
      ...(isClassifier ? [['label', options.hasTextLabels === true ? 'string' : 'int64', ['N']] as const] : []),
      ['scores', 'float32', ['N', options.targets]],
    ],
  })
}

function labelAttributes(options: TreeOptions): Record<string, BuiltAttribute> {
  return options.hasTextLabels === true
    ? { classlabels_strings: Array.from({ length: options.targets }, (_, i) => `class ${i}`) }
    : { classlabels_int64s: Array.from({ length: options.targets }, (_, i) => 10 + 3 * i) }
}

/** TreeEnsemble of version 5: leaves apart from nodes, each with one weight. */
function ensembleModel(options: TreeOptions, trees: readonly Node[][]): Uint8Array {
  const dtype = options.isDouble ? 'float64' : 'float32'
  const inner = trees.flatMap((nodes, tree) => nodes.map((node, id) => ({ tree, id, node })))
  const splits = inner.filter(({ node }) => node.mode !== TreeMode.leaf)
  const leaves = inner.filter(({ node }) => node.mode === TreeMode.leaf)
  const placeOf = (list: typeof inner, tree: number, id: number) =>
    list.findIndex((entry) => entry.tree === tree && entry.id === id)
  const isLeaf = (tree: number, id: number) => trees[tree]![id]!.mode === TreeMode.leaf
  const place = (tree: number, id: number) => placeOf(isLeaf(tree, id) ? leaves : splits, tree, id)
  const numbers = (name: string, values: readonly number[]): BuiltAttribute => ({
    tensor: {
      name,
      dtype,
      dims: [values.length],
      data: options.isDouble ? Float64Array.from(values) : Float32Array.from(values),
    },
  })
  const members = splits.flatMap(({ node }) => (node.mode === TreeMode.member ? [...node.members, NaN] : []))
  const attributes: Record<string, BuiltAttribute> = {
    n_targets: options.targets,
    aggregate_function: options.aggregate,
    // ONNX Runtime takes SOFTMAX and LOGISTIC for each other here.
    post_transform: [0, 2, 1, 3, 4][options.postTransform]!,
    tree_roots: trees.map((_, tree) => place(tree, 0)),
    nodes_featureids: splits.map(({ node }) => node.feature),
    nodes_splits: numbers(
      'splits',
      splits.map(({ node }) => node.threshold),
    ),
    nodes_modes: {
      tensor: {
        name: 'modes',
        dtype: 'uint8',
        dims: [splits.length],
        data: Uint8Array.from(splits, ({ node }) => node.mode),
      },
    },
    nodes_truenodeids: splits.map(({ tree, node }) => place(tree, node.trueNode)),
    nodes_trueleafs: splits.map(({ tree, node }) => Number(isLeaf(tree, node.trueNode))),
    nodes_falsenodeids: splits.map(({ tree, node }) => place(tree, node.falseNode)),
    nodes_falseleafs: splits.map(({ tree, node }) => Number(isLeaf(tree, node.falseNode))),
    ...(options.hasMissing
      ? { nodes_missing_value_tracks_true: splits.map(({ node }) => Number(node.isMissingTrue)) }
      : {}),
    leaf_targetids: leaves.map(({ node }) => node.weights[0]!.target),
    leaf_weights: numbers(
      'weights',
      leaves.map(({ node }) => node.weights[0]!.value),
    ),
    ...(members.length > 0 ? { membership_values: numbers('members', members) } : {}),
  }
  return buildModel({
    irVersion: 10,
    opset: 21,
    domains: { 'ai.onnx.ml': 5 },
    nodes: [{ op: 'TreeEnsemble', domain: 'ai.onnx.ml', inputs: ['x'], outputs: ['scores'], attributes }],
    inputs: [['x', dtype, ['N', options.features]]],
    outputs: [['scores', dtype, ['N', options.targets]]],
  })
}

function specOf(options: TreeOptions, trees: readonly Node[][], bases: readonly number[]): NativeTreesSpec {
  const first = trees.map((_, tree) => trees.slice(0, tree).reduce((sum, nodes) => sum + nodes.length, 0))
  const nodes = trees.flatMap((list, tree) => list.map((node) => ({ node, first: first[tree]! })))
  const weights = nodes.flatMap(({ node }) => node.weights)
  const values = (list: readonly number[]) => (options.isDouble ? Float64Array.from(list) : Float32Array.from(list))
  const starts = (count: (node: Node) => number) => {
    let end = 0
    return Uint32Array.from([0, ...nodes.map(({ node }) => (end += count(node)))])
  }
  const dtype = options.isDouble ? 11 : 1
  const isClassifier = options.operator === 'classifier'
  return {
    inputDtype: dtype,
    valueDtype: dtype,
    outputDtype: options.operator === 'ensemble' ? dtype : 1,
    features: options.features,
    roots: Uint32Array.from(first),
    modes: Uint8Array.from(nodes, ({ node }) => node.mode),
    featureIds: Uint32Array.from(nodes, ({ node }) => node.feature),
    thresholds: values(nodes.map(({ node }) => node.threshold)),
    trueNodes: Uint32Array.from(nodes, ({ node, first: base }) => base + node.trueNode),
    falseNodes: Uint32Array.from(nodes, ({ node, first: base }) => base + node.falseNode),
    missingTrue: Uint8Array.from(nodes, ({ node }) => Number(node.isMissingTrue)),
    weightStarts: starts((node) => node.weights.length),
    targets: Uint32Array.from(weights, ({ target }) => target),
    weights: values(weights.map(({ value }) => value)),
    memberStarts: starts((node) => node.members.length),
    members: values(nodes.flatMap(({ node }) => node.members)),
    kind: isClassifier ? TreeKind.classifier : TreeKind.regressor,
    targetCount: options.targets,
    aggregate: options.aggregate,
    postTransform: options.postTransform,
    baseValues: values(bases),
    ...(isClassifier
      ? {
          classLabels: BigInt64Array.from({ length: options.targets }, (_, i) =>
            options.hasTextLabels === true ? BigInt(i) : BigInt(10 + 3 * i),
          ),
        }
      : {}),
  }
}

/** Rows on thresholds and members, right beside them, of small integers, and of what is no number. */
export function treeRows(spec: NativeTreesSpec, rows: number, random: Random): Float32Array | Float64Array {
  const isDouble = spec.valueDtype === 11
  const values = isDouble ? new Float64Array(rows * spec.features) : new Float32Array(rows * spec.features)
  const below = (bound: number) => Math.floor(random() * bound)
  for (let i = 0; i < values.length; i++) {
    const threshold = spec.thresholds[below(spec.thresholds.length)] ?? 0
    const kind = below(12)
    if (kind < 3) values[i] = threshold
    else if (kind < 5) values[i] = neighbour(threshold, below(2) === 0, isDouble)
    else if (kind < 8) values[i] = below(13) - 2
    else if (kind === 8) values[i] = [NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 3.4e38][below(8)] ?? 0
    else if (kind === 9) values[i] = spec.members?.[below(spec.members.length)] ?? threshold
    else values[i] = random() * 8 - 3
  }
  return values
}

function neighbour(value: number, isAbove: boolean, isDouble: boolean): number {
  if (!Number.isFinite(value)) return value
  if (value === 0) return (isAbove ? 1 : -1) * (isDouble ? Number.MIN_VALUE : 1e-45)
  const bits = new BigInt64Array(1)
  const doubles = new Float64Array(bits.buffer)
  const words = new Int32Array(1)
  const floats = new Float32Array(words.buffer)
  const step = value > 0 === isAbove ? 1 : -1
  if (isDouble) {
    doubles[0] = value
    bits[0] = bits[0]! + BigInt(step)
    return doubles[0]
  }
  floats[0] = value
  words[0] = words[0]! + step
  return floats[0]
}
