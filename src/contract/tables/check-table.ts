/**
 * A table against a contract, by the rules of rows (check-row.ts), cell by cell and without an object a row. Whoever runs
 * it decides what happens between its parts: a large table takes seconds, and others want to be answered.
 *
 * What is the same in every row is found once: a column that is not there, and one that is no field, which is reported for the
 * first row alone.
 */
import { CHECKED_VALUES_PER_TURN, SUGGESTIONS_COMPARED_MAX } from '../../base/limits/contract-limits.js'
import { type RowCheck, RowChecker } from '../check-row.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { type Cell, extraMember, readCell, type RowFinding } from '../row-reader.js'
import type { RowTable, TableBatch, TableColumn } from './row-table.js'

/** Checks a table; yields after some thousand values each. @throws PenstockError ERR_BODY: more columns than a table has. */
export function* checkTable(contract: ResolvedContract, table: RowTable): Generator<undefined, RowCheck> {
  const checker = new RowChecker(contract)
  const rowsPerTurn = Math.max(1, Math.floor(CHECKED_VALUES_PER_TURN / Math.max(1, contract.inputs.length)))
  let rows = 0
  let absent: readonly (AbsentCell | null)[] | null = null
  for (const batch of table.batchesOf(contract)) {
    // All batches have the same columns.
    absent ??= absentCells(contract, batch)
    for (let row = 0; row < batch.rowCount; row++) {
      if (rows > 0 && rows % rowsPerTurn === 0) yield undefined
      const isFirst = rows++ === 0
      const { cells, findings } = readRow(contract, batch, absent, row)
      if (isFirst && contract.extra === 'reject') findings.push(...extraFindings(contract, batch.extras))
      const extra = isFirst && contract.extra !== 'reject' ? batch.extras.map(({ name }) => name) : noNames
      checker.take(
        { cells, findings, extra },
        {
          valueOf: ({ name }) => valueIn(batch, name, row),
          placeOf: ({ name }) => [name],
          extraOf: (name) => batch.extras.find((each) => each.name === name)?.read(row),
        },
      )
    }
  }
  return checker.finish()
}

const noNames: readonly string[] = []

interface AbsentCell {
  readonly cell: Cell
  readonly finding: RowFinding | undefined
}

function readRow(
  { inputs }: ResolvedContract,
  { columns }: TableBatch,
  absent: readonly (AbsentCell | null)[],
  row: number,
): { readonly cells: Cell[]; readonly findings: RowFinding[] } {
  const cells = new Array<Cell>(inputs.length)
  const findings: RowFinding[] = []
  for (let at = 0; at < inputs.length; at++) {
    const missing = absent[at]
    if (missing != null) {
      cells[at] = missing.cell
      if (missing.finding !== undefined) findings.push(missing.finding)
      continue
    }
    const { read, told } = columns[at] as TableColumn
    const before = findings.length
    cells[at] = readCell(inputs[at] as ResolvedField, read(row), noNames, findings)
    const finding = findings[before]
    if (finding !== undefined && told !== undefined) findings[before] = { ...finding, value: told(finding.value) }
  }
  return { cells, findings }
}

/** What each row has of a field without a column; null: there is one. */
function absentCells({ inputs }: ResolvedContract, { columns, extras }: TableBatch): (AbsentCell | null)[] {
  const absentCount = columns.filter((column) => column === null).length
  const names = absentCount * extras.length <= SUGGESTIONS_COMPARED_MAX ? extras.map(({ name }) => name) : noNames
  return columns.map((column, at) => {
    if (column !== null) return null
    const findings: RowFinding[] = []
    const cell = readCell(inputs[at] as ResolvedField, undefined, names, findings)
    return { cell, finding: findings[0] }
  })
}

/** The columns that are no field, by the values of the first row. */
function extraFindings(contract: ResolvedContract, extras: readonly TableColumn[]): RowFinding[] {
  const isFew = extras.length * contract.inputs.length <= SUGGESTIONS_COMPARED_MAX
  const known = isFew ? contract : { ...contract, inputs: [] }
  return extras.map(({ name, read, told }) => {
    const value = read(0)
    return extraMember(known, name, told === undefined ? value : told(value))
  })
}

function valueIn({ columns }: TableBatch, name: string, row: number): unknown {
  return columns.find((column) => column?.name === name)?.read(row)
}
