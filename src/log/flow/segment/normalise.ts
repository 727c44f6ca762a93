/**
 * From the columns that the engine writes, which cost it least, to those that every reader sees:
 *
 *   metadata.request_number   becomes metadata.request_id, `<instance>-<number in base 36>`
 *   metadata.route            an index, becomes the model's label, null where no split chose
 *   metadata.cache            becomes `hit` or `miss`
 *   metadata.elapsed          becomes a list of free length, so that versions with more steps have the same columns
 *   its runs of one number    become metadata.row, the row's index in its request (withRowIndex, before rows are taken)
 *   of route and header       model and model_version: of the model that answered the row
 *   of the segment's header   metadata.last_model, pipeline_version, pipeline, partition, dropped; out._model_split
 *
 * Parquet files have these columns already. `check_failures` is derived when it is asked for (check-failures.ts).
 */
import {
  type Data,
  DataType,
  Field,
  type FixedSizeList,
  Int32,
  List,
  makeData,
  type RecordBatch,
  Schema,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow'
import { boolData, constantUtf8, strideOffsets, utf8Lists, type Column } from '../../../formats/arrow/column-types.js'
import { orderColumns } from '../../../formats/dataset.js'
import { CACHE_USES } from '../../log-columns.js'
import { mergeBatches } from './merge-batches.js'
import { batchOf } from './take.js'

/** The JSON under `penstock` in the metadata of a segment's schema. */
export interface SegmentHeader {
  readonly pipeline: string
  readonly version: number
  readonly partition: string
  readonly instance: string
  readonly routes: readonly string[]
  readonly models: readonly {
    readonly name: string
    readonly version: number
    readonly sha256: string
    readonly label?: string
  }[]
  readonly checks: readonly string[]
  readonly last_model: string | null
  readonly split?: 'random' | 'key' | null
}

/** @returns null for a schema that has no header of ours. */
export function headerOf(schema: Schema): SegmentHeader | null {
  const text = schema.metadata.get('penstock')
  return text === undefined ? null : (JSON.parse(text) as SegmentHeader)
}

/** The columns as they are written of which `columns`, which readers see, are made. */
export function rawColumnsOf(columns: ReadonlySet<string>): Set<string> {
  return new Set([...columns].map((name) => madeOf[name] ?? name))
}

const madeOf: Readonly<Record<string, string>> = {
  'metadata.request_id': 'metadata.request_number',
  'metadata.row': 'metadata.request_number',
  'metadata.last_model': 'metadata.route',
  model: 'metadata.route',
  model_version: 'metadata.route',
  'out._model_split': 'metadata.route',
}

/** The columns that readers see of a segment with `raw` columns. */
export function normalisedSchema(raw: Schema, header: SegmentHeader): Schema {
  return normaliseBatch(withRowIndex(mergeBatches(raw, [])), header).schema
}

/** Adds metadata.row to whole record batches: the rows of a request lie side by side, and within one of them. */
export function withRowIndex(batch: RecordBatch): RecordBatch {
  const index = batch.schema.fields.findIndex((field) => field.name === 'metadata.request_number')
  if (index < 0) return batch
  const numbers = (batch.data.children[index] as Data).values as unknown as BigUint64Array
  const rows = new Uint32Array(batch.numRows)
  for (let row = 1; row < rows.length; row++)
    if (numbers[row] === numbers[row - 1]) rows[row] = (rows[row - 1] as number) + 1
  const data = makeData({ type: new Uint32(), length: rows.length, nullCount: 0, data: rows })
  const fields = batch.schema.fields.toSpliced(index + 1, 0, new Field('metadata.row', new Uint32(), false))
  const children = batch.data.children.toSpliced(index + 1, 0, data)
  return batchOf(new Schema(fields, batch.schema.metadata), children, batch.numRows)
}

/**
 * @param wanted the columns to make, by name; absent: all. What they are made of must be there (rawColumnsOf).
 * @returns the batch with the columns that readers see, in the documented order.
 */
export function normaliseBatch(
  batch: RecordBatch,
  header: SegmentHeader,
  wanted: ReadonlySet<string> | null = null,
): RecordBatch {
  const columns = new Map<string, Column>()
  const add = (column: Column): void => {
    if (wanted === null || wanted.has(column.field.name)) columns.set(column.field.name, column)
  }
  batch.schema.fields.forEach((field, index) => {
    const data = batch.data.children[index] as Data
    if (field.name === 'metadata.request_number') add(requestIds(data, header.instance))
    else if (field.name === 'metadata.elapsed') add(elapsed(data))
    else if (field.name === 'metadata.cache') add(cacheUses(data))
    else if (field.name === 'metadata.route')
      [...routeColumns(data, header), ...modelColumns(data, header)].forEach(add)
    else add({ field, data })
  })
  for (const [name, make] of Object.entries(constants))
    if (!columns.has(name) && (wanted === null || wanted.has(name))) add(make(header, batch.numRows))
  const ordered = orderColumns([...columns.keys()]).map((name) => columns.get(name) as Column)
  const schema = new Schema(ordered.map(({ field }) => field))
  return batchOf(
    schema,
    ordered.map(({ data }) => data),
    batch.numRows,
  )
}

/** Columns whose values stand in the segment's header, unless its rows have them. */
const constants: Readonly<Record<string, (header: SegmentHeader, rows: number) => Column>> = {
  'metadata.last_model': (header, rows) =>
    lastModelColumn(chosenTexts(new Int16Array(rows), rows, [lastModel(header, header.last_model)], null)),
  'metadata.pipeline_version': ({ version }, rows) => {
    const data = new Int32Array(rows).fill(version)
    const versions = makeData({ type: new Int32(), length: rows, nullCount: 0, data })
    return { field: new Field('metadata.pipeline_version', new Int32(), false), data: versions }
  },
  'metadata.pipeline': ({ pipeline }, rows) => constantColumn('metadata.pipeline', pipeline, rows),
  'metadata.partition': ({ partition }, rows) => constantColumn('metadata.partition', partition, rows),
  'metadata.dropped': (_header, rows) => ({
    field: listField('metadata.dropped'),
    data: utf8Lists(new Array<string[]>(rows).fill([])),
  }),
}

function constantColumn(name: string, text: string, rows: number): Column {
  return { field: new Field(name, new Utf8(), false), data: constantUtf8(text, rows) }
}

function lastModelColumn(data: Data): Column {
  return { field: new Field('metadata.last_model', new Utf8(), true), data }
}

function listField(name: string): Field {
  return new Field(name, new List(new Field('item', new Utf8(), true)), false)
}

function elapsed(data: Data): Column {
  const { listSize } = data.type as FixedSizeList
  const type = new List(new Field('steps', new Uint64(), true))
  const list = DataType.isFixedSizeList(data.type)
    ? makeData({
        type,
        length: data.length,
        nullCount: 0,
        valueOffsets: strideOffsets(data.length, listSize),
        child: data.children[0] as Data<Uint64>,
      })
    : data
  return { field: new Field('metadata.elapsed', list.type, false), data: list }
}

function cacheUses(data: Data): Column {
  const texts = chosenTexts(data.values as Int16Array, data.length, CACHE_USES, null)
  return { field: new Field('metadata.cache', new Utf8(), true), data: texts }
}

/** metadata.route; of a split metadata.last_model as well, and of a random one out._model_split. */
function routeColumns(data: Data, header: SegmentHeader): Column[] {
  const indexes = data.values as unknown as Int16Array
  const rows = data.length
  const isSplit = header.routes.length > 0
  const columns: Column[] = [
    { field: new Field('metadata.route', new Utf8(), true), data: chosenTexts(indexes, rows, header.routes, null) },
  ]
  if (!isSplit) return columns
  const models = header.routes.map((label) => lastModel(header, label))
  const texts = chosenTexts(indexes, rows, models, lastModel(header, header.last_model))
  columns.push(lastModelColumn(texts))
  if (header.split === 'random') {
    const child = chosenTexts(
      indexes,
      rows,
      header.routes.map((label) => splitModel(header, label)),
      '{}',
    )
    const type = new List(new Field('item', new Utf8(), true))
    const lists = makeData({ type, length: rows, nullCount: 0, valueOffsets: strideOffsets(rows, 1), child })
    columns.push({ field: new Field('out._model_split', type, false), data: lists })
  }
  return columns
}

/** The model of the answer; where a split chooses it, of the branch that the row took. */
function modelColumns(data: Data, header: SegmentHeader): Column[] {
  const indexes = header.last_model === null ? (data.values as unknown as Int16Array) : new Int16Array(data.length)
  const labels = header.last_model === null ? header.routes : [header.last_model]
  const models = labels.map((label) => modelOf(header, label))
  const names = models.map((model) => model?.name ?? null)
  const versions = Int32Array.from(models, (model) => model?.version ?? 0)
  const values = Int32Array.from({ length: data.length }, (_, row) => versions[indexes[row] as number] ?? 0)
  const nullBitmap = boolData(values).values
  const version = makeData({ type: new Int32(), length: data.length, nullBitmap, data: values })
  return [
    { field: new Field('model', new Utf8(), true), data: chosenTexts(indexes, data.length, names, null) },
    { field: new Field('model_version', new Int32(), true), data: version },
  ]
}

function modelOf(header: SegmentHeader, label: string | null): SegmentHeader['models'][number] | undefined {
  return header.models.find(
    (model) => model.label === label || model.name === label || `${model.name}@${model.version}` === label,
  )
}

/** As lastModelOf of results/models-text.ts writes it; null when no single model is meant. */
function lastModel(header: SegmentHeader, label: string | null): string | null {
  const model = modelOf(header, label)
  return model === undefined ? null : JSON.stringify({ model_name: model.name, model_sha: model.sha256 })
}

/** As splitTextOf of results/models-text.ts writes it. */
function splitModel(header: SegmentHeader, label: string): string {
  const model = modelOf(header, label)
  return JSON.stringify({ name: model?.name ?? label, version: model?.version ?? null, sha: model?.sha256 ?? null })
}

const encoder = new TextEncoder()

/** One of a few texts a row; `other`, or null, where the index names none. */
function chosenTexts(
  indexes: Int16Array,
  rows: number,
  texts: readonly (string | null)[],
  other: string | null,
): Data<Utf8> {
  const encoded = texts.map((text) => (text === null ? null : encoder.encode(text)))
  const otherBytes = other === null ? null : encoder.encode(other)
  const chosen = (row: number): Uint8Array | null => encoded[indexes[row] as number] ?? otherBytes
  const valueOffsets = new Int32Array(rows + 1)
  const nullBitmap = new Uint8Array((rows + 7) >> 3)
  for (let row = 0; row < rows; row++) {
    const text = chosen(row)
    valueOffsets[row + 1] = (valueOffsets[row] as number) + (text?.length ?? 0)
    if (text !== null) nullBitmap[row >> 3] = (nullBitmap[row >> 3] as number) | (1 << (row & 7))
  }
  const data = new Uint8Array(valueOffsets[rows] as number)
  for (let row = 0; row < rows; row++) {
    const text = chosen(row)
    if (text !== null) data.set(text, valueOffsets[row])
  }
  return makeData({ type: new Utf8(), length: rows, nullBitmap, valueOffsets, data })
}

const digits = encoder.encode('0123456789abcdefghijklmnopqrstuvwxyz')
/** Digits of 2^64 in base 36. */
const digitsMax = 13

/** Texts without strings: a segment has half a million of them, and rows of one request share theirs. */
function requestIds(data: Data, instance: string): Column {
  const numbers = data.values as unknown as BigUint64Array
  const prefix = encoder.encode(`${instance}-`)
  const rows = data.length
  const valueOffsets = new Int32Array(rows + 1)
  const bytes = new Uint8Array(rows * (prefix.length + digitsMax))
  let at = 0
  for (let row = 0; row < rows; row++) {
    const before = valueOffsets[row - 1]
    if (before !== undefined && numbers[row] === numbers[row - 1]) {
      bytes.copyWithin(at, before, at)
      at += at - before
    } else {
      bytes.set(prefix, at)
      at = writeBase36(numbers[row] as bigint, bytes, at + prefix.length)
    }
    valueOffsets[row + 1] = at
  }
  const texts = makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data: bytes.slice(0, at) })
  return { field: new Field('metadata.request_id', new Utf8(), false), data: texts }
}

const scratch = new Uint8Array(digitsMax)

/** @returns where the text ends. */
function writeBase36(value: bigint, bytes: Uint8Array, start: number): number {
  let count = 0
  let rest = value
  while (rest > BigInt(Number.MAX_SAFE_INTEGER)) {
    scratch[count++] = digits[Number(rest % 36n)] as number
    rest /= 36n
  }
  let small = Number(rest)
  do {
    scratch[count++] = digits[small % 36] as number
    small = Math.floor(small / 36)
  } while (small > 0)
  for (let index = 0; index < count; index++) bytes[start + index] = scratch[count - 1 - index] as number
  return start + count
}
