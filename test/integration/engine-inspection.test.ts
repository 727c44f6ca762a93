/**
 * What the inspection of an upload finds out by running it: may requests share batches, and if not, why.
 */
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { ModelInspector } from '../../src/worker/inspection.js'
import { testModel } from './engine-harness.js'
import { exampleModels, modelPath } from './goldens.js'

const inspector = new ModelInspector()
afterAll(() => inspector.close())

describe('inspection', () => {
  test.each([
    ['add-one', 'rows', ''],
    ['double-tokens', 'rows', ''],
    ['repeat-tokens', 'rows', ''],
    ['mixed-dtypes', 'rows', ''],
    ['gather-ten', 'rows', ''],
    ['identity-float16', 'rows', ''],
    ['identity-bool', 'rows', ''],
    ['slow', 'rows', ''],
    ['upper-string', 'rows', 'plain path'],
    ['fixed-one', 'row', 'fixed at 1'],
    ['sum-rows', 'whole', 'rows are not the input'],
    ['subtract-mean', 'whole', 'Rows influence each other'],
    ['nonzero', 'whole', 'rows are not the input'],
    ['trim-tokens', 'whole', 'changes its shape'],
  ])('%s runs as %s (%s)', async (name, batching, remark) => {
    const signature = await inspector.inspect(testModel(name))
    expect(signature.batching).toBe(batching)
    expect(signature.remark).toContain(remark)
    if (remark === '') expect(signature.remark).toBe('')
  })

  test.each(exampleModels)('the example %s shares batches', async (name) => {
    expect(await inspector.inspect(readFileSync(modelPath(name)))).toMatchObject({ batching: 'rows', remark: '' })
  })

  test('fields keep names, dtypes, order and free dims', async () => {
    expect(await inspector.inspect(testModel('mixed-dtypes'))).toMatchObject({
      inputs: [
        { name: 'x', dtype: 'float64', shape: [null, 2] },
        { name: 'scale', dtype: 'int32', shape: [null] },
      ],
      outputs: [
        { name: 'y', dtype: 'float64', shape: [null, 2] },
        { name: 'big', dtype: 'bool', shape: [null] },
      ],
    })
    expect((await inspector.inspect(testModel('repeat-tokens'))).outputs).toEqual([
      { name: 'twice', dtype: 'int64', shape: [null, null] },
    ])
  })

  test('an inspection that takes too long is refused; the next one is served', async () => {
    const hasty = new ModelInspector(1)
    await expect(hasty.inspect(testModel('slow'))).rejects.toMatchObject({ code: 'ERR_MODEL_INVALID' })
    await hasty.close()
    expect((await inspector.inspect(testModel('add-one'))).batching).toBe('rows')
  })

  test('uploads at the same time are inspected one after the other', async () => {
    const signatures = await Promise.all(
      ['add-one', 'fixed-one', 'sum-rows'].map((name) => inspector.inspect(testModel(name))),
    )
    expect(signatures.map((signature) => signature.batching)).toEqual(['rows', 'row', 'whole'])
  })
})
