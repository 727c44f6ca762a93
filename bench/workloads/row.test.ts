import { describe, expect, it } from 'vitest'
import { readFindings } from './programs.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { outcomeOf, criterionResult, skipped, type CriterionResult } from './row.js'
import { findingLines, formatFindings, shortNumber } from './table.js'

const machine = { cpu: 'c', cores: 2, memoryGb: 1, node: 'v', onnxRuntime: '1', loadAtStart: 0, commit: 'abc' }
const target = { unit: '×', baseline: 'another 2/s', better: 'more', required: 0.7, aim: 1 } as const
const at = (figure: number, changes: Partial<typeof target> | object = {}): CriterionResult =>
  criterionResult(1, 'a workload', samplesOf([figure]), { ...target, ...changes })

describe('criteria', () => {
  it('interleave: measures every case once a round, each round beginning with another', async () => {
    const order: string[] = []
    const note = (name: string) => () => Promise.resolve(order.push(name))
    const results = await interleave(2, { a: note('a'), b: note('b') })
    expect(order).toEqual(['a', 'b', 'b', 'a'])
    expect(resultsOf(results, 'a')).toEqual([1, 4])
    expect(() => resultsOf(results, 'c')).toThrow('Expected c to be one of a, b')
  })

  it('ratios: relates the trials of one round, not the medians of two series', () => {
    const samples = ratios([10, 90, 30], [10, 30, 90], (value) => value)
    expect(samples).toEqual({ median: 1, low: 1 / 3, high: 3, count: 3 })
  })

  it('outcomeOf: the requirement and the aim are reached at their very value', () => {
    expect([0.69, 0.7, 0.99, 1].map((figure) => outcomeOf(at(figure)))).toEqual(['no', 'yes', 'yes', 'aim'])
  })

  it('outcomeOf: less is better where that is said', () => {
    const outcomes = [1.7, 1.6, 1.3].map((figure) => outcomeOf(at(figure, { better: 'less', required: 1.6, aim: 1.3 })))
    expect(outcomes).toEqual(['no', 'yes', 'aim'])
  })

  it('outcomeOf: a figure that is no number reaches nothing, one without a requirement is only shown', () => {
    expect(outcomeOf(at(Number.NaN))).toBe('no')
    expect(outcomeOf(at(1, { required: null }))).toBe('shown')
    expect(outcomeOf(skipped(4, 'peers', 'not here'))).toBe('skipped')
  })

  it('formatFindings: sorts by criterion and says what is missed', () => {
    const text = formatFindings([{ ...at(0.5), row: 10 }, skipped(4, 'peers', 'none is installed'), at(0.8)])
    const rows = text.split('\n').slice(1)
    expect(rows.map((row) => row.slice(0, 2).trim())).toEqual(['1', '4', '10'])
    expect(rows[2]).toMatch(/0\.5 × .*≥ 0\.7 .*NO$/)
    expect(rows[1]).toMatch(/none is installed .*not measured$/)
  })

  it('readFindings: takes the findings of a program out of whatever else it prints', () => {
    const lines = findingLines(new Date(0), machine, [at(1), skipped(4, 'peers', 'no')])
    const output = ['starting {', '{"kind":"progress"}', ...lines, ''].join('\n')
    expect(readFindings(output).map(({ kind, row }) => [kind, row])).toEqual([
      ['verdict', 1],
      ['skipped', 4],
    ])
  })

  it('shortNumber: three digits', () => {
    expect([0.123456, 12.345, 1234.5, 23_456, 1_234_567].map(shortNumber)).toEqual([
      '0.123',
      '12.3',
      '1230',
      '23.5k',
      '1.23M',
    ])
  })
})
