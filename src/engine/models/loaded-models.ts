/**
 * Model versions that workers have loaded, each with its one queue, shared by all plans that use it and counted.
 *
 * One queue per model version, not per pipeline: requests of two pipelines meet in one batch. A version is loaded by
 * the first plan that needs it, before that plan serves, and unloaded after the last one has answered its last request.
 *
 * How it runs (RunPlan) is the stored calibration's where that holds for this machine; else the default, until the
 * calibrator has measured it. Both the sessions and the queue take another arrangement while they serve.
 */
import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Batching } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { NativeField, QueueHandle } from '../../../bindings/native.js'
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { BATCH_BYTES_MAX } from '../../base/limits/limits.js'
import { SESSION_BYTES } from '../../base/limits/model-limits.js'
import type { ExecutionProvider } from '../../base/providers.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { InferencePool } from '../../worker/pool/inference-pool.js'
import type { OverdueRuns } from '../../worker/pool/overdue-runs.js'
import type { LoadableModel, ModelSource, WorkerObservation } from '../../worker/worker-messages.js'
import type {
  BatchingCounts,
  Calibration,
  CalibrationConditions,
  ModelStore,
  ModelVersion,
  RunPlan,
  RunPlanState,
} from '../api/api.js'
import { newBackgroundFailures, noteBackgroundFailure, type BackgroundFailures } from './background-failures.js'
import { storedCalibration } from '../calibration/conditions.js'
import { BatchingNotices, mustRunUnbatched, newBatchingCounts, trustedProof } from './batching-watch.js'
import { Calibrator } from '../calibration/calibrator.js'
import type { CalibrationMode, DifferencePolicy, EngineNotice, QueueLimits, ResidencyLimits } from '../api/options.js'
import { hasBlobBytes } from '../stores/memory-stores.js'
import { newStringPathRunCounters, type StringPathRunCounters } from '../counters/string-path-counters.js'
import { expectOneFile } from './one-file.js'
import { recentShapesOf, type RunDims, warmUpRuns } from './warm-up-runs.js'
import { PreparedModels } from './prepared-models.js'
import { Residency } from '../residency/residency.js'
import { sessionSettingsOf, type SessionPlacement } from '../calibration/run-plan.js'

/** Why a plan uses a model no longer: another serves in its place, nothing does, or it was a trial. */
export type ReleaseReason = 'replaced' | 'stopped' | 'tried'

export interface LoadedModel {
  readonly version: ModelVersion
  readonly modelKey: number
  readonly provider: ExecutionProvider
  /** Its batches lie in memory that the GPU copies without a detour. */
  readonly isPageLocked: boolean
  /** null when a field is a string: such models run only on the string path. */
  readonly queue: QueueHandle | null
  /** How it runs now. */
  readonly runPlan: RunPlan
  readonly runPlanState: RunPlanState
  /** What `runPlan` was taken from; null unless calibrated. */
  readonly calibration: Calibration | null
  /** What is seen of its batches. */
  readonly batchingCounts: BatchingCounts
  /** Rows of a model that could share batches run one by one. */
  readonly isUnbatched: boolean
  /** Its runs on the string path; the queue counts the others. */
  readonly stringPathRuns: StringPathRunCounters
  /** Its runs past their limit. */ readonly overdueRuns: Readonly<OverdueRuns>
  readonly backgroundFailures: Readonly<BackgroundFailures>
  /** The workers have it: else its first request has it loaded. */
  readonly isLoaded: boolean
  /** Times that the workers have loaded it. */
  readonly loads: number
  /** What it counts for while it is loaded. */
  readonly memoryBytes: number
}

export interface LoadedModelsDependencies {
  readonly pool: InferencePool
  readonly store: ModelStore
  readonly limits: QueueLimits
  /** Where versions that name no placement run. */
  readonly placement: SessionPlacement
  readonly defaultPlan: RunPlan
  readonly mode: CalibrationMode
  readonly conditions: CalibrationConditions
  readonly differencePolicy: DifferencePolicy
  readonly residency: ResidencyLimits
  readonly clock: Clock
  readonly onNotice: (notice: EngineNotice) => void
}

interface Entry extends LoadedModel {
  readonly label: string
  readonly name: string
  readonly jobs: { count: number; lastUs: number; inHand: number }
  isLoaded: boolean
  loads: number
  /** It has served: once no plan uses it, it stays warm. */
  isWorthKeeping: boolean
  runPlan: RunPlan
  runPlanState: RunPlanState
  calibration: Calibration | null
  version: ModelVersion
  readonly batchingCounts: ReturnType<typeof newBatchingCounts>
  isUnbatched: boolean
  readonly source: ModelSource
  references: number
  isInBackground: boolean
}

/** A model before its workers have it. */
type Opening = Pick<Entry, 'version' | 'modelKey' | 'runPlan' | 'calibration' | 'isUnbatched' | 'source'>

/** A queue with it runs as many batches at a time as there are workers. */
const INSTANCES_UNLIMITED = 2 ** 32 - 1

export class LoadedModels {
  readonly #dependencies: LoadedModelsDependencies
  readonly #calibrator: Calibrator
  readonly #entries = new Map<string, Entry>()
  readonly #prepared: PreparedModels
  readonly #notices: BatchingNotices
  readonly #residency: Residency<Entry>
  #nextModelKey = 1

  constructor(dependencies: LoadedModelsDependencies) {
    this.#dependencies = dependencies
    this.#notices = new BatchingNotices(dependencies.clock, dependencies.onNotice)
    dependencies.pool.onObservation = (observation) => this.#observe(observation)
    this.#prepared = new PreparedModels(dependencies.store, dependencies.onNotice)
    this.#residency = new Residency<Entry>({
      runtime: dependencies.pool.runtime,
      limits: dependencies.residency,
      residents: () => this.#entries.values(),
      load: (entry) => this.#load(entry),
      unload: ({ modelKey }) => dependencies.pool.unload(modelKey, false),
      drop: (entry) => this.#drop(entry),
      onNotice: dependencies.onNotice,
    })
    this.#calibrator = new Calibrator({
      clock: dependencies.clock,
      conditions: dependencies.conditions,
      store: async ({ name, version }, calibration) => {
        await dependencies.store.setCalibration(name, version, calibration)
      },
      activity: () => this.all.reduce((sum, { queue }) => sum + rateOf(queue), 0),
      onNotice: dependencies.onNotice,
    })
  }

  /** The addon's runtime, in which all of them run. */
  get runtime(): number {
    return this.#dependencies.pool.runtime
  }

  get all(): readonly LoadedModel[] {
    // Those that have been superseded have a longer key; those that are warm serve nobody.
    return [...this.#entries].flatMap(([key, entry]) =>
      key === labelOf(entry.version) && entry.references > 0 ? [entry] : [],
    )
  }

  get residency(): Pick<Residency<Entry>, 'metrics' | 'free' | 'letGo'> {
    return this.#residency
  }

  /**
   * Loads the version into every worker unless it is, and counts one more user. Calls are serialised by the engine.
   * @throws PenstockError ERR_MODEL_INVALID with ONNX Runtime's reason, ERR_STORAGE.
   */
  async acquire(version: ModelVersion): Promise<LoadedModel> {
    const label = `${version.name}@${version.version}`
    const present = this.#entries.get(label)
    // A name that was removed and uploaded again may reuse neither number nor session.
    if (present?.version.sha256 === version.sha256 && this.#runsAlike(present, version)) {
      present.version = version
      if (present.references++ === 0) await this.#revive(present)
      return present
    }
    // Warm under an earlier inspection, or before its name was removed and used again: nobody runs on it.
    if (present?.references === 0) await this.#drop(present)
    else // Another inspection found otherwise: the plans that serve end as they began, later ones run as it says.
    if (present?.version.sha256 === version.sha256) this.#entries.set(`${label} ${present.modelKey}`, present)
    else if (present !== undefined)
      throw new PenstockError('ERR_CONFLICT', `Model ${label} is loaded with other contents`)
    const { mode, conditions, defaultPlan } = this.#dependencies
    const modelKey = this.#nextModelKey++
    const isMeasurable = mode !== 'off' && this.#isMeasurable(version)
    const calibration = isMeasurable ? storedCalibration(version, conditions) : null
    const runPlan = calibration?.plan ?? defaultPlan
    const isUnbatched = mustRunUnbatched(version, this.#dependencies.differencePolicy)
    const model = { version, modelKey, runPlan, calibration, isUnbatched, source: await this.#sourceOf(version) }
    const { name } = version
    const admitted = await this.#residency.admit(label, name, this.#memoryBytes(model), () => this.#open(model))
    if (calibration !== null) this.#limit(admitted, calibration)
    else await this.#calibrateWhereMeasurable(admitted)
    return admitted
  }

  /** Loads it for the first time. */
  async #open(model: Opening): Promise<Entry> {
    const { version, modelKey, isUnbatched } = model
    const { pool } = this.#dependencies
    const label = labelOf(version)
    const provider = await pool.load({ ...this.#loadable(model), warmUpRuns: this.#warmUpRuns(version) })
    // Looks for the CUDA runtime, so only when a model needs it: ONNX Runtime has loaded it by now.
    const isPageLocked = provider === 'cuda' && addon.canLockPages()
    const queue = this.#createQueue(version, modelKey, isPageLocked)
    const entry: Entry = {
      ...model,
      provider,
      isPageLocked,
      queue,
      runPlanState: 'default',
      batchingCounts: newBatchingCounts(),
      stringPathRuns: newStringPathRunCounters(),
      overdueRuns: pool.overdueRunsOf(modelKey),
      backgroundFailures: newBackgroundFailures(),
      references: 1,
      isInBackground: false,
      label,
      name: version.name,
      jobs: { count: 0, lastUs: 0, inHand: 0 },
      isLoaded: true,
      loads: 0,
      isWorthKeeping: false,
      memoryBytes: this.#memoryBytes(model),
    }
    this.#entries.set(label, entry)
    if (isUnbatched) this.#limitQueue(entry)
    return entry
  }

  /** Shapes that the version before was asked: of those that are loaded the one that was asked last. */
  #warmUpRuns({ name, signature }: ModelVersion): RunDims[] {
    const others = this.all.filter((other) => other.version.name === name && other.isLoaded)
    const queues = others.flatMap(({ queue }) => (queue === null ? [] : [queue]))
    const lastUs = (queue: QueueHandle): number => addon.queueUse(queue).lastUs
    const [last] = queues.sort((a, b) => lastUs(b) - lastUs(a))
    return last === undefined ? [] : warmUpRuns(signature, recentShapesOf(last))
  }

  /** A warm version serves again: its sessions and its queue are there. */
  async #revive(entry: Entry): Promise<void> {
    this.#residency.forget(entry, false)
    // Nothing else of it waits for anything: who moves an alias to and fro in a loop would starve the event loop.
    await setImmediate()
    await this.#calibrateWhereMeasurable(entry)
  }

  async #load(entry: Entry): Promise<void> {
    await this.#dependencies.pool.load(this.#loadable(entry))
    if (entry.isInBackground) this.#loadInBackground(entry)
  }

  /**
   * What a loaded model counts for: its file once for each session, or once for all where sessions share the prepared weights; and what
   * a session needs beside them.
   */
  #memoryBytes({ version: { sizeBytes }, source, runPlan }: Pick<Entry, 'version' | 'source' | 'runPlan'>): number {
    const sessions =
      this.#dependencies.pool.sessionsOf(runPlan) +
      (runPlan.alone === null ? 0 : this.#dependencies.pool.sessionsOf(runPlan.alone))
    return sessions * SESSION_BYTES + (source.preparedPath === null ? sessions : 1) * sizeBytes
  }

  /**
   * Offloads the model to the background workers, once they have loaded it; nobody waits for that. A GPU's
   * memory is too dear for one more session, and its runs take no core.
   */
  offload(model: LoadedModel): void {
    const entry = model as Entry
    if (entry.isInBackground || entry.queue === null || entry.provider !== 'cpu') return
    entry.isInBackground = true
    this.#loadInBackground(entry)
  }

  #loadInBackground(entry: Entry): void {
    void this.#dependencies.pool.loadInBackground(entry.modelKey).then((isLoaded) => {
      if (isLoaded && entry.isLoaded && entry.queue !== null && entry.references > 0) addon.offloadQueue(entry.queue)
    })
  }

  /** A request's rows failed in the background: the notice goes to the operator, for no answer mentions it. */
  noteBackgroundFailure({ version, backgroundFailures }: LoadedModel, code: string, message: string, count = 1): void {
    noteBackgroundFailure(backgroundFailures, { label: labelOf(version), code, message, count }, this.#dependencies)
  }

  /**
   * Counts one user less. After the last one a version that served stays warm, where the limits allow it; else its queue is closed and
   * it is unloaded. Its batches must all have been answered.
   */
  async release(model: LoadedModel, reason: ReleaseReason): Promise<void> {
    const entry = model as Entry
    if (reason !== 'tried') entry.isWorthKeeping = reason === 'replaced'
    if (--entry.references > 0) return
    // One that was inspected anew has another entry under its name.
    const isNewest = this.#entries.get(labelOf(entry.version)) === entry
    if (isNewest && entry.isWorthKeeping && (await this.#residency.keepWarm(entry))) return
    if (entry.references === 0) await this.#drop(entry)
  }

  /** Runs a job of a model without a queue, once the workers have the model. */
  whileLoaded<T>(model: LoadedModel, run: () => Promise<T>): Promise<T> {
    return this.#residency.whileLoaded(model as Entry, run)
  }

  async #drop(entry: Entry): Promise<void> {
    for (const [key, other] of this.#entries) if (other === entry) this.#entries.delete(key)
    this.#residency.forget(entry, true)
    if (entry.queue !== null) addon.closeQueue(entry.queue)
    await this.#dependencies.pool.unload(entry.modelKey)
  }

  /** No calibration begins any more; returns when the slice under way has ended. */
  async stopCalibrating(): Promise<void> {
    await this.#calibrator.close()
  }

  /** Closes every queue: the engine ends and its workers are gone. */
  closeAll(): void {
    this.#residency.close()
    for (const entry of this.#entries.values()) {
      entry.references = 0
      if (entry.queue !== null) addon.closeQueue(entry.queue)
    }
    this.#entries.clear()
  }

  /** On a device, threads and instances of the CPU decide nothing. */
  #isMeasurable(version: ModelVersion): boolean {
    return this.#placementOf(version).executionProviders.every((provider) => provider === 'cpu')
  }

  /** What the version says of itself goes before what the engine was opened with. */
  #placementOf({ providers, deviceId }: ModelVersion): SessionPlacement {
    const { placement } = this.#dependencies
    return {
      executionProviders: providers ?? placement.executionProviders,
      deviceId: deviceId ?? placement.deviceId,
    }
  }

  async #calibrateWhereMeasurable(entry: Entry): Promise<void> {
    const isMeasurable = this.#dependencies.mode !== 'off' && this.#isMeasurable(entry.version)
    const isToMeasure = entry.calibration === null && entry.runPlanState !== 'pending'
    if (isMeasurable && isToMeasure && entry.queue !== null) await this.#calibrate(entry)
  }

  /** Settles at once, unless models are measured before they serve. */
  async #calibrate(entry: Entry): Promise<void> {
    entry.runPlanState = 'pending'
    const isUrgent = this.#dependencies.mode === 'deploy'
    const done = this.#calibrator.schedule({
      version: entry.version,
      source: entry.source,
      isUrgent,
      isWanted: () => entry.references > 0,
      apply: (calibration) => this.#apply(entry, calibration),
      giveUp: () => {
        entry.runPlanState = 'default'
      },
    })
    if (isUrgent) await done
  }

  async #apply(entry: Entry, calibration: Calibration): Promise<void> {
    const { plan } = calibration
    await this.#dependencies.pool.replace(this.#loadable({ ...entry, runPlan: plan, calibration }))
    if (entry.references > 0) this.#limit(entry, calibration)
  }

  #limit(entry: Entry, calibration: Calibration): void {
    entry.runPlan = calibration.plan
    entry.runPlanState = 'calibrated'
    entry.calibration = calibration
    this.#limitQueue(entry)
  }

  /** One row at least fits whatever the bytes: without batching none more does. */
  #limitQueue({ queue, runPlan, calibration, isUnbatched }: Entry): void {
    if (queue === null) return
    // A row of another size takes a batch of as many bytes: its run takes about as long.
    const bytesMax = calibration === null ? 1 : calibration.rowBytes * runPlan.batchRowsMax
    const instances = calibration === null ? INSTANCES_UNLIMITED : runPlan.instances
    addon.limitQueue(queue, instances, isUnbatched ? 1 : bytesMax, calibration?.batchUs ?? 0)
  }

  #observe(observation: WorkerObservation): void {
    const entry = [...this.#entries.values()].find(({ modelKey }) => modelKey === observation.modelKey)
    if (entry === undefined) return
    if (observation.observed === 'background-failure') {
      const { reason, count } = observation
      return this.noteBackgroundFailure(entry, 'ERR_RUN_FAILED', reason, count)
    }
    const label = labelOf(entry.version)
    if (observation.observed === 'shared-failure') {
      entry.batchingCounts.sharedFailures++
      this.#notices.sharedFailure(label, observation.reason)
      return
    }
    entry.batchingCounts.rowChecks++
    if (observation.output === '') return
    entry.batchingCounts.rowDifferences++
    const isTaken =
      this.#dependencies.differencePolicy === 'unbatch' && trustedProof(entry.version)?.override === undefined
    this.#notices.difference(label, observation.output, isTaken)
    if (isTaken && !entry.isUnbatched) void this.#unbatch(entry, observation.output)
  }

  /** Whether the version, as it is inspected now, runs as the one that is loaded. */
  #runsAlike({ version: present, isUnbatched }: Entry, version: ModelVersion): boolean {
    const arrangement = ({
      signature: { inputs, outputs, batching, copiedOutputs = [], batchingProof },
    }: ModelVersion) => [inputs, outputs, batching, copiedOutputs, batchingProof?.basis === 'graph'] as const
    return (
      isUnbatched === mustRunUnbatched(version, this.#dependencies.differencePolicy) &&
      isDeepStrictEqual(arrangement(present), arrangement(version))
    )
  }

  /** From now on each row is a batch and a run; stored, so that a restart does not forget it. */
  async #unbatch(entry: Entry, output: string): Promise<void> {
    const { store, clock, pool, onNotice } = this.#dependencies
    entry.isUnbatched = true
    this.#limitQueue(entry)
    try {
      await pool.replace(this.#loadable(entry))
      const { version } = entry
      const { batchingProof: proof } = version.signature
      if (proof === undefined) return
      const found = { at: new Date(clock.nowMs()).toISOString(), output }
      const signature = { ...version.signature, batchingProof: { ...proof, found } }
      await store.setSignature(version.name, version.version, signature)
      entry.version = { ...version, signature }
    } catch (cause) {
      onNotice({ level: 'error', message: `${labelOf(entry.version)} could not be taken off batching for good`, cause })
    }
  }

  #loadable({
    version,
    source,
    modelKey,
    runPlan,
    calibration,
    isUnbatched,
  }: Pick<Entry, 'version' | 'source' | 'modelKey' | 'runPlan' | 'calibration' | 'isUnbatched'>): LoadableModel {
    const placement = this.#placementOf(version)
    const isInParts = calibration !== null && runPlan.runRowsMax < runPlan.batchRowsMax
    return {
      ...source,
      modelKey,
      isNonBatching: version.signature.batching === 'whole',
      instances: runPlan.instances,
      shared: null,
      settings: sessionSettingsOf(runPlan, placement),
      latencySettings: runPlan.alone === null ? null : sessionSettingsOf(runPlan.alone, placement),
      runInputBytesMax: isUnbatched ? 1 : isInParts ? calibration.rowBytes * runPlan.runRowsMax : null,
      hasRowChecks: version.signature.batching === 'rows' && !isUnbatched,
      isGraphProven: version.signature.batchingProof?.basis === 'graph',
      warmUpRuns: [],
    }
  }

  async #sourceOf(version: ModelVersion): Promise<ModelSource> {
    const { store } = this.#dependencies
    const hasBytes = hasBlobBytes(store)
    const stored = {
      label: labelOf(version),
      path: hasBytes ? null : store.blobPath(version.sha256),
      bytes: hasBytes ? store.blobBytes(version.sha256) : null,
    }
    // Before anybody opens it: preparation, calibration and the workers do.
    await expectOneFile(stored)
    return {
      ...stored,
      preparedPath: await this.#prepared.pathOf(version, this.#placementOf(version).executionProviders),
    }
  }

  #createQueue(version: ModelVersion, modelKey: number, isPageLocked: boolean): QueueHandle | null {
    const { inputs, outputs, batching, copiedOutputs = [] } = version.signature
    if ([...inputs, ...outputs].some((field) => field.dtype === 'string')) return null
    const nativeFields = (fields: readonly TensorField[]): NativeField[] =>
      fields.map((field) => nativeField(field, batching === 'whole', copiedOutputs.includes(field.name)))
    const { limits, pool } = this.#dependencies
    return addon.createQueue(pool.runtime, {
      modelKey,
      inputs: nativeFields(inputs),
      outputs: nativeFields(outputs),
      batching: Batching[batching],
      batchRowsMax: limits.batchRowsMax,
      batchBytesMax: BATCH_BYTES_MAX,
      pendingRowsMax: [limits.pendingRowsMax, limits.pendingRowsBackgroundMax],
      maxDelayUs: limits.maxDelayUs,
      isPageLocked,
    })
  }
}

const labelOf = ({ name, version }: ModelVersion): string => `${name}@${version}`

/** A moving average of the runs, which each run moves. */
function rateOf(queue: QueueHandle | null): number {
  return queue === null ? 0 : addon.queueStats(queue).usPerRow
}

/** A field as the addon wants it: without the row axis, unless it has none; -1 for free dims. */
function nativeField(field: TensorField, isNonBatching: boolean, isCopied: boolean): NativeField {
  const dims = field.shape.map((dim) => dim ?? -1)
  return { dtype: dtypeInfo(field.dtype).code, dims: isNonBatching ? dims : dims.slice(1), isCopied }
}
