/** `engine.datasets` of a server, and the calls that it is made of, as calls.ts has the others. */
import { expectName } from '../../base/expect.js'
import type { DatasetRecord, DatasetRow, DatasetsApi, DatasetVersion, NewDataset } from '../../engine/api/api.js'
import type {
  DatasetRecordAnswer,
  DatasetRecordsAnswer,
  NamedDatasetVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import { expectVersion } from './expect-version.js'
import type { HttpCaller, HttpRequest } from './http.js'
import { queryText } from './paths.js'
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

export interface DatasetQuery {
  readonly format: string
  readonly split?: string | undefined
}

export class DatasetCalls {
  constructor(readonly http: HttpCaller) {}

  listDatasets(): Promise<DatasetRecordsAnswer> {
    return this.#call('GET', '/v1/datasets')
  }

  getDataset(name: string): Promise<DatasetRecordAnswer> {
    return this.#call('GET', datasetPath(name))
  }

  getDatasetVersion(name: string, version: number): Promise<NamedDatasetVersionAnswer> {
    return this.#call('GET', versionPath(name, version))
  }

  createDataset(name: string, body: HttpRequest, query: DatasetQuery): Promise<NamedDatasetVersionAnswer> {
    return this.#call('PUT', `${datasetPath(name)}/versions${queryText(queryOf(query))}`, body)
  }

  /** The file, byte for byte. */
  async readDataset(name: string, version: number): Promise<Uint8Array> {
    return (await this.http.callForBytes('GET', `${versionPath(name, version)}/content`, {})).bytes
  }

  datasetRows(name: string, version: number, limit: number): Promise<{ readonly rows: readonly object[] }> {
    return this.#call('GET', `${versionPath(name, version)}/rows?limit=${limit}`)
  }

  removeDataset(name: string, isForced: boolean): Promise<undefined> {
    return this.#call('DELETE', `${datasetPath(name)}${forceText(isForced)}`)
  }

  removeDatasetVersion(name: string, version: number, isForced: boolean): Promise<undefined> {
    return this.#call('DELETE', `${versionPath(name, version)}${forceText(isForced)}`)
  }

  async #call<T>(method: string, path: string, body?: HttpRequest): Promise<T> {
    return (await this.http.call(method, path, body)) as T
  }
}

function queryOf({ format, split }: DatasetQuery): URLSearchParams {
  return new URLSearchParams(split === undefined ? { format } : { format, split })
}

function datasetPath(name: string): string {
  return `/v1/datasets/${encodeURIComponent(name)}`
}

function versionPath(name: string, version: number): string {
  return `${datasetPath(name)}/versions/${version}`
}

function forceText(isForced: boolean): string {
  return isForced ? '?force=true' : ''
}
