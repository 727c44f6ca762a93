/**
 * The tables of all lookup steps of an engine. Steps that want the same of the same table share it: versions that take each
 * other's place, and the trial of a deploy, do not read it twice. Their memory is bounded together.
 */
import { PenstockError } from '../base/errors.js'
import type { OpenStage, StageNotice } from '../pipeline/columns/stage.js'
import type { LookupStep } from '../pipeline/definition.js'
import { LookupTable, type LookupTableCounts } from './lookup-table.js'
import type { LookupSpec } from './packed.js'
import { LookupStage, specOf } from './stage.js'
import type { TableStore } from './table-store.js'

export interface LookupTableMetrics extends LookupTableCounts {
  readonly table: string
  readonly rows: number
  readonly bytes: number
}

interface SharedTable {
  readonly opened: Promise<LookupTable>
  table: LookupTable | null
  users: number
}

export interface LookupTablesOptions {
  /** null: the engine was opened without tables. */
  readonly store: TableStore | null
  readonly bytesMax: number
  readonly onNotice: (notice: StageNotice) => void
}

export class LookupTables {
  readonly #options: LookupTablesOptions
  readonly #shared = new Map<string, SharedTable>()

  constructor(options: LookupTablesOptions) {
    this.#options = options
  }

  /** Opens the stage of a lookup step. */
  readonly open: OpenStage = async (segment) => {
    const step = segment.step as LookupStep
    const spec = specOf(step)
    const key = JSON.stringify([step.table, spec])
    const shared = this.#shared.get(key) ?? this.#begin(key, step.table, spec)
    shared.users++
    try {
      return new LookupStage(step, segment, await shared.opened, () => this.#release(key, shared))
    } catch (error) {
      this.#release(key, shared)
      throw error
    }
  }

  get bytesMax(): number {
    return this.#options.bytesMax
  }

  /** By name; a table of which steps want different columns is there for each. */
  metrics(): LookupTableMetrics[] {
    return [...this.#shared.values()].flatMap(({ table }) =>
      table === null
        ? []
        : [{ table: table.name, rows: table.current.rows, bytes: table.current.bytes, ...table.counts }],
    )
  }

  close(): void {
    for (const { table } of this.#shared.values()) table?.close()
    this.#shared.clear()
  }

  #begin(key: string, name: string, spec: LookupSpec): SharedTable {
    const { onNotice } = this.#options
    const memory = { leftBytes: () => this.#leftBytes() }
    const opened = this.#find(name).then((source) => LookupTable.open({ source, spec, memory, onNotice }))
    const shared: SharedTable = { opened, table: null, users: 0 }
    this.#shared.set(key, shared)
    // A failure is told to whoever waits for it.
    opened.then(
      (table) => {
        shared.table = table
        if (shared.users === 0) table.close()
      },
      () => undefined,
    )
    return shared
  }

  async #find(name: string): ReturnType<TableStore['find']> {
    const { store } = this.#options
    if (store !== null) return store.find(name)
    const wayOut = 'Start it with --tables and a folder, or open the engine with tables: tablesIn(folder)'
    throw new PenstockError('ERR_PIPELINE_INVALID', `There is no folder of tables to find ${name} in. ${wayOut}`)
  }

  #leftBytes(): number {
    let used = 0
    for (const { table } of this.#shared.values()) used += table?.current.bytes ?? 0
    return Math.max(0, this.#options.bytesMax - used)
  }

  #release(key: string, shared: SharedTable): void {
    shared.users--
    if (shared.users > 0) return
    shared.table?.close()
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
  }
}
