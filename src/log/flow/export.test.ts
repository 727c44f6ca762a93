/** Exports: formats, splits at schema changes and sizes, warnings. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Table, tableFromIPC } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogExport, LogExportProgress, LogExportResult } from '../../engine/api/logs.js'
import { readParquet } from '../../formats/parquet.js'
import { exportTask } from '../store/query.js'
import { epochMs, SegmentWriter } from '../testing/segments.js'
import { exportLogs } from './export-logs.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-export-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const run = (options: LogExport = {}, onProgress: (progress: LogExportProgress) => void = () => undefined) =>
  exportLogs(exportTask(directory, 'p', { directory: join(directory, 'out'), ...options }), onProgress)
const names = ({ files }: LogExportResult): string[] => files.map(({ path }) => basename(path))
const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const firstOf = (row: Record<string, unknown>): number => (row['in.x'] as number[])[0] as number
const firstsOf = (table: Table): number[] =>
  Array.from({ length: table.numRows }, (_, row) =>
    (table.getChild('in.x')?.get(row) as { get(at: number): number }).get(0),
  )
const down = (from: number, to: number): number[] => Array.from({ length: from - to }, (_, index) => from - 1 - index)

describe('exports', () => {
  it('by default: 100 rows as lines of JSON with flat keys, newest first, and a warning that there are more', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 150 })
    const result = await run()
    expect(names(result)).toEqual(['p-1.json'])
    expect(result).toMatchObject({
      rows: 100,
      warnings: ['Warning: There are more logs available. Please set a larger limit to export more data.'],
    })
    const rows = lines(join(directory, 'out', 'p-1.json'))
    expect(rows.map(firstOf)).toEqual(down(150, 50))
    expect(Object.keys(rows[0] ?? {})).toEqual([
      'time',
      'in.x',
      'out._model_split',
      'out.y',
      'anomaly.count',
      'anomaly.high',
    ])
    expect((await run({ limit: 150 })).warnings).toEqual([])
  })

  it('an empty log makes no file', async () => {
    expect(await run()).toEqual({ files: [], rows: 0, warnings: [] })
  })

  it('a file ends where the columns change', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 5 }).seal()
    new SegmentWriter(directory, 'p', 2, 0).append({ first: 5, count: 5, width: 2 })
    const result = await run({ filePrefix: 'log', limit: 100 })
    expect(names(result)).toEqual(['log-1.json', 'log-2.json'])
    expect(lines(result.files[0]?.path ?? '').map(firstOf)).toEqual(down(10, 5))
    expect(lines(result.files[1]?.path ?? '').map(firstOf)).toEqual(down(5, 0))
  })

  it.each(['json', 'csv', 'arrow', 'parquet'] as const)(
    '%s: files end within their size, no row lost or doubled',
    async (format) => {
      const writer = new SegmentWriter(directory, 'p', 1, 0)
      for (let first = 0; first < 9000; first += 3000) writer.append({ first, count: 3000, hasText: true })
      const progress: LogExportProgress[] = []
      const result = await run({ format, limit: 10_000, dataSizeLimit: '100 KiB' }, (state) => progress.push(state))
      expect(result.rows).toBe(9000)
      expect(result.files.length).toBeGreaterThan(3)
      for (const { path, sizeBytes } of result.files) {
        expect(sizeBytes).toBe(readFileSync(path).length)
        expect(sizeBytes).toBeLessThanOrEqual(102_400)
      }
      const numbers: number[] = []
      for (const { path } of result.files) {
        const bytes = readFileSync(path)
        if (format === 'json') numbers.push(...lines(path).map(firstOf))
        if (format === 'arrow') numbers.push(...firstsOf(tableFromIPC(bytes)))
        if (format === 'parquet') numbers.push(...firstsOf(await readParquet(bytes)))
        if (format === 'csv') {
          const [head, ...rows] = bytes.toString().trimEnd().split('\n')
          expect(head).toBe('time,in.text,in.x,out._model_split,out.y,anomaly.count,anomaly.high')
          numbers.push(...rows.map((row) => Number(/"\[([\d.]+),/.exec(row)?.[1])))
        }
      }
      expect(numbers).toEqual(down(9000, 0))
      expect(progress.at(-1)?.rows).toBe(9000)
    },
  )

  it('arrow files have the documented types', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 5 })
    const result = await run({ format: 'arrow', datasetExclude: ['out._model_split', 'anomaly.high'] })
    const { fields } = tableFromIPC(readFileSync(result.files[0]?.path ?? '')).schema
    expect(fields.map((field) => `${field.name}: ${field.type}${field.nullable ? '' : ' not null'}`)).toEqual([
      'time: Timestamp<MILLISECOND>',
      'in.x: List<Float32>',
      'out.y: List<Float32> not null',
      'anomaly.count: Uint32 not null',
    ])
  })

  it('a row larger than the limit has a file of its own', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 3, width: 500 })
    expect((await run({ dataSizeLimit: '1KiB' })).files.map(({ rows }) => rows)).toEqual([1, 1, 1])
  })

  it('with dates: the oldest first; what is refused leaves nothing', async () => {
    new SegmentWriter(directory, 'p', 1, 0).append({ first: 0, count: 50 })
    const at = (row: number): Date => new Date(epochMs + row)
    const result = await run({ start: at(10), end: at(13), datasetSeparator: '/' })
    expect(lines(result.files[0]?.path ?? '').map((row) => (row['in/x'] as number[])[0])).toEqual([10, 11, 12])
    for (const options of [
      { dataSizeLimit: 'much' },
      { dataSizeLimit: '5B' },
      { filePrefix: '../up' },
      { start: at(0) },
    ])
      expect(() => exportTask(directory, 'p', options)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
    await expect(run({ directory: join(directory, 'bad'), dataset: ['*', 'metadata'] })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    })
    expect(existsSync(join(directory, 'bad', 'p-1.json'))).toBe(false)
  })
})
