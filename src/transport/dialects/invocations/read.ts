/**
 * Bodies of invocations as the engine takes them: tensors by the inputs of a pipeline, or rows by the names of its contract.
 * A pipeline with a contract is asked by names alone: columns in a wrong order would be other features, and nobody would see it.
 * What is neither input, field nor routing key is refused by its name, for no answer here repeats it.
 */
import { PenstockError } from '../../../base/errors.js'
import { describeValue } from '../../../base/expect.js'
import { CHECKED_BYTES_PER_BODY_BYTE } from '../../../base/limits/contract-limits.js'
import { REQUEST_ROWS_MAX } from '../../../base/limits/limits.js'
import { rowOfCells } from '../../../contract/tables/cells.js'
import type { PredictRow, PredictRows } from '../../../engine/api/api.js'
import type { ArrowRequest } from '../../../formats/bodies/arrow-request.js'
import { csvRowsOf } from '../../../formats/csv/rows.js'
import { readExactValue } from '../../../formats/json/exact-value.js'
import type { JsonReader } from '../../../formats/json/json-reader.js'
import { splitRows } from '../../../formats/bodies/row-source.js'
import {
  routingKeys,
  unknownInput,
  type ColumnsBody,
  type ParsedRequest,
  type RecordsBody,
} from '../../../formats/bodies/signature.js'
import type { Target } from './target.js'

export interface TensorsRead {
  readonly kind: 'tensors'
  readonly request: ParsedRequest
  /** It came as a table, so that its answer is one. */
  readonly isTable: boolean
  /** Memory that was made for it, of which tensors may be views. */
  readonly made: Uint8Array | null
}

export interface RowsRead {
  readonly kind: 'rows'
  readonly rows: PredictRows
}

export type BodyRead = TensorsRead | RowsRead
/** Called with bytes before they are there; throws to refuse. */
export type Hold = (bytes: number) => void

/** @throws PenstockError ERR_UNKNOWN_INPUT: a column that the pipeline does not know. */
export function tensorsRead(body: ColumnsBody | RecordsBody, { description }: Target, isTable: boolean): TensorsRead {
  const [unknown] = body.form === 'records' ? body.others : []
  if (unknown !== undefined) throw unknownInput(unknown, description)
  return { kind: 'tensors', request: body.request, isTable, made: null }
}

/** Rows of JSON as they stand in the body. */
export function jsonRows(bytes: Uint8Array, form: 'json' | 'lines' = 'json'): RowsRead {
  return { kind: 'rows', rows: { form, bytes } }
}

/** pandas' split form, at which the reader stands, as objects by the names of its columns. */
export function rowsOfSplit(reader: JsonReader, hold: Hold): RowsRead {
  const source = splitRows(reader)
  const texts: string[] = []
  source.readAll({
    beginRow: () => expectRoom(texts.length),
    cell: () => reader.skipValue(),
    endRow: (text) => {
      const row = text()
      hold(row.length)
      texts.push(row)
    },
  })
  return jsonRows(Buffer.from(`[${texts.join(',')}]`))
}

/** `{"age":[1,2],"sex":["f","m"]}`, at which the reader stands, as rows. @throws PenstockError ERR_BODY, ERR_SHAPE. */
export function rowsOfColumns(reader: JsonReader, hold: Hold): RowsRead {
  const start = reader.position
  const columns = readExactValue(reader) as Record<string, unknown>
  hold((reader.position - start) * CHECKED_BYTES_PER_BODY_BYTE)
  const names = Object.keys(columns)
  const [first = ''] = names
  const rowsOf = (name: string): number => {
    const column = columns[name]
    if (Array.isArray(column)) return column.length
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected column ${describeValue(name)} to be a list with a value for each row but received ${describeValue(column)}`,
    )
  }
  const rows = names.length === 0 ? 0 : rowsOf(first)
  expectRoom(rows - 1)
  const uneven = names.find((name) => rowsOf(name) !== rows)
  if (uneven !== undefined)
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected column ${describeValue(uneven)} to have ${rows} values, as ${describeValue(first)} has, but received ${rowsOf(uneven)}`,
    )
  return { kind: 'rows', rows: Array.from({ length: rows }, (_, row) => rowAt(columns, names, row)) }
}

function rowAt(columns: Readonly<Record<string, unknown>>, names: readonly string[], row: number): PredictRow {
  return Object.fromEntries(names.map((name) => [name, (columns[name] as readonly unknown[])[row]]))
}

/** @throws PenstockError ERR_TOO_MANY_ROWS when `row` is the index of one beyond the limit. */
function expectRoom(row: number): void {
  if (row < REQUEST_ROWS_MAX) return
  throw new PenstockError(
    'ERR_TOO_MANY_ROWS',
    `Expected the request to have at most ${REQUEST_ROWS_MAX} rows but received more. Split it into smaller requests`,
  )
}

/** Bytes that a byte of CSV takes as cells, rows of objects, and checked columns. */
const cellCost = 16 + CHECKED_BYTES_PER_BODY_BYTE

/** @param bytes CSV with a header. @throws PenstockError ERR_BODY and whatever the columns are refused with. */
export async function readCsv(bytes: Buffer, target: Target, hold: Hold): Promise<BodyRead> {
  const { description, contract } = target
  if (contract !== null) {
    hold(cellCost * bytes.length)
    return { kind: 'rows', rows: [...contractRows(bytes, contract.contract)] }
  }
  const { parseCsvBody } = await import('../../../formats/bodies/file-bodies.js')
  return tableRead(await parseCsvBody(bytes, description, hold), target)
}

/** @throws PenstockError ERR_UNSUPPORTED: a pipeline with a contract; and whatever the columns are refused with. */
export async function readParquet(bytes: Buffer, target: Target, hold: Hold): Promise<TensorsRead> {
  const { pipeline, description, contract } = target
  if (contract !== null)
    throw new PenstockError(
      'ERR_UNSUPPORTED',
      `Expected rows as JSON or CSV, for pipeline ${pipeline} names the contract ${contract.reference}, but received Parquet. Send dataframe_split`,
    )
  const { parseParquetBody } = await import('../../../formats/bodies/file-bodies.js')
  return tableRead(await parseParquetBody(bytes, description, hold), target)
}

function tableRead({ request, extras, body, made }: ArrowRequest, { description }: Target): TensorsRead {
  const keys = routingKeys(description)
  const unknown = extras.map((index) => body.fields[index]?.name ?? '').find((name) => !keys.has(name))
  if (unknown !== undefined) throw unknownInput(unknown, description)
  return { kind: 'tensors', request, isTable: true, made: made ?? null }
}

function* contractRows(bytes: Buffer, contract: Parameters<typeof rowOfCells>[0]): Generator<PredictRow> {
  let header: readonly string[] | null = null
  let row = 0
  for (const cells of csvRowsOf(bytes)) {
    if (header === null) {
      header = expectDistinct(cells)
      continue
    }
    expectRoom(row++)
    const names = header
    if (cells.length !== names.length)
      throw new PenstockError(
        'ERR_BODY',
        `Expected ${names.length} cells in each row, as the header has, but row ${row + 1} has ${cells.length}`,
      )
    yield rowOfCells(contract, Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])))
  }
  if (header === null)
    throw new PenstockError('ERR_BODY', 'Expected CSV with a header, the names of its columns, but received nothing')
}

function expectDistinct(names: readonly string[]): readonly string[] {
  // A set: a header may have as many names as a body has bytes.
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice === undefined) return names
  throw new PenstockError(
    'ERR_BODY',
    `Expected columns with different names but received ${describeValue(twice)} twice`,
  )
}

/** @throws PenstockError ERR_MISSING_INPUT, always: values without names for a pipeline that goes by them. */
export function refuseNameless({ pipeline, contract }: Target, wayOut: string): never {
  const names = contract?.contract.inputs.map(({ name }) => name) ?? []
  const shown = names.slice(0, 12).join(', ')
  throw new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected values by the names of the fields of ${contract?.reference ?? pipeline} (${shown}${names.length > 12 ? ' …' : ''}) but received values alone. ${wayOut}`,
  )
}
