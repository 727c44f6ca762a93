/**
 * API keys. A key is 256 random bits, so it is stored as its plain sha256: guessing is hopeless, and a slow password
 * hash would put milliseconds on each request. A check compares with every stored hash in constant time.
 * `penstock keys` changes keys.json while a server runs: writers take a lock of their own, and the server looks once a
 * second whether the file has changed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectArray, expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { API_KEYS_MAX } from '../base/limits.js'
import { type Disk, MODE_SECRET, removeTemporaries, replaceFile, storageError } from './durable-file.js'
import type { Journal } from './journal.js'
import { FileLock, LockedError } from './lock.js'
import { checkEach, checkPattern, checkTime } from './record-check.js'

export interface ApiKey {
  readonly name: string
  /** The first characters of the key, to recognise it by. */
  readonly prefix: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

interface StoredKey extends ApiKey {
  readonly sha256: string
}

const KEY_START = 'psk_'
const KEY_BYTES = 32
const PREFIX_CHARACTERS = 10
const POLL_MS = 1000
const LOCK_WAIT_MS = 5000
const LOCK_STEP_MS = 50
const FORMAT = 1

export class ApiKeys {
  readonly path: string
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #journal: Journal
  #keys: readonly StoredKey[] = []
  #hashes: readonly Buffer[] = []
  #stamp = ''
  #timer: NodeJS.Timeout | undefined

  private constructor(home: string, disk: Disk, clock: Clock, journal: Journal) {
    this.path = join(home, 'keys.json')
    this.#disk = disk
    this.#clock = clock
    this.#journal = journal
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

  list(): ApiKey[] {
    return this.#keys.map(({ name, prefix, createdAt }) => ({ name, prefix, createdAt }))
  }

  /** The key's entry, or undefined when there is no such key. Takes the same time wherever the difference is. */
  verify(key: string): ApiKey | undefined {
    const hash = createHash('sha256').update(key).digest()
    let found = -1
    for (const [index, stored] of this.#hashes.entries()) {
      if (timingSafeEqual(stored, hash)) found = index
    }
    return this.list()[found]
  }

  /** Makes a key; `key` is shown this once and stored nowhere. @throws PenstockError ERR_CONFLICT when the name is taken. */
  async create(name: string): Promise<ApiKey & { readonly key: string }> {
    expectName('name', name)
    const key = KEY_START + randomBytes(KEY_BYTES).toString('base64url')
    const createdAt = new Date(this.#clock.nowMs()).toISOString()
    const entry = { name, prefix: key.slice(0, PREFIX_CHARACTERS), createdAt }
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
      await this.#journal.append('key.create', `keys/${name}`, 0, { prefix: entry.prefix })
    })
    return { ...entry, key }
  }

  /** Removes a key; a running server refuses it within a second or two. @throws PenstockError ERR_CONFLICT when there is none. */
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
    this.#timer ??= setInterval(() => {
      try {
        if (stampOf(this.path) !== this.#stamp) this.#reload()
      } catch (error) {
        onProblem(error)
      }
    }, POLL_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
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
    await replaceFile(this.#disk, this.path, `${JSON.stringify({ format: FORMAT, keys }, null, 2)}\n`, MODE_SECRET)
    this.#reload()
  }

  #reload(): void {
    // The stamp first: a change between the two calls is then seen at the next look, not lost.
    const stamp = stampOf(this.path)
    this.#keys = stamp === '' ? [] : readKeys(this.path)
    this.#hashes = this.#keys.map(({ sha256 }) => Buffer.from(sha256, 'hex'))
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
    const file = expectRecord('the file', JSON.parse(readFileSync(path, 'utf8')))
    expectInteger('format', file['format'], FORMAT, FORMAT)
    expectArray('keys', file['keys'], API_KEYS_MAX)
    return checkEach('keys', file['keys'], checkKey)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const wayOut = 'Restore the file from a backup, or move it away and create new keys with `penstock keys create`.'
    throw new PenstockError('ERR_STORAGE', `${path} is damaged: ${reason}. ${wayOut}`, { cause: error })
  }
}

function checkKey(path: string, value: unknown): StoredKey {
  const fields = expectRecord(path, value)
  return {
    name: expectName(`${path}.name`, fields['name']),
    prefix: expectString(`${path}.prefix`, fields['prefix']),
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
    sha256: checkPattern(`${path}.sha256`, fields['sha256'], /^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
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
