/** Tokenizers without a disk, by the rules of the registry's: gone when the process ends. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import type { TokenizerFile, TokenizerRecord, TokenizerStore, TokenizerVersion } from '../api/api.js'

export class MemoryTokenizerStore implements TokenizerStore {
  readonly #clock: Clock
  readonly #records = new Map<string, TokenizerRecord>()
  readonly #newestVersions = new Map<string, number>()
  readonly #files = new Map<string, Uint8Array>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list(): TokenizerRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): TokenizerRecord | undefined {
    return this.#records.get(name)
  }

  add(name: string, bytes: Uint8Array, file: TokenizerFile): Promise<TokenizerVersion> {
    const now = this.#now()
    const record = this.#records.get(name) ?? { name, versions: [], createdAt: now, updatedAt: now }
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const newest = record.versions.at(-1)
    if (newest?.sha256 === sha256) return Promise.resolve(newest)
    const number = (this.#newestVersions.get(name) ?? 0) + 1
    const version: TokenizerVersion = { version: number, createdAt: now, sha256, sizeBytes: bytes.byteLength, ...file }
    this.#newestVersions.set(name, number)
    this.#files.set(sha256, Uint8Array.from(bytes))
    this.#records.set(name, { ...record, versions: [...record.versions, version], updatedAt: now })
    return Promise.resolve(version)
  }

  read(sha256: string): Promise<Uint8Array> {
    const bytes = this.#files.get(sha256)
    if (bytes !== undefined) return Promise.resolve(bytes)
    return Promise.reject(new PenstockError('ERR_STORAGE', `There is no tokenizer of sha256 ${sha256}`))
  }

  async remove(name: string): Promise<void> {
    await this.#existing(name)
    this.#records.delete(name)
    this.#collect()
  }

  async removeVersion(name: string, version: number): Promise<void> {
    const record = await this.#existing(name)
    const versions = record.versions.filter((candidate) => candidate.version !== version)
    if (versions.length === record.versions.length)
      throw new PenstockError('ERR_TOKENIZER_NOT_FOUND', `Tokenizer ${name} has no version ${version}`)
    if (versions.length === 0) this.#records.delete(name)
    else this.#records.set(name, { ...record, versions, updatedAt: this.#now() })
    this.#collect()
  }

  #collect(): void {
    const kept = new Set([...this.#records.values()].flatMap(({ versions }) => versions.map(({ sha256 }) => sha256)))
    for (const sha256 of this.#files.keys()) if (!kept.has(sha256)) this.#files.delete(sha256)
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString()
  }

  #existing(name: string): Promise<TokenizerRecord> {
    const record = this.#records.get(name)
    if (record !== undefined) return Promise.resolve(record)
    return Promise.reject(new PenstockError('ERR_TOKENIZER_NOT_FOUND', `There is no tokenizer ${name}`))
  }
}
