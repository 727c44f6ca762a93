/**
 * The control path: models and pipelines, their stores, and what is deployed of them.
 *
 * Operations that change something run one at a time, in the order of the calls; requests never wait for them. Each is
 * durable in its store before its promise settles, and what cannot be done changes nothing.
 */
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { currentActor, runAs } from '../base/actor.js'
import { PenstockError, isPenstockError } from '../base/errors.js'
import {
  argumentError,
  expectInteger,
  expectModelName,
  expectName,
  expectOneOf,
  expectRecord,
  expectString,
} from '../base/expect.js'
import { didYouMean } from '../base/suggest.js'
import { OPERATOR_CHARACTERS_MAX } from '../base/limits/limits.js'
import { expectDeviceId, expectProviders } from '../base/providers.js'
import { Mutex } from '../base/mutex.js'
import { expectLineage, type Lineage } from '../base/lineage.js'
import { expectTags } from '../base/tags.js'
import { dataFilePath } from '../onnx/index.js'
import { modelsOfStep, type PipelineDefinition } from '../pipeline/definition.js'
import { parseDefinition } from '../steps/index.js'
import { ModelInspector } from '../worker/inspection/inspection.js'
import type { BatchingOverride } from '../worker/inspection/row-trial/decide-batching.js'
import type {
  AddModelOptions,
  ContractStore,
  DatasetStore,
  TokenizerStore,
  ModelRecord,
  ModelStore,
  ModelVersion,
  Placement,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineStore,
  PipelineVersion,
  SetAliasOptions,
} from './api/api.js'
import type { Deployment } from './deploy/deployment.js'
import { DeployProgress } from './deploy/deploy-progress.js'
import type { Deployments } from './deploy/deployments.js'
import type { EngineNotice } from './api/options.js'
import { trustedProof } from './models/batching-watch.js'
import { keptSignature, withRunner } from './models/kept-signature.js'
import { hasBlobBytes } from './stores/memory-stores.js'
import { resolveReference } from './models/model-references.js'
import { STAGES, canonicalAlias, expectAlias, pointedVersion, withAlias } from '../pipeline/model-reference.js'
import { Contracts } from './contracts.js'
import { Datasets } from './datasets.js'
import { Tokenizers } from './tokenizers.js'
import { Tags } from './tags.js'

export interface ControlDependencies {
  readonly models: ModelStore
  readonly pipelines: PipelineStore
  readonly contracts: ContractStore
  /** null: no tables are kept. */
  readonly datasets: DatasetStore | null
  readonly tokenizers: TokenizerStore
  readonly deployments: Deployments
  /** @throws PenstockError when the engine takes no new work. */
  readonly expectOpen: () => void
  readonly onNotice: (notice: EngineNotice) => void
  readonly nowMs: () => number
}

export class Control {
  readonly tags: Tags
  readonly contracts: Contracts
  readonly datasets: Datasets
  readonly tokenizers: Tokenizers
  readonly progress = new DeployProgress()
  readonly #dependencies: ControlDependencies
  readonly #inspector = new ModelInspector()
  readonly #mutex = new Mutex()

  constructor(dependencies: ControlDependencies) {
    this.#dependencies = dependencies
    dependencies.deployments.inspectAgain = (version) => this.#inspectAgain(version)
    this.contracts = new Contracts({
      contracts: dependencies.contracts,
      pipelines: dependencies.pipelines,
      inTurn: (operation) => this.inTurn(operation),
    })
    this.datasets = new Datasets({
      store: dependencies.datasets,
      models: dependencies.models,
      inTurn: (operation) => this.inTurn(operation),
    })
    this.tokenizers = new Tokenizers({
      tokenizers: dependencies.tokenizers,
      pipelines: dependencies.pipelines,
      inTurn: (operation) => this.inTurn(operation),
    })
    this.tags = new Tags({
      models: dependencies.models,
      pipelines: dependencies.pipelines,
      inTurn: (operation) => this.inTurn(operation),
      getPipeline: (name) => this.getPipeline(name),
    })
  }

  getModel(name: string): ModelRecord {
    const record = this.#dependencies.models.get(expectString('model', name))
    if (record !== undefined) return record
    const near = didYouMean(name, namesOf(this.#dependencies.models.list()))
    throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}${near}`)
  }

  resolveModel(reference: string): ModelVersion {
    return resolveReference(this.#dependencies.models, expectString('reference', reference), 'ERR_ARGUMENT')
  }

  async addModel(name: string, bytes: Uint8Array, options: AddModelOptions = {}): Promise<ModelVersion> {
    this.#dependencies.expectOpen()
    expectModelName('model name', name)
    if (options.alias !== undefined) expectAlias('alias', options.alias)
    const tags = expectTags('tags', options.tags ?? [])
    const placement = placementOf(options)
    const lineage =
      options.lineage === undefined ? undefined : this.datasets.pinned(expectLineage('lineage', options.lineage))
    const dataFiles = dataFilesOf(options.externalData)
    if (!(bytes instanceof Uint8Array)) {
      throw new PenstockError('ERR_ARGUMENT', 'Expected bytes to be a Uint8Array that holds an .onnx file')
    }
    // Before its turn in the queue: a slow model must not hold up a deploy.
    const override = overrideOf(options, this.#dependencies.nowMs())
    const inspected = await this.#inspector.inspect({ bytes, dataFiles }, override)
    const { served } = inspected
    const uploaded =
      served === null ? [] : [{ sha256: served.sha256, sizeBytes: bytes.length, changes: served.changes }]
    return this.inTurn(async () => {
      const newest = this.#dependencies.models.get(name)?.versions.at(-1)
      const isAgain = newest?.sha256 === inspected.sha256
      const signature = isAgain ? keptSignature(newest.signature, inspected.signature) : inspected.signature
      const version = await this.#dependencies.models.add(
        name,
        served?.bytes ?? bytes,
        signature,
        tags,
        placement,
        ...uploaded,
      )
      try {
        if (lineage !== undefined) await this.#dependencies.models.setLineage(name, version.version, lineage)
        if (options.alias !== undefined) await this.#moveAlias(name, options.alias, version.version, {})
      } catch (error) {
        // What was refused leaves nothing; what was there before stays.
        if (version.version !== newest?.version) await this.#dependencies.models.removeVersion(name, version.version)
        throw error
      }
      // As it is kept by now.
      return resolveReference(this.#dependencies.models, `${name}@${version.version}`)
    })
  }

  setAlias(name: string, alias: string, version: number, options: SetAliasOptions = {}): Promise<ModelRecord> {
    return this.inTurn(() => this.#moveAlias(name, alias, version, options))
  }

  setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord> {
    const checked = expectLineage('lineage', lineage)
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    return this.inTurn(() => {
      this.getModel(name)
      return this.#dependencies.models.setLineage(name, version, this.datasets.pinned(checked))
    })
  }

  /**
   * Moves an alias that nobody has moved meanwhile.
   * @param from where it pointed when the decision was made; null: there was none.
   * @throws PenstockError ERR_CONFLICT
   */
  moveAliasFrom(name: string, alias: string, from: number | null, version: number): Promise<ModelRecord> {
    return this.inTurn(() => {
      const now = pointedVersion(this.getModel(name), canonicalAlias(alias)) ?? null
      if (now === from) return this.#moveAlias(name, alias, version, {})
      const text = `${name}@${alias} was moved from ${from ?? 'nowhere'} to ${now ?? 'nowhere'} meanwhile. Judge version ${version} again`
      throw new PenstockError('ERR_CONFLICT', text)
    })
  }

  removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return this.inTurn(() => {
      this.getModel(name)
      const canonical = canonicalAlias(expectString('alias', alias))
      this.#dependencies.deployments.expectNotFollowed(name, canonical)
      return this.#dependencies.models.removeAlias(name, canonical)
    })
  }

  removeModel(name: string): Promise<void> {
    return this.inTurn(async () => {
      const { versions } = this.getModel(name)
      this.#dependencies.deployments.expectUnused(name, null)
      for (const { version } of versions) this.#dependencies.deployments.retireModel(name, version)
      this.#dependencies.deployments.retireUsers(name, null)
      await this.#dependencies.deployments.letGo(name)
      return this.#dependencies.models.remove(name)
    })
  }

  removeModelVersion(name: string, version: number): Promise<ModelRecord> {
    return this.inTurn(async () => {
      this.getModel(name)
      expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
      this.#dependencies.deployments.expectUnused(name, version)
      this.#dependencies.deployments.retireModel(name, version)
      this.#dependencies.deployments.retireUsers(name, version)
      await this.#dependencies.deployments.letGo(name, version)
      return this.#dependencies.models.removeVersion(name, version)
    })
  }

  serveModel(name: string, version: number): Promise<PipelineDescription> {
    return this.inTurn(async () => {
      this.getModel(name)
      const target = resolveReference(
        this.#dependencies.models,
        `${name}@${expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)}`,
      )
      return (await this.#dependencies.deployments.serveModel(target)).description
    })
  }

  retireModel(name: string, version: number): Promise<void> {
    return this.inTurn(() => Promise.resolve(this.#dependencies.deployments.retireModel(name, version)))
  }

  getPipeline(name: string): PipelineRecord {
    const record = this.#dependencies.pipelines.get(expectString('pipeline', name))
    if (record !== undefined) return record
    const near = didYouMean(name, namesOf(this.#dependencies.pipelines.list()))
    throw new PenstockError('ERR_PIPELINE_NOT_FOUND', `There is no pipeline ${name}${near}`)
  }

  getPipelineVersion(name: string, version: number): PipelineVersion {
    const { versions } = this.getPipeline(name)
    const found = versions.find((candidate) => candidate.version === version)
    if (found !== undefined) return found
    throw new PenstockError(
      'ERR_PIPELINE_NOT_FOUND',
      `Pipeline ${name} has no version ${version}; it has ${versions.map((candidate) => candidate.version).join(', ')}`,
    )
  }

  pipelineModels(name: string, version?: number): PipelineModel[] {
    const { deployedVersion } = this.getPipeline(name)
    const { version: chosen, definition } = this.#versionOrNewest(name, version ?? deployedVersion ?? undefined)
    const serving = this.#dependencies.deployments.slotOf(name)?.current
    const resolved = serving?.version === chosen ? serving.resolved : undefined
    return definition.steps.flatMap((step, index) => {
      const tensorFields = 'tensorFields' in step ? step.tensorFields : undefined
      return modelsOfStep(step).map((reference) => ({
        step: index,
        reference,
        model: resolved?.get(reference) ?? this.#findVersion(reference),
        ...(tensorFields === undefined ? {} : { tensorFields }),
      }))
    })
  }

  async applyPipeline(definition: PipelineDefinition, options: { deploy?: boolean } = {}): Promise<PipelineVersion> {
    const parsed = parseDefinition(
      expectName('definition.name', expectRecord('definition', definition)['name']),
      definition,
    )
    return this.inTurn(async () => {
      const { deployments, pipelines } = this.#dependencies
      const pinned = this.tokenizers.pinned(this.contracts.pinned(parsed))
      // A definition that cannot be deployed must not become the newest version.
      if (options.deploy === true) await deployments.tryBuild(pinned)
      const version = await pipelines.put(pinned)
      if (options.deploy === true) await this.#deploy(version, true)
      return version
    })
  }

  deployPipeline(name: string, version?: number): Promise<PipelineDescription> {
    return this.inTurn(async () => (await this.#deploy(this.#versionOrNewest(name, version))).description)
  }

  beginDeploy(name: string, version?: number): void {
    this.#dependencies.expectOpen()
    const chosen = this.#versionOrNewest(name, version)
    const deploy = (): Promise<Deployment> =>
      this.progress.track(name, chosen.version, () =>
        this.inTurn(() => this.#deploy(this.#versionOrNewest(name, chosen.version))),
      )
    // Its failure is kept by `progress`, which is what the caller asks; it goes on in the caller's name.
    void runAs(currentActor(), deploy).catch(() => undefined)
  }

  serveVersion(name: string, version: number): Promise<PipelineDescription> {
    return this.inTurn(async () => {
      const { definition } = this.getPipelineVersion(
        name,
        expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER),
      )
      return (await this.#dependencies.deployments.serveVersion(definition, version)).description
    })
  }

  undeployPipeline(name: string): Promise<void> {
    return this.inTurn(async () => {
      this.getPipeline(name)
      await this.#dependencies.deployments.undeploy(name)
      this.progress.forget(name)
    })
  }

  removePipeline(name: string): Promise<void> {
    return this.inTurn(async () => {
      if (this.getPipeline(name).deployedVersion !== null) {
        throw new PenstockError('ERR_CONFLICT', `Pipeline ${name} is deployed. Undeploy it first`)
      }
      await this.#dependencies.pipelines.remove(name)
      this.#dependencies.deployments.forget(name)
      this.progress.forget(name)
    })
  }

  /** Deploys what the store says was deployed; what cannot be is reported and does not keep the rest from serving. */
  async redeployStored(): Promise<void> {
    for (const record of this.#dependencies.pipelines.list()) {
      const version = record.versions.find((candidate) => candidate.version === record.deployedVersion)
      if (version === undefined) continue
      await this.#deploy(version).catch((cause: unknown) => {
        const reason = isPenstockError(cause) ? cause.message : String(cause)
        this.#dependencies.onNotice({
          level: 'error',
          message: `Pipeline ${record.name} could not be deployed again: ${reason}`,
          cause,
        })
      })
    }
  }

  /**
   * Inspects a stored version again whose proof is of an earlier release, before its rows share batches; or of which it is
   * not known for this machine what may run it. One that cannot be inspected any more is served as it is stored, by ONNX
   * Runtime; its rows one by one where nothing proves that they may share batches.
   */
  async #inspectAgain(stored: ModelVersion): Promise<void> {
    const { name, version, sha256, signature: before } = stored
    const { models, onNotice } = this.#dependencies
    const isTrusted = trustedProof(stored) !== undefined
    try {
      const bytes = hasBlobBytes(models) ? models.blobBytes(sha256) : await readFile(models.blobPath(sha256))
      const { signature } = await this.#inspector.inspect({ bytes, dataFiles: new Map() })
      const kept = isTrusted ? withRunner(before, signature) : keptSignature(before, signature)
      await models.setSignature(name, version, kept)
      if (isTrusted) return
      if (signature.batching !== before.batching)
        onNotice({
          level: 'warn',
          message: `Model ${name}@${version}, added by an earlier release, was inspected again: batching is ${signature.batching}, no longer ${before.batching}. ${signature.remark}`,
        })
    } catch (cause) {
      onNotice({
        level: 'warn',
        message: `Model ${name}@${version}, added by an earlier release or on another machine, could not be inspected again (${cause instanceof Error ? cause.message : String(cause)}): ${isTrusted ? 'ONNX Runtime runs it' : 'its rows run one by one'}`,
        cause,
      })
    }
  }

  /** Waits for the operations under way; later ones are refused by expectOpen. */
  async close(): Promise<void> {
    await this.#mutex.idle()
    await this.#inspector.close()
  }

  #deploy({ definition, version }: PipelineVersion, isTried = false): Promise<Deployment> {
    const { deployments } = this.#dependencies
    return this.progress.track(definition.name, version, () => deployments.deploy(definition, version, isTried))
  }

  #versionOrNewest(name: string, version: number | undefined): PipelineVersion {
    if (version !== undefined) return this.getPipelineVersion(name, version)
    // A pipeline without versions is not listed.
    return this.getPipeline(name).versions.at(-1) as PipelineVersion
  }

  #findVersion(reference: string): ModelVersion | null {
    try {
      return resolveReference(this.#dependencies.models, reference)
    } catch (error) {
      if (isPenstockError(error)) return null
      throw error
    }
  }

  #moveAlias(name: string, alias: string, version: number, { archiveExisting }: SetAliasOptions): Promise<ModelRecord> {
    const canonical = expectAlias('alias', alias)
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    const isArchiving = expectArchiving(canonical, archiveExisting)
    const { models, deployments } = this.#dependencies
    const before = this.getModel(name)
    resolveReference(models, `${name}@${version}`)
    const after = withAlias(before, canonical, version, isArchiving)
    const targets = new Map<string, ModelVersion>()
    // A version that changes its stage takes a name from others.
    for (const moved of new Set([canonical, ...Object.keys(before.aliases), ...STAGES])) {
      const target = pointedVersion(after, moved)
      if (target === pointedVersion(before, moved)) continue
      if (target === undefined) deployments.expectNotFollowed(name, moved)
      else targets.set(moved, resolveReference(models, `${name}@${target}`))
    }
    return deployments.moveAliases(name, targets, () => models.setAlias(name, canonical, version, isArchiving))
  }

  /** Runs one operation that changes something at a time, while the engine takes work. */
  inTurn<T>(operation: () => Promise<T>): Promise<T> {
    return this.#mutex.run(() => {
      this.#dependencies.expectOpen()
      return operation()
    })
  }
}

/** @throws PenstockError ERR_ARGUMENT. */
function expectArchiving(alias: string, archiveExisting: unknown): boolean {
  if (archiveExisting === undefined || archiveExisting === false) return false
  const stages = STAGES.filter((stage) => stage !== 'Archived')
  if (archiveExisting !== true) throw argumentError('archiveExisting', 'true or false', archiveExisting)
  if (!stages.some((stage) => stage === alias))
    throw argumentError('the alias, with archiveExisting,', `one of the stages ${stages.join(', ')}`, alias)
  return true
}

/** @throws PenstockError ERR_ARGUMENT. */
function overrideOf({ batching, operator }: AddModelOptions, nowMs: number): BatchingOverride | undefined {
  if (batching === undefined) return undefined
  expectOneOf('batching', batching, ['rows'])
  return {
    operator:
      operator === undefined ? userInfo().username : expectString('operator', operator, OPERATOR_CHARACTERS_MAX),
    at: new Date(nowMs).toISOString(),
  }
}

/** @throws PenstockError ERR_ARGUMENT. */
function placementOf({ providers, deviceId }: Placement): Placement {
  return {
    ...(providers === undefined ? {} : { providers: expectProviders('providers', providers) }),
    ...(deviceId === undefined ? {} : { deviceId: expectDeviceId('deviceId', deviceId) }),
  }
}

/** @throws PenstockError ERR_ARGUMENT. */
function dataFilesOf(externalData: AddModelOptions['externalData'] = {}): ReadonlyMap<string, Uint8Array> {
  const files =
    externalData instanceof Map
      ? (externalData as ReadonlyMap<string, unknown>)
      : new Map(Object.entries(expectRecord('externalData', externalData)))
  const checked = new Map<string, Uint8Array>()
  for (const [location, data] of files) {
    const path = dataFilePath(location)
    if (!(data instanceof Uint8Array)) throw argumentError(`externalData[${path}]`, 'a Uint8Array', data)
    checked.set(path, data)
  }
  return checked
}

function namesOf(records: readonly { readonly name: string }[]): string[] {
  return records.map(({ name }) => name)
}
