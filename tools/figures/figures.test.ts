/** README.md and docs/performance.md print the newest runs of bench/results, with what each figure is compared with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { samplesOf } from '../../bench/workloads/rounds.js'
import { criterionResult, skipped } from '../../bench/workloads/row.js'
import * as table from '../../bench/workloads/table.js'
import { formatFigures, formatCriteria, newestFigures, newestCriteria, placeFigures, shortNumber } from './figures.mjs'

const machine = { cpu: 'A CPU', cores: 2, node: 'v20.0.0', onnxRuntime: '1.30.0', commit: 'abc', loadAtStart: 0.4 }
const common = { date: '2026-11-21T09:00:00.000Z', machine, trials: 3 }
const run = [
  {
    ...common,
    name: 'Penstock, WebSocket',
    rowsPerSecond: 1_234_567,
    timesBaseline: 36.04,
    p50Us: 590.2,
    p99Us: 1_420,
  },
  { ...common, name: 'fastify', rowsPerSecond: 34_250, timesBaseline: 1, p50Us: 900, p99Us: 2_000 },
  { ...common, name: 'bare onnxruntime-node', batches: [] },
]

describe('figures', () => {
  it('figures: prints rate and ratio of each load, and whose they are', () => {
    const text = formatFigures(run)
    expect(text).toContain('| Penstock, WebSocket | 1235k | 36.0 | 0.590 | 1.42 |')
    expect(text).toContain('| fastify | 34.3k | 1.0 | 0.900 | 2.00 |')
    expect(text).not.toContain('bare')
    expect(text).toContain('2026-11-21, commit abc: A CPU, 2 cores')
    expect(text).toContain('load average 0.4')
  })

  it('figures: replaces what stands between the marks, and refuses a page without them', () => {
    const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const placed = placeFigures(page, formatFigures(run))
    expect(placed).toContain('| fastify | 34.3k |')
    expect(placeFigures(placed, newestFigures())).toBe(placeFigures(page, newestFigures()))
    expect(() => placeFigures('# Penstock\n', '')).toThrow('Expected the page to have the lines')
  })

  it('figures: README.md says what the newest run says: node tools/figures/figures.mjs', () => {
    const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    expect(placeFigures(page, newestFigures())).toBe(page)
  })

  it('figures: docs/performance.md says what the newest run says: node tools/figures/figures.mjs', () => {
    const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
    expect(placeFigures(page, newestCriteria())).toBe(page)
  })
})

describe('figures: the criteria', () => {
  const whole = { memoryGb: 24, ...machine }
  const target = { unit: '×', baseline: 'a|b 2/s', better: 'more', required: 0.7, aim: 1 } as const
  const linesOf = (day: number, figure: number): string[] =>
    table.findingLines(new Date(Date.UTC(2026, 0, day)), whole, [
      skipped(4, 'Triton', 'no wheel'),
      criterionResult(1, 'WebSocket', samplesOf([figure, figure, figure / 2]), target),
    ])

  it('criteria: prints figure, range, baseline and targets in the order of their numbers, and what was not measured', () => {
    const lines = formatCriteria(linesOf(1, 0.8).map((line) => JSON.parse(line) as never)).split('\n')
    expect(lines[3]).toBe('| 1 | WebSocket | 0.8 × | 0.4–0.8 | a\\|b 2/s | ≥ 0.7 | ≥ 1 | yes |')
    expect(lines[4]).toBe('| 4 | Triton |  |  | no wheel |  |  | not measured |')
    expect(lines[6]).toContain('A CPU, 2 cores')
    expect(lines[7]).toBe('Runs: rows 1, 4 on 2026-01-01, commit abc, load average 0.4 at the start.')
  })

  it('criteria: takes each one from the newest run that has it, and says when there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'penstock-figures-'))
    try {
      expect(newestCriteria(folder)).toContain('No run of the rows was kept yet.')
      writeFileSync(join(folder, '2026-01-01-rows.ndjson'), [...linesOf(3, 0.3), ...linesOf(1, 0.1), ''].join('\n'))
      const later = linesOf(4, 0.4).filter((line) => line.includes('"row":4'))
      writeFileSync(join(folder, '2026-01-02-rows.ndjson'), [...linesOf(2, 0.2), ...later, ''].join('\n'))
      expect(newestCriteria(folder)).toContain('| 0.3 × |')
      expect(newestCriteria(folder)).not.toMatch(/\| 0\.[12] ×/)
      expect(newestCriteria(folder)).toMatch(/Runs: rows 1 on 2026-01-03, .*; rows 4 on 2026-01-04, /)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('rows: numbers are written as the terminal writes them', () => {
    for (const value of [0, 0.123456, -12.345, 1234.5, 9999.5, 23_456, 1_234_567])
      expect(shortNumber(value)).toBe(table.shortNumber(value))
    expect(shortNumber(null)).toBe('none')
  })
})
