/**
 * What a body is, by Content-Type, and what the answer shall be, by Accept (RFC 9110 sections 8.3 and 12.5.1). The answer
 * mirrors the request unless Accept asks for another form.
 */
import { PenstockError } from '../../base/errors.js'
import type { MetricsForm } from '../../metrics/metrics.js'
import { JSON_TYPE } from './replies.js'

export const PENSTOCK_TYPE = 'application/x-penstock'
export const SPLIT_TYPE = 'application/json; format=pandas-split'
export const RECORDS_TYPE = 'application/json; format=pandas-records'
export const ARROW_FILE_TYPE = 'application/vnd.apache.arrow.file'
export const ARROW_STREAM_TYPE = 'application/vnd.apache.arrow.stream'
/** columns and records are JSON; penstock is one FlatBuffers message. */
export type AnswerForm = 'columns' | 'records' | 'penstock' | 'arrow-file' | 'arrow-stream'
export type InferBodyKind = 'json' | 'records' | 'split' | 'penstock' | 'arrow'

const inferTypes = `${JSON_TYPE}, ${RECORDS_TYPE}, ${SPLIT_TYPE}, ${ARROW_FILE_TYPE}, ${ARROW_STREAM_TYPE} or ${PENSTOCK_TYPE}`

interface MediaType {
  readonly name: string
  readonly format: string
  readonly encoding: string
  readonly quality: number
}

/** @throws PenstockError ERR_CONTENT_TYPE naming the types that an infer endpoint reads. */
export function inferBodyKind(contentType: string): InferBodyKind {
  const { name, format } = parseMediaType(contentType)
  if (name === PENSTOCK_TYPE) return 'penstock'
  // Clients are seen that send the value twice in one header; what begins like the format is the format.
  if (name === JSON_TYPE && format.startsWith('pandas-split')) return 'split'
  if (name === JSON_TYPE) return format.startsWith('pandas-records') ? 'records' : 'json'
  // Which of the two the bytes are, they tell themselves.
  if (name === ARROW_FILE_TYPE || name === ARROW_STREAM_TYPE) return 'arrow'
  throw contentTypeError(contentType, inferTypes)
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
    if (name === PENSTOCK_TYPE) return 'penstock'
    if (name === ARROW_FILE_TYPE) return 'arrow-file'
    if (name === ARROW_STREAM_TYPE) return 'arrow-stream'
    if (name !== JSON_TYPE) continue
    if (format.startsWith('pandas-')) return 'records'
    return mirror === 'records' ? 'records' : 'columns'
  }
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected accept to name ${inferTypes} but received ${accept.slice(0, 200)}`,
  )
}

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
