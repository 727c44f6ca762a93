/**
 * A table against a contract, by the rules of rows (check-row.ts), cell by cell and without an object a row. Whoever runs
 * it decides what happens between its parts: a large table takes seconds, and others want to be answered.
 *
 * What is the same in every row is found once: a column that is not there, and one that is no field, which is told of the
 * first row alone.
 */
import { CHECKED_VALUES_PER_TURN } from '../../base/limits/contract-limits.js'
import { type RowCheck, RowChecker } from '../check-row.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { type Cell, extraMember, readCell, type RowFinding } from '../row-reader.js'
import type { RowTable, TableBatch, TableColumn } from './row-table.js'

/** Checks a table; yields after some thousand values each. */
export function* checkTable(contract: ResolvedContract, table: RowTable): Generator<undefined, RowCheck> {
  const checker = new RowChecker(contract)
  const rowsPerTurn = Math.max(1, Math.floor(CHECKED_VALUES_PER_TURN / Math.max(1, contract.inputs.length)))
  let rows = 0
  for (const batch of table.batchesOf(contract)) {
    const read = rowReader(contract, batch)
    for (let row = 0; row < batch.rowCount; row++) {
      if (rows > 0 && rows % rowsPerTurn === 0) yield undefined
      const isFirst = rows++ === 0
      const { cells, findings } = read(row, isFirst)
      const extra = isFirst && contract.extra !== 'reject' ? batch.extras.map(({ name }) => name) : noNames
      checker.take({ cells, findings, extra }, (name) => valueIn(batch, name, row))
    }
  }
  return checker.finish()
}

const noNames: readonly string[] = []
type ReadRow = (row: number, isFirst: boolean) => { readonly cells: Cell[]; readonly findings: RowFinding[] }

function rowReader(contract: ResolvedContract, { columns, extras }: TableBatch): ReadRow {
  const { inputs } = contract
  const extraNames = extras.map(({ name }) => name)
  const absent = columns.map((column, at) =>
    column === null ? absentCell(inputs[at] as ResolvedField, extraNames) : null,
  )
  return (row, isFirst) => {
    const cells = new Array<Cell>(inputs.length)
    const findings: RowFinding[] = []
    for (let at = 0; at < inputs.length; at++) {
      const missing = absent[at]
      if (missing != null) {
        cells[at] = missing.cell
        if (missing.finding !== undefined) findings.push(missing.finding)
        continue
      }
      const column = columns[at] as TableColumn
      const before = findings.length
      cells[at] = readCell(inputs[at] as ResolvedField, column.read(row), noNames, findings)
      const finding = findings[before]
      if (finding !== undefined && column.told !== undefined)
        findings[before] = { ...finding, value: column.told(finding.value) }
    }
    if (isFirst && contract.extra === 'reject')
      for (const { name, read, told } of extras) {
        const value = read(row)
        findings.push(extraMember(contract, name, told === undefined ? value : told(value)))
      }
    return { cells, findings }
  }
}

function absentCell(
  field: ResolvedField,
  extraNames: readonly string[],
): { readonly cell: Cell; readonly finding: RowFinding | undefined } {
  const findings: RowFinding[] = []
  const cell = readCell(field, undefined, extraNames, findings)
  return { cell, finding: findings[0] }
}

function valueIn({ columns }: TableBatch, name: string, row: number): unknown {
  return columns.find((column) => column?.name === name)?.read(row)
}
