/** What challengers gave is in a result that asks for it, which then waits for them; other requests wait for nobody. */
import { Engine, pipeline } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes } from '../support/served.js'

let engine: Engine
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 2, calibration: 'off', pendingRowsBackgroundMax: 8 })
  for (const name of ['add-one', 'times-two', 'slow', 'constant-v1', 'upper-string'])
    await engine.addModel(name, modelBytes(name))
  await pipeline('both', engine).shadow('add-one', ['times-two']).deploy()
  await pipeline('chained', engine).shadow('add-one', ['times-two']).model('times-two').deploy()
  await pipeline('texts', engine).multiModel(['upper-string', 'upper-string']).audit('1:').select(0).deploy()
})
afterAll(() => engine.close())

const x = new Float32Array([1, 2, 3, 4, 5, 6])

describe('outputs of the models beside the answering one', () => {
  it('are described, and delivered only to requests that ask for them', async () => {
    expect(
      engine.describePipeline('both').others.map(({ label, outputs }) => [label, outputs.map(({ name }) => name)]),
    ).toEqual([['times-two', ['y']]])
    const alone = await engine.infer('both', { inputs: { x } })
    expect(alone.others).toBeUndefined()
    const { outputs, others } = await engine.infer('both', { inputs: { x }, withOthers: true })
    expect(Array.from(outputs['y']?.data as Float32Array)).toEqual([2, 3, 4, 5, 6, 7])
    expect(others?.['times-two']?.['y']).toEqual({
      dtype: 'float32',
      shape: [2, 3],
      data: new Float32Array([2, 4, 6, 8, 10, 12]),
    })
  })

  it('of an earlier step: are kept until the end of the request', async () => {
    for (let round = 0; round < 50; round++) {
      const { outputs, others } = await engine.infer('chained', { inputs: { x }, withOthers: true })
      expect(Array.from(outputs['y']?.data as Float32Array)).toEqual([4, 6, 8, 10, 12, 14])
      expect(Array.from(others?.['times-two']?.['y']?.data as Float32Array)).toEqual([2, 4, 6, 8, 10, 12])
    }
  })

  it('are null where they were shed, and the answer is there all the same', async () => {
    const many = new Float32Array(64 * 3).fill(1)
    const results = await Promise.all(
      Array.from({ length: 40 }, () => engine.infer('both', { inputs: { x: many }, withOthers: true })),
    )
    expect(results.every(({ outputs }) => (outputs['y']?.data[0] as number) === 2)).toBe(true)
    const delivered = results.map(({ others }) => others?.['times-two'] ?? null)
    expect(delivered.some((outputs) => outputs === null)).toBe(true)
    for (const outputs of delivered) if (outputs !== null) expect(outputs['y']?.data).toHaveLength(many.length)
  })

  it('of the string path: are there as well', async () => {
    const { others } = await engine.infer('texts', { inputs: { label: ['a', 'b'] }, withOthers: true })
    expect(Object.values(Object.values(others ?? {})[0] ?? {})[0]?.data).toEqual(['A', 'B'])
  })

  it('a cancelled wait ends at once', async () => {
    const stop = new AbortController()
    const pending = engine.infer('both', { inputs: { x }, withOthers: true, signal: stop.signal })
    stop.abort()
    await expect(pending).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(engine.infer('both', { inputs: { x }, withOthers: 1 as never })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    })
  })
})
