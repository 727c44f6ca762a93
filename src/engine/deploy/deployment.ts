/**
 * One deployed version of a pipeline: its compiled plan, the models it holds loaded, the addon's plan, and its
 * description for callers. Immutable; a redeploy or an alias move makes a new one and swaps it in.
 *
 *     build (resolve, compile, load models, create plan) ──► serve (setPlan) ──► retire (answers finish, models released)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { addon } from '../../../bindings/native.js'
import type { PipelineHandle, PlanHandle, PlanSpec, QueueHandle } from '../../../bindings/native.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { CompiledPlan } from '../../pipeline/plan.js'
import type { ContractColumns } from '../../pipeline/plan-draft.js'
import type { StageNotice } from '../../pipeline/columns/stage.js'
import type { TensorField } from '../../tensor/tensor.js'
import { loggedKeysOf } from '../../contract/derived/logged-fields.js'
import { splitKeys } from '../../log/log-columns.js'
import { compilePlan } from '../../steps/index.js'
import type { ModelVersion, PipelineDescription } from '../api/api.js'
import type { DeployedContract } from '../contracts.js'
import type { LoadedModel, LoadedModels, ReleaseReason } from '../models/loaded-models.js'
import type { DeploymentLog } from '../request-log/row-logs.js'
import { closeStages, openStages, type StageOpeners } from '../columns/openers.js'
import { bindNativeColumns } from './native-columns.js'
import { RequestTransforms, type OpenedStages } from './request-transforms.js'

/** The names that error messages of its requests need. */
export interface FailureContext {
  /** The pipeline's name; '' when it is not known. */
  readonly pipeline: string
  /** The pipeline's inputs, to name the one that is wrong. */
  readonly inputs: readonly TensorField[]
  /** Keys that the splits read, by split index. */
  readonly splitKeys: readonly string[]
}

const RETIRE_POLL_MS_MAX = 100

export interface Deployment {
  /** Unique in the engine. */
  readonly planKey: number
  readonly pipeline: string
  readonly version: number
  readonly compiled: CompiledPlan
  /** What each reference meant when the plan was built. */
  readonly resolved: ReadonlyMap<string, ModelVersion>
  /** By index in compiled.models. */
  readonly models: readonly LoadedModel[]
  /** Where its requests are logged; null: nowhere. */
  readonly log: DeploymentLog | null
  /** For a pipeline of the string path it holds the splits alone, for `route`. */
  readonly plan: PlanHandle
  readonly description: PipelineDescription
  /** What its rows and answers are; null: the definition names no contract. */
  readonly contract: DeployedContract | null
  readonly transforms: RequestTransforms
  /** Callers' columns become its inputs, and its outputs their answers, in JavaScript alone: there are texts in its tensors or its answers. */
  readonly needsJavaScript: boolean
  readonly failureContext: FailureContext
  /** [input index, axis] of each free dim beyond the row axis, in the addon's order. */
  readonly freeDims: readonly (readonly [number, number])[]
  /** It stands in for what is deployed while live rows are compared. */
  readonly isShadow: boolean
  /** Requests of the string path that are not finished; the addon counts the others. */
  stringPathInFlight: number
  /** Requests with column stages that are not finished, in the models or not. */
  stagedInFlight: number
  /**
   * Where its own requests are submitted when another version has taken its place while they were in a stage; null: there
   * were none.
   */
  ownHandle: PipelineHandle | null
}

/** What serves in place of a pipeline while a version is judged by its live rows: seen from outside, nothing has changed. */
export interface ShadowedPlan {
  /** What is run. */
  readonly definition: PipelineDefinition
  readonly comparison: (compiled: CompiledPlan, contract: DeployedContract | null) => PlanSpec['comparison']
}

export interface DeploymentOptions {
  readonly planKey: number
  readonly definition: PipelineDefinition
  readonly version: number
  /** Absent: `definition` is run as it is. */
  readonly shadowed?: ShadowedPlan | undefined
  readonly resolve: (reference: string) => ModelVersion
  readonly models: LoadedModels
  /** The columns of the contract that a definition names; null: it names none. */
  readonly columns: ContractColumns | null
  readonly bindContract: (compiled: CompiledPlan, models: Iterable<ModelVersion>) => DeployedContract | null
  /** By the type of the step. */
  readonly stageOpeners: StageOpeners
  /** What is compiled of the definition. */
  readonly prepare: (definition: PipelineDefinition) => Promise<PipelineDefinition>
  readonly onNotice: (notice: StageNotice) => void
  /** A fresh unsigned 64-bit seed. */
  readonly drawSeed: () => bigint
  /** null: nothing is to be logged. */
  readonly makeLog: (compiled: CompiledPlan) => DeploymentLog | null
  readonly closeLog: (log: DeploymentLog) => Promise<void>
}

/**
 * Builds everything that may fail before anything changes: on an error nothing is left behind.
 * @throws PenstockError ERR_PIPELINE_INVALID, ERR_MODEL_NOT_FOUND, ERR_MODEL_INVALID, ERR_CONTRACT_NOT_FOUND, and what
 *   stages throw when they are opened.
 */
export async function buildDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { definition, version } = options
  const resolved = new Map<string, ModelVersion>()
  const resolve = (reference: string): ModelVersion => {
    const model = options.resolve(reference)
    resolved.set(reference, model)
    return model
  }
  const prepared = await options.prepare(options.shadowed?.definition ?? definition)
  const compiled = { ...compilePlan(prepared, resolve, options.columns), definition }
  const contract = options.bindContract(compiled, resolved.values())
  if (contract !== null) compiled.logKeys = loggedKeysOf(contract.contract, splitKeys(compiled))
  const models: LoadedModel[] = []
  let log: DeploymentLog | null = null
  let stages: OpenedStages | null = null
  try {
    for (const model of compiled.models) {
      const match = [...resolved.values()].find(
        (candidate) => candidate.name === model.name && candidate.version === model.version,
      )
      models.push(await options.models.acquire(match as ModelVersion))
    }
    for (const model of backgroundModels(compiled)) options.models.offload(models[model] as LoadedModel)
    stages = await stagesOf(options, compiled)
    log = options.makeLog(compiled)
    const comparison = options.shadowed?.comparison(compiled, contract)
    const spec = planSpec(options, compiled, models, log)
    const plan = addon.createPlan(comparison === undefined ? spec : { ...spec, comparison })
    const transforms = new RequestTransforms(compiled, stages)
    const description = describe(definition, version, compiled)
    return {
      planKey: options.planKey,
      log,
      pipeline: definition.name,
      version,
      compiled,
      resolved,
      models,
      plan,
      description,
      contract,
      transforms,
      needsJavaScript: description.isStringPath && !bindNativeColumns(plan, compiled, transforms),
      failureContext: failureContextOf(compiled),
      freeDims: freeDimsOf(compiled),
      isShadow: options.shadowed !== undefined,
      stringPathInFlight: 0,
      stagedInFlight: 0,
      ownHandle: null,
    }
  } catch (error) {
    if (log !== null) await options.closeLog(log)
    if (stages !== null) await closeStages([...stages.before, ...stages.behind])
    for (const model of models) await options.models.release(model, 'tried')
    throw error
  }
}

function failureContextOf({ definition, inputFields, splits }: CompiledPlan): FailureContext {
  const splitKeys = splits.map((split) => (split.kind === 'key' ? split.key : (split.hashKey ?? '')))
  return { pipeline: definition.name, inputs: inputFields, splitKeys }
}

/**
 * Waits until the deployment has answered everything, then gives its models back and seals its log. It must not get new
 * requests.
 * @param reason why it serves no longer.
 * @param isStopped true: the engine has closed, nothing will be answered any more and nothing need be given back.
 */
export async function retireDeployment(
  deployment: Deployment,
  { models, closeLog }: Pick<DeploymentOptions, 'models' | 'closeLog'>,
  reason: ReleaseReason,
  isStopped: () => boolean,
): Promise<void> {
  // A poll, because it is rare and nobody waits for it; the addon needs no callback for it then.
  for (let waitMs = 1; inFlightOf(deployment) > 0; waitMs = Math.min(waitMs * 2, RETIRE_POLL_MS_MAX)) {
    if (isStopped()) return
    await sleep(waitMs, undefined, { ref: false })
  }
  if (deployment.ownHandle !== null) addon.setPlan(deployment.ownHandle, null)
  if (deployment.log !== null) await closeLog(deployment.log)
  await deployment.transforms.close()
  for (const model of deployment.models) await models.release(model, reason)
}

export function inFlightOf(deployment: Deployment): number {
  return deployment.stringPathInFlight + deployment.stagedInFlight + addon.planInFlight(deployment.plan)
}

async function stagesOf(options: DeploymentOptions, compiled: CompiledPlan): Promise<OpenedStages> {
  const { stageOpeners, onNotice, definition } = options
  const context = { pipeline: definition.name, onNotice }
  const before = await openStages(compiled.inputChain, context, stageOpeners)
  try {
    return { before, behind: await openStages(compiled.outputChain, context, stageOpeners) }
  } catch (error) {
    await closeStages(before)
    throw error
  }
}

/** What a request of the deployment is submitted to: it runs under this plan, whatever serves by now. */
export function handleOf(
  slot: { readonly handle: PipelineHandle; readonly current: Deployment | null },
  deployment: Deployment,
): PipelineHandle {
  if (slot.current === deployment) return slot.handle
  if (deployment.ownHandle === null) {
    deployment.ownHandle = addon.createPipeline()
    addon.setPlan(deployment.ownHandle, deployment.plan)
  }
  return deployment.ownHandle
}

function planSpec(
  options: DeploymentOptions,
  compiled: CompiledPlan,
  models: readonly LoadedModel[],
  log: DeploymentLog | null,
): PlanSpec {
  const { inputs, isNonBatching, checks, answer, routeSplit } = compiled
  const splits = compiled.splits.map((split) =>
    split.kind === 'random' ? { ...split, seed: split.seed ?? options.drawSeed() } : split,
  )
  const common = { planKey: options.planKey, isNonBatching, requestRowsMax: REQUEST_ROWS_MAX, splits }
  if (compiled.isStringPath)
    return { ...common, inputs: [], stages: [], checks: [], answer: [], others: [], routeSplit: -1, log: null }
  const stages = compiled.stages.map((stage) => ({
    positions: stage.positions.map(({ options, split, isBackground }) => ({
      split,
      isBackground,
      options: options.map(({ model, inputBindings }) => ({
        label: modelLabel(compiled, model),
        queue: (models[model] as LoadedModel).queue as QueueHandle,
        inputBindings,
      })),
    })),
  }))
  const others = compiled.audited.flatMap(({ tensors }) => tensors.map(({ source }) => source))
  const cache = cacheSpec(options)
  return { ...common, inputs, stages, checks: [...checks], answer, others, routeSplit, log: log?.handle ?? null, cache }
}

function cacheSpec({ definition: { cache }, models }: DeploymentOptions): NonNullable<PlanSpec['cache']> | null {
  if (cache === undefined) return null
  return { runtime: models.runtime, ttlMs: Math.round(cache.ttlSeconds * 1000), bytesMax: cache.maxBytes }
}

/** Indexes in compiled.models. The string path runs jobs instead of batches, in the inference workers. */
function backgroundModels({ stages, isStringPath }: CompiledPlan): Set<number> {
  if (isStringPath) return new Set()
  const positions = stages.flatMap((stage) => stage.positions).filter(({ isBackground }) => isBackground)
  return new Set(positions.flatMap(({ options }) => options.map(({ model }) => model)))
}

/** As metrics and timings call a model. @param index in compiled.models. */
export function modelLabel(compiled: CompiledPlan, index: number): string {
  const model = compiled.models[index]
  return model === undefined ? '' : `${model.name}@${model.version}`
}

function describe(definition: PipelineDefinition, version: number, compiled: CompiledPlan): PipelineDescription {
  return {
    name: definition.name,
    version,
    definition,
    steps: definition.steps,
    inputs: compiled.callerInputs,
    outputs: compiled.callerOutputs,
    checks: compiled.checks.map((check) => check.name),
    routes: compiled.routes,
    others: compiled.audited.map(({ label, tensors }) => ({ label, outputs: tensors.map(({ field }) => field) })),
    isNonBatching: compiled.isNonBatching,
    isStringPath: compiled.isStringPath || compiled.inputChain !== null || compiled.outputChain !== null,
    rowsMax: compiled.isNonBatching ? 1 : REQUEST_ROWS_MAX,
    models: compiled.models.map(({ name, version: modelVersion, sha256 }) => ({ name, version: modelVersion, sha256 })),
  }
}

function freeDimsOf(compiled: CompiledPlan): [number, number][] {
  return compiled.inputFields.flatMap((field, input) =>
    field.shape.flatMap((dim, axis): [number, number][] =>
      dim === null && (axis > 0 || compiled.isNonBatching) ? [[input, axis]] : [],
    ),
  )
}
