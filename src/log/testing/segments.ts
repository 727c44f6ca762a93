/**
 * Segments as the engine writes them, for tests of those who read them: one float input and output, a check, a split.
 * Rows are numbered: `in.x` of row i is [i, i + 0.5], so that a test sees at once which rows it got.
 */
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Bool,
  Field,
  FixedSizeList,
  Float32,
  Int16,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Table,
  TimestampMillisecond,
  Uint32,
  Uint64,
} from 'apache-arrow'
import { boolData, utf8Data, type Column } from '../../formats/arrow/column-types.js'
import type { SegmentHeader } from '../flow/segment/normalise.js'
import { liveName, sealedName } from '../segments/segment-name.js'

export interface Rows {
  /** Number of the first row. */
  readonly first: number
  readonly count: number
  /** Time of the first row; every row is a millisecond later. Absent: epochMs + first. */
  readonly timeMs?: number
  /** Outputs of a row; versions that differ in it have different schemas. Absent: 1. */
  readonly width?: number
  /** Adds a column of texts. */
  readonly hasText?: boolean
}

type ArrowData = Column['data']

export const epochMs = 1_700_000_000_000

export function headerFor(pipeline: string, version: number): SegmentHeader {
  return {
    pipeline,
    version,
    partition: 'test',
    instance: '0000abcd',
    routes: ['a', 'b'],
    models: [
      { name: 'a', version: 1, sha256: 'aa' },
      { name: 'b', version: 2, sha256: 'bb' },
    ],
    checks: ['high'],
    last_model: null,
    split: 'random',
  }
}

/** Row i fails the check `high` when i is divisible by 10; rows with an odd number went to model b. */
export function batchOf(rows: Rows, header: SegmentHeader): RecordBatch {
  const { first, count, timeMs = epochMs + first, width = 1, hasText = false } = rows
  const numbers = Array.from({ length: count }, (_, index) => first + index)
  const fails = numbers.map((row) => (row % 10 === 0 ? 1 : 0))
  const times = BigInt64Array.from(numbers, (row) => BigInt(timeMs + row - first))
  const elapsed = BigUint64Array.from({ length: count * 2 }, (_, at) => BigInt(at))
  const ids = BigUint64Array.from(numbers, (row) => BigInt(Math.floor(row / 4)))
  const primitive = (type: Uint32, data: unknown): ArrowData =>
    makeData({ type, length: count, nullCount: 0, data: data as Uint32Array })
  const lists = (item: Uint64 | Float32, size: number, data: unknown): ArrowData => {
    const child = makeData({ type: item as Float32, length: count * size, nullCount: 0, data: data as Float32Array })
    const type = new FixedSizeList(size, new Field('item', item as Float32, false))
    return makeData({ type, length: count, nullCount: 0, child })
  }
  const floats = (size: number, value: (row: number, at: number) => number): ArrowData =>
    lists(
      new Float32(),
      size,
      Float32Array.from({ length: count * size }, (_, at) => value(first + Math.floor(at / size), at % size)),
    )
  const texts: [string, ArrowData][] = hasText ? [['in.text', utf8Data(numbers.map((row) => `row ${row}`))]] : []
  const columns: [string, ArrowData][] = [
    ['time', primitive(new TimestampMillisecond() as never, times)],
    ...texts,
    ['in.x', floats(2, (row, at) => row + at / 2)],
    ['out.y', floats(width, (row, at) => row * 2 + at)],
    ['anomaly.count', primitive(new Uint32(), Uint32Array.from(fails))],
    ['anomaly.high', primitive(new Bool() as never, boolData(fails).values)],
    ['metadata.elapsed', lists(new Uint64(), 2, elapsed)],
    ['metadata.request_number', primitive(new Uint64() as never, ids)],
    [
      'metadata.route',
      primitive(
        new Int16() as never,
        Int16Array.from(numbers, (row) => row % 2),
      ),
    ],
  ]
  const schema = new Schema(
    columns.map(([name, data]) => new Field(name, data.type, false)),
    new Map([['penstock', JSON.stringify(header)]]),
  )
  const children = columns.map(([, data]) => data)
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: count, nullCount: 0, children }))
}

/** The messages of a batch and of its schema, as they stand in a stream. */
function messagesOf(batch: RecordBatch): { schema: Buffer; batch: Buffer } {
  const writer = new RecordBatchStreamWriter()
  writer.writeAll(new Table(batch.schema, [batch]))
  const bytes = Buffer.from(writer.toUint8Array(true))
  const schemaBytes = 8 + bytes.readInt32LE(4)
  return {
    schema: bytes.subarray(0, schemaBytes),
    batch: bytes.subarray(schemaBytes, bytes.length - endOfStream.length),
  }
}

const endOfStream = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/** A segment that is being written, and how it goes on. */
export class SegmentWriter {
  readonly folder: string
  rows = 0
  #path: string
  #firstMs = Number.POSITIVE_INFINITY
  #lastMs = 0

  constructor(
    directory: string,
    readonly pipeline: string,
    readonly version: number,
    readonly seq: number,
  ) {
    this.folder = join(directory, pipeline, String(version))
    mkdirSync(this.folder, { recursive: true })
    this.#path = join(this.folder, liveName(seq))
  }

  get path(): string {
    return this.#path
  }

  append(rows: Rows): this {
    const { schema, batch } = messagesOf(batchOf(rows, headerFor(this.pipeline, this.version)))
    if (this.rows === 0) writeFileSync(this.#path, schema)
    appendFileSync(this.#path, batch)
    const timeMs = rows.timeMs ?? epochMs + rows.first
    this.#firstMs = Math.min(this.#firstMs, timeMs)
    this.#lastMs = Math.max(this.#lastMs, timeMs + rows.count - 1)
    this.rows += rows.count
    return this
  }

  /** Ends the stream and gives the file its sealed name. */
  seal(): string {
    appendFileSync(this.#path, endOfStream)
    const sealed = join(this.folder, sealedName(this.seq, this.#firstMs, this.#lastMs, this.rows))
    renameSync(this.#path, sealed)
    this.#path = sealed
    return sealed
  }
}
