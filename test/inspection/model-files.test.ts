/**
 * Models of more than one file: the server opens no file that an upload names, wherever in the model it is named and
 * whatever lies in the folders that ONNX Runtime would look into.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Home } from 'penstock'
import { afterAll, describe, expect, test } from 'vitest'
import { buildModel, type BuiltModel, type BuiltTensor } from '../../src/onnx/testing/build.js'
import { openEngine, refusal } from '../support/engine-harness.js'

const weights = Float32Array.of(2, 3)
const decoy = `decoy-${process.pid}.data`
const inside = (name: string): BuiltTensor => ({ name, dtype: 'float32', dims: [2], data: weights })
const outside = (name: string, location = decoy): BuiltTensor => ({
  name,
  dtype: 'float32',
  dims: [2],
  external: { location, offset: '0', length: '8' },
})
const fields = { inputs: [['x', 'float32', ['n', 2]]], outputs: [['y', 'float32', ['n', 2]]] } as const
const add = { op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }
const constant = (tensor: BuiltTensor) => ({
  op: 'Constant',
  inputs: [],
  outputs: ['w'],
  attributes: { value: { tensor } },
})
const oneIndex: BuiltTensor = { name: 'i', dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) }
const oneValue = { ...outside('w'), dims: [1], external: { location: decoy, offset: '0', length: '4' } }
const body = (tensor: BuiltTensor) => ({
  graph: {
    nodes: [{ op: 'Add', inputs: ['x', 'v'], outputs: ['z'] }],
    outputs: [['z', 'float32', ['n', 2]] as const],
    initializers: [tensor],
  },
})
const branches: BuiltModel = {
  ...fields,
  initializers: [{ name: 'c', dtype: 'bool', dims: [], data: Uint8Array.of(1) }],
  nodes: [
    {
      op: 'If',
      inputs: ['c'],
      outputs: ['y'],
      attributes: { then_branch: body(outside('v')), else_branch: body(inside('v')) },
    },
  ],
}

const hidden: readonly (readonly [string, BuiltModel])[] = [
  ['an initializer', { ...fields, nodes: [add], initializers: [outside('w')] }],
  ['an attribute', { ...fields, nodes: [constant(outside('w')), add] }],
  ['a subgraph', branches],
  [
    'a sparse initializer',
    { ...fields, nodes: [add], sparseInitializers: [{ values: oneValue, indices: oneIndex, dims: [2] }] },
  ],
  [
    'a function',
    {
      ...fields,
      domains: { own: 1 },
      nodes: [{ op: 'Shift', inputs: ['x'], outputs: ['y'], domain: 'own' }],
      functions: [
        { name: 'Shift', domain: 'own', inputs: ['x'], outputs: ['y'], nodes: [constant(outside('w')), add] },
      ],
    },
  ],
  ['an absolute path', { ...fields, nodes: [add], initializers: [outside('w', '/etc/hostname')] }],
  ['a parent folder', { ...fields, nodes: [add], initializers: [outside('w', `../${decoy}`)] }],
  ['an address in memory', { ...fields, nodes: [add], initializers: [outside('w', '*/_ORT_MEM_ADDR_/*')] }],
]

describe('a model whose weights lie in a file of the server', () => {
  const path = mkdtempSync(join(tmpdir(), 'penstock-home-'))
  const here = join(process.cwd(), decoy)
  afterAll(() => {
    rmSync(here, { force: true })
    rmSync(path, { recursive: true })
  })

  test.each(hidden)('is refused before ONNX Runtime sees it: %s', async (_what, model) => {
    writeFileSync(here, weights)
    const home = await Home.open({ path })
    writeFileSync(join(path, 'blobs', decoy), weights)
    try {
      const engine = await openEngine([], { models: home.models, pipelines: home.pipelines })
      const error = await refusal(engine.addModel('m', buildModel(model)))
      expect(error.code).toBe('ERR_MODEL_INVALID')
      expect(error.message).toMatch(/lie in another file, .* which was not sent|to lie in the model's own folder/)
      expect(error.message).toContain('save_as_external_data=False')
      expect(engine.listModels()).toEqual([])
      await engine.close()
    } finally {
      await home.close()
    }
  })

  test.each([
    ['keeps weights in another file', [outside('w')], /weights of its stored file lie in another file/],
    ['is no ONNX file', null, /is no ONNX file from end to end/],
  ] as const)('a stored file that %s is refused before a worker opens it', async (_what, initializers, sentence) => {
    const home = await Home.open({ path })
    const engine = await openEngine([], { models: home.models, pipelines: home.pipelines })
    const name = `copied-${String(initializers === null)}`
    const before = buildModel({ ...fields, nodes: [add], initializers: [inside('w')], producer: name })
    const { sha256 } = await engine.addModel(name, before)
    const after = initializers === null ? before.subarray(0, -1) : buildModel({ ...fields, nodes: [add], initializers })
    // As a home that another release wrote, or that was copied together, has it; with the file that it wants.
    chmodSync(home.models.blobPath(sha256), 0o600)
    writeFileSync(home.models.blobPath(sha256), after)
    writeFileSync(join(path, 'blobs', decoy), weights)
    writeFileSync(here, weights)
    const definition = { name, steps: [{ type: 'model', model: `${name}@1` }] } as const
    const { code, message } = await refusal(engine.applyPipeline(definition, { deploy: true }))
    expect(code).toBe('ERR_MODEL_INVALID')
    expect(message).toMatch(sentence)
    await engine.close()
    await home.close()
  })

  test('the same models with their weights inside are served, so that it is the place that is refused', async () => {
    const engine = await openEngine()
    const model = { ...fields, nodes: [add], initializers: [inside('w')] }
    await engine.addModel('m', buildModel(model))
    expect(engine.listModels()).toHaveLength(1)
  })
})
