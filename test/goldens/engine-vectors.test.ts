/**
 * Recorded results of another engine for real models: ours must print the same numbers. The data is kept outside the
 * repository; the suite says so and skips where it is absent.
 */
import { Engine, pipeline, type InferResult } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { floats } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'
import { file, isPresent, json, vectorModels } from './testing/vectors.js'

type Rows = readonly Readonly<Record<string, readonly number[]>>[]
/** Records to columns. */
const columns = (rows: Rows): Record<string, (readonly number[])[]> =>
  Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => row[name] as readonly number[])]),
  )

describe.skipIf(!isPresent)(`vectors${isPresent ? '' : ' (skipped: the recorded data is not on this machine)'}`, () => {
  let engine: Engine
  const log = new TestLog()
  beforeAll(async () => {
    engine = await Engine.open({ calibration: 'off', log })
    for (const [name, path] of Object.entries(vectorModels)) await engine.addModel(name, file(path))
  })
  afterAll(async () => {
    await engine.close()
  })

  test('ccfraud-single: the printed probabilities', async () => {
    await pipeline('ccfraud', engine).model('ccfraud').deploy()
    for (const { input, 'out.dense_1': expected } of json<{ cases: { input: string; 'out.dense_1': number[][] }[] }>(
      'ccfraud-single/expected.json',
    ).cases) {
      const result = await engine.infer('ccfraud', { inputs: columns(json(`ccfraud-single/${input}`)) })
      expect(floats(result, 'dense_1')[0]).toBeCloseTo(expected[0]?.[0] as number, 7)
    }
  })

  test('houseprice-single-hotswap: each model in turn under one pipeline, no undeploy between', async () => {
    const expected = json<Record<'normal' | 'large', Record<'rf' | 'gbr' | 'xgb', number>>>(
      'houseprice-single-hotswap/expected.json',
    )
    const builder = pipeline('house', engine).model('house-rf', { tensorFields: ['tensor'] })
    for (const model of ['rf', 'gbr', 'xgb'] as const) {
      await builder.replaceWithModel(0, `house-${model}`, { tensorFields: ['tensor'] }).deploy()
      for (const size of ['normal', 'large'] as const) {
        const result = await engine.infer('house', {
          inputs: columns(json(`houseprice-single-hotswap/input_${size}.df.json`)),
        })
        const value = floats(result, 'variable')[0] as number
        // Printed with 8 digits.
        expect(Math.abs(value - expected[size][model]) / value, `${model} ${size}`).toBeLessThan(2e-7)
      }
    }
    expect(engine.getPipeline('house').versions).toHaveLength(3)
  })

  test('multi-io: two inputs, two outputs, ten rows', async () => {
    await pipeline('multi', engine).model('multi-io').deploy()
    const expected = json<Record<string, number[][]>>('multi-io/expected.json')
    const result = await engine.infer('multi', { inputs: columns(json('multi-io/input.df.json')) })
    expect(Object.keys(result.outputs)).toEqual(['output_1', 'output_2'])
    for (const output of ['output_1', 'output_2']) {
      const flat = (expected[`out.${output}`] as number[][]).flat()
      floats(result, output).forEach((value, index) => expect(value).toBeCloseTo(flat[index] as number, 6))
    }
  })

  test('shadow-ccfraud: the champion answers, the log has all three', async () => {
    await pipeline('shadow', engine)
      .shadow('ccfraud-lstm', ['ccfraud-xgb', 'ccfraud-rf'], { tensorFields: ['tensor'] })
      .deploy()
    const { row0 } = json<{ row0: Record<string, number[]> }>('shadow-ccfraud/expected.json')
    const result = await engine.infer('shadow', { inputs: columns(json('shadow-ccfraud/input.df.json')) })
    expect(Object.keys(result.outputs)).toEqual(['dense_1'])
    expect(floats(result, 'dense_1')[0]).toBeCloseTo(row0['out.dense_1']?.[0] as number, 7)
    const [record] = await log.requestsWhen(engine, 1, 'shadow')
    expect(record?.requestId).toBe(result.metadata.requestId)
    expect(record?.outputs['dense_1']?.data).toEqual(result.outputs['dense_1']?.data)
    for (const model of ['ccfraud-xgb', 'ccfraud-rf']) {
      const value = record?.audited[model]?.['variable']?.data[0] as number
      expect(value, model).toBeCloseTo(row0[`out_${model}.variable`]?.[0] as number, 7)
    }
  })

  test('ccfraud-validations: the exact rows of each threshold', async () => {
    await pipeline('checked', engine)
      .model('ccfraud')
      .check({ name: 'fraud', flag: 'out.dense_1[0] > 0.9' })
      .check({ name: 'too_low', flag: 'out.dense_1[0] < 0.001' })
      .check({ name: 'in_between_2', flag: 'out.dense_1[0] < 0.9 && out.dense_1[0] > 0.001' })
      .deploy()
    const rowsOf = (result: InferResult, check: string): readonly number[] =>
      result.checkFailures.find((failure) => failure.check === check)?.rows ?? []
    const batch = json<{ cases: Record<string, unknown>[] }>('ccfraud-validations/expected.json').cases.find(
      (row) => 'rows_where_in_between_2' in row,
    )
    const result = await engine.infer('checked', { inputs: columns(json('ccfraud-validations/input_batch.df.json')) })
    const between = rowsOf(result, 'in_between_2')
    expect(between).toHaveLength(batch?.['rows_where_in_between_2'] as number)
    expect(between.slice(0, 5)).toEqual(batch?.['first_indices'])
    expect(between.slice(-5)).toEqual(batch?.['last_indices'])
    const high = await engine.infer('checked', {
      inputs: columns(json('ccfraud-validations/input_high_fraud.df.json')),
    })
    expect(high.checkFailures).toEqual([{ check: 'fraud', rows: [0] }])
  })

  test('abtest-random-split: each exported line replays on the model that it names, and weights are kept', async () => {
    const models: Record<string, string> = {
      'rf_model.onnx': 'house-rf',
      'xgb_model.onnx': 'house-xgb',
      'gbr_model.onnx': 'house-gbr',
    }
    const names = Object.values(models)
    await pipeline('split', engine)
      .randomSplit(
        names.map((model) => ({ weight: 1, model })),
        { hashKey: 'u', tensorFields: ['tensor'] },
      )
      .deploy()
    const lines = file('abtest-random-split/export_abtests-1.json').toString('utf8').trim().split('\n')
    expect(lines.length).toBeGreaterThan(10)
    for (const line of lines) {
      const row = JSON.parse(line) as Record<string, unknown>
      const split = JSON.parse((row['out._model_split'] as string[])[0] as string) as {
        model_version: { file_info: { file_name: string } }
      }
      const model = models[split.model_version.file_info.file_name] as string
      // The number under the hash key chooses: the middle of the model's third.
      const u = (names.indexOf(model) + 0.5) / names.length
      const result = await engine.infer('split', { inputs: { tensor: [row['in.tensor'] as number[]] }, meta: { u } })
      expect(result.metadata.route).toEqual([model])
      const expected = (row['out.variable'] as number[])[0] as number
      expect(Math.abs((floats(result, 'variable')[0] as number) - expected) / expected, line.slice(0, 80)).toBeLessThan(
        5e-7,
      )
    }
  })
})
