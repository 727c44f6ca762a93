/**
 * JSON infer bodies: columns and pandas-records, to what the engine takes.
 *
 *   columns   {"<input>": numbers, …}   or   {"inputs": {…}, "meta": {…}, "deadlineMs": n, "priority": "background"}
 *   records   [{"<input>": numbers of one row, "<other column>": value, …}, …]
 *
 * The two forms of columns are told apart by the value of the key `inputs`: an object means the second form, unless the
 * pipeline has an input of that name. Columns of records that are no inputs are allowed; those that a split of the
 * pipeline routes on become routing keys with one value per row. Records are read row by row into one scratch per
 * input, and read again with slower, wordier code only when something does not fit.
 */
import { argumentError, describeValue, expectInteger, expectOneOf } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../base/limits.js'
import type { InferRequest, Meta, MetaValue, PipelineDescription, Priority } from '../../engine/api.js'
import { toTensor } from '../../tensor/convert.js'
import { formatShape, shapeMatches } from '../../tensor/shape.js'
import type { NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import { JsonReader, type JsonValue, type Mark } from './json-reader.js'
import { closest } from '../../base/suggest.js'
import { dataOf, isExactField, isFastField, NumberScratch, readTensor } from './tensor-reader.js'

/** The part of a description that a body is read by. */
export type Signature = Pick<PipelineDescription, 'name' | 'inputs' | 'isWhole' | 'rowsMax' | 'steps'>
export type ParsedRequest = Pick<InferRequest, 'meta' | 'deadlineMs' | 'priority'> & {
  readonly inputs: Readonly<Record<string, Tensor>>
}

export interface ColumnsBody {
  readonly form: 'columns'
  readonly request: ParsedRequest
}

export interface RecordsBody {
  readonly form: 'records'
  readonly request: ParsedRequest
  /** The text of each record, to be echoed as `in`. */
  readonly echoes: readonly string[]
}

/**
 * Reads a JSON infer body; an array is taken as records.
 * @param body the caller's bytes; lent until it returns.
 * @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_UNKNOWN_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE,
 *   ERR_TOO_MANY_ROWS, ERR_META, ERR_ARGUMENT.
 */
export function parseInferBody(body: Buffer, signature: Signature): ColumnsBody | RecordsBody {
  if (body.length === 0) {
    throw new PenstockError(
      'ERR_BODY',
      `Expected a body with the inputs of pipeline ${signature.name} but received none. Send ${example(signature)}`,
    )
  }
  const reader = new JsonReader(body)
  if (reader.isAtArray) return parseRecords(reader, signature)
  if (reader.isAtObject) return { form: 'columns', request: parseColumns(reader, signature) }
  const { position } = reader
  reader.readValue()
  throw new PenstockError(
    'ERR_BODY',
    `Expected the body to be an object of inputs or an array of records but received ${body.toString('utf8', position, position + 20)}. Send ${example(signature)}`,
  )
}

// ── columns ─────────────────────────────────────────────────────────────────────────────────────

function parseColumns(reader: JsonReader, signature: Signature): ParsedRequest {
  const inputs = Object.create(null) as Record<string, Tensor>
  const options = new Map<string, JsonValue>()
  let wrappedCount = 0
  let bareCount = 0
  const read = (name: string): void => {
    inputs[name] = readTensor(reader, fieldOf(name, signature), signature.isWhole, signature.rowsMax)
  }
  reader.readObject((key) => {
    const isInput = signature.inputs.some((field) => field.name === key)
    if (isInput) {
      bareCount++
      read(key)
    } else if (key === 'inputs' && reader.isAtObject) {
      wrappedCount++
      reader.readObject(read)
    } else if (optionNames.includes(key)) options.set(key, reader.readValue(false, signature.rowsMax))
    else throw unknownInput(key, signature)
  })
  reader.expectEnd()
  if (wrappedCount > 0 && bareCount > 0)
    throw new PenstockError(
      'ERR_BODY',
      'Expected the inputs either all inside "inputs" or all beside each other but received both',
    )
  if (wrappedCount === 0) expectNoOptions(options)
  const missing = signature.inputs.find(({ name }) => inputs[name] === undefined)
  if (missing !== undefined) throw missingInput(missing.name, signature, 'the body')
  return { inputs, ...readOptions(options) }
}

const optionNames: readonly string[] = ['meta', 'deadlineMs', 'priority']

function expectNoOptions(options: ReadonlyMap<string, JsonValue>): void {
  for (const key of options.keys()) {
    throw new PenstockError(
      'ERR_UNKNOWN_INPUT',
      `Expected ${key} to stand beside "inputs" but received it among the inputs. Send {"inputs":{…},"${key}":…}`,
    )
  }
}

function readOptions(options: ReadonlyMap<string, JsonValue>): Omit<ParsedRequest, 'inputs'> {
  const read: { meta?: Meta; deadlineMs?: number; priority?: Priority } = {}
  const meta = options.get('meta')
  const deadlineMs = options.get('deadlineMs')
  const priority = options.get('priority')
  if (meta !== undefined) read.meta = expectMeta(meta)
  if (deadlineMs !== undefined) read.deadlineMs = expectInteger('deadlineMs', deadlineMs, 1, DEADLINE_MS_MAX)
  if (priority !== undefined) read.priority = expectOneOf('priority', priority, ['interactive', 'background'])
  return read
}

/** Checks the JSON side only: whether an array has one value per row is the engine's to say. */
function expectMeta(meta: JsonValue): Meta {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw argumentError('meta', 'an object of routing keys', meta, '', 'ERR_META')
  for (const [key, value] of Object.entries(meta)) {
    const values = Array.isArray(value) ? value : [value]
    const type = typeof values[0]
    if ((type === 'number' || type === 'string') && values.every((element) => typeof element === type)) continue
    throw argumentError(`meta.${key}`, 'a string, a number, or an array of one of them per row', value, '', 'ERR_META')
  }
  return meta as Meta
}

// ── records ─────────────────────────────────────────────────────────────────────────────────────

interface Column {
  readonly field: TensorField
  readonly scratch: NumberScratch
  /** False once a value did not fit the fast path. */
  isFast: boolean
  /** The last record that had it. */
  row: number
}

function parseRecords(reader: JsonReader, signature: Signature): RecordsBody {
  const start = reader.mark()
  const columns = new Map<string, Column>()
  for (const field of signature.inputs) {
    const scratch = new NumberScratch()
    scratch.begin(field, signature.isWhole ? Infinity : signature.rowsMax)
    columns.set(field.name, { field, scratch, isFast: isFastField(field), row: -1 })
  }
  const routing = new Map([...routingKeys(signature)].map((key) => [key, [] as JsonValue[]]))
  const echoes: string[] = []
  const rows = reader.readArray((row) => {
    if (row >= signature.rowsMax) {
      throw new PenstockError(
        'ERR_TOO_MANY_ROWS',
        `Expected at most ${signature.rowsMax} records but received more. Send them in several requests`,
      )
    }
    if (!reader.isAtObject) throw reader.unexpected(`record ${row} to be an object`)
    const { position } = reader
    reader.readObject((key) => readCell(reader, row, columns.get(key), routing.get(key)))
    for (const column of columns.values()) {
      if (column.row !== row) throw missingInput(column.field.name, signature, `record ${row}`)
    }
    echoes.push(reader.slice(position, reader.position))
  })
  reader.expectEnd()
  if (rows === 0)
    throw new PenstockError('ERR_SHAPE', `Expected at least one record but received []. Send ${example(signature)}`)
  const inputs = Object.create(null) as Record<string, Tensor>
  for (const column of columns.values()) {
    inputs[column.field.name] =
      columnTensor(column, rows, signature) ?? readColumnSlowly(reader, start, column.field, rows, signature)
  }
  const meta = metaOf(routing, rows)
  return { form: 'records', request: meta === null ? { inputs } : { inputs, meta }, echoes }
}

function readCell(reader: JsonReader, row: number, column: Column | undefined, routing: JsonValue[] | undefined): void {
  const mark = reader.mark()
  if (column !== undefined) {
    column.row = row
    if (column.isFast && column.scratch.append(reader)) {
      if (routing === undefined) return
    } else column.isFast = false
    reader.reset(mark)
  }
  if (routing === undefined) reader.skipValue()
  else routing[row] = reader.readValue()
}

/** Stacks the rows; null when a value or the shape needs the slower path and its words. */
function columnTensor({ field, scratch, isFast }: Column, rows: number, signature: Signature): Tensor | null {
  if (!isFast) return null
  const data = dataOf(scratch, field.dtype as NumericDtype)
  if (data === null) return null
  if (signature.isWhole)
    return rows === 1 && shapeMatches(field.shape, scratch.dims)
      ? { dtype: field.dtype, shape: [...scratch.dims], data }
      : null
  const rest = field.shape.slice(1)
  if (shapeMatches(rest, scratch.dims)) return { dtype: field.dtype, shape: [rows, ...scratch.dims], data }
  // A frame's column of scalars meets a field of the shape [n, 1].
  const dims = rest.filter((dim) => dim !== null)
  const isSameSize =
    dims.length === rest.length &&
    scratch.dims.length < 2 &&
    dims.reduce((product, dim) => product * dim, rows) === data.length
  return isSameSize ? { dtype: field.dtype, shape: [rows, ...dims], data } : null
}

/** Reads one column again as JavaScript values: 64-bit integers, strings, bools, and whatever is wrong. */
function readColumnSlowly(
  reader: JsonReader,
  start: Mark,
  field: TensorField,
  rows: number,
  signature: Signature,
): Tensor {
  if (signature.isWhole && rows > 1) {
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected one record, for the models of pipeline ${signature.name} have no row axis, but received ${rows}. Send one request each`,
    )
  }
  const values: JsonValue[] = []
  reader.reset(start)
  reader.readArray(() =>
    reader.readObject((key) => {
      if (key === field.name) values.push(reader.readValue(isExactField(field)))
      else reader.skipValue()
    }),
  )
  const wantsScalars = field.shape.length === 2 && field.shape[1] === 1
  const nested = wantsScalars ? values.map((value) => (Array.isArray(value) ? value : [value])) : values
  return toTensor(field, signature.isWhole ? values[0] : nested, signature.isWhole)
}

/** The keys that splits of the pipeline route on: columns of these names are read as such. */
export function routingKeys(signature: Signature): Set<string> {
  const keys = new Set<string>()
  for (const step of signature.steps) {
    if (step.type === 'key-split') keys.add(step.key)
    else if (step.type === 'random-split' && step.hashKey !== undefined) keys.add(step.hashKey)
  }
  return keys
}

/** One value per row: numbers when all are, else text. A record without the key has '' and takes the default. */
function metaOf(routing: ReadonlyMap<string, JsonValue[]>, rows: number): Meta | null {
  const meta = Object.create(null) as Record<string, MetaValue>
  for (const [key, values] of routing) {
    if (values.length === 0) continue
    const all = Array.from({ length: rows }, (_, row) => values[row])
    if (all.every((value) => typeof value === 'number')) meta[key] = all
    else meta[key] = all.map((value) => textOf(key, value))
  }
  return Object.keys(meta).length === 0 ? null : meta
}

function textOf(key: string, value: JsonValue | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'object')
    throw argumentError(
      `column ${key}`,
      'a string or a number in each record, for the pipeline routes on it,',
      value,
      '',
      'ERR_META',
    )
  return String(value)
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────

function fieldOf(name: string, signature: Signature): TensorField {
  const field = signature.inputs.find((candidate) => candidate.name === name)
  if (field === undefined) throw unknownInput(name, signature)
  return field
}

function unknownInput(name: string, signature: Signature): PenstockError {
  const names = signature.inputs.map((field) => field.name)
  const hint = closest(name, names)
  const wayOut = hint === null ? `It has ${names.join(', ')}` : `Did you mean ${hint}?`
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected an input of pipeline ${signature.name} but received ${describeValue(name)}. ${wayOut}`,
  )
}

export function missingInput(name: string, signature: Signature, where: string): PenstockError {
  return new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected ${where} to have the input ${name} of pipeline ${signature.name} but received none. Send ${example(signature)}`,
  )
}

/** The body that the caller should have sent, by name and shape. */
function example(signature: Signature): string {
  const members = signature.inputs.map(
    (field) => `"${field.name}": ${field.dtype} ${formatShape(field.shape, signature.isWhole)}`,
  )
  return `{${members.join(', ')}}`
}
