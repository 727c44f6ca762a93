/**
 * The registry of contracts: immutable numbered versions, one record file per contract. As with pipelines, version numbers
 * are never given twice: stored pipelines name them. A removed contract leaves a record without versions, which is not
 * listed. Whether a document makes sense is checked by contract/parse.ts before it comes here, and at each deploy.
 */
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectArray, expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { CONTRACT_FIELDS_MAX } from '../base/limits/contract-limits.js'
import { RECORDS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { didYouMean } from '../base/suggest.js'
import type { Contract } from '../contract/contract.js'
import type { ContractRecord, ContractStore, ContractVersion } from '../engine/api/api.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkEach, checkTime, checkVersions } from './record-check.js'
import { isEqualJson, type RecordTable, type StoredRecord } from './records.js'

export interface StoredContract extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly ContractVersion[]
  /** When its first version was stored; ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface ContractsParts {
  readonly table: RecordTable<StoredContract>
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
}

export class Contracts implements ContractStore {
  readonly #parts: ContractsParts

  constructor(parts: ContractsParts) {
    this.#parts = parts
  }

  list(): ContractRecord[] {
    return this.#parts.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): ContractRecord | undefined {
    const stored = this.#parts.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  /** @throws PenstockError ERR_ARGUMENT, ERR_STORAGE; ERR_CONFLICT at a limit of the registry. */
  async put(contract: Contract): Promise<ContractVersion> {
    expectName('name', contract.name)
    expectArray('fields', contract.fields, CONTRACT_FIELDS_MAX)
    // Through JSON: what is compared and listed is exactly what a restart will read.
    const plain = JSON.parse(JSON.stringify(contract)) as Contract
    return this.#parts.mutations.run(async () => {
      const now = this.#now()
      const stored = this.#parts.table.get(plain.name) ?? this.#newContract(plain.name, now)
      const newest = stored.versions.at(-1)
      if (newest !== undefined && isEqualJson(newest.contract, plain)) return newest
      if (stored.versions.length >= VERSIONS_MAX) throw fullError(`versions of ${plain.name}`, VERSIONS_MAX)
      const version: ContractVersion = { version: stored.nextVersion, contract: plain, createdAt: now }
      const createdAt = stored.versions.length === 0 ? now : stored.createdAt
      const next = {
        ...stored,
        createdAt,
        nextVersion: stored.nextVersion + 1,
        versions: [...stored.versions, version],
      }
      await this.#commit(next, 'contract.put', { version: version.version })
      return version
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const versions = stored.versions.map(({ version }) => version)
      await this.#commit({ ...stored, versions: [] }, 'contract.remove', { versions })
    })
  }

  async removeVersion(name: string, version: number): Promise<void> {
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const versions = stored.versions.filter((candidate) => candidate.version !== version)
      if (versions.length === stored.versions.length) {
        const known = stored.versions.map((candidate) => candidate.version).join(', ')
        const text = `Contract ${name} has no version ${version}. It has the versions ${known}.`
        throw new PenstockError('ERR_CONTRACT_NOT_FOUND', text)
      }
      await this.#commit({ ...stored, versions }, 'contract.remove-version', { version })
    })
  }

  #newContract(name: string, now: string): StoredContract {
    if (this.#parts.table.count >= RECORDS_MAX) throw fullError('contracts, removed ones included,', RECORDS_MAX)
    return { name, revision: 0, nextVersion: 1, versions: [], createdAt: now, updatedAt: now }
  }

  async #commit(next: StoredContract, kind: JournalKind, detail: Readonly<Record<string, unknown>>): Promise<void> {
    const written = await this.#parts.table.write({ ...next, updatedAt: this.#now(), revision: next.revision + 1 })
    await this.#parts.journal.append(kind, `contracts/${next.name}`, written.revision, detail)
  }

  #now(): string {
    return new Date(this.#parts.clock.nowMs()).toISOString()
  }

  #existing(name: string): StoredContract {
    const stored = this.#parts.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    const near = didYouMean(
      name,
      this.list().map((record) => record.name),
    )
    throw new PenstockError('ERR_CONTRACT_NOT_FOUND', `There is no contract ${name}${near}`)
  }
}

/** A record file's content. */
export function checkStoredContract(value: unknown): StoredContract {
  const fields = expectRecord('the file', value)
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  return {
    name: expectName('name', fields['name']),
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions: checkVersions(fields['versions'], nextVersion, checkContractVersion),
    createdAt: checkTime('createdAt', fields['createdAt']),
    updatedAt: checkTime('updatedAt', fields['updatedAt']),
  }
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

function fullError(what: string, max: number): PenstockError {
  const text = `The registry holds ${max} ${what} already, which is its limit. Remove some first.`
  return new PenstockError('ERR_CONFLICT', text)
}

function isListed(stored: StoredContract): boolean {
  return stored.versions.length > 0
}

function toRecord({ name, versions, createdAt, updatedAt }: StoredContract): ContractRecord {
  return Object.freeze({ name, versions, createdAt, updatedAt })
}
