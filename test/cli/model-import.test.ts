/** `penstock model import`: folders that other tools wrote, to a server that answers with their models. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { penstock, serve, temporaryDirectory, type RunOptions } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 180_000 })

const testModel = (name: string): string => fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url))

/** As mlflow 3.17.2 wrote it. */
const mlModel = `flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: 1.23.2
    providers:
    - CUDAExecutionProvider
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: 3.11.7
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: m-0a1b
model_size_bytes: 628
run_id: 95b24f3131af409e818c8a9f7cf8e740
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "acid", "required": true}, {"type": "double",
    "name": "sugar", "required": true}, {"type": "long", "name": "year", "required":
    true}]'
  outputs: '[{"type": "double", "name": "y", "required": true}]'
  params: null
utc_time_created: '2026-11-30 23:53:46.901166'
`

it('cli: imports a folder of MLflow with its origin, and its columns become a contract that serves', async () => {
  const home = temporaryDirectory()
  const folder = join(home, 'wine')
  mkdirSync(folder)
  writeFileSync(join(folder, 'MLmodel'), mlModel)
  copyFileSync(testModel('add-one'), join(folder, 'model.onnx'))
  writeFileSync(
    join(folder, 'input_example.json'),
    '{"columns": ["acid", "sugar", "year"], "data": [[1.0, 2.5, 2026], [3.0, 4.0, 2025]]}',
  )
  const { url } = await serve(['--home', join(home, 'home')])
  const run = (args: readonly string[], options: RunOptions = {}) =>
    penstock(args, { ...options, env: { PENSTOCK_URL: url } })

  const draft = join(home, 'wine.json')
  const imported = await run(['model', 'import', folder, '--alias', 'champion', '--contract', draft])
  expect([imported.code, imported.stderr]).toEqual([0, ''])
  expect(imported.stdout).toMatch(/^wine@1 {2}[^]*aliases {2}champion[^]*source {3}\/[^]*run {6}95b24f[^]*a draft/)
  const shown = await run(['model', 'show', 'models:/wine@champion', '--json'])
  expect(JSON.parse(shown.stdout)).toMatchObject({
    version: 1,
    aliases: ['champion'],
    lineage: { source: folder, run_id: '95b24f3131af409e818c8a9f7cf8e740', created_from: 'models:/m-0a1b' },
  })
  expect(JSON.parse(readFileSync(draft, 'utf8'))).toMatchObject({
    name: 'wine',
    fields: [
      { name: 'acid', dtype: 'float64' },
      { name: 'sugar', dtype: 'float64' },
      { name: 'year', dtype: 'int64' },
      { name: 'y', role: 'prediction' },
    ],
    example: { acid: 1, sugar: 2.5, year: 2026 },
  })
  expect((await run(['contract', 'put', draft])).code).toBe(0)
  const definition = '{"contract": "wine", "steps": [{"type": "model", "model": "models:/wine@champion"}]}'
  const applied = await run(['pipeline', 'apply', '-', '--name', 'wine', '--deploy'], { input: definition })
  expect([applied.code, applied.stderr]).toEqual([0, ''])
  const answer = await fetch(`${url}/predict/wine`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ acid: 1, sugar: 2, year: 3 }),
  })
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringMatching(/2, ?3, ?4/)])

  writeFileSync(join(folder, 'MLmodel'), 'flavors:\n  sklearn:\n    pickled_model: model.pkl\n')
  const refused = await run(['model', 'import', folder])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/skl2onnx.*mlflow\.onnx/)])
})

it('cli: imports a repository of Triton, and its ensemble answers over its own protocol', async () => {
  const home = temporaryDirectory()
  const folder = join(home, 'models')
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path), { recursive: true })
    writeFileSync(join(folder, path, 'config.pbtxt'), text)
  }
  for (const [name, model] of [
    ['plus', 'add-one'],
    ['times', 'times-two'],
  ] as const) {
    write(name, `backend: "onnxruntime" version_policy { all { } }`)
    mkdirSync(join(folder, name, '3'))
    copyFileSync(testModel(model), join(folder, name, '3', 'model.onnx'))
  }
  mkdirSync(join(folder, 'plus', '12'))
  copyFileSync(testModel('times-two'), join(folder, 'plus', '12', 'model.onnx'))
  write(
    'plus_times',
    `platform: "ensemble" max_batch_size: 8
input [ { name: "INPUT" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "OUTPUT" data_type: TYPE_FP32 dims: [ 3 ] } ]
ensemble_scheduling { step [
  { model_name: "times" model_version: -1 input_map { key: "x" value: "mid" } output_map { key: "y" value: "OUTPUT" } },
  { model_name: "plus" model_version: 3 input_map { key: "x" value: "INPUT" } output_map { key: "y" value: "mid" } } ] }`,
  )
  const { url } = await serve(['--home', join(home, 'home')])
  const run = (args: readonly string[]) => penstock(args, { env: { PENSTOCK_URL: url } })

  const imported = await run(['model', 'import', folder, '--alias', 'champion', '--deploy'])
  expect([imported.code, imported.stderr]).toEqual([0, ''])
  expect(imported.stdout).toMatch(
    /^plus@1 [^]*plus@2 [^]*aliases {2}champion[^]*times@1 [^]*pipeline plus-times, version 1, is deployed, which was plus_times/,
  )
  const answer = await fetch(`${url}/v2/models/plus-times/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ name: 'INPUT', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] }] }),
  })
  expect([answer.status, await answer.json()]).toMatchObject([
    200,
    { outputs: [{ name: 'OUTPUT', datatype: 'FP32', shape: [1, 3], data: [4, 6, 8] }] },
  ])
  // A model is named as in MLflow over Open Inference as well.
  const direct = await fetch(`${url}/v2/models/${encodeURIComponent('models:/plus/1')}`)
  expect([direct.status, await direct.json()]).toMatchObject([200, { inputs: [{ name: 'x' }] }])

  write('words', 'backend: "python"')
  const refused = await run(['model', 'import', folder])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/words runs on python.*--only/)])
  const wrong = await run(['model', 'import', folder, '--name', 'x'])
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/models of Triton keep their names/)])
})
