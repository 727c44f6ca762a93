/** Explanations of pipelines, seen from outside: what other parts import of this folder. */
export { parseExplainConfig, EXPLAIN_METRICS } from './config.js'
export type {
  ExplainBaseline,
  ExplainConfig,
  ExplainGroup,
  ExplainMetric,
  ExplainOutput,
  OcclusionConfig,
  PermutationConfig,
} from './config.js'
export { occlude, type OcclusionResult } from './occlusion.js'
export { permute, type PermutationResult } from './permutation.js'
export { bindProblem, type Problem } from './problem.js'
export { copyTensor, numberAt, rowBytes, type Tensors } from './rows.js'
export type { RowRunner } from './variants.js'
