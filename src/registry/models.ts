/**
 * The registry of models: immutable numbered versions and movable aliases, one record file per model.
 * Version numbers are never given twice, not even after the model was removed: pipelines and logs name versions, and a
 * number that could come to mean other bytes would falsify them. A removed model therefore leaves a record without
 * versions, which is not listed.
 * Bytes live in blobs/; a removal deletes the blobs that no version of any model refers to any more.
 */
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { argumentError, expectInteger, expectModelName, expectRecord } from '../base/expect.js'
import { expectLineage, type Lineage } from '../base/lineage.js'
import { ALIASES_MAX, RECORDS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { expectTags } from '../base/tags.js'
import type {
  Calibration,
  ModelRecord,
  ModelSignature,
  ModelStore,
  ModelVersion,
  Placement,
  PreparedStore,
  UploadedModel,
} from '../engine/api/api.js'
import { canonicalAlias, expectAlias, pointedVersion, withAlias, withoutAlias } from '../pipeline/model-reference.js'
import { type Blobs, sha256Of } from './blobs.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkEach, checkModelVersion, checkVersions } from './record-check.js'
import type { Prepared } from './prepared.js'
import { isEqualJson, type RecordTable, type StoredRecord } from './records.js'
import { fullError } from './versioned-records.js'

export interface StoredModel extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly ModelVersion[]
  readonly aliases: Readonly<Record<string, number>>
  /** Absent: none, as in what earlier releases wrote. */
  readonly archived?: readonly number[]
}

export interface ModelsDependencies {
  readonly table: RecordTable<StoredModel>
  readonly blobs: Blobs
  readonly prepared: Prepared
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
  /** Whether anything of the home refers to the blob. */
  readonly isReferenced: (sha256: string) => boolean
}

export class Models implements ModelStore {
  readonly #dependencies: ModelsDependencies

  constructor(dependencies: ModelsDependencies) {
    this.#dependencies = dependencies
  }

  get prepared(): PreparedStore {
    return this.#dependencies.prepared
  }

  list(): ModelRecord[] {
    return this.#dependencies.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): ModelRecord | undefined {
    const stored = this.#dependencies.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  /** @throws PenstockError ERR_STORAGE when the blob is known to be missing or altered. */
  blobPath(sha256: string): string {
    return this.#dependencies.blobs.usablePath(sha256)
  }

  /**
   * Adds the next version. The same bytes as the newest version, to run on the same providers, return that version; tags
   * it lacks are added to it and a signature that a newer release inspects differently replaces the stored one.
   * @param bytes an .onnx file that the engine has inspected; lent until the promise settles.
   * @throws PenstockError ERR_ARGUMENT, ERR_STORAGE; ERR_CONFLICT at a limit of the registry.
   */
  async add(
    name: string,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
    placement: Placement = {},
    uploaded?: UploadedModel,
  ): Promise<ModelVersion> {
    expectModelName('name', name)
    const checkedTags = expectTags('tags', tags)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#dependencies.table.get(name) ?? this.#newModel(name)
      const newest = stored.versions.at(-1)
      // Equal sizes are rare among different models, so hashing first costs nothing but when it saves the write.
      const isSame =
        newest?.sizeBytes === bytes.byteLength &&
        isSamePlacement(newest, placement) &&
        newest.sha256 === (await sha256Of(bytes))
      if (isSame) return this.#refresh(stored, newest, bytes, signature, checkedTags)
      return this.#append(stored, bytes, signature, checkedTags, {
        ...placement,
        ...(uploaded === undefined ? {} : { uploaded }),
      })
    })
  }

  async setAlias(name: string, alias: string, version: number, isArchiving = false): Promise<ModelRecord> {
    expectModelName('name', name)
    const canonical = expectAlias('alias', alias)
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      versionOf(stored, version)
      const previous = pointedVersion(stored, canonical) ?? null
      const pointers = withAlias(stored, canonical, version, isArchiving)
      if (previous === version && isEqualJson(pointers.archived, stored.archived ?? [])) return toRecord(stored)
      if (Object.keys(pointers.aliases).length > ALIASES_MAX) throw fullError(`aliases of ${name}`, ALIASES_MAX)
      return this.#commit({ ...stored, ...pointers }, 'model.alias', { alias: canonical, version, previous })
    })
  }

  async removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const canonical = canonicalAlias(alias)
      const previous = pointedVersion(stored, canonical)
      if (previous === undefined) throw notFound(`Model ${name} has no alias ${canonical}`, aliasesText(stored))
      const pointers = withoutAlias(stored, canonical)
      return this.#commit({ ...stored, ...pointers }, 'model.unalias', { alias: canonical, previous })
    })
  }

  async remove(name: string): Promise<void> {
    await this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      await this.#commit({ ...stored, versions: [], aliases: {}, archived: [] }, 'model.remove', {
        versions: stored.versions.map(({ version }) => version),
      })
      await this.#collect(stored.versions)
    })
  }

  /** Removes one version; with the last one goes the model. @throws PenstockError ERR_CONFLICT while an alias points to it. */
  async removeVersion(name: string, version: number): Promise<ModelRecord> {
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const removed = versionOf(stored, version)
      const aliases = Object.keys(stored.aliases).filter((alias) => stored.aliases[alias] === version)
      if (aliases.length > 0) {
        const text = `Version ${version} of model ${name} has the alias ${aliases.join(', ')}. Move or remove the alias first.`
        throw new PenstockError('ERR_CONFLICT', text)
      }
      const versions = stored.versions.filter((other) => other.version !== version)
      const archived = (stored.archived ?? []).filter((other) => other !== version)
      const record = await this.#commit({ ...stored, versions, archived }, 'model.remove-version', {
        version,
        sha256: removed.sha256,
      })
      await this.#collect([removed])
      return record
    })
  }

  async setSignature(name: string, version: number, signature: ModelSignature): Promise<ModelRecord> {
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const previous = versionOf(stored, version)
      if (isEqualJson(previous.signature, signature)) return toRecord(stored)
      const inspected = { ...previous, signature: structuredClone(signature) }
      const versions = stored.versions.map((present) => (present.version === version ? inspected : present))
      return this.#commit({ ...stored, versions }, 'model.inspect', { version, ...batchingDetail(signature) })
    })
  }

  async setCalibration(name: string, version: number, calibration: Calibration): Promise<ModelRecord> {
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const calibrated = { ...versionOf(stored, version), calibration: structuredClone(calibration) }
      const versions = stored.versions.map((present) => (present.version === version ? calibrated : present))
      return this.#commit({ ...stored, versions }, 'model.calibrate', { version, plan: calibration.plan })
    })
  }

  async setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord> {
    const checked = expectLineage('lineage', lineage)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const { lineage: previous, ...present } = versionOf(stored, version)
      if (isEqualJson(previous ?? {}, checked)) return toRecord(stored)
      const told = Object.keys(checked).length === 0 ? present : { ...present, lineage: checked }
      const versions = stored.versions.map((other) => (other.version === version ? told : other))
      const { source, runId } = checked
      return this.#commit({ ...stored, versions }, 'model.lineage', { version, source, runId })
    })
  }

  async setTags(name: string, version: number, tags: readonly string[]): Promise<ModelRecord> {
    const checked = expectTags('tags', tags)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const previous = versionOf(stored, version).tags
      if (isEqualJson(previous, checked)) return toRecord(stored)
      const versions = stored.versions.map((present) =>
        present.version === version ? { ...present, tags: checked } : present,
      )
      return this.#commit({ ...stored, versions }, 'model.tags', { version, tags: checked, previous })
    })
  }

  /** sha256 of every blob that some version refers to. */
  referencedBlobs(): Set<string> {
    return new Set(this.#dependencies.table.values().flatMap(({ versions }) => versions.map(({ sha256 }) => sha256)))
  }

  #newModel(name: string): StoredModel {
    if (this.#dependencies.table.count >= RECORDS_MAX) throw fullError('models, removed ones included,', RECORDS_MAX)
    return { name, revision: 0, nextVersion: 1, versions: [], aliases: {} }
  }

  async #append(
    stored: StoredModel,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
    extras: Placement & Pick<ModelVersion, 'uploaded'>,
  ) {
    if (stored.versions.length >= VERSIONS_MAX) throw fullError(`versions of ${stored.name}`, VERSIONS_MAX)
    const sha256 = await this.#dependencies.blobs.put(bytes)
    const version: ModelVersion = {
      name: stored.name,
      version: stored.nextVersion,
      sha256,
      sizeBytes: bytes.byteLength,
      createdAt: new Date(this.#dependencies.clock.nowMs()).toISOString(),
      signature: structuredClone(signature),
      tags,
      ...structuredClone(extras),
    }
    const next = { ...stored, nextVersion: stored.nextVersion + 1, versions: [...stored.versions, version] }
    const detail = { version: version.version, sha256, sizeBytes: version.sizeBytes, ...batchingDetail(signature) }
    await this.#commit(next, 'model.add', detail)
    return version
  }

  async #refresh(
    stored: StoredModel,
    newest: ModelVersion,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
  ) {
    const { blobs } = this.#dependencies
    // Adding the file again is the way out when its blob was lost or altered.
    const problem = await blobs.problemOf(newest.sha256, newest.sizeBytes, { content: true })
    if (problem !== undefined) await blobs.put(bytes)
    const united = expectTags('tags', [...newest.tags, ...tags])
    const isChanged = united.length > newest.tags.length || !isEqualJson(newest.signature, signature)
    if (!isChanged) return newest
    const version = { ...newest, signature: structuredClone(signature), tags: united }
    const versions = [...stored.versions.slice(0, -1), version]
    const detail = { version: version.version, tags: united, ...batchingDetail(signature) }
    await this.#commit({ ...stored, versions }, 'model.refresh', detail)
    return version
  }

  async #commit(next: StoredModel, kind: JournalKind, detail: Readonly<Record<string, unknown>>): Promise<ModelRecord> {
    const written = await this.#dependencies.table.write({ ...next, revision: next.revision + 1 })
    await this.#dependencies.journal.append(kind, `models/${next.name}`, written.revision, detail)
    return toRecord(written)
  }

  /** Deletes the blobs of removed versions that nothing refers to; a failure only delays it to the next open. */
  async #collect(removed: readonly ModelVersion[]): Promise<void> {
    const referenced = this.referencedBlobs()
    for (const sha256 of new Set(removed.map((version) => version.sha256))) {
      if (referenced.has(sha256)) continue
      if (!this.#dependencies.isReferenced(sha256)) await this.#dependencies.blobs.remove(sha256).catch(() => undefined)
      await this.#dependencies.prepared.remove(sha256)
    }
  }

  #existing(name: string): StoredModel {
    const stored = this.#dependencies.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    throw notFound(`There is no model ${name}`, 'Add it with `penstock model add`.')
  }
}

/** A record file's content. */
export function checkStoredModel(value: unknown): StoredModel {
  const fields = expectRecord('the file', value)
  const name = expectModelName('name', fields['name'])
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  const versions = checkVersions(fields['versions'], nextVersion, checkModelVersion)
  const archived = new Set(
    checkEach('archived', fields['archived'] ?? [], (path, target) => expectInteger(path, target, 1, nextVersion - 1)),
  )
  for (const target of archived)
    if (!versions.some(({ version }) => version === target)) throw argumentError('archived', 'versions', target)
  const aliases: Record<string, number> = {}
  for (const [alias, target] of Object.entries(expectRecord('aliases', fields['aliases']))) {
    const version = versions.find((candidate) => candidate.version === target)?.version
    if (version === undefined) throw argumentError(`aliases.${alias}`, 'one of the versions', target)
    const canonical = canonicalAlias(alias)
    // An earlier release took `production` for an alias like any other.
    if (canonical === 'Archived') archived.add(version)
    else if (alias === canonical || !Object.hasOwn(aliases, canonical)) aliases[canonical] = version
  }
  return {
    name,
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions,
    aliases,
    archived: [...archived].sort((a, b) => a - b),
  }
}

/** An upload that says nothing of it runs as the version before. */
function isSamePlacement(newest: ModelVersion, { providers, deviceId }: Placement): boolean {
  return (
    (providers === undefined || isEqualJson(newest.providers ?? null, providers)) &&
    (deviceId === undefined || newest.deviceId === deviceId)
  )
}

function versionOf(stored: StoredModel, version: number): ModelVersion {
  const found = stored.versions.find((candidate) => candidate.version === version)
  if (found !== undefined) return found
  throw notFound(`Model ${stored.name} has no version ${version}`, versionsOf(stored))
}

/** For the journal: how its rows run, and who said so where an operator did. */
function batchingDetail({ batching, batchingProof }: ModelSignature): Readonly<Record<string, unknown>> {
  const { override, found } = batchingProof ?? {}
  return {
    batching,
    ...(override === undefined ? {} : { batchingOperator: override.operator }),
    ...(found === undefined ? {} : { batchingDifference: found }),
  }
}

function versionsOf(stored: StoredModel): string {
  return `It has the versions ${stored.versions.map(({ version }) => version).join(', ')}.`
}

function aliasesText(stored: StoredModel): string {
  const aliases = Object.keys(stored.aliases)
  return aliases.length === 0 ? 'It has none.' : `It has the aliases ${aliases.join(', ')}.`
}

function notFound(sentence: string, wayOut: string): PenstockError {
  return new PenstockError('ERR_MODEL_NOT_FOUND', `${sentence}. ${wayOut}`)
}

function isListed(stored: StoredModel): boolean {
  return stored.versions.length > 0
}

function toRecord(stored: StoredModel): ModelRecord {
  // Without a prototype, so that no caller's lookup finds `constructor` either.
  const aliases = Object.freeze(Object.assign(Object.create(null) as Record<string, number>, stored.aliases))
  const archived = stored.archived === undefined || stored.archived.length === 0 ? {} : { archived: stored.archived }
  return Object.freeze({ name: stored.name, versions: stored.versions, aliases, ...archived })
}
