/**
 * What a model runs on: chosen by version, refused with the way out where it cannot be had, and never replaced silently.
 * The claims about CUDA itself run where ONNX Runtime's CUDA library is installed, and are skipped elsewhere.
 */
import { Engine, Home, type InferResult } from 'penstock'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectCudaLibrary } from '../../src/worker/sessions/cuda.js'
import { deploy, floats, openEngine, refusal, testModel } from '../support/engine-harness.js'

const hasCuda = ((): boolean => {
  try {
    expectCudaLibrary()
    return true
  } catch {
    return false
  }
})()
const steps = [{ type: 'model', model: 'm' }] as const
const x = Float32Array.from([1, 2, 3])

function answer(engine: Engine): Promise<InferResult> {
  return engine.infer('p', { inputs: { x } })
}

it('providers: a version keeps them; the same bytes for other providers are another version', async () => {
  const path = mkdtempSync(join(tmpdir(), 'penstock-test-'))
  try {
    for (const home of [undefined, await Home.open({ path })]) {
      const engine = await Engine.open({
        inferWorkers: 1,
        calibration: 'off',
        ...(home === undefined ? {} : { models: home.models }),
      })
      const bytes = testModel('add-one')
      expect(await engine.addModel('m', bytes)).not.toHaveProperty('providers')
      const placed = await engine.addModel('m', bytes, { providers: ['cuda', 'cpu'], deviceId: 1 })
      expect(placed).toMatchObject({ version: 2, providers: ['cuda', 'cpu'], deviceId: 1 })
      expect(await engine.addModel('m', bytes)).toEqual(placed)
      expect(await engine.addModel('m', bytes, { providers: ['cpu'] })).toMatchObject({ version: 3 })
      await engine.close()
      await home?.close()
    }
    const again = await Home.open({ path })
    expect(again.models.get('m')?.versions[1]).toMatchObject({ providers: ['cuda', 'cpu'], deviceId: 1 })
    await again.close()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})

it.each([
  ['none', { providers: [] }],
  ['one twice', { providers: ['cuda', 'cuda'] }],
  ['an unknown one', { providers: ['gpu'] }],
  ['no list', { providers: 'cuda' }],
  ['a negative device', { deviceId: -1 }],
  ['a device that is no number', { deviceId: '0' }],
])('providers: %s is refused before anything is stored', async (_title, options) => {
  const engine = await openEngine()
  const error = await refusal(engine.addModel('m', testModel('add-one'), options as never))
  expect(error.code).toBe('ERR_ARGUMENT')
  expect(error.message).toMatch(/^Expected .*(providers|deviceId)/)
  expect(engine.listModels()).toEqual([])
})

it('providers: the CPU is what runs unless something else is asked for, and status says so', async () => {
  const engine = await openEngine(['add-one'])
  await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
  expect(engine.pipelineStatus('p').models).toMatchObject([{ provider: 'cpu' }])
})

it.skipIf(hasCuda)('cuda, not installed: the deploy is refused with the command that installs it', async () => {
  const engine = await openEngine()
  await engine.addModel('m', testModel('add-one'), { providers: ['cuda'] })
  const error = await refusal(deploy(engine, 'p', steps))
  expect(error.code).toBe('ERR_PROVIDER')
  expect(error.message).toMatch(/^Model m@1 cannot run here. Expected the CUDA execution provider but libonnxruntime_p/)
  expect(error.message).toContain(
    'npm rebuild onnxruntime-node --ignore-scripts=false --onnxruntime-node-install=cuda12',
  )
  expect(engine.listPipelines()).toEqual([])
})

it.skipIf(hasCuda)('cuda, not installed: the CPU stands in where it is listed, and status says so', async () => {
  const engine = await openEngine()
  await engine.addModel('m', testModel('add-one'), { providers: ['cuda', 'cpu'] })
  await deploy(engine, 'p', steps)
  expect(engine.pipelineStatus('p').models).toMatchObject([{ provider: 'cpu' }])
  expect(floats(await answer(engine), 'y')).toEqual([2, 3, 4])
})

it.skipIf(hasCuda)('cuda, not installed: an engine opened for it refuses models that name nothing else', async () => {
  const engine = await openEngine([], { executionProviders: ['cuda'] })
  await engine.addModel('m', testModel('add-one'))
  expect(await refusal(deploy(engine, 'p', steps))).toMatchObject({ code: 'ERR_PROVIDER' })
  await engine.addModel('m', testModel('add-one'), { providers: ['cpu'] })
  await deploy(engine, 'p', steps)
  expect(floats(await answer(engine), 'y')).toEqual([2, 3, 4])
})

it.skipIf(!hasCuda)('cuda: runs the model, status says so, and the answers are those of the CPU', async () => {
  const engine = await openEngine()
  await engine.addModel('m', testModel('add-one'), { providers: ['cuda'] })
  await deploy(engine, 'p', steps)
  expect(engine.pipelineStatus('p').models).toMatchObject([{ provider: 'cuda' }])
  expect(floats(await answer(engine), 'y')).toEqual([2, 3, 4])
})
