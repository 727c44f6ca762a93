/**
 * JSON infer bodies to what the engine takes. A body is read once, as what it most likely is; a form that shows by
 * more than its first byte is recognised on the way (bodies/object-form.ts) and read again from the start.
 *
 *   columns   {"<input>": numbers, …}   or   {"inputs": {…}, "meta": {…}, "deadlineMs": n, "priority": "background"}
 *   records   [{"<input>": numbers of one row, "<other column>": value, …}, …], or a single such object
 *   others    pandas' split form, and the wrappers of MLflow and TensorFlow Serving around all of these
 *
 * The value of the key `inputs` distinguishes the two forms of columns: an object means the second form, unless the
 * pipeline has an input of that name. The reader gathers mistakes, one for each field, and reports them together.
 */
import { argumentError, expectInteger, expectOneOf } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../base/limits/limits.js'
import type { Meta, Priority } from '../../engine/api/api.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Mistakes } from './mistakes.js'
import { foreignForm, readForeign } from './foreign-forms.js'
import { completeColumns, type InputGroup, isOneRecord, objectForInput } from './object-form.js'
import { kindOfNext } from '../json/peek.js'
import { arrayOfRecords, linesOfRecords, singleRecord, splitRows } from './row-source.js'
import { readRows } from './rows.js'
import {
  type ColumnsBody,
  example,
  fieldOf,
  type ParsedRequest,
  type RecordsBody,
  type Signature,
} from './signature.js'
import { JsonReader, type JsonValue } from '../json/json-reader.js'
import { readTensor } from '../json/tensor-reader.js'

/** json: columns or records, as the body says. lines: a record a line. split: pandas' split form and nothing else. */
export type JsonBodyKind = 'json' | 'lines' | 'split'

/**
 * Reads a JSON infer body; an array is taken as records.
 * @param body the caller's bytes; lent until it returns.
 * @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_UNKNOWN_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE,
 *   ERR_TOO_MANY_ROWS, ERR_META, ERR_ARGUMENT.
 */
export function parseInferBody(
  body: Buffer,
  signature: Signature,
  kind: JsonBodyKind = 'json',
): ColumnsBody | RecordsBody {
  if (body.length === 0) {
    throw new PenstockError(
      'ERR_BODY',
      `Expected a body with the inputs of pipeline ${signature.name} but received none. Send ${example(signature)}`,
    )
  }
  const reader = new JsonReader(body)
  if (kind === 'lines') return readRows(linesOfRecords(reader), signature)
  if (kind === 'split') {
    const source = splitRows(reader)
    reader.expectEnd()
    return readRows(source, signature)
  }
  if (reader.isAtArray) return readRows(arrayOfRecords(reader, true), signature)
  if (reader.isAtObject) return parseObject(reader, signature)
  const { position } = reader
  reader.readValue()
  throw new PenstockError(
    'ERR_BODY',
    `Expected the body to be an object of inputs or an array of records but received ${body.toString('utf8', position, position + 20)}. Send ${example(signature)}`,
  )
}

function parseObject(reader: JsonReader, signature: Signature): ColumnsBody | RecordsBody {
  const outer = groupAt(reader)
  const options = new Map<string, JsonValue>()
  let wrapped: InputGroup | null = null
  readGroup(reader, signature, outer, (key) => {
    if (key === 'inputs' && reader.isAtObject) {
      wrapped = groupAt(reader, outer.mistakes)
      readGroup(reader, signature, wrapped)
    } else if (optionNames.includes(key)) options.set(key, reader.readValue(false, signature.rowsMax))
    else return false
    return true
  })
  reader.expectEnd()
  const group = (wrapped as InputGroup | null) ?? outer
  if (group !== outer && outer.given.size > 0)
    throw new PenstockError(
      'ERR_BODY',
      'Expected the inputs either all inside "inputs" or all beside each other but received both',
    )
  const foreign = group === outer ? foreignForm(outer) : null
  const { mistakes } = group
  const rest = optionsOf(options, group !== outer || foreign !== null, mistakes)
  if (foreign !== null) {
    const body = readForeign(reader, signature, outer, foreign)
    mistakes.throwAny()
    return withOptions(body, rest)
  }
  if (isOneRecord(reader, signature, group)) {
    mistakes.throwAny()
    reader.reset(group.start)
    return withOptions(readRows(singleRecord(reader), signature), rest)
  }
  if (group.given.size !== signature.inputs.length || group.unknown.size > 0 || group.scalars.size > 0)
    completeColumns(reader, signature, group)
  mistakes.throwAny()
  return { form: 'columns', request: { inputs: group.inputs, ...rest } }
}

function groupAt(reader: JsonReader, mistakes = new Mistakes()): InputGroup {
  const inputs = Object.create(null) as Record<string, Tensor>
  return { start: reader.mark(), inputs, given: new Set(), scalars: new Map(), unknown: new Map(), mistakes }
}

/** Reads the members of an object. @param readOther reads a member that is no input, or returns false. */
function readGroup(
  reader: JsonReader,
  signature: Signature,
  group: InputGroup,
  readOther: (key: string) => boolean = () => false,
): void {
  const { isNonBatching, rowsMax } = signature
  reader.readObject((key) => {
    const field = fieldOf(key, signature)
    const kind = kindOfNext(reader)
    if (field === undefined) {
      if (readOther(key)) return
      group.unknown.set(key, { kind, mark: reader.mark() })
      return reader.skipValue()
    }
    group.given.add(key)
    if (kind === 'scalar' && !isNonBatching) {
      group.scalars.set(key, reader.mark())
      return reader.skipValue()
    }
    const mark = reader.mark()
    if (kind === 'object') group.mistakes.add(key, objectForInput(field, isNonBatching))
    else {
      const tensor = group.mistakes.attempt(key, () => readTensor(reader, field, isNonBatching, rowsMax))
      if (tensor !== undefined) {
        group.inputs[key] = tensor
        return
      }
    }
    reader.reset(mark)
    reader.skipValue()
  })
}

function withOptions(body: ColumnsBody | RecordsBody, options: Options): ColumnsBody | RecordsBody {
  const { request } = body
  const { meta = {}, ...others } = options
  const isRouted = request.meta !== undefined || options.meta !== undefined
  return {
    ...body,
    request: { ...request, ...others, ...(isRouted ? { meta: { ...request.meta, ...meta } } : {}) },
  }
}

// ── options ─────────────────────────────────────────────────────────────────────────────────────

type Options = Omit<ParsedRequest, 'inputs'>

const optionNames: readonly string[] = ['meta', 'deadlineMs', 'priority']

/** @param isAllowed false: they stand among the inputs. */
function optionsOf(options: ReadonlyMap<string, JsonValue>, isAllowed: boolean, mistakes: Mistakes): Options {
  const read: { meta?: Meta; deadlineMs?: number; priority?: Priority } = {}
  for (const [key, value] of options) {
    mistakes.attempt(key, () => {
      if (!isAllowed) throw misplacedOption(key)
      if (key === 'meta') read.meta = expectMeta(value)
      else if (key === 'deadlineMs') read.deadlineMs = expectInteger('deadlineMs', value, 1, DEADLINE_MS_MAX)
      else read.priority = expectOneOf('priority', value, ['interactive', 'background'])
      return key
    })
  }
  return read
}

function misplacedOption(key: string): PenstockError {
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected ${key} to stand beside "inputs" but received it among the inputs. Send {"inputs":{…},"${key}":…}`,
  )
}

/** Checks the JSON side only: whether an array has one value per row is the engine's to say. */
function expectMeta(meta: JsonValue): Meta {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw argumentError('meta', 'an object of routing keys', meta, '', 'ERR_META')
  for (const [key, value] of Object.entries(meta)) {
    const values = Array.isArray(value) ? value : [value]
    if (values.length === 0) continue
    const type = typeof values[0]
    if ((type === 'number' || type === 'string') && values.every((element) => typeof element === type)) continue
    throw argumentError(`meta.${key}`, 'a string, a number, or an array of one of them per row', value, '', 'ERR_META')
  }
  return meta as Meta
}
