/**
 * Models as exporters write them: classifiers that end in maps, and models of two files, added over every way in.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Home, PenstockControl, type Tensor } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildModel, sequenceOf, sequenceOfMaps, type BuiltNode } from '../../src/onnx/testing/build.js'
import { penstock, temporaryDirectory } from '../support/cli-process.js'
import { deploy, openEngine, refusal, testModel } from '../support/engine-harness.js'
import { call, serve, type Served } from '../support/served.js'

/** One tree: x[0] <= 0.5 gives `low` for the second class, else `high`. */
const tree = (low: number, high: number, label: string, scores: string): BuiltNode => ({
  op: 'TreeEnsembleClassifier',
  domain: 'ai.onnx.ml',
  inputs: ['features'],
  outputs: [label, scores],
  attributes: {
    nodes_treeids: [0, 0, 0],
    nodes_nodeids: [0, 1, 2],
    nodes_featureids: [0, 0, 0],
    nodes_values: Float32Array.of(0.5, 0, 0),
    nodes_modes: ['BRANCH_LEQ', 'LEAF', 'LEAF'],
    nodes_truenodeids: [1, 0, 0],
    nodes_falsenodeids: [2, 0, 0],
    nodes_hitrates: Float32Array.of(1, 1, 1),
    nodes_missing_value_tracks_true: [0, 0, 0],
    class_treeids: [0, 0],
    class_nodeids: [1, 2],
    class_ids: [0, 0],
    class_weights: Float32Array.of(low, high),
    classlabels_strings: ['no', 'yes'],
    post_transform: 'NONE',
  },
})
const zipMap = (source: string, target: string): BuiltNode => ({
  op: 'ZipMap',
  domain: 'ai.onnx.ml',
  inputs: [source],
  outputs: [target],
  attributes: { classlabels_strings: ['no', 'yes'] },
})
const inputs = [['features', 'float32', ['N', 2]]] as const
const classifier = buildModel({
  domains: { 'ai.onnx.ml': 2 },
  nodes: [tree(0.25, 0.875, 'label', 'scores'), zipMap('scores', 'probabilities')],
  inputs,
  outputs: [
    ['label', 'string', ['N']],
    ['probabilities', sequenceOfMaps('string')],
  ],
})
const multiOutput = buildModel({
  domains: { 'ai.onnx.ml': 2 },
  nodes: [
    tree(0.25, 0.875, 'first', 'a'),
    tree(0.5, 0.125, 'second', 'b'),
    zipMap('a', 'mapA'),
    zipMap('b', 'mapB'),
    { op: 'SequenceConstruct', inputs: ['mapA', 'mapB'], outputs: ['probabilities'] },
  ],
  inputs,
  outputs: [
    ['first', 'string', ['N']],
    ['probabilities', sequenceOf(sequenceOfMaps('string'))],
  ],
})
const rows = {
  features: [
    [0, 0],
    [1, 0],
  ],
}

const weights = new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer)
const twoFiles = (location: string): Uint8Array =>
  buildModel({
    producer: 'pytorch',
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [['x', 'float32', ['n', 3]]],
    outputs: [['y', 'float32', ['n', 3]]],
    initializers: [{ name: 'w', dtype: 'float32', dims: [3], external: { location, offset: '4', length: '12' } }],
  })

let served: Served
beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

async function ask(name: string, body: unknown): Promise<unknown> {
  const definition = { steps: [{ type: 'model', model: name }] }
  expect((await call(served.server.url, 'PUT', `/v1/pipelines/${name}?deploy=true`, definition)).status).toBe(201)
  const { json, status } = await call(served.server.url, 'POST', `/v1/pipelines/${name}/infer`, body)
  expect(status).toBe(200)
  return json['outputs']
}

describe('a classifier that ends in a ZipMap', () => {
  test('serves its probabilities as a tensor; the names of the classes stay with the output', async () => {
    const { url } = served.server
    const added = await call(url, 'PUT', '/v1/models/zipped/versions', classifier)
    expect(added.status).toBe(201)
    const outputs = [
      { name: 'label', dtype: 'string', shape: [null] },
      { name: 'probabilities', dtype: 'float32', shape: [null, 2], classes: ['no', 'yes'] },
    ]
    const uploaded = {
      sha256: createHash('sha256').update(classifier).digest('hex'),
      size_bytes: classifier.length,
      changes: [expect.stringContaining('its map (ZipMap) was cut off')],
    }
    expect(added.json).toMatchObject({ outputs, uploaded })
    expect(added.json['sha256']).not.toBe(uploaded.sha256)
    expect((await call(url, 'GET', '/v1/models/zipped')).json).toMatchObject({ versions: [{ outputs, uploaded }] })
    const control = new PenstockControl(url)
    expect((await control.getModel('zipped')).versions[0]).toMatchObject({
      signature: { outputs },
      uploaded: { sha256: uploaded.sha256, sizeBytes: classifier.length },
    })
    expect(await ask('zipped', rows)).toEqual({
      label: ['no', 'yes'],
      probabilities: [
        [0.75, 0.25],
        [0.125, 0.875],
      ],
    })
  })

  test('of several targets serves a tensor for each', async () => {
    await served.engine.addModel('several', multiOutput)
    expect(await ask('several', rows)).toEqual({
      first: ['no', 'yes'],
      probabilities_0: [
        [0.75, 0.25],
        [0.125, 0.875],
      ],
      probabilities_1: [
        [0.5, 0.5],
        [0.875, 0.125],
      ],
    })
  })

  test.each(['catboost-binary', 'zipmap-classifier'])(
    '%s, as its tool wrote it, answers labels that fit',
    async (name) => {
      const engine = await openEngine([name])
      await deploy(engine, 'p', [{ type: 'model', model: name }])
      const [input] = engine.getModel(name).versions[0]?.signature.inputs ?? []
      const width = input?.shape[1] as number
      const random = [0.1, -0.7, 0.4, 1.9, -1.1, 0.3, 0.8, -0.2]
      const values = [0, 1].map((row) => Array.from({ length: width }, (_, i) => random[(row * width + i) % 8]))
      const { outputs } = await engine.infer('p', { inputs: { [input?.name ?? '']: values as number[][] } })
      const [label, probabilities] = Object.values(outputs) as [Tensor, Tensor]
      const classes = engine.getModel(name).versions[0]?.signature.outputs[1]?.classes ?? []
      expect(probabilities.shape).toEqual([2, classes.length])
      for (const row of [0, 1]) {
        const scores = [...(probabilities.data as Float32Array)].slice(row * classes.length, (row + 1) * classes.length)
        expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5)
        expect(Number((label.data as BigInt64Array)[row])).toBe(classes[scores.indexOf(Math.max(...scores))])
      }
    },
  )

  test('the same file again is the same version, also after a restart', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const engine = await openEngine([], { models: home.models, pipelines: home.pipelines })
    const first = await engine.addModel('m', classifier)
    expect((await engine.addModel('m', classifier)).version).toBe(1)
    await engine.close()
    await home.close()
    const again = await Home.open({ path })
    expect(again.models.get('m')?.versions).toEqual([first])
    await again.close()
  })

  test('the command line shows classes and what was changed', async () => {
    const folder = temporaryDirectory()
    writeFileSync(join(folder, 'from-cli.onnx'), classifier)
    const { stdout, code } = await penstock(['model', 'add', join(folder, 'from-cli.onnx'), '--url', served.server.url])
    expect(code).toBe(0)
    expect(stdout).toContain('classes  probabilities: no, yes')
    expect(stdout).toMatch(/changed {2}Output probabilities is served as a tensor/)
  })
})

describe('a model of two files', () => {
  const right = { y: [[11, 22, 33]] }
  const wanted = { x: [[10, 20, 30]] }

  test('is merged by `penstock model add`, wherever it is started', async () => {
    const folder = temporaryDirectory()
    mkdirSync(join(folder, 'parts'))
    writeFileSync(join(folder, 'two-cli.onnx'), twoFiles('parts/two.onnx.data'))
    writeFileSync(join(folder, 'parts/two.onnx.data'), weights)
    const url = ['--url', served.server.url]
    const added = await penstock(['model', 'add', join(folder, 'two-cli.onnx'), ...url])
    expect(added).toMatchObject({ code: 0, stderr: '' })
    expect(added.stdout).toMatch(/changed {2}The weights of parts\/two\.onnx\.data \(16 bytes, sha256/)
    expect(await ask('two-cli', wanted)).toEqual(right)
  })

  test('whose second file is missing, outside or behind a link is refused by `penstock model add`', async () => {
    const folder = temporaryDirectory()
    const url = ['--url', served.server.url]
    const add = async (location: string): Promise<string> => {
      writeFileSync(join(folder, 'net.onnx'), twoFiles(location))
      const { code, stderr } = await penstock(['model', 'add', join(folder, 'net.onnx'), ...url])
      expect(code).not.toBe(0)
      return stderr
    }
    expect(await add('net.onnx.data')).toMatch(
      /The weights of .*net\.onnx \(tensor w\) lie in net\.onnx\.data\. Cannot read/,
    )
    expect(await add('../x.data')).toContain("to lie in the model's own folder")
    symlinkSync('/etc/hostname', join(folder, 'link.data'))
    expect(await add('link.data')).toContain("a link out of the model's folder")
  })

  test('is taken over HTTP as multipart/form-data, and by the control client', async () => {
    const form = new FormData()
    form.append('model', new Blob([twoFiles('two.onnx.data')]), 'two.onnx')
    form.append('data', new Blob([weights]), 'two.onnx.data')
    const response = await fetch(`${served.server.url}/v1/models/two-http/versions?tag=t`, {
      method: 'PUT',
      body: form,
    })
    expect(response.status).toBe(201)
    expect(await ask('two-http', wanted)).toEqual(right)
    const control = new PenstockControl(served.server.url)
    await control.addModel('two-control', twoFiles('a/b.data'), { externalData: { 'a/b.data': weights } })
    expect(await ask('two-control', wanted)).toEqual(right)
  })

  test('is taken by an embedded engine, from a record or a map', async () => {
    const engine = await openEngine()
    const first = await engine.addModel('m', twoFiles('b.data'), { externalData: { 'b.data': weights } })
    const again = await engine.addModel('m', twoFiles('b.data'), { externalData: new Map([['b.data', weights]]) })
    expect(again.version).toBe(first.version)
    const wrong = { 'b.data': 'text' } as never
    expect((await refusal(engine.addModel('m', twoFiles('b.data'), { externalData: wrong }))).code).toBe('ERR_ARGUMENT')
  })

  test('that comes alone, or in a body of other parts, is refused with the way out', async () => {
    const { url } = served.server
    const alone = await call(url, 'PUT', '/v1/models/two/versions', twoFiles('two.onnx.data'))
    expect(alone.json).toMatchObject({
      code: 'ERR_MODEL_INVALID',
      error: expect.stringMatching(/two\.onnx\.data, which was not sent.*multipart\/form-data.*external_data=False/),
    })
    const form = new FormData()
    form.append('file', new Blob([twoFiles('two.onnx.data')]), 'two.onnx')
    const response = await fetch(`${url}/v1/models/two/versions`, { method: 'PUT', body: form })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'ERR_BODY',
      error: expect.stringContaining('Expected a part called model with the .onnx file but received file'),
    })
  })
})

test('a file that needs no change is stored as it was sent', async () => {
  const engine = await openEngine(['add-one'])
  const [version] = engine.getModel('add-one').versions
  expect(version?.uploaded).toBeUndefined()
  expect(version?.sha256).toBe(createHash('sha256').update(testModel('add-one')).digest('hex'))
  expect(readFileSync(new URL('../models/add-one.onnx', import.meta.url)).length).toBe(version?.sizeBytes)
})
