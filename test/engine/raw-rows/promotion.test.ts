/** Promotions: an alias moves if the new version's answers are good enough, and not otherwise; nobody else notices. */
import { type Contract, type Engine, PenstockServer, type PromotionOptions } from 'penstock'
import { PenstockControl } from 'penstock/client'
import { describe, expect, test } from 'vitest'
import { openEngine, refusal, testModel } from '../../support/engine-harness.js'

const features = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'float32' as const }))
const contract: Contract = {
  name: 'doubled',
  fields: [
    { ...features[0]!, onInvalid: 'drop', max: 1000 },
    ...features.slice(1),
    { name: 'truth', dtype: 'float32?', role: 'target' },
    { name: 'y', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 0 } },
  ],
}
const row = (a: number, truth?: number | null) => ({ a, b: 0, c: 0, ...(truth === undefined ? {} : { truth }) })
/** add-one is right about 1 alone, times-two about all. */
const rows = [row(1, 2), row(2, 4), row(3, 6), row(5, 10)]

/** `m@champion` is version 1, add-one; version 2 is times-two. */
async function opened(): Promise<Engine> {
  const engine = await openEngine()
  await engine.addModel('m', testModel('add-one'), { alias: 'champion' })
  await engine.addModel('m', testModel('times-two'))
  await engine.contracts.put(contract)
  const steps = [{ type: 'model', model: 'm@champion' }] as const
  await engine.applyPipeline({ name: 'p', contract: 'doubled', steps }, { deploy: true })
  return engine
}

const served = async (engine: Engine): Promise<unknown> => (await engine.predict('p', row(5))).predictions[0]?.['y']

describe('a promotion', () => {
  test('moves the alias if every requirement is met, and the pipeline follows', async () => {
    const engine = await opened()
    const promotion = await engine.promote('m', 2, {
      to: 'champion',
      rows,
      require: ['mae<=0.001', 'r2>0.99'],
      betterThan: 'champion',
    })
    expect(promotion).toMatchObject({
      model: 'm',
      version: 2,
      alias: 'champion',
      previous: 1,
      isPromoted: true,
      pipeline: 'p',
      baseline: 1,
      rows: 4,
      judgedRows: 4,
      requirements: [
        { requirement: 'mae<=0.001', value: 0, isMet: true },
        { requirement: 'r2>0.99', value: 1, isMet: true },
        { requirement: 'mae better than champion', value: 0, isMet: true },
      ],
    })
    // Of 2, 3, 4, 6 against 2, 4, 6, 10.
    expect(promotion.metrics).toContainEqual({ name: 'mae', candidate: 0, baseline: 1.75 })
    expect(promotion.metrics).toContainEqual({ name: 'agreement', candidate: 0.25, baseline: null })
    expect(engine.getModel('m').aliases).toEqual({ champion: 2 })
    expect(await served(engine)).toBe(10)
    // Nothing of it was counted as a request of the pipeline's.
    expect(engine.pipelineStatus('p').requestCount).toBe(1)
  })

  test('leaves everything as it is where one is not met, and says what was found', async () => {
    const engine = await opened()
    const worse = await engine.promote('m', 2, { to: 'champion', rows, require: ['mae<1', 'agreement>=0.5'] })
    expect(worse.isPromoted).toBe(false)
    expect(worse.requirements.map(({ isMet, value }) => [isMet, value])).toEqual([
      [true, 0],
      [false, 0.25],
    ])
    await engine.promote('m', 2, { to: 'champion' })
    const back = await engine.promote('m', 1, { to: 'champion', rows, betterThan: 2, by: 'rmse' })
    expect([back.isPromoted, back.baseline, back.previous]).toEqual([false, 2, 2])
    expect(engine.getModel('m').aliases).toEqual({ champion: 2 })
    // One that is as good as itself is not better.
    expect((await engine.promote('m', 2, { to: 'champion', rows, betterThan: 'champion' })).isPromoted).toBe(false)
  })

  test('without rows is the move of an alias, which need not exist', async () => {
    const engine = await opened()
    expect(await engine.promote('m', 2, { to: 'challenger' })).toEqual({
      model: 'm',
      version: 2,
      alias: 'challenger',
      previous: null,
      isPromoted: true,
      pipeline: null,
      baseline: null,
      rows: 0,
      judgedRows: 0,
      metrics: [],
      requirements: [],
    })
  })

  test('judges what has a truth and an answer; what is undefined meets nothing', async () => {
    const engine = await opened()
    const some = [...rows, row(7), row(8, null), { ...row(2000, 1) }]
    const judged = await engine.promote('m', 2, { to: 'champion', rows: some, require: ['rmse<=0'] })
    expect([judged.isPromoted, judged.rows, judged.judgedRows]).toEqual([true, 6, 4])
    const unknown = await engine.promote('m', 1, { to: 'champion', rows: [row(7)], require: ['rmse<=100'] })
    expect(unknown).toMatchObject({ isPromoted: false, judgedRows: 0, requirements: [{ value: null, isMet: false }] })
  })

  test('answers more rows than one request has, in their order', async () => {
    const engine = await opened()
    const many = Array.from({ length: 2500 }, (_, index) => row(index / 4, index / 2))
    const judged = await engine.promote('m', 2, { to: 'champion', rows: many, require: ['max-error<=0.001'] })
    expect([judged.isPromoted, judged.judgedRows]).toEqual([true, 2500])
  })

  const refused: readonly [string, Omit<PromotionOptions, 'to'> & { readonly to?: string }, RegExp][] = [
    ['an alias that is none', { to: 'a b' }, /ERR_ARGUMENT: Expected to to be/],
    [
      'a requirement without rows',
      { require: ['mae<1'] },
      /ERR_ARGUMENT: Expected rows to be a list of rows, for require needs some/,
    ],
    ['a baseline without rows', { betterThan: 'champion' }, /for betterThan needs some/],
    ['a metric without a baseline', { rows, by: 'mae' }, /ERR_ARGUMENT: Expected betterThan to be an alias or version/],
    ['rows that are none', { rows: 'rows' as never }, /ERR_ARGUMENT: Expected rows to be an array/],
    ['a row that breaks a rule', { rows: [{ a: 'x' }] }, /ERR_CONTRACT/],
    [
      'a metric of classes',
      { rows, require: ['accuracy>0'] },
      /Expected require\[0\] to be a metric of numbers, as y is float32/,
    ],
    ['no requirement', { rows, require: ['mae=1'] }, /Expected require\[0\] to be a metric, one of >=/],
    [
      'a pipeline that does not follow',
      { rows, pipeline: 'q' },
      /Expected pipeline to be a deployed pipeline with a contract that follows m@champion: p but received "q"/,
    ],
    ['an alias that nobody follows', { to: 'other', rows }, /follows m@other: there is none/],
    [
      'a prediction that is none',
      { rows, prediction: 'yy' },
      /one of the contract's predictions with one value a row: y but received "yy"\. Did you mean y\?/,
    ],
    ['a baseline that is not', { rows, betterThan: 9 }, /ERR_MODEL_NOT_FOUND: Model m has no version 9/],
  ]
  test('says what is wrong with a request, and moves nothing', async () => {
    const engine = await opened()
    for (const [what, options, says] of refused) {
      const { code, message } = await refusal(engine.promote('m', 2, { to: 'champion', ...options }))
      expect(`${code}: ${message}`, what).toMatch(says)
    }
    expect(await refusal(engine.promote('m', 9, { to: 'champion' }))).toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    expect(engine.getModel('m').aliases).toEqual({ champion: 1 })
    expect(engine.inFlight).toBe(0)
  })

  test('is refused where somebody else moved the alias meanwhile', async () => {
    const engine = await opened()
    let moved: Promise<unknown> | undefined
    const telling = {
      ...row(1, 2),
      // Read while the candidate answers: the move has its turn before the promotion's own.
      get a() {
        moved ??= engine.setAlias('m', 'champion', 2)
        return 1
      },
    }
    const { code, message } = await refusal(
      engine.promote('m', 1, { to: 'champion', rows: [telling], require: ['mae<9'] }),
    )
    await moved
    expect([code, message]).toEqual([
      'ERR_CONFLICT',
      'm@champion was moved from 1 to 2 meanwhile. Judge version 1 again',
    ])
    expect(engine.getModel('m').aliases).toEqual({ champion: 2 })
  })

  test('goes over HTTP and the control client in the same words', async () => {
    const engine = await opened()
    const server = await PenstockServer.start({ engine, port: 0 })
    try {
      const control = new PenstockControl(server.url)
      const promotion = await control.promote('m', 2, { to: 'champion', rows, require: ['mae<=1', 'agreement>=0.2'] })
      expect(promotion).toMatchObject({ isPromoted: true, previous: 1, judgedRows: 4, baseline: 1 })
      const bodies: readonly [unknown, string, RegExp][] = [
        [{ version: 2 }, 'ERR_ARGUMENT', /Expected to to be/],
        [{ to: 'champion' }, 'ERR_ARGUMENT', /Expected version to be/],
        [{ version: 2, to: 'champion', betterThan: 1 }, 'ERR_ARGUMENT', /better_than/],
        [{ version: 2, to: 'champion', rows: {} }, 'ERR_ARGUMENT', /Expected rows to be an array/],
        [{ version: 2, to: 'champion', rows: [{ a: 1 }] }, 'ERR_CONTRACT', /b/],
        [[], 'ERR_ARGUMENT', /Expected the body to be an object/],
      ]
      for (const [body, code, says] of bodies) {
        const response = await fetch(`${server.url}/v1/models/m/promote`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        const answer = (await response.json()) as { code: string; error: string }
        expect(answer.code, JSON.stringify(body)).toBe(code)
        expect(answer.error).toMatch(says)
      }
    } finally {
      await server.close()
    }
  })
})
