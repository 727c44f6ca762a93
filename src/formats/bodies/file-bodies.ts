/**
 * Bodies that are files: CSV, Parquet and .npy, read as `penstock infer --file` reads them. Loaded, with what it brings along,
 * by the first of them. Each is unpacked within a limit, for a small body may be a large table.
 */
import { type RecordBatch, Table } from 'apache-arrow'
import { PenstockError } from '../../base/errors.js'
import { ARROW_DECODED_BYTES_MAX } from '../../base/limits/limits.js'
import { csvTables, noCsvHeader } from '../csv/csv-table.js'
import { csvError, csvRows } from '../csv/rows.js'
import { npyTensor } from '../npy.js'
import { parquetToArrow } from '../parquet.js'
import { writeArrow } from '../arrow/write-arrow.js'
import { type ArrowRequest, parseArrowBody } from './arrow-request.js'
import { csvSignature, example, type ParsedRequest, type Signature } from './signature.js'

const pieceBytes = 1024 * 1024

/** The cells of a body take so many times its bytes, and its columns besides: a cell is a string of its own. */
const CSV_COST = 8

/** By the signature: each cell as its input's dtype. @throws PenstockError ERR_BODY, and what Arrow bodies are refused with. */
export async function parseCsvBody(
  body: Buffer,
  signature: Signature,
  onSpend?: (bytes: number) => void,
): Promise<ArrowRequest> {
  const { rowsMax } = signature
  onSpend?.(CSV_COST * body.length)
  const batches: RecordBatch[] = []
  let rows = 0
  // Reading stops at the first row that is one too many for a request.
  for await (const table of csvTables(pieces(body), csvSignature(signature), { rowsMax, bytesMax: body.length + 1 })) {
    batches.push(...table.batches)
    rows += table.numRows
    if (rows > rowsMax) break
  }
  const made = writeArrow(new Table(batches), 'stream')
  return { ...parseArrowBody(made, signature, onSpend), made }
}

/** The cells of a body as texts, for who knows by their columns what they are. */
export interface CsvBody {
  readonly header: readonly string[]
  /** Each of as many cells as the header. */
  readonly rows: readonly (readonly string[])[]
  readonly sizeBytes: number
}

/** @throws PenstockError ERR_BODY: no CSV, or rows of other numbers of cells; ERR_TOO_MANY_ROWS. */
export async function readCsvBody(body: Buffer, rowsMax: number, onSpend?: (bytes: number) => void): Promise<CsvBody> {
  onSpend?.(CSV_COST * body.length)
  let header: readonly string[] | null = null
  const rows: string[][] = []
  for await (const cells of csvRows(pieces(body), body.length + 1)) {
    if (header === null) {
      header = cells
      continue
    }
    if (cells.length !== header.length)
      throw csvError(
        `Expected ${header.length} cells in each row, as the header has, but row ${rows.length + 2} has ${cells.length}`,
      )
    if (rows.push(cells) > rowsMax)
      throw new PenstockError(
        'ERR_TOO_MANY_ROWS',
        `Expected at most ${rowsMax} rows but received more. Send them in several requests`,
      )
  }
  if (header === null) throw noCsvHeader()
  return { header, rows, sizeBytes: body.length }
}

/** @throws as Arrow bodies. */
export async function parseParquetBody(
  body: Buffer,
  signature: Signature,
  onSpend?: (bytes: number) => void,
): Promise<ArrowRequest> {
  const made = await parquetToArrow(body, signature.rowsMax, ARROW_DECODED_BYTES_MAX, onSpend)
  return { ...parseArrowBody(made, signature, onSpend), made }
}

/** One array is the one input of a pipeline. @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_DTYPE, ERR_SHAPE, ERR_VALUE_RANGE. */
export function parseNpyBody(body: Buffer, signature: Signature): ParsedRequest {
  const [field, ...others] = signature.inputs
  if (field === undefined || others.length > 0)
    throw new PenstockError(
      'ERR_MISSING_INPUT',
      `Expected a pipeline with one input, for a .npy body has one array, but ${signature.name} has ${signature.inputs.length}. Send ${example(signature)} as JSON or Arrow`,
    )
  const tensor = npyTensor(body, field, signature.isNonBatching)
  const rows = signature.isNonBatching ? 1 : (tensor.shape[0] as number)
  if (rows > signature.rowsMax)
    throw new PenstockError(
      'ERR_TOO_MANY_ROWS',
      `Expected ${field.name} to have at most ${signature.rowsMax} rows but received ${rows}. Send them in several requests`,
    )
  return { inputs: { [field.name]: tensor } }
}

/** Cells become strings, which take more than their text: a piece at a time. */
async function* pieces(body: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < body.length; start += pieceBytes)
    yield await Promise.resolve(body.subarray(start, start + pieceBytes))
}
