/**
 * API keys. A key is 256 random bits, so it is stored as its plain sha256: guessing is hopeless, and a slow password
 * hash would put milliseconds on each request. A check finds the entry by the first bytes of the presented key's hash and
 * compares the whole in constant time. (The time tells at most whether some stored hash begins like that of the guess,
 * and nobody can choose a guess by how its hash begins.)
 *
 * `penstock keys` changes keys.json while a server runs: writers take a lock of their own, and the server looks several
 * times a second whether the file has changed. The entry that `verify` returned for a key stays the same object while the
 * key is valid, and says so itself when it is not any more (`isRevoked`): the holder of its connections looks there.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../../base/access.js'
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { expectName } from '../../base/expect.js'
import { API_KEYS_MAX, KEYS_POLL_MS } from '../../base/limits/access-limits.js'
import { type Disk, MODE_SECRET, removeTemporaries, replaceFile, storageError } from '../files/durable-file.js'
import type { Journal } from '../journal.js'
import { type ApiKey, keyFileOf, type KeyOptions, powersOf, readKeyFile, type StoredKey } from './key-record.js'
import { KeyUses } from './key-uses.js'
import { FileLock, LockedError } from '../files/lock.js'
import { isEqualJson } from '../records.js'

export type { ApiKey, KeyOptions, KeyPowers } from './key-record.js'

/** A key as it is listed. */
export interface ListedKey extends ApiKey {
  /** To the minute, as far as a server on this home has written it down; absent: not yet. */
  readonly lastUsedAt?: string
}

const KEY_START = 'psk_'
const KEY_BYTES = 32
const PREFIX_CHARACTERS = 10
const LOCK_WAIT_MS = 5000
const LOCK_STEP_MS = 50
/** Bytes of a hash that find its entry. */
const INDEX_BYTES = 6

/** A valid key, until it says that it is revoked. */
export class KeyEntry implements ApiKey {
  readonly name: string
  readonly prefix: string
  readonly createdAt: string
  readonly scopes: readonly Scope[]
  declare readonly pipelines?: readonly string[]
  declare readonly expiresAt?: string
  /** Milliseconds since 1970 of `expiresAt`. */
  declare readonly expiresAtMs?: number
  declare readonly ratePerS?: number
  declare readonly concurrency?: number
  /** True as soon as the key is not in the file any more, or may do other things. */
  isRevoked = false
  /** Presented since this was last looked at. */
  wasUsed = false
  readonly #hash: Buffer

  constructor({ sha256, ...key }: StoredKey) {
    this.name = key.name
    this.prefix = key.prefix
    this.createdAt = key.createdAt
    this.scopes = key.scopes
    Object.assign(this, key)
    if (key.expiresAt !== undefined) this.expiresAtMs = Date.parse(key.expiresAt)
    this.#hash = Buffer.from(sha256, 'hex')
  }

  get index(): number {
    return this.#hash.readUIntBE(0, INDEX_BYTES)
  }

  matches(hash: Buffer): boolean {
    return timingSafeEqual(this.#hash, hash)
  }
}

export class ApiKeys {
  readonly path: string
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #uses: KeyUses
  #keys: readonly StoredKey[] = []
  #entries: ReadonlyMap<string, KeyEntry> = new Map()
  #byIndex: ReadonlyMap<number, readonly KeyEntry[]> = new Map()
  #stamp = ''
  #timer: NodeJS.Timeout | undefined

  private constructor(home: string, disk: Disk, clock: Clock, journal: Journal) {
    this.path = join(home, 'keys.json')
    this.#disk = disk
    this.#clock = clock
    this.#journal = journal
    this.#uses = new KeyUses(home, disk, clock)
  }

  /** @throws PenstockError ERR_STORAGE when keys.json cannot be read or is damaged: no key is better than a wrong one. */
  static open(home: string, disk: Disk, clock: Clock, journal: Journal): ApiKeys {
    const keys = new ApiKeys(home, disk, clock, journal)
    keys.#reload()
    return keys
  }

  get count(): number {
    return this.#keys.length
  }

  list(): ListedKey[] {
    const uses = this.#uses.read()
    return this.#keys.map(({ sha256: _hash, ...key }) => {
      const lastUsedAt = uses.get(`${key.name} ${key.createdAt}`)
      return { ...key, ...(lastUsedAt === undefined ? {} : { lastUsedAt }) }
    })
  }

  /** The key's entry, expired ones included, or undefined when there is no such key. */
  verify(key: string): KeyEntry | undefined {
    const hash = createHash('sha256').update(key).digest()
    const found = this.#byIndex.get(hash.readUIntBE(0, INDEX_BYTES))?.find((entry) => entry.matches(hash))
    if (found !== undefined) found.wasUsed = true
    return found
  }

  /**
   * Makes a key; `key` is shown this once and stored nowhere.
   * @throws PenstockError ERR_ARGUMENT; ERR_CONFLICT when the name is taken.
   */
  async create(name: string, options: KeyOptions = {}): Promise<ApiKey & { readonly key: string }> {
    expectName('name', name)
    const nowMs = this.#clock.nowMs()
    const powers = powersOf(options, nowMs)
    const key = KEY_START + randomBytes(KEY_BYTES).toString('base64url')
    const createdAt = new Date(nowMs).toISOString()
    const entry = { name, prefix: key.slice(0, PREFIX_CHARACTERS), createdAt, ...powers }
    await this.#change(async () => {
      if (this.#keys.some((other) => other.name === name)) {
        throw new PenstockError(
          'ERR_CONFLICT',
          `There is a key ${name} already. Revoke it first, or choose another name.`,
        )
      }
      if (this.#keys.length >= API_KEYS_MAX) {
        throw new PenstockError(
          'ERR_CONFLICT',
          `There are ${API_KEYS_MAX} keys, which is the limit. Revoke some first.`,
        )
      }
      const sha256 = createHash('sha256').update(key).digest('hex')
      await this.#write([...this.#keys, { ...entry, sha256 }])
      await this.#journal.append('key.create', `keys/${name}`, 0, { prefix: entry.prefix, ...powers })
    })
    return { ...entry, key }
  }

  /**
   * Removes a key; a running server refuses it, and ends its connections, within a second.
   * @throws PenstockError ERR_CONFLICT when there is none.
   */
  async revoke(name: string): Promise<void> {
    await this.#change(async () => {
      const rest = this.#keys.filter((key) => key.name !== name)
      if (rest.length === this.#keys.length) {
        const names = this.#keys.map((key) => key.name).join(', ')
        throw new PenstockError(
          'ERR_CONFLICT',
          `There is no key ${name}. ${names === '' ? 'There are none.' : `There are ${names}.`}`,
        )
      }
      await this.#write(rest)
      await this.#journal.append('key.revoke', `keys/${name}`, 0, {})
    })
  }

  /** Follows changes that other processes make. The last complete keys stay valid while the file cannot be read. */
  watch(onProblem: (error: unknown) => void): void {
    let problem = ''
    this.#timer ??= setInterval(() => {
      this.#uses.note([...this.#entries.values()])
      try {
        if (stampOf(this.path) !== this.#stamp) this.#reload()
        problem = ''
      } catch (error) {
        // The server looks several times a second and reports a problem once.
        const text = String(error)
        if (text !== problem) onProblem(error)
        problem = text
      }
    }, KEYS_POLL_MS)
    this.#timer.unref()
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    const wasWatching = this.#timer !== undefined
    clearInterval(this.#timer)
    this.#timer = undefined
    if (wasWatching) await this.#uses.close([...this.#entries.values()])
  }

  async #change(change: () => Promise<void>): Promise<void> {
    const lock = await lockPatiently(`${this.path}.lock`, this.#clock)
    try {
      await removeTemporaries(this.#disk, dirname(this.path), isKeysFile)
      this.#reload()
      await change()
    } finally {
      await lock.release()
    }
  }

  async #write(keys: readonly StoredKey[]): Promise<void> {
    await replaceFile(this.#disk, this.path, keyFileOf(keys), MODE_SECRET)
    this.#reload()
  }

  #reload(): void {
    // The stamp first: a change between the two calls is then seen at the next look, not lost.
    const stamp = stampOf(this.path)
    const keys = stamp === '' ? [] : readKeys(this.path)
    const before = new Map(this.#keys.map((key) => [key.sha256, key]))
    const entries = new Map(
      keys.map((key) => {
        const entry = this.#entries.get(key.sha256)
        return [key.sha256, entry !== undefined && isEqualJson(before.get(key.sha256), key) ? entry : new KeyEntry(key)]
      }),
    )
    const byIndex = new Map<number, KeyEntry[]>()
    for (const entry of entries.values()) byIndex.set(entry.index, [...(byIndex.get(entry.index) ?? []), entry])
    for (const [sha256, entry] of this.#entries) if (entries.get(sha256) !== entry) entry.isRevoked = true
    this.#keys = keys
    this.#entries = entries
    this.#byIndex = byIndex
    this.#stamp = stamp
  }
}

/** Temporary files of keys.json are for the holder of the keys' own lock to remove. */
export function isKeysFile(name: string): boolean {
  return name.startsWith('keys.json')
}

/** Changes with each replacement of the file; '' when there is none. */
function stampOf(path: string): string {
  const entry = statSync(path, { bigint: true, throwIfNoEntry: false })
  return entry === undefined ? '' : `${entry.ino}:${entry.mtimeNs}:${entry.size}`
}

function readKeys(path: string): StoredKey[] {
  try {
    return readKeyFile(readFileSync(path, 'utf8'), API_KEYS_MAX)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const wayOut = 'Restore the file from a backup, or move it away and create new keys with `penstock keys create`.'
    throw new PenstockError('ERR_STORAGE', `${path} is damaged: ${reason}. ${wayOut}`, { cause: error })
  }
}

async function lockPatiently(path: string, clock: Clock): Promise<FileLock> {
  for (let waitedMs = 0; ; waitedMs += LOCK_STEP_MS) {
    try {
      return await FileLock.acquire(path, { clock })
    } catch (error) {
      if (!(error instanceof LockedError)) throw storageError(`Could not lock ${path}`, error)
      if (waitedMs >= LOCK_WAIT_MS) {
        const who =
          error.holder === undefined ? 'Another process' : `Process ${error.holder.pid} on ${error.holder.host}`
        throw new PenstockError('ERR_CONFLICT', `${who} is changing the keys. Try again when it has finished.`)
      }
      await sleep(LOCK_STEP_MS)
    }
  }
}
