/** Transforms as steps: from the columns that callers send to the model's tensor, and from its outputs to answers. */
import type { Engine, StepInput } from 'penstock'
import { beforeEach, describe, expect, test } from 'vitest'
import { deploy, openEngine, refusal } from '../../support/engine-harness.js'

// add-one: float32 x [N, 3] → y [N, 3], each element one more.
const inputs = [
  { name: 'size', dtype: 'float32' },
  { name: 'count', dtype: 'int64' },
  { name: 'colour', dtype: 'string' },
] as const
const ops = [
  { op: 'impute', columns: ['size'], strategy: 'constant', values: [10] },
  { op: 'ordinal', columns: ['colour'], categories: [['blue', 'red']], unknown: 'error' },
  { op: 'concat', columns: ['size', 'count', 'colour'], as: 'x', dtype: 'float32' },
] as const
const before = { type: 'transform', ops, inputs } as unknown as StepInput
const model = { type: 'model', model: 'add-one' } as const
const behind = (...list: object[]): StepInput => ({ type: 'transform', ops: list }) as unknown as StepInput
const rows = { size: Float32Array.of(1, NaN), count: [2n, 3n], colour: ['red', 'blue'] }

let engine: Engine
beforeEach(async () => {
  engine = await openEngine(['add-one'])
})

describe('transform steps', () => {
  test('before the model: callers send columns, texts and missing values among them', async () => {
    await deploy(engine, 'raw', [before, model])
    const { inputs: described, outputs: named } = engine.describePipeline('raw')
    expect(described.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['size', 'float32', [null]],
      ['count', 'int64', [null]],
      ['colour', 'string', [null]],
    ])
    const { outputs, rows: count } = await engine.infer('raw', { inputs: rows })
    expect(count).toBe(2)
    expect([...(outputs[named[0]!.name]!.data as Float32Array)]).toEqual([2, 3, 2, 11, 4, 1])
  })

  test('behind the model: answers are made of its outputs, texts too', async () => {
    const split = { op: 'split', column: 'y', as: ['a', 'b', 'c'] }
    const label = { op: 'label-map', columns: ['c'], labels: { 1: 'blue', 2: 'red' } }
    await deploy(engine, 'labelled', [
      before,
      model,
      behind(split, { op: 'cast', columns: ['c'], dtype: 'int64' }, label),
      behind({ op: 'rename', names: { c: 'colour' } }, { op: 'keep', columns: ['colour', 'a'] }),
    ])
    const { outputs } = await engine.infer('labelled', { inputs: rows })
    expect(Object.keys(outputs)).toEqual(['colour', 'a'])
    expect(outputs['colour']).toEqual({ dtype: 'string', shape: [2], data: ['red', 'blue'] })
    expect([...(outputs['a']!.data as Float32Array)]).toEqual([2, 11])
    expect(engine.describePipeline('labelled').outputs.map(({ name, dtype }) => [name, dtype])).toEqual([
      ['colour', 'string'],
      ['a', 'float32'],
    ])
  })

  test('one row at a time gives the bits that all rows together give', async () => {
    await deploy(engine, 'raw', [before, model])
    const all = await engine.infer('raw', { inputs: rows })
    const alone = await Promise.all(
      [0, 1].map((i) =>
        engine.infer('raw', {
          inputs: { size: rows.size.slice(i, i + 1), count: [rows.count[i]!], colour: [rows.colour[i]!] },
        }),
      ),
    )
    expect(alone.flatMap(({ outputs }) => [...(outputs['y']!.data as Float32Array)])).toEqual([
      ...(all.outputs['y']!.data as Float32Array),
    ])
  })

  test('a value that an operation refuses fails its request alone, with row, column, rule and value', async () => {
    await deploy(engine, 'raw', [before, model])
    const [bad, good] = await Promise.allSettled([
      engine.infer('raw', { inputs: { ...rows, colour: ['rosé', 'pink'] } }),
      engine.infer('raw', { inputs: rows }),
    ])
    expect(bad).toMatchObject({
      reason: {
        code: 'ERR_VALUE_RANGE',
        message: 'Expected colour to be one of "blue", "red" but received "rosé" (row 0; 2 values in all)',
        errors: [{ field: 'colour[0]' }, { field: 'colour[1]' }],
      },
    })
    expect(good.status).toBe('fulfilled')
  })

  test.each([
    [
      'no columns known',
      [{ ...before, inputs: undefined } as StepInput, model],
      /to know the columns that callers send.*inputs:/,
    ],
    [
      'a column misspelt',
      [{ ...before, ops: [{ op: 'clip', columns: ['sise'], low: 0, high: 1 }] } as never, model],
      /sise.*Did you mean size/,
    ],
    [
      'no column of the input',
      [{ ...before, ops: [ops[0]] } as never, model],
      /to make the input x of the model.*leaves size, count, colour/,
    ],
    [
      'another dtype',
      [{ ...before, ops: [...ops.slice(0, 2), { ...ops[2], dtype: 'float64' }] } as never, model],
      /float64.*"op": "cast"/,
    ],
    [
      'too few columns',
      [{ ...before, ops: [ops[1], { ...ops[2], columns: ['size', 'colour'] }] } as never, model],
      /\[2\].*concat/,
    ],
    [
      'not fitted',
      [{ ...before, ops: [{ op: 'impute', columns: ['size'], strategy: 'mean' }] } as never, model],
      /to be fitted.*transform fit/,
    ],
    [
      'between models',
      [model, behind({ op: 'round', columns: ['y'] }), model],
      /not to stand between models.*two pipelines/,
    ],
    [
      'inputs behind the model',
      [model, { ...before, ops: [{ op: 'round', columns: ['y'] }] } as never],
      /to have no inputs/,
    ],
    [
      'an input twice',
      [{ ...before, inputs: [inputs[0], inputs[0]] } as never, model],
      /the name of no other input.*size/,
    ],
    [
      'a dtype that is none',
      [{ ...before, inputs: [{ name: 'a', dtype: 'float' }] } as never, model],
      /one of float32, .* but received "float"/,
    ],
  ] as [string, StepInput[], RegExp][])('is refused at deploy: %s', async (_, steps, words) => {
    const { code, message } = await refusal(deploy(engine, 'refused', steps))
    expect(code).toBe('ERR_PIPELINE_INVALID')
    expect(message).toMatch(words)
  })

  test('with a contract: its features are the columns', async () => {
    await engine.contracts.put({
      name: 'things',
      fields: [...inputs, { name: 'y', dtype: 'float32', shape: [3], role: 'prediction' }],
    })
    await engine.applyPipeline(
      { name: 'bound', contract: 'things', steps: [{ type: 'transform', ops } as never, model] },
      { deploy: true },
    )
    const { outputs } = await engine.infer('bound', { inputs: rows })
    expect([...(outputs['y']!.data as Float32Array)]).toEqual([2, 3, 2, 11, 4, 1])
    const twice = engine.applyPipeline(
      { name: 'twice', contract: 'things', steps: [before as never, model] },
      { deploy: true },
    )
    expect((await refusal(twice)).message).toContain('the contract of the pipeline says what callers send')
  })
})
