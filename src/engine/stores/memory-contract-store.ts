/** Contracts without a disk, by the rules of the registry's: gone when the process ends. */
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { type Contract, contractsEqual } from '../../contract/contract.js'
import type { ContractRecord, ContractStore, ContractVersion } from '../api/api.js'

export class MemoryContractStore implements ContractStore {
  readonly #clock: Clock
  readonly #records = new Map<string, ContractRecord>()
  readonly #newestVersions = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list(): ContractRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): ContractRecord | undefined {
    return this.#records.get(name)
  }

  put(contract: Contract): Promise<ContractVersion> {
    const { name } = contract
    const now = new Date(this.#clock.nowMs()).toISOString()
    const record = this.#records.get(name) ?? { name, versions: [], createdAt: now, updatedAt: now }
    const newest = record.versions.at(-1)
    if (newest !== undefined && contractsEqual(newest.contract, contract)) return Promise.resolve(newest)
    const number = (this.#newestVersions.get(name) ?? 0) + 1
    const version: ContractVersion = { version: number, contract: structuredClone(contract), createdAt: now }
    this.#newestVersions.set(name, number)
    this.#records.set(name, { ...record, versions: [...record.versions, version], updatedAt: now })
    return Promise.resolve(version)
  }

  async remove(name: string): Promise<void> {
    await this.#existing(name)
    this.#records.delete(name)
  }

  async removeVersion(name: string, version: number): Promise<void> {
    const record = await this.#existing(name)
    const versions = record.versions.filter((candidate) => candidate.version !== version)
    if (versions.length === record.versions.length)
      throw new PenstockError('ERR_CONTRACT_NOT_FOUND', `Contract ${name} has no version ${version}`)
    if (versions.length === 0) this.#records.delete(name)
    else this.#records.set(name, { ...record, versions, updatedAt: new Date(this.#clock.nowMs()).toISOString() })
  }

  #existing(name: string): Promise<ContractRecord> {
    const record = this.#records.get(name)
    if (record !== undefined) return Promise.resolve(record)
    return Promise.reject(new PenstockError('ERR_CONTRACT_NOT_FOUND', `There is no contract ${name}`))
  }
}
