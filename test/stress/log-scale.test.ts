/**
 * A hundred million logged rows: pages and queries open what they need and nothing else. One Parquet file of 100,000 rows
 * stands under 1000 names (links), whose times follow each other; only that of the middle is true.
 */
import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogStore, type LogQuery } from 'penstock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parquetName, sealedName } from '../../src/log/segments/segment-name.js'
import { epochMs, SegmentWriter } from '../../src/log/testing/segments.js'

const segments = 1000
const segmentRows = 100_000
const middle = segments / 2

let directory: string
let store: LogStore
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-scale-'))
  const writer = new SegmentWriter(directory, 'p', 1, middle)
  for (let first = 0; first < segmentRows; first += 10_000) writer.append({ first, count: 10_000 })
  writer.seal()
  const clock = { nowMs: () => epochMs, monotonicUs: () => performance.now() * 1000 }
  store = await LogStore.open(directory, { clock })
  await store.tidy()
  const [file = ''] = readdirSync(writer.folder)
  const kept = join(directory, 'one.parquet')
  renameSync(join(writer.folder, file), kept)
  for (let seq = 0; seq < segments; seq++) {
    const firstMs = epochMs + (seq - middle) * segmentRows
    linkSync(kept, join(writer.folder, parquetName(sealedName(seq, firstMs, firstMs + segmentRows - 1, segmentRows))))
  }
}, 120_000)
afterAll(async () => {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

const pageOf = async (query: LogQuery): Promise<number[]> => {
  const { body } = await store.read('p', { datasetSeparator: '.', ...query })
  return (JSON.parse(Buffer.from(body).toString()) as { 'in.x': number[] }[]).map((row) => row['in.x'][0] as number)
}

test('100,000,000 rows: pages, dates, rare rows and SQL, in little memory', async () => {
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5)
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now()
    const value = await work()
    console.log(
      `${name}: ${Math.round(performance.now() - started)} ms, ${Math.round((peak - before) / 2 ** 20)} MiB more`,
    )
    return value
  }
  await timed('start', () => pageOf({ limit: 1 }))
  expect(await timed('the newest 100', () => pageOf({}))).toEqual(
    Array.from({ length: 100 }, (_, i) => segmentRows - 1 - i),
  )
  const at = (row: number): Date => new Date(epochMs + row)
  const dated = await timed('ten rows of the middle by date', () => pageOf({ start: at(77_000), end: at(77_010) }))
  expect(dated).toEqual(Array.from({ length: 10 }, (_, index) => 77_000 + index))
  expect(await timed('the oldest 1000', () => pageOf({ order: 'asc', limit: 1000 }))).toHaveLength(1000)
  expect(await timed('1000 rows on which a check failed', () => pageOf({ valid: false, limit: 1000 }))).toHaveLength(
    1000,
  )
  const sql = await timed('SQL over all', () =>
    store.query('SELECT count(*) AS n, sum("anomaly.count") AS failed FROM p', { timeoutMs: 120_000 }),
  )
  expect(Buffer.from(sql.body).toString()).toBe(
    `[{"n":${segments * segmentRows},"failed":${(segments * segmentRows) / 10}}]`,
  )
  clearInterval(watch)
  // This process, with all its threads; SQL has one of its own, and a limit of its own.
  expect((peak - before) / 2 ** 20).toBeLessThan(400)
})
