/**
 * The log over HTTP: pages with cursors in headers, exports into a directory of the server's own, SQL. All work is done
 * on the log's threads; here a query string becomes a query and a page an answer.
 */
import { join } from 'node:path'
import { PenstockError } from '../../../base/errors.js'
import {
  argumentError,
  expectArray,
  expectBoolean,
  expectInteger,
  expectNoOtherKeys,
  expectOneOf,
  expectRecord,
  expectString,
} from '../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX } from '../../../base/limits/limits.js'
import type { LogExport, LogFormat, LogQuery } from '../../../engine/api/logs.js'
import { ADMIN, READ } from '../../access/scopes.js'
import type { HttpReply } from '../../socket/seam.js'
import { readJson } from '../../../formats/json/json-reader.js'
import { answerForm, ARROW_FILE_TYPE, ARROW_STREAM_TYPE, expectJsonBody } from '../../http/media-types.js'
import { JSON_TYPE, jsonReply } from '../../http/replies.js'
import { readResultQuery, resultQueryDocument } from './result-query.js'
import { parameter, type Call, type Route } from '../../http/route.js'

const arrowTypes = { [ARROW_FILE_TYPE]: null, [ARROW_STREAM_TYPE]: null }
const typeOf: Readonly<Record<LogFormat, string>> = {
  records: JSON_TYPE,
  'arrow-file': ARROW_FILE_TYPE,
  'arrow-stream': ARROW_STREAM_TYPE,
}
const STATUS_HEADER = 'x-iteration-status'
const CURSOR_HEADER = 'x-iteration-cursor'
const WARNING_HEADER = 'x-iteration-warning'

export const logRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/logs',
    access: READ,
    document: {
      summary: `Logged rows, newest first, or by time with both dates; ${STATUS_HEADER} says why the page ends, ${CURSOR_HEADER} where to go on`,
      query: [
        { name: 'limit', description: 'Rows, 100 by default; a page has 1000 rows or 10 MB at most' },
        { name: 'start', description: 'ISO 8601; only with end: rows that arrived then or later' },
        { name: 'end', description: 'ISO 8601; only with start: rows that arrived before' },
        { name: 'order', description: 'asc or desc; default desc, with both dates asc' },
        { name: 'valid', description: 'true: rows on which no check failed; false: the others' },
        { name: 'cursor', description: `${CURSOR_HEADER} of the page before` },
        { name: 'follow', description: 'true: a cursor at the end of the log as well; with order=asc' },
        ...resultQueryDocument,
      ],
      responses: {
        200: { description: 'Records, or Arrow as accept asks', content: { [JSON_TYPE]: 'LogRecords', ...arrowTypes } },
      },
    },
    handle: readLogs,
  },
  {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/logs/export',
    access: ADMIN,
    control: 'log.export',
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: "Writes logged rows to files below the server's export directory",
      request: { [JSON_TYPE]: 'LogExport' },
      isRequestOptional: true,
      responses: { 200: { description: 'The files', content: { [JSON_TYPE]: 'LogExportAnswer' } } },
    },
    handle: exportLogs,
  },
  {
    method: 'POST',
    path: '/v1/logs/query',
    access: READ,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: 'One SELECT over the logs, each pipeline a table of its name',
      request: { [JSON_TYPE]: 'LogSql' },
      responses: {
        200: {
          description: 'Records, or Arrow as accept asks',
          content: { [JSON_TYPE]: 'LogSqlAnswer', ...arrowTypes },
        },
      },
    },
    handle: queryLogs,
  },
]

async function readLogs(call: Call): Promise<HttpReply> {
  const format = formatOf(call)
  const page = await call.context.engine.readLogs(parameter(call, 0), { ...pageQuery(call.query), format })
  return {
    status: 200,
    contentType: typeOf[format],
    headers: [
      [STATUS_HEADER, page.status],
      ...(page.cursor === null ? [] : [[CURSOR_HEADER, page.cursor] as const]),
      ...page.warnings.map((warning) => [WARNING_HEADER, warning] as const),
    ],
    body: page.body,
  }
}

/** @throws PenstockError ERR_ARGUMENT */
export function pageQuery(query: URLSearchParams): LogQuery {
  const { dataset, datasetExclude, separator } = readResultQuery(query)
  const text = (name: string): string | undefined => query.get(name) ?? undefined
  const flag = (name: string): boolean | undefined => {
    const value = text(name)
    return value === undefined ? undefined : expectOneOf(name, value, ['true', 'false']) === 'true'
  }
  const limit = text('limit')
  const order = text('order')?.toLowerCase()
  return {
    limit: limit === undefined ? undefined : expectInteger('limit', Number(limit), 1, Number.MAX_SAFE_INTEGER),
    start: text('start'),
    end: text('end'),
    order: order === undefined ? undefined : expectOneOf('order', order, ['asc', 'desc']),
    valid: flag('valid'),
    cursor: text('cursor'),
    follow: flag('follow'),
    dataset,
    datasetExclude,
    datasetSeparator: separator ?? undefined,
  }
}

async function exportLogs(call: Call): Promise<HttpReply> {
  const { engine, exportPath } = call.context
  if (exportPath === null)
    throw new PenstockError('ERR_CONFLICT', 'This server has no export directory. Start it with the option exportPath')
  const { directory, ...options } = readExport(call)
  const result = await engine.exportLogs(parameter(call, 0), { ...options, directory: join(exportPath, directory) })
  const files = result.files.map(({ path, rows, sizeBytes }) => ({ path, rows, size_bytes: sizeBytes }))
  return jsonReply({ files, rows: result.rows, warnings: result.warnings })
}

const exportKeys =
  'directory file_prefix data_size_limit format limit start end order valid dataset dataset_exclude dataset_separator'

function readExport(call: Call): LogExport & { directory: string } {
  const body = readBody(call)
  expectNoOtherKeys('the body', body, exportKeys.split(' '))
  const text = (key: string): string | undefined => (body[key] === undefined ? undefined : expectString(key, body[key]))
  const texts = (key: string): string[] | undefined =>
    body[key] === undefined
      ? undefined
      : expectArray(key, body[key]).map((entry) => expectString(`each entry of ${key}`, entry))
  const format = body['format']
  const order = text('order')?.toLowerCase()
  return {
    directory: relativeDirectory(text('directory') ?? ''),
    filePrefix: text('file_prefix'),
    dataSizeLimit: text('data_size_limit'),
    format: format === undefined ? undefined : expectOneOf('format', format, ['json', 'arrow', 'parquet', 'csv']),
    limit: body['limit'] === undefined ? undefined : expectInteger('limit', body['limit'], 1, Number.MAX_SAFE_INTEGER),
    start: text('start'),
    end: text('end'),
    order: order === undefined ? undefined : expectOneOf('order', order, ['asc', 'desc']),
    valid: body['valid'] === undefined ? undefined : expectBoolean('valid', body['valid']),
    dataset: texts('dataset'),
    datasetExclude: texts('dataset_exclude'),
    datasetSeparator: text('dataset_separator'),
  }
}

/** Callers choose folders below the server's own, and no way out of it. */
function relativeDirectory(directory: string): string {
  const parts = directory.split('/').filter((part) => part !== '' && part !== '.')
  const isInside =
    !directory.startsWith('/') && parts.length <= 8 && parts.every((part) => /^\w[\w. -]{0,127}$/.test(part))
  if (isInside) return parts.join('/')
  throw argumentError(
    'directory',
    'a folder below the export directory, of letters, digits, ., -, _ and blanks',
    directory,
  )
}

async function queryLogs(call: Call): Promise<HttpReply> {
  const body = readBody(call)
  expectNoOtherKeys('the body', body, ['sql', 'timeout_ms', 'memory_bytes_max', 'rows_max'])
  const number = (key: string): number | undefined =>
    body[key] === undefined ? undefined : expectInteger(key, body[key], 1, Number.MAX_SAFE_INTEGER)
  const format = formatOf(call)
  const result = await call.context.engine.queryLogs(expectString('sql', body['sql']), {
    timeoutMs: number('timeout_ms'),
    memoryBytesMax: number('memory_bytes_max'),
    rowsMax: number('rows_max'),
    format,
    signal: call.httpRequest.signal,
  })
  const headers = result.warnings.map((warning) => [WARNING_HEADER, warning] as const)
  if (format !== 'records') return { status: 200, contentType: typeOf[format], headers, body: result.body }
  const head = `{"columns":${JSON.stringify(result.columns)},"warnings":${JSON.stringify(result.warnings)},"records":`
  // As bytes: integers beyond 2^53 must not become numbers on the way.
  return {
    status: 200,
    contentType: JSON_TYPE,
    headers,
    body: Buffer.concat([Buffer.from(head), result.body, Buffer.from('}\n')]),
  }
}

function readBody(call: Call): Record<string, unknown> {
  if (call.body.length === 0) return {}
  expectJsonBody(call.httpRequest.header('content-type'))
  return expectRecord('the body', readJson(call.body))
}

function formatOf(call: Call): LogFormat {
  const form = answerForm(call.httpRequest.header('accept'), 'records')
  if (form === 'arrow-file' || form === 'arrow-stream') return form
  if (form === 'records' || form === 'columns') return 'records'
  throw new PenstockError('ERR_NOT_ACCEPTABLE', `Expected accept to name ${Object.values(typeOf).join(', ')}`)
}
