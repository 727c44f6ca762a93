/**
 * One pipeline of a server over HTTP, for rows in the forms that data comes in: records in, records out; Arrow in, Arrow
 * out, flat, with the columns that are asked for. What streams small requests is PenstockClient; this is for tables, for
 * files (inferFromFile), and for programs that were written against `pipeline.infer`, `async_infer` and `parallel_infer`.
 */
import {
  argumentError,
  expectArray,
  expectInteger,
  expectName,
  expectNoOtherKeys,
  expectRecord,
} from '../../base/expect.js'
import { isPenstockError } from '../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../base/limits/limits.js'
import { systemRandom } from '../../base/random.js'
import type { PipelineDescription } from '../../engine/api/api.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import { backoffDelayMs } from '../connection/backoff.js'
import { ControlCalls } from './calls.js'
import { HttpCaller, type ControlOptions } from './http.js'
import { pipelinePath, queryText } from './paths.js'

export type RecordRow = Readonly<Record<string, unknown>>

export interface TableInferOptions {
  /** Columns and groups; absent: time, in, out and anomaly. */
  readonly dataset?: readonly string[]
  readonly datasetExclude?: readonly string[]
  /** Between group and field; default `.` */
  readonly datasetSeparator?: string
  /** Budget of one request, ms; default 15,000. */
  readonly timeoutMs?: number
  /** Further tries when the server refuses with a retryable code, or cannot be reached; default 0, of parallelInfer 3. */
  readonly retries?: number
}

export type PredictCallOptions = Pick<TableInferOptions, 'timeoutMs' | 'retries'>

export interface ParallelInferOptions extends TableInferOptions {
  /** Requests at a time; default 4. */
  readonly parallelism?: number
}

/** As the infer endpoint takes it; the parameter of `inferBody`. */
interface RemoteBody {
  readonly contentType: string
  readonly accept: string
  readonly body: Uint8Array
  readonly query: URLSearchParams
  readonly timeoutMs: number
}

type PipelineSignature = Pick<PipelineDescription, 'inputs' | 'isNonBatching' | 'steps'>

const ARROW_FILE = 'application/vnd.apache.arrow.file'
const JSON_TYPE = 'application/json'
const RECORDS = 'application/json; format=pandas-records'
const TIMEOUT_MS = 15_000
const PARALLELISM = 4
const PARALLELISM_MAX = 256
const RETRIES = 3
const RETRIES_MAX = 100
const retryDelays = { attemptsMax: Infinity, delayMsMin: 100, delayMsMax: 10_000 }
const inferKeys = [
  'dataset',
  'datasetExclude',
  'datasetSeparator',
  'timeoutMs',
  'retries',
] satisfies (keyof TableInferOptions)[]

export class RemotePipeline {
  readonly name: string
  readonly #http: HttpCaller

  /**
   * @param url `http://host:port` or https; nothing is sent yet.
   * @throws PenstockError ERR_ARGUMENT.
   * @example const fraud = new RemotePipeline('http://127.0.0.1:8080', 'fraud')
   */
  constructor(url: string, name: string, options: ControlOptions = {}) {
    this.name = expectName('name', name)
    this.#http = new HttpCaller(url, options)
  }

  /**
   * Runs rows: an array of records gives records, the bytes of an Arrow file or stream give the bytes of one.
   * @throws PenstockError what the server answers; ERR_DEADLINE_EXCEEDED after `timeoutMs`; ERR_CONNECTION_LOST.
   * @example const [row] = await fraud.infer([{ tensor: values }], { dataset: ['out', 'anomaly'] })
   */
  infer(rows: readonly RecordRow[], options?: TableInferOptions): Promise<RecordRow[]>
  infer(rows: Uint8Array, options?: TableInferOptions): Promise<Uint8Array>
  async infer(
    rows: readonly RecordRow[] | Uint8Array,
    options: TableInferOptions = {},
  ): Promise<RecordRow[] | Uint8Array> {
    expectNoOtherKeys('options', expectRecord('options', options), inferKeys)
    const request = requestOf(rows, options)
    const answer = await withRetries(retriesOf(options, 0), () => this.inferBody(request))
    return rows instanceof Uint8Array ? answer : (JSON.parse(new TextDecoder().decode(answer)) as RecordRow[])
  }

  /**
   * Answers a row, or a list of them, by the names of the pipeline's contract: an object for an object, a list for a list.
   * What was found in a row that is answered all the same stands in its `$problems`; a dropped row has nothing else.
   * A bigint is sent as the integer that it is, a typed array as a list.
   * @throws PenstockError ERR_CONTRACT with each problem as `errors` (isContractError tells); as infer.
   * @example const { quality } = await wine.predict({ alcohol: 10.6, white: true })
   */
  predict(rows: RecordRow, options?: PredictCallOptions): Promise<RecordRow>
  predict(rows: readonly RecordRow[], options?: PredictCallOptions): Promise<RecordRow[]>
  async predict(
    rows: RecordRow | readonly RecordRow[],
    options: PredictCallOptions = {},
  ): Promise<RecordRow | RecordRow[]> {
    expectNoOtherKeys('options', expectRecord('options', options), ['timeoutMs', 'retries'])
    const timeoutMs = expectInteger('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, 1, DEADLINE_MS_MAX)
    const headers = { 'content-type': JSON_TYPE, accept: JSON_TYPE, 'penstock-deadline-ms': String(timeoutMs) }
    const request = { body: new TextEncoder().encode(rowsText(rows)), headers, timeoutMs }
    const path = `/predict/${encodeURIComponent(this.name)}`
    const answer = await withRetries(retriesOf(options, 0), () => this.#http.callBytes('POST', path, request))
    return JSON.parse(new TextDecoder().decode(answer)) as RecordRow | RecordRow[]
  }

  /**
   * Runs many requests, a few at a time, and gives the answers in their order: of records one a request, of Arrow bodies
   * one each. The first error that is not retryable, or outlasts its retries, rejects; nothing more is sent then.
   */
  parallelInfer(items: readonly RecordRow[], options?: ParallelInferOptions): Promise<RecordRow[]>
  parallelInfer(items: readonly Uint8Array[], options?: ParallelInferOptions): Promise<Uint8Array[]>
  async parallelInfer(
    items: readonly (RecordRow | Uint8Array)[],
    { parallelism = PARALLELISM, ...options }: ParallelInferOptions = {},
  ): Promise<unknown[]> {
    expectArray('items', items)
    const senders = Math.min(expectInteger('parallelism', parallelism, 1, PARALLELISM_MAX), items.length)
    const each = { ...options, retries: retriesOf(options, RETRIES) }
    const answers = new Array<unknown>(items.length)
    let next = 0
    let hasFailed = false
    const sender = async (): Promise<void> => {
      while (next < items.length && !hasFailed) {
        const index = next++
        const item = items[index] as RecordRow | Uint8Array
        answers[index] = item instanceof Uint8Array ? await this.infer(item, each) : (await this.infer([item], each))[0]
      }
    }
    await Promise.all(
      Array.from({ length: senders }, () =>
        sender().catch((error: unknown) => {
          hasFailed = true
          throw error
        }),
      ),
    )
    return answers
  }

  /** What the pipeline reads, as it is deployed now; what inferFromFile reads CSV by. @throws PenstockError */
  async signature(): Promise<PipelineSignature> {
    const answer = await new ControlCalls(this.#http).describePipeline(this.name)
    const { inputs, isNonBatching, steps } = readRecord('Description', answer)
    return { inputs, isNonBatching, steps }
  }

  /** Sends a body of the infer endpoint as it is; what inferFromFile calls. */
  async inferBody({ contentType, accept, body, query, timeoutMs }: RemoteBody): Promise<Uint8Array> {
    const path = `${pipelinePath(this.name)}/infer${queryText(query)}`
    const headers = { 'content-type': contentType, accept, 'penstock-deadline-ms': String(timeoutMs) }
    return this.#http.callBytes('POST', path, { body, headers, timeoutMs })
  }
}

async function withRetries<Answer>(retries: number, send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (!isPenstockError(error) || !error.retryable || attempt >= retries) throw error
      const delayMs = error.retryAfterMs ?? backoffDelayMs(retryDelays, attempt, systemRandom)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}

function requestOf(rows: readonly RecordRow[] | Uint8Array, options: TableInferOptions): RemoteBody {
  const { dataset = ['*'], datasetExclude = [], datasetSeparator = '.', timeoutMs = TIMEOUT_MS } = options
  const query = new URLSearchParams({ dataset_separator: datasetSeparator })
  for (const entry of expectArray('dataset', dataset)) query.append('dataset[]', String(entry))
  for (const entry of expectArray('datasetExclude', datasetExclude)) query.append('dataset.exclude[]', String(entry))
  const common = { query, timeoutMs: expectInteger('timeoutMs', timeoutMs, 1, DEADLINE_MS_MAX) }
  if (rows instanceof Uint8Array) return { ...common, contentType: ARROW_FILE, accept: '', body: rows }
  if (!Array.isArray(rows)) throw argumentError('rows', 'an array of records, or the bytes of Arrow', rows)
  return { ...common, contentType: RECORDS, accept: RECORDS, body: new TextEncoder().encode(recordsText(rows)) }
}

/** JSON.stringify with 64-bit integers as texts, and typed arrays as arrays. */
function recordsText(rows: readonly RecordRow[]): string {
  return jsonText(rows, String)
}

/** The same as contracts have it: 64-bit integers are texts beyond 2^53 and numbers below. */
function rowsText(rows: RecordRow | readonly RecordRow[]): string {
  return jsonText(rows, (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)))
}

function jsonText(rows: unknown, ofBigint: (value: bigint) => string | number): string {
  return JSON.stringify(rows, (_, value: unknown) => {
    if (typeof value === 'bigint') return ofBigint(value)
    return ArrayBuffer.isView(value) && !(value instanceof DataView)
      ? Array.from(value as unknown as ArrayLike<unknown>)
      : value
  })
}

function retriesOf({ retries }: TableInferOptions, absent: number): number {
  return expectInteger('retries', retries ?? absent, 0, RETRIES_MAX)
}
