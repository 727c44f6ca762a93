/**
 * Answers that are tables: Arrow files and streams, and the JSON forms with a dataset or a separator. Loaded with the
 * Arrow library by the first request that asks for one, so that a server that never sees Arrow never pays for it.
 *
 * The columns are chosen before anything runs: a dataset that means nothing costs no inference.
 */
import { PenstockError } from '../../../base/errors.js'
import type { InferResult, PipelineDescription } from '../../../engine/api/api.js'
import { resultBytes } from '../../held-bytes.js'
import { arrowExtras } from '../../../formats/arrow/arrow-extras.js'
import type { CellPrinter } from '../../../formats/cell-text.js'
import type { Column } from '../../../formats/arrow/column-types.js'
import { selectColumns, wantsOtherModels } from '../../../formats/dataset.js'
import { inferColumns, inferTable, type InferContext } from '../../../formats/infer-table.js'
import { jsonColumn } from '../../../formats/json-extras.js'
import { flattenTable, nestTable } from '../../../formats/arrow/nesting.js'
import { writeArrow } from '../../../formats/arrow/write-arrow.js'
import { csvPieces } from '../../../formats/csv/write-csv.js'
import { columnPieces, recordPieces } from '../../../formats/write-records.js'
import type { Tensor } from '../../../tensor/tensor.js'
import { PieceBody, type Piece } from '../../piece-body.js'
import type { HttpReply } from '../../socket/seam.js'
import type { ParsedBody } from './parsed-body.js'
import { JsonReader } from '../../../formats/json/json-reader.js'
import {
  ARROW_FILE_TYPE,
  ARROW_STREAM_TYPE,
  CSV_TYPE,
  LINES_TYPE,
  NPY_TYPE,
  PARQUET_TYPE,
  RECORDS_TYPE,
  type AnswerForm,
} from '../../http/media-types.js'
import { JSON_TYPE } from '../../http/replies.js'
import type { ResultQuery } from './result-query.js'

export interface TableRequest {
  readonly query: ResultQuery
  readonly form: AnswerForm
  readonly parsed: ParsedBody
  readonly request: ParsedBody['request']
  readonly description: PipelineDescription
  /** Cells of columns [n, 1] are lists of one in records. */
  readonly hasLists: boolean
}

export interface TablePlan extends TableRequest {
  readonly extras: readonly Column[]
  /** The answer waits for the models beside the answering one: the dataset names columns of theirs. */
  readonly withOthers: boolean
}

/** @throws PenstockError ERR_ARGUMENT: a dataset that means nothing, or a form that has no columns to choose. */
export function planTable(request: TableRequest): TablePlan {
  const { form, parsed, description } = request
  if (form === 'penstock') {
    throw new PenstockError(
      'ERR_ARGUMENT',
      'Expected no dataset for application/x-penstock, which carries outputs only, but received one. Ask for JSON or Arrow in accept',
    )
  }
  const plan = {
    ...request,
    extras: extrasOf(parsed, description),
    withOthers: wantsOtherModels(request.query.dataset),
  }
  const names = chooseColumns(plan, description)
  if (form === 'npy') expectOneOutput(names)
  return plan
}

/** @throws PenstockError ERR_NOT_ACCEPTABLE: .npy cannot hold what is answered. */
export async function tableReply(
  result: InferResult,
  answered: PipelineDescription,
  plan: TablePlan,
  { timeMs, partition }: { readonly timeMs: number; readonly partition: string },
): Promise<HttpReply> {
  const { form, query, parsed, hasLists } = plan
  const names = chooseColumns(plan, answered)
  const heldBytes = resultBytes(result)
  if (form === 'npy') {
    const name = expectOneOutput(names)
    const { writeNpy } = await import('../../../formats/npy.js')
    return { status: 200, contentType: NPY_TYPE, body: writeNpy(result.outputs[name] as Tensor, name) }
  }
  const context = { ...contextOf(plan, answered, result.others ?? {}), timeMs, partition }
  const table = inferTable(result, context, names)
  if (form === 'csv') return piecesReply(CSV_TYPE, csvPieces(table, { separator: query.separator ?? '.' }), heldBytes)
  if (form === 'parquet') {
    const { writeParquet } = await import('../../../formats/parquet.js')
    const body = await writeParquet(flattenTable(table, query.separator ?? '.'))
    return { status: 200, contentType: PARQUET_TYPE, body }
  }
  if (form === 'arrow-file' || form === 'arrow-stream') {
    const shown = query.separator === null ? nestTable(table) : flattenTable(table, query.separator)
    const isFile = form === 'arrow-file'
    return {
      status: 200,
      contentType: isFile ? ARROW_FILE_TYPE : ARROW_STREAM_TYPE,
      body: writeArrow(shown, isFile ? 'file' : 'stream'),
    }
  }
  const printers = parsed.echoes === null ? undefined : echoPrinters(parsed.echoes)
  const options = { separator: query.separator, hasLists, ...(printers === undefined ? {} : { printers }) }
  if (form === 'lines') return piecesReply(LINES_TYPE, recordPieces(table, { ...options, isLines: true }), heldBytes)
  if (form === 'records') return piecesReply(RECORDS_TYPE, recordPieces(table, options), heldBytes)
  return piecesReply(JSON_TYPE, columnPieces(table, { ...options, hasLists: true }), heldBytes)
}

function piecesReply(contentType: string, pieces: Iterable<Piece>, heldBytes: number): HttpReply {
  return { status: 200, contentType, body: PieceBody.from(pieces, heldBytes) }
}

function chooseColumns(plan: TablePlan, description: PipelineDescription): string[] {
  const { names, hidden } = inferColumns(contextOf(plan, description, {}))
  const { form } = plan
  if (form === 'npy' && !plan.query.isGiven) return names.filter((name) => name.startsWith('out.'))
  // In files each row would repeat the metadata.
  return selectColumns(names, { ...plan.query, base: form === 'csv' || form === 'parquet' ? 'default' : 'all', hidden })
}

/** @returns its name without `out.` */
function expectOneOutput(names: readonly string[]): string {
  const [name = '', ...others] = names
  if (others.length === 0 && name.startsWith('out.') && name !== 'out._model_split') return name.slice('out.'.length)
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected one output for ${NPY_TYPE} but received ${names.join(', ')}. Choose one (?dataset=out.<name>), or ask for JSON, CSV, Arrow or Parquet in accept`,
  )
}

function contextOf(
  { form, parsed, request, extras, withOthers }: TablePlan,
  description: PipelineDescription,
  tensors: NonNullable<InferResult['others']>,
): Omit<InferContext, 'timeMs' | 'partition'> {
  return {
    pipeline: description,
    inputs: parsed.request.inputs,
    extras,
    hasTiming: request.timing === true,
    hasCache: description.definition.cache !== undefined,
    others: withOthers ? description.others.map((model) => ({ ...model, tensors: tensors[model.label] ?? null })) : [],
    isArrow: form === 'arrow-file' || form === 'arrow-stream' || form === 'parquet',
  }
}

/** The columns that were sent and are no inputs. */
function extrasOf({ echoes, arrow }: ParsedBody, { inputs }: PipelineDescription): Column[] {
  if (arrow !== null) return arrowExtras(arrow.body, arrow.extras)
  if (echoes === null) return []
  const records = echoes.map((echo) => JSON.parse(echo) as Record<string, unknown>)
  const names = new Set(records.flatMap((record) => Object.keys(record)))
  for (const { name } of inputs) names.delete(name)
  return [...names].map((name) =>
    jsonColumn(
      name,
      records.map((record) => record[name]),
    ),
  )
}

/** Prints `in.*` of records as they were written: 64-bit integers keep all digits, 1.50 stays 1.50. */
function echoPrinters(echoes: readonly string[]): ReadonlyMap<string, CellPrinter> {
  const texts = new Map<string, string[]>()
  echoes.forEach((echo, row) => {
    const reader = new JsonReader(Buffer.from(echo))
    reader.readObject((key) => {
      const { position } = reader
      reader.skipValue()
      let column = texts.get(key)
      if (column === undefined) texts.set(key, (column = new Array<string>(echoes.length).fill('null')))
      column[row] = reader.slice(position, reader.position)
    })
  })
  return new Map([...texts].map(([key, column]) => [`in.${key}`, (row: number) => column[row] ?? 'null']))
}
