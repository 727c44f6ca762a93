/**
 * What the inspection of an upload finds out by running it: may requests share batches, and if not, why.
 */
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { ModelInspector } from '../../src/worker/inspection/inspection.js'
import { testModel } from '../support/engine-harness.js'
import { exampleModels, modelPath } from '../support/goldens.js'

const inspector = new ModelInspector()
afterAll(() => inspector.close())
const signatureOf = async (bytes: Uint8Array, by = inspector) =>
  (await by.inspect({ bytes, dataFiles: new Map() })).signature

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
    ['upper-string', 'rows', 'string path'],
    ['fixed-one', 'row', 'fixed at 1'],
    ['sum-rows', 'whole', 'rows are not the input'],
    ['subtract-mean', 'whole', 'Operator ReduceMean (node mean) makes rows depend on each other'],
    ['nonzero', 'whole', 'rows are not the input'],
    ['trim-tokens', 'whole', 'changes its shape'],
  ])('%s runs as %s (%s)', async (name, batching, remark) => {
    const signature = await signatureOf(testModel(name))
    expect(signature.batching).toBe(batching)
    expect(signature.remark).toContain(remark)
    if (remark === '') expect(signature.remark).toBe('')
  })

  test.each(exampleModels)('the example %s shares batches', async (name) => {
    expect(await signatureOf(readFileSync(modelPath(name)))).toMatchObject({ batching: 'rows', remark: '' })
  })

  test('fields keep names, dtypes, order and free dims', async () => {
    expect(await signatureOf(testModel('mixed-dtypes'))).toMatchObject({
      inputs: [
        { name: 'x', dtype: 'float64', shape: [null, 2] },
        { name: 'scale', dtype: 'int32', shape: [null] },
      ],
      outputs: [
        { name: 'y', dtype: 'float64', shape: [null, 2] },
        { name: 'big', dtype: 'bool', shape: [null] },
      ],
    })
    expect((await signatureOf(testModel('repeat-tokens'))).outputs).toEqual([
      { name: 'twice', dtype: 'int64', shape: [null, null] },
    ])
  })

  test('an inspection that takes too long is refused; the next one is served', async () => {
    const hasty = new ModelInspector(1)
    await expect(signatureOf(testModel('slow'), hasty)).rejects.toMatchObject({ code: 'ERR_MODEL_INVALID' })
    await hasty.close()
    expect((await signatureOf(testModel('add-one'))).batching).toBe('rows')
  })

  test('a model that ends the process which tries it is refused, and ends nothing else', async () => {
    const fault = new URL('./testing/crashing-runtime.mjs', import.meta.url).href
    vi.stubEnv('NODE_OPTIONS', `--import=${fault}`)
    const crashing = new ModelInspector()
    const refused = await signatureOf(testModel('add-one'), crashing).catch((error: unknown) => error)
    vi.unstubAllEnvs()
    expect(refused).toMatchObject({ code: 'ERR_MODEL_INVALID', message: expect.stringContaining('SIGFPE') as string })
    expect((await signatureOf(testModel('add-one'), crashing)).batching).toBe('rows')
    await crashing.close()
  })

  test('uploads at the same time are inspected one after the other', async () => {
    const signatures = await Promise.all(
      ['add-one', 'fixed-one', 'sum-rows'].map((name) => signatureOf(testModel(name))),
    )
    expect(signatures.map((signature) => signature.batching)).toEqual(['rows', 'row', 'whole'])
  })
})
