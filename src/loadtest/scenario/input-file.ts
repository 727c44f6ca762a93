/**
 * Files of inputs: JSON (columns, records, or the golden files of examples/models), NDJSON (a record a line) and CSV with
 * a header. What they have in common is made here: one row a record, by input name; and where the file has outputs, the
 * answers that go with the rows.
 */
import { readFileSync, statSync } from 'node:fs'
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectRecord } from '../../base/expect.js'
import { BENCH_INPUT_FILE_BYTES_MAX } from '../../base/limits/limits.js'
import { CsvReader } from '../../formats/csv/read-csv.js'
import { csvRowsOf } from '../../formats/csv/rows.js'
import { isTensor } from '../../tensor/convert.js'
import { toNested } from '../../tensor/print.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { Tolerance } from './scenario.js'

/** One row by field name, without the row axis. Integers beyond 2^53 are lost: JSON has no others. */
export type Row = Readonly<Record<string, unknown>>

export interface InputRows {
  readonly rows: readonly Row[]
  /** One per row; null when the file has none. */
  readonly answers: readonly Row[] | null
  /** As the file says; null when it does not. */
  readonly tolerance: Tolerance | null
}

/** @throws PenstockError ERR_ARGUMENT naming the file, and the line where there are lines. */
export function readInputFile(path: string, inputs: readonly TensorField[], isNonBatching: boolean): InputRows {
  const text = readText(path)
  const found = /\.csv$/i.test(path)
    ? { rows: readCsv(path, text, inputs, isNonBatching), answers: null, tolerance: null }
    : /\.(ndjson|jsonl)$/i.test(path)
      ? { rows: readLines(path, text), answers: null, tolerance: null }
      : readJson(path, parseJson(path, text), isNonBatching)
  if (found.rows.length === 0) throw argumentError(path, 'a file with at least one row', text.slice(0, 40))
  return found
}

function readText(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > BENCH_INPUT_FILE_BYTES_MAX)
      throw new Error(`it has ${size} bytes, ${BENCH_INPUT_FILE_BYTES_MAX} are allowed`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_ARGUMENT', `Cannot read the inputs of ${path}: ${reason}`, { cause: error })
  }
}

function parseJson(where: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_ARGUMENT', `Expected ${where} to be JSON: ${reason}`, { cause: error })
  }
}

function readLines(path: string, text: string): Row[] {
  return text
    .split('\n')
    .map((line, index) => [line.trim(), `${path}:${index + 1}`] as const)
    .filter(([line]) => line !== '')
    .map(([line, where]) => expectRecord(where, parseJson(where, line)))
}

/** `[record, …]`, `{"<input>": rows}`, `{"inputs": {…}}` or a golden file: `{"inputs": {…}, "outputs": {…}, "tolerance": {…}}`. */
function readJson(path: string, json: unknown, isNonBatching: boolean): InputRows {
  if (Array.isArray(json)) {
    const rows = json.map((record, index) => expectRecord(`${path}: [${index}]`, record))
    return { rows, answers: null, tolerance: null }
  }
  const file = expectRecord(path, json)
  const columns = isRecord(file['inputs']) ? file['inputs'] : file
  const rows = rowsOfColumns(path, columns, isNonBatching)
  if (!isRecord(file['inputs']) || !isRecord(file['outputs'])) return { rows, answers: null, tolerance: null }
  const answers = rowsOfColumns(`${path}: outputs`, file['outputs'], isNonBatching)
  if (answers.length !== rows.length)
    throw argumentError(`${path}: outputs`, `answers of ${rows.length} rows, as "inputs" has`, answers.length)
  return { rows, answers, tolerance: toleranceOf(file['tolerance']) }
}

function toleranceOf(value: unknown): Tolerance | null {
  if (!isRecord(value)) return null
  const { absolute, relative } = value
  return typeof absolute === 'number' && typeof relative === 'number' ? { absolute, relative } : null
}

function rowsOfColumns(where: string, columns: Readonly<Record<string, unknown>>, isNonBatching: boolean): Row[] {
  const entries = Object.entries(columns).map(([name, column]) => [name, nestedOf(column)] as const)
  if (isNonBatching) return [Object.fromEntries(entries)]
  const lists = entries.map(([name, column]) => {
    if (!Array.isArray(column)) throw argumentError(`${where}: ${name}`, 'an array of rows', column)
    return [name, column as unknown[]] as const
  })
  const count = lists[0]?.[1].length ?? 0
  const mismatched = lists.find(([, column]) => column.length !== count)
  if (mismatched !== undefined)
    throw argumentError(`${where}: ${mismatched[0]}`, `${count} rows, as ${lists[0]?.[0]} has`, mismatched[1])
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(lists.map(([name, column]) => [name, column[row]])),
  )
}

/** Tensors as golden files have them, `{dtype, shape, data}`, become nested arrays. */
function nestedOf(column: unknown): unknown {
  if (!isTensor(column)) return column
  const { shape, data } = column
  return nest(Array.from(data as ArrayLike<unknown>), shape)
}

function nest(values: readonly unknown[], shape: readonly number[]): unknown {
  const [first, ...rest] = shape
  if (first === undefined) return values[0]
  if (rest.length === 0) return values
  const width = values.length / first
  return Array.from({ length: first }, (_, index) => nest(values.slice(index * width, (index + 1) * width), rest))
}

/** By the inputs' dtypes; each column is an input, an element of one (`x[3]`), or a feature of the only one. */
function readCsv(path: string, text: string, inputs: readonly TensorField[], isNonBatching: boolean): Row[] {
  const [header = [], ...rows] = csvRowsOf(Buffer.from(text))
  const table = named(path, () =>
    new CsvReader(header, { inputs, isNonBatching, textKeys: [], hashKeys: [] }).read(rows, 2),
  )
  const missing = inputs.find(({ name }) => table.inputs.every((input) => input.name !== name))
  if (missing !== undefined || table.extras.length > 0) {
    const names = inputs.map(({ name }) => name).join(', ')
    throw argumentError(`the header of ${path}`, `columns such as ${names} or ${inputs[0]?.name}[0]`, header.join(','))
  }
  const columns = table.inputs.map(({ name, tensor }) => [name, toNested(tensor) as readonly unknown[]] as const)
  return rows.map((_, row) => Object.fromEntries(columns.map(([name, values]) => [name, values[row]])))
}

/** What is wrong with a file, said with its name. */
function named<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_ARGUMENT', `Cannot read the inputs of ${path}: ${reason}`, { cause: error })
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
