/** `engine.contracts` of a server. */
import { expectName } from '../../base/expect.js'
import type { ContractRecord, ContractsApi, ContractVersion } from '../../engine/api/api.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import type { ContractCalls } from './contract-calls.js'
import { expectVersion } from './expect-version.js'
import type { Remote } from './remote.js'

export class RemoteContracts implements Remote<ContractsApi> {
  readonly #calls: ContractCalls

  constructor(calls: ContractCalls) {
    this.#calls = calls
  }

  async list(): Promise<ContractRecord[]> {
    return readRecord('ContractRecords', await this.#calls.listContracts()).contracts.slice()
  }

  async get(name: string): Promise<ContractRecord> {
    return readRecord('ContractRecord', await this.#calls.getContract(expectName('contract', name)))
  }

  async getVersion(name: string, version?: number): Promise<ContractVersion> {
    const checked = expectName('contract', name)
    if (version !== undefined)
      return readRecord('NamedContractVersion', await this.#calls.getContractVersion(checked, expectVersion(version)))
    // A contract without versions is not listed.
    return (await this.get(checked)).versions.at(-1) as ContractVersion
  }

  async put(contract: ContractVersion['contract']): Promise<ContractVersion> {
    const answer = await this.#calls.putContract(expectName('contract.name', contract.name), contract)
    return readRecord('NamedContractVersion', answer)
  }

  async remove(name: string): Promise<void> {
    await this.#calls.removeContract(expectName('contract', name))
  }

  async removeVersion(name: string, version: number): Promise<void> {
    await this.#calls.removeContractVersion(expectName('contract', name), expectVersion(version))
  }
}
