/**
 * Where workers get a model's weights from: large models from the files that the store keeps prepared, so that all
 * workers share one mapping of the weights; small ones, and those of stores without a disk, from their blob or bytes.
 *
 * Nothing here may keep a model from being served: a failure is reported once and costs memory only.
 */
import { join } from 'node:path'
import { PREPARED_MODEL_BYTES_MIN } from '../../base/limits/limits.js'
import { prepareOnThread } from '../../worker/preparation/preparation.js'
import { preparationKey, PREPARED_MODEL_FILE } from '../../worker/preparation/preparation-key.js'
import type { ExecutionProvider } from '../../base/providers.js'
import type { ModelStore, ModelVersion } from '../api/api.js'
import type { EngineNotice } from '../api/options.js'

export class PreparedModels {
  readonly #store: ModelStore
  readonly #onNotice: (notice: EngineNotice) => void

  constructor(store: ModelStore, onNotice: (notice: EngineNotice) => void) {
    this.#store = store
    this.#onNotice = onNotice
  }

  /** The file that workers open, made when it is not there; null: they open the blob. Never throws. */
  async pathOf(version: ModelVersion, executionProviders: readonly ExecutionProvider[]): Promise<string | null> {
    const { prepared } = this.#store
    // Another provider than the CPU keeps its own copy of the weights, on its device.
    const isForCpu = executionProviders.includes('cpu')
    if (prepared === undefined || !isForCpu || version.sizeBytes < PREPARED_MODEL_BYTES_MIN) return null
    try {
      const key = preparationKey()
      const found =
        (await prepared.find(version.sha256, key)) ??
        (await prepared.make(version.sha256, key, (directory) =>
          prepareOnThread(this.#store.blobPath(version.sha256), directory),
        ))
      return found.directory === null ? null : join(found.directory, PREPARED_MODEL_FILE)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      this.#onNotice({
        level: 'warn',
        message: `Sessions do not share the weights of ${version.name}@${version.version}, each holds its own: ${reason}`,
        cause,
      })
      return null
    }
  }
}
