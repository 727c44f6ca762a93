/**
 * The control calls of a server that is somewhere else: models, pipelines, tags, explanations, with the names and records
 * of the embedded engine, so that a program that deploys to the one deploys to the other:
 *
 *   const control = new PenstockControl('http://127.0.0.1:8080')
 *   await pipeline('fraud', control).model('ccfraud@champion').deploy()
 *
 * Inference goes over PenstockClient, which streams; this goes over HTTP, one call an answer, nothing kept open.
 */
import { argumentError, expectModelName, expectName, expectString } from '../../base/expect.js'
import { expectLineage, type Lineage } from '../../base/lineage.js'
import type {
  AddModelOptions,
  EngineApi,
  ModelRecord,
  ModelVersion,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineVersion,
  ModelSourceStatus,
  Promotion,
  PromotionOptions,
  Reconciliation,
  SetAliasOptions,
} from '../../engine/api/api.js'
import type { LogExport, LogExportResult, LogQuery, LogSqlOptions } from '../../engine/api/logs.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { DescriptionAnswer } from '../../protocol/answers/generated/answers.js'
import { readRecord, writeAnswer } from '../../protocol/answers/mapping.js'
import { ControlCalls } from './calls.js'
import { ContractCalls } from './contract-calls.js'
import { expectVersion } from './expect-version.js'
import { RemoteContracts } from './contracts.js'
import { DatasetCalls, RemoteDatasets } from './datasets.js'
import { RemoteTokenizers, TokenizerCalls } from './tokenizers.js'
import { RemoteExplanations } from './explanations.js'
import { HttpCaller, type ControlOptions, type HttpRequest, type SizedStream } from './http.js'
import { exportRequest, queryLogs, readLogs, type RemoteLogPage, type RemoteSqlResult } from './logs.js'
import { description, pipelineRecord, pipelineStatus, type RemoteStatus } from './records.js'
import type { Remote } from './remote.js'
import { RemoteTags } from './tags.js'

type MirroredCalls =
  | 'listModels'
  | 'getModel'
  | 'resolveModel'
  | 'addModel'
  | 'setAlias'
  | 'promote'
  | 'setLineage'
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
  readonly contracts: RemoteContracts
  readonly datasets: RemoteDatasets
  readonly tokenizers: RemoteTokenizers
  readonly explanations: RemoteExplanations
  readonly #calls: ControlCalls

  /**
   * @param url `http://host:port` or https; nothing is sent yet.
   * @throws PenstockError ERR_ARGUMENT.
   */
  constructor(url: string, options: ControlOptions = {}) {
    const http = new HttpCaller(url, options)
    this.#calls = new ControlCalls(http)
    this.tags = new RemoteTags(this.#calls)
    this.contracts = new RemoteContracts(new ContractCalls(http))
    this.datasets = new RemoteDatasets(new DatasetCalls(http))
    this.tokenizers = new RemoteTokenizers(new TokenizerCalls(http))
    this.explanations = new RemoteExplanations(this.#calls)
  }

  // ── models ────────────────────────────────────────────────────────────────────────────────────
  async listModels(): Promise<ModelRecord[]> {
    return readRecord('Models', await this.#calls.listModels()).models.slice()
  }

  async getModel(name: string): Promise<ModelRecord> {
    return readRecord('Model', await this.#calls.getModel(modelNamed(name)))
  }

  /**
   * @param model its bytes; or, where they are many, a stream of them, which is sent while it is read: of the .onnx file,
   *   or of a multipart/form-data body with its data files, for which `externalData` has no place then.
   */
  async addModel(name: string, model: Uint8Array | SizedStream, options: AddModelOptions = {}): Promise<ModelVersion> {
    const { alias, tags, providers, deviceId, batching } = options
    const device = deviceId === undefined ? undefined : String(deviceId)
    const query = { alias, tags, providers, device, batching }
    const lineage = options.lineage === undefined ? undefined : expectLineage('lineage', options.lineage)
    const added = readRecord(
      'UploadedVersion',
      await this.#calls.addModel(modelNamed(name), uploadOf(model, options), query),
    )
    if (lineage === undefined) return added
    const { versions } = await this.setLineage(name, added.version, lineage)
    return versions.find(({ version }) => version === added.version) ?? added
  }

  async resolveModel(reference: string): Promise<ModelVersion> {
    return readRecord('UploadedVersion', await this.#calls.resolveModel(expectString('reference', reference)))
  }

  async setAlias(
    name: string,
    alias: string,
    version: number,
    { archiveExisting }: SetAliasOptions = {},
  ): Promise<ModelRecord> {
    const named = expectString('alias', alias)
    return readRecord('Model', await this.#calls.setAlias(modelNamed(name), named, version, archiveExisting))
  }

  async setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord> {
    const wire = writeAnswer('Lineage', expectLineage('lineage', lineage))
    return readRecord('Model', await this.#calls.setLineage(modelNamed(name), expectVersion(version), wire))
  }

  /** @param options without `signal`: a promotion that was sent is decided. */
  async promote(name: string, version: number, options: PromotionOptions): Promise<Promotion> {
    const { to, rows, require, betterThan, by, pipeline, prediction } = options
    const body = {
      version: expectVersion(version),
      to,
      rows,
      require,
      better_than: betterThan,
      by,
      pipeline,
      prediction,
    }
    return readRecord('Promotion', await this.#calls.promote(modelNamed(name), body))
  }

  /** The places that the server watches for models. */
  async listSources(): Promise<ModelSourceStatus[]> {
    return readRecord('ModelSources', await this.#calls.listSources()).sources.slice()
  }

  /**
   * Gives the registry what the watched places have of a model now; aliases that were moved by hand follow, too.
   * @returns one for each place that has the model.
   * @throws ERR_UNSUPPORTED: no place is watched; ERR_MODEL_NOT_FOUND; ERR_SOURCE.
   */
  async reconcile(name: string): Promise<Reconciliation[]> {
    return readRecord('Reconciliations', await this.#calls.reconcile(modelNamed(name))).reconciliations.slice()
  }

  async removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return readRecord('Model', await this.#calls.removeAlias(modelNamed(name), expectString('alias', alias)))
  }

  async removeModel(name: string): Promise<void> {
    await this.#calls.removeModel(modelNamed(name))
  }

  async removeModelVersion(name: string, version: number): Promise<ModelRecord> {
    return readRecord('Model', await this.#calls.removeModelVersion(modelNamed(name), expectVersion(version)))
  }

  // ── pipelines ─────────────────────────────────────────────────────────────────────────────────
  async listPipelines(): Promise<PipelineRecord[]> {
    return (await this.#calls.listPipelines()).pipelines.map(pipelineRecord)
  }

  async getPipeline(name: string): Promise<PipelineRecord> {
    return pipelineRecord(await this.#calls.getPipeline(pipelineNamed(name)))
  }

  async getPipelineVersion(name: string, version: number): Promise<PipelineVersion> {
    const answer = await this.#calls.getPipelineVersion(pipelineNamed(name), expectVersion(version))
    return readRecord('NamedVersion', answer)
  }

  async pipelineModels(name: string, version?: number): Promise<PipelineModel[]> {
    const chosen = version ?? (await this.#servingOrNewest(name))
    const answer = await this.#calls.pipelineModels(pipelineNamed(name), expectVersion(chosen))
    return readRecord('PipelineModels', answer).models.slice()
  }

  async applyPipeline(definition: PipelineDefinition, options: { deploy?: boolean } = {}): Promise<PipelineVersion> {
    const name = pipelineNamed(definition.name)
    return readRecord('StoredVersion', await this.#calls.applyPipeline(name, definition, options.deploy === true))
  }

  /** Resolves when the version serves; `beginDeploy` does not wait. */
  async deployPipeline(name: string, version?: number): Promise<PipelineDescription> {
    return this.#described(await this.#calls.deployPipeline(pipelineNamed(name), version))
  }

  async beginDeploy(name: string, version?: number): Promise<void> {
    await this.#calls.beginDeploy(pipelineNamed(name), version)
  }

  async undeployPipeline(name: string): Promise<void> {
    await this.#calls.undeployPipeline(pipelineNamed(name))
  }

  async removePipeline(name: string): Promise<void> {
    await this.#calls.removePipeline(pipelineNamed(name))
  }

  async describePipeline(name: string): Promise<PipelineDescription> {
    return this.#described(await this.#calls.describePipeline(pipelineNamed(name)))
  }

  async pipelineStatus(name: string): Promise<RemoteStatus> {
    return pipelineStatus(await this.#calls.pipelineStatus(pipelineNamed(name)))
  }

  // ── the log ───────────────────────────────────────────────────────────────────────────────────
  /** A page of the log, as the engine has it but for the number of its rows. */
  async readLogs(pipeline: string, query: LogQuery = {}): Promise<RemoteLogPage> {
    return readLogs(this.#calls, pipelineNamed(pipeline), query)
  }

  /** Writes files on the server, below its export directory. */
  async exportLogs(pipeline: string, options: LogExport = {}): Promise<LogExportResult> {
    return readRecord('LogExportAnswer', await this.#calls.exportLogs(pipelineNamed(pipeline), exportRequest(options)))
  }

  /** One SELECT over the logs of all pipelines. */
  queryLogs(sql: string, options: LogSqlOptions = {}): Promise<RemoteSqlResult> {
    return queryLogs(this.#calls, sql, options)
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

function modelNamed(name: string): string {
  return expectModelName('model', name)
}

function pipelineNamed(name: string): string {
  return expectName('pipeline', name)
}

function uploadOf(model: Uint8Array | SizedStream, { externalData }: AddModelOptions): HttpRequest {
  const dataFiles = [...filesOf(externalData)]
  if (model instanceof Uint8Array) return dataFiles.length === 0 ? { bytes: model } : { form: formOf(model, dataFiles) }
  if (dataFiles.length === 0) return { stream: model }
  throw argumentError('externalData', 'absent beside a stream', 'data files', 'Put them into the stream')
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
