/** The engine's public API for explanations: types only; part of api.ts. */
import type {
  ExplainConfig,
  OcclusionConfig,
  OcclusionResult,
  PermutationConfig,
  PermutationResult,
} from '../../explain/index.js'
import type { ExplainJob } from './generated/records.js'
import type { InferRequest, Meta } from './inference.js'

export type {
  ExplainBaseline,
  ExplainConfig,
  ExplainGroup,
  ExplainMetric,
  ExplainOutput,
  OcclusionConfig,
  OcclusionResult,
  PermutationConfig,
  PermutationResult,
} from '../../explain/index.js'
export type ExplainResult = OcclusionResult | PermutationResult

export interface ExplainRequest {
  /** The name of a stored one; or one in place, whose own name may be left out. */
  readonly config: string | ExplainConfig | Omit<OcclusionConfig, 'name'> | Omit<PermutationConfig, 'name'>
  /** The rows, as `infer` takes them; copied. */
  readonly inputs: InferRequest['inputs']
  /** One number per row, for metrics that compare. */
  readonly targets?: readonly number[] | undefined
  readonly meta?: Meta | undefined
}

/** Why a pipeline answers as it does, seen from outside; docs/guides/explanations.md. */
export interface ExplanationsApi {
  /** Stores a configuration, in place of one of the same name. @throws ERR_ARGUMENT, ERR_PIPELINE_NOT_FOUND. */
  putConfig(pipeline: string, config: ExplainConfig): Promise<ExplainConfig>
  listConfigs(pipeline: string): ExplainConfig[]
  /** @throws ERR_EXPLANATION_NOT_FOUND */
  getConfig(pipeline: string, name: string): ExplainConfig
  removeConfig(pipeline: string, name: string): Promise<void>
  /**
   * Begins to explain the version that serves.
   * @throws ERR_PIPELINE_NOT_DEPLOYED; ERR_ARGUMENT, ERR_SHAPE … for what does not fit; ERR_QUEUE_FULL when too many wait.
   */
  start(pipeline: string, request: ExplainRequest): ExplainJob
  /** Oldest first, without results. */
  list(pipeline: string): ExplainJob[]
  /** @throws ERR_EXPLANATION_NOT_FOUND */
  get(pipeline: string, id: string): ExplainJob
  /** Ends it if it has not ended yet. */
  cancel(pipeline: string, id: string): ExplainJob
  /** Resolves when it has ended, however. */
  finished(pipeline: string, id: string): Promise<ExplainJob>
}
