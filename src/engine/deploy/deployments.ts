/**
 * Which pipelines serve, and with which plan: deploy, alias move and undeploy, each as build → store → swap → retire.
 *
 * Everything that may fail happens before the swap; the swap itself is one pointer per pipeline in the addon, so no
 * request is lost and each runs under exactly one plan. The old plan is retired in the background when its last
 * request is answered. Callers serialise (engine.ts); nothing here runs twice at once except retirements.
 */
import { addon } from '../../../bindings/native.js'
import type { PipelineHandle } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'
import { VERSIONS_BESIDE_MAX } from '../../base/limits/limits.js'
import { modelReferences, type PipelineDefinition } from '../../pipeline/definition.js'
import type { ContractStore, ModelStore, ModelVersion, PipelineStore, ServedContract } from '../api/api.js'
import { contractColumns, deployedContract, namedContract } from '../contracts.js'
import { isRunnerCurrent } from '../../worker/trees/conditions.js'
import { trustedProof } from '../models/batching-watch.js'
import type { StageNotice } from '../../pipeline/columns/stage.js'
import type { StageOpeners } from '../columns/openers.js'
import { buildDeployment, inFlightOf, retireDeployment, type Deployment, type ShadowedPlan } from './deployment.js'
import type { LoadedModels, ReleaseReason } from '../models/loaded-models.js'
import { newStringPathCounters, type StringPathCounters } from '../counters/string-path-counters.js'
import { aliasOfReference, followsAlias, resolveReference } from '../models/model-references.js'
import type { DeploymentLog, RowLogs } from '../request-log/row-logs.js'

/** A name under which plans come and go; its counters live as long as the engine. */
export interface PipelineSlot {
  readonly name: string
  readonly handle: PipelineHandle
  readonly stringPath: StringPathCounters
  current: Deployment | null
}

export interface DeploymentsDependencies {
  readonly models: ModelStore
  readonly pipelines: PipelineStore
  readonly contracts: ContractStore
  readonly loaded: LoadedModels
  readonly drawSeed: () => bigint
  /** null: the engine logs nothing. */
  readonly logs: RowLogs | null
  readonly stageOpeners: StageOpeners
  readonly prepare: (definition: PipelineDefinition) => Promise<PipelineDefinition>
  readonly onNotice: (notice: StageNotice) => void
  readonly onChange: (pipeline: string) => void
  readonly onRetireFailed: (deployment: Deployment, cause: unknown) => void
}

export class Deployments {
  readonly #dependencies: DeploymentsDependencies
  readonly #slots = new Map<string, PipelineSlot>()
  /** Holds names that have been deployed, or nearly: logs count with them before the first plan is swapped in. */
  readonly #handles = new Map<string, PipelineHandle>()
  /** Serving and retiring ones, by plan key. */
  readonly #byKey = new Map<number, Deployment>()
  #nextPlanKey = 1
  /** Brings the proof of a stored version up to date, or reports that it cannot be; set by the control path. */
  inspectAgain: (version: ModelVersion) => Promise<void> = () => Promise.resolve()
  /** Answers the example of a contract before its pipeline serves, or throws what keeps it from serving; set by the engine. */
  runExample: (slot: PipelineSlot, deployment: Deployment) => Promise<void> = () => Promise.resolve()
  #isStopped = false

  constructor(dependencies: DeploymentsDependencies) {
    this.#dependencies = dependencies
  }

  get slots(): readonly PipelineSlot[] {
    return [...this.#slots.values()]
  }

  get serving(): readonly Deployment[] {
    return this.slots.flatMap((slot) => (slot.current === null ? [] : [slot.current]))
  }

  /** By name. */
  get servedContracts(): ServedContract[] {
    const served = this.serving.flatMap(({ pipeline, version, contract: bound }): ServedContract[] =>
      bound === null || besidePipeline(pipeline) !== null ? [] : [{ pipeline, pipelineVersion: version, ...bound }],
    )
    return served.sort((a, b) => (a.pipeline < b.pipeline ? -1 : 1))
  }

  slotOf(pipeline: string): PipelineSlot | undefined {
    return this.#slots.get(pipeline)
  }

  /** Requests in flight on any plan, retiring ones included. */
  get inFlight(): number {
    let sum = 0
    for (const deployment of this.#byKey.values()) sum += inFlightOf(deployment)
    return sum
  }

  /** Checks that the definition would deploy against the models as they are, and its contract's example, without changing anything. */
  async tryBuild(definition: PipelineDefinition): Promise<void> {
    await this.#try(definition, (reference) => resolveReference(this.#dependencies.models, reference))
  }

  /** @param isTried tryBuild has just answered the contract's example. */
  async deploy(definition: PipelineDefinition, version: number, isTried = false): Promise<Deployment> {
    const resolve = (reference: string): ModelVersion => resolveReference(this.#dependencies.models, reference)
    const deployment = await this.#build(definition, version, resolve)
    try {
      if (!isTried && hasExample(deployment)) await this.#try(definition, resolve)
      await this.#dependencies.pipelines.setDeployed(definition.name, version)
    } catch (error) {
      await this.#discard(deployment)
      throw error
    }
    this.#swap(deployment)
    return deployment
  }

  async undeploy(pipeline: string): Promise<void> {
    const slot = this.#slots.get(pipeline)
    await this.#dependencies.pipelines.setDeployed(pipeline, null)
    for (const beside of this.#besides) if (besidePipeline(beside) === pipeline) this.#retireBeside(beside)
    if (slot?.current == null) return
    const { models } = slot.current
    this.#stop(slot, slot.current)
    // What served before it is of no more use either.
    for (const { version } of models) if (!this.#isServed(version.name)) await this.letGo(version.name)
  }

  /** Unloads the versions of a model that no longer serve. @param version null: all of them. */
  async letGo(model: string, version: number | null = null): Promise<void> {
    await this.#dependencies.loaded.residency.letGo(model, version === null ? null : `${model}@${version}`)
  }

  #isServed(model: string): boolean {
    return this.serving.some(({ models }) => models.some(({ version }) => version.name === model))
  }

  /** Serves one model version as a pipeline of one step, under a name that no pipeline can have; nothing is stored. */
  async serveModel({ name, version }: ModelVersion): Promise<Deployment> {
    const reference = directName(name, version)
    const present = this.#slots.get(reference)?.current
    if (present != null) return present
    const definition: PipelineDefinition = { name: reference, steps: [{ type: 'model', model: reference }] }
    const deployment = await this.#build(definition, version, (model) =>
      resolveReference(this.#dependencies.models, model),
    )
    this.#swap(deployment)
    return deployment
  }

  /** The version, if it serves: deployed, or beside. */
  servedVersion(pipeline: string, version: number): Deployment | undefined {
    const deployed = this.#slots.get(pipeline)?.current
    if (deployed?.version === version) return deployed
    return this.#slots.get(besideName(pipeline, version))?.current ?? undefined
  }

  /**
   * Serves a stored version beside the deployed one; nothing is stored. Of more than VERSIONS_BESIDE_MAX that which has been
   * served for the longest goes, once its requests are answered.
   * @throws PenstockError ERR_PIPELINE_NOT_DEPLOYED: the pipeline is not; what a deploy throws.
   */
  async serveVersion(definition: PipelineDefinition, version: number): Promise<Deployment> {
    const present = this.servedVersion(definition.name, version)
    if (present !== undefined) return present
    if (this.#slots.get(definition.name)?.current == null)
      throw new PenstockError(
        'ERR_PIPELINE_NOT_DEPLOYED',
        `Pipeline ${definition.name} is not deployed, nor any version of it`,
      )
    const name = besideName(definition.name, version)
    const deployment = await this.#build({ ...definition, name }, version, (reference) =>
      resolveReference(this.#dependencies.models, reference),
    )
    const [oldest] = this.#besides
    if (oldest !== undefined && this.#besides.length >= VERSIONS_BESIDE_MAX) this.#retireBeside(oldest)
    this.#swap(deployment)
    return deployment
  }

  /** Ends versions beside deployed ones that use the model. @param version null: any of it. */
  retireUsers(model: string, version: number | null): void {
    for (const beside of this.#besides)
      if (usesModel(this.#slots.get(beside)?.current ?? null, model, version)) this.#retireBeside(beside)
  }

  /** Names of what serveVersion serves, in the order in which it began. */
  get #besides(): string[] {
    return this.serving.map(({ pipeline }) => pipeline).filter((pipeline) => besidePipeline(pipeline) !== null)
  }

  #retireBeside(name: string): void {
    const slot = this.#slots.get(name)
    if (slot?.current == null) return
    this.#stop(slot, slot.current)
    this.#slots.delete(name)
    this.#handles.delete(name)
  }

  /** Ends what serveModel began. */
  retireModel(name: string, version: number): void {
    const slot = this.#slots.get(directName(name, version))
    if (slot?.current == null) return
    this.#stop(slot, slot.current)
    this.#slots.delete(slot.name)
  }

  /**
   * What serves under the name, once more and under no name: no caller's request reaches it, nothing of it is counted or
   * logged, and it stays as it is whatever is deployed meanwhile. Its models are those that are loaded already.
   * @param instead versions in place of those that serve, by the references of the definition.
   * @throws PenstockError ERR_PIPELINE_NOT_DEPLOYED; for a version in place of another, what a deploy throws.
   */
  async openDetached(pipeline: string, instead: ReadonlyMap<string, ModelVersion> = new Map()): Promise<PipelineSlot> {
    const serving = this.#slots.get(pipeline)?.current
    if (serving == null) throw new PenstockError('ERR_PIPELINE_NOT_DEPLOYED', `Pipeline ${pipeline} is not deployed`)
    const resolve = this.#resolverOf(serving, instead)
    return this.#detached(await this.#build(serving.compiled.definition, null, resolve))
  }

  /**
   * Runs a version in the shadow of what serves, under its name, version, counters and log, until `endShadow`.
   * @param candidate what its reference means.
   * @throws PenstockError what a deploy throws.
   */
  async beginShadow(
    slot: PipelineSlot,
    { candidate, ...shadowed }: ShadowedPlan & { readonly candidate: ReadonlyMap<string, ModelVersion> },
  ): Promise<Deployment> {
    const serving = slot.current
    if (serving === null) throw new Error(`Expected ${slot.name} to serve`)
    const resolve = this.#resolverOf(serving, candidate)
    const built = await this.#build(serving.compiled.definition, serving.version, resolve, shadowed)
    // Callers see the pipeline as it was deployed.
    const shadow = { ...built, description: serving.description }
    this.#byKey.set(shadow.planKey, shadow)
    this.#swap(shadow)
    return shadow
  }

  /** What served before serves again, unless something else does. */
  async endShadow(slot: PipelineSlot, shadow: Deployment): Promise<void> {
    if (slot.current !== shadow) return
    const { definition } = shadow.compiled
    const restored = await this.#build(definition, shadow.version, this.#resolverOf(shadow, new Map()))
    this.#swap(restored, 'tried')
  }

  #resolverOf(serving: Deployment, instead: ReadonlyMap<string, ModelVersion>): (reference: string) => ModelVersion {
    return (reference) =>
      instead.get(reference) ??
      serving.resolved.get(reference) ??
      resolveReference(this.#dependencies.models, reference)
  }

  #detached(deployment: Deployment): PipelineSlot {
    const handle = addon.createPipeline()
    addon.setPlan(handle, deployment.compiled.isStringPath ? null : deployment.plan)
    return { name: deployment.pipeline, handle, stringPath: newStringPathCounters(), current: deployment }
  }

  /** Ends what `openDetached` has opened, once what is in flight there has finished. */
  closeDetached(slot: PipelineSlot): void {
    const { current } = slot
    if (current === null) return
    slot.current = null
    addon.setPlan(slot.handle, null)
    this.#retire(current, 'tried')
  }

  /** Forgets a removed pipeline and its counters. It must not serve. */
  forget(pipeline: string): void {
    if (this.#slots.get(pipeline)?.current != null) return
    this.#slots.delete(pipeline)
    this.#handles.delete(pipeline)
  }

  /**
   * Moves aliases of a model: every serving pipeline that follows one is rebuilt first; only when all can be built are the
   * aliases stored and are they swapped. Other references keep the versions that they meant at deploy.
   * @param targets the versions to which the aliases will point, by alias.
   */
  async moveAliases<T>(model: string, targets: ReadonlyMap<string, ModelVersion>, store: () => Promise<T>): Promise<T> {
    const followers = this.serving.filter(({ compiled: { definition } }) =>
      [...targets.keys()].some((alias) => followsAlias(definition, model, alias)),
    )
    const built: Deployment[] = []
    let stored: T
    try {
      for (const old of followers) {
        const resolve = (reference: string): ModelVersion =>
          targets.get(aliasOfReference(reference, model) ?? '') ??
          old.resolved.get(reference) ??
          resolveReference(this.#dependencies.models, reference)
        built.push(await this.#build(old.compiled.definition, old.version, resolve))
        if (hasExample(old)) await this.#try(old.compiled.definition, resolve)
      }
      stored = await store()
    } catch (error) {
      for (const deployment of built) await this.#discard(deployment)
      throw error
    }
    for (const deployment of built) this.#swap(deployment)
    return stored
  }

  /** @throws PenstockError ERR_CONFLICT naming the serving pipelines that use the version. */
  expectUnused(model: string, version: number | null): void {
    const users = this.serving.filter(
      (deployment) =>
        // Models that are served by themselves go with their version, and so do versions beside deployed ones.
        isDeployed(deployment) && usesModel(deployment, model, version),
    )
    if (users.length === 0) return
    const names = users.map((user) => user.pipeline).join(', ')
    throw new PenstockError(
      'ERR_CONFLICT',
      `Model ${model}${version === null ? '' : `@${version}`} is used by the deployed pipeline${users.length === 1 ? '' : 's'} ${names}. Undeploy or redeploy first`,
    )
  }

  /** @throws PenstockError ERR_CONFLICT naming the serving pipelines that follow the alias. */
  expectNotFollowed(model: string, alias: string): void {
    const followers = this.serving.filter(
      (deployment) => isDeployed(deployment) && followsAlias(deployment.compiled.definition, model, alias),
    )
    if (followers.length === 0) return
    throw new PenstockError(
      'ERR_CONFLICT',
      `The alias ${model}@${alias} is followed by the deployed pipeline${followers.length === 1 ? '' : 's'} ${followers.map((follower) => follower.pipeline).join(', ')}. Undeploy first`,
    )
  }

  /** Stops serving; the plans' requests in flight end as they may. */
  stopAll(): void {
    this.#isStopped = true
    for (const slot of this.#slots.values()) {
      if (slot.current === null) continue
      slot.current = null
      addon.setPlan(slot.handle, null)
    }
  }

  /** Gives back what stages hold, when the engine closes: nothing is answered any more. */
  async closeStages(): Promise<void> {
    for (const { transforms } of this.#byKey.values()) await transforms.close()
  }

  /**
   * Builds, and answers the example of the contract if there is one: beside what serves, uncounted and unlogged, so that a
   * pipeline that cannot answer it is refused before anything changes.
   */
  async #try(definition: PipelineDefinition, resolve: (reference: string) => ModelVersion): Promise<void> {
    const trial = await this.#build(definition, null, resolve)
    if (!hasExample(trial)) return this.#discard(trial)
    const slot = this.#detached(trial)
    try {
      await this.runExample(slot, trial)
    } finally {
      // Not waited for: a run that does not end would hold up every later deploy.
      this.closeDetached(slot)
    }
  }

  /** @param version null: it is a trial, nothing of it will be logged. */
  async #build(
    definition: PipelineDefinition,
    version: number | null,
    resolve: (reference: string) => ModelVersion,
    shadowed?: ShadowedPlan,
  ): Promise<Deployment> {
    const planKey = this.#nextPlanKey++
    for (const reference of modelReferences(shadowed?.definition ?? definition)) {
      const model = resolve(reference)
      const isStale = trustedProof(model) === undefined || !isRunnerCurrent(model.signature)
      if (isStale) await this.inspectAgain(model)
    }
    const named = namedContract(this.#dependencies.contracts, definition)
    const deployment = await buildDeployment({
      planKey,
      definition,
      version: version ?? 0,
      shadowed,
      // As it is stored now: an older resolution may hold it from before it was inspected again.
      resolve: (reference) => {
        const resolved = resolve(reference)
        const stored = this.#dependencies.models.get(resolved.name)?.versions
        return stored?.find((candidate) => candidate.version === resolved.version) ?? resolved
      },
      models: this.#dependencies.loaded,
      columns: named === null ? null : contractColumns(named),
      bindContract: (compiled, models) => (named === null ? null : deployedContract(named, compiled, models)),
      stageOpeners: this.#dependencies.stageOpeners,
      prepare: this.#dependencies.prepare,
      onNotice: this.#dependencies.onNotice,
      drawSeed: this.#dependencies.drawSeed,
      makeLog: (compiled) =>
        version === null
          ? null
          : (this.#dependencies.logs?.make(this.#handleOf(definition.name), compiled, version) ?? null),
      closeLog: (log) => this.#closeLog(log),
    })
    this.#byKey.set(planKey, deployment)
    return deployment
  }

  #swap(deployment: Deployment, reason: ReleaseReason = 'replaced'): void {
    let slot = this.#slots.get(deployment.pipeline)
    if (slot === undefined) {
      const name = deployment.pipeline
      slot = { name, handle: this.#handleOf(name), stringPath: newStringPathCounters(), current: null }
      this.#slots.set(deployment.pipeline, slot)
    }
    const old = slot.current
    slot.current = deployment
    // A string-path plan is JavaScript's; to the addon the pipeline has none.
    addon.setPlan(slot.handle, deployment.compiled.isStringPath ? null : deployment.plan)
    this.#dependencies.onChange(deployment.pipeline)
    // A version that was on trial in it is no version that served.
    if (old !== null) this.#retire(old, old.isShadow ? 'tried' : reason)
  }

  #stop(slot: PipelineSlot, old: Deployment): void {
    slot.current = null
    addon.setPlan(slot.handle, null)
    this.#dependencies.onChange(slot.name)
    this.#retire(old, 'stopped')
  }

  #retire(deployment: Deployment, reason: ReleaseReason): void {
    void this.#discard(deployment, reason).catch((cause: unknown) =>
      this.#dependencies.onRetireFailed(deployment, cause),
    )
  }

  async #discard(deployment: Deployment, reason: ReleaseReason = 'tried'): Promise<void> {
    const dependencies = { models: this.#dependencies.loaded, closeLog: (log: DeploymentLog) => this.#closeLog(log) }
    await retireDeployment(deployment, dependencies, reason, () => this.#isStopped)
    this.#byKey.delete(deployment.planKey)
  }

  async #closeLog(log: DeploymentLog): Promise<void> {
    await this.#dependencies.logs?.closeLog(log)
  }

  #handleOf(pipeline: string): PipelineHandle {
    const known = this.#handles.get(pipeline)
    if (known !== undefined) return known
    const handle = addon.createPipeline()
    this.#handles.set(pipeline, handle)
    return handle
  }
}

function hasExample({ contract }: Deployment): boolean {
  return contract?.contract.contract.example !== undefined
}

/** A pipeline's name has no dot. */
function besideName(pipeline: string, version: number): string {
  return `${pipeline}.v${version}`
}

/** null: it is the name of no version beside a deployed one. */
function besidePipeline(name: string): string | null {
  return /^(.*)\.v\d+$/.exec(name)?.[1] ?? null
}

/** Whether a store lists it. */
function isDeployed({ pipeline }: Deployment): boolean {
  return !/[@.]/.test(pipeline)
}

function usesModel(deployment: Deployment | null, model: string, version: number | null): boolean {
  const models = deployment?.compiled.models ?? []
  return models.some((used) => used.name === model && (version === null || used.version === version))
}

/** A pipeline's name has no @. */
function directName(model: string, version: number): string {
  return `${model}@${version}`
}
