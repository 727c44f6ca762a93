/**
 * Whose rows share a run, and with what answers: every caller gets the answer of its row alone, whoever else asks, and every
 * output is what the model computed, wherever ONNX Runtime puts it and whatever the file declares.
 */
import type { Engine, InferResult, Tensor } from 'penstock'
import { describe, expect, test } from 'vitest'
import { deploy, openEngine, seeded, until } from '../support/engine-harness.js'
import { constantIsOutput, dependentModels, inputIsOutput, wrongShapes } from '../support/row-models.js'

const CALLERS = 64
const random = seeded(20_261_129)

/** Plain rows, and every eighth one large, below zero or missing. */
function rowOf(width: number, caller: number): Float32Array {
  const row = Float32Array.from({ length: width }, () => random())
  if (caller % 8 === 1) return row.map((value) => value * 1e6)
  if (caller % 8 === 3) return row.map((value) => -value * 100)
  if (caller % 8 === 5) row[0] = NaN
  return row
}

async function serve(engine: Engine, name: string, bytes: Uint8Array) {
  const version = await engine.addModel(name, bytes)
  await deploy(engine, name, [{ type: 'model', model: name }])
  return version
}

const ask = (engine: Engine, name: string, rows: Float32Array, width: number): Promise<InferResult> =>
  engine.infer(name, { inputs: { x: { dtype: 'float32', shape: [rows.length / width, width], data: rows } } })

const answer = (result: InferResult): readonly (readonly number[])[] =>
  Object.values(result.outputs).map(({ data }: Tensor) => Array.from(data as Float32Array, Number))

describe('rows that depend on each other', () => {
  test.each(dependentModels)('$name: each of 64 callers gets the answer of its row alone', async (model) => {
    const { name, width, bytes, culprit } = model
    const engine = await openEngine()
    const { signature } = await serve(engine, name, bytes)
    expect(signature.batching).toBe('whole')
    expect(signature.batchingProof).toMatchObject({ basis: 'none', culprit: { operator: culprit } })
    expect(signature.remark).toContain(culprit)
    const rows = Array.from({ length: CALLERS }, (_, caller) => rowOf(width, caller)).filter(
      // An endless loop is the model's own, alone as well.
      (row) => name !== 'halve-until-small' || row.every((value) => !Number.isNaN(value)),
    )
    const alone: ReturnType<typeof answer>[] = []
    for (const row of rows) alone.push(answer(await ask(engine, name, row, width)))
    for (let round = 0; round < 3; round++) {
      const together = await Promise.all(rows.map((row) => ask(engine, name, row, width)))
      expect(together.map(answer)).toEqual(alone)
    }
  })
})

describe('outputs where ONNX Runtime puts them', () => {
  const rows = Array.from({ length: CALLERS }, (_, caller) => Float32Array.of(caller, caller + 0.5, -caller))

  test('an input that is an output comes back as it was, in batches and alone', async () => {
    const engine = await openEngine()
    const { signature } = await serve(engine, 'same', inputIsOutput)
    expect(signature).toMatchObject({ batching: 'rows', copiedOutputs: ['x'] })
    const results = await Promise.all(rows.map((row) => ask(engine, 'same', row, 3)))
    results.forEach((result, caller) => {
      const row = [...(rows[caller] as Float32Array)]
      expect(answer(result)).toEqual([row.map((value) => value * 2), row])
    })
    expect(answer(await ask(engine, 'same', Float32Array.of(7, 8, 9), 3))).toEqual([
      [14, 16, 18],
      [7, 8, 9],
    ])
  })

  test('a constant that is an output is answered as it is', async () => {
    const engine = await openEngine()
    const { signature } = await serve(engine, 'constant', constantIsOutput)
    expect(signature).toMatchObject({ batching: 'whole', copiedOutputs: ['weights'] })
    for (let round = 0; round < 2; round++)
      expect(answer(await ask(engine, 'constant', Float32Array.of(1, 1, 1, 0, 0, 0), 3))).toEqual([
        [2, 3, 4, 1, 2, 3],
        [1, 2, 3],
      ])
  })

  test('shapes that the file declares wrong are answered as they are, and no run fails for them', async () => {
    const engine = await openEngine([], { inferWorkers: 1 })
    const { signature } = await serve(engine, 'wrong', wrongShapes)
    expect(signature).toMatchObject({
      batching: 'rows',
      outputs: [
        { name: 'label', shape: [null] },
        { name: 'column', shape: [null, 1] },
      ],
      copiedOutputs: ['label'],
    })
    const both = await ask(engine, 'wrong', Float32Array.of(1, 3, 2, 9, 0, 1), 3)
    expect(both.outputs).toMatchObject({ label: { shape: [2] }, column: { shape: [2, 1] } })
    expect(answer(both)).toEqual([
      [1, 0],
      [6, 10],
    ])
    const results = await Promise.all(rows.map((row) => ask(engine, 'wrong', row, 3)))
    results.forEach((result, caller) => expect(answer(result)).toEqual([[1], [caller + 0.5]]))
    const shared = (): boolean => {
      const [model] = engine.metrics().models
      return model !== undefined && model.batchRows.count < rows.length
    }
    await until('rows shared runs', shared)
    expect(engine.metrics().models[0]).toMatchObject({ failedRunCount: 0 })
  })
})
