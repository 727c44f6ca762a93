/** The addresses of contracts and their answers as the server sends them, as calls.ts has the others. */
import type {
  ContractRecordAnswer,
  ContractRecordsAnswer,
  NamedContractVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import type { HttpCaller } from './http.js'

export class ContractCalls {
  constructor(readonly http: HttpCaller) {}

  listContracts(): Promise<ContractRecordsAnswer> {
    return this.#call('GET', '/v1/contracts')
  }

  getContract(name: string): Promise<ContractRecordAnswer> {
    return this.#call('GET', contractPath(name))
  }

  getContractVersion(name: string, version: number): Promise<NamedContractVersionAnswer> {
    return this.#call('GET', `${contractPath(name)}/versions/${version}`)
  }

  /** @param contract sent as it is; a name in it that is not `name` is refused. */
  async putContract(name: string, contract: unknown): Promise<NamedContractVersionAnswer> {
    return (await this.http.call('PUT', contractPath(name), { json: contract })) as NamedContractVersionAnswer
  }

  removeContract(name: string): Promise<undefined> {
    return this.#call('DELETE', contractPath(name))
  }

  removeContractVersion(name: string, version: number): Promise<undefined> {
    return this.#call('DELETE', `${contractPath(name)}/versions/${version}`)
  }

  async #call<T>(method: string, path: string): Promise<T> {
    return (await this.http.call(method, path)) as T
  }
}

function contractPath(name: string): string {
  return `/v1/contracts/${encodeURIComponent(name)}`
}
