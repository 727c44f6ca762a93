/** Files of rows for the commands of contracts. */
import type { RowCheck, RowProblem } from '../../contract/check-row.js'
import { checkRows } from '../../contract/check-row.js'
import { rowOfCells, rowOfColumns, valuesOfCells } from '../../contract/tables/cells.js'
import type { DraftTable } from '../../contract/draft/infer.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import { formatOf } from '../../files/formats.js'
import { readRows } from '../../files/read-rows.js'
import { isRecord } from '../shared/input-data.js'

/** Rows that a draft looks at: more say nothing new of a column. */
const DRAFT_ROWS_MAX = 100_000

type PlainRow = Readonly<Record<string, unknown>>

/** The first rows of a file. */
export async function readTable(path: string, format: string | undefined): Promise<DraftTable> {
  const rows: PlainRow[] = []
  const cells: Readonly<Record<string, string>>[] = []
  let dtypes: ReadonlyMap<string, string> = new Map()
  for await (const batch of readRows(path, formatOf(path, format))) {
    if (batch.dtypes.size > 0) dtypes = batch.dtypes
    if (batch.isText) cells.push(...(batch.rows as Readonly<Record<string, string>>[]))
    else rows.push(...batch.rows.filter(isRecord))
    if (rows.length + cells.length >= DRAFT_ROWS_MAX) break
  }
  return { rows: cells.length > 0 ? typedRows(cells) : rows, dtypes }
}

function typedRows(cells: readonly Readonly<Record<string, string>>[]): PlainRow[] {
  const names = Object.keys(cells[0] ?? {})
  const columns = names.map((name) => valuesOfCells(cells.map((row) => row[name] ?? '')))
  return cells.map((_, row) => Object.fromEntries(names.map((name, column) => [name, columns[column]?.[row]])))
}

/** What a check of a whole file found. */
export interface FileCheck {
  readonly rows: number
  readonly dropped: number
  /** Rows that a problem refuses. */
  readonly refused: number
  readonly problems: readonly RowProblem[]
  readonly problemCount: number
  /** Problems by field and rule, the most frequent first. */
  readonly counts: readonly {
    readonly field: string
    readonly rule: string
    readonly action: string
    readonly count: number
  }[]
  readonly extra: readonly string[]
}

/**
 * Checks every row of a file. Uniqueness is that of a request, so the file is read whole.
 * @param problemsMax that are kept one by one; all are counted.
 */
export async function checkFile(
  contract: ResolvedContract,
  path: string,
  format: string | undefined,
  problemsMax: number,
): Promise<FileCheck> {
  const rows: unknown[] = []
  for await (const batch of readRows(path, formatOf(path, format)))
    for (const row of batch.rows)
      rows.push(
        batch.isText
          ? rowOfCells(contract, row as Readonly<Record<string, string>>)
          : batch.dtypes.size > 0 && isRecord(row)
            ? rowOfColumns(contract, row)
            : row,
      )
  return summary(rows.length, checkRows(contract, rows, { problemsMax: Infinity }), problemsMax)
}

function summary(
  rows: number,
  { problems, problemCount, droppedRows, extra }: RowCheck,
  problemsMax: number,
): FileCheck {
  const counts = new Map<string, { field: string; rule: string; action: string; count: number }>()
  for (const { field, rule, action } of problems) {
    const key = JSON.stringify([field, rule, action])
    const one = counts.get(key) ?? { field, rule, action, count: 0 }
    one.count++
    counts.set(key, one)
  }
  return {
    rows,
    dropped: droppedRows.length,
    refused: new Set(problems.filter(({ action }) => action === 'reject').map(({ row }) => row)).size,
    problems: problems.slice(0, problemsMax),
    problemCount,
    counts: [...counts.values()].sort((a, b) => b.count - a.count),
    extra,
  }
}
