/**
 * Models run by ONNX Runtime's C API and by onnxruntime-node: the same rows give the same bits, of every example and test model
 * that an engine takes, whole and in shared batches, and what is refused is refused alike.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isPenstockError, type Engine, type ModelVersion, type Tensor } from 'penstock'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { buildModel } from '../../src/onnx/testing/build.js'
import { sampleData, sampleDims } from '../../src/worker/sessions/sample-inputs.js'
import { deploy, openEngine, refusal } from '../support/engine-harness.js'
import { longModel } from '../support/long-models.js'

const TEST_MS = 120_000
const WAYS = ['native', 'onnxruntime-node'] as const

const files: [string, string][] = [
  ...foldersOf('../../examples/models/').map((name): [string, string] => [
    name,
    `../../examples/models/${name}/model.onnx`,
  ]),
  ...readdirSync(pathOf('../models/'))
    .filter((name) => name.endsWith('.onnx'))
    .map((name): [string, string] => [name, `../models/${name}`]),
]

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

function foldersOf(relative: string): string[] {
  const entries = readdirSync(pathOf(relative), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** Rows of every input, the same for the same seed. */
function inputsOf({ signature }: ModelVersion, rows: number, seed: number): Record<string, Tensor> {
  const random = seededRandom(seed)
  return Object.fromEntries(
    signature.inputs.map((field) => {
      const shape = sampleDims(field, rows, 4)
      const elements = shape.reduce((product, dim) => product * dim, 1)
      return [field.name, { dtype: field.dtype, shape, data: sampleData(field.dtype, elements, random, undefined, 1) }]
    }),
  )
}

interface Served {
  readonly engine: Engine
  readonly version: ModelVersion
}

/** null: the model is not for serving. */
async function serve(way: (typeof WAYS)[number], bytes: Uint8Array): Promise<Served | null> {
  const engine = await openEngine([], { runs: way, inferWorkers: 1, rowCheckEvery: 0 })
  expect(engine.metrics().workers.runs).toBe(way)
  try {
    const version = await engine.addModel('model', bytes)
    await deploy(engine, 'model', [{ type: 'model', model: 'model' }])
    return { engine, version }
  } catch (error) {
    if (isPenstockError(error)) return null
    throw error
  }
}

/** The tensors of an answer, to the bit; or its error's code and words. */
async function answerOf(engine: Engine, inputs: Record<string, Tensor>): Promise<unknown> {
  try {
    const { outputs } = await engine.infer('model', { inputs })
    return Object.entries(outputs).map(([name, { dtype, shape, data }]) => {
      const bits = ArrayBuffer.isView(data)
        ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')
        : data
      return { name, dtype, shape, bits }
    })
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return { code, message }
  }
}

describe('runs: natively and by onnxruntime-node', { timeout: TEST_MS }, () => {
  let compared = 0
  it.each(files)('runs: %s answers alike, bit for bit', async (_name, path) => {
    const bytes = readFileSync(pathOf(path))
    const [native, node] = [await serve('native', bytes), await serve('onnxruntime-node', bytes)]
    expect(native === null).toBe(node === null)
    if (native === null || node === null) return
    for (const rows of [1, 3, 17]) {
      const inputs = inputsOf(native.version, rows, rows)
      const answer = await answerOf(native.engine, inputs)
      expect(answer).toEqual(await answerOf(node.engine, inputs))
      if (Array.isArray(answer)) compared++
    }
  })

  it('runs: most of them had answers to compare', () => {
    expect(compared).toBeGreaterThan(2 * files.length)
  })

  it('runs: a request that the model refuses fails with the same words, and its neighbours are answered', async () => {
    const bytes = readFileSync(pathOf('../models/gather-ten.onnx'))
    const answers: unknown[] = []
    for (const way of WAYS) {
      const { engine, version } = (await serve(way, bytes)) as Served
      const [field] = version.signature.inputs as [ModelVersion['signature']['inputs'][number]]
      const ask = (value: number): Promise<unknown> => {
        const shape = sampleDims(field, 1, 1)
        const data = sampleData(field.dtype, 1, () => 0)
        ;(data as unknown[])[0] = field.dtype === 'int64' ? BigInt(value) : value
        return answerOf(engine, { [field.name]: { dtype: field.dtype, shape, data } })
      }
      // In one turn of the event loop, so that they share a batch.
      answers.push(await Promise.all([ask(1), ask(99), ask(2)]))
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject([{}, { code: 'ERR_RUN_FAILED' }, {}])
    expect((answers[0] as unknown[])[0]).toBeInstanceOf(Array)
  })

  it('runs: rows of a shared batch that are checked live agree, with outputs of known and unknown shape', async () => {
    const known = await openEngine(['add-one'], { runs: 'native', inferWorkers: 1, rowCheckEvery: 2 })
    await deploy(known, 'model', [{ type: 'model', model: 'add-one' }])
    const x = { dtype: 'float32' as const, shape: [8, 3], data: Float32Array.from({ length: 24 }, (_, i) => i) }
    for (let request = 0; request < 20; request++) await answerOf(known, { x })
    await expect
      .poll(() => known.metrics().models[0]?.batching, { timeout: 10_000 })
      .toMatchObject({ rowDifferences: 0, rowChecks: expect.toSatisfy((count: number) => count > 0) as number })
  })

  it('runs: what cannot be loaded is refused alike, and leaves nothing behind', async () => {
    const bytes = buildModel({
      nodes: [{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }],
      inputs: [['x', 'float32', [null, 1]]],
      outputs: [['y', 'float32', [null, 1]]],
    })
    const engine = await openEngine([], { runs: 'native' })
    expect(await refusal(engine.addModel('none', bytes))).toMatchObject({ code: 'ERR_MODEL_INVALID' })
    await engine.addModel('long', longModel())
    await deploy(engine, 'long', [{ type: 'model', model: 'long' }])
  })
})
