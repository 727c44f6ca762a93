/**
 * The control path while requests run: redeploys and alias moves lose nothing, failures change nothing, what is in use
 * cannot be removed, and what was deployed serves again after a restart.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from 'penstock'
import { Home, pipeline } from 'penstock'
import { describe, expect, test } from 'vitest'
import { deploy, floats, openEngine, refusal, testModel, until } from '../support/engine-harness.js'

/** Infers in a closed loop until it is stopped; counts answers and collects what is wrong with them. */
function load(
  engine: Engine,
  name: string,
  check: (y: number[], version: number) => string | null,
): { answers: () => number; stop: () => Promise<{ answers: number; faults: string[] }> } {
  let isOn = true
  let answers = 0
  const faults: string[] = []
  const caller = async (): Promise<void> => {
    while (isOn) {
      try {
        const result = await engine.infer(name, {
          inputs: { x: { dtype: 'float32', shape: [3, 3], data: new Float32Array(9) } },
        })
        answers++
        const fault = check(floats(result, 'y'), result.metadata.pipelineVersion)
        if (fault !== null) faults.push(fault)
      } catch (error) {
        faults.push(String(error))
      }
    }
  }
  const callers = Array.from({ length: 16 }, caller)
  return {
    answers: () => answers,
    stop: async () => {
      isOn = false
      await Promise.all(callers)
      return { answers, faults }
    },
  }
}

describe('control', () => {
  test('redeploying under load loses no request, and each is answered by one version', async () => {
    const engine = await openEngine(['constant-v1', 'constant-v2'])
    const builder = pipeline('swap', engine).model('constant-v1')
    await builder.deploy()
    const running = load(engine, 'swap', (y, version) => {
      const expected = version % 2 === 1 ? 1 : 2
      return y.every((value) => value === expected) ? null : `version ${version} answered ${y.join(' ')}`
    })
    let deploys = 0
    for (; deploys < 10 || deploys % 2 === 1 || running.answers() < 200; deploys++) {
      await builder.replaceWithModel(0, deploys % 2 === 0 ? 'constant-v2' : 'constant-v1').deploy()
    }
    const { answers, faults } = await running.stop()
    expect(faults).toEqual([])
    expect(answers).toBeGreaterThanOrEqual(200)
    expect(engine.getPipeline('swap').versions).toHaveLength(deploys + 1)
    // The last deploy was of constant-v1; the other model is unloaded when its plan has retired.
    await until('the old model is unloaded', () => engine.metrics().models.length === 1)
    expect(engine.metrics().models[0]?.model).toBe('constant-v1')
  })

  test('moving an alias under load loses no request and moves every pipeline that follows it', async () => {
    const engine = await openEngine()
    await engine.addModel('constant', testModel('constant-v1'), { alias: 'champion' })
    await engine.addModel('constant', testModel('constant-v2'))
    await deploy(engine, 'one', [{ type: 'model', model: 'constant@champion' }])
    await deploy(engine, 'two', [{ type: 'model', model: 'constant@champion' }])
    await deploy(engine, 'pinned', [{ type: 'model', model: 'constant@1' }])
    const changed: string[] = []
    engine.on('pipeline', (name) => changed.push(name))
    const running = load(engine, 'one', (y) =>
      new Set(y).size === 1 && (y[0] === 1 || y[0] === 2) ? null : y.join(' '),
    )
    for (let i = 0; i < 10 || running.answers() < 200; i++) {
      await engine.setAlias('constant', 'champion', i % 2 === 0 ? 2 : 1)
    }
    await engine.setAlias('constant', 'champion', 2)
    const { answers, faults } = await running.stop()
    expect(faults).toEqual([])
    expect(answers).toBeGreaterThanOrEqual(200)
    const inputs = { x: [[0, 0, 0]] }
    expect(floats(await engine.infer('one', { inputs }), 'y')).toEqual([2, 2, 2])
    expect(floats(await engine.infer('two', { inputs }), 'y')).toEqual([2, 2, 2])
    expect(floats(await engine.infer('pinned', { inputs }), 'y')).toEqual([1, 1, 1])
    expect(new Set(changed)).toEqual(new Set(['one', 'two']))
    expect(engine.describePipeline('one').models).toMatchObject([{ name: 'constant', version: 2 }])
  })

  test('an alias move that a pipeline cannot follow changes nothing', async () => {
    const engine = await openEngine(['times-two'])
    await engine.addModel('first', testModel('add-one'), { alias: 'champion' })
    await engine.addModel('first', testModel('add-one-more-features'))
    await deploy(engine, 'chain', [
      { type: 'model', model: 'first@champion' },
      { type: 'model', model: 'times-two' },
    ])
    await deploy(engine, 'alone', [{ type: 'model', model: 'first@champion' }])
    expect(await refusal(engine.setAlias('first', 'champion', 2))).toMatchObject({ code: 'ERR_PIPELINE_INVALID' })
    expect(engine.getModel('first').aliases).toEqual({ champion: 1 })
    expect(floats(await engine.infer('chain', { inputs: { x: [[1, 2, 3]] } }), 'y')).toEqual([4, 6, 8])
    expect(engine.describePipeline('alone').inputs[0]?.shape).toEqual([null, 3])
    expect(
      engine
        .metrics()
        .models.map((model) => `${model.model}@${model.version}`)
        .sort(),
    ).toEqual(['first@1', 'times-two@1'])
  })

  test('pipelines share one queue per model version; it goes with the last of them', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'a', [{ type: 'model', model: 'add-one' }])
    await deploy(engine, 'b', [{ type: 'model', model: 'add-one' }])
    expect(engine.metrics().models).toHaveLength(1)
    await engine.undeployPipeline('a')
    expect((await refusal(engine.infer('a', { inputs: { x: [[1, 2, 3]] } }))).code).toBe('ERR_PIPELINE_NOT_DEPLOYED')
    expect(floats(await engine.infer('b', { inputs: { x: [[1, 2, 3]] } }), 'y')).toEqual([2, 3, 4])
    await engine.undeployPipeline('b')
    await until('the model is unloaded', () => engine.metrics().models.length === 0)
  })

  test('what a deployed pipeline uses cannot be removed, and the refusal names the pipeline', async () => {
    const engine = await openEngine()
    await engine.addModel('m', testModel('add-one'), { alias: 'champion' })
    await engine.addModel('m', testModel('times-two'))
    await deploy(engine, 'user', [{ type: 'model', model: 'm@champion' }])
    for (const attempt of [
      () => engine.removeModel('m'),
      () => engine.removeModelVersion('m', 1),
      () => engine.removeAlias('m', 'champion'),
      () => engine.removePipeline('user'),
    ]) {
      const error = await refusal(attempt())
      expect(error.code).toBe('ERR_CONFLICT')
      expect(error.message).toContain('user')
    }
    await engine.removeModelVersion('m', 2)
    await engine.undeployPipeline('user')
    await engine.removePipeline('user')
    await engine.removeModel('m')
    expect(engine.listModels()).toEqual([])
    expect((await refusal(engine.infer('user', { inputs: {} }))).code).toBe('ERR_PIPELINE_NOT_FOUND')
  })

  test('a definition that cannot be deployed becomes no version', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    expect((await refusal(deploy(engine, 'p', [{ type: 'model', model: 'nothing' }]))).code).toBe('ERR_MODEL_NOT_FOUND')
    expect(engine.getPipeline('p').versions).toHaveLength(1)
    expect(engine.pipelineStatus('p')).toMatchObject({ deployed: true, version: 1, versions: [1] })
  })

  test.each([
    ['an unknown model', 'nothing', 'ERR_MODEL_NOT_FOUND', 'no model nothing'],
    ['an unknown alias', 'add-one@champion', 'ERR_MODEL_NOT_FOUND', 'no alias champion'],
    ['an unknown version', 'add-one@7', 'ERR_MODEL_NOT_FOUND', 'no version 7'],
  ])('refuses to deploy %s', async (_what, model, code, words) => {
    const engine = await openEngine(['add-one'])
    const error = await refusal(deploy(engine, 'p', [{ type: 'model', model }]))
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
  })

  test.each([
    ['identity-bfloat16', 'bfloat16'],
    ['future-opset', 'opset'],
    ['missing-external-data', 'another file'],
  ])('refuses the upload of %s and says why', async (name, words) => {
    const engine = await openEngine()
    const error = await refusal(engine.addModel('m', testModel(name)))
    expect(error.code).toBe('ERR_MODEL_INVALID')
    expect(error.message).toContain(words)
    expect(engine.listModels()).toEqual([])
  })

  test('refuses the upload of bytes that are no model', async () => {
    const engine = await openEngine()
    for (const bytes of [new Uint8Array(0), Buffer.from('not a model'), Buffer.from('PK\u0003\u0004')]) {
      expect((await refusal(engine.addModel('m', bytes))).message).toContain('Expected an ONNX file')
    }
  })

  test('what was deployed serves again after a restart, and one broken pipeline does not keep the rest down', async () => {
    const path = mkdtempSync(join(tmpdir(), 'penstock-home-'))
    try {
      const home = await Home.open({ path })
      const engine = await openEngine(['add-one', 'times-two'], { models: home.models, pipelines: home.pipelines })
      await deploy(engine, 'kept', [{ type: 'model', model: 'add-one' }])
      await deploy(engine, 'gone', [{ type: 'model', model: 'times-two' }])
      await deploy(engine, 'off', [{ type: 'model', model: 'add-one' }])
      await engine.undeployPipeline('off')
      await engine.close()
      // Behind the engine's back: its pipeline cannot come back.
      await home.models.remove('times-two')
      await home.close()
      const again = await Home.open({ path })
      const notices: string[] = []
      const restarted = await openEngine([], {
        models: again.models,
        pipelines: again.pipelines,
        onNotice: ({ message }) => notices.push(message),
      })
      expect(floats(await restarted.infer('kept', { inputs: { x: [[1, 2, 3]] } }), 'y')).toEqual([2, 3, 4])
      expect((await refusal(restarted.infer('off', { inputs: { x: [[1, 2, 3]] } }))).code).toBe(
        'ERR_PIPELINE_NOT_DEPLOYED',
      )
      expect((await refusal(restarted.infer('gone', { inputs: { x: [[1, 2, 3]] } }))).code).toBe(
        'ERR_PIPELINE_NOT_DEPLOYED',
      )
      expect(notices.join('\n')).toContain('gone')
      await restarted.close()
      await again.close()
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })

  test('two engines in one process serve side by side', async () => {
    const [a, b] = await Promise.all([openEngine(['add-one']), openEngine(['times-two'])])
    await deploy(a, 'p', [{ type: 'model', model: 'add-one' }])
    await deploy(b, 'p', [{ type: 'model', model: 'times-two' }])
    const inputs = { x: [[1, 2, 3]] }
    const [one, two] = await Promise.all([a.infer('p', { inputs }), b.infer('p', { inputs })])
    expect([floats(one, 'y'), floats(two, 'y')]).toEqual([
      [2, 3, 4],
      [2, 4, 6],
    ])
    await a.close()
    expect(floats(await b.infer('p', { inputs }), 'y')).toEqual([2, 4, 6])
  })
})
