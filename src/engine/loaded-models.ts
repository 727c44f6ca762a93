/**
 * Model versions that workers have loaded, each with its one queue, shared by all plans that use it and counted.
 *
 * One queue per model version, not per pipeline: requests of two pipelines meet in one batch. A version is loaded by
 * the first plan that needs it, before that plan serves, and unloaded after the last one has answered its last request.
 */
import { addon } from '../../bindings/native.js'
import type { NativeField, QueueHandle } from '../../bindings/native.js'
import { PenstockError } from '../base/errors.js'
import { BATCH_BYTES_MAX } from '../base/limits.js'
import type { ExecutionProvider } from '../base/providers.js'
import { dtypeInfo } from '../tensor/dtype.js'
import type { TensorField } from '../tensor/tensor.js'
import type { InferencePool } from '../worker/inference-pool.js'
import type { SessionSettings } from '../worker/session-options.js'
import type { BatchingMode, ModelStore, ModelVersion } from './api.js'
import type { EngineNotice } from './engine-options.js'
import { hasBlobBytes } from './memory-stores.js'
import { PreparedModels } from './prepared-models.js'

export interface LoadedModel {
  readonly version: ModelVersion
  readonly modelKey: number
  readonly provider: ExecutionProvider
  /** Its batches lie in memory that the GPU copies without a detour. */
  readonly isPageLocked: boolean
  /** null when a field is a string: such models run on the plain path alone. */
  readonly queue: QueueHandle | null
}

export interface QueueLimits {
  readonly batchRowsMax: number
  readonly maxDelayUs: number
  readonly pendingRowsMax: number
  readonly pendingRowsBackgroundMax: number
}

interface Entry extends LoadedModel {
  references: number
}

const batchingCodes: Readonly<Record<BatchingMode, 0 | 1 | 2>> = { rows: 0, row: 1, whole: 2 }

export class LoadedModels {
  readonly #pool: InferencePool
  readonly #store: ModelStore
  readonly #limits: QueueLimits
  readonly #settings: SessionSettings
  readonly #entries = new Map<string, Entry>()
  readonly #prepared: PreparedModels
  #nextModelKey = 1

  constructor(
    pool: InferencePool,
    store: ModelStore,
    limits: QueueLimits,
    settings: SessionSettings,
    onNotice: (notice: EngineNotice) => void,
  ) {
    this.#prepared = new PreparedModels(store, onNotice)
    this.#pool = pool
    this.#store = store
    this.#limits = limits
    this.#settings = settings
  }

  get all(): readonly LoadedModel[] {
    return [...this.#entries.values()]
  }

  /**
   * Loads the version into every worker unless it is, and counts one more user. Calls are serialised by the engine.
   * @throws PenstockError ERR_MODEL_INVALID with ONNX Runtime's reason, ERR_STORAGE.
   */
  async acquire(version: ModelVersion): Promise<LoadedModel> {
    const label = `${version.name}@${version.version}`
    const present = this.#entries.get(label)
    // A name that was removed and uploaded again may reuse neither number nor session.
    if (present?.version.sha256 === version.sha256) {
      present.references++
      return present
    }
    if (present !== undefined) throw new PenstockError('ERR_CONFLICT', `Model ${label} is loaded with other contents`)
    const modelKey = this.#nextModelKey++
    const isWhole = version.signature.batching === 'whole'
    const hasBytes = hasBlobBytes(this.#store)
    const settings = this.#settingsOf(version)
    const provider = await this.#pool.load({
      modelKey,
      label,
      isWhole,
      path: hasBytes ? null : this.#store.blobPath(version.sha256),
      bytes: hasBytes ? this.#store.blobBytes(version.sha256) : null,
      preparedPath: await this.#prepared.pathOf(version, settings),
      settings,
    })
    // Looks for the CUDA runtime, so only when a model needs it: ONNX Runtime has loaded it by now.
    const isPageLocked = provider === 'cuda' && addon.canLockPages()
    const queue = this.#createQueue(version, modelKey, isPageLocked)
    const entry: Entry = { version, modelKey, provider, isPageLocked, queue, references: 1 }
    this.#entries.set(label, entry)
    return entry
  }

  /** Counts one user less; the last one closes the queue and unloads. Its batches must all have been answered. */
  async release(model: LoadedModel): Promise<void> {
    const entry = model as Entry
    if (--entry.references > 0) return
    this.#entries.delete(`${entry.version.name}@${entry.version.version}`)
    if (entry.queue !== null) addon.closeQueue(entry.queue)
    await this.#pool.unload(entry.modelKey)
  }

  /** Closes every queue: the engine ends and its workers are gone. */
  closeAll(): void {
    for (const { queue } of this.#entries.values()) if (queue !== null) addon.closeQueue(queue)
    this.#entries.clear()
  }

  /** What the version says of itself goes before what the engine was opened with. */
  #settingsOf({ providers, deviceId }: ModelVersion): SessionSettings {
    const { executionProviders, deviceId: defaultDeviceId } = this.#settings
    return {
      ...this.#settings,
      executionProviders: providers ?? executionProviders,
      deviceId: deviceId ?? defaultDeviceId,
    }
  }

  #createQueue(version: ModelVersion, modelKey: number, isPageLocked: boolean): QueueHandle | null {
    const { inputs, outputs, batching } = version.signature
    if ([...inputs, ...outputs].some((field) => field.dtype === 'string')) return null
    const nativeFields = (fields: readonly TensorField[]): NativeField[] =>
      fields.map((field) => nativeField(field, batching === 'whole'))
    return addon.createQueue(this.#pool.plane, {
      modelKey,
      inputs: nativeFields(inputs),
      outputs: nativeFields(outputs),
      batching: batchingCodes[batching],
      batchRowsMax: this.#limits.batchRowsMax,
      batchBytesMax: BATCH_BYTES_MAX,
      pendingRowsMax: [this.#limits.pendingRowsMax, this.#limits.pendingRowsBackgroundMax],
      maxDelayUs: this.#limits.maxDelayUs,
      isPageLocked,
    })
  }
}

/** A field as the addon wants it: without the row axis, unless it has none; -1 for free dims. */
function nativeField(field: TensorField, isWhole: boolean): NativeField {
  const dims = field.shape.map((dim) => dim ?? -1)
  return { dtype: dtypeInfo(field.dtype).code, dims: isWhole ? dims : dims.slice(1) }
}
