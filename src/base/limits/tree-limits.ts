/** Limits on the tree ensembles that the tree kernels run, each with its unit and reason. */
// What C++ knows as well: src/protocol/boundary.json has their reasons.
export {
  TREE_FEATURES_MAX,
  TREE_KERNELS_REVISION,
  TREE_NODES_MAX,
  TREE_TARGETS_MAX,
  TREES_MAX,
} from '../generated/boundary.js'

/**
 * Rows on which the answers of the tree kernels are compared with those of ONNX Runtime before they serve. A model of few
 * nodes has each threshold and each leaf among them many times over; of a large forest a part, drawn at random.
 */
export const TREE_PROOF_ROWS_MAX = 32_768
/** The same at least, however long they take: a forest that answers ten rows a second is not worth the kernels. */
export const TREE_PROOF_ROWS_MIN = 2_048
/** Milliseconds of comparing, of rows beyond those: an upload is awaited by somebody. */
export const TREE_PROOF_MS = 2_000
/** Milliseconds after which a model whose rows take so long stays with ONNX Runtime. */
export const TREE_PROOF_MS_MAX = 20_000
