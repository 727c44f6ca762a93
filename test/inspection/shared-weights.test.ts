/**
 * Workers of one engine share the weights of a large model: memory by the kernel's own count (pss), measured in fresh
 * processes, with a canary that shows the measure would see copies; and what happens to the files it relies on.
 */
import { Engine, Home } from 'penstock'
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { denseModel } from '../../bench/workloads/shared-weights/dense-model.js'
import { measureInChild, type Measurement } from '../../bench/workloads/shared-weights/measure.js'

const WEIGHTS_MIB = 48
/** An isolate with ONNX Runtime's buffers takes 10 to 25 MiB; a copy of the weights 48 and more. */
const WORKER_MIB_MAX = 36

const path = mkdtempSync(join(tmpdir(), 'penstock-test-'))
const prepared = join(path, 'prepared')
const { bytes, width } = denseModel(WEIGHTS_MIB)

beforeAll(async () => {
  const home = await Home.open({ path })
  const engine = await Engine.open({ models: home.models, inferWorkers: 1, calibration: 'off' })
  await engine.addModel('dense', bytes)
  await engine.close()
  await home.close()
})
afterAll(() => rmSync(path, { recursive: true, force: true }))

const measure = (workers: number, runs?: 'native' | 'onnxruntime-node'): Promise<Measurement> =>
  measureInChild({ home: path, workers, width, ...(runs === undefined ? {} : { runs }) })

/** What each worker after the first adds. */
const perWorkerMib = (few: Measurement, many: Measurement): number =>
  (many.pssMib - few.pssMib) / (many.workers - few.workers)

it.runIf(process.platform === 'linux')(
  'shared weights: a further worker costs its isolate, not a copy, and the answers are the same bits',
  async () => {
    // Where nothing can be prepared, and each worker has a session, each holds a copy and says so: the canary.
    writeFileSync(prepared, 'in the way\n')
    const copies = [await measure(1, 'onnxruntime-node'), await measure(3, 'onnxruntime-node')] as const
    expect(perWorkerMib(...copies)).toBeGreaterThan(WEIGHTS_MIB)
    // One session of all workers needs nothing prepared.
    const single = [await measure(1), await measure(3)] as const
    expect(perWorkerMib(...single)).toBeLessThan(WORKER_MIB_MAX)
    expect(copies[0].notices.join()).toMatch(/do not share the weights of dense@1, each holds its own: .*prepared/)

    rmSync(prepared)
    await measure(1)
    const shared = [await measure(1, 'onnxruntime-node'), await measure(3, 'onnxruntime-node')] as const
    expect(perWorkerMib(...shared)).toBeLessThan(WORKER_MIB_MAX)
    expect(shared[0].notices).toEqual([])
    expect(new Set([...copies, ...single, ...shared].map(({ answers }) => answers)).size).toBe(1)
  },
  // Seven processes, each with a server's start in it.
  120_000,
)

it('shared weights: damaged files are made again, and go with the model', async () => {
  const files = (): string[] => readdirSync(prepared).map((name) => join(prepared, name, 'weights.bin'))
  await measure(1)
  truncateSync(files()[0] as string, 4096)
  const { notices } = await measure(1)
  expect(notices).toEqual([])

  const home = await Home.open({ path })
  const engine = await Engine.open({ models: home.models, inferWorkers: 1, calibration: 'off' })
  expect(existsSync(files()[0] as string)).toBe(true)
  await engine.removeModel('dense')
  expect(readdirSync(prepared)).toEqual([])
  await engine.close()
  await home.close()
}, 120_000)

it('shared weights: a small model leaves no files', async () => {
  const home = await Home.open({ path })
  const engine = await Engine.open({ models: home.models, inferWorkers: 1, calibration: 'off' })
  await engine.addModel('small', denseModel(1, 64).bytes)
  await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'small' }] }, { deploy: true })
  expect(readdirSync(prepared)).toEqual([])
  await engine.close()
  await home.close()
})
