/**
 * Bodies of SageMaker's InvokeEndpoint. JSON is what clients write for its containers: nested lists for the one input, objects by
 * the names of inputs or fields, or `{"instances": […]}`. JSON Lines have a row a line, as a list or as an object.
 */
import { PenstockError } from '../../../../base/errors.js'
import { readValues } from '../../../../formats/bodies/foreign-forms.js'
import { parseInferBody } from '../../../../formats/bodies/infer-request.js'
import { fieldOf } from '../../../../formats/bodies/signature.js'
import { JsonReader } from '../../../../formats/json/json-reader.js'
import { firstKeyOfNext, kindOfNext } from '../../../../formats/json/peek.js'
import { jsonRows, refuseNameless, tensorsRead, type BodyRead, type Hold } from '../read.js'
import type { Target } from '../target.js'
import { readSageMakerCsv } from './csv.js'
import type { FormOf } from './forms.js'

const byName = 'Send objects with their names'

/** @throws PenstockError ERR_BODY, and whatever rows and tensors are refused with. */
export async function readBody(
  { form, hasHeader }: FormOf,
  body: Buffer,
  target: Target,
  hold: Hold,
): Promise<BodyRead> {
  if (form === 'csv') return readSageMakerCsv(body, hasHeader, target, hold)
  if (form === 'lines') return readLines(body, target, hold)
  if (form === 'json') return readJson(body, target)
  if (target.contract !== null) refuseNameless(target, 'An array has none: send JSON, JSON Lines, or CSV with a header')
  const { parseNpyBody } = await import('../../../../formats/bodies/file-bodies.js')
  return { kind: 'tensors', request: parseNpyBody(body, target.description), isTable: false, made: null }
}

function readJson(body: Buffer, target: Target): BodyRead {
  const reader = new JsonReader(body)
  if (reader.peek() === -1) throw new PenstockError('ERR_BODY', 'Expected a JSON body but received none')
  if (reader.isAtArray) return readList(reader, target, true)
  if (target.contract === null) return tensorsRead(parseInferBody(body, target.description), target, false)
  const instances = instancesOf(reader)
  return instances === null ? jsonRows(body) : readList(new JsonReader(instances), target, true)
}

/** The list of `{"instances": […]}`, which no row looks like; null: it is something else. */
function instancesOf(reader: JsonReader): Buffer | null {
  if (firstKeyOfNext(reader) !== 'instances') return null
  let list: Buffer | null = null
  let count = 0
  reader.readObject(() => {
    const isList = count++ === 0 && reader.isAtArray
    reader.peek()
    const start = reader.position
    reader.skipValue()
    if (isList) list = reader.bytes.subarray(start, reader.position)
  })
  return count === 1 ? list : null
}

function readList(reader: JsonReader, target: Target, isBody: boolean): BodyRead {
  const mark = reader.mark()
  const first = reader.enterArray() ? kindOfNext(reader) : null
  reader.reset(mark)
  if (target.contract !== null) {
    if (first !== null && first !== 'object') refuseNameless(target, byName)
    return jsonRows(reader.bytes)
  }
  const read = readValues(reader, target.description, 'instances')
  if (isBody) reader.expectEnd()
  return tensorsRead(read, target, false)
}

/** A list a line becomes a list of lists: its numbers are read once, as those of any tensor. */
function readLines(body: Buffer, target: Target, hold: Hold): BodyRead {
  const reader = new JsonReader(body)
  if (reader.isAtObject) {
    if (target.contract !== null) return jsonRows(body, 'lines')
    const [input] = target.description.inputs
    const isFeatures = firstKeyOfNext(reader) === 'features' && input !== undefined
    if (isFeatures && fieldOf('features', target.description) === undefined)
      throw new PenstockError(
        'ERR_UNKNOWN_INPUT',
        `Expected lines to have the inputs of pipeline ${target.pipeline} but received "features". Call it ${JSON.stringify(input.name)}, or send the list alone`,
      )
    return tensorsRead(parseInferBody(body, target.description, 'lines'), target, false)
  }
  if (reader.peek() === -1) throw new PenstockError('ERR_BODY', 'Expected a JSON value in each line but received none')
  if (target.contract !== null) refuseNameless(target, byName)
  hold(body.length)
  const parts: Buffer[] = []
  while (reader.peek() !== -1) {
    if (reader.isAtObject) throw reader.unexpected('every line to be a list, as the first one is,')
    const start = reader.position
    reader.skipValue()
    parts.push(comma, body.subarray(start, reader.position))
  }
  return readList(new JsonReader(Buffer.concat([open, ...parts.slice(1), close])), target, true)
}

const [open, comma, close] = ['[', ',', ']'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]
