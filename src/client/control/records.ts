/**
 * From the server's JSON answers to the records of the engine's API. The tables of protocol/answers/ say how, and what
 * stands for fields that an earlier release does not send; here is what they cannot say, where one field stands for another.
 */
import type { ReportedCalibration, ReportedModelStatus, ReportedStatus } from '../../engine/api/generated/records.js'
import type { PipelineDescription, PipelineRecord } from '../../engine/api/api.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { DescriptionAnswer, PipelineAnswer, StatusAnswer } from '../../protocol/answers/generated/answers.js'
import { readRecord } from '../../protocol/answers/mapping.js'

/** What a calibration has shown, without the plan that was made of it: that one is `runPlan`. */
export type RemoteCalibration = ReportedCalibration
export type RemoteModelStatus = ReportedModelStatus
export type RemoteStatus = ReportedStatus

export function pipelineRecord(answer: PipelineAnswer): PipelineRecord {
  const createdAt = answer.created_at ?? answer.versions[0]?.created_at ?? ''
  return readRecord('Pipeline', { ...answer, created_at: createdAt, updated_at: answer.updated_at ?? createdAt })
}

export function pipelineStatus(answer: StatusAnswer): RemoteStatus {
  return readRecord('Status', { ...answer, state: answer.state ?? (answer.deployed ? 'running' : 'undeployed') })
}

/** The definition is an answer of its own. */
export function description(answer: DescriptionAnswer, definition: PipelineDefinition): PipelineDescription {
  return { ...readRecord('Description', answer), definition }
}
