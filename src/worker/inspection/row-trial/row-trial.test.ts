/**
 * The trial against models that are functions of rows, so that each kind of influence stands in its test. What ONNX Runtime
 * itself does is the integration suites' to try.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { TRIAL_COMPARISONS } from '../../../base/limits/limits.js'
import type { RandomSource } from '../../../base/random.js'
import type { Dtype, TensorData } from '../../../tensor/tensor.js'
import { sampleData } from '../../sessions/sample-inputs.js'
import type { TrialInput } from './draw.js'
import { tryRows, type RowTrial, type RowTrialOptions } from './row-trial.js'

type Table = readonly (readonly number[])[]
/** Rows of x in, rows of y out. */
type Model = (rows: Table) => Table

const WIDTH = 3

function sessionOf(model: Model, outputDtype: Dtype = 'float32'): InferenceSession {
  const run = (feeds: Record<string, OrtTensor>): Promise<unknown> => {
    const { data, dims } = feeds['x'] as OrtTensor
    const flat = Array.from(data as Float32Array | BigInt64Array, Number)
    const rows = Array.from({ length: dims[0] as number }, (_, row) => flat.slice(row * WIDTH, (row + 1) * WIDTH))
    const result = model(rows)
    const values = result.flat()
    const y = {
      type: outputDtype,
      dims: [result.length, values.length / result.length],
      data: typed(outputDtype, values),
    }
    return Promise.resolve({ y })
  }
  return { outputNames: ['y'], run } as unknown as InferenceSession
}

const typed = (dtype: Dtype, values: readonly number[]): TensorData =>
  dtype === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values)

function inputs(dtype: Dtype): TrialInput[] {
  const sample = (random: RandomSource): TensorData => sampleData(dtype, WIDTH, random)
  return [{ name: 'x', dtype, dims: [1, WIDTH], sample, families: ['plain'] }]
}

function attempt(
  model: Model,
  {
    dtype = 'float32',
    output = 'float32',
    ...options
  }: Partial<RowTrialOptions> & { dtype?: Dtype; output?: Dtype } = {},
): Promise<RowTrial> {
  let now = 0
  return tryRows(sessionOf(model, output), inputs(dtype), {
    isProven: false,
    budgetMs: 1e9,
    nowMs: () => now++,
    ...options,
  })
}

const most = (rows: Table): number => Math.max(...rows.flat())

describe('row trial', () => {
  test('finds nothing where rows stay apart, and makes as many comparisons as its bound asks', async () => {
    const { comparisons, difference, untried } = await attempt((rows) =>
      rows.map((row) => row.map((value) => value * 2)),
    )
    expect({ difference, untried }).toEqual({ difference: '', untried: [] })
    expect(comparisons).toBeGreaterThanOrEqual(TRIAL_COMPARISONS)
    expect((1 - 0.01) ** comparisons).toBeLessThan(0.001)
  })

  test.each<[string, Model]>([
    ['a maximum that counts above 1', (rows) => rows.map((row) => row.map((value) => value / Math.max(1, most(rows))))],
    [
      'a maximum that counts above 255',
      (rows) => rows.map((row) => row.map((value) => value / Math.max(255, most(rows)))),
    ],
    [
      'a mean that fills what is missing',
      (rows) => {
        const there = rows.flat().filter((value) => !Number.isNaN(value))
        const mean = there.reduce((sum, value) => sum + value, 0) / Math.max(1, there.length)
        return rows.map((row) => row.map((value) => (Number.isNaN(value) ? mean : value)))
      },
    ],
    ['an infinity', (rows) => rows.map((row) => row.map((value) => (rows.flat().includes(-Infinity) ? 0 : value)))],
    [
      'a number below zero',
      (rows) => rows.map((row) => row.map((value) => (Math.min(...rows.flat()) < 0 ? -1 : value))),
    ],
    ['the row before', (rows) => rows.map((row, at) => row.map((value) => value + (rows[at - 1]?.[0] ?? 0) * 1e-3))],
    ['one scale for all', (rows) => rows.map((row) => row.map((value) => Math.round((value / most(rows)) * 255)))],
    ['how many there are', (rows) => rows.map((row) => row.map((value) => value / rows.length))],
    ['more than a kernel holds', (rows) => rows.map((row, at) => row.map((value) => (at >= 64 ? 0 : value)))],
  ])('finds an influence of %s', async (_title, model) => {
    expect((await attempt(model)).difference).toMatch(/^output y of a row differs/)
  })

  test('finds that a rare category changes the rows beside it', async () => {
    const model: Model = (rows) =>
      rows.map((row) => row.map((value) => (rows.flat().includes(7) && !row.includes(7) ? 0 : value + 1)))
    expect((await attempt(model, { dtype: 'int64', output: 'int64' })).difference).not.toBe('')
  })

  test('a lone row that takes another kernel is no difference, in numbers or at a tie', async () => {
    // What a product of matrices does: other roundings for one row than for several.
    const rounded: Model = (rows) => rows.map((row) => row.map((value) => value * (rows.length === 1 ? 1 + 1e-4 : 1)))
    expect((await attempt(rounded)).difference).toBe('')
    expect((await attempt(rounded, { isProven: true })).difference).toBe('')
    const labels: Model = (rows) =>
      rows.map((row) => [(row[0] as number) > 0.5 + (rows.length === 1 ? 0.05 : 0) ? 1 : 0])
    expect((await attempt(labels, { isProven: true, output: 'int64' })).difference).toBe('')
    // Nothing but trying stands behind this one.
    expect((await attempt(labels, { isProven: false, output: 'int64' })).difference).not.toBe('')
  })

  test('kinds of values that the model refuses are left out and named', async () => {
    const refusing: Model = (rows) => {
      if (rows.flat().some((value) => Number.isNaN(value) || value < 0)) throw new Error('refused')
      return rows
    }
    const { untried, difference, comparisons } = await attempt(refusing)
    expect(untried).toEqual(['x: negative, missing, infinite'])
    expect({ difference, isEnough: comparisons >= TRIAL_COMPARISONS }).toEqual({ difference: '', isEnough: true })
  })

  test('a run that is refused although its rows run alone is a difference', async () => {
    const narrow: Model = (rows) => {
      if (rows.length > 32) throw new Error('too many')
      return rows
    }
    expect((await attempt(narrow)).difference).toBe('a run of 33 rows is refused although each of them is run alone')
  })

  test('rows that are left out, and rows that are more than went in, are a difference', async () => {
    const filter: Model = (rows) => rows.filter((row) => row.some((value) => !(value < -0.5)))
    expect((await attempt(filter)).difference).toMatch(/^output y has shape/)
    expect((await attempt((rows) => [...rows, ...rows])).difference).toMatch(/^output y has shape/)
  })

  test('a slow model is tried with small batches, as far as its time goes', async () => {
    let now = 0
    let most = 0
    const slow: Model = (rows) => {
      now += 100 * rows.length
      most = Math.max(most, rows.length)
      return rows
    }
    const trial = await tryRows(sessionOf(slow), inputs('float32'), {
      isProven: true,
      budgetMs: 2_000,
      nowMs: () => now,
    })
    expect(trial.comparisons).toBeGreaterThanOrEqual(2)
    expect(trial.comparisons).toBeLessThan(TRIAL_COMPARISONS)
    expect({ isShort: now < 4_000, most: most <= 8, difference: trial.difference }).toEqual({
      isShort: true,
      most: true,
      difference: '',
    })
  })
})
