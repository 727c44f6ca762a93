/** Datasets: immutable tables by name and version, the calls that change them, and the store that keeps them. Types only. */
import type { DatasetFormat } from '../../base/dataset-reference.js'
import type { DatasetRecord, DatasetVersion } from './generated/records.js'

export interface NewDataset {
  readonly format: DatasetFormat
  /** What part of the data it is: `train`, `test` …; absent: nobody said. */
  readonly split?: string | undefined
}

/** A row by the names of its columns; 64-bit integers are bigints, rows of several elements lists. */
export type DatasetRow = Readonly<Record<string, unknown>>

/** Where a version lies, for whoever reads its table. */
export interface OpenDataset {
  readonly name: string
  readonly version: DatasetVersion
  readonly path: string
  readonly format: DatasetFormat
}

/** Every mutation is durable when its promise settles. */
export interface DatasetStore {
  list(): DatasetRecord[]
  get(name: string): DatasetRecord | undefined
  /**
   * Adds the next version; one equal to the newest, in bytes, format and split, returns that version.
   * @throws PenstockError ERR_BODY, ERR_DTYPE: the bytes are no such table; nothing is left of it.
   */
  put(name: string, bytes: Uint8Array, dataset: NewDataset): Promise<DatasetVersion>
  remove(name: string): Promise<void>
  removeVersion(name: string, version: number): Promise<void>
  /** @throws PenstockError ERR_STORAGE: its file is damaged. */
  pathOf(version: DatasetVersion): string
  /** The first rows. */
  rows(version: DatasetVersion, limit: number): Promise<DatasetRow[]>
}

export interface DatasetsApi {
  list(): DatasetRecord[]
  /** @throws ERR_DATASET_NOT_FOUND. */
  get(name: string): DatasetRecord
  /** @param version absent: the newest. @throws ERR_DATASET_NOT_FOUND naming the versions that there are. */
  getVersion(name: string, version?: number): DatasetVersion
  /** @param bytes of the file, kept as they are. @throws ERR_ARGUMENT, ERR_BODY, ERR_DTYPE, ERR_CONFLICT. */
  create(name: string, bytes: Uint8Array, dataset: NewDataset): Promise<DatasetVersion>
  /** The bytes of the file, as they were given. @throws ERR_DATASET_NOT_FOUND, ERR_STORAGE. */
  read(name: string, version?: number): Promise<Uint8Array>
  /** The first rows. @param limit 1..DATASET_ROWS_SHOWN_MAX. @throws ERR_DATASET_NOT_FOUND, ERR_STORAGE. */
  rows(name: string, version: number, limit: number): Promise<DatasetRow[]>
  /** @param isForced though the lineage of a model names it. @throws ERR_CONFLICT naming those models. */
  remove(name: string, isForced?: boolean): Promise<void>
  /** The last version takes the dataset with it. @throws ERR_CONFLICT. */
  removeVersion(name: string, version: number, isForced?: boolean): Promise<void>
}
