/**
 * The registry of tokenizers: immutable numbered versions, one record file per tokenizer, whose tokenizer.json files lie in
 * blobs/ beside the models. As with models, version numbers are never given twice, and a removal deletes the blobs that no
 * version refers to any more. Whether a file is a tokenizer that can be used is seen before it comes here.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { RECORDS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { didYouMean } from '../base/suggest.js'
import type { TokenizerFile, TokenizerRecord, TokenizerStore, TokenizerVersion } from '../engine/api/api.js'
import { type Blobs, sha256Of } from './blobs.js'
import { storageError } from './files/durable-file.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkSha256, checkTime, checkVersions } from './record-check.js'
import type { RecordTable, StoredRecord } from './records.js'

export interface StoredTokenizer extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly TokenizerVersion[]
  /** When its first version was stored; ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface TokenizersParts {
  readonly table: RecordTable<StoredTokenizer>
  readonly blobs: Blobs
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
  /** Whether anything of the home refers to the blob. */
  readonly isReferenced: (sha256: string) => boolean
}

export class Tokenizers implements TokenizerStore {
  readonly #parts: TokenizersParts

  constructor(parts: TokenizersParts) {
    this.#parts = parts
  }

  list(): TokenizerRecord[] {
    return this.#parts.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): TokenizerRecord | undefined {
    const stored = this.#parts.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  async read(sha256: string): Promise<Uint8Array> {
    const path = this.#parts.blobs.usablePath(sha256)
    try {
      return await readFile(path)
    } catch (error) {
      throw storageError(`Could not read the tokenizer at ${path}`, error)
    }
  }

  /** @throws PenstockError ERR_ARGUMENT, ERR_STORAGE; ERR_CONFLICT at a limit of the registry. */
  async add(name: string, bytes: Uint8Array, file: TokenizerFile): Promise<TokenizerVersion> {
    expectName('name', name)
    return this.#parts.mutations.run(async () => {
      const now = this.#now()
      const stored = this.#parts.table.get(name) ?? this.#newTokenizer(name, now)
      const newest = stored.versions.at(-1)
      const { blobs } = this.#parts
      if (newest?.sizeBytes === bytes.byteLength && newest.sha256 === (await sha256Of(bytes))) {
        // Adding the file again is the way out when its blob was lost or altered.
        const problem = await blobs.problemOf(newest.sha256, newest.sizeBytes, { content: true })
        if (problem !== undefined) await blobs.put(bytes)
        return newest
      }
      if (stored.versions.length >= VERSIONS_MAX) throw fullError(`versions of ${name}`, VERSIONS_MAX)
      const sha256 = await blobs.put(bytes)
      const version: TokenizerVersion = {
        version: stored.nextVersion,
        createdAt: now,
        sha256,
        sizeBytes: bytes.byteLength,
        ...structuredClone(file),
      }
      const createdAt = stored.versions.length === 0 ? now : stored.createdAt
      const versions = [...stored.versions, version]
      const next = { ...stored, createdAt, nextVersion: stored.nextVersion + 1, versions }
      await this.#commit(next, 'tokenizer.add', { version: version.version, sha256, sizeBytes: version.sizeBytes })
      return version
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const versions = stored.versions.map(({ version }) => version)
      await this.#commit({ ...stored, versions: [] }, 'tokenizer.remove', { versions })
      await this.#collect(stored.versions)
    })
  }

  async removeVersion(name: string, version: number): Promise<void> {
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    await this.#parts.mutations.run(async () => {
      const stored = this.#existing(name)
      const removed = stored.versions.filter((candidate) => candidate.version === version)
      if (removed.length === 0) {
        const known = stored.versions.map((candidate) => candidate.version).join(', ')
        const text = `Tokenizer ${name} has no version ${version}. It has the versions ${known}.`
        throw new PenstockError('ERR_TOKENIZER_NOT_FOUND', text)
      }
      const versions = stored.versions.filter((candidate) => candidate.version !== version)
      await this.#commit({ ...stored, versions }, 'tokenizer.remove-version', { version })
      await this.#collect(removed)
    })
  }

  /** sha256 of every blob that some version refers to. */
  referencedBlobs(): Set<string> {
    return new Set(this.#parts.table.values().flatMap(({ versions }) => versions.map(({ sha256 }) => sha256)))
  }

  #newTokenizer(name: string, now: string): StoredTokenizer {
    if (this.#parts.table.count >= RECORDS_MAX) throw fullError('tokenizers, removed ones included,', RECORDS_MAX)
    return { name, revision: 0, nextVersion: 1, versions: [], createdAt: now, updatedAt: now }
  }

  async #commit(next: StoredTokenizer, kind: JournalKind, detail: Readonly<Record<string, unknown>>): Promise<void> {
    const written = await this.#parts.table.write({ ...next, updatedAt: this.#now(), revision: next.revision + 1 })
    await this.#parts.journal.append(kind, `tokenizers/${next.name}`, written.revision, detail)
  }

  /** Deletes the blobs of removed versions that nothing refers to; a failure only delays it to the next open. */
  async #collect(removed: readonly TokenizerVersion[]): Promise<void> {
    for (const sha256 of new Set(removed.map((version) => version.sha256)))
      if (!this.#parts.isReferenced(sha256)) await this.#parts.blobs.remove(sha256).catch(() => undefined)
  }

  #now(): string {
    return new Date(this.#parts.clock.nowMs()).toISOString()
  }

  #existing(name: string): StoredTokenizer {
    const stored = this.#parts.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    const near = didYouMean(
      name,
      this.list().map((record) => record.name),
    )
    throw new PenstockError('ERR_TOKENIZER_NOT_FOUND', `There is no tokenizer ${name}${near}`)
  }
}

/** A record file's content. */
export function checkStoredTokenizer(value: unknown): StoredTokenizer {
  const fields = expectRecord('the file', value)
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  return {
    name: expectName('name', fields['name']),
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions: checkVersions(fields['versions'], nextVersion, checkTokenizerVersion),
    createdAt: checkTime('createdAt', fields['createdAt']),
    updatedAt: checkTime('updatedAt', fields['updatedAt']),
  }
}

function checkTokenizerVersion(path: string, value: unknown): TokenizerVersion {
  const fields = expectRecord(path, value)
  const count = (key: string): number => expectInteger(`${path}.${key}`, fields[key], 0, Number.MAX_SAFE_INTEGER)
  return {
    version: expectInteger(`${path}.version`, fields['version'], 1, Number.MAX_SAFE_INTEGER),
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
    sha256: checkSha256(`${path}.sha256`, fields['sha256']),
    sizeBytes: count('sizeBytes'),
    model: expectString(`${path}.model`, fields['model']),
    vocabularySize: count('vocabularySize'),
    maxLength: fields['maxLength'] === null ? null : count('maxLength'),
    specialTokens: count('specialTokens'),
  }
}

function fullError(what: string, max: number): PenstockError {
  const text = `The registry holds ${max} ${what} already, which is its limit. Remove some first.`
  return new PenstockError('ERR_CONFLICT', text)
}

function isListed(stored: StoredTokenizer): boolean {
  return stored.versions.length > 0
}

function toRecord({ name, versions, createdAt, updatedAt }: StoredTokenizer): TokenizerRecord {
  return Object.freeze({ name, versions, createdAt, updatedAt })
}
