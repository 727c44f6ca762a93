/** Reading on this thread: pages, filters, cursors, schema changes, torn and compacted segments. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogPage, LogQuery } from '../../engine/api/logs.js'
import { writeRecords } from '../../formats/write-records.js'
import { pageTask } from '../store/query.js'
import { epochMs, SegmentWriter } from '../testing/segments.js'
import { compactSegment } from './compaction/compact.js'
import { readPage } from './read-page.js'
import { repairSegment } from './compaction/repair.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-read-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const read = async (query: LogQuery = {}, pipeline = 'p'): Promise<LogPage> =>
  readPage(pageTask(directory, pipeline, query))
type FlatRow = Record<string, unknown> & { 'in.x': number[] }
async function rowsOf(query: LogQuery = {}): Promise<number[]> {
  const page = await read({ datasetSeparator: '.', ...query })
  return numbersOf(page)
}
const numbersOf = (page: LogPage): number[] =>
  (JSON.parse(Buffer.from(page.body).toString()) as FlatRow[]).map((row) => row['in.x'][0] as number)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
const down = (from: number, to: number): number[] => range(to, from).reverse()
const iso = (row: number): string => new Date(epochMs + row).toISOString()

/** Arrow as records: where its batches end does not matter. */
function textOf({ body }: LogPage, { format = 'records' }: LogQuery): string {
  if (format === 'records') return Buffer.from(body).toString()
  const table = tableFromIPC(body)
  return table.schema.fields.map(String).join() + writeRecords(table, { separator: '.' })
}

async function allPages(query: LogQuery): Promise<{ numbers: number[]; pages: LogPage[] }> {
  const numbers: number[] = []
  const pages: LogPage[] = []
  for (let cursor: string | undefined; ;) {
    const page = await read({ datasetSeparator: '.', ...query, ...(cursor === undefined ? {} : { cursor }) })
    numbers.push(...numbersOf(page))
    pages.push(page)
    if (page.cursor === null) return { numbers, pages }
    cursor = page.cursor
  }
}

describe('pages of the log', () => {
  it('an empty log is an empty page of each format', async () => {
    expect(await read()).toMatchObject({ rows: 0, status: 'All', cursor: null, warnings: [] })
    expect(Buffer.from((await read()).body).toString()).toBe('[]')
    expect(tableFromIPC((await read({ format: 'arrow-file' })).body).numRows).toBe(0)
    expect(tableFromIPC((await read({ format: 'arrow-stream' })).body).schema.fields[0]?.name).toBe('time')
  })

  it('newest first by default, the rows of a batch turned round, too; 100 rows unless asked otherwise', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 60 }).append({ first: 60, count: 90 }).seal()
    new SegmentWriter(directory, 'p', 1, 1).append({ first: 150, count: 7 })
    expect(await rowsOf()).toEqual(down(157, 57))
    expect((await read()).warnings).toEqual([
      'Warning: There are more logs available. Please set a larger limit, or export them to files.',
    ])
    expect(await rowsOf({ limit: 157 })).toEqual(down(157, 0))
    expect(await read({ limit: 157 })).toMatchObject({ rows: 157, status: 'All', cursor: null, warnings: [] })
  })

  it('with both dates: in the order of their arrival, the end left out; one date alone is refused', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 100 }).seal()
    new SegmentWriter(directory, 'p', 1, 1).append({ first: 100, count: 100 })
    expect(await rowsOf({ start: iso(95), end: iso(105) })).toEqual(range(95, 105))
    expect(await rowsOf({ start: new Date(epochMs), end: new Date(epochMs + 3) })).toEqual([0, 1, 2])
    expect(await rowsOf({ start: iso(95), end: iso(105), order: 'desc' })).toEqual(down(105, 95))
    expect(() => pageTask(directory, 'p', { start: iso(0) })).toThrow(/start and end to be both there or both absent/)
    expect(() => pageTask(directory, 'p', { end: iso(0) })).toThrow(/Give start as well/)
    expect(() => pageTask(directory, 'p', { start: 'yesterday', end: iso(1) })).toThrow(/ISO 8601/)
  })

  it('valid chooses rows by their checks', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 35 }).seal()
    expect(await rowsOf({ valid: false })).toEqual([30, 20, 10, 0])
    expect((await rowsOf({ valid: true })).filter((row) => row % 10 === 0)).toEqual([])
    expect((await allPages({ valid: false, limit: 3 })).numbers).toEqual([30, 20, 10, 0])
  })

  it('shows at most 1000 rows, and says so word for word', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 1500 })
    const page = await read({ limit: 10_000 })
    expect(page).toMatchObject({ rows: 1000, status: 'RecordLimited' })
    expect(page.warnings).toEqual([
      'Warning: Pipeline log size limit exceeded. Only displaying 1000 log messages (of 10000 requested). Please export them to files.',
    ])
    expect((await allPages({ limit: 10_000 })).numbers).toEqual(down(1500, 0))
  })

  it('shows at most 10 MB, and goes on behind them', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 500, width: 2000 })
    const { pages, numbers } = await allPages({ limit: 500 })
    expect(numbers).toEqual(down(500, 0))
    expect(pages.length).toBeGreaterThan(1)
    for (const page of pages) expect(page.body.length).toBeLessThan(10_000_000)
    expect(pages[0]).toMatchObject({ status: 'ByteLimited' })
    expect(pages[0]?.warnings[0]).toMatch(
      /^Warning: Pipeline log size limit exceeded\. Only displaying \d+ log messages \(of 500/,
    )
  })

  it('a page ends where the columns change, and the next has the other columns', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 5 }).seal()
    new SegmentWriter(directory, 'p', 2, 0).append({ first: 5, count: 5, width: 3 }).seal()
    new SegmentWriter(directory, 'p', 3, 0).append({ first: 10, count: 5, width: 3 })
    const page = await read({ limit: 15 })
    expect(page).toMatchObject({ rows: 10, status: 'SchemaChange' })
    expect(page.warnings).toEqual([
      `Pipeline log schema has changed over the logs requested 10 newest records retrieved successfully, newest record seen was at ${iso(14)}. Please request additional records separately`,
    ])
    expect((await allPages({ limit: 15 })).numbers).toEqual(down(15, 0))
    expect((await allPages({ limit: 4, order: 'asc' })).numbers).toEqual(range(0, 15))
  })

  it('a version that serves again after another: by time, not by number', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 5 }).seal()
    new SegmentWriter(directory, 'p', 2, 0).append({ first: 5, count: 5 }).seal()
    new SegmentWriter(directory, 'p', 1, 1).append({ first: 10, count: 5 })
    expect(await rowsOf()).toEqual(down(15, 0))
    expect(await rowsOf({ order: 'asc' })).toEqual(range(0, 15))
  })

  it('columns: the documented ones and order, by dataset, exclusion and separator', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 20, count: 1 })
    const records = async (query: LogQuery): Promise<unknown> =>
      (JSON.parse(Buffer.from((await read(query)).body).toString()) as unknown[])[0]
    const split = JSON.stringify({ name: 'a', version: 1, sha: 'aa' })
    expect(JSON.stringify(await records({ datasetSeparator: '.' }))).toBe(
      JSON.stringify({
        time: epochMs + 20,
        'in.x': [20, 20.5],
        'out._model_split': [split],
        'out.y': [40],
        'anomaly.count': 1,
        'anomaly.high': true,
      }),
    )
    expect(await records({ dataset: ['time', 'out.y'] })).toEqual({ time: epochMs + 20, out: { y: [40] } })
    expect(await records({ datasetExclude: ['anomaly', 'out'] })).toEqual({ time: epochMs + 20, in: { x: [20, 20.5] } })
    expect(await records({ dataset: ['check_failures', 'metadata'], datasetSeparator: '_' })).toEqual({
      check_failures: ['high'],
      metadata_last_model: '{"model_name":"a","model_sha":"aa"}',
      metadata_pipeline_version: 1,
      metadata_elapsed: [0, 1],
      metadata_dropped: [],
      metadata_partition: 'test',
      metadata_route: 'a',
      metadata_request_id: '0000abcd-5',
      metadata_row: 0,
      metadata_pipeline: 'p',
    })
    await expect(read({ dataset: ['*', 'metadata'] })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  it('refuses cursors of nobody and of the other order', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 5 })
    const { cursor } = await read({ limit: 2 })
    await expect(read({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await expect(read({ cursor: cursor ?? '', order: 'asc' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    expect((await read({ cursor: cursor ?? '' })).rows).toBe(3)
  })
})

describe('segments', () => {
  it('as Parquet: the same rows, bytes and columns, and less disk', async () => {
    const path = new SegmentWriter(directory, 'p', 1, 0)
      .append({ first: 0, count: 20_000, hasText: true })
      .append({ first: 20_000, count: 15_000, hasText: true })
      .seal()
    const queries: LogQuery[] = [
      { limit: 500, dataset: ['time', 'in', 'out', 'anomaly', 'check_failures', 'metadata'] },
      { limit: 500, order: 'asc', format: 'arrow-stream' },
      { start: iso(19_990), end: iso(20_010), limit: 1000, format: 'arrow-file' },
      { valid: false, limit: 700 },
    ]
    const before = []
    for (const query of queries) before.push(await read(query))
    const sizeBytes = readFileSync(path).length
    expect(await compactSegment(path)).toBe(true)
    const files = readdirSync(join(directory, 'p', '1'))
    expect(files).toEqual([`0000000000-${epochMs}-${epochMs + 34_999}-35000.parquet`])
    expect(readFileSync(join(directory, 'p', '1', files[0] as string)).length).toBeLessThan(sizeBytes / 2)
    for (const [index, query] of queries.entries()) {
      const after = await read(query)
      expect(after.rows).toBe(before[index]?.rows)
      expect(textOf(after, query)).toBe(textOf(before[index] as LogPage, query))
    }
  })

  it('compaction that died: both forms are one segment, half a file is none', async () => {
    const path = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 50 }).seal()
    const sealed = readFileSync(path)
    writeFileSync(path.replace('.arrows', '.parquet.tmp'), 'half')
    expect(await rowsOf()).toEqual(down(50, 0))
    await compactSegment(path)
    writeFileSync(path, sealed)
    expect(await rowsOf()).toEqual(down(50, 0))
    expect(await compactSegment(path)).toBe(true)
    expect(existsSync(path)).toBe(false)
    expect(await rowsOf()).toEqual(down(50, 0))
  })

  it('a damaged sealed file keeps its form and is read as far as it goes, once', async () => {
    const path = new SegmentWriter(directory, 'p', 1, 0)
      .append({ first: 0, count: 5 })
      .append({ first: 5, count: 5 })
      .seal()
    truncateSync(path, readFileSync(path).length - 100)
    expect(await compactSegment(path)).toBe(false)
    expect(readdirSync(join(directory, 'p', '1'))).toHaveLength(1)
    expect((await allPages({ limit: 2, order: 'asc' })).numbers).toEqual(range(0, 5))
    expect((await allPages({ limit: 2 })).numbers).toEqual(down(5, 0))
  })

  it('torn at every byte: the whole batches are read and repaired, nothing else', async () => {
    const writer = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 3 })
    const oneBatch = readFileSync(writer.path).length
    writer.append({ first: 3, count: 4 })
    const whole = readFileSync(writer.path)
    for (let bytes = 0; bytes <= whole.length; bytes += bytes < oneBatch ? 97 : 13) {
      // A path of its own: indexes are kept by path.
      const torn = new SegmentWriter(directory, `t${bytes}`, 1, 0)
      writeFileSync(torn.path, whole.subarray(0, bytes))
      const rows = bytes < oneBatch ? 0 : bytes < whole.length ? 3 : 7
      expect((await read({}, `t${bytes}`)).rows, `${bytes} bytes`).toBe(rows)
      expect(repairSegment(torn.path, 0), `${bytes} bytes`).toBe(rows)
      expect((await read({}, `t${bytes}`)).rows, `${bytes} bytes repaired`).toBe(rows)
      expect(readdirSync(torn.folder)).toEqual(
        rows === 0 ? [] : [`0000000000-${epochMs}-${epochMs + rows - 1}-${rows}.arrows`],
      )
    }
  })

  it.each([
    ['zeros', Buffer.alloc(10_000)],
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251))],
    ['a message without end', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3])],
    [
      'a message of noise',
      Buffer.from([0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0, ...Array.from({ length: 64 }, () => 0xee)]),
    ],
  ])('a tail of %s is cut off', async (_name, tail) => {
    const writer = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 30 })
    appendFileSync(writer.path, tail)
    expect((await read()).rows).toBe(30)
    expect(repairSegment(writer.path, 0)).toBe(30)
    expect(await rowsOf()).toEqual(down(30, 0))
  })

  it('a batch that a lost disk cache left full of zeros is cut off', async () => {
    const writer = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 30 })
    writer.append({ first: 30, count: 10, timeMs: -0 })
    const bytes = readFileSync(writer.path)
    expect(repairSegment(writer.path, 0)).toBe(30)
    expect(bytes.length).toBeGreaterThan(0)
  })

  it('a segment that grows between two pages: each row once', async () => {
    const writer = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 10 })
    const first = await read({ limit: 4, order: 'asc', datasetSeparator: '.' })
    writer.append({ first: 10, count: 10 })
    const second = await read({ limit: 100, cursor: first.cursor ?? '', datasetSeparator: '.' })
    expect([...numbersOf(first), ...numbersOf(second)]).toEqual(range(0, 20))
    const newest = await read({ limit: 4, datasetSeparator: '.' })
    writer.append({ first: 20, count: 10 })
    writer.seal()
    new SegmentWriter(directory, 'p', 1, 1).append({ first: 30, count: 5 })
    const older = await read({ limit: 100, cursor: newest.cursor ?? '', datasetSeparator: '.' })
    expect([...numbersOf(newest), ...numbersOf(older)]).toEqual(down(20, 0))
  })
})
