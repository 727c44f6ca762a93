/**
 * The registry of tokenizers: immutable numbered versions, one record file per tokenizer, whose tokenizer.json files lie in
 * blobs/ beside the models. As with models, version numbers are never given twice, and a removal deletes the blobs that no
 * version refers to any more. Whether a file is a tokenizer that can be used is seen before it comes here.
 */
import { readFile } from 'node:fs/promises'
import { expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import type { TokenizerFile, TokenizerRecord, TokenizerStore, TokenizerVersion } from '../engine/api/api.js'
import { type Blobs, removeUnreferenced, sha256Of } from './blobs.js'
import { storageError } from './files/durable-file.js'
import { checkSha256, checkTime } from './record-check.js'
import { checkStoredVersions, type StoredVersions, type VersionedParts, VersionedRecords } from './versioned-records.js'

export type StoredTokenizer = StoredVersions<TokenizerVersion>

export interface TokenizersParts extends VersionedParts<TokenizerVersion> {
  readonly blobs: Blobs
  /** Whether anything of the home refers to the blob. */
  readonly isReferenced: (sha256: string) => boolean
}

export class Tokenizers implements TokenizerStore {
  readonly #parts: TokenizersParts
  readonly #records: VersionedRecords<TokenizerVersion>

  constructor(parts: TokenizersParts) {
    this.#parts = parts
    this.#records = new VersionedRecords(parts, 'tokenizer', 'ERR_TOKENIZER_NOT_FOUND')
  }

  list(): TokenizerRecord[] {
    return this.#records.list()
  }

  get(name: string): TokenizerRecord | undefined {
    return this.#records.get(name)
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
      const now = this.#records.now()
      const stored = this.#records.open(name)
      const newest = stored.versions.at(-1)
      const { blobs } = this.#parts
      if (newest?.sizeBytes === bytes.byteLength && newest.sha256 === (await sha256Of(bytes))) {
        // Adding the file again is the way out when its blob was lost or altered.
        const problem = await blobs.problemOf(newest.sha256, newest.sizeBytes, { content: true })
        if (problem !== undefined) await blobs.put(bytes)
        return newest
      }
      this.#records.expectRoom(stored)
      const sha256 = await blobs.put(bytes)
      const version: TokenizerVersion = {
        version: stored.nextVersion,
        createdAt: now,
        sha256,
        sizeBytes: bytes.byteLength,
        ...structuredClone(file),
      }
      await this.#records.append(stored, version, now, 'tokenizer.add', { sha256, sizeBytes: version.sizeBytes })
      return version
    })
  }

  async remove(name: string): Promise<void> {
    await this.#parts.mutations.run(async () => {
      await removeUnreferenced(this.#parts, await this.#records.clear(name, 'tokenizer.remove'))
    })
  }

  async removeVersion(name: string, version: number): Promise<void> {
    expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    await this.#parts.mutations.run(async () => {
      await removeUnreferenced(this.#parts, [await this.#records.drop(name, version, 'tokenizer.remove-version')])
    })
  }

  /** sha256 of every blob that some version refers to. */
  referencedBlobs(): Set<string> {
    return new Set(this.#records.versions().map(({ sha256 }) => sha256))
  }
}

/** A record file's content. */
export function checkStoredTokenizer(value: unknown): StoredTokenizer {
  return checkStoredVersions(value, checkTokenizerVersion)
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
