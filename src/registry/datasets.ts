/**
 * The registry of datasets: immutable numbered versions, one record file per dataset, their bytes as blobs, which equal files
 * share with each other and with models. Version numbers are never given twice: the lineage of models names them. A removed
 * dataset leaves a record without versions, which is not listed.
 */
import { DATASET_FORMATS } from '../base/dataset-reference.js'
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import {
  expectArray,
  expectBoolean,
  expectInteger,
  expectName,
  expectOneOf,
  expectRecord,
  expectString,
} from '../base/expect.js'
import { RECORDS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { TRANSFORM_COLUMNS_MAX } from '../base/limits/transform-limits.js'
import type { DatasetRecord, DatasetVersion } from '../engine/api/api.js'
import { type Blobs, sha256Of } from './blobs.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkEach, checkTime, checkVersions } from './record-check.js'
import type { RecordTable, StoredRecord } from './records.js'

export interface StoredDataset extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly DatasetVersion[]
  /** When its first version was stored; ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

/** What a look at the stored file says of its table. */
export type DatasetDescription = Pick<DatasetVersion, 'rows' | 'columns'>

export interface DatasetsParts {
  readonly table: RecordTable<StoredDataset>
  readonly blobs: Blobs
  /** Whether anything of the home refers to the blob. */
  readonly isReferenced: (sha256: string) => boolean
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
}

export class Datasets {
  readonly #parts: DatasetsParts

  constructor(parts: DatasetsParts) {
    this.#parts = parts
  }

  list(): DatasetRecord[] {
    return this.#parts.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): DatasetRecord | undefined {
    const stored = this.#parts.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  /**
   * Stores the next version. The bytes are stored first and looked at where they lie; what cannot be described is removed.
   * @throws PenstockError what `describe` rejects with; ERR_STORAGE; ERR_CONFLICT at a limit of the registry.
   */
  put(
    name: string,
    bytes: Uint8Array,
    facts: Pick<DatasetVersion, 'format' | 'split'>,
    describe: (path: string) => Promise<DatasetDescription>,
  ): Promise<DatasetVersion> {
    expectName('name', name)
    return this.#parts.mutations.run(async () => {
      const now = this.#now()
      const stored = this.#parts.table.get(name) ?? this.#newDataset(name, now)
      const sha256 = await sha256Of(bytes)
      const newest = stored.versions.at(-1)
      const isAgain = newest?.sha256 === sha256 && newest.format === facts.format && newest.split === facts.split
      if (isAgain && (await this.#parts.blobs.problemOf(sha256, bytes.byteLength, { content: true })) === undefined)
        return newest
      if (stored.versions.length >= VERSIONS_MAX) throw fullError(`versions of ${name}`, VERSIONS_MAX)
      await this.#parts.blobs.put(bytes)
      // The same file again repairs a damaged one.
      if (isAgain) return newest
      try {
        const version: DatasetVersion = {
          version: stored.nextVersion,
          ...facts,
          sha256,
          sizeBytes: bytes.byteLength,
          createdAt: now,
          ...(await describe(this.#parts.blobs.path(sha256))),
        }
        const createdAt = stored.versions.length === 0 ? now : stored.createdAt
        const versions = [...stored.versions, version]
        await this.#commit({ ...stored, createdAt, nextVersion: stored.nextVersion + 1, versions }, 'dataset.create', {
          version: version.version,
          sha256,
        })
        return version
      } catch (error) {
        await this.#collect([sha256])
        throw error
      }
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const versions = stored.versions.map(({ version }) => version)
      await this.#commit({ ...stored, versions: [] }, 'dataset.remove', { versions })
      await this.#collect(stored.versions.map(({ sha256 }) => sha256))
    })
  }

  async removeVersion(name: string, version: number): Promise<void> {
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const versions = stored.versions.filter((one) => one.version !== version)
      await this.#commit({ ...stored, versions }, 'dataset.remove-version', { version })
      await this.#collect(stored.versions.filter((one) => one.version === version).map(({ sha256 }) => sha256))
    })
  }

  /** @throws PenstockError ERR_STORAGE: the last look found the file missing or altered. */
  pathOf({ sha256 }: DatasetVersion): string {
    return this.#parts.blobs.usablePath(sha256)
  }

  /** sha256 of every blob that some version refers to. */
  referencedBlobs(): Set<string> {
    return new Set(this.#parts.table.values().flatMap(({ versions }) => versions.map(({ sha256 }) => sha256)))
  }

  /** Deletes the blobs that nothing refers to any more; a failure only delays it to the next open. */
  async #collect(removed: readonly string[]): Promise<void> {
    for (const sha256 of new Set(removed))
      if (!this.#parts.isReferenced(sha256)) await this.#parts.blobs.remove(sha256).catch(() => undefined)
  }

  #newDataset(name: string, now: string): StoredDataset {
    if (this.#parts.table.count >= RECORDS_MAX) throw fullError('datasets, removed ones included,', RECORDS_MAX)
    return { name, revision: 0, nextVersion: 1, versions: [], createdAt: now, updatedAt: now }
  }

  async #commit(next: StoredDataset, kind: JournalKind, detail: Readonly<Record<string, unknown>>): Promise<void> {
    const written = await this.#parts.table.write({ ...next, updatedAt: this.#now(), revision: next.revision + 1 })
    await this.#parts.journal.append(kind, `datasets/${next.name}`, written.revision, detail)
  }

  #now(): string {
    return new Date(this.#parts.clock.nowMs()).toISOString()
  }

  #existing(name: string): StoredDataset {
    const stored = this.#parts.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    throw new PenstockError('ERR_DATASET_NOT_FOUND', `There is no dataset ${name}`)
  }
}

/** A record file's content. */
export function checkStoredDataset(value: unknown): StoredDataset {
  const fields = expectRecord('the file', value)
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  return {
    name: expectName('name', fields['name']),
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions: checkVersions(fields['versions'], nextVersion, checkDatasetVersion),
    createdAt: checkTime('createdAt', fields['createdAt']),
    updatedAt: checkTime('updatedAt', fields['updatedAt']),
  }
}

function checkDatasetVersion(path: string, value: unknown): DatasetVersion {
  const fields = expectRecord(path, value)
  const sha256 = expectString(`${path}.sha256`, fields['sha256'])
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new PenstockError('ERR_ARGUMENT', `Expected ${path}.sha256 to be 64 lower-case hexadecimal digits`)
  return {
    version: expectInteger(`${path}.version`, fields['version'], 1, Number.MAX_SAFE_INTEGER),
    format: expectOneOf(`${path}.format`, fields['format'], DATASET_FORMATS),
    ...(fields['split'] === undefined ? {} : { split: expectName(`${path}.split`, fields['split']) }),
    sha256,
    sizeBytes: expectInteger(`${path}.sizeBytes`, fields['sizeBytes'], 1, Number.MAX_SAFE_INTEGER),
    rows: expectInteger(`${path}.rows`, fields['rows'], 0, Number.MAX_SAFE_INTEGER),
    columns: checkEach(`${path}.columns`, fields['columns'], checkColumn),
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
  }
}

function checkColumn(path: string, value: unknown): DatasetVersion['columns'][number] {
  const fields = expectRecord(path, value)
  const shape = expectArray(`${path}.shape`, fields['shape'], TRANSFORM_COLUMNS_MAX)
  return {
    name: expectString(`${path}.name`, fields['name']),
    dtype: expectString(`${path}.dtype`, fields['dtype']),
    isNullable: expectBoolean(`${path}.isNullable`, fields['isNullable']),
    shape: shape.map((dim, axis) => expectInteger(`${path}.shape[${axis}]`, dim, 0, Number.MAX_SAFE_INTEGER)),
  }
}

function fullError(what: string, max: number): PenstockError {
  const text = `The registry holds ${max} ${what} already, which is its limit. Remove some first.`
  return new PenstockError('ERR_CONFLICT', text)
}

function isListed(stored: StoredDataset): boolean {
  return stored.versions.length > 0
}

function toRecord({ name, versions, createdAt, updatedAt }: StoredDataset): DatasetRecord {
  return Object.freeze({ name, versions, createdAt, updatedAt })
}
