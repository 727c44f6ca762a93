/** `engine.tags` of a server: one call a tag. */
import type { ModelRecord, PipelineRecord, TagsApi, TagUse } from '../../engine/api/api.js'
import type { ModelAnswer, PipelineAnswer, TagAnswer } from './answers.js'
import { modelPath, modelVersionPath, pipelinePath } from './paths.js'
import { modelRecord, pipelineRecord } from './records.js'
import type { HttpCaller } from './http.js'
import type { Remote } from './remote.js'

export class RemoteTags implements Remote<TagsApi> {
  readonly #http: HttpCaller

  constructor(http: HttpCaller) {
    this.#http = http
  }

  async addToPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return pipelineRecord((await this.#change('PUT', pipelinePath(pipeline), tags)) as PipelineAnswer)
  }

  async removeFromPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return pipelineRecord((await this.#change('DELETE', pipelinePath(pipeline), tags)) as PipelineAnswer)
  }

  async addToModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel('PUT', model, tags, version)
  }

  async removeFromModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel('DELETE', model, tags, version)
  }

  async list(): Promise<TagUse[]> {
    const { tags } = (await this.#http.call('GET', '/v1/tags')) as { tags: readonly TagAnswer[] }
    return tags.slice()
  }

  async searchPipelines(term: string): Promise<PipelineRecord[]> {
    const path = `/v1/pipelines?${new URLSearchParams({ search: term }).toString()}`
    const { pipelines } = (await this.#http.call('GET', path)) as { pipelines: readonly PipelineAnswer[] }
    return pipelines.map(pipelineRecord)
  }

  async searchModels(term: string): Promise<ModelRecord[]> {
    const path = `/v1/models?${new URLSearchParams({ search: term }).toString()}`
    const { models } = (await this.#http.call('GET', path)) as { models: readonly ModelAnswer[] }
    return models.map(modelRecord)
  }

  async #changeModel(
    method: 'PUT' | 'DELETE',
    model: string,
    tags: readonly string[],
    version: number | undefined,
  ): Promise<ModelRecord> {
    const { versions } = (await this.#http.call('GET', modelPath(model))) as ModelAnswer
    const path = modelVersionPath(model, version ?? versions.at(-1)?.version ?? 1)
    return modelRecord((await this.#change(method, path, tags)) as ModelAnswer)
  }

  /** One call a tag; a refusal leaves those before it done. @returns the last answer. */
  async #change(method: 'PUT' | 'DELETE', path: string, tags: readonly string[]): Promise<unknown> {
    let answer: unknown
    for (const tag of tags) answer = await this.#http.call(method, `${path}/tags/${encodeURIComponent(tag)}`)
    // Without tags there is nothing to change: what is there is the answer.
    return answer ?? this.#http.call('GET', path.replace(/\/versions\/\d+$/, ''))
  }
}
