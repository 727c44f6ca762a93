/** `engine.datasets` of a server. */
import { expectName } from '../../base/expect.js'
import type { DatasetRecord, DatasetRow, DatasetsApi, DatasetVersion, NewDataset } from '../../engine/api/api.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import type { DatasetCalls } from './dataset-calls.js'
import { expectVersion } from './expect-version.js'
import type { Remote } from './remote.js'

export class RemoteDatasets implements Remote<DatasetsApi> {
  readonly #calls: DatasetCalls

  constructor(calls: DatasetCalls) {
    this.#calls = calls
  }

  async list(): Promise<DatasetRecord[]> {
    return readRecord('DatasetRecords', await this.#calls.listDatasets()).datasets.slice()
  }

  async get(name: string): Promise<DatasetRecord> {
    return readRecord('DatasetRecord', await this.#calls.getDataset(expectName('dataset', name)))
  }

  async getVersion(name: string, version?: number): Promise<DatasetVersion> {
    const checked = expectName('dataset', name)
    if (version !== undefined)
      return readRecord('NamedDatasetVersion', await this.#calls.getDatasetVersion(checked, expectVersion(version)))
    // A dataset without versions is not listed.
    return (await this.get(checked)).versions.at(-1) as DatasetVersion
  }

  async create(name: string, bytes: Uint8Array, { format, split }: NewDataset): Promise<DatasetVersion> {
    const answer = await this.#calls.createDataset(expectName('dataset', name), { bytes }, { format, split })
    return readRecord('NamedDatasetVersion', answer)
  }

  async read(name: string, version?: number): Promise<Uint8Array> {
    const found = version ?? (await this.getVersion(name)).version
    return this.#calls.readDataset(expectName('dataset', name), expectVersion(found))
  }

  async rows(name: string, version: number, limit: number): Promise<DatasetRow[]> {
    const answer = await this.#calls.datasetRows(expectName('dataset', name), expectVersion(version), limit)
    return answer.rows as DatasetRow[]
  }

  async remove(name: string, isForced = false): Promise<void> {
    await this.#calls.removeDataset(expectName('dataset', name), isForced)
  }

  async removeVersion(name: string, version: number, isForced = false): Promise<void> {
    await this.#calls.removeDatasetVersion(expectName('dataset', name), expectVersion(version), isForced)
  }
}
