import { describe, expect, it } from 'vitest'
import type { LoadReport } from './load.js'
import { formatTable, median, summarise } from './report.js'
import type { LoadCase } from './trials.js'

const load = (name: string): LoadCase => ({ name, server: 'penstock', mode: 'ws', connections: 1, inFlight: 1 })

const trial = (rowsPerSecond: number): LoadReport => ({
  requests: rowsPerSecond * 2,
  requestsPerSecond: rowsPerSecond,
  rowsPerSecond,
  p50Us: 1,
  p95Us: 2,
  p99Us: 3,
  p999Us: 4,
  maxUs: 5,
  messages: rowsPerSecond / 2,
  errors: 0,
  mismatches: 0,
  firstError: '',
  seconds: 2,
  generatorCpuSeconds: 1,
  serverCpuSeconds: 3,
})

describe('bench report', () => {
  it('median: takes the middle one, or the mean of the middle two', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 2, 100])).toBe(3)
  })

  it('median: of nothing is not a number', () => {
    expect(median([])).toBeNaN()
  })

  it('summarise: relates medians to the baseline and CPU seconds to the time that passed', () => {
    const measured = [
      { load: load('fast'), trials: [trial(900), trial(100), trial(600)] },
      { load: load('slow'), trials: [trial(20), trial(10), trial(60)] },
    ]
    const [fast, slow] = summarise(measured, 'slow')
    expect(fast).toMatchObject({ rowsPerSecond: 600, rowsPerSecondRange: [100, 900], timesBaseline: 30 })
    expect(slow).toMatchObject({ timesBaseline: 1, serverCores: 1.5, generatorCores: 0.5, answersPerMessage: 4 })
    expect(slow?.serverCpuSecondsPerMillionRows).toBeCloseTo(3e6 / 40)
  })

  it('formatTable: gives every row the width of the widest', () => {
    const summaries = summarise([{ load: load('a load'), trials: [trial(123_456)] }], 'a load')
    const lines = formatTable(summaries).split('\n')
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
    expect(lines[1]).toContain('123k')
  })
})
