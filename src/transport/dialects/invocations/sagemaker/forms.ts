/** The media types of SageMaker's containers: what a body is, and what its caller accepts. */
import { PenstockError } from '../../../../base/errors.js'
import { CSV_TYPE, NPY_TYPE } from '../../../http/media-types.js'
import { JSON_TYPE } from '../../../http/replies.js'
import { readBodyType, refuseType } from '../content-type.js'

export const JSON_LINES_TYPE = 'application/jsonlines'
export const SAGEMAKER_TYPES = [CSV_TYPE, JSON_TYPE, JSON_LINES_TYPE, NPY_TYPE] as const

export type Form = 'csv' | 'json' | 'lines' | 'npy'
export interface FormOf {
  readonly form: Form
  /** Whether the first row of CSV names its columns (RFC 4180); null: not said. */
  readonly hasHeader: boolean | null
}

export const contentTypes: Readonly<Record<Form, string>> = {
  csv: CSV_TYPE,
  json: JSON_TYPE,
  lines: JSON_LINES_TYPE,
  npy: NPY_TYPE,
}
const forms: ReadonlyMap<string, Form> = new Map([
  ...Object.entries(contentTypes).map(([form, type]) => [type, form as Form] as const),
  ['application/x-jsonlines', 'lines'],
  ['application/x-ndjson', 'lines'],
])

/** @throws PenstockError ERR_CONTENT_TYPE. */
export function bodyForm(contentType: string): FormOf {
  const { name, parameters } = readBodyType(contentType, ['header'])
  const form = forms.get(name)
  if (form === undefined) refuseType(contentType, SAGEMAKER_TYPES)
  const header = parameters.get('header')
  const isKnown = header === undefined || (form === 'csv' && ['present', 'absent'].includes(header))
  if (isKnown) return { form, hasHeader: header === undefined ? null : header === 'present' }
  throw new PenstockError(
    'ERR_CONTENT_TYPE',
    `Expected the parameter header to be present or absent, and of ${CSV_TYPE}, but received ${contentType.slice(0, 200)}`,
  )
}

/** @param mirror the form of the body, for callers who do not mind. @throws PenstockError ERR_NOT_ACCEPTABLE. */
export function answerForm(accept: string, mirror: Form): FormOf {
  if (accept.trim() === '') return { form: mirror, hasHeader: null }
  const wanted = accept
    .split(',')
    .map(readAccepted)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { name, hasHeader } of wanted) {
    if (name === '*/*' || name === 'application/*') return { form: mirror, hasHeader: null }
    const form = forms.get(name)
    if (form !== undefined) return { form, hasHeader: form === 'csv' && hasHeader }
  }
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected accept to name ${SAGEMAKER_TYPES.join(', ')} but received ${accept.slice(0, 200)}`,
  )
}

function readAccepted(text: string): { readonly name: string; readonly quality: number; readonly hasHeader: boolean } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const valueOf = (key: string): string | undefined =>
    parameters.find((part) => part.startsWith(`${key}=`))?.slice(key.length + 1)
  const quality = Number(valueOf('q') ?? 1)
  return { name, quality: quality >= 0 ? quality : 1, hasHeader: valueOf('header') === 'present' }
}
