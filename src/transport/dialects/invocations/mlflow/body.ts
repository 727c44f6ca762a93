/**
 * Bodies of MLflow's scoring server, version 2 and 3 of its protocol: a JSON object with exactly one of `dataframe_split`,
 * `dataframe_records`, `instances` and `inputs`, and perhaps `params`; or CSV with a header; or Parquet.
 *
 * MLflow passes over members that it does not know. Here they are refused by name, and so are params, but for the keys that the
 * pipeline routes on or logs: nothing else of a pipeline can be set by a request.
 */
import { PenstockError } from '../../../../base/errors.js'
import { argumentError, describeValue } from '../../../../base/expect.js'
import { closest } from '../../../../base/suggest.js'
import type { Meta, MetaValue } from '../../../../engine/api/api.js'
import { readValues } from '../../../../formats/bodies/foreign-forms.js'
import { parseInferBody } from '../../../../formats/bodies/infer-request.js'
import { arrayOfRecords, splitRows } from '../../../../formats/bodies/row-source.js'
import { readRows } from '../../../../formats/bodies/rows.js'
import { fieldOf, routingKeys, unknownInput } from '../../../../formats/bodies/signature.js'
import { JsonReader, type JsonValue } from '../../../../formats/json/json-reader.js'
import { firstKeyOfNext, kindOfNext, type ValueKind } from '../../../../formats/json/peek.js'
import { CSV_TYPE, PARQUET_TYPE } from '../../../http/media-types.js'
import { JSON_TYPE } from '../../../http/replies.js'
import { readBodyType, refuseType } from '../content-type.js'
import {
  jsonRows,
  readCsv,
  readParquet,
  refuseNameless,
  rowsOfColumns,
  rowsOfSplit,
  tensorsRead,
  type BodyRead,
  type Hold,
} from '../read.js'
import type { Target } from '../target.js'

const FORMS = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const
type Form = (typeof FORMS)[number]
const formRule = `exactly one of ${FORMS.join(', ')}`
const byName = 'Send dataframe_records or dataframe_split'

export interface MlflowBody {
  readonly read: BodyRead
  readonly meta: Meta
}

/** @throws PenstockError ERR_CONTENT_TYPE, ERR_BODY, and whatever the rows are refused with. */
export async function readBody(contentType: string, body: Buffer, target: Target, hold: Hold): Promise<MlflowBody> {
  const { name } = readBodyType(contentType)
  if (name === CSV_TYPE) return { read: await readCsv(body, target, hold), meta: {} }
  if (name === PARQUET_TYPE) return { read: await readParquet(body, target, hold), meta: {} }
  if (name !== JSON_TYPE) refuseType(contentType, [JSON_TYPE, CSV_TYPE, PARQUET_TYPE])
  return readJsonBody(body, target, hold)
}

function readJsonBody(body: Buffer, target: Target, hold: Hold): MlflowBody {
  const reader = new JsonReader(body)
  if (!reader.isAtObject) {
    const received = reader.peek() === -1 ? 'none' : `${kindOfNext(reader) === 'array' ? 'an array' : 'a value'}`
    throw new PenstockError('ERR_BODY', `Expected the body to be an object with ${formRule} but received ${received}`)
  }
  const parts = new Map<Form, Buffer>()
  let params: JsonValue = null
  reader.readObject((key) => {
    if (key === 'params') params = reader.readValue()
    else if (isForm(key)) {
      reader.peek()
      const start = reader.position
      reader.skipValue()
      parts.set(key, body.subarray(start, reader.position))
    } else throw unknownMember(key)
  })
  reader.expectEnd()
  const [part, ...others] = parts
  if (part === undefined || others.length > 0) {
    const received = part === undefined ? 'none' : [...parts.keys()].join(' and ')
    throw new PenstockError('ERR_BODY', `Expected the body to have ${formRule} but received ${received}`)
  }
  const meta = metaOf(params, target)
  return { read: readForm(part[0], new JsonReader(part[1]), target, hold), meta }
}

function isForm(key: string): key is Form {
  return (FORMS as readonly string[]).includes(key)
}

function unknownMember(key: string): PenstockError {
  const near = closest(key, [...FORMS, 'params'])
  const llm = ['messages', 'prompt', 'input'].includes(key)
  const wayOut = llm ? 'No ONNX model takes chats' : near === null ? 'Leave it out' : `Did you mean ${near}?`
  return new PenstockError(
    'ERR_BODY',
    `Expected the members of the body to be ${formRule}, and params, but received ${describeValue(key)}. ${wayOut}`,
  )
}

/** @param reader of the form's value alone. */
function readForm(form: Form, reader: JsonReader, target: Target, hold: Hold): BodyRead {
  const kind = kindOfNext(reader)
  if (form === 'dataframe_split') {
    expectKind(form, kind, 'object')
    if (target.contract !== null) return rowsOfSplit(reader, hold)
    return tensorsRead(readRows(splitRows(reader), target.description), target, true)
  }
  if (form === 'inputs' && kind === 'object') return readNamed(reader, target, hold)
  expectKind(form, kind, 'array')
  if (form === 'dataframe_records') return readRecords(reader, target)
  const first = firstKindOf(reader)
  if (form === 'inputs' && first === 'object')
    throw new PenstockError('ERR_BODY', `Expected inputs to be tensors but received a list of objects. ${byName}`)
  if (target.contract !== null && first !== 'object' && first !== null) refuseNameless(target, byName)
  if (target.contract !== null) return jsonRows(reader.bytes)
  return tensorsRead(readValues(reader, target.description, form), target, false)
}

function readRecords(reader: JsonReader, target: Target): BodyRead {
  if (target.contract !== null) return jsonRows(reader.bytes)
  return tensorsRead(readRows(arrayOfRecords(reader, false), target.description), target, true)
}

/** `{"x": [[1, 2], [3, 4]]}`: tensors by the names of inputs, or columns by those of fields. */
function readNamed(reader: JsonReader, target: Target, hold: Hold): BodyRead {
  if (target.contract !== null) return rowsOfColumns(reader, hold)
  // A form inside of another would be read as what it is, and mean nothing.
  const [first] = [firstKeyOfNext(reader)]
  if (first !== null && isForm(first) && fieldOf(first, target.description) === undefined)
    throw unknownInput(first, target.description)
  return tensorsRead(parseInferBody(reader.bytes, target.description), target, false)
}

function firstKindOf(reader: JsonReader): ValueKind | null {
  const mark = reader.mark()
  const kind = reader.enterArray() ? kindOfNext(reader) : null
  reader.reset(mark)
  return kind
}

function expectKind(form: Form, received: ValueKind, wanted: 'array' | 'object'): void {
  if (received === wanted) return
  const words = { array: 'a list', object: 'an object', scalar: 'a value' }
  throw new PenstockError('ERR_BODY', `Expected ${form} to be ${words[wanted]} but received ${words[received]}`)
}

/** @throws PenstockError ERR_BODY: a param that means nothing to the pipeline; ERR_META: no text, number or list of them. */
function metaOf(params: JsonValue, { pipeline, description }: Target): Meta {
  if (params === null) return {}
  if (typeof params !== 'object' || Array.isArray(params))
    throw argumentError('params', 'an object', params, '', 'ERR_BODY')
  const known = routingKeys(description)
  for (const [key, value] of Object.entries(params)) {
    if (!known.has(key)) {
      const has = known.size === 0 ? 'it has none' : `it has ${[...known].join(', ')}`
      throw new PenstockError(
        'ERR_BODY',
        `Expected params to have only keys that pipeline ${pipeline} routes on or logs (${has}) but received ${describeValue(key)}. Leave it out`,
      )
    }
    const values: readonly JsonValue[] = Array.isArray(value) ? value : [value]
    if (values.every((each) => typeof each === 'string') || values.every((each) => typeof each === 'number')) continue
    throw argumentError(`params.${key}`, 'a text, a number, or a list of one of them', value, '', 'ERR_META')
  }
  return params as Readonly<Record<string, MetaValue>>
}
