/**
 * The log on disk: `<directory>/<pipeline>/<version>/audit.ndjson`, one line per audited row.
 *
 *     append ─► queue of records (bounded in bytes) ─► every flushIntervalMs: lines, some rows per loop turn ─► file
 *
 * `append` is called on the thread that serves requests, so it only queues; lines are made in slices between which the
 * loop turns. When the disk is slower than the traffic the queue fills, and rows are dropped and counted: an audit must
 * never slow an answer. Rows that the disk refuses are dropped and counted, too, and the reason is told once.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { systemClock, type Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectInteger } from '../base/expect.js'
import { AUDIT_BUFFER_BYTES_MAX, AUDIT_FILE_BYTES_MAX } from '../base/limits.js'
import type { AuditLog, AuditRecord } from '../engine/api.js'
import { AuditFile } from './audit-file.js'
import { AuditLineWriter, recordBytes } from './audit-lines.js'

export interface FileAuditLogOptions {
  /** Bytes of records that wait for the disk; absent: 64 MiB. */
  readonly bufferBytesMax?: number | undefined
  /** Bytes of one file before it is renamed to audit-<ms>-<n>.ndjson; absent: 256 MiB. */
  readonly fileBytesMax?: number | undefined
  /** Milliseconds between writes, 0..60000; absent: 50. */
  readonly flushIntervalMs?: number | undefined
  readonly clock?: Clock | undefined
  /** Called with the first error after a success; the rows are counted in droppedCount. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Rows that become text in one turn of the loop; about a millisecond of a 30-float row. */
const SLICE_ROWS = 256
/** Files kept open; a pipeline version that is quiet gives its handle back. */
const OPEN_FILES_MAX = 64

interface Queued {
  readonly record: AuditRecord
  readonly bytes: number
}
/** Lines that wait for company in the same file. */
interface Pending {
  file: AuditFile | null
  lines: string
  rows: number
}

export class FileAuditLog implements AuditLog {
  readonly #directory: string
  readonly #bufferBytesMax: number
  readonly #fileBytesMax: number
  readonly #flushIntervalMs: number
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  /** By folder; in order of use, the oldest first. */
  readonly #files = new Map<string, AuditFile>()
  #queue: Queued[] = []
  #queuedBytes = 0
  #droppedRows = 0
  #writing: Promise<void> | null = null
  #isUrgent = false
  #hasFailed = false
  #isClosed = false

  /**
   * Makes the directory, so that one that cannot be written is known at start and not at the first row.
   * @throws PenstockError ERR_ARGUMENT for an option out of range, ERR_STORAGE.
   */
  static async open(directory: string, options: FileAuditLogOptions = {}): Promise<FileAuditLog> {
    const log = new FileAuditLog(directory, options)
    try {
      await mkdir(directory, { recursive: true })
    } catch (cause) {
      throw new PenstockError('ERR_STORAGE', `The log directory ${directory} cannot be made: ${String(cause)}`, {
        cause,
      })
    }
    return log
  }

  private constructor(directory: string, options: FileAuditLogOptions = {}) {
    this.#directory = directory
    this.#bufferBytesMax = expectInteger(
      'bufferBytesMax',
      options.bufferBytesMax ?? AUDIT_BUFFER_BYTES_MAX,
      0,
      Number.MAX_SAFE_INTEGER,
    )
    this.#fileBytesMax = expectInteger(
      'fileBytesMax',
      options.fileBytesMax ?? AUDIT_FILE_BYTES_MAX,
      1,
      Number.MAX_SAFE_INTEGER,
    )
    this.#flushIntervalMs = expectInteger('flushIntervalMs', options.flushIntervalMs ?? 50, 0, 60_000)
    this.#clock = options.clock ?? systemClock
    this.#onError = options.onError ?? (() => undefined)
  }

  /** Rows that were not written: the queue was full, the disk refused them, or the log was closed. */
  get droppedCount(): number {
    return this.#droppedRows
  }

  append(record: AuditRecord): void {
    const bytes = recordBytes(record)
    if (this.#isClosed || this.#queuedBytes + bytes > this.#bufferBytesMax) {
      this.#droppedRows += record.rows
      return
    }
    this.#queue.push({ record, bytes })
    this.#queuedBytes += bytes
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null
    })
  }

  /** Resolves when every row appended so far is on disk, or counted as dropped. */
  async flush(): Promise<void> {
    this.#isUrgent = true
    while (this.#writing !== null) await this.#writing
    this.#isUrgent = false
    for (const file of this.#files.values()) await file.sync().catch((error: unknown) => this.#fail(error, 0))
  }

  /** Flushes and closes the files; later rows are dropped. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
    for (const file of this.#files.values()) await file.close()
    this.#files.clear()
  }

  async #write(): Promise<void> {
    // Company: lines of the next milliseconds go into the same write.
    for (let waitedMs = 0; waitedMs < this.#flushIntervalMs && !this.#isUrgent; waitedMs += 5) await sleep(5)
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      const pending: Pending = { file: null, lines: '', rows: 0 }
      for (const { record, bytes } of batch) {
        await this.#writeRecord(record, pending)
        this.#queuedBytes -= bytes
      }
      await this.#writePending(pending)
    }
  }

  /** Neighbours of one file share a write: one per SLICE_ROWS rows, not one per record. */
  async #writeRecord(record: AuditRecord, pending: Pending): Promise<void> {
    const file = await this.#fileOf(record)
    if (file !== pending.file) await this.#writePending(pending)
    pending.file = file
    const writer = new AuditLineWriter(record)
    for (let row = 0; row < record.rows; row++) {
      pending.lines += writer.line(row)
      if (++pending.rows < SLICE_ROWS) continue
      await this.#writePending(pending)
      await turn()
    }
  }

  async #writePending(pending: Pending): Promise<void> {
    const { file, lines, rows } = pending
    pending.lines = ''
    pending.rows = 0
    if (file === null || rows === 0) return
    try {
      await file.append(lines)
      this.#hasFailed = false
    } catch (error) {
      this.#fail(error, rows)
    }
  }

  async #fileOf(record: AuditRecord): Promise<AuditFile> {
    const folder = join(this.#directory, record.pipeline, String(record.pipelineVersion))
    let file = this.#files.get(folder)
    if (file === undefined) {
      if (this.#files.size >= OPEN_FILES_MAX) await this.#closeOldest()
      file = new AuditFile(folder, this.#fileBytesMax, () => this.#clock.nowMs())
    }
    // Insertion order is the order of use.
    this.#files.delete(folder)
    this.#files.set(folder, file)
    return file
  }

  async #closeOldest(): Promise<void> {
    const oldest = this.#files.entries().next().value
    if (oldest === undefined) return
    this.#files.delete(oldest[0])
    await oldest[1].close()
  }

  #fail(error: unknown, rows: number): void {
    this.#droppedRows += rows
    if (!this.#hasFailed) this.#onError(error)
    this.#hasFailed = true
  }
}
