/**
 * What registries of contracts, tokenizers and datasets share: immutable numbered versions, one record file a name. Version
 * numbers are never given twice, for others name them: what is removed leaves a record without versions, which is not listed.
 * Every change runs within the mutations of the home, and stands in its journal.
 */
import type { Clock } from '../base/clock.js'
import { PenstockError, type ErrorCode } from '../base/errors.js'
import { expectInteger, expectName, expectRecord } from '../base/expect.js'
import { RECORDS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { didYouMean } from '../base/suggest.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkTime, checkVersions } from './record-check.js'
import type { RecordTable, StoredRecord } from './records.js'

interface Numbered {
  readonly version: number
}

export interface StoredVersions<V extends Numbered> extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly V[]
  /** When its first version was stored; ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface VersionedParts<V extends Numbered> {
  readonly table: RecordTable<StoredVersions<V>>
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
}

/** What is listed of a record. */
export type VersionedRecord<V extends Numbered> = Pick<
  StoredVersions<V>,
  'name' | 'versions' | 'createdAt' | 'updatedAt'
>

export class VersionedRecords<V extends Numbered> {
  readonly #parts: VersionedParts<V>
  readonly #noun: string
  readonly #notFound: ErrorCode

  /** @param noun of one: `contract`; with an s the folder of its journal entries. */
  constructor(parts: VersionedParts<V>, noun: string, notFound: ErrorCode) {
    this.#parts = parts
    this.#noun = noun
    this.#notFound = notFound
  }

  list(): VersionedRecord<V>[] {
    return this.#parts.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): VersionedRecord<V> | undefined {
    const stored = this.#parts.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  /** Versions of all names. */
  versions(): V[] {
    return this.#parts.table.values().flatMap(({ versions }) => versions)
  }

  /** The record that gets a version; of a new name an empty one. @throws PenstockError ERR_CONFLICT: there are too many names. */
  open(name: string): StoredVersions<V> {
    const stored = this.#parts.table.get(name)
    if (stored !== undefined) return stored
    if (this.#parts.table.count >= RECORDS_MAX) throw fullError(`${this.#noun}s, removed ones included,`, RECORDS_MAX)
    const now = this.now()
    return { name, revision: 0, nextVersion: 1, versions: [], createdAt: now, updatedAt: now }
  }

  /** @throws PenstockError ERR_CONFLICT: the record has as many versions as it may. */
  expectRoom({ name, versions }: StoredVersions<V>): void {
    if (versions.length >= VERSIONS_MAX) throw fullError(`versions of ${name}`, VERSIONS_MAX)
  }

  /** Adds a version with the number `nextVersion`. */
  async append(
    stored: StoredVersions<V>,
    version: V,
    createdAt: string,
    kind: JournalKind,
    detail: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const next = {
      ...stored,
      createdAt: stored.versions.length === 0 ? createdAt : stored.createdAt,
      nextVersion: stored.nextVersion + 1,
      versions: [...stored.versions, version],
    }
    await this.#commit(next, kind, { version: version.version, ...detail })
  }

  /** Removes all versions. @returns them. @throws PenstockError: there is no such record. */
  async clear(name: string, kind: JournalKind): Promise<readonly V[]> {
    const stored = this.#existing(name)
    await this.#commit({ ...stored, versions: [] }, kind, { versions: stored.versions.map(({ version }) => version) })
    return stored.versions
  }

  /** Removes a version. @returns it. @throws PenstockError: there is no such record or version. */
  async drop(name: string, version: number, kind: JournalKind): Promise<V> {
    const stored = this.#existing(name)
    const found = stored.versions.find((candidate) => candidate.version === version)
    if (found === undefined) {
      const known = stored.versions.map((candidate) => candidate.version).join(', ')
      const subject = `${this.#noun.charAt(0).toUpperCase()}${this.#noun.slice(1)} ${name}`
      throw new PenstockError(this.#notFound, `${subject} has no version ${version}. It has the versions ${known}.`)
    }
    const versions = stored.versions.filter((candidate) => candidate !== found)
    await this.#commit({ ...stored, versions }, kind, { version })
    return found
  }

  now(): string {
    return new Date(this.#parts.clock.nowMs()).toISOString()
  }

  #existing(name: string): StoredVersions<V> {
    const stored = this.#parts.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    const names = this.list().map((record) => record.name)
    throw new PenstockError(this.#notFound, `There is no ${this.#noun} ${name}${didYouMean(name, names)}`)
  }

  async #commit(next: StoredVersions<V>, kind: JournalKind, detail: Readonly<Record<string, unknown>>): Promise<void> {
    const written = await this.#parts.table.write({ ...next, updatedAt: this.now(), revision: next.revision + 1 })
    await this.#parts.journal.append(kind, `${this.#noun}s/${next.name}`, written.revision, detail)
  }
}

/** A record file's content. */
export function checkStoredVersions<V extends Numbered>(
  value: unknown,
  checkVersion: (path: string, value: unknown) => V,
): StoredVersions<V> {
  const fields = expectRecord('the file', value)
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  return {
    name: expectName('name', fields['name']),
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions: checkVersions(fields['versions'], nextVersion, checkVersion),
    createdAt: checkTime('createdAt', fields['createdAt']),
    updatedAt: checkTime('updatedAt', fields['updatedAt']),
  }
}

/** A limit of the registry is reached. */
export function fullError(what: string, max: number): PenstockError {
  const text = `The registry holds ${max} ${what} already, which is its limit. Remove some first.`
  return new PenstockError('ERR_CONFLICT', text)
}

function isListed<V extends Numbered>({ versions }: StoredVersions<V>): boolean {
  return versions.length > 0
}

function toRecord<V extends Numbered>({ name, versions, createdAt, updatedAt }: StoredVersions<V>): VersionedRecord<V> {
  return Object.freeze({ name, versions, createdAt, updatedAt })
}
