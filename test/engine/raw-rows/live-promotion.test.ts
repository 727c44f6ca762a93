/** Promotions by live rows: a version answers what callers send behind the one that serves, and they notice nothing. */
import { type Engine, PenstockServer, type PromotionOptions, type PromotionProgress } from 'penstock'
import { PenstockControl } from 'penstock/client'
import { describe, expect, test } from 'vitest'
import { buildModel } from '../../../src/onnx/testing/build.js'
import { openEngine, refusal, until } from '../../support/engine-harness.js'

/** y = x * factor + 1: it agrees with factor 1 where x is 0. */
function scaling(factor: number): Uint8Array {
  return buildModel({
    inputs: [['x', 'float32', ['n', 1]]],
    outputs: [['y', 'float32', ['n', 1]]],
    nodes: [
      { op: 'Mul', inputs: ['x', 'factor'], outputs: ['m'] },
      { op: 'Add', inputs: ['m', 'one'], outputs: ['y'] },
    ],
    initializers: [
      { name: 'factor', dtype: 'float32', dims: [1], data: Float32Array.of(factor) },
      { name: 'one', dtype: 'float32', dims: [1], data: Float32Array.of(1) },
    ],
  })
}

/** Versions 1 and 3 say the same but for the last digits; version 2 agrees where x is 0. */
async function opened(): Promise<Engine> {
  const engine = await openEngine()
  for (const factor of [1, 2, 1.0000005]) await engine.addModel('m', scaling(factor))
  await engine.setAlias('m', 'champion', 1)
  await engine.setAlias('m', 'challenger', 3)
  await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'm@champion' }] }, { deploy: true })
  return engine
}

/** Sends rows, a quarter of them 0, until it is stopped. @returns answers that were no version's, and how many there were. */
function calling(engine: Engine) {
  let isOn = true
  const faults: string[] = []
  let answers = 0
  const call = async (): Promise<void> => {
    for (let at = 0; isOn; at++) {
      const x = at % 4
      const { outputs, metadata } = await engine.infer('p', { inputs: { x: Float32Array.of(x) } })
      answers++
      const y = outputs['y']?.data[0] as number
      if (Math.abs(y - (x + 1)) > 1e-3 && y !== 2 * x + 1) faults.push(`${x} → ${y} of ${metadata.pipelineVersion}`)
      await new Promise(setImmediate)
    }
  }
  const calls = [call(), call()]
  return {
    stop: async () => {
      isOn = false
      await Promise.all(calls)
      return { faults, answers }
    },
  }
}

describe('a promotion by live rows', () => {
  test('moves the alias once enough rows agree, and nobody sees it on its way', async () => {
    const engine = await opened()
    const before = engine.describePipeline('p')
    const callers = calling(engine)
    const seen: PromotionProgress[] = []
    const promotion = await engine.promote('m', 3, {
      to: 'champion',
      shadowRows: 400,
      require: ['agreement>=0.98'],
      onProgress: (progress) => {
        seen.push(progress)
        expect(engine.describePipeline('p')).toEqual(before)
        expect(engine.promotions('m')).toEqual([progress])
      },
    })
    const { faults } = await callers.stop()
    expect(faults).toEqual([])
    expect(promotion).toMatchObject({ isPromoted: true, previous: 1, baseline: 1, pipeline: 'p', version: 3 })
    expect(promotion.rows).toBeGreaterThanOrEqual(400)
    expect(promotion.requirements.map(({ requirement, isMet }) => [requirement, isMet])).toEqual([
      ['shadow rows>=400', true],
      ['agreement>=0.98', true],
    ])
    expect(promotion.metrics).toEqual([{ name: 'agreement', candidate: 1, baseline: null }])
    expect(seen.at(-1)).toMatchObject({ model: 'm', version: 3, alias: 'champion', pipeline: 'p', rowsWanted: 400 })
    expect(engine.promotions('m')).toEqual([])
    expect(engine.describePipeline('p').models).toMatchObject([{ name: 'm', version: 3 }])
  })

  test('leaves the alias where they differ, where too few came, and where it is cancelled', async () => {
    const engine = await opened()
    const callers = calling(engine)
    const worse = await engine.promote('m', 2, { to: 'champion', shadowRows: 200, require: ['agreement>=0.98'] })
    expect(worse.isPromoted).toBe(false)
    expect(worse.metrics[0]?.candidate).toBeCloseTo(0.25, 1)
    const late = await engine.promote('m', 3, { to: 'champion', shadowRows: 1_000_000, shadowLimitMs: 100 })
    expect([late.isPromoted, late.requirements[0]?.isMet]).toEqual([false, false])
    const stopper = new AbortController()
    const stopped = refusal(engine.promote('m', 3, { to: 'champion', shadowRows: 1_000_000, signal: stopper.signal }))
    await until('it compares', () => (engine.promotions('m')[0]?.rows ?? 0) > 0)
    expect(await refusal(engine.promote('m', 2, { to: 'champion', shadowRows: 1 }))).toMatchObject({
      code: 'ERR_CONFLICT',
      message: expect.stringContaining('Live rows of pipeline p are being compared') as string,
    })
    stopper.abort()
    expect(await stopped).toMatchObject({ code: 'ERR_ABORTED' })
    const overtaken = refusal(engine.promote('m', 3, { to: 'champion', shadowRows: 1_000_000 }))
    await until('it compares', () => (engine.promotions('m')[0]?.rows ?? 0) > 0)
    await engine.deployPipeline('p')
    expect(await overtaken).toMatchObject({ code: 'ERR_CONFLICT' })
    expect((await callers.stop()).faults).toEqual([])
    expect(engine.getModel('m').aliases['champion']).toBe(1)
    await until('the candidate is unloaded', () => engine.metrics().models.length === 1)
    expect(engine.metrics().residency).toMatchObject({ loadedModels: 1 })
  })

  test('compares the rows of a shadow step that is there, and the prediction of a contract alone', async () => {
    const engine = await opened()
    await engine.contracts.put({
      name: 'c',
      fields: [
        { name: 'x', dtype: 'float32' },
        { name: 'score', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 0 } },
      ],
    })
    const steps = [{ type: 'shadow', champion: 'm@champion', challengers: ['m@challenger'] }] as const
    await engine.applyPipeline({ name: 'p', contract: 'c', steps: steps as never }, { deploy: true })
    const callers = calling(engine)
    const promotion = await engine.promote('m', 3, { to: 'champion', shadowRows: 50, prediction: 'score' })
    expect((await callers.stop()).faults).toEqual([])
    expect(promotion.isPromoted).toBe(true)
  })

  const refused: readonly [string, Omit<PromotionOptions, 'to'> & { readonly to?: string }, number, RegExp][] = [
    ['no number', { shadowRows: '5' as never }, 3, /ERR_ARGUMENT: Expected shadowRows to be an integer in 1\.\./],
    ['none', { shadowRows: 0 }, 3, /ERR_ARGUMENT: Expected shadowRows/],
    ['a limit without rows', { shadowLimitMs: 5 }, 3, /for shadowLimitMs needs it/],
    ['a limit of nothing', { shadowRows: 5, shadowLimitMs: 0 }, 3, /Expected shadowLimitMs to be an integer/],
    ['rows of a file, too', { shadowRows: 5, rows: [] }, 3, /Expected rows to be absent, for live rows have no truth/],
    ['a metric', { shadowRows: 5, require: ['mae<1'] }, 3, /Expected require\[0\] to be agreement and its bound/],
    ['what serves already', { shadowRows: 5 }, 1, /Expected version to be another version than m@champion is/],
    [
      'nobody follows',
      { shadowRows: 5, to: 'challenger' },
      1,
      /a deployed pipeline that follows m@challenger: there is none/,
    ],
    [
      'an output that is none',
      { shadowRows: 5, prediction: 'yy' },
      3,
      /an output that both versions have: y .*Did you mean y/,
    ],
    ['another step', { shadowRows: 5, pipeline: 'split' }, 3, /ERR_UNSUPPORTED: .*in one step of type model.*--data/],
  ]
  test('says what is wrong with a request, changes nothing, and goes over HTTP in the same words', async () => {
    const engine = await opened()
    const split = [
      {
        type: 'random-split',
        options: [
          { weight: 1, model: 'm@champion' },
          { weight: 1, model: 'm@2' },
        ],
      },
    ]
    await engine.applyPipeline({ name: 'split', steps: split as never }, { deploy: true })
    for (const [what, options, version, says] of refused) {
      const { code, message } = await refusal(
        engine.promote('m', version, { pipeline: 'p', to: 'champion', ...options }),
      )
      const rule = options.to === 'challenger' ? /follows m@challenger/ : says
      expect(`${code}: ${message}`, what).toMatch(rule)
    }
    const server = await PenstockServer.start({ engine, port: 0 })
    const callers = calling(engine)
    try {
      const control = new PenstockControl(server.url)
      const waiting = refusal(control.promote('m', 3, { to: 'champion', pipeline: 'p', shadowRows: 1_000_000 }))
      await until('it compares', () => engine.promotions('m').length > 0)
      expect(await control.promotions('m')).toMatchObject([{ alias: 'champion', rowsWanted: 1_000_000 }])
      await control.cancelPromotion('m', 'champion')
      expect(await waiting).toMatchObject({ code: 'ERR_ABORTED' })
      expect(await refusal(control.cancelPromotion('m', 'champion'))).toMatchObject({ code: 'ERR_CONFLICT' })
      const post = async (body: object): Promise<Record<string, unknown>> => {
        const headers = { 'content-type': 'application/json' }
        const answer = await fetch(`${server.url}/v1/models/m/promote`, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        })
        return (await answer.json()) as Record<string, unknown>
      }
      expect(await post({ from: 'challenger', version: 3, to: 'champion' })).toMatchObject({ code: 'ERR_ARGUMENT' })
      expect(await post({ from: 'nobody', to: 'champion' })).toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
      const body = { from: 'challenger', to: 'champion', pipeline: 'p', shadow_rows: 20, require: ['agreement>=0.98'] }
      expect(await post(body)).toMatchObject({ version: 3, promoted: true })
    } finally {
      await callers.stop()
      await server.close()
    }
  })
})
