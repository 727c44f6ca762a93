/**
 * Calibration on real models: it is measured, put in force while requests are answered, stored, and used again under
 * the same conditions alone. What is chosen depends on the machine and is not asserted: the search has tests of its own
 * (src/engine/calibration/calibrate.test.ts). A machine that is busy while this runs may make it a guess, which is not stored.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Engine, Home, type Calibration, type EngineOptions, type RunPlan, type Tensor } from 'penstock'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { buildModel } from '../../src/onnx/testing/build.js'
import { deploy, floats, openEngine, testModel, until } from '../support/engine-harness.js'

const step = (model: string) => [{ type: 'model', model } as const]
const modelOf = (engine: Engine, pipeline: string) => engine.pipelineStatus(pipeline).models[0]!

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function openHome(
  path: string,
  options: EngineOptions = {},
): Promise<{ engine: Engine; home: Home; close: () => Promise<void> }> {
  const home = await Home.open({ path })
  const engine = await Engine.open({ inferWorkers: 2, models: home.models, pipelines: home.pipelines, ...options })
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await engine.close()
    await home.close()
  }
  closers.push(close)
  return { engine, home, close }
}

function temporaryHome(): string {
  const path = mkdtempSync(join(tmpdir(), 'penstock-calibration-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What measuring says, made up, for the conditions that this machine has now. */
async function madeUp(plan: RunPlan, rowBytes: number): Promise<Calibration> {
  const engine = await openEngine(['add-one'], { calibration: 'deploy' })
  await deploy(engine, 'p', step('add-one@1'))
  const measured = modelOf(engine, 'p').calibration
  if (measured === null) throw new Error('Expected a model that was measured before it serves')
  return { ...measured, plan, rowBytes }
}

const unusual: RunPlan = {
  instances: 1,
  intraOpThreads: 1,
  spinning: false,
  runRowsMax: 2,
  batchRowsMax: 5,
  alone: { intraOpThreads: 2, spinning: true },
}

describe('calibration', () => {
  test('a model is measured before it serves when that was asked for, and every answer is right', async () => {
    const notices: string[] = []
    const engine = await openEngine([], { calibration: 'deploy', onNotice: ({ message }) => notices.push(message) })
    const digits = fileURLToPath(new URL('../../examples/models/digits-cnn/model.onnx', import.meta.url))
    await engine.addModel('digits', readFileSync(digits))
    const startMs = performance.now()
    await deploy(engine, 'digits', step('digits@1'))
    expect(performance.now() - startMs).toBeLessThan(15_000)
    const { runPlan, runPlanState, calibration } = modelOf(engine, 'digits')
    expect(runPlanState).toBe('calibrated')
    expect(calibration?.plan).toEqual(runPlan)
    expect(runPlan.instances * runPlan.intraOpThreads).toBeLessThanOrEqual(Math.max(2, calibration!.conditions.cores))
    expect(calibration!.batchUs).toBeLessThanOrEqual(calibration!.conditions.latencyObjectiveMs * 1000 * 1.1)
    expect(calibration!.rowUs).toBeGreaterThan(0)
    expect(calibration!.rowsPerS).toBeGreaterThan(0)
    const wasBusy = notices.some((message) => message.includes('busy'))
    expect(engine.getModel('digits').versions[0]?.calibration === undefined).toBe(wasBusy)
  })

  test('is measured on values and widths that the graph wants', async () => {
    const notices: string[] = []
    const engine = await openEngine([], { calibration: 'deploy', onNotice: ({ message }) => notices.push(message) })
    const bytes = buildModel({
      domains: { 'ai.onnx.ml': 3 },
      nodes: [
        {
          op: 'OneHotEncoder',
          domain: 'ai.onnx.ml',
          inputs: ['id'],
          outputs: ['place'],
          attributes: { cats_int64s: [70, 90], zeros: 0 },
        },
        { op: 'Gather', inputs: ['x', 'last'], outputs: ['y'], attributes: { axis: 1 } },
      ],
      inputs: [
        ['id', 'int64', ['n', 1]],
        ['x', 'float32', ['n', 'width']],
      ],
      outputs: [
        ['place', 'float32', ['n', 1, 2]],
        ['y', 'float32', ['n', 1]],
      ],
      initializers: [{ name: 'last', dtype: 'int64', dims: [1], data: BigInt64Array.of(400n) }],
    })
    await engine.addModel('m', bytes)
    await deploy(engine, 'p', step('m@1'))
    expect({
      state: modelOf(engine, 'p').runPlanState,
      notices: notices.filter((text) => text.includes('uncalibrated')),
    }).toEqual({ state: 'calibrated', notices: [] })
    // 8 bytes of the id, 4 of each of the columns.
    expect(modelOf(engine, 'p').calibration?.rowBytes).toBe(8 + 401 * 4)
  })

  test('free dims, fixed rows and strings: each is measured, or left alone, as its shape allows', async () => {
    const engine = await openEngine(['trim-tokens', 'fixed-one', 'upper-string', 'sum-rows'], { calibration: 'deploy' })
    for (const [name, state] of [
      ['trim-tokens', 'calibrated'],
      ['fixed-one', 'calibrated'],
      ['sum-rows', 'calibrated'],
      ['upper-string', 'default'],
    ] as const) {
      await deploy(engine, name, step(`${name}@1`))
      expect(modelOf(engine, name).runPlanState, name).toBe(state)
    }
    expect(modelOf(engine, 'fixed-one').runPlan.batchRowsMax).toBe(1)
  })

  test('in the background, requests are answered before, while and after the plan changes', async () => {
    const notices: string[] = []
    const engine = await openEngine(['add-one'], { onNotice: ({ message }) => notices.push(message) })
    const measured = await openEngine(['add-one'], {
      calibration: 'background',
      onNotice: ({ message }) => notices.push(message),
    })
    expect(modelOf(await deployed(engine), 'p').runPlanState).toBe('default')
    expect(modelOf(await deployed(measured), 'p').runPlanState).toBe('pending')
    const isOver = (): boolean => notices.some((message) => /is calibrated|too busy/.test(message))
    let answers = 0
    const x = Float32Array.from({ length: 300 }, (_, index) => index)
    while (!isOver()) {
      const result = await measured.infer('p', { inputs: { x } })
      expect(floats(result, 'y')[299]).toBe(300)
      answers++
    }
    expect(answers).toBeGreaterThan(10)
    expect(floats(await measured.infer('p', { inputs: { x } }), 'y')[299]).toBe(300)
  }, 60_000)

  test('a stored plan is in force at once: batches, parts and the lone session as it says', async () => {
    const path = temporaryHome()
    const first = await openHome(path, { calibration: 'off' })
    await first.engine.addModel('add-one', testModel('add-one'))
    await first.engine.addModel('trim-tokens', testModel('trim-tokens'))
    await deploy(first.engine, 'p', step('add-one@1'))
    await deploy(first.engine, 'trim', step('trim-tokens@1'))
    await first.home.models.setCalibration('add-one', 1, await madeUp(unusual, 12))
    await first.close()

    const { engine } = await openHome(path)
    expect(modelOf(engine, 'p')).toMatchObject({ runPlan: unusual, runPlanState: 'calibrated' })
    expect(modelOf(engine, 'trim').runPlanState).toBe('pending')
    const x = Float32Array.from({ length: 37 * 3 }, (_, index) => index)
    const { outputs } = await engine.infer('p', { inputs: { x } })
    expect((outputs['y'] as Tensor).data).toEqual(x.map((value) => value + 1))
    await until('all batches are counted', () => engine.metrics().models.some(({ batchRows }) => batchRows.sum === 37))
    expect(engine.metrics().models.find(({ model }) => model === 'add-one')?.batchRows.count).toBe(8)
  })

  test('under other conditions, or none asked for, a stored plan is not used', async () => {
    const path = temporaryHome()
    const first = await openHome(path, { calibration: 'off' })
    await first.engine.addModel('add-one', testModel('add-one'))
    await deploy(first.engine, 'p', step('add-one@1'))
    const stored = await madeUp(unusual, 12)
    await first.home.models.setCalibration('add-one', 1, stored)
    await first.close()
    for (const [options, state] of [
      [{ calibration: 'off' }, 'default'],
      [{ latencyObjectiveMs: 7 }, 'pending'],
      [{ inferWorkers: 1 }, 'pending'],
      [{ intraOpThreads: 1 }, 'pending'],
      [{}, 'calibrated'],
    ] as const) {
      const { engine, home, close } = await openHome(path, options)
      expect(modelOf(engine, 'p').runPlanState, JSON.stringify(options)).toBe(state)
      expect(home.models.get('add-one')?.versions[0]?.calibration, 'it is kept').toEqual(stored)
      await close()
    }
  })

  test('closing does not wait for what is still to be measured', async () => {
    const engine = await Engine.open({ inferWorkers: 2, calibration: 'deploy' })
    await engine.addModel('slow', testModel('slow'))
    const deployment = engine.applyPipeline({ name: 'p', steps: step('slow@1') }, { deploy: true })
    const outcome = deployment.then(
      () => 'deployed',
      (error: { code?: string }) => error.code,
    )
    await new Promise((resolve) => setTimeout(resolve, 150))
    const startMs = performance.now()
    await engine.close()
    expect(performance.now() - startMs).toBeLessThan(8_000)
    await outcome
  })
})

async function deployed(engine: Engine): Promise<Engine> {
  await deploy(engine, 'p', step('add-one@1'))
  return engine
}
