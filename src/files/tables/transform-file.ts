/** A table through a transform program: its parts one after the other, the rows that fail left out or the end of it. */
import type { Table } from 'apache-arrow'
import { PenstockError } from '../../base/errors.js'
import {
  elementsOf,
  hasBit,
  packTexts,
  bitsOf,
  type TransformColumn,
  type ColumnTable,
} from '../../transforms/draft/column.js'
import type { RowFailure, Transform } from '../../transforms/program/transform.js'
import { columnsTable } from './write-columns.js'

export interface TransformedRows {
  rows: number
  failedRows: number
  /** The sentence of the first row that failed. */
  firstFailure: string | null
}

/**
 * The tables of the parts. @param told counts while they are made.
 * @param skipsFailed rows that fail are left out; else the first of them is thrown.
 * @throws PenstockError ERR_ARGUMENT: a row failed; what reading the table throws.
 */
export async function* transformedTables(
  transform: Transform,
  table: ColumnTable,
  skipsFailed: boolean,
  told: TransformedRows,
): AsyncGenerator<Table> {
  for await (const part of table.parts()) {
    const { columns, failures, failedRows, rows } = transform.run(part)
    const [first] = failures
    if (first !== undefined) {
      const sentence = failureSentence(first, told.rows)
      if (!skipsFailed)
        throw new PenstockError(
          'ERR_ARGUMENT',
          `${sentence}. Impute or encode it otherwise, or leave such rows out with --skip-failed`,
        )
      told.firstFailure ??= sentence
    }
    told.rows += rows
    if (failedRows === null) {
      yield columnsTable(columns)
      continue
    }
    const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => !hasBit(failedRows, row))
    told.failedRows += rows - kept.length
    yield columnsTable(
      Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, takeRows(column, kept)])),
    )
  }
}

function failureSentence({ message, op, opName, row }: RowFailure, rowsBefore: number): string {
  return `${message}, in row ${rowsBefore + row + 1} (ops[${op}], ${opName})`
}

function takeRows(
  { dtype, shape, data, offsets, validity }: TransformColumn,
  rows: readonly number[],
): TransformColumn {
  const width = elementsOf(shape.slice(1))
  const bits = validity === null ? null : bitsOf(rows.map((row) => hasBit(validity, row)))
  const taken = { dtype, shape: [rows.length, ...shape.slice(1)], validity: bits }
  const elements = rows.flatMap((row) => Array.from({ length: width }, (_, e) => row * width + e))
  if (offsets !== null) {
    const texts = elements.map((e) => (data as Uint8Array).subarray(offsets[e], offsets[e + 1]))
    return { ...taken, ...packTexts(texts) }
  }
  const own = data.slice(0, elements.length) as typeof data
  elements.forEach((e, i) => (own[i] = data[e] as never))
  return { ...taken, data: own, offsets: null }
}
