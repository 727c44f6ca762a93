/** README.md prints the newest run of bench/results, and the ratio beside every rate. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatFigures, newestFigures, placeFigures } from './figures.mjs'

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
    expect(() => placeFigures('# Penstock\n', '')).toThrow('Expected README.md')
  })

  it('figures: README.md says what the newest run says: node tools/figures/figures.mjs', () => {
    const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    expect(placeFigures(page, newestFigures())).toBe(page)
  })
})
