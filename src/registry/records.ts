/**
 * A directory of records: `<directory>/<name>.json`, one small JSON file each, loaded whole at open and held in memory;
 * every change replaces the file durably and then the snapshot in memory.
 * A file that is not the JSON this program wrote stops the open: guessing would turn a damaged disk or a wrong edit
 * into a silently different registry. The error names the file, the field and the way out.
 * Snapshots are deeply frozen, so callers may keep them.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PenstockError } from '../base/errors.js'
import { argumentError } from '../base/expect.js'
import { type Disk, replaceFile, storageError } from './files/durable-file.js'

export interface StoredRecord {
  readonly name: string
  /** Counts the mutations of this record: 1, 2, 3 … */
  readonly revision: number
}

/** Checks a parsed file; throws ERR_ARGUMENT naming the offending field. */
export type RecordCheck<T> = (value: unknown) => T

const EXTENSION = '.json'
const SET_ASIDE = '.damaged'

export class RecordTable<T extends StoredRecord> {
  readonly #directory: string
  readonly #disk: Disk
  readonly #byName = new Map<string, T>()

  private constructor(directory: string, disk: Disk) {
    this.#directory = directory
    this.#disk = disk
  }

  /** @throws PenstockError ERR_STORAGE naming the first file that cannot be read or is no record. */
  static async open<T extends StoredRecord>(directory: string, disk: Disk, check: RecordCheck<T>) {
    const table = new RecordTable<T>(directory, disk)
    const files = (await readdir(directory)).filter((file) => file.endsWith(EXTENSION)).sort()
    for (const file of files) {
      const record = await readRecord(join(directory, file), file.slice(0, -EXTENSION.length), check)
      table.#byName.set(record.name, deepFreeze(record))
    }
    return table
  }

  get(name: string): T | undefined {
    return this.#byName.get(name)
  }

  /** In order of name. */
  values(): T[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get count(): number {
    return this.#byName.size
  }

  /** Stores durably, then shows the frozen record to readers. On failure readers keep the old one. */
  async write(record: T): Promise<T> {
    await replaceFile(this.#disk, this.pathOf(record.name), `${JSON.stringify(record, null, 2)}\n`)
    this.#byName.set(record.name, deepFreeze(record))
    return record
  }

  /** The caller has checked the name. */
  pathOf(name: string): string {
    return join(this.#directory, `${name}${EXTENSION}`)
  }
}

async function readRecord<T extends StoredRecord>(path: string, name: string, check: RecordCheck<T>): Promise<T> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw storageError(`Could not read ${path}`, error)
  }
  try {
    const record = check(JSON.parse(text))
    if (record.name !== name) throw argumentError('name', `${name}, as the file is called`, record.name)
    return record
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const wayOut = `Restore the file from a backup or correct it; or rename it to ${name}${EXTENSION}${SET_ASIDE} to start without it (blobs are kept while it lies there).`
    throw new PenstockError('ERR_STORAGE', `${path} is damaged: ${reason}. ${wayOut}`, { cause: error })
  }
}

/** True when a damaged record was set aside, as its error advises: what it refers to is then unknown. */
export async function hasSetAside(directory: string): Promise<boolean> {
  return (await readdir(directory)).some((file) => file.endsWith(SET_ASIDE))
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const child of Object.values(value)) deepFreeze(child)
  return value
}

/** Structural equality of JSON values; the order of keys does not matter, absent equals undefined. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  const keys = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...keys].every((key) => isEqualJson(left[key], right[key]))
}
