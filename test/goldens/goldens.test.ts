/**
 * Every example model through the engine: batching, arenas and workers must give what the training library gave, whether
 * the rows come as one request or as many at once, as typed arrays or as nested numbers.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Engine, type InferResult, type Tensor } from 'penstock'
import {
  difference,
  exampleModels,
  goldenRows,
  modelPath,
  readGolden,
  typedData,
  type Golden,
  type GoldenTensor,
} from '../support/goldens.js'

let engine: Engine

beforeAll(async () => {
  engine = await Engine.open({ calibration: 'off' })
  for (const name of exampleModels) {
    await engine.addModel(name, readFileSync(modelPath(name)), { alias: 'champion' })
    await engine.applyPipeline({ name, steps: [{ type: 'model', model: `${name}@champion` }] }, { deploy: true })
  }
})

afterAll(async () => {
  await engine?.close()
})

function tensors(golden: Readonly<Record<string, GoldenTensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(golden).map(([name, tensor]) => [
      name,
      { dtype: tensor.dtype, shape: tensor.shape, data: typedData(tensor) },
    ]),
  )
}

function expectGolden(result: InferResult, outputs: Golden['outputs'], tolerance: Golden['tolerance']): void {
  expect(Object.keys(result.outputs)).toEqual(Object.keys(outputs))
  for (const [name, expected] of Object.entries(outputs)) {
    expect(result.outputs[name]?.dtype, name).toBe(expected.dtype)
    expect(difference(result.outputs[name], expected, tolerance), name).toBeNull()
  }
}

function nested(tensor: GoldenTensor): unknown {
  let values: unknown[] = [...tensor.data]
  for (const dim of [...tensor.shape].reverse().slice(0, -1)) {
    values = Array.from({ length: values.length / dim }, (_, index) => values.slice(index * dim, (index + 1) * dim))
  }
  return values
}

describe.each(exampleModels)('goldens, engine: %s', (name) => {
  const golden = readGolden(name)
  const rowCount = Object.values(golden.inputs)[0]?.shape[0] ?? 0

  test('goldens: sixteen rows in one request answer as the library that trained it', async () => {
    expect(rowCount).toBe(16)
    expectGolden(await engine.infer(name, { inputs: tensors(golden.inputs) }), golden.outputs, golden.tolerance)
  })

  test('goldens: sixteen requests of one row at once each get the answer of their row', async () => {
    const rows = Array.from({ length: rowCount }, (_, row) => row)
    const results = await Promise.all(
      rows.map((row) => engine.infer(name, { inputs: tensors(goldenRows(golden.inputs, row, row + 1)) })),
    )
    for (const [row, result] of results.entries()) {
      expectGolden(result, goldenRows(golden.outputs, row, row + 1), golden.tolerance)
    }
  })

  test('goldens: nested numbers give the same as typed arrays', async () => {
    const inputs = Object.fromEntries(Object.entries(golden.inputs).map(([input, tensor]) => [input, nested(tensor)]))
    expectGolden(await engine.infer(name, { inputs: inputs as never }), golden.outputs, golden.tolerance)
  })
})
