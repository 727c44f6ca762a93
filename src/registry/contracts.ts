/**
 * The registry of contracts: immutable numbered versions, one record file per contract. As with pipelines, version numbers
 * are never given twice: stored pipelines name them. A removed contract leaves a record without versions, which is not
 * listed. Whether a document makes sense is checked by contract/parse.ts before it comes here, and at each deploy.
 */
import { expectArray, expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { CONTRACT_FIELDS_MAX } from '../base/limits/contract-limits.js'
import type { Contract } from '../contract/contract.js'
import type { ContractRecord, ContractStore, ContractVersion } from '../engine/api/api.js'
import { checkEach, checkTime } from './record-check.js'
import { isEqualJson } from './records.js'
import { checkStoredVersions, type StoredVersions, type VersionedParts, VersionedRecords } from './versioned-records.js'

export type StoredContract = StoredVersions<ContractVersion>

export type ContractsParts = VersionedParts<ContractVersion>

export class Contracts implements ContractStore {
  readonly #parts: ContractsParts
  readonly #records: VersionedRecords<ContractVersion>

  constructor(parts: ContractsParts) {
    this.#parts = parts
    this.#records = new VersionedRecords(parts, 'contract', 'ERR_CONTRACT_NOT_FOUND')
  }

  list(): ContractRecord[] {
    return this.#records.list()
  }

  get(name: string): ContractRecord | undefined {
    return this.#records.get(name)
  }

  /** @throws PenstockError ERR_ARGUMENT, ERR_STORAGE; ERR_CONFLICT at a limit of the registry. */
  async put(contract: Contract): Promise<ContractVersion> {
    expectName('name', contract.name)
    expectArray('fields', contract.fields, CONTRACT_FIELDS_MAX)
    // Through JSON: what is compared and listed is exactly what a restart will read.
    const plain = JSON.parse(JSON.stringify(contract)) as Contract
    return this.#parts.mutations.run(async () => {
      const now = this.#records.now()
      const stored = this.#records.open(plain.name)
      const newest = stored.versions.at(-1)
      if (newest !== undefined && isEqualJson(newest.contract, plain)) return newest
      this.#records.expectRoom(stored)
      const version: ContractVersion = { version: stored.nextVersion, contract: plain, createdAt: now }
      await this.#records.append(stored, version, now, 'contract.put')
      return version
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(() => this.#records.clear(name, 'contract.remove'))
  }

  async removeVersion(name: string, version: number): Promise<void> {
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    await this.#parts.mutations.run(() => this.#records.drop(name, version, 'contract.remove-version'))
  }
}

/** A record file's content. */
export function checkStoredContract(value: unknown): StoredContract {
  return checkStoredVersions(value, checkContractVersion)
}

function checkContractVersion(path: string, value: unknown): ContractVersion {
  const fields = expectRecord(path, value)
  const contract = expectRecord(`${path}.contract`, fields['contract'])
  expectString(`${path}.contract.name`, contract['name'])
  checkEach(`${path}.contract.fields`, contract['fields'], (fieldPath, field) =>
    expectString(`${fieldPath}.name`, expectRecord(fieldPath, field)['name']),
  )
  return {
    version: expectInteger(`${path}.version`, fields['version'], 1, Number.MAX_SAFE_INTEGER),
    // What a field may say is the parser's to check, at each deploy.
    contract: contract as unknown as Contract,
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
  }
}
