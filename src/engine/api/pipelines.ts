/**
 * Pipelines: what callers need to know of one that serves, and how it does, as far as answers do not print it. Types only.
 */
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { Calibration } from './calibration.js'
import type {
  ReportedDescription,
  ReportedModelStatus,
  ReportedPipelineModel,
  ReportedStatus,
} from './generated/records.js'
import type { ModelVersion } from './models.js'

/** One model of a version of a pipeline, with its input binding, and as the registry knows it. */
export interface PipelineModel extends ReportedPipelineModel {
  readonly model: ModelVersion | null
}

/** What a caller needs to form requests and to read answers, with the definition that it was made of. */
export interface PipelineDescription extends ReportedDescription {
  readonly definition: PipelineDefinition
}

export interface ModelStatus extends ReportedModelStatus {
  /** What `runPlan` was taken from; null unless calibrated. */
  readonly calibration: Calibration | null
}

export interface PipelineStatus extends ReportedStatus {
  readonly models: readonly ModelStatus[]
}
