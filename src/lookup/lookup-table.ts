/**
 * A table that serves lookups and follows its file: the next content is read while the present one answers, and takes its
 * place at once when all of it is there. A file that is broken, or half written, changes nothing but what the operator hears.
 *
 *     open ─► serves ──(revision changes, and stands for a look)──► load ─► swap
 *                                                                  └─ fails: noted once, the old one serves on
 */
import { isPenstockError, PenstockError } from '../base/errors.js'
import { LOOKUP_POLL_MS } from '../base/limits/limits.js'
import type { StageNotice } from '../pipeline/columns/stage.js'
import type { LookupSpec, PackedTable } from './packed.js'
import type { TableSource } from './table-store.js'

/** What is counted of a table since it was opened. */
export interface LookupTableCounts {
  /** Contents that took the place of an older one, and those that could not. */
  reloads: number
  failedReloads: number
  /** Rows of requests, and those among them of which it has none. */
  lookedUpRows: number
  missingRows: number
}

/** The memory of all tables. */
export interface TableMemory {
  /** Bytes that are left for one that takes the place of another of `present` bytes; both are there for a moment. */
  leftBytes(): number
}

export interface LookupTableParts {
  readonly source: TableSource
  readonly spec: LookupSpec
  readonly memory: TableMemory
  readonly onNotice: (notice: StageNotice) => void
}

export class LookupTable {
  readonly counts: LookupTableCounts = { reloads: 0, failedReloads: 0, lookedUpRows: 0, missingRows: 0 }
  readonly #parts: LookupTableParts
  #current: PackedTable
  #revision: string
  /** What the file was at the last look; it is read when it stands. */
  #seen: string
  /** The revision that could not be read. */
  #failed: string | null = null
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  private constructor(parts: LookupTableParts, current: PackedTable, revision: string) {
    this.#parts = parts
    this.#current = current
    this.#revision = revision
    this.#seen = revision
    this.#watch()
  }

  /** @throws PenstockError of the source: the file cannot be read, or is not what the step wants. */
  static async open(parts: LookupTableParts): Promise<LookupTable> {
    const { source, spec, memory } = parts
    // Looked at first: a change while it is read is seen as one.
    const revision = await source.revision()
    return new LookupTable(parts, await source.load(spec, memory.leftBytes()), revision)
  }

  get name(): string {
    return this.#parts.source.name
  }

  /** The newest whole content; a request keeps to the one that it began with. */
  get current(): PackedTable {
    return this.#current
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** Looks at the file once; tests call it in place of the clock. */
  async look(): Promise<void> {
    const { source, spec, memory } = this.#parts
    try {
      const revision = await source.revision()
      const stands = revision === this.#seen
      this.#seen = revision
      if (!stands || revision === this.#revision || revision === this.#failed) return
      const next = await source.load(spec, memory.leftBytes())
      if (this.#isClosed) return
      expectSameKeys(source.name, this.#current, next)
      this.#current = next
      this.#revision = revision
      this.#failed = null
      this.counts.reloads++
      this.#note('info', `Table ${source.name} was read again: ${next.rows} rows`)
    } catch (cause) {
      if (this.#isClosed || this.#failed === this.#seen) return
      this.#failed = this.#seen
      this.counts.failedReloads++
      const reason = isPenstockError(cause) ? `: ${cause.message}` : ''
      this.#note(
        'error',
        `Table ${source.name} changed and could not be read; lookups go on with what it was${reason}`,
        cause,
      )
    }
  }

  #watch(): void {
    this.#timer = setTimeout(() => {
      void this.look().finally(() => {
        if (!this.#isClosed) this.#watch()
      })
    }, LOOKUP_POLL_MS).unref()
  }

  #note(level: StageNotice['level'], message: string, cause?: unknown): void {
    this.#parts.onNotice(cause === undefined ? { level, message } : { level, message, cause })
  }
}

/** Steps were deployed for keys of one kind: by another they would find nothing. */
function expectSameKeys(name: string, { keys }: PackedTable, next: PackedTable): void {
  if (keys.every(({ kind }, i) => kind === next.keys[i]?.kind)) return
  throw new PenstockError(
    'ERR_PIPELINE_INVALID',
    `Expected the keys of ${name} to be ${keys.map(({ kind }) => kind).join(', ')}, as they were when its pipelines were deployed, but they are ${next.keys.map(({ kind }) => kind).join(', ')}. Deploy them again`,
  )
}
