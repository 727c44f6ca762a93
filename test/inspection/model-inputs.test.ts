/**
 * Inputs as exporters leave them: widths, texts and ranges that only the graph knows, no shape at all, no columns.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildModel, type BuiltModel, type BuiltTensor } from '../../src/onnx/testing/build.js'
import { openEngine, refusal } from '../support/engine-harness.js'
import { call, modelBytes, serve, type Served } from '../support/served.js'

/** 12 columns to 2: the sum of all, and 1 more than the first. */
const weights: BuiltTensor = {
  name: 'w',
  dtype: 'float32',
  dims: [12, 2],
  data: Float32Array.from({ length: 24 }, (_, i) => (i % 2 === 0 || i === 1 ? 1 : 0)),
}
const bias: BuiltTensor = { name: 'b', dtype: 'float32', dims: [2], data: Float32Array.of(0, 1) }
const gemm = (dims: readonly null[] | null): Uint8Array =>
  buildModel({
    nodes: [{ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['y'] }],
    inputs: [['x', 'float32', dims]],
    outputs: [['y', 'float32', dims === null ? null : [null, 2]]],
    initializers: [weights, bias],
  })
const rows = [0, 1].map((row) => Array.from({ length: 12 }, (_, i) => i + row))
const right = [
  [66, 1],
  [78, 2],
]

let served: Served
beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

async function add(name: string, bytes: Uint8Array): Promise<Record<string, unknown>> {
  const { url } = served.server
  const added = await call(url, 'PUT', `/v1/models/${name}/versions`, bytes)
  expect(added.json).not.toHaveProperty('error')
  const definition = { steps: [{ type: 'model', model: name }] }
  expect((await call(url, 'PUT', `/v1/pipelines/${name}?deploy=true`, definition)).status).toBe(201)
  return added.json
}
const ask = async (name: string, body: unknown): Promise<unknown> =>
  (await call(served.server.url, 'POST', `/v1/pipelines/${name}/infer`, body)).json

describe('a width that the file leaves free', () => {
  test.each([
    ['free', [null, null] as const],
    ['shapeless', null],
  ])('is read off the weights: %s columns share batches, as columns and as records', async (name, dims) => {
    expect(await add(name, gemm(dims))).toMatchObject({
      batching: 'rows',
      inputs: [{ name: 'x', shape: [null, 12] }],
    })
    expect(await ask(name, { x: rows })).toMatchObject({ outputs: { y: right } })
    const records = await ask(
      name,
      rows.map((x) => ({ x })),
    )
    expect((records as { out: unknown }[]).map(({ out }) => out)).toEqual(right.map((y) => ({ y })))
  })

  test('that is at least so many is tried with so many, and stays free', async () => {
    const engine = await openEngine()
    const tree = buildModel({
      domains: { 'ai.onnx.ml': 3 },
      nodes: [
        {
          op: 'TreeEnsembleRegressor',
          domain: 'ai.onnx.ml',
          inputs: ['x'],
          outputs: ['y'],
          attributes: {
            nodes_treeids: [0, 0, 0],
            nodes_nodeids: [0, 1, 2],
            nodes_featureids: [40, 0, 0],
            nodes_values: Float32Array.of(0.5, 0, 0),
            nodes_modes: ['BRANCH_LEQ', 'LEAF', 'LEAF'],
            nodes_truenodeids: [1, 0, 0],
            nodes_falsenodeids: [2, 0, 0],
            target_treeids: [0, 0],
            target_nodeids: [1, 2],
            target_ids: [0, 0],
            target_weights: Float32Array.of(1, 2),
            n_targets: 1,
          },
        },
      ],
      inputs: [['x', 'float32', [null, null]]],
      outputs: [['y', 'float32', [null, 1]]],
    })
    const { signature } = await engine.addModel('m', tree)
    expect(signature).toMatchObject({ batching: 'rows', inputs: [{ shape: [null, null] }] })
  })
})

describe('values that only the model knows', () => {
  const encoder = (attributes: NonNullable<BuiltModel['nodes'][number]['attributes']>): BuiltModel => ({
    domains: { 'ai.onnx.ml': 3 },
    nodes: [{ op: 'OneHotEncoder', domain: 'ai.onnx.ml', inputs: ['x'], outputs: ['y'], attributes }],
    inputs: [['x', 'string', [null, 1]]],
    outputs: [['y', 'float32', [null, 1, null]]],
  })

  test.each([
    ['texts', encoder({ cats_strings: ['Southampton', 'Cherbourg'], zeros: 0 })],
    [
      'integers',
      { ...encoder({ cats_int64s: [70, 90], zeros: 0 }), inputs: [['x', 'int64', [null, 1]]] as BuiltModel['inputs'] },
    ],
  ])('%s of an encoder that refuses others are what it is tried with', async (_what, model) => {
    const engine = await openEngine()
    const { signature } = await engine.addModel('m', buildModel(model as BuiltModel))
    expect(signature.batching).toBe('rows')
  })
})

describe('an encoder for each column', () => {
  const index = (name: string, value: number): BuiltTensor => ({
    name,
    dtype: 'int64',
    dims: [1],
    data: BigInt64Array.of(BigInt(value)),
  })
  const encode = (from: string, to: string, texts: string[]): BuiltModel['nodes'][number] => ({
    op: 'OneHotEncoder',
    domain: 'ai.onnx.ml',
    inputs: [from],
    outputs: [to],
    attributes: { cats_strings: texts, zeros: 0 },
  })

  test('that refuses what the other knows is tried with its own, and its rows share batches', async () => {
    const bytes = buildModel({
      domains: { 'ai.onnx.ml': 3 },
      nodes: [
        { op: 'ArrayFeatureExtractor', domain: 'ai.onnx.ml', inputs: ['x', 'zero'], outputs: ['side'] },
        { op: 'Gather', inputs: ['x', 'one'], outputs: ['grade'], attributes: { axis: 1 } },
        encode('side', 'sides', ['left', 'right']),
        encode('grade', 'grades', ['a', 'b', 'c']),
        { op: 'Concat', inputs: ['sides', 'grades'], outputs: ['y'], attributes: { axis: -1 } },
      ],
      inputs: [['x', 'string', ['n', 2]]],
      outputs: [['y', 'float32', ['n', 1, 5]]],
      initializers: [index('zero', 0), index('one', 1)],
    })
    expect(await add('per-column', bytes)).toMatchObject({ batching: 'rows' })
    const asked = {
      x: [
        ['right', 'a'],
        ['left', 'c'],
      ],
    }
    expect(await ask('per-column', asked)).toMatchObject({ outputs: { y: [[[0, 1, 1, 0, 0]], [[1, 0, 0, 0, 1]]] } })
    expect(await ask('per-column', { x: [['a', 'a']] })).toMatchObject({ code: 'ERR_RUN_FAILED' })
  })
})

describe('inputs that nobody can send', () => {
  test('without a shape that the weights show are refused with the way out', async () => {
    const engine = await openEngine()
    const relu = buildModel({
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      inputs: [['x', 'float32', null]],
      outputs: [['y', 'float32', null]],
    })
    expect((await refusal(engine.addModel('m', relu))).message).toMatch(/Input x has no shape .*initial_types=/)
  })
})

describe('inputs without elements', () => {
  const nothing = (op: string, dims: readonly (string | number)[]): Uint8Array =>
    buildModel({
      nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
      inputs: [['x', 'float32', dims]],
      outputs: [['y', 'float32', dims]],
    })

  test.each([
    ['no-columns', ['n', 0]],
    ['no-columns-of-four', ['n', 0, 4]],
  ] as const)('are served, and their rows share batches where the graph proves it: %s', async (name, dims) => {
    const shape = [null, ...dims.slice(1)]
    expect(await add(name, nothing('Relu', dims))).toMatchObject({ batching: 'rows', inputs: [{ shape }] })
    expect(await ask(name, { x: [[], []] })).toMatchObject({ outputs: { y: [[], []] } })
  })

  test('decide nothing by being tried: what the graph leaves open runs request by request', async () => {
    const added = await add('no-columns-unproven', nothing('EyeLike', ['n', 0]))
    expect(added).toMatchObject({ batching: 'whole', remark: expect.stringContaining('cannot be tried') })
    expect(await ask('no-columns-unproven', { x: [[], []] })).toMatchObject({ outputs: { y: [[], []] } })
  })
})

describe('records of a model whose requests run alone', () => {
  const send = async (model: string, records: unknown): Promise<{ status: number; json: unknown }> => {
    const { url } = served.server
    const name = `alone-${model}`
    await served.engine.addModel(name, modelBytes(model))
    await served.engine.applyPipeline({ name, steps: [{ type: 'model', model: name }] }, { deploy: true })
    return call(url, 'POST', `/v1/pipelines/${name}/infer`, records)
  }

  test('are stacked, and come apart again where the outputs have one of each', async () => {
    const records = [{ x: [1, 2, 3] }, { x: [3, 4, 5], note: 'kept' }]
    const { json } = await send('subtract-mean', records)
    expect(json).toMatchObject([
      { in: records[0], out: { y: [-1, -1, -1] } },
      { in: records[1], out: { y: [1, 1, 1] } },
    ])
  })

  test('become one answer where they do not, and a lone one is a row or the whole tensor', async () => {
    const records = [{ x: [1, 2, 3] }, { x: [3, 4, 5] }]
    expect((await send('sum-rows', records)).json).toMatchObject([{ in: records, out: { total: [4, 6, 8] } }])
    expect((await send('sum-rows', [{ x: [1, 2, 3] }])).json).toMatchObject([{ out: { total: [1, 2, 3] } }])
    expect((await send('sum-rows', [{ x: records.map(({ x }) => x) }])).json).toMatchObject([
      { out: { total: [4, 6, 8] } },
    ])
  })

  test('of texts and of 64-bit integers are stacked as well', async () => {
    const name = 'alone-pair'
    const bytes = buildModel({
      nodes: [
        { op: 'ReduceSum', inputs: ['count'], outputs: ['sum'], attributes: { keepdims: 0 } },
        { op: 'Identity', inputs: ['text'], outputs: ['same'] },
      ],
      inputs: [
        ['count', 'int64', ['n']],
        ['text', 'string', ['n', 2]],
      ],
      outputs: [
        ['sum', 'int64', []],
        ['same', 'string', ['n', 2]],
      ],
    })
    await served.engine.addModel(name, bytes)
    await served.engine.applyPipeline({ name, steps: [{ type: 'model', model: name }] }, { deploy: true })
    const records = [
      { count: 1, text: ['a', 'b'] },
      { count: 2, text: ['c', 'd'] },
    ]
    expect((await call(served.server.url, 'POST', `/v1/pipelines/${name}/infer`, records)).json).toMatchObject([
      {
        out: {
          sum: 3,
          same: [
            ['a', 'b'],
            ['c', 'd'],
          ],
        },
      },
    ])
    const [lone] = records
    expect((await call(served.server.url, 'POST', `/v1/pipelines/${name}/infer`, [lone])).json).toMatchObject([
      { out: { sum: 1, same: [['a', 'b']] } },
    ])
  })

  test('that do not fit each other, or whose first dim is fixed, are refused', async () => {
    const uneven = await send('sum-rows', [{ x: [1, 2, 3] }, { x: [1, 2] }])
    expect(uneven).toMatchObject({ status: 400, json: { code: 'ERR_SHAPE' } })
    const pinned = buildModel({
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      inputs: [['x', 'float32', [4, 2]]],
      outputs: [['y', 'float32', [4, 2]]],
    })
    await served.engine.addModel('pinned', pinned)
    await served.engine.applyPipeline({ name: 'pinned', steps: [{ type: 'model', model: 'pinned' }] }, { deploy: true })
    const answer = await call(served.server.url, 'POST', '/v1/pipelines/pinned/infer', [{ x: [1, 2] }, { x: [3, 4] }])
    expect(answer.json).toMatchObject({ code: 'ERR_SHAPE', error: expect.stringContaining('the first dim of input x') })
  })
})
