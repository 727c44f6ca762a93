import { describe, expect, it } from 'vitest'
import { compare, measurePairs, medianInterval, outcomeOf, outcomeOfCriterion, ratioMin, type Figure } from './pairs.js'
import { formatCompared } from './report.js'
import { skipped } from '../row.js'

const rate: Figure = { row: 1, name: 'rows/s', unit: '/s', better: 'more', isRequired: true }
const latency: Figure = { row: 2, name: 'p50', unit: 'µs', better: 'less', isRequired: true }
const counted = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
const sure = { confidence: 0.97 }

describe('two builds: pairs', () => {
  it('measurePairs: swaps the order every time, and keeps pairs together', async () => {
    const order: string[] = []
    const results = await measurePairs(3, async (side, pair) => order.push(`${side} ${pair}`))
    expect(order).toEqual(['own 0', 'other 0', 'other 1', 'own 1', 'own 2', 'other 2'])
    expect(results).toEqual({ own: [1, 4, 5], other: [2, 3, 6] })
  })

  it('compare: takes the median of the ratios of pairs, not the ratio of medians', () => {
    const { own, other, ratio } = compare(rate, { own: [10, 90, 30], other: [10, 30, 90] })
    expect([own, other]).toEqual([30, 30])
    expect(ratio).toEqual({ median: 1, low: 1 / 3, high: 3, count: 3 })
    const shifted = compare(rate, { own: [10, 20, 60], other: [20, 40, 30] })
    expect([shifted.ratio.median, shifted.own / shifted.other]).toEqual([0.5, 2 / 3])
  })

  it('compare: a ratio above 1 says that this build is better, whatever the figure', () => {
    expect(compare(rate, { own: [200], other: [100] }).ratio.median).toBe(2)
    expect(compare(latency, { own: [200], other: [100] }).ratio.median).toBe(0.5)
  })

  it('compare: builds that differ plainly are found to, in either direction', () => {
    const noise = [0.99, 1.01, 1, 0.995, 1.005, 1.002]
    const scaled = (share: number): number => {
      const own = noise.map((value) => value * share)
      return ['below', 'unclear', 'holds'].indexOf(compare(rate, { own, other: noise.map(() => 1) }).outcome)
    }
    expect([0.9, 0.98, 1.1].map(scaled)).toEqual([0, 1, 2])
  })

  it('compare: a figure that was not measured decides nothing', () => {
    const { outcome, ratio } = compare(rate, { own: Array(8).fill(Number.NaN), other: Array(8).fill(1) })
    expect([outcome, ratio.median]).toEqual(['unclear', Number.NaN])
  })
})

describe('two builds: the interval of the median', () => {
  it('medianInterval: cuts as many at each end as the sign test allows', () => {
    // Tables of the sign test: n, the order statistics, and the confidence.
    const table = [
      [6, 1, 6, 0.969],
      [8, 1, 8, 0.992],
      [9, 2, 8, 0.961],
      [12, 3, 10, 0.961],
      [20, 6, 15, 0.959],
    ] as const
    for (const [count, low, high, confidence] of table) {
      const interval = medianInterval(counted(count).reverse())
      expect([interval.low, interval.high], `n = ${count}`).toEqual([low, high])
      expect(interval.confidence, `n = ${count}`).toBeCloseTo(confidence, 3)
    }
  })

  it('medianInterval: of five or fewer it is the whole range, and says that it is not enough', () => {
    expect(medianInterval(counted(5))).toEqual({ low: 1, high: 5, confidence: 0.9375 })
    expect(medianInterval([3])).toEqual({ low: 3, high: 3, confidence: 0 })
    expect(medianInterval([]).confidence).toBe(0)
    expect(outcomeOf(medianInterval([2, 2, 2, 2, 2]))).toBe('unclear')
    expect(outcomeOf(medianInterval([2, 2, 2, 2, 2, 2]))).toBe('holds')
  })

  it('outcomeOf: the limit itself holds, and an interval around it is unclear', () => {
    const outcome = (low: number, high: number) => outcomeOf({ low, high, ...sure })
    expect([outcome(ratioMin, 1), outcome(0.97, 0.979), outcome(0.97, ratioMin), outcome(0.9, 1.1)]).toEqual([
      'holds',
      'below',
      'unclear',
      'unclear',
    ])
  })

  it('outcomeOfCriterion: is the worst of the figures that the row is held to', () => {
    const at = (ratio: number, figure: Figure) =>
      compare(figure, { own: Array(6).fill(ratio), other: Array(6).fill(1) })
    const shown = { ...rate, isRequired: false }
    expect(outcomeOfCriterion([at(1, rate), at(0.5, shown)])).toBe('holds')
    expect(outcomeOfCriterion([at(1, rate), at(Number.NaN, rate)])).toBe('unclear')
    expect(outcomeOfCriterion([at(1, rate), at(Number.NaN, rate), at(0.5, rate)])).toBe('below')
  })
})

describe('two builds: the report', () => {
  it('formatCompared: says each criterion’s answer, and where it hangs', () => {
    const machine = { cpu: 'c', cores: 2, memoryGb: 1, node: 'v', onnxRuntime: '1', loadAtStart: 0, commit: 'abc' }
    const other = { root: '/other', commit: 'def', build: 'built just now' }
    const pairsOf = (...own: number[]) => ({ own, other: own.map(() => 100) })
    const results = [
      compare(rate, pairsOf(100, 101, 102, 102, 104, 105)),
      compare({ ...rate, row: 2 }, pairsOf(90, 95, 100, 101, 102, 103)),
      compare({ ...rate, row: 3 }, pairsOf(80, 81, 82, 83, 84, 85)),
      compare({ ...rate, row: 8 }, pairsOf(100)),
      skipped(10, 'tensors', 'failed: no Python'),
    ]
    const bench = { rounds: 6, seconds: 1, warmupSeconds: 1, isQuick: false, folder: '', say: () => undefined }
    const lines = formatCompared({ machine, other, results, failed: 1 }, bench).split('\n')
    expect(lines[1]).toBe('against /other, commit def, built just now')
    expect(lines.slice(-5)).toEqual([
      'row 1: at least 0.98',
      'row 2: cannot be told from noise: rows/s 1.005 (96.9 % interval 0.900–1.030 contains 0.98)',
      'row 3: BELOW 0.98: rows/s 0.825 (96.9 % interval 0.800–0.850)',
      'row 8: cannot be told from noise: rows/s 1.000 (too few pairs for an interval of 95 %: 6 or more)',
      'row 10: not measured',
    ])
    expect(lines.find((line) => line.startsWith('1 '))).toMatch(
      /102 \/s +100 \/s +1\.020 +1\.000–1\.050 .* 6 +at least/,
    )
  })
})
