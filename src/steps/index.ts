/** The language of pipelines, whole: parse, build, compile, describe. What other parts import of this folder. */
export { pipeline, PipelineBuilder } from './builder.js'
export type {
  CheckOptions,
  Deployer,
  KeySplitOptions,
  ModelConfig,
  RandomSplitOptions,
  WeightedModel,
} from './builder.js'
export { compilePlan, describeStep } from './compile.js'
export { STEP_TYPES } from './kinds.js'
export { shadowSteps } from './kinds/shadow.js'
export { parseDefinition, parseSteps } from './parse.js'
