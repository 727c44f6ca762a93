/** `engine.tags` of a server: one call a tag. */
import { expectModelName, expectName } from '../../base/expect.js'
import type { ModelRecord, PipelineRecord, TagsApi, TagUse } from '../../engine/api/api.js'
import type { ControlCalls } from './calls.js'
import { expectVersion } from './expect-version.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import { pipelineRecord } from './records.js'
import type { Remote } from './remote.js'

export class RemoteTags implements Remote<TagsApi> {
  readonly #calls: ControlCalls

  constructor(calls: ControlCalls) {
    this.#calls = calls
  }

  async addToPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return pipelineRecord(await this.#calls.changePipelineTags('PUT', expectName('pipeline', pipeline), tags))
  }

  async removeFromPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return pipelineRecord(await this.#calls.changePipelineTags('DELETE', expectName('pipeline', pipeline), tags))
  }

  async addToModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel('PUT', model, tags, version)
  }

  async removeFromModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel('DELETE', model, tags, version)
  }

  async list(): Promise<TagUse[]> {
    return readRecord('Tags', await this.#calls.listTags()).tags.slice()
  }

  async searchPipelines(term: string): Promise<PipelineRecord[]> {
    return (await this.#calls.listPipelines(term)).pipelines.map(pipelineRecord)
  }

  async searchModels(term: string): Promise<ModelRecord[]> {
    return readRecord('Models', await this.#calls.listModels(term)).models.slice()
  }

  async #changeModel(
    method: 'PUT' | 'DELETE',
    model: string,
    tags: readonly string[],
    version: number | undefined,
  ): Promise<ModelRecord> {
    const name = expectModelName('model', model)
    const chosen = version ?? (await this.#calls.getModel(name)).versions.at(-1)?.version ?? 1
    return readRecord('Model', await this.#calls.changeModelTags(method, name, expectVersion(chosen), tags))
  }
}
