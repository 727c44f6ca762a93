/**
 * A file through a pipeline: cut into bodies, sent a few at a time, answered as Arrow, written in the order of the file.
 * What is in memory does not grow with the file, unless its answers are wanted as one table.
 *
 *   file ─► chunks ─► at most `parallelism` requests ─► tables in order ─► output file, or one table
 */
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Table, tableFromIPC } from 'apache-arrow'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { expectInteger, expectNoOtherKeys } from '../base/expect.js'
import { BODY_BYTES_MAX, DEADLINE_MS_MAX, REQUEST_ROWS_MAX } from '../base/limits/limits.js'
import { csvSignature } from '../formats/bodies/signature.js'
import { formatOf, outputFormatOf } from './formats.js'
import type { Chunk } from './chunk.js'
import { readChunks } from './read-chunks.js'
import type { BodyTarget } from './target.js'
import { writeOutput } from './write-output.js'

export interface InferFileOptions {
  /** json, ndjson, csv, arrow, arrows, parquet, npy; absent: by the file's ending. */
  readonly format?: string | undefined
  /** Where the answers go; absent: they are returned. */
  readonly output?: string | undefined
  readonly outputFormat?: string | undefined
  /** Absent: time, in, out and anomaly. */
  readonly dataset?: readonly string[] | undefined
  readonly datasetExclude?: readonly string[] | undefined
  /** Budget of one request, ms; default 15,000. */
  readonly timeoutMs?: number | undefined
  /** Rows of one request at most; default 16,384. */
  readonly rowsPerRequest?: number | undefined
  /** Requests at a time; default 4. */
  readonly parallelism?: number | undefined
  /** Further tries of a request that was refused with a retryable code; default 3. */
  readonly retries?: number | undefined
  readonly onProgress?: ((progress: FileProgress) => void) | undefined
}

export interface FileProgress {
  /** Rows that are answered. */
  readonly rows: number
  readonly bytesRead: number
  readonly bytesTotal: number
}

export interface InferFileResult {
  readonly rows: number
  /** null when they went to a file. */
  readonly table: Table | null
}

const optionKeys: readonly string[] = [
  'format',
  'output',
  'outputFormat',
  'dataset',
  'datasetExclude',
  'timeoutMs',
  'rowsPerRequest',
  'parallelism',
  'retries',
  'onProgress',
] satisfies (keyof InferFileOptions)[]
const arrowStream = 'application/vnd.apache.arrow.stream'
const defaults = { timeoutMs: 15_000, rowsPerRequest: 16_384, parallelism: 4, retries: 3 }
const parallelismMax = 64
const retriesMax = 100
const retryDelayMs = 100
/** Bytes of a body: a quarter of what the server takes, so that `parallelism` of them stay small. */
const chunkBytesMax = BODY_BYTES_MAX / 4

/**
 * Runs every row of a file.
 * @param target a RemotePipeline, or enginePipeline(engine, name).
 * @throws PenstockError ERR_ARGUMENT, ERR_BODY (the file), ERR_STORAGE, and what the pipeline answers. No output is left then.
 * @example await inferFile(new RemotePipeline(url, 'fraud'), 'rows.parquet', { output: 'answers.csv' })
 */
export async function inferFile(
  target: BodyTarget,
  path: string,
  options: InferFileOptions = {},
): Promise<InferFileResult> {
  const { output } = options
  const outputFormat = output === undefined ? null : outputFormatOf(output, options.outputFormat)
  let rows = 0
  const counted = async function* (): AsyncGenerator<Table> {
    for await (const table of inferFileTables(target, path, options)) {
      rows += table.numRows
      yield table
    }
  }
  if (output !== undefined && outputFormat !== null) {
    await writeOutput(output, outputFormat, counted())
    return { rows, table: null }
  }
  const tables: Table[] = []
  for await (const table of counted()) tables.push(table)
  return { rows, table: new Table(tables.flatMap((table) => table.batches)) }
}

/** The answers of a file as flat tables, in its order, as they come. @throws as inferFile. */
export async function* inferFileTables(
  target: BodyTarget,
  path: string,
  options: InferFileOptions,
): AsyncGenerator<Table> {
  expectNoOtherKeys('options', options as Record<string, unknown>, optionKeys)
  const settings = settingsOf(options)
  const format = formatOf(path, options.format)
  const sizes = { rowsMax: settings.rowsPerRequest, bytesMax: chunkBytesMax }
  const signature = format === 'csv' ? csvSignature(await target.signature()) : null
  const chunks = readChunks(path, format, sizes, signature)
  const bytesTotal = await sizeOf(path)
  let rows = 0
  for await (const { chunk, table } of answersOf(target, chunks, options, settings)) {
    rows += chunk.rows
    options.onProgress?.({ rows, bytesRead: Math.min(chunk.bytesRead, bytesTotal), bytesTotal })
    yield table
  }
}

type Settings = typeof defaults

function settingsOf(options: InferFileOptions): Settings {
  const integer = (name: keyof Settings, max: number, min = 1): number =>
    expectInteger(name, options[name] ?? defaults[name], min, max)
  return {
    timeoutMs: integer('timeoutMs', DEADLINE_MS_MAX),
    rowsPerRequest: integer('rowsPerRequest', REQUEST_ROWS_MAX),
    parallelism: integer('parallelism', parallelismMax),
    retries: integer('retries', retriesMax, 0),
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_STORAGE', `Cannot read ${path}: ${reason}`, { cause: error })
  }
}

interface Answer {
  readonly chunk: Chunk
  readonly table: Table
}

/** Several requests at a time; answers in the order of the file. */
async function* answersOf(
  target: BodyTarget,
  chunks: AsyncIterable<Chunk>,
  options: InferFileOptions,
  settings: Settings,
): AsyncGenerator<Answer> {
  const query = new URLSearchParams({ dataset_separator: '.' })
  for (const entry of options.dataset ?? ['*']) query.append('dataset[]', entry)
  for (const entry of options.datasetExclude ?? []) query.append('dataset.exclude[]', entry)
  const underWay: Promise<Answer>[] = []
  try {
    for await (const chunk of chunks) {
      const pending = answerOf(target, chunk, query, settings)
      // Awaited in its turn; what fails before that is no unhandled rejection.
      pending.catch(() => undefined)
      underWay.push(pending)
      if (underWay.length >= settings.parallelism) yield await (underWay.shift() as Promise<Answer>)
    }
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) yield await next
  } finally {
    await Promise.allSettled(underWay)
  }
}

async function answerOf(target: BodyTarget, chunk: Chunk, query: URLSearchParams, settings: Settings): Promise<Answer> {
  const { contentType, body } = chunk
  for (let attempt = 0; ; attempt++) {
    try {
      const bytes = await target.inferBody({
        contentType,
        accept: arrowStream,
        body,
        query,
        timeoutMs: settings.timeoutMs,
      })
      return { chunk, table: tableFromIPC(bytes) }
    } catch (error) {
      if (!isPenstockError(error) || !error.retryable || attempt >= settings.retries) throw error
      await sleep(error.retryAfterMs ?? retryDelayMs * 2 ** attempt)
    }
  }
}
