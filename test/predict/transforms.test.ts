/** Rows by the names of a contract through a pipeline that begins and ends with transforms. */
import type { Engine } from 'penstock'
import { beforeEach, describe, expect, test } from 'vitest'
import { openEngine, refusal } from '../support/engine-harness.js'

// add-one: float32 x [N, 3] → y [N, 3], each element one more.
const contract = {
  name: 'things',
  fields: [
    { name: 'id', dtype: 'string', role: 'entity' },
    { name: 'size', dtype: 'float32?', min: 0 },
    { name: 'count', dtype: 'int64?', required: false },
    { name: 'colour', dtype: 'string?', values: ['red', 'blue'] },
    { name: 'label', dtype: 'string', role: 'prediction' },
    { name: 'larger', dtype: 'float32', role: 'prediction', from: { output: 'a' } },
    { name: 'model', dtype: 'string', role: 'modelVersion' },
  ],
  example: { id: 'e', size: 1, count: 2, colour: 'red' },
} as const
const before = {
  type: 'transform',
  ops: [
    { op: 'impute', columns: ['size'], strategy: 'constant', values: [10] },
    { op: 'impute', columns: ['count'], strategy: 'constant', values: [7] },
    { op: 'impute', columns: ['colour'], strategy: 'most-frequent', values: ['blue'] },
    { op: 'ordinal', columns: ['colour'], categories: [['blue', 'red']] },
    { op: 'concat', columns: ['size', 'count', 'colour'], as: 'x', dtype: 'float32' },
  ],
}
const behind = {
  type: 'transform',
  ops: [
    { op: 'split', column: 'y', as: ['a', 'b', 'label'] },
    { op: 'cast', columns: ['label'], dtype: 'int64' },
    { op: 'label-map', columns: ['label'], labels: { 1: 'cold', 2: 'warm' } },
  ],
}

let engine: Engine
beforeEach(async () => {
  engine = await openEngine(['add-one'])
  await engine.contracts.put(contract)
})
const apply = (...steps: object[]): Promise<unknown> =>
  engine.applyPipeline({ name: 'raw', contract: 'things', steps: steps as never }, { deploy: true })
const model = { type: 'model', model: 'add-one' }

describe('predict through transforms', () => {
  test('missing texts and integers are imputed, answers are labels, and the row says whose it is', async () => {
    await apply(before, model, behind)
    const { predictions } = await engine.predict('raw', [
      { id: 'one', size: 1, count: 2, colour: 'red' },
      { id: 'two', size: null, colour: null },
    ])
    expect(predictions).toEqual([
      { id: 'one', label: 'warm', larger: 2, model: 'add-one@1' },
      { id: 'two', label: 'cold', larger: 11, model: 'add-one@1' },
    ])
  })

  test('what the contract refuses never reaches an operation', async () => {
    await apply(before, model, behind)
    const { code, message } = await refusal(engine.predict('raw', { id: 'one', size: 1, colour: 'rosé' }))
    expect([code, message]).toEqual(['ERR_CONTRACT', expect.stringContaining('rosé')])
  })

  test('an example that the operations refuse keeps the pipeline from serving', async () => {
    const narrow = {
      ...before,
      ops: [...before.ops.slice(0, 3), { ...before.ops[3]!, categories: [['blue']] }, before.ops[4]!],
    }
    const { code, message } = await refusal(apply(narrow, model, behind))
    expect(code).toBe('ERR_PIPELINE_INVALID')
    expect(message).toMatch(/the example of things@1.*colour.*"red"/)
    await expect(engine.predict('raw', { id: 'x', size: 1, colour: 'red' })).rejects.toMatchObject({
      code: 'ERR_PIPELINE_NOT_FOUND',
    })
  })
})
