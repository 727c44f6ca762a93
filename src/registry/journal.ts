/**
 * journal.jsonl: one line per mutation, in order: who changed what and when. The records are the state; the journal is
 * its history and is never replayed.
 * A line is appended and fsynced right after the record it describes. A process killed between the two leaves the record
 * ahead of the journal; each record counts its own mutations (`revision`), so the next open sees the gap and closes it
 * with a line of kind `recovered`. A torn last line is cut off at open.
 * At JOURNAL_BYTES_MAX the file becomes journal.1.jsonl (replacing an older one) and a new one begins.
 */
import { readFile, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { currentActor, SERVER_ACTOR } from '../base/actor.js'
import type { Clock } from '../base/clock.js'
import { JOURNAL_BYTES_MAX } from '../base/limits/limits.js'
import { type Disk, errorCodeOf, storageError } from './files/durable-file.js'

/** What is journalled without a record of the registry. */
export type ControlKind = 'log.export' | 'model.load' | 'model.unload' | 'memory.register' | 'memory.unregister'

export type JournalKind =
  | 'model.add'
  | 'model.refresh'
  | 'model.inspect'
  | 'model.alias'
  | 'model.unalias'
  | 'model.calibrate'
  | 'model.tags'
  | 'model.lineage'
  | 'model.remove-version'
  | 'model.remove'
  | 'pipeline.put'
  | 'pipeline.deploy'
  | 'pipeline.undeploy'
  | 'pipeline.tags'
  | 'pipeline.explain-configs'
  | 'pipeline.remove'
  | 'contract.put'
  | 'contract.remove-version'
  | 'contract.remove'
  | 'dataset.create'
  | 'dataset.remove-version'
  | 'dataset.remove'
  | 'tokenizer.add'
  | 'tokenizer.remove-version'
  | 'tokenizer.remove'
  | 'key.create'
  | 'key.revoke'
  | ControlKind
  | 'recovered'

export interface JournalEntry {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly kind: JournalKind
  /** Who asked for it: `key:<name>`, `local`, or `server` for what it does by itself. Earlier releases wrote none. */
  readonly actor?: string
  /** `models/<name>`, `pipelines/<name>`, `contracts/<name>`, `datasets/<name>`, `tokenizers/<name>`, `keys/<name>`; of a ControlKind `logs/…`, `served/…` or `memory/…`. */
  readonly name: string
  /** The record's revision after the mutation; 0 without a record. */
  readonly revision: number
  readonly detail: Readonly<Record<string, unknown>>
}

/** The server does these by itself: no caller asked for them, whatever one was doing at the time. */
const ownKinds: ReadonlySet<JournalKind> = new Set(['model.calibrate', 'model.inspect', 'recovered'])

export class Journal {
  readonly path: string
  /** A line that could not be appended: the mutation itself is durable, so it succeeds and this is reported. */
  lastFailure: Error | undefined
  /** The journal calls it with the first such line of each disturbance, when it happens. */
  onFailure: ((error: Error) => void) | undefined
  readonly #disk: Disk
  readonly #clock: Clock

  constructor(home: string, disk: Disk, clock: Clock) {
    this.path = join(home, 'journal.jsonl')
    this.#disk = disk
    this.#clock = clock
  }

  /** Cuts off a torn last line and returns each record's last revision in it. Call while holding the home's lock. */
  async open(): Promise<Map<string, number>> {
    const revisions = new Map<string, number>()
    for (const path of [this.#previousPath, this.path]) {
      const { entries, tornAtByte } = await readJournal(path)
      if (tornAtByte !== undefined) await truncate(path, tornAtByte)
      for (const entry of entries) revisions.set(entry.name, entry.revision)
    }
    return revisions
  }

  /** Never rejects: see `lastFailure`; the next open closes the gap. */
  async append(kind: JournalKind, name: string, revision: number, detail: JournalEntry['detail']): Promise<void> {
    const time = new Date(this.#clock.nowMs()).toISOString()
    const actor = ownKinds.has(kind) ? SERVER_ACTOR : currentActor()
    const entry: JournalEntry = { time, kind, actor, name, revision, detail }
    try {
      await this.#rotateIfFull()
      await this.#disk.appendLine(this.path, JSON.stringify(entry))
      this.lastFailure = undefined
    } catch (error) {
      const isFirst = this.lastFailure === undefined
      this.lastFailure = storageError(`Could not append to ${this.path}`, error)
      if (isFirst) this.onFailure?.(this.lastFailure)
    }
  }

  get #previousPath(): string {
    return join(dirname(this.path), 'journal.1.jsonl')
  }

  async #rotateIfFull(): Promise<void> {
    const { size } = await stat(this.path).catch(absentIsEmpty)
    if (size < JOURNAL_BYTES_MAX) return
    await this.#disk.rename(this.path, this.#previousPath)
    await this.#disk.syncDirectory(dirname(this.path))
  }
}

/**
 * Reads a journal; a file that is absent is an empty journal. Lines that are no entry are skipped.
 * `tornAtByte` is where an unfinished last line begins, if there is one.
 */
export async function readJournal(path: string): Promise<{ entries: JournalEntry[]; tornAtByte: number | undefined }> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (isAbsent(error)) return { entries: [], tornAtByte: undefined }
    throw storageError(`Could not read ${path}`, error)
  }
  const completeBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.subarray(0, completeBytes).toString('utf8').split('\n')
  const entries = lines.map(parseEntry).filter((entry) => entry !== undefined)
  return { entries, tornAtByte: completeBytes < bytes.byteLength ? completeBytes : undefined }
}

function parseEntry(line: string): JournalEntry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<JournalEntry> | null
    const isEntry = typeof entry?.name === 'string' && typeof entry.revision === 'number'
    return isEntry ? (entry as JournalEntry) : undefined
  } catch {
    // A line torn by a power loss and then continued by a later process.
    return undefined
  }
}

function absentIsEmpty(error: unknown): { size: number } {
  if (isAbsent(error)) return { size: 0 }
  throw error
}

function isAbsent(error: unknown): boolean {
  return errorCodeOf(error) === 'ENOENT'
}
