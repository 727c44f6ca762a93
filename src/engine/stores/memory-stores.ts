/**
 * Stores without a disk, for programs that embed the engine and bring their models along: the same rules as the
 * registry's (immutable numbered versions, content addressed, aliases that move), gone when the process ends.
 *
 * Records are new objects after each mutation, so that a caller may keep one. Version numbers are never given twice,
 * not even after a removal.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { expectModelName } from '../../base/expect.js'
import { expectLineage, type Lineage } from '../../base/lineage.js'
import { expectTags } from '../../base/tags.js'
import { definitionsEqual, type PipelineDefinition } from '../../pipeline/definition.js'
import { canonicalAlias, expectAlias, pointedVersion, withAlias, withoutAlias } from '../../pipeline/model-reference.js'
import type {
  Calibration,
  ExplainConfig,
  ModelRecord,
  ModelSignature,
  ModelStore,
  ModelVersion,
  Placement,
  PipelineRecord,
  PipelineStore,
  PipelineVersion,
  UploadedModel,
} from '../api/api.js'

/** A store whose blobs are bytes in memory; workers get the bytes instead of a path. */
export interface BlobBytes {
  blobBytes(sha256: string): Uint8Array
}

export function hasBlobBytes(store: ModelStore): store is ModelStore & BlobBytes {
  return 'blobBytes' in store
}

export class MemoryModelStore implements ModelStore, BlobBytes {
  readonly #clock: Clock
  readonly #records = new Map<string, ModelRecord>()
  readonly #blobs = new Map<string, Uint8Array>()
  readonly #newestVersions = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list(): ModelRecord[] {
    return [...this.#records.values()]
  }

  get(name: string): ModelRecord | undefined {
    return this.#records.get(name)
  }

  blobPath(sha256: string): string {
    throw new Error(`Expected the engine to ask for the bytes of ${sha256}: a memory store has no files`)
  }

  blobBytes(sha256: string): Uint8Array {
    const bytes = this.#blobs.get(sha256)
    if (bytes === undefined) throw new PenstockError('ERR_STORAGE', `There is no blob ${sha256}`)
    return bytes
  }

  add(
    name: string,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
    placement: Placement = {},
    uploaded?: UploadedModel,
  ): Promise<ModelVersion> {
    expectModelName('model name', name)
    const record = this.#records.get(name) ?? { name, versions: [], aliases: {} }
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const newest = record.versions.at(-1)
    const wanted = JSON.stringify([placement.providers ?? newest?.providers, placement.deviceId ?? newest?.deviceId])
    const isSamePlacement = wanted === JSON.stringify([newest?.providers, newest?.deviceId])
    if (newest?.sha256 === sha256 && isSamePlacement) {
      const same = isDeepStrictEqual(newest.signature, signature) ? newest : { ...newest, signature }
      this.#records.set(name, { ...record, versions: [...record.versions.slice(0, -1), same] })
      return Promise.resolve(same)
    }
    const version: ModelVersion = {
      name,
      version: (this.#newestVersions.get(name) ?? 0) + 1,
      sha256,
      sizeBytes: bytes.length,
      createdAt: new Date(this.#clock.nowMs()).toISOString(),
      signature,
      tags: expectTags('tags', tags),
      ...placement,
      ...(uploaded === undefined ? {} : { uploaded }),
    }
    // The caller's buffer is lent; the store keeps its own copy.
    this.#blobs.set(sha256, bytes.slice())
    this.#newestVersions.set(name, version.version)
    this.#records.set(name, { ...record, versions: [...record.versions, version] })
    return Promise.resolve(version)
  }

  setAlias(name: string, alias: string, version: number, isArchiving = false): Promise<ModelRecord> {
    return this.#change(name, (record) => {
      const canonical = expectAlias('alias', alias)
      this.#expectVersion(record, version)
      return { ...record, ...withAlias(record, canonical, version, isArchiving) }
    })
  }

  removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return this.#change(name, (record) => {
      const canonical = canonicalAlias(alias)
      if (pointedVersion(record, canonical) === undefined)
        throw new PenstockError('ERR_MODEL_NOT_FOUND', `Model ${name} has no alias ${canonical}`)
      return { ...record, ...withoutAlias(record, canonical) }
    })
  }

  async remove(name: string): Promise<void> {
    await this.#change(name, (record) => record)
    this.#records.delete(name)
    this.#dropUnusedBlobs()
  }

  async removeVersion(name: string, version: number): Promise<ModelRecord> {
    const record = await this.#change(name, (present) => {
      this.#expectVersion(present, version)
      const aliases = Object.keys(present.aliases).filter((alias) => present.aliases[alias] === version)
      if (aliases.length > 0) {
        throw new PenstockError(
          'ERR_CONFLICT',
          `Version ${version} of model ${name} has the alias ${aliases.join(', ')}. Move or remove it first`,
        )
      }
      return {
        ...present,
        versions: present.versions.filter((candidate) => candidate.version !== version),
        archived: (present.archived ?? []).filter((archived) => archived !== version),
      }
    })
    if (record.versions.length === 0) this.#records.delete(name)
    this.#dropUnusedBlobs()
    return record
  }

  setSignature(name: string, version: number, signature: ModelSignature): Promise<ModelRecord> {
    return this.#change(name, (record) => {
      this.#expectVersion(record, version)
      const versions = record.versions.map((present) =>
        present.version === version ? { ...present, signature } : present,
      )
      return { ...record, versions }
    })
  }

  setCalibration(name: string, version: number, calibration: Calibration): Promise<ModelRecord> {
    return this.#change(name, (record) => {
      this.#expectVersion(record, version)
      const versions = record.versions.map((present) =>
        present.version === version ? { ...present, calibration } : present,
      )
      return { ...record, versions }
    })
  }

  async setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord> {
    const checked = expectLineage('lineage', lineage)
    return this.#change(name, (record) => {
      this.#expectVersion(record, version)
      const told = Object.keys(checked).length === 0 ? {} : { lineage: checked }
      const versions = record.versions.map(({ lineage: previous, ...present }) => {
        if (present.version === version) return { ...present, ...told }
        return previous === undefined ? present : { ...present, lineage: previous }
      })
      return { ...record, versions }
    })
  }

  async setTags(name: string, version: number, tags: readonly string[]): Promise<ModelRecord> {
    const checked = expectTags('tags', tags)
    return this.#change(name, (record) => {
      this.#expectVersion(record, version)
      const versions = record.versions.map((present) =>
        present.version === version ? { ...present, tags: checked } : present,
      )
      return { ...record, versions }
    })
  }

  #change(name: string, change: (record: ModelRecord) => ModelRecord): Promise<ModelRecord> {
    return new Promise((resolve) => {
      const record = this.#records.get(name)
      if (record === undefined) throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}`)
      const changed = change(record)
      this.#records.set(name, changed)
      resolve(changed)
    })
  }

  #expectVersion(record: ModelRecord, version: number): void {
    if (record.versions.some((candidate) => candidate.version === version)) return
    throw new PenstockError('ERR_MODEL_NOT_FOUND', `Model ${record.name} has no version ${version}`)
  }

  #dropUnusedBlobs(): void {
    const used = new Set(this.list().flatMap((record) => record.versions.map((version) => version.sha256)))
    for (const sha256 of [...this.#blobs.keys()]) if (!used.has(sha256)) this.#blobs.delete(sha256)
  }
}

export class MemoryPipelineStore implements PipelineStore {
  readonly #clock: Clock
  readonly #records = new Map<string, PipelineRecord>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list(): PipelineRecord[] {
    return [...this.#records.values()]
  }

  get(name: string): PipelineRecord | undefined {
    return this.#records.get(name)
  }

  put(definition: PipelineDefinition): Promise<PipelineVersion> {
    const now = this.#now()
    const record = this.#records.get(definition.name) ?? newPipeline(definition.name, now)
    const newest = record.versions.at(-1)
    if (newest !== undefined && definitionsEqual(newest.definition, definition)) return Promise.resolve(newest)
    const version: PipelineVersion = { version: (newest?.version ?? 0) + 1, definition, createdAt: now }
    this.#records.set(definition.name, { ...record, versions: [...record.versions, version], updatedAt: now })
    return Promise.resolve(version)
  }

  async setDeployed(name: string, version: number | null): Promise<PipelineRecord> {
    const record = await this.#expect(name)
    if (version !== null && !record.versions.some((candidate) => candidate.version === version)) {
      throw new PenstockError('ERR_PIPELINE_NOT_FOUND', `Pipeline ${name} has no version ${version}`)
    }
    return this.#keep({ ...record, deployedVersion: version })
  }

  async setTags(name: string, tags: readonly string[]): Promise<PipelineRecord> {
    const checked = expectTags('tags', tags)
    return this.#keep({ ...(await this.#expect(name)), tags: checked })
  }

  async remove(name: string): Promise<void> {
    const record = await this.#expect(name)
    if (record.deployedVersion !== null)
      throw new PenstockError('ERR_CONFLICT', `Pipeline ${name} is deployed. Undeploy it first`)
    this.#records.delete(name)
  }

  async setExplainConfigs(name: string, configs: readonly ExplainConfig[]): Promise<PipelineRecord> {
    return this.#keep({ ...(await this.#expect(name)), explainConfigs: structuredClone(configs) })
  }

  #keep(record: PipelineRecord): PipelineRecord {
    const changed = { ...record, updatedAt: this.#now() }
    this.#records.set(record.name, changed)
    return changed
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString()
  }

  #expect(name: string): Promise<PipelineRecord> {
    const record = this.#records.get(name)
    if (record !== undefined) return Promise.resolve(record)
    return Promise.reject(new PenstockError('ERR_PIPELINE_NOT_FOUND', `There is no pipeline ${name}`))
  }
}

function newPipeline(name: string, now: string): PipelineRecord {
  return { name, versions: [], deployedVersion: null, tags: [], createdAt: now, updatedAt: now, explainConfigs: [] }
}
