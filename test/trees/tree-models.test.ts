/**
 * Tree ensembles from the upload to the answer: the record says what runs them, and the answers are those of ONNX Runtime on
 * one thread, bit for bit, whoever asks how many rows at a time.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { Engine, ModelVersion, Tensor } from 'penstock'
import { describe, expect, it, test } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { MemoryModelStore } from '../../src/engine/stores/memory-stores.js'
import { buildClassifier, buildRegressor, drawTrees } from '../../src/onnx/trees/testing/build-trees.js'
import { seededRandom } from '../../src/base/random.js'
import { deploy, openEngine, testModel } from '../support/engine-harness.js'

const example = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../examples/models/${name}/model.onnx`, import.meta.url)))
const trees = (targets: number, columns = 6) =>
  drawTrees(
    { columns, depth: 6, targets, modes: ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_EQ'], count: 20 },
    seededRandom(11),
  )

const models: Readonly<Record<string, { bytes: Uint8Array; columns: number }>> = {
  'wine-gbt': { bytes: example('wine-gbt'), columns: 12 },
  'wine-forest': { bytes: example('wine-forest'), columns: 12 },
  'lgbm-missing': { bytes: testModel('lgbm-missing'), columns: 4 },
  'catboost-binary': { bytes: testModel('catboost-binary'), columns: 4 },
  classes: { bytes: buildClassifier({ columns: 6, labels: [2, 3, 5], trees: trees(3) }), columns: 6 },
  texts: { bytes: buildClassifier({ columns: 6, labels: ['a', 'b', 'ç'], trees: trees(3) }), columns: 6 },
  'cast-labels': {
    bytes: buildClassifier({
      columns: 6,
      labels: [2, 3, 5],
      trees: trees(3),
      behind: [{ op: 'Cast', inputs: ['label'], outputs: ['l'], attributes: { to: 1 } }],
      rest: {
        outputs: [
          ['l', 'float32', [null]],
          ['scores', 'float32', [null, null]],
        ],
      },
    }),
    columns: 6,
  },
}

function rowsOf(count: number, columns: number, seed = 5): Float32Array {
  const random = seededRandom(seed)
  return Float32Array.from({ length: count * columns }, () => (random() < 0.1 ? Number.NaN : random() * 6 - 1))
}

type Data = ArrayLike<number | bigint | string>

/** One row a run: what ONNX Runtime's answer is when nobody else asks. By output, row after row. */
async function runtimeAnswers(
  version: ModelVersion,
  bytes: Uint8Array,
  rows: Float32Array,
  columns: number,
): Promise<Data[][]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const answers: Data[][] = []
  for (let row = 0; row * columns < rows.length; row++) {
    const data = rows.slice(row * columns, (row + 1) * columns)
    const name = session.inputNames[0] as string
    const results = await session.run({ [name]: new OrtTensor('float32', data, [1, columns]) })
    answers.push(version.signature.outputs.map((output) => (results[output.name] as OrtTensor).data as unknown as Data))
  }
  await session.release()
  return answers
}

async function ask(
  engine: Engine,
  name: string,
  version: ModelVersion,
  data: Float32Array,
  columns: number,
): Promise<Data[]> {
  const input = version.signature.inputs[0]?.name as string
  const shape = [data.length / columns, columns]
  const { outputs } = await engine.infer(name, { inputs: { [input]: { dtype: 'float32', shape, data } } })
  return version.signature.outputs.map((output) => (outputs[output.name] as Tensor).data as unknown as Data)
}

const bitsOf = (values: Data): unknown[] =>
  Array.from(values, (value) =>
    Object.is(value, -0) ? '-0' : typeof value === 'number' && Number.isNaN(value) ? 'NaN' : value,
  )

async function added(name: string, options: Parameters<typeof openEngine>[1] = {}) {
  const store = new MemoryModelStore(systemClock)
  const engine = await openEngine([], { models: store, ...options })
  const { bytes, columns } = models[name] as (typeof models)[string]
  const version = await engine.addModel(name, bytes)
  await deploy(engine, name, [{ type: 'model', model: `${name}@1` }])
  // A ZipMap is cut off when a model is added.
  return { engine, version, columns, bytes: store.blobBytes(version.sha256) }
}

describe('tree models', () => {
  it.each(Object.keys(models))('tree models: %s answers as ONNX Runtime does for a row alone', async (name) => {
    const { engine, version, columns, bytes } = await added(name)
    expect(version.signature.runner).toMatchObject({ name: 'native-trees', reason: '' })
    expect(engine.pipelineStatus(name).models[0]?.runner).toBe('native-trees')
    const rows = rowsOf(70, columns)
    const expected = await runtimeAnswers(version, bytes, rows, columns)
    for (const count of [1, 2, 7, 64, 70]) {
      const answers = await ask(engine, name, version, rows.slice(0, count * columns), columns)
      answers.forEach((answer, output) => {
        const alone = expected.slice(0, count).flatMap((outputs) => bitsOf(outputs[output] as Data))
        expect(bitsOf(answer)).toEqual(alone)
      })
    }
  })

  it('tree models: callers at once share batches and get their own answers', async () => {
    const { engine, version, columns, bytes } = await added('wine-forest')
    const rows = rowsOf(200, columns)
    const expected = await runtimeAnswers(version, bytes, rows, columns)
    const asked = Array.from({ length: 200 }, (_, row) =>
      ask(engine, 'wine-forest', version, rows.slice(row * columns, (row + 1) * columns), columns),
    )
    const answers = await Promise.all(asked)
    answers.forEach((answer, row) => expect(bitsOf(answer[0] as Data)).toEqual(bitsOf(expected[row]?.[0] as Data)))
    expect(engine.pipelineStatus('wine-forest').models[0]?.batchingCounts.rowChecks).toBe(0)
  })

  it('tree models: a switch keeps ONNX Runtime, with the same answers', async () => {
    const { engine, version, columns, bytes } = await added('wine-gbt', { nativeTrees: false })
    expect(version.signature.runner?.name).toBe('native-trees')
    expect(engine.pipelineStatus('wine-gbt').models[0]?.runner).toBe('onnxruntime')
    const rows = rowsOf(3, columns)
    const expected = await runtimeAnswers(version, bytes, rows, columns)
    const [answer] = await ask(engine, 'wine-gbt', version, rows, columns)
    expect(bitsOf(answer as Data)).toEqual(expected.flatMap(([score]) => bitsOf(score as Data)))
  })

  it('tree models: calibration measures them and they go on answering', async () => {
    const { engine, version, columns } = await added('wine-gbt', { calibration: 'deploy' })
    const { runPlanState, calibration } = engine.pipelineStatus('wine-gbt').models[0] ?? {}
    expect(runPlanState).toBe('calibrated')
    expect(calibration?.conditions.runtime).toContain('tree kernels')
    expect((await ask(engine, 'wine-gbt', version, rowsOf(5, columns), columns))[0]).toHaveLength(5)
  })

  it('tree models: a bad shape is refused and the next row is answered', async () => {
    const { engine, version, columns } = await added('wine-gbt')
    await expect(ask(engine, 'wine-gbt', version, rowsOf(2, 11), 11)).rejects.toMatchObject({ code: 'ERR_SHAPE' })
    expect((await ask(engine, 'wine-gbt', version, rowsOf(1, columns), columns))[0]).toHaveLength(1)
  })
})

test('tree models: what the kernels cannot run says why, and ONNX Runtime serves it', async () => {
  const engine = await openEngine()
  const behind = [{ op: 'Exp', inputs: ['y'], outputs: ['z'] }]
  const version = await engine.addModel('exp', buildRegressor({ columns: 6, trees: trees(1), behind }))
  expect(version.signature.runner).toMatchObject({
    name: 'onnxruntime',
    reason: 'Its graph does more than trees: Exp',
    rows: 0,
  })
  await deploy(engine, 'exp', [{ type: 'model', model: 'exp@1' }])
  expect(engine.pipelineStatus('exp').models[0]?.runner).toBe('onnxruntime')
  expect((await ask(engine, 'exp', version, rowsOf(4, 6), 6))[0]).toHaveLength(4)
})

test('tree models: a record of other kernels is not believed: the version is inspected again at its deploy', async () => {
  const store = new MemoryModelStore(systemClock)
  const engine = await openEngine([], { models: store })
  const { bytes } = models['wine-gbt'] as (typeof models)[string]
  const { signature } = await engine.addModel('m', bytes)
  const proof = signature.batchingProof
  const stale = { ...signature, runner: { ...signature.runner, foundWith: 'tree kernels 0' } } as typeof signature
  await store.setSignature('m', 1, stale)
  await deploy(engine, 'm', [{ type: 'model', model: 'm@1' }])
  const now = engine.getModel('m').versions[0]?.signature
  expect(now?.runner?.foundWith).toBe(signature.runner?.foundWith)
  expect(now?.batchingProof).toEqual(proof)
  expect(engine.pipelineStatus('m').models[0]?.runner).toBe('native-trees')
})
