/** The control calls of datasets, and what the lineage of models says of them. */
import { readFile } from 'node:fs/promises'
import { DATASET_FORMATS, type DatasetFormat, expectDatasetReference } from '../base/dataset-reference.js'
import { PenstockError } from '../base/errors.js'
import { expectInteger, expectName, expectOneOf } from '../base/expect.js'
import type { Lineage } from '../base/lineage.js'
import { DATASET_BYTES_MAX, DATASET_ROWS_SHOWN_MAX } from '../base/limits/limits.js'
import { didYouMean } from '../base/suggest.js'
import type { ModelStore } from './api/api.js'
import type { DatasetRow, DatasetsApi, DatasetStore, NewDataset, OpenDataset } from './api/datasets.js'
import type { DatasetRecord, DatasetVersion } from './api/generated/records.js'

export interface DatasetsParts {
  /** null: the engine was opened without. */
  readonly store: DatasetStore | null
  readonly models: ModelStore
  /** Runs one operation that changes something at a time, while the engine takes work. */
  readonly inTurn: <T>(operation: () => Promise<T>) => Promise<T>
}

export class Datasets implements DatasetsApi {
  readonly #parts: DatasetsParts

  constructor(parts: DatasetsParts) {
    this.#parts = parts
  }

  list(): DatasetRecord[] {
    return this.#parts.store?.list() ?? []
  }

  get(name: string): DatasetRecord {
    const checked = expectName('dataset', name)
    const record = this.#parts.store?.get(checked)
    if (record !== undefined) return record
    const names = this.list().map((known) => known.name)
    throw new PenstockError('ERR_DATASET_NOT_FOUND', `There is no dataset ${checked}${didYouMean(checked, names)}`)
  }

  getVersion(name: string, version?: number): DatasetVersion {
    const { versions } = this.get(name)
    const found =
      version === undefined
        ? versions.at(-1)
        : versions.find((one) => one.version === expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER))
    if (found !== undefined) return found
    const known = versions.map((one) => one.version).join(', ')
    throw new PenstockError(
      'ERR_DATASET_NOT_FOUND',
      `Dataset ${name} has no version ${version}. It has the versions ${known}`,
    )
  }

  /** What a step or a command reads in place of a file. @param reference name, name@version or name@latest. */
  open(reference: string): OpenDataset {
    const { name, version: wanted } = expectDatasetReference('the dataset', reference)
    const version = this.getVersion(name, wanted ?? undefined)
    return { name, version, path: this.#store.pathOf(version), format: version.format as DatasetFormat }
  }

  create(name: string, bytes: Uint8Array, { format, split }: NewDataset): Promise<DatasetVersion> {
    return this.#parts.inTurn(async () => {
      expectName('dataset', name)
      expectOneOf('format', format, DATASET_FORMATS)
      if (split !== undefined) expectName('split', split)
      if (bytes.byteLength > DATASET_BYTES_MAX)
        throw new PenstockError(
          'ERR_ARGUMENT',
          `Expected the table to have at most ${DATASET_BYTES_MAX} bytes but received ${bytes.byteLength}. Make it a Parquet file, or several datasets`,
        )
      return this.#store.put(name, bytes, { format, split })
    })
  }

  async read(name: string, version?: number): Promise<Uint8Array> {
    const path = this.#store.pathOf(this.getVersion(name, version))
    return readFile(path).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new PenstockError('ERR_STORAGE', `Cannot read the dataset ${name}: ${reason}`, { cause })
    })
  }

  async rows(name: string, version: number, limit: number): Promise<DatasetRow[]> {
    expectInteger('limit', limit, 1, DATASET_ROWS_SHOWN_MAX)
    return this.#store.rows(this.getVersion(name, version), limit)
  }

  remove(name: string, isForced = false): Promise<void> {
    return this.#parts.inTurn(async () => {
      for (const { version } of this.get(name).versions) this.#expectUnused(name, version, isForced)
      await this.#store.remove(name)
    })
  }

  removeVersion(name: string, version: number, isForced = false): Promise<void> {
    return this.#parts.inTurn(async () => {
      this.getVersion(name, version)
      this.#expectUnused(name, version, isForced)
      await this.#store.removeVersion(name, version)
    })
  }

  /** The lineage with the versions of its datasets said, so that a newer one changes no history. @throws ERR_DATASET_NOT_FOUND. */
  pinned(lineage: Lineage): Lineage {
    if (lineage.datasets === undefined) return lineage
    const datasets = Object.entries(lineage.datasets).map(([use, reference]) => {
      const { name, version } = expectDatasetReference(`datasets.${use}`, reference)
      return [use, `${name}@${this.getVersion(name, version ?? undefined).version}`] as const
    })
    return { ...lineage, datasets: Object.fromEntries(datasets) }
  }

  get #store(): DatasetStore {
    if (this.#parts.store !== null) return this.#parts.store
    throw new PenstockError(
      'ERR_CONFLICT',
      'This engine keeps no datasets. Open it with datasetsOf(home) as its datasets',
    )
  }

  #expectUnused(name: string, version: number, isForced: boolean): void {
    if (isForced) return
    const reference = `${name}@${version}`
    const users = this.#parts.models
      .list()
      .flatMap(({ name: model, versions }) =>
        versions
          .filter(({ lineage }) => Object.values(lineage?.datasets ?? {}).includes(reference))
          .map((user) => `${model}@${user.version}`),
      )
    if (users.length === 0) return
    throw new PenstockError(
      'ERR_CONFLICT',
      `The dataset ${reference} is named in the lineage of ${users.join(', ')}. Remove it with force, or those versions first`,
    )
  }
}
