/**
 * What a body is, by Content-Type, and what the answer shall be, by Accept (RFC 9110 sections 8.3 and 12.5.1). The answer
 * mirrors the request unless Accept asks for another form.
 */
import { PenstockError } from '../../base/errors.js'
import { describeValue } from '../../base/expect.js'
import type { MetricsForm } from '../../metrics/metrics.js'
import { JSON_TYPE } from './replies.js'

export const PENSTOCK_TYPE = 'application/x-penstock'
export const SPLIT_TYPE = 'application/json; format=pandas-split'
export const RECORDS_TYPE = 'application/json; format=pandas-records'
export const ARROW_FILE_TYPE = 'application/vnd.apache.arrow.file'
export const ARROW_STREAM_TYPE = 'application/vnd.apache.arrow.stream'
export const CSV_TYPE = 'text/csv'
export const LINES_TYPE = 'application/x-ndjson'
export const PARQUET_TYPE = 'application/vnd.apache.parquet'
export const NPY_TYPE = 'application/x-npy'
/** columns and records are JSON, lines a record a line; penstock is one FlatBuffers message. */
export type AnswerForm =
  'columns' | 'records' | 'lines' | 'penstock' | 'arrow-file' | 'arrow-stream' | 'csv' | 'parquet' | 'npy'
export type InferBodyKind = 'json' | 'records' | 'split' | 'lines' | 'penstock' | 'arrow' | 'csv' | 'parquet' | 'npy'

const inferTypes = `${JSON_TYPE}, ${RECORDS_TYPE}, ${SPLIT_TYPE}, ${LINES_TYPE}, ${CSV_TYPE}, ${ARROW_FILE_TYPE}, ${ARROW_STREAM_TYPE}, ${PARQUET_TYPE}, ${NPY_TYPE} or ${PENSTOCK_TYPE}`

/** What rows of named values come as: JSON, or a table with a column a field. */
export type RowsBodyKind = 'json' | 'lines' | 'arrow' | 'csv' | 'parquet'
const rowsTypes = `${JSON_TYPE}, ${LINES_TYPE}, ${CSV_TYPE}, ${ARROW_FILE_TYPE}, ${ARROW_STREAM_TYPE} or ${PARQUET_TYPE}`

/** The forms of one name; what JSON is, its parameter and the request say. */
const formByName: ReadonlyMap<string, Exclude<AnswerForm, 'columns' | 'records'>> = new Map([
  [PENSTOCK_TYPE, 'penstock'],
  [ARROW_FILE_TYPE, 'arrow-file'],
  [ARROW_STREAM_TYPE, 'arrow-stream'],
  [CSV_TYPE, 'csv'],
  [LINES_TYPE, 'lines'],
  ['application/ndjson', 'lines'],
  ['application/jsonl', 'lines'],
  [PARQUET_TYPE, 'parquet'],
  [NPY_TYPE, 'npy'],
])

interface MediaType {
  readonly name: string
  readonly format: string
  readonly encoding: string
  readonly quality: number
}

/** @throws PenstockError ERR_CONTENT_TYPE naming the types that an infer endpoint reads. */
export function inferBodyKind(contentType: string): InferBodyKind {
  const { name, format } = parseMediaType(contentType)
  // Clients are seen that send the value twice in one header; what begins like the format is the format.
  if (name === JSON_TYPE && format.startsWith('pandas-split')) return 'split'
  if (name === JSON_TYPE) return format.startsWith('pandas-records') ? 'records' : 'json'
  const kind = formByName.get(name)
  // The bytes themselves show which of Arrow's two they are.
  if (kind !== undefined) return kind === 'arrow-file' || kind === 'arrow-stream' ? 'arrow' : kind
  throw contentTypeError(contentType, inferTypes)
}

/** What rows of named values are sent as. @throws PenstockError ERR_CONTENT_TYPE with the way out. */
export function rowsBodyKind(contentType: string): RowsBodyKind {
  const { name, format } = parseMediaType(contentType)
  if (name === JSON_TYPE && !format.startsWith('pandas-split')) return 'json'
  const form = formByName.get(name)
  if (form === 'lines' || form === 'csv' || form === 'parquet') return form
  if (form === 'arrow-file' || form === 'arrow-stream') return 'arrow'
  const wayOut = 'Send rows as JSON objects or as a table; tensors go to /v1/pipelines/{pipeline}/infer'
  const error = contentTypeError(contentType, rowsTypes)
  throw new PenstockError('ERR_CONTENT_TYPE', `${error.message}. ${wayOut}`)
}

/** @param accept the header, '' when absent. @throws PenstockError ERR_NOT_ACCEPTABLE unless JSON is among what it names. */
export function expectJsonAccepted(accept: string): void {
  const wanted = accept.split(',').map(parseMediaType)
  const names: readonly string[] = [JSON_TYPE, 'application/*', '*/*', '']
  if (wanted.some(({ name, quality }) => quality > 0 && names.includes(name))) return
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected accept to name ${JSON_TYPE} but received ${accept.slice(0, 200)}`,
  )
}

/** Packed bytes would be refused for what they look like, and an encoding that is none would pass unseen. */
export function expectUnpacked(encoding: string): void {
  if (encoding === '' || encoding.trim().toLowerCase() === 'identity') return
  const rule = 'Expected content-encoding to be identity, or absent,'
  throw new PenstockError(
    'ERR_CONTENT_TYPE',
    `${rule} but received ${describeValue(encoding)}. Send the body unpacked; Open Inference (/v2) takes gzip and deflate`,
  )
}

/** @throws PenstockError ERR_CONTENT_TYPE */
export function expectJsonBody(contentType: string): void {
  if (parseMediaType(contentType).name !== JSON_TYPE) throw contentTypeError(contentType, JSON_TYPE)
}

/**
 * @param accept the header, '' when absent.
 * @param mirror the form of the request.
 * @throws PenstockError ERR_NOT_ACCEPTABLE
 */
export function answerForm(accept: string, mirror: AnswerForm): AnswerForm {
  if (accept === '' || accept === '*/*') return mirror
  const wanted = accept
    .split(',')
    .map(parseMediaType)
    .filter((type) => type.quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { name, format } of wanted) {
    if (name === '*/*' || name === 'application/*') return mirror
    const form = formByName.get(name)
    if (form !== undefined) return form
    if (name !== JSON_TYPE) continue
    return format.startsWith('pandas-') || rowForms.includes(mirror) ? 'records' : 'columns'
  }
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected accept to name ${inferTypes} but received ${accept.slice(0, 200)}`,
  )
}

/** A caller that sends rows gets rows, also in JSON. */
const rowForms: readonly AnswerForm[] = ['records', 'lines', 'csv']

const metricsForms: readonly (readonly [string, MetricsForm])[] = [
  ['text/plain', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/vnd.google.protobuf', 'protobuf'],
]
export const METRICS_TYPES: readonly string[] = metricsForms.map(([name]) => name)

/** The form of the metrics that the caller prefers; text for who names none of them. Of protobuf: delimited messages. */
export function metricsForm(accept: string): MetricsForm {
  const wanted = accept
    .split(',')
    .map(parseMediaType)
    .filter(({ quality, encoding }) => quality > 0 && (encoding === '' || encoding === 'delimited'))
    .sort((a, b) => b.quality - a.quality)
  for (const { name } of wanted) {
    const known = metricsForms.find(([type]) => type === name)
    if (known !== undefined) return known[1]
    if (name === '*/*' || name === 'text/*') return 'text'
  }
  return 'text'
}

function parseMediaType(text: string): MediaType {
  const [name = '', ...parameters] = text.split(';')
  let format = ''
  let encoding = ''
  let quality = 1
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.split('=', 2).map((part) => part.trim().toLowerCase())
    if (key === 'format') format = value.replaceAll('"', '')
    if (key === 'encoding') encoding = value
    if (key === 'q' && Number(value) >= 0 && value !== '') quality = Number(value)
  }
  return { name: name.trim().toLowerCase(), format, encoding, quality }
}

function contentTypeError(received: string, expected: string): PenstockError {
  const value = received === '' ? 'none' : received.slice(0, 200)
  return new PenstockError('ERR_CONTENT_TYPE', `Expected content-type to be ${expected} but received ${value}`)
}
