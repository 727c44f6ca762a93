/** The engine's public API for tags: types only; part of api.ts. */
import type { PipelineRecord, TagUse } from './generated/records.js'
import type { ModelRecord } from './models.js'

/** Tags of pipelines and of model versions, and what is found by them. */
export interface TagsApi {
  /** Tags it has already are no error. @throws ERR_PIPELINE_NOT_FOUND; ERR_ARGUMENT beyond TAGS_MAX tags. */
  addToPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord>
  /** @throws ERR_ARGUMENT for a tag that it does not have. */
  removeFromPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord>
  /** @param version absent: the newest. */
  addToModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord>
  removeFromModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord>
  /** Every tag in use, in order, with who carries it. */
  list(): TagUse[]
  /** Those whose name or one of whose tags contains `term`, whatever the case of letters. */
  searchPipelines(term: string): PipelineRecord[]
  /** The same for models; each with only those versions that carry such a tag, or with all when its name has the term. */
  searchModels(term: string): ModelRecord[]
}
