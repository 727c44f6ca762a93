/**
 * The registry of datasets: immutable numbered versions, one record file per dataset, their bytes as blobs, which equal files
 * share with each other and with models. Version numbers are never given twice: the lineage of models names them. A removed
 * dataset leaves a record without versions, which is not listed.
 */
import { DATASET_FORMATS } from '../base/dataset-reference.js'
import {
  expectArray,
  expectBoolean,
  expectInteger,
  expectName,
  expectOneOf,
  expectRecord,
  expectString,
} from '../base/expect.js'
import { TRANSFORM_COLUMNS_MAX } from '../base/limits/transform-limits.js'
import type { DatasetRecord, DatasetVersion } from '../engine/api/api.js'
import { type Blobs, removeUnreferenced, sha256Of } from './blobs.js'
import { checkEach, checkSha256, checkTime } from './record-check.js'
import { checkStoredVersions, type StoredVersions, type VersionedParts, VersionedRecords } from './versioned-records.js'

export type StoredDataset = StoredVersions<DatasetVersion>

/** What a look at the stored file says of its table. */
export type DatasetDescription = Pick<DatasetVersion, 'rows' | 'columns'>

export interface DatasetsParts extends VersionedParts<DatasetVersion> {
  readonly blobs: Blobs
  /** Whether anything of the home refers to the blob. */
  readonly isReferenced: (sha256: string) => boolean
}

export class Datasets {
  readonly #parts: DatasetsParts
  readonly #records: VersionedRecords<DatasetVersion>

  constructor(parts: DatasetsParts) {
    this.#parts = parts
    this.#records = new VersionedRecords(parts, 'dataset', 'ERR_DATASET_NOT_FOUND')
  }

  list(): DatasetRecord[] {
    return this.#records.list()
  }

  get(name: string): DatasetRecord | undefined {
    return this.#records.get(name)
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
      const now = this.#records.now()
      const stored = this.#records.open(name)
      const sha256 = await sha256Of(bytes)
      const newest = stored.versions.at(-1)
      const isAgain = newest?.sha256 === sha256 && newest.format === facts.format && newest.split === facts.split
      if (isAgain && (await this.#parts.blobs.problemOf(sha256, bytes.byteLength, { content: true })) === undefined)
        return newest
      this.#records.expectRoom(stored)
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
        await this.#records.append(stored, version, now, 'dataset.create', { sha256 })
        return version
      } catch (error) {
        await removeUnreferenced(this.#parts, [{ sha256 }])
        throw error
      }
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(async () => {
      await removeUnreferenced(this.#parts, await this.#records.clear(name, 'dataset.remove'))
    })
  }

  async removeVersion(name: string, version: number): Promise<void> {
    await this.#parts.mutations.run(async () => {
      await removeUnreferenced(this.#parts, [await this.#records.drop(name, version, 'dataset.remove-version')])
    })
  }

  /** @throws PenstockError ERR_STORAGE: the last look found the file missing or altered. */
  pathOf({ sha256 }: DatasetVersion): string {
    return this.#parts.blobs.usablePath(sha256)
  }

  /** sha256 of every blob that some version refers to. */
  referencedBlobs(): Set<string> {
    return new Set(this.#records.versions().map(({ sha256 }) => sha256))
  }
}

/** A record file's content. */
export function checkStoredDataset(value: unknown): StoredDataset {
  return checkStoredVersions(value, checkDatasetVersion)
}

function checkDatasetVersion(path: string, value: unknown): DatasetVersion {
  const fields = expectRecord(path, value)
  return {
    version: expectInteger(`${path}.version`, fields['version'], 1, Number.MAX_SAFE_INTEGER),
    format: expectOneOf(`${path}.format`, fields['format'], DATASET_FORMATS),
    ...(fields['split'] === undefined ? {} : { split: expectName(`${path}.split`, fields['split']) }),
    sha256: checkSha256(`${path}.sha256`, fields['sha256']),
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
