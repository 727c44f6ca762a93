/** Small tree ensembles as exporters write them, for tests: what a test is about stands in its nested trees. */
import { buildModel, type BuiltModel, type BuiltNode } from '../../testing/build.js'
import type { BuiltAttribute } from '../../testing/build.js'
import type { RandomSource } from '../../../base/random.js'

/** A leaf: weights by target. A branch: how a column compares with a threshold, and where it leads. */
export type BuiltTree =
  | { readonly weights: Readonly<Record<number, number>> }
  | {
      readonly column: number
      readonly mode?: string
      readonly threshold: number
      readonly nanIsTrue?: boolean
      readonly yes: BuiltTree
      readonly no: BuiltTree
    }

interface Listed {
  readonly tree: number
  readonly node: number
  readonly built: BuiltTree
  yes: number
  no: number
}

/** The attributes that regressors and classifiers share. @param owner `target` or `class`. */
export function treeAttributes(
  trees: readonly BuiltTree[],
  owner: 'target' | 'class',
): Readonly<Record<string, BuiltAttribute>> {
  const nodes = trees.flatMap((tree, number) => listed(tree, number))
  const weights = nodes.flatMap(({ built, tree, node }) =>
    'weights' in built
      ? Object.entries(built.weights).map(([target, weight]) => ({ tree, node, target: Number(target), weight }))
      : [],
  )
  const branch = <T>(of: (built: Extract<BuiltTree, { column: number }>, at: Listed) => T, leaf: T): T[] =>
    nodes.map((at) => ('weights' in at.built ? leaf : of(at.built, at)))
  return {
    nodes_treeids: nodes.map(({ tree }) => tree),
    nodes_nodeids: nodes.map(({ node }) => node),
    nodes_modes: branch(({ mode }) => mode ?? 'BRANCH_LEQ', 'LEAF'),
    nodes_featureids: branch(({ column }) => column, 0),
    nodes_values: Float32Array.from(branch(({ threshold }) => threshold, 0)),
    nodes_truenodeids: branch((_, { yes }) => yes, 0),
    nodes_falsenodeids: branch((_, { no }) => no, 0),
    nodes_missing_value_tracks_true: branch(({ nanIsTrue }) => (nanIsTrue === true ? 1 : 0), 0),
    [`${owner}_treeids`]: weights.map(({ tree }) => tree),
    [`${owner}_nodeids`]: weights.map(({ node }) => node),
    [`${owner}_ids`]: weights.map(({ target }) => target),
    [`${owner}_weights`]: Float32Array.from(weights, ({ weight }) => weight),
  }
}

/** In pre-order, the node of a branch before those below it. */
function listed(built: BuiltTree, tree: number, all: Listed[] = []): Listed[] {
  const entry: Listed = { tree, node: all.length, built, yes: 0, no: 0 }
  all.push(entry)
  if ('weights' in built) return all
  entry.yes = all.length
  listed(built.yes, tree, all)
  entry.no = all.length
  listed(built.no, tree, all)
  return all
}

export interface BuiltForest {
  readonly trees: readonly BuiltTree[]
  readonly columns: number
  readonly targets?: number
  readonly attributes?: Readonly<Record<string, BuiltAttribute>>
  readonly inputDtype?: 'float32' | 'float64' | 'int64' | 'int32'
  /** Nodes before and behind it; the ensemble reads `x`, or `before`'s last output, and gives `y`. */
  readonly before?: readonly BuiltNode[]
  readonly behind?: readonly BuiltNode[]
  readonly rest?: Partial<BuiltModel>
}

/** A regressor over `x` [n, columns], answering `y` [n, targets]. */
export function buildRegressor(forest: BuiltForest): Uint8Array {
  const { trees, columns, targets = 1, attributes = {}, inputDtype = 'float32', before = [], behind = [] } = forest
  const last = behind.at(-1)?.outputs[0] ?? 'y'
  return buildModel({
    domains: { 'ai.onnx.ml': 3 },
    inputs: [['x', inputDtype, ['n', columns]]],
    nodes: [
      ...before,
      {
        op: 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: [before.at(-1)?.outputs[0] ?? 'x'],
        outputs: ['y'],
        attributes: { ...treeAttributes(trees, 'target'), n_targets: targets, ...attributes },
      },
      ...behind,
    ],
    outputs: [[last, 'float32', ['n', targets]]],
    ...forest.rest,
  })
}

/** A classifier over `x`, answering `label` and `scores`. */
export function buildClassifier(
  forest: BuiltForest & { readonly labels: readonly number[] | readonly string[] },
): Uint8Array {
  const { trees, columns, labels, attributes = {}, behind = [] } = forest
  const isText = typeof labels[0] === 'string'
  return buildModel({
    domains: { 'ai.onnx.ml': 3 },
    inputs: [['x', 'float32', ['n', columns]]],
    nodes: [
      {
        op: 'TreeEnsembleClassifier',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['label', 'scores'],
        attributes: {
          ...treeAttributes(trees, 'class'),
          [isText ? 'classlabels_strings' : 'classlabels_int64s']: labels,
          ...attributes,
        },
      },
      ...behind,
    ],
    outputs: [
      ['label', isText ? 'string' : 'int64', ['n']],
      ['scores', 'float32', ['n', labels.length]],
    ],
    ...forest.rest,
  })
}

export interface DrawnTrees {
  readonly columns: number
  readonly depth: number
  readonly targets: number
  readonly modes: readonly string[]
  readonly count: number
}

/** Random trees: thresholds that rows share, missing values either way. */
export function drawTrees({ columns, depth, targets, modes, count }: DrawnTrees, random: RandomSource): BuiltTree[] {
  const below = (choices: number): number => Math.floor(random() * choices)
  const draw = (left: number): BuiltTree => {
    if (left === 0 || random() < 0.1) {
      const target = below(targets)
      return { weights: { [target]: Math.fround(random() - 0.5) } }
    }
    const mode = modes[below(modes.length)] as string
    const threshold = mode === 'BRANCH_EQ' || mode === 'BRANCH_NEQ' ? below(8) : Math.fround(random() * 4 - 1)
    const column = below(columns)
    return { column, mode, threshold, nanIsTrue: random() < 0.5, yes: draw(left - 1), no: draw(left - 1) }
  }
  return Array.from({ length: count }, () => draw(depth))
}
