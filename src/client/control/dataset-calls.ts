/** The addresses of datasets and their answers as the server sends them, as calls.ts has the others. */
import type {
  DatasetRecordAnswer,
  DatasetRecordsAnswer,
  NamedDatasetVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import type { HttpCaller, HttpRequest } from './http.js'
import { queryText } from './paths.js'

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
