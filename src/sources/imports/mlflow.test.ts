import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { isMlflowFolder, readMlflowFolder } from './mlflow.js'

const mlModel = (data: string, example = 'input_example.json'): string => `flavors:
  onnx:
    data: ${JSON.stringify(data)}
mlflow_version: 3.17.2
model_id: null
saved_input_example_info:
  artifact_path: ${JSON.stringify(example)}
  pandas_orient: split
  type: dataframe
signature:
  inputs: '[{"type": "float", "name": "acid", "required": true}]'
`

describe('a folder of MLflow', () => {
  let folder = ''
  let outside = ''
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)

  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'penstock-mlflow-'))
    folder = join(outside, 'wine')
    mkdirSync(folder)
    write('MLmodel', mlModel('model.onnx'))
    write('model.onnx', 'bytes')
    write('input_example.json', '{"columns": ["acid"], "data": [[1.5]]}')
    writeFileSync(join(outside, 'secret'), 'a secret')
  })
  afterEach(() => rmSync(outside, { recursive: true }))

  test('is read: the file, where it comes from, its columns and their example', () => {
    expect(isMlflowFolder(folder)).toBe(true)
    expect(readMlflowFolder(folder)).toEqual({
      name: basename(folder),
      file: join(folder, 'model.onnx'),
      lineage: { source: resolve(folder), createdFrom: 'mlflow 3.17.2' },
      columns: [{ name: 'acid', type: 'float', isRequired: true }],
      example: { acid: 1.5 },
    })
  })

  test('that was downloaded from a registry has the name and the address there', () => {
    write('registered_model_meta', "model_name: ccfraud\nmodel_version: '3'\n")
    expect(readMlflowFolder(folder)).toMatchObject({ name: 'ccfraud', lineage: { source: 'models:/ccfraud/3' } })
    write('registered_model_meta', '- [')
    expect(readMlflowFolder(folder)).toMatchObject({ name: 'wine' })
  })

  test.each(['../secret', '/etc/passwd', 'a/../../secret', 'C:model.onnx', '..\\secret', 'a//b', ''])(
    'reads no file called %j',
    (path) => {
      write('MLmodel', mlModel(path))
      expect(() => readMlflowFolder(folder)).toThrow(/the \.onnx file of the model to be a path below/)
      write('MLmodel', mlModel('model.onnx', path))
      expect(() => readMlflowFolder(folder)).toThrow(/the input example to be a path below/)
    },
  )

  test.each(['model.onnx', 'input_example.json', 'MLmodel'])('follows no link out of it that is called %s', (file) => {
    rmSync(join(folder, file))
    symlinkSync(join(outside, 'secret'), join(folder, file))
    expect(() => readMlflowFolder(folder)).toThrow(/a link out of/)
  })

  test('says what is missing, and why a flavour is refused', () => {
    rmSync(join(folder, 'model.onnx'))
    expect(() => readMlflowFolder(folder)).toThrow(/the \.onnx file of the model is model\.onnx, which cannot be read/)
    write('MLmodel', 'flavors:\n  sklearn:\n    pickled_model: model.pkl\n')
    expect(() => readMlflowFolder(folder)).toThrow(PenstockError)
    expect(() => readMlflowFolder(folder)).toThrow(/skl2onnx/)
    write('MLmodel', mlModel('model.onnx'))
    write('model.onnx', 'bytes')
    write('input_example.json', '{')
    expect(() => readMlflowFolder(folder)).toThrow(/input_example\.json to be JSON/)
  })
})
