/**
 * A graph that is a tree ensemble, as plain data: the nodes of all trees in flat arrays, what is done to the input before
 * and to the scores behind them. The three forms of ai.onnx.ml (1, 3 and 5) come out alike.
 *
 * The arrays are what the tree kernels are given (bindings/native-trees.ts has the same fields, and the compiler holds the
 * two together where one is handed on); codes are those of protocol/boundary.json.
 */
import type { TreeAggregateCode, TreeKindCode, TreePostTransformCode } from '../../base/generated/boundary.js'
import type { NumericDtype } from '../../tensor/tensor.js'

export type Numbers = Float32Array | Float64Array
/** What thresholds, weights and sums are. */
export type ValueDtype = 'float32' | 'float64'

/** The nodes of all trees. A node is named by its index. */
export interface TreeTables {
  /** First node of each tree, in the order in which their leaves are added. */
  readonly roots: Uint32Array
  /** By node: TreeMode. */
  readonly modes: Uint8Array
  /** By node: the column that it looks at; 0 for leaves. */
  readonly featureIds: Uint32Array
  /** By node, of the ensemble's value dtype. */
  readonly thresholds: Numbers
  /** By node: those that come next; 0 for leaves. */
  readonly trueNodes: Uint32Array
  readonly falseNodes: Uint32Array
  /** By node, 1: NaN takes the true branch. Absent: nowhere. */
  readonly missingTrue?: Uint8Array
  /** By node, and one more: where its weights begin; nodes that are no leaves have none. */
  readonly weightStarts: Uint32Array
  /** The target or class of each weight. */
  readonly targets: Uint32Array
  readonly weights: Numbers
  /** By node, and one more, where its members begin. Absent: no node compares with members. */
  readonly memberStarts?: Uint32Array
  readonly members?: Numbers
}

export interface TreeEnsemble extends TreeTables {
  readonly kind: TreeKindCode
  readonly targetCount: number
  readonly aggregate: TreeAggregateCode
  readonly postTransform: TreePostTransformCode
  readonly baseValues: Numbers
  /** Classifiers: the label of each class; indexes where labels are texts. */
  readonly classLabels?: BigInt64Array
}

/** What the tree kernels are made of. */
export interface TreeSpec extends TreeEnsemble {
  /** ONNX codes of dtypes: of the input's elements, of thresholds and sums, of the scores. */
  readonly inputDtype: number
  readonly valueDtype: number
  readonly outputDtype: number
  /** Columns of the input. */
  readonly features: number
  /** (x - offset) * factor before the trees; 1 or `features` values each. */
  readonly scaleOffset?: Float32Array
  readonly scaleFactor?: Float32Array
}

/** An output of the graph, and what of the ensemble it is. */
export interface TreeOutput {
  readonly name: string
  readonly source: 'scores' | 'labels'
  readonly dtype: NumericDtype | 'string'
  /** Dims behind the row axis; their product is the elements of a row. */
  readonly dims: readonly number[]
}

export interface TreeGraph {
  readonly input: { readonly name: string; readonly dtype: NumericDtype }
  readonly outputs: readonly TreeOutput[]
  readonly spec: TreeSpec
  /** By class, where labels are texts; null: they are integers, or there are none. */
  readonly labelTexts: readonly string[] | null
}

/** Why a graph is none that the tree kernels run, as one sentence. */
export class NotTrees extends Error {}
