/**
 * Rows that share batches are checked while they are served, and what is found has consequences: a metric, a notice, and
 * runs of one row. An override lets a model in that is known to mix its rows, so that there is something to find.
 */
import type { Engine, EngineOptions, Tensor } from 'penstock'
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/base/clock.js'
import { MemoryModelStore } from '../../src/engine/stores/memory-stores.js'
import { deploy, openEngine, testModel, until } from '../support/engine-harness.js'
import { dependentModels, oneRowOnly } from '../support/row-models.js'

const [, , maximum] = dependentModels
const bytes = maximum?.bytes ?? new Uint8Array()

function store(): MemoryModelStore {
  return new MemoryModelStore(new ManualClock())
}

const rowOf = (value: number): Tensor => ({
  dtype: 'float32',
  shape: [1, 3],
  data: Float32Array.of(value, value / 2, value / 4),
})

/** 64 rows at once, a few of which change the answers of all others. */
async function load(engine: Engine, pipeline: string): Promise<number[][]> {
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, caller) =>
      engine.infer(pipeline, { inputs: { x: rowOf(caller % 8 === 0 ? 1000 : 0.5) } }),
    ),
  )
  return answers.map(({ outputs }) => Array.from((outputs['y'] as Tensor).data as Float32Array))
}

/** A store in which the model passes for one whose rows are independent. */
async function trusting(
  options: EngineOptions,
): Promise<{ engine: Engine; models: MemoryModelStore; notices: string[] }> {
  const models = store()
  const notices: string[] = []
  const first = await openEngine([], { models })
  const { signature } = await first.addModel('maximum', bytes, { batching: 'rows', operator: 'a test' })
  const { override: _word, ...proof } = signature.batchingProof ?? { revision: 1 }
  await models.setSignature('maximum', 1, { ...signature, batchingProof: { ...proof, basis: 'trial' } as never })
  const engine = await openEngine([], { models, onNotice: ({ message }) => notices.push(message), ...options })
  await deploy(engine, 'maximum', [{ type: 'model', model: 'maximum' }])
  return { engine, models, notices }
}

test('a row that gets another answer in a shared batch takes its model off batching, live and for good', async () => {
  const { engine, models, notices } = await trusting({ inferWorkers: 1, rowCheckEvery: 1 })
  const state = () => engine.metrics().models[0]
  const end = performance.now() + 20_000
  while (state()?.isUnbatched !== true && performance.now() < end) await load(engine, 'maximum')
  expect(state()).toMatchObject({ isUnbatched: true })
  expect(state()?.batching.rowDifferences).toBeGreaterThan(0)
  expect(notices.filter((text) => text.includes('got another answer in a shared batch'))).toHaveLength(1)
  await until('it is stored', () => models.get('maximum')?.versions[0]?.signature.batchingProof?.found !== undefined)
  // Batches that were open when it was found may still be on their way.
  await load(engine, 'maximum')
  const alone = [1, 0.5, 0.25]
  for (const [caller, answer] of (await load(engine, 'maximum')).entries())
    expect(answer).toEqual(caller % 8 === 0 ? alone : [0.5, 0.25, 0.125])
  expect(engine.pipelineStatus('maximum').models[0]).toMatchObject({ batching: 'rows', isUnbatched: true })
  await engine.close()
  const again = await openEngine([], { models, inferWorkers: 1 })
  await deploy(again, 'maximum', [{ type: 'model', model: 'maximum' }])
  expect(again.metrics().models[0]).toMatchObject({ isUnbatched: true })
  expect((await load(again, 'maximum'))[1]).toEqual([0.5, 0.25, 0.125])
})

test.each<[string, EngineOptions, boolean]>([
  ['report', { batchingDifferences: 'report' }, true],
  ['no checks', { rowCheckEvery: 0 }, false],
])('%s: the model stays as it is', async (_title, options, isChecked) => {
  const { engine } = await trusting({ inferWorkers: 1, rowCheckEvery: 1, ...options })
  const state = () => engine.metrics().models[0]
  const end = performance.now() + (isChecked ? 20_000 : 300)
  while (state()?.batching.rowDifferences === 0 && performance.now() < end) await load(engine, 'maximum')
  expect(state()).toMatchObject({ isUnbatched: false })
  expect((state()?.batching.rowDifferences ?? 0) > 0).toBe(isChecked)
  expect((state()?.batching.rowChecks ?? 0) > 0).toBe(isChecked)
})

test('rows that are independent are checked and left in their batches', async () => {
  const engine = await openEngine(['linear'], { inferWorkers: 1, rowCheckEvery: 1 })
  await deploy(engine, 'linear', [{ type: 'model', model: 'linear' }])
  const state = () => engine.metrics().models[0]
  const end = performance.now() + 20_000
  while ((state()?.batching.rowChecks ?? 0) < 20 && performance.now() < end)
    await Promise.all(
      Array.from({ length: 64 }, (_, caller) =>
        engine.infer('linear', {
          inputs: { x: [[caller / 7, -caller, 1e6 * caller, 3].slice(0, inputWidth(engine))] },
        }),
      ),
    )
  expect(state()).toMatchObject({ isUnbatched: false, batching: { rowDifferences: 0, sharedFailures: 0 } })
  expect(state()?.batching.rowChecks).toBeGreaterThanOrEqual(20)
})

const inputWidth = (engine: Engine): number => engine.describePipeline('linear').inputs[0]?.shape[1] ?? 1

test("an operator's word lets rows share batches, and live checks only report", async () => {
  const notices: string[] = []
  const engine = await openEngine([], {
    inferWorkers: 1,
    rowCheckEvery: 1,
    onNotice: ({ message }) => notices.push(message),
  })
  const { signature } = await engine.addModel('maximum', bytes, { batching: 'rows', operator: 'ada' })
  expect(signature).toMatchObject({
    batching: 'rows',
    batchingProof: { basis: 'override', culprit: { operator: 'ReduceMax' }, override: { operator: 'ada' } },
  })
  expect(signature.remark).toContain('ada')
  await deploy(engine, 'maximum', [{ type: 'model', model: 'maximum' }])
  const state = () => engine.metrics().models[0]
  const end = performance.now() + 20_000
  while (state()?.batching.rowDifferences === 0 && performance.now() < end) await load(engine, 'maximum')
  expect(state()).toMatchObject({ isUnbatched: false })
  expect(notices.some((text) => text.includes('go on sharing batches'))).toBe(true)
  // The same word again changes nothing.
  expect((await engine.addModel('maximum', bytes, { batching: 'rows', operator: 'ada' })).signature).toEqual(signature)
  await expect(engine.addModel('sum', testModel('sum-rows'), { batching: 'rows' })).rejects.toMatchObject({
    code: 'ERR_MODEL_INVALID',
  })
})

test('a record of an earlier release is inspected again before its rows share batches', async () => {
  const models = store()
  const field = (name: string) => [{ name, dtype: 'float32' as const, shape: [null, 3] }]
  const old = { inputs: field('x'), outputs: field('y'), batching: 'rows' as const, remark: '' }
  await models.add('maximum', bytes, old, [])
  await models.add('plus', testModel('add-one'), old, [])
  const notices: string[] = []
  const engine = await openEngine([], { models, onNotice: ({ message }) => notices.push(message) })
  for (const name of ['maximum', 'plus']) await deploy(engine, name, [{ type: 'model', model: name }])
  expect(engine.getModel('maximum').versions[0]?.signature).toMatchObject({
    batching: 'whole',
    batchingProof: { culprit: { operator: 'ReduceMax' } },
  })
  expect(engine.getModel('plus').versions[0]?.signature).toMatchObject({
    batching: 'rows',
    batchingProof: { basis: 'graph' },
  })
  expect(notices.filter((text) => text.includes('inspected again'))).toHaveLength(1)
  expect((await load(engine, 'maximum'))[1]).toEqual([0.5, 0.25, 0.125])
})

test('shared runs that fail although their requests run by themselves are counted and reported', async () => {
  const notices: string[] = []
  const engine = await openEngine([], { inferWorkers: 1, onNotice: ({ message }) => notices.push(message) })
  await engine.addModel('narrow', oneRowOnly, { batching: 'rows' })
  await deploy(engine, 'narrow', [{ type: 'model', model: 'narrow' }])
  const failures = () => engine.metrics().models[0]?.batching.sharedFailures ?? 0
  const end = performance.now() + 20_000
  while (failures() === 0 && performance.now() < end) {
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, caller) => engine.infer('narrow', { inputs: { x: rowOf(caller) } })),
    )
    answers.forEach(({ outputs }, caller) =>
      expect([...((outputs['y'] as Tensor).data as Float32Array)]).toEqual([caller, caller / 2, caller / 4]),
    )
  }
  expect(failures()).toBeGreaterThan(0)
  expect(engine.metrics().models[0]).toMatchObject({ failedRunCount: 0 })
  expect(notices.filter((text) => text.includes('although each of its requests ran by itself'))).toHaveLength(1)
})
