/** Explanations of functions whose explanation is known, without an engine: the runner is the function. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../base/random.js'
import type { Tensor, TensorField } from '../tensor/tensor.js'
import { parseExplainConfig } from './config.js'
import { score, variance } from './metrics.js'
import { occlude } from './occlusion.js'
import { permutation, permute } from './permutation.js'
import { bindProblem, type Problem } from './problem.js'
import { numberAt, type Tensors } from './rows.js'
import type { RowRunner } from './variants.js'

const x: TensorField = { name: 'x', dtype: 'float32', shape: [null, 3] }
const k: TensorField = { name: 'k', dtype: 'int64', shape: [null] }
const y: TensorField = { name: 'y', dtype: 'float32', shape: [null, 1] }
const weights = [2, -1, 0.5]

const floats = (rows: number[][]): Tensor => ({
  dtype: 'float32',
  shape: [rows.length, rows[0]?.length ?? 0],
  data: Float32Array.from(rows.flat()),
})
const integers = (values: number[]): Tensor => ({
  dtype: 'int64',
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
})

const rows = [
  [1, 2, 4],
  [3, -1, 0],
  [-2, 5, 8],
  [0, 0, 1],
]
const inputs = { x: floats(rows), k: integers([1, 2, 3, 4]) }

function problemOf(config: object, others: { inputs?: Tensors; targets?: unknown } = {}): Problem {
  return bindProblem({
    config: parseExplainConfig('c', config),
    inputFields: [x, k],
    outputFields: [y],
    inputs,
    ...others,
  })
}

/** 2·x0 − x1 + x2/2 + 10·k, in chunks of three; counts the rows that it ran. */
function linear(counter = { rows: 0 }): RowRunner {
  return {
    chunkRows: 3,
    run: async (chunk, origins) => {
      counter.rows += origins.length
      expect(chunk['x']?.shape[0]).toBe(origins.length)
      return Float64Array.from(origins, (_, row) => {
        const of = (column: number) => numberAt(chunk['x'] as Tensor, row * 3 + column)
        return weights.reduce(
          (sum, weight, column) => sum + weight * of(column),
          10 * numberAt(chunk['k'] as Tensor, row),
        )
      })
    },
  }
}

describe('occlusion', () => {
  it('of a linear function is weight · (element − baseline), for every element of every input', async () => {
    const counter = { rows: 0 }
    const problem = problemOf({ method: 'occlusion', baseline: { x: [1, 1, 1], k: 2 } })
    const result = await occlude(problem, linear(counter))
    expect(result.groups).toEqual(['x[0]', 'x[1]', 'x[2]', 'k'])
    rows.forEach((row, index) => {
      const expected = [...row.map((value, column) => (weights[column] ?? 0) * (value - 1)), 10 * (index + 1 - 2)]
      expect(result.contributions[index]).toEqual(expected)
    })
    expect(result.outputs[0]).toBe(2 * 1 - 2 + 4 / 2 + 10)
    expect(result.importances[0]).toBe((0 + 4 + 6 + 2) / 4)
    expect(counter.rows).toBe(problem.evaluations)
  })

  it('takes the mean of the rows as baseline, rounded where the input is integers', async () => {
    const { baselines } = problemOf({ method: 'occlusion', baseline: 'mean' })
    expect(Array.from(baselines['x']?.data as Float32Array)).toEqual([0.5, 1.5, 3.25])
    expect(Array.from(baselines['k']?.data as BigInt64Array)).toEqual([3n])
  })

  it('changes the elements of a group together', async () => {
    const groups = [
      { name: 'first two', input: 'x', elements: [0, 1] },
      { name: 'all of k', input: 'k' },
    ]
    const result = await occlude(problemOf({ method: 'occlusion', groups }), linear())
    expect(result.contributions[0]).toEqual([2 * 1 - 2, 10])
    expect(result.groups).toEqual(['first two', 'all of k'])
  })
})

describe('permutation importance', () => {
  it('with variance is half the mean square of the change under the permutations of its seed', async () => {
    const config = { method: 'permutation', repeats: 7, seed: 42, groups: [{ name: 'a', input: 'x', elements: [1] }] }
    const result = await permute(problemOf(config), linear())
    const random = seededRandom(42)
    const expected = Array.from({ length: 7 }, () => {
      const order = permutation(4, random)
      return rows.reduce((sum, row, index) => sum + ((row[1] ?? 0) - (rows[order[index] ?? 0]?.[1] ?? 0)) ** 2, 0) / 8
    })
    expect(result.repeats[0]).toEqual(expected)
    expect(result.importances[0]).toBeCloseTo(expected.reduce((sum, value) => sum + value, 0) / 7, 12)
    expect(result.deviations[0]).toBeCloseTo(Math.sqrt(variance(Float64Array.from(expected))), 12)
  })

  it('with variance of a linear function comes to weight² · variance of the element', async () => {
    const result = await permute(problemOf({ method: 'permutation', repeats: 100, seed: 3 }), linear())
    const columns = [...weights.map((_, column) => rows.map((row) => row[column] ?? 0)), [1, 2, 3, 4]]
    columns.forEach((column, index) => {
      const exact = ([...weights, 10][index] ?? 0) ** 2 * variance(Float64Array.from(column))
      // 100 permutations of 4 rows: three standard errors.
      const error = (3 * (result.deviations[index] ?? 0)) / 10
      expect(Math.abs((result.importances[index] ?? 0) - exact), `column ${index}`).toBeLessThan(error)
    })
  })

  it('is the drop of the score; an element that counts for nothing has none', async () => {
    const targets = rows.map((row, index) => weights.reduce((sum, w, i) => sum + w * (row[i] ?? 0), 10 * (index + 1)))
    for (const metric of ['mse', 'mae', 'r2'] as const) {
      const result = await permute(problemOf({ method: 'permutation', metric, seed: 1 }, { targets }), linear())
      expect(result.score).toBe(metric === 'r2' ? 1 : 0)
      expect(result.importances[3]).toBeGreaterThan(result.importances[2] ?? 0)
    }
    const deaf: RowRunner = { chunkRows: 100, run: async (_, origins) => new Float64Array(origins.length) }
    const config = { method: 'permutation', metric: 'mse' }
    expect((await permute(problemOf(config, { targets }), deaf)).importances).toEqual([0, 0, 0, 0])
  })

  it('permutation: reaches every order about equally often', () => {
    const random = seededRandom(5)
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      const order = permutation(3, random).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('score: as scikit-learn defines them', () => {
    const outputs = Float64Array.of(1, 2, 4)
    const targets = Float64Array.of(1, 3, 2)
    expect(score('mse', outputs, targets, undefined)).toBeCloseTo(-5 / 3, 12)
    expect(score('mae', outputs, targets, undefined)).toBe(-1)
    expect(score('r2', outputs, targets, undefined)).toBeCloseTo(1 - 5 / 2, 12)
    expect(score('accuracy', outputs, targets, undefined)).toBeCloseTo(1 / 3, 12)
    expect(score('accuracy', outputs, targets, 1.5)).toBe(1)
  })
})

describe('explanations: refusals', () => {
  const refused: [string, object, { targets?: unknown }, RegExp][] = [
    ['an input that is none', { groups: [{ name: 'a', input: 'z' }] }, {}, /groups\[0\]\.input to be one of "x", "k"/],
    [
      'an element beyond the row',
      { groups: [{ name: 'a', elements: [3] }] },
      {},
      /indexes in 0\.\.2 of x but received 3/,
    ],
    ['an output that is none', { output: { field: 'z' } }, {}, /output\.field to be one of "y"/],
    ['an element beyond the output', { output: { element: 1 } }, {}, /output\.element to be an index in 0\.\.0/],
    ['a baseline for no input', { baseline: { z: 1 } }, {}, /each key of baseline to be one of x, k/],
    ['a baseline of the wrong length', { baseline: { x: [1, 2] } }, {}, /a number or 3 of them/],
    ['a baseline that the dtype cannot hold', { baseline: { k: 0.5 } }, {}, /baseline\.k.*integer/],
    ['targets where nothing is compared', {}, { targets: [1] }, /targets to be absent/],
    ['targets of another number', { method: 'permutation', metric: 'mse' }, { targets: [1] }, /one number per row, 4/],
    ['missing targets', { method: 'permutation', metric: 'mse' }, {}, /targets to be an array/],
  ]
  it.each(refused)('%s', (_, config, others, words) => {
    expect(() => problemOf({ method: 'occlusion', ...config }, others)).toThrow(words)
  })

  it('a configuration with a member that its method does not have, or of the wrong type', () => {
    for (const [config, words] of [
      [{ method: 'shap' }, /method to be one of "occlusion", "permutation"/],
      [{ method: 'occlusion', repeats: 3 }, /each key of the configuration/],
      [{ method: 'permutation', threshold: 1 }, /threshold to be absent/],
      [{ method: 'permutation', repeats: 101 }, /repeats to be an integer in 1\.\.100/],
      [{ method: 'occlusion', groups: [] }, /at least one group/],
      [{ method: 'occlusion', groups: [{ name: 'a' }, { name: 'a' }] }, /the name of no other group/],
      [{ method: 'occlusion', baseline: 'zero' }, /a number, "mean", or numbers by input/],
      [{ method: 'occlusion', name: 'other' }, /name to be "c", as in the address/],
    ] as const)
      expect(() => parseExplainConfig('c', config), words.source).toThrow(words)
  })

  it('more rows, bytes, runs or results than the limits allow, before anything is run', () => {
    const many = { x: floats(Array.from({ length: 4097 }, () => [1, 2, 3])), k: integers(new Array(4097).fill(1)) }
    expect(() => problemOf({ method: 'occlusion' }, { inputs: many })).toThrow(/rows to be at most 4096/)
    const some = { x: floats(Array.from({ length: 4000 }, () => [1, 2, 3])), k: integers(new Array(4000).fill(1)) }
    const groups = Array.from({ length: 17 }, (_, index) => ({ name: `g${index}` }))
    expect(() => problemOf({ method: 'occlusion', groups }, { inputs: some })).toThrow(/values of the result/)
    const often = { method: 'permutation', repeats: 100, groups }
    expect(() => problemOf(often, { inputs: some })).toThrow(/rows to run to be at most/)
  })
})
