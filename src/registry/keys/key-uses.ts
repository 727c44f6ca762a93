/**
 * When each API key was last presented, to find out which ones are still needed: keys-used.json, to the minute,
 * written once a minute at most by the server that watches the keys. It is a hint: a file that is damaged or cannot be
 * written is as good as none, and a request pays one store for it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import { expectRecord } from '../../base/expect.js'
import { KEY_USES_WRITE_MS } from '../../base/limits/access-limits.js'
import { type Disk, MODE_SECRET, replaceFile } from '../files/durable-file.js'

/** A key of this name that was made at this time. */
export interface UsedKey {
  readonly name: string
  readonly createdAt: string
  wasUsed: boolean
}

export class KeyUses {
  readonly #path: string
  readonly #disk: Disk
  readonly #clock: Clock
  /** By name and time of creation: a later key of the same name is another. */
  #uses: Map<string, string> | null = null
  #isDirty = false
  #writtenMs = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(home: string, disk: Disk, clock: Clock) {
    this.#path = join(home, 'keys-used.json')
    this.#disk = disk
    this.#clock = clock
  }

  /** Times by `<name> <createdAt>`, ISO 8601. */
  read(): ReadonlyMap<string, string> {
    if (this.#uses !== null) return this.#uses
    try {
      const times = Object.entries(expectRecord('the file', JSON.parse(readFileSync(this.#path, 'utf8'))))
      return new Map(times.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
    } catch {
      return new Map()
    }
  }

  /** Takes note of the keys that were used, and writes when it is time. */
  note(keys: readonly UsedKey[]): void {
    this.#take(keys)
    if (!this.#isDirty || this.#clock.nowMs() - this.#writtenMs < KEY_USES_WRITE_MS) return
    this.#write(keys)
  }

  /** The last write. */
  async close(keys: readonly UsedKey[]): Promise<void> {
    this.#take(keys)
    if (this.#isDirty) this.#write(keys)
    await this.#writing
  }

  #take(keys: readonly UsedKey[]): void {
    for (const key of keys) {
      if (!key.wasUsed) continue
      key.wasUsed = false
      const uses = (this.#uses ??= new Map(this.read()))
      const time = `${new Date(this.#clock.nowMs()).toISOString().slice(0, 16)}:00.000Z`
      if (uses.get(nameOf(key)) === time) continue
      uses.set(nameOf(key), time)
      this.#isDirty = true
    }
  }

  #write(present: readonly UsedKey[]): void {
    this.#isDirty = false
    this.#writtenMs = this.#clock.nowMs()
    // Keys that are gone are forgotten here: the file has as many lines as there are keys.
    const names = new Set(present.map(nameOf))
    const times = [...(this.#uses ?? [])].filter(([name]) => names.has(name))
    this.#uses = new Map(times)
    const text = `${JSON.stringify(Object.fromEntries(times), null, 2)}\n`
    this.#writing = this.#writing
      .then(() => replaceFile(this.#disk, this.#path, text, MODE_SECRET))
      .catch(() => undefined)
  }
}

function nameOf({ name, createdAt }: UsedKey): string {
  return `${name} ${createdAt}`
}
