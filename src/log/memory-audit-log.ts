/**
 * The log in memory, for programs and tests that want to look at records themselves. Bounded in rows: the oldest
 * records make room for new ones and are counted as dropped.
 */
import type { AuditLog, AuditRecord } from '../engine/api.js'

export class MemoryAuditLog implements AuditLog {
  readonly #rowsMax: number
  #records: AuditRecord[] = []
  #rows = 0
  #droppedRows = 0

  /** @param rowsMax rows kept, >= 1. */
  constructor(rowsMax = 100_000) {
    this.#rowsMax = rowsMax
  }

  /** Oldest first. */
  get records(): readonly AuditRecord[] {
    return this.#records
  }

  /** Rows that made room. */
  get droppedCount(): number {
    return this.#droppedRows
  }

  append(record: AuditRecord): void {
    this.#records.push(record)
    this.#rows += record.rows
    while (this.#rows > this.#rowsMax && this.#records.length > 0) {
      const oldest = this.#records.shift()
      this.#rows -= oldest?.rows ?? 0
      this.#droppedRows += oldest?.rows ?? 0
    }
  }

  clear(): void {
    this.#records = []
    this.#rows = 0
  }

  async flush(): Promise<void> {
    // Nothing waits.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
