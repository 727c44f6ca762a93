/**
 * Small batches read as one, by every reader: `string-path-rows.ts` writes a batch a request, with every type that a log has.
 * The references are Apache Arrow's own reader, a batch at a time, and DuckDB's own of the Parquet file.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DTYPES, allocateData } from '../../tensor/dtype.js'
import { float16Bits } from '../../tensor/float16.js'
import type { Dtype, Tensor } from '../../tensor/tensor.js'
import { encodeSchemaMessage, type ArrowType } from '../arrow-message.js'
import type { LogColumn } from '../log-columns.js'
import { encodeStringPathRows } from '../string-path-rows.js'
import { sqlTask } from '../store/query.js'
import { liveName, sealedName } from '../segments/segment-name.js'
import { headerFor } from '../testing/segments.js'
import { ArrowsSegment } from './segment/arrows-segment.js'
import { compactSegment } from './compaction/compact.js'
import { runSql } from './sql/sql.js'

let directory: string
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'penstock-merge-'))))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const arrowTypes: Readonly<Record<Dtype, ArrowType>> = {
  float32: { kind: 'float', bits: 32 },
  float64: { kind: 'float', bits: 64 },
  float16: { kind: 'float', bits: 16 },
  bfloat16: { kind: 'int', bits: 16, isSigned: false },
  int8: { kind: 'int', bits: 8, isSigned: true },
  uint8: { kind: 'int', bits: 8, isSigned: false },
  int16: { kind: 'int', bits: 16, isSigned: true },
  uint16: { kind: 'int', bits: 16, isSigned: false },
  int32: { kind: 'int', bits: 32, isSigned: true },
  uint32: { kind: 'int', bits: 32, isSigned: false },
  int64: { kind: 'int', bits: 64, isSigned: true },
  uint64: { kind: 'int', bits: 64, isSigned: false },
  bool: { kind: 'bool' },
  string: { kind: 'utf8' },
}

/** Each dtype has a column of fixed width, one of free width, and one that is null in every third request. */
const columns: LogColumn[] = [
  { kind: 'time', field: { name: 'time', type: { kind: 'timestamp-ms' }, isNullable: false }, tensor: null, check: 0 },
  ...DTYPES.flatMap(({ name }) => [
    tensorColumn(name, 'fixed', 3),
    tensorColumn(name, 'free', null),
    tensorColumn(name, 'null', 2),
  ]),
  plain('requestNumber', 'metadata.request_number', { kind: 'int', bits: 64, isSigned: false }),
  plain('route', 'metadata.route', { kind: 'int', bits: 16, isSigned: true }),
]

function plain(kind: LogColumn['kind'], name: string, type: ArrowType): LogColumn {
  return { kind, field: { name, type, isNullable: false }, tensor: null, check: 0 }
}

function tensorColumn(dtype: Dtype, form: string, elements: number | null): LogColumn {
  const child = arrowTypes[dtype]
  const name = `out.${dtype}_${form}`
  const isNullable = form === 'null'
  const type: ArrowType = elements === null ? { kind: 'list', child } : { kind: 'fixed-list', child, size: elements }
  const source = { stage: 0, position: 0, side: 1 as const, slots: [0] }
  const tensor = { name, dtype, dims: [elements], elements, source, isNullable }
  return { kind: 'tensor', field: { name, type, isNullable }, tensor, check: 0 }
}

function valuesOf(dtype: Dtype, length: number, seed: number): Tensor['data'] {
  if (dtype === 'string')
    return Array.from({ length }, (_, at) => (at % 4 === 3 ? '' : `ä ${seed}·${at}`.repeat((at % 3) + 1)))
  const data = allocateData(dtype, length) as Float32Array & BigInt64Array
  for (let at = 0; at < length; at++) {
    const value = dtype === 'bool' ? (seed + at) % 2 : (seed * 7 + at) % 100
    const isBig = dtype === 'int64' || dtype === 'uint64'
    data[at] = (dtype === 'float16' ? float16Bits(value / 2) : isBig ? BigInt(value) + 2n ** 60n : value) as never
  }
  return data
}

function messageOf(request: number): Uint8Array {
  const rows = 1 + (request % 3)
  return encodeStringPathRows(columns, {
    timeMs: 1_700_000_000_000 + request,
    requestNumber: request,
    rows,
    elapsedNs: [],
    checkFailures: [],
    checks: [],
    keys: [],
    routes: Uint16Array.from({ length: rows }, (_, row) => row % 2),
    tensorOf: ({ name, dtype, elements }) => {
      if (name.endsWith('_null') && request % 3 === 0) return null
      // Rows of no elements are among those of free width.
      const width = elements ?? request % 4
      return { dtype, shape: [rows, width], data: valuesOf(dtype, rows * width, request) }
    },
  })
}

function write(pipeline: string, requests: number): string {
  const path = join(directory, pipeline, '1', liveName(0))
  mkdirSync(dirname(path), { recursive: true })
  const schema = encodeSchemaMessage(
    columns.map(({ field }) => field),
    { penstock: JSON.stringify(headerFor(pipeline, 1)) },
  )
  writeFileSync(path, Buffer.concat([schema, ...Array.from({ length: requests }, (_, request) => messageOf(request))]))
  return path
}

type Rows = { toJSON(): unknown } | null
/** Without what is derived when rows are read. */
const textOf = (row: Rows): string =>
  JSON.stringify(row, (key, value: unknown) => {
    if (key === 'metadata.row') return undefined
    return typeof value === 'bigint' ? String(value) : value
  })

describe('batches of one request each', () => {
  it('are read as one, equal to what Apache Arrow reads one by one', async () => {
    const path = write('equal', 40)
    const reference = tableFromIPC(readFileSync(path))
    expect(reference.batches).toHaveLength(40)
    const segment = ArrowsSegment.open(path) as ArrowsSegment
    try {
      const { batch } = await segment.chunkAt(0, 'asc', 1000)
      expect(batch.numRows).toBe(reference.numRows)
      for (let row = 0; row < batch.numRows; row++) expect(textOf(batch.get(row))).toBe(textOf(reference.get(row)))
      // From the end, and in the middle: neighbours that hold the row.
      const other = ArrowsSegment.open(path) as ArrowsSegment
      const last = await other.chunkAt(segment.rows, 'desc', 5)
      other.close()
      expect([last.firstRow + last.batch.numRows, last.batch.numRows]).toEqual([segment.rows, 4])
      expect([...segment.batches()].map((whole) => whole.numRows)).toEqual([segment.rows])
    } finally {
      segment.close()
    }
  })

  it('SQL reads the same values and types of them as of the Parquet file', async () => {
    const path = write('twice', 40)
    const ask = async (): Promise<unknown> => {
      const rows = await runSql(sqlTask(directory, 'SELECT * FROM twice ORDER BY time, "metadata.route"', {}))
      return { columns: rows.columns, body: Buffer.from(rows.body).toString() }
    }
    const live = await ask()
    const segment = ArrowsSegment.open(path) as ArrowsSegment
    const sealed = join(dirname(path), sealedName(0, 1_700_000_000_000, 1_700_000_000_039, segment.rows))
    segment.close()
    writeFileSync(sealed, Buffer.concat([readFileSync(path), Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])]))
    rmSync(path)
    expect(await compactSegment(sealed)).toBe(true)
    expect(await ask()).toEqual(live)
  })

  it('a count of 5,000 makes no column of texts', async () => {
    write('many', 2500)
    const seconds = async (sql: string): Promise<number> => {
      const started = process.cpuUsage()
      await runSql(sqlTask(directory, sql, {}))
      const { user, system } = process.cpuUsage(started)
      return (user + system) / 1e6
    }
    await seconds('SELECT 1')
    expect(await seconds('SELECT count(*) FROM many')).toBeLessThan(1.5)
  })

  it('a buffer outside its body is damage, never more than a RangeError', () => {
    const path = write('damaged', 3)
    const bytes = readFileSync(path)
    const message = bytes.lastIndexOf(Buffer.from([255, 255, 255, 255]))
    let refusals = 0
    for (let at = message + 8; at + 4 <= bytes.length; at += 20) {
      const torn = Buffer.from(bytes)
      torn.writeInt32LE(0x7fffffff, at)
      const damaged = join(directory, `${at}.arrows`)
      writeFileSync(damaged, torn)
      const segment = ArrowsSegment.open(damaged)
      try {
        for (const batch of segment?.batches() ?? []) expect(batch.numRows).toBeLessThan(100)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        refusals++
      } finally {
        segment?.close()
        rmSync(damaged)
      }
    }
    expect(refusals).toBeGreaterThan(20)
  })
})
