import { describe, expect, test } from 'vitest'
import { plainConfig, readModelConfig, servedVersions } from './model-config.js'

describe('config.pbtxt', () => {
  test('says what runs a model, its file, its versions and what is not taken over', () => {
    const config = readModelConfig(`
name: "ranker"
platform: "onnxruntime_onnx"
max_batch_size: 8
default_model_filename: "ranker.onnx"
version_policy: { specific { versions: [1, 3] } }
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ ] } } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 1 ] label_filename: "labels.txt" } ]
instance_group [ { kind: KIND_GPU count: 2 } ]
a_field_of_a_later_release { deep: [ { x: 1 } ] }
`)
    expect(config).toMatchObject({
      name: 'ranker',
      backend: 'onnxruntime',
      fileName: 'ranker.onnx',
      versionPolicy: { kind: 'specific', versions: [1, 3] },
      inputs: ['x'],
      outputs: ['y'],
      steps: [],
      refusal: null,
    })
    expect(config.remarks).toEqual([
      expect.stringMatching(/reshape of x/),
      expect.stringMatching(/labels of y/),
      expect.stringMatching(/--provider cuda/),
    ])
  })

  test('says the steps of an ensemble, whatever its platform', () => {
    const text = `platform: "ensemble" ensemble_scheduling { step [
      { model_name: "a" model_version: -1 input_map { key: "x" value: "in" } output_map { key: "y" value: "mid" } },
      { model_name: "b" model_version: 2 input_map [ { key: "x" value: "mid" } ] } ] }`
    const { backend, steps } = readModelConfig(text)
    expect(backend).toBe('ensemble')
    expect(steps).toEqual([
      { model: 'a', version: null, inputs: new Map([['x', 'in']]), outputs: new Map([['y', 'mid']]) },
      { model: 'b', version: 2, inputs: new Map([['x', 'mid']]), outputs: new Map() },
    ])
  })

  test.each([
    ['backend: "python"', 'python'],
    ['backend: "onnxruntime"', 'onnxruntime'],
    ['platform: "tensorrt_plan"', 'tensorrt_plan'],
    ['max_batch_size: 1', ''],
  ])('%s runs on %j', (text, backend) => {
    expect(readModelConfig(text).backend).toBe(backend)
  })

  test.each([
    ['name: 7', /name to be a text in quotes/],
    ['input: "x"', /input to be a message/],
    ['input { name: X }', /name to be a text in quotes but received "X"/],
    ['version_policy { specific { versions: 0 } }', /versions to be an integer/],
    ['version_policy { latest { num_versions: many } }', /num_versions to be an integer/],
    ['ensemble_scheduling { step { model_version: -2 } }', /model_version to be an integer/],
    ['ensemble_scheduling { step { input_map: "x" } }', /input_map to be a message/],
  ])('%j is refused', (text, message) => {
    expect(() => readModelConfig(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  test('without one, a model is served by its newest version', () => {
    expect(plainConfig).toMatchObject({ backend: 'onnxruntime', fileName: 'model.onnx' })
    expect(servedVersions(plainConfig.versionPolicy, [10, 9, 1])).toEqual([10])
    expect(
      servedVersions(readModelConfig('version_policy { latest { num_versions: 2 } }').versionPolicy, [3, 1, 2]),
    ).toEqual([2, 3])
    expect(servedVersions({ kind: 'all' }, [3, 1])).toEqual([1, 3])
    expect(servedVersions({ kind: 'specific', versions: [3, 7] }, [3, 1])).toEqual([3])
  })

  test('sequences are refused', () => {
    expect(readModelConfig('sequence_batching { }').refusal).toMatch(/state between requests/)
  })
})
