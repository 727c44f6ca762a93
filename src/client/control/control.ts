/**
 * The control calls of a server that is somewhere else: models, pipelines, tags, explanations, with the names and records
 * of the embedded engine, so that a program that deploys to the one deploys to the other:
 *
 *   const control = new PenstockControl('http://127.0.0.1:8080')
 *   await pipeline('fraud', control).model('ccfraud@champion').deploy()
 *
 * Inference goes over PenstockClient, which streams; this goes over HTTP, one call an answer, nothing kept open.
 */
import { expectName } from '../../base/expect.js'
import type {
  AddModelOptions,
  EngineApi,
  ModelRecord,
  ModelVersion,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineVersion,
} from '../../engine/api/api.js'
import type { LogExport, LogExportResult, LogQuery, LogSqlOptions } from '../../engine/api/logs.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type {
  AddedAnswer,
  AppliedAnswer,
  DescriptionAnswer,
  ModelAnswer,
  PipelineAnswer,
  PipelineModelAnswer,
  PipelineVersionAnswer,
  StatusAnswer,
} from './answers.js'
import { RemoteExplanations } from './explanations.js'
import { exportLogs, queryLogs, readLogs, type RemoteLogPage, type RemoteSqlResult } from './logs.js'
import { expectVersion, modelPath, modelVersionPath, pipelinePath } from './paths.js'
import {
  description,
  modelRecord,
  modelVersion,
  pipelineModel,
  pipelineRecord,
  pipelineStatus,
  pipelineVersion,
  type RemoteStatus,
} from './records.js'
import { RemoteTags } from './tags.js'
import { HttpCaller, type ControlOptions } from './http.js'
import type { Remote } from './remote.js'

type MirroredCalls =
  | 'listModels'
  | 'getModel'
  | 'addModel'
  | 'setAlias'
  | 'removeAlias'
  | 'removeModel'
  | 'removeModelVersion'
  | 'listPipelines'
  | 'getPipeline'
  | 'getPipelineVersion'
  | 'pipelineModels'
  | 'applyPipeline'
  | 'deployPipeline'
  | 'beginDeploy'
  | 'undeployPipeline'
  | 'removePipeline'
  | 'describePipeline'

export class PenstockControl implements Remote<Pick<EngineApi, MirroredCalls>> {
  readonly tags: RemoteTags
  readonly explanations: RemoteExplanations
  readonly #http: HttpCaller

  /**
   * @param url `http://host:port` or https; nothing is sent yet.
   * @throws PenstockError ERR_ARGUMENT.
   */
  constructor(url: string, options: ControlOptions = {}) {
    this.#http = new HttpCaller(url, options)
    this.tags = new RemoteTags(this.#http)
    this.explanations = new RemoteExplanations(this.#http)
  }

  // ── models ────────────────────────────────────────────────────────────────────────────────────
  async listModels(): Promise<ModelRecord[]> {
    const { models } = (await this.#http.call('GET', '/v1/models')) as { models: readonly ModelAnswer[] }
    return models.map(modelRecord)
  }

  async getModel(name: string): Promise<ModelRecord> {
    return modelRecord((await this.#http.call('GET', modelPath(name))) as ModelAnswer)
  }

  async addModel(name: string, bytes: Uint8Array, options: AddModelOptions = {}): Promise<ModelVersion> {
    const query = new URLSearchParams((options.tags ?? []).map((tag): [string, string] => ['tag', tag]))
    if (options.alias !== undefined) query.set('alias', options.alias)
    for (const provider of options.providers ?? []) query.append('provider', provider)
    if (options.deviceId !== undefined) query.set('device', String(options.deviceId))
    const path = `${modelPath(name)}/versions${query.size === 0 ? '' : `?${query.toString()}`}`
    const dataFiles = [...filesOf(options.externalData)]
    const body = dataFiles.length === 0 ? { bytes } : { form: formOf(bytes, dataFiles) }
    return modelVersion(name, (await this.#http.call('PUT', path, body)) as AddedAnswer)
  }

  async setAlias(name: string, alias: string, version: number): Promise<ModelRecord> {
    const path = `${modelPath(name)}/aliases/${expectName('alias', alias)}`
    return modelRecord((await this.#http.call('PUT', path, { json: { version } })) as ModelAnswer)
  }

  async removeAlias(name: string, alias: string): Promise<ModelRecord> {
    const path = `${modelPath(name)}/aliases/${expectName('alias', alias)}`
    return modelRecord((await this.#http.call('DELETE', path)) as ModelAnswer)
  }

  async removeModel(name: string): Promise<void> {
    await this.#http.call('DELETE', modelPath(name))
  }

  async removeModelVersion(name: string, version: number): Promise<ModelRecord> {
    return modelRecord((await this.#http.call('DELETE', modelVersionPath(name, version))) as ModelAnswer)
  }

  // ── pipelines ─────────────────────────────────────────────────────────────────────────────────
  async listPipelines(): Promise<PipelineRecord[]> {
    const { pipelines } = (await this.#http.call('GET', '/v1/pipelines')) as { pipelines: readonly PipelineAnswer[] }
    return pipelines.map(pipelineRecord)
  }

  async getPipeline(name: string): Promise<PipelineRecord> {
    return pipelineRecord((await this.#http.call('GET', pipelinePath(name))) as PipelineAnswer)
  }

  async getPipelineVersion(name: string, version: number): Promise<PipelineVersion> {
    const path = `${pipelinePath(name)}/versions/${expectVersion(version)}`
    return pipelineVersion(name, (await this.#http.call('GET', path)) as PipelineVersionAnswer)
  }

  async pipelineModels(name: string, version?: number): Promise<PipelineModel[]> {
    const chosen = version ?? (await this.#servingOrNewest(name))
    const path = `${pipelinePath(name)}/versions/${expectVersion(chosen)}/models`
    const { models } = (await this.#http.call('GET', path)) as { models: readonly PipelineModelAnswer[] }
    return models.map(pipelineModel)
  }

  async applyPipeline(definition: PipelineDefinition, options: { deploy?: boolean } = {}): Promise<PipelineVersion> {
    const path = `${pipelinePath(definition.name)}${options.deploy === true ? '?deploy=true' : ''}`
    const answer = (await this.#http.call('PUT', path, { json: definition })) as AppliedAnswer
    return pipelineVersion(definition.name, answer)
  }

  /** Resolves when the version serves; `beginDeploy` does not wait. */
  async deployPipeline(name: string, version?: number): Promise<PipelineDescription> {
    const json = version === undefined ? {} : { version }
    const answer = await this.#http.call('POST', `${pipelinePath(name)}/deploy`, { json })
    return this.#described(answer as DescriptionAnswer)
  }

  async beginDeploy(name: string, version?: number): Promise<void> {
    const json = { ...(version === undefined ? {} : { version }), wait: false }
    await this.#http.call('POST', `${pipelinePath(name)}/deploy`, { json })
  }

  async undeployPipeline(name: string): Promise<void> {
    await this.#http.call('POST', `${pipelinePath(name)}/undeploy`)
  }

  async removePipeline(name: string): Promise<void> {
    await this.#http.call('DELETE', pipelinePath(name))
  }

  async describePipeline(name: string): Promise<PipelineDescription> {
    return this.#described((await this.#http.call('GET', `${pipelinePath(name)}/description`)) as DescriptionAnswer)
  }

  async pipelineStatus(name: string): Promise<RemoteStatus> {
    return pipelineStatus((await this.#http.call('GET', `${pipelinePath(name)}/status`)) as StatusAnswer)
  }

  // ── the log ───────────────────────────────────────────────────────────────────────────────────
  /** A page of the log, as the engine has it but for the number of its rows. */
  readLogs(pipeline: string, query: LogQuery = {}): Promise<RemoteLogPage> {
    return readLogs(this.#http, pipeline, query)
  }

  /** Writes files on the server, below its export directory. */
  exportLogs(pipeline: string, options: LogExport = {}): Promise<LogExportResult> {
    return exportLogs(this.#http, pipeline, options)
  }

  /** One SELECT over the logs of all pipelines. */
  queryLogs(sql: string, options: LogSqlOptions = {}): Promise<RemoteSqlResult> {
    return queryLogs(this.#http, sql, options)
  }

  async #servingOrNewest(name: string): Promise<number> {
    const { deployedVersion, versions } = await this.getPipeline(name)
    return deployedVersion ?? versions.at(-1)?.version ?? 1
  }

  async #described(answer: DescriptionAnswer): Promise<PipelineDescription> {
    const { definition } = await this.getPipelineVersion(answer.name, answer.version)
    return description(answer, definition)
  }
}

type DataFiles = Iterable<readonly [path: string, data: Uint8Array]>

function filesOf(externalData: AddModelOptions['externalData'] = {}): DataFiles {
  return externalData instanceof Map
    ? (externalData as ReadonlyMap<string, Uint8Array>)
    : Object.entries(externalData as Readonly<Record<string, Uint8Array>>)
}

function formOf(bytes: Uint8Array, dataFiles: DataFiles): FormData {
  const form = new FormData()
  // Blob reads views of any buffer; its types ask for one that cannot be shared.
  const blob = (data: Uint8Array): Blob => new Blob([data])
  form.append('model', blob(bytes), 'model.onnx')
  for (const [path, data] of dataFiles) form.append('data', blob(data), path)
  return form
}
