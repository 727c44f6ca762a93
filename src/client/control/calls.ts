/**
 * Every control call of a server: its address, what is sent, and its answer, typed and otherwise as the server sent it.
 * PenstockControl makes the engine's records of the answers. The CLI prints them as they are: what `--json` prints is the
 * server's own, and where a server of an earlier release leaves a member out, the human form says so, which records cannot.
 *
 * Names are not checked here: the server has the words for what is none.
 */
import type {
  DescriptionAnswer,
  ExplainConfigsAnswer,
  ExplanationAnswer,
  ExplanationsAnswer,
  LogExportAnswer,
  ModelAnswer,
  ModelsAnswer,
  ModelSourcesAnswer,
  NamedVersionAnswer,
  PipelineAnswer,
  PipelineModelsAnswer,
  PipelinesAnswer,
  PromotionAnswer,
  PromotionsAnswer,
  ReconciliationsAnswer,
  StatusAnswer,
  StoredVersionAnswer,
  TagsAnswer,
  UploadedVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import type { BytesAnswer, FormRequest, HttpCaller, HttpRequest } from './http.js'
import {
  configPath,
  configsPath,
  explanationPath,
  explanationsPath,
  logsPath,
  modelAliasPath,
  modelLineagePath,
  modelPath,
  modelReferencePath,
  modelVersionPath,
  pipelinePath,
  pipelineVersionPath,
  queryText,
} from './paths.js'

/** The query of an upload; providers, a device and a mode as their texts. */
export interface UploadQuery {
  readonly alias?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly providers?: readonly string[] | undefined
  readonly device?: string | undefined
  readonly batching?: string | undefined
}

type ChangeMethod = 'PUT' | 'DELETE'

export class ControlCalls {
  constructor(readonly http: HttpCaller) {}

  // ── models ────────────────────────────────────────────────────────────────────────────────────
  /** @param search only models with this text in their name, and versions with it in a tag. */
  listModels(search?: string): Promise<ModelsAnswer> {
    return this.#call('GET', `/v1/models${searchText(search)}`)
  }

  getModel(name: string): Promise<ModelAnswer> {
    return this.#call('GET', modelPath(name))
  }

  addModel(name: string, body: HttpRequest, options: UploadQuery): Promise<UploadedVersionAnswer> {
    const query = new URLSearchParams()
    for (const tag of options.tags ?? []) query.append('tag', tag)
    if (options.alias !== undefined) query.set('alias', options.alias)
    for (const provider of options.providers ?? []) query.append('provider', provider)
    if (options.device !== undefined) query.set('device', options.device)
    if (options.batching !== undefined) query.set('batching', options.batching)
    return this.#call('PUT', `${modelPath(name)}/versions${queryText(query)}`, body)
  }

  /** The version that a reference means: `wine@champion`, `models:/wine/Production` … */
  resolveModel(reference: string): Promise<UploadedVersionAnswer> {
    return this.#call('GET', modelReferencePath(reference))
  }

  setAlias(name: string, alias: string, version: number, isArchiving?: boolean): Promise<ModelAnswer> {
    const json = { version, ...(isArchiving === undefined ? {} : { archive_existing: isArchiving }) }
    return this.#call('PUT', modelAliasPath(name, alias), { json })
  }

  /** @param lineage as the wire has it, `run_id` …; sent as it is. */
  setLineage(name: string, version: number, lineage: object): Promise<ModelAnswer> {
    return this.#call('PUT', modelLineagePath(name, version), { json: lineage })
  }

  promote(name: string, body: object): Promise<PromotionAnswer> {
    return this.#call('POST', `${modelPath(name)}/promote`, { json: body })
  }

  promotions(name: string): Promise<PromotionsAnswer> {
    return this.#call('GET', `${modelPath(name)}/promotions`)
  }

  cancelPromotion(name: string, alias: string): Promise<undefined> {
    return this.#call('DELETE', `${modelPath(name)}/promotions/${encodeURIComponent(alias)}`)
  }

  /** The places that are watched for models. */
  listSources(): Promise<ModelSourcesAnswer> {
    return this.#call('GET', '/v1/sources')
  }

  reconcile(name: string): Promise<ReconciliationsAnswer> {
    return this.#call('POST', `${modelPath(name)}/reconcile`)
  }

  removeAlias(name: string, alias: string): Promise<ModelAnswer> {
    return this.#call('DELETE', modelAliasPath(name, alias))
  }

  removeModel(name: string): Promise<undefined> {
    return this.#call('DELETE', modelPath(name))
  }

  removeModelVersion(name: string, version: number): Promise<ModelAnswer> {
    return this.#call('DELETE', modelVersionPath(name, version))
  }

  // ── pipelines ─────────────────────────────────────────────────────────────────────────────────
  /** @param search only those whose name or one of whose tags contains this text. */
  listPipelines(search?: string): Promise<PipelinesAnswer> {
    return this.#call('GET', `/v1/pipelines${searchText(search)}`)
  }

  getPipeline(name: string): Promise<PipelineAnswer> {
    return this.#call('GET', pipelinePath(name))
  }

  getPipelineVersion(name: string, version: number): Promise<NamedVersionAnswer> {
    return this.#call('GET', pipelineVersionPath(name, version))
  }

  pipelineModels(name: string, version: number): Promise<PipelineModelsAnswer> {
    return this.#call('GET', `${pipelineVersionPath(name, version)}/models`)
  }

  /** @param definition sent as it is; a name in it that is not `name` is refused. */
  applyPipeline(name: string, definition: object, deploy: boolean): Promise<StoredVersionAnswer> {
    return this.#call('PUT', `${pipelinePath(name)}${deploy ? '?deploy=true' : ''}`, { json: definition })
  }

  /** Answers when the version serves. @param version absent: the newest. */
  deployPipeline(name: string, version: number | undefined): Promise<DescriptionAnswer> {
    return this.#call('POST', `${pipelinePath(name)}/deploy`, { json: { version } })
  }

  /** As `deployPipeline`, but answers at once. */
  beginDeploy(name: string, version: number | undefined): Promise<StatusAnswer> {
    return this.#call('POST', `${pipelinePath(name)}/deploy`, { json: { version, wait: false } })
  }

  undeployPipeline(name: string): Promise<unknown> {
    return this.#call('POST', `${pipelinePath(name)}/undeploy`)
  }

  removePipeline(name: string): Promise<undefined> {
    return this.#call('DELETE', pipelinePath(name))
  }

  describePipeline(name: string): Promise<DescriptionAnswer> {
    return this.#call('GET', `${pipelinePath(name)}/description`)
  }

  pipelineStatus(name: string): Promise<StatusAnswer> {
    return this.#call('GET', `${pipelinePath(name)}/status`)
  }

  /** Runs one request of JSON. Text in, text out: integers beyond 2^53 keep their digits. */
  infer(pipeline: string, body: string, query: URLSearchParams): Promise<string> {
    return this.http.callText('POST', `${pipelinePath(pipeline)}/infer${queryText(query)}`, { text: body })
  }

  // ── tags ──────────────────────────────────────────────────────────────────────────────────────
  listTags(): Promise<TagsAnswer> {
    return this.#call('GET', '/v1/tags')
  }

  /** One call a tag; a refusal leaves those before it done. @returns the last answer, without tags what there is. */
  changePipelineTags(method: ChangeMethod, name: string, tags: readonly string[]): Promise<PipelineAnswer> {
    return this.#changeTags(method, pipelinePath(name), tags, () => this.getPipeline(name))
  }

  /** As `changePipelineTags`. */
  changeModelTags(method: ChangeMethod, name: string, version: number, tags: readonly string[]): Promise<ModelAnswer> {
    return this.#changeTags(method, modelVersionPath(name, version), tags, () => this.getModel(name))
  }

  // ── explanations ──────────────────────────────────────────────────────────────────────────────
  putConfig(pipeline: string, name: string, config: unknown): Promise<unknown> {
    return this.#call('PUT', configPath(pipeline, name), { json: config })
  }

  listConfigs(pipeline: string): Promise<ExplainConfigsAnswer> {
    return this.#call('GET', configsPath(pipeline))
  }

  getConfig(pipeline: string, name: string): Promise<unknown> {
    return this.#call('GET', configPath(pipeline, name))
  }

  removeConfig(pipeline: string, name: string): Promise<undefined> {
    return this.#call('DELETE', configPath(pipeline, name))
  }

  /** @param request JSON text. */
  startExplanation(pipeline: string, request: string): Promise<ExplanationAnswer> {
    return this.#call('POST', explanationsPath(pipeline), { text: request })
  }

  listExplanations(pipeline: string): Promise<ExplanationsAnswer> {
    return this.#call('GET', explanationsPath(pipeline))
  }

  getExplanation(pipeline: string, id: string): Promise<ExplanationAnswer> {
    return this.#call('GET', explanationPath(pipeline, id))
  }

  cancelExplanation(pipeline: string, id: string): Promise<ExplanationAnswer> {
    return this.#call('DELETE', explanationPath(pipeline, id))
  }

  // ── the log ───────────────────────────────────────────────────────────────────────────────────
  /** A page, in the form that `accept` says; its end and its warnings are in headers. */
  readLogs(pipeline: string, query: URLSearchParams, accept?: string): Promise<BytesAnswer> {
    return this.http.callForBytes('GET', `${logsPath(pipeline)}${queryText(query)}`, { accept })
  }

  /** One SELECT over the logs of all pipelines. @param request as docs/reference/http.md has it. */
  queryLogs(request: object, form: Pick<FormRequest, 'accept' | 'signal'>): Promise<BytesAnswer> {
    return this.http.callForBytes('POST', '/v1/logs/query', { ...form, json: request })
  }

  /** @param request as docs/reference/http.md has it. */
  exportLogs(pipeline: string, request: object): Promise<LogExportAnswer> {
    return this.#call('POST', `${logsPath(pipeline)}/export`, { json: request })
  }

  async #changeTags<T>(
    method: ChangeMethod,
    path: string,
    tags: readonly string[],
    unchanged: () => Promise<T>,
  ): Promise<T> {
    let answer: T | undefined
    for (const tag of tags) answer = await this.#call<T>(method, `${path}/tags/${encodeURIComponent(tag)}`)
    return answer ?? unchanged()
  }

  /** The one place that takes a server at its word; fields that not all releases send are optional in the answers. */
  async #call<T>(method: string, path: string, request?: HttpRequest): Promise<T> {
    return (await this.http.call(method, path, request)) as T
  }
}

function searchText(search: string | undefined): string {
  return search === undefined ? '' : queryText(new URLSearchParams({ search }))
}
