/**
 * What the addon exports for tree ensembles, 1:1 with native/addon/trees/. Types only; `native.ts` re-exports them.
 * The codes are those of src/protocol/boundary.json (TreeMode, TreeAggregate, TreePostTransform, TreeKind).
 *
 * A spec is an ensemble as ai.onnx.ml 1, 3 and 5 write it, in flat arrays: whoever reads the graph brings the three forms
 * into this one. What is computed is what ONNX Runtime computes with one thread, bit for bit: the leaves' weights are added
 * in the order of the trees, from 0, in `valueDtype`; then come the base values and the post-transform.
 */
import type { TreeAggregateCode, TreeKindCode, TreePostTransformCode } from '../src/base/generated/boundary.js'

export type TreesHandle = object & { readonly __trees: unique symbol }

export interface NativeTreesSpec {
  /** Elements of a row as callers send them: the ONNX code of float32, float64, int64 or int32. */
  readonly inputDtype: number
  /** Columns of the input, 1..TREE_FEATURES_MAX; more than any feature of a node. */
  readonly features: number
  /**
   * float32 or float64: what an element is cast to (as `Cast` does; also what ONNX Runtime's comparison of an integer with a
   * float32 does) before anything else, and what thresholds, weights, base values and sums are. ONNX Runtime takes
   * float64 exactly where the operator's own input is float64.
   */
  readonly valueDtype: number
  /** float32 or float64: of the scores. TreeEnsembleRegressor and Classifier give float32; TreeEnsemble (5) its input's. */
  readonly outputDtype: number
  /**
   * A Scaler before the trees: (x - offset) * factor, in float32; 1 or `features` values each. Only where valueDtype is
   * float32. Absent: none.
   */
  readonly scaleOffset?: Float32Array
  readonly scaleFactor?: Float32Array

  /** The first node of each tree, in the order in which leaves are added; 1..TREES_MAX. */
  readonly roots: Uint32Array
  /** By node, 1..TREE_NODES_MAX: TreeMode. `leaf` ends a tree. */
  readonly modes: Uint8Array
  /** By node: the column that it looks at; 0 for leaves. */
  readonly featureIds: Uint32Array
  /** By node: the threshold, of valueDtype (Float32Array or Float64Array); any for leaves and members. NaN: no number compares. */
  readonly thresholds: Float32Array | Float64Array
  /** By node: the nodes that come next; 0 for leaves. Nodes may be shared within a tree, cycles are refused. */
  readonly trueNodes: Uint32Array
  readonly falseNodes: Uint32Array
  /** By node, 1: NaN takes the true branch, whatever the mode says. Absent: nowhere. */
  readonly missingTrue?: Uint8Array
  /**
   * By node, and one more: where its weights begin in `weights` and `targets`. Those of nodes that are no leaves are not added, but looked at where a classifier's special cases ask for the signs and
   * classes of all weights, as in ONNX Runtime.
   * ONNX Runtime takes the first alone of a leaf that has several where there is one target or class.
   */
  readonly weightStarts: Uint32Array
  /** The target or class of each weight, < targetCount. */
  readonly targets: Uint32Array
  readonly weights: Float32Array | Float64Array
  /**
   * By node, and one more: where the members of a TreeMode.member begin. Absent: no node has any. As in ONNX Runtime, a set of 31
   * members or with one beyond 0..30 is one of integers: 33.5 is a member where 33 is.
   */
  readonly memberStarts?: Uint32Array
  readonly members?: Float32Array | Float64Array

  readonly kind: TreeKindCode
  /** Targets of a regressor, labels of a classifier: 1..TREE_TARGETS_MAX. */
  readonly targetCount: number
  readonly aggregate: TreeAggregateCode
  /** What the name says. ONNX Runtime takes a TreeEnsemble's 1 for logistic and its 2 for softmax, against the specification. */
  readonly postTransform: TreePostTransformCode
  /** Empty where there are none. Regressors: 0 or targetCount. Classifiers: 0, targetCount, and 1 where there are two classes. */
  readonly baseValues: Float32Array | Float64Array
  /** Classifiers: the label of each class; indexes 0..n-1 where labels are texts. */
  readonly classLabels?: BigInt64Array
}

export interface NativeTreesInfo {
  readonly trees: number
  readonly nodes: number
  /** Leaves of the largest tree. */
  readonly leavesMax: number
  /** Scores of a row: targetCount, or 2 where ONNX Runtime makes two of one. */
  readonly scoreColumns: number
  readonly hasLabels: boolean
  /** Memory that the handle holds, beside the scratch of each thread. */
  readonly bytes: number
  /** What runs many rows and what runs a few: `scalar`, `bits`, `bits+tail`, `lanes` …, for records and logs. */
  readonly kernelMany: string
  readonly kernelFew: string
}

export interface NativeTrees {
  /**
   * Compiles an ensemble. The spec is copied.
   * @throws RangeError in one sentence where the spec is unsound (cycles, indexes out of range, sizes that differ) or cannot
   *   be answered bit for bit; ONNX Runtime runs the model then, or refuses it.
   */
  makeTrees(spec: NativeTreesSpec): TreesHandle
  treesInfo(trees: TreesHandle): NativeTreesInfo
  /**
   * Answers rows, on the caller's thread. Any number of threads may do so at once, with handles of the same ensemble (shareTrees).
   * @param input rows * features elements of inputDtype, row-major; lent for the call.
   * @param scores rows * scoreColumns elements of outputDtype; written.
   * @param labels rows elements; written. null where there are none (regressors), or nobody asks.
   * @throws RangeError where a size does not fit.
   */
  runTrees(
    trees: TreesHandle,
    input: ArrayBufferView,
    rows: number,
    scores: ArrayBufferView,
    labels: BigInt64Array | null,
  ): void
  /** A number by which other isolates of the process find it while somebody holds the handle. */
  shareTrees(trees: TreesHandle): number
  /** @throws RangeError where nobody holds it any more. */
  adoptTrees(id: number): TreesHandle
  /** Gives the handle's share of the memory back at once; a collector does so when it likes, which an idle thread's never does. */
  closeTrees(trees: TreesHandle): void
}
