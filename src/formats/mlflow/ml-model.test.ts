import { describe, expect, test } from 'vitest'
import { MLMODEL_BYTES_MAX, firstExampleRow, readMlModel } from './ml-model.js'

const columns = JSON.stringify([
  { type: 'double', name: 'acid', required: true },
  { type: 'long', name: 'count', required: false },
])
const head = `artifact_path: model
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_version: 1.22.0
    providers:
    - CUDAExecutionProvider
    - CPUExecutionProvider
  python_function:
    loader_module: mlflow.onnx
mlflow_version: 3.9.0
`
const withColumns = `${head}model_id: m-0a1b
run_id: '00e1'
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: '${columns}'
  outputs: null
  params: null
`

describe('MLmodel', () => {
  test('says the file, the columns, the example and the run', () => {
    expect(readMlModel(withColumns)).toEqual({
      data: 'model.onnx',
      inputs: [
        { name: 'acid', type: 'double', isRequired: true },
        { name: 'count', type: 'long', isRequired: false },
      ],
      exampleFile: 'input_example.json',
      lineage: { runId: '00e1', createdFrom: 'models:/m-0a1b' },
    })
  })

  test.each([
    ['no signature', ''],
    [
      'tensors',
      `signature:\n  inputs: '[{"type":"tensor","name":"x","tensor-spec":{"dtype":"float32","shape":[-1,4]}}]'\n`,
    ],
    ['a column without a name', `signature:\n  inputs: '[{"type":"double"}]'\n`],
    ['a nested column', `signature:\n  inputs: '[{"type":"array","name":"a","items":{"type":"double"}}]'\n`],
  ])('has no columns with %s', (_, signature) => {
    expect(readMlModel(head + signature)).toMatchObject({ inputs: null, exampleFile: null })
  })

  test.each([
    [
      'flavors:\n  sklearn:\n    pickled_model: model.pkl\n  python_function: {}\n',
      /received "sklearn, python_function".*skl2onnx.*mlflow\.onnx/,
    ],
    ['flavors: {}\n', /onnx among them/],
    ['- a\n', /MLmodel to be an object/],
    ['', /MLmodel to be an object/],
    ['flavors: [\n', /MLmodel to be YAML/],
    ['a: &a [1]\nflavors: *a\n', /MLmodel to be YAML/],
    ['flavors:\n  onnx: model.onnx\n', /flavors\.onnx to be an object/],
    ['flavors:\n  onnx:\n    data: 7\n', /flavors\.onnx\.data to be a string/],
    [`${head}signature:\n  inputs: '[{'\n`, /signature\.inputs to be JSON/],
    [`${head}signature:\n  inputs: '[{"name":"a","type":"int128"}]'\n`, /signature\.inputs\[0\]\.type to be one of/],
  ])('%j is refused', (text, message) => {
    expect(() => readMlModel(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  test('beyond its limit is refused', () => {
    expect(() => readMlModel('a'.repeat(MLMODEL_BYTES_MAX + 1))).toThrow(/at most 1048576 characters/)
  })

  test('every beginning of a file is read or refused with a code', () => {
    for (let end = 0; end < withColumns.length; end++) {
      try {
        readMlModel(withColumns.slice(0, end))
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_ARGUMENT' })
      }
    }
  })
})

test('an example in split orientation is a row by its columns, others are none', () => {
  expect(
    firstExampleRow({
      columns: ['a', 'b'],
      data: [
        [1, 'x'],
        [2, 'y'],
      ],
    }),
  ).toEqual({ a: 1, b: 'x' })
  for (const other of [
    null,
    7,
    {},
    [[1]],
    { data: [[1]] },
    { columns: ['a'], data: [] },
    { columns: [1], data: [[1]] },
  ])
    expect(firstExampleRow(other)).toBeNull()
})
