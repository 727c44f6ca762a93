/**
 * An endpoint of SageMaker: `POST /endpoints/{name}/invocations`, signed by AWS Signature Version 4 at each attempt, for a
 * signature is good for a few minutes. What containers read and answer is theirs to say; the three forms here are those of
 * the built-in algorithms (CSV), of TensorFlow Serving and its like (instances), and of MLflow's images (dataframe_split).
 */
import { AwsV4Signer } from 'aws4fetch'
import type { Clock } from '../../base/clock.js'
import type { JsonValue } from '../../formats/json/json-reader.js'
import type { RemoteSageMakerStep } from '../../pipeline/remote-step.js'
import { readAnswer } from '../columns/answer-json.js'
import { columnOfValues, Unfit, type AnswerColumn } from '../columns/read-columns.js'
import type { Columns, RowRange } from '../columns/write-columns.js'
import type { RemoteAnswer, RemoteRequest } from '../connection.js'
import type { RemoteKind, SentColumn } from './kind.js'
import { below } from './mlflow.js'
import { columnsOfAnswer } from './named-answers.js'
import { csvLines, rowLists, splitTable } from './tables.js'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
}

/** Where SageMaker itself answers. */
export function sageMakerUrl(region: string): URL {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return new URL(`https://runtime.sagemaker.${region}.${domain}`)
}

export function sageMakerKind(
  step: RemoteSageMakerStep,
  url: URL,
  sent: readonly SentColumn[],
  { credentials, clock }: { readonly credentials: AwsCredentials; readonly clock: Clock },
): RemoteKind {
  const { format = 'csv', targetModel } = step
  const body = bodies[format]
  const headers = {
    'content-type': format === 'csv' ? 'text/csv' : 'application/json',
    accept: format === 'csv' ? 'text/csv, application/json' : 'application/json',
    ...(targetModel === undefined ? {} : { 'x-amzn-sagemaker-target-model': targetModel }),
  }
  return {
    url: below(url, `/endpoints/${encodeURIComponent(step.endpoint)}/invocations`),
    request: (columns, range) => ({ headers, body: Buffer.from(body(sent, columns, range)) }),
    sign: (request) => signed(request, url, step.region, credentials, clock),
    answer: (answer, outputs, rows) =>
      /^text\/csv\b/i.test(answer.header('content-type'))
        ? columnsOfCsv(answer, outputs, rows)
        : columnsOfAnswer(readAnswer(answer.body), outputs, rows),
  }
}

type WriteBody = (sent: readonly SentColumn[], columns: Columns, range: RowRange) => string

const bodies: Readonly<Record<NonNullable<RemoteSageMakerStep['format']>, WriteBody>> = {
  csv: csvLines,
  instances: (sent, columns, range) => `{"instances":${rowLists(sent, columns, range)}}`,
  dataframe_split: (sent, columns, range) => `{"dataframe_split":${splitTable(sent, columns, range)}}`,
}

async function signed(
  request: RemoteRequest,
  url: URL,
  region: string,
  credentials: AwsCredentials,
  clock: Clock,
): Promise<RemoteRequest> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const datetime = new Date(clock.nowMs()).toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
  const signer = new AwsV4Signer({
    method: request.method,
    url: url.origin + request.path,
    headers: request.headers,
    body: request.body,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === null ? {} : { sessionToken }),
    service: 'sagemaker',
    region,
    datetime,
  })
  const { headers } = await signer.sign()
  return { ...request, headers: Object.fromEntries(headers) }
}

/** A line a row, a cell an output; one output of several elements takes all cells of its line. */
function columnsOfCsv({ body }: RemoteAnswer, outputs: readonly AnswerColumn[], rows: number): Columns {
  const text = body.toString('utf8').replace(/\r?\n$/, '')
  // The built-in regressors answer the numbers of all rows in one line.
  const separator = !/\n/.test(text) && rows > 1 ? /,/ : /\r?\n/
  const lines = text.split(separator).map((line) => splitCells(line))
  if (lines.length !== rows) throw new Unfit(`it has ${lines.length} lines and not ${rows}`)
  const [only] = outputs
  if (outputs.length === 1 && only !== undefined && only.shape.length > 0) {
    if (only.shape.length > 1) throw new Unfit(`CSV has no rows of the ${only.shape.length} dims that ${only.name} has`)
    return {
      [only.name]: columnOfValues(
        only,
        lines.map((cells) => cells.map((cell) => valueOf(cell, only))),
        rows,
      ),
    }
  }
  return Object.fromEntries(
    outputs.map((output, place) => {
      const values = lines.map((cells, row) => {
        if (cells.length !== outputs.length)
          throw new Unfit(`line ${row} has ${cells.length} cells and not the ${outputs.length} outputs of the step`)
        return valueOf(cells[place] as string, output)
      })
      return [output.name, columnOfValues(output, values, rows)] as const
    }),
  )
}

/** Cells of one line; quotes are taken off. A line end inside quotes is not read: no container answers one. */
function splitCells(line: string): string[] {
  const cells = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? []
  // The last match is the empty one at the end of the line.
  return cells.slice(0, line.endsWith(',') || cells.at(-1) !== '' ? undefined : -1).map((cell) => {
    const bare = cell.replace(/,$/, '')
    return bare.startsWith('"') ? bare.slice(1, -1).replaceAll('""', '"') : bare.trim()
  })
}

/** The value of a text in CSV, or in JSON where numbers stand in quotes. */
export function valueOf(text: string, { dtype }: Pick<AnswerColumn, 'dtype'>): JsonValue {
  if (dtype === 'string') return text
  if (text === '' || /^nan$/i.test(text)) return null
  if (dtype === 'bool') return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : numberOf(text)
  return dtype === 'int64' || dtype === 'uint64' ? text : numberOf(text)
}

/** A text that is no number stays one, for the check of the column to name it. */
function numberOf(text: string): JsonValue {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}
