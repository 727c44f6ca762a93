/**
 * The log's store with its real threads: what was left behind is repaired, what is sealed becomes Parquet, what is old
 * goes, and readers see each row exactly once meanwhile.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogStore, type LogExportProgress, type LogQuery } from 'penstock'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { epochMs, SegmentWriter } from '../../src/log/testing/segments.js'
import { seededRandom } from '../../src/base/random.js'

let directory: string
let store: LogStore | undefined
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-store-'))
})
afterEach(async () => {
  await store?.close()
  store = undefined
  rmSync(directory, { recursive: true, force: true })
})

const clock = { nowMs: () => epochMs + 3_600_000, monotonicUs: () => performance.now() * 1000 }
const files = (version = 1): string[] => readdirSync(join(directory, 'p', String(version))).sort()
const forever = { flush: async () => undefined, schemas: () => [], retentionOf: () => ({ ageHours: 1e6 }) }

async function pageOf(log: LogStore, query: LogQuery): Promise<{ numbers: number[]; cursor: string | null }> {
  const { body, cursor } = await log.read('p', { datasetSeparator: '.', ...query })
  const rows = JSON.parse(Buffer.from(body).toString()) as { 'in.x': number[] }[]
  return { numbers: rows.map((row) => row['in.x'][0] as number), cursor }
}

async function readAll(log: LogStore, query: LogQuery, limitOf: () => number): Promise<number[]> {
  const numbers: number[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await pageOf(log, { ...query, limit: limitOf(), ...(cursor === undefined ? {} : { cursor }) })
    numbers.push(...page.numbers)
    cursor = page.cursor
  }
  return numbers
}

/** @source proc(5), /proc/pid/stat: field 19 is the nice value; the name, field 2, may hold spaces. */
function threadNiceness(): number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
  })
}

describe('log store', () => {
  test('leftovers are repaired and sealed, sealed ones become Parquet, half files go', async () => {
    const torn = new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 10 })
    writeFileSync(torn.path, Buffer.from([1, 2, 3]), { flag: 'a' })
    new SegmentWriter(directory, 'p', 1, 1).append({ first: 10, count: 5 }).seal()
    writeFileSync(join(directory, 'p', '1', '0000000009-1-2-3.parquet.tmp'), 'half')
    mkdirSync(join(directory, '.query-abc'))
    store = await LogStore.open(directory, { clock })
    store.start(forever)
    const live = new SegmentWriter(directory, 'p', 1, 2).append({ first: 15, count: 2 })
    await store.tidy()
    expect(files()).toEqual([
      `0000000000-${epochMs}-${epochMs + 9}-10.parquet`,
      `0000000001-${epochMs + 10}-${epochMs + 14}-5.parquet`,
      '0000000002.arrows',
    ])
    expect(existsSync(join(directory, '.query-abc'))).toBe(false)
    live.append({ first: 17, count: 3 })
    expect((await pageOf(store, { order: 'asc' })).numbers).toEqual(Array.from({ length: 20 }, (_, row) => row))
    // The compactor behind everything, readers behind requests.
    if (process.platform === 'linux') expect(threadNiceness()).toEqual(expect.arrayContaining([5, 19]))
  })

  test('retention removes by age and by size, per pipeline, and leaves the number of the last', async () => {
    for (let seq = 0; seq < 4; seq++)
      new SegmentWriter(directory, 'p', 1, seq)
        .append({ first: seq * 10, count: 10, timeMs: epochMs + seq * 600_000 })
        .seal()
    new SegmentWriter(directory, 'q', 1, 0).append({ first: 0, count: 10, timeMs: epochMs }).seal()
    store = await LogStore.open(directory, { clock })
    // 0 and 1 are older than three quarters of an hour.
    store.start({
      flush: async () => undefined,
      schemas: () => [],
      retentionOf: (pipeline) => (pipeline === 'p' ? { ageHours: 0.75 } : { bytes: 1 }),
    })
    await store.tidy()
    expect(files().map((file) => file.slice(0, 10))).toEqual(['0000000001', '0000000002', '0000000003'])
    expect(files()[0]).toBe('0000000001.retired')
    expect(readdirSync(join(directory, 'q', '1'))).toEqual(['0000000000.retired'])
    expect((await pageOf(store, {})).numbers).toHaveLength(20)
  })

  test('each row once while a writer appends and rotates and the compactor compacts', async () => {
    const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 1e9)
    const random = seededRandom(seed)
    const below = (limit: number): number => Math.floor(random() * limit)
    store = await LogStore.open(directory, { clock, upkeepMs: 10 })
    store.start(forever)
    const log = store
    let written = 0
    let isWriting = true
    const write = async (): Promise<void> => {
      for (let seq = 0; seq < 25; seq++) {
        const segment = new SegmentWriter(directory, 'p', 1 + Math.floor(seq / 10), seq % 10)
        for (let batch = 0; batch <= below(5); batch++) {
          const count = 1 + below(60)
          segment.append({ first: written, count })
          written += count
          await sleep(below(8))
        }
        segment.seal()
      }
      isWriting = false
    }
    const read = async (order: 'asc' | 'desc'): Promise<number> => {
      let rounds = 0
      for (let isLast = false; !isLast; rounds++) {
        isLast = !isWriting
        const before = written
        const numbers = await readAll(log, { order }, () => 1 + below(200))
        const note = `seed ${seed}, ${order}, round ${rounds}`
        // Newest first begins with what was there then; oldest first may end with what came meanwhile.
        expect(numbers.length, note).toBeGreaterThanOrEqual(before)
        const expected = Array.from({ length: numbers.length }, (_, row) => row)
        expect(numbers, note).toEqual(order === 'asc' ? expected : expected.reverse())
      }
      return rounds
    }
    const [, asc, desc] = await Promise.all([write(), read('asc'), read('desc')])
    expect(Math.min(asc, desc)).toBeGreaterThan(1)
    await log.tidy()
    expect([1, 2, 3].flatMap((version) => files(version)).every((file) => file.endsWith('.parquet'))).toBe(true)
  })

  test('a reader whose rows are removed goes on with those that are left', async () => {
    for (let seq = 0; seq < 6; seq++)
      new SegmentWriter(directory, 'p', 1, seq).append({ first: seq * 10, count: 10 }).seal()
    store = await LogStore.open(directory, { clock })
    let bytes = 1e9
    store.start({ flush: async () => undefined, schemas: () => [], retentionOf: () => ({ ageHours: 1e6, bytes }) })
    const first = await pageOf(store, { order: 'asc', limit: 5 })
    await store.tidy()
    bytes = 10_000
    await store.tidy()
    const rest = await pageOf(store, { limit: 100, cursor: first.cursor ?? '' })
    expect(first.numbers).toEqual([0, 1, 2, 3, 4])
    expect(rest.numbers.length).toBeLessThan(50)
    expect(rest.numbers).toEqual(
      Array.from({ length: rest.numbers.length }, (_, index) => 60 - rest.numbers.length + index),
    )
  })

  test('exports and queries run on the threads as well, with progress', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 500 })
    store = await LogStore.open(directory, { clock })
    const progress: LogExportProgress[] = []
    const out = join(directory, 'out')
    const result = await store.export('p', { directory: out, limit: 1000, format: 'csv' }, (state) =>
      progress.push(state),
    )
    expect(result.files.map(({ path, rows }) => [path, rows])).toEqual([[join(out, 'p-1.csv'), 500]])
    const { body } = await store.query('SELECT count(*) AS n FROM p')
    expect(Buffer.from(body).toString()).toBe('[{"n":500}]')
    await sleep(50)
    expect(progress.at(-1)).toMatchObject({ rows: 500, files: 1 })
    await expect(store.query('DROP TABLE p')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await expect(store.read('p', { limit: 0 })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  test('closing ends what runs, with a code', async () => {
    store = await LogStore.open(directory, { clock })
    const query = store.query('SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b')
    const refused = expect(query).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await sleep(500)
    await store.close()
    await refused
    await expect(store.read('p', {})).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('a file where the directory should be is refused with a code', async () => {
    const path = join(directory, 'file')
    writeFileSync(path, '')
    await expect(LogStore.open(path)).rejects.toMatchObject({ code: 'ERR_STORAGE' })
  })
})
