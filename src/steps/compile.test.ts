import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkFails } from '../pipeline/check-evaluate.js'
import { plansHaveEqualSignature, type CompiledPlan, type PlanSource, type ResolvedModel } from '../pipeline/plan.js'
import { dtypeInfo } from '../tensor/dtype.js'
import type { Dtype, TensorField } from '../tensor/tensor.js'
import { compilePlan } from './compile.js'
import { parseDefinition } from './parse.js'
import { cumulativeWeights } from './kinds/random-split.js'

type Fields = Record<string, [Dtype, ...(number | null)[]]>
const fieldsOf = (fields: Fields): TensorField[] =>
  Object.entries(fields).map(([name, [dtype, ...shape]]) => ({ name, dtype, shape }))

function model(
  reference: string,
  inputs: Fields,
  outputs: Fields,
  batching: 'rows' | 'row' | 'whole' = 'rows',
): ResolvedModel {
  const [name = '', version = '1'] = reference.split('@')
  return {
    name,
    version: Number(version),
    sha256: `${reference}-sha`,
    signature: {
      inputs: fieldsOf(inputs),
      outputs: fieldsOf(outputs),
      batching,
      remark: batching === 'whole' ? 'no free axis' : '',
    },
  }
}

const F = (...dims: (number | null)[]): [Dtype, ...(number | null)[]] => ['float32', null, ...dims]
const models: Record<string, ResolvedModel> = {
  fraud: model('fraud@2', { tensor: F(29) }, { score: F(1) }),
  'fraud@1': model('fraud@1', { tensor: F(29) }, { score: F(1) }),
  'fraud@champion': model('fraud@2', { tensor: F(29) }, { score: F(1) }),
  'fraud@challenger': model('fraud@1', { tensor: F(29) }, { score: F(1) }),
  xgb: model('xgb', { features: F(29) }, { score: F(1) }),
  loose: model('loose', { tensor: F(null) }, { score: F(null) }),
  double: model('double', { tensor: ['float64', null, 29] }, { score: F(1) }),
  ints: model('ints', { tensor: ['int32', null, 29] }, { score: F(1) }),
  wide: model('wide', { tensor: F(30) }, { score: F(1) }),
  label: model('label', { tensor: F(29) }, { label: F(1) }),
  rank: model('rank', { score: ['float64', null, 1] }, { rank: ['int64', null] }),
  two: model('two', { a: F(2), b: F(3) }, { c: F(2), d: F(4) }),
  swapped: model('swapped', { b: F(3), a: F(2) }, { d: F(4), c: F(2) }),
  join: model('join', { c: F(2), score: F(1) }, { out: F(1) }),
  needsTwo: model('needsTwo', { score: F(1), other: F(1) }, { out: F(1) }),
  one: model('one', { tensor: ['float32', 1, 29] }, { score: ['float32', 1, 1] }, 'row'),
  whole: model('whole', { image: ['uint8', null, null, 3] }, { boxes: ['float32', null, 4] }, 'whole'),
  shrink: model('shrink', { image: ['uint8', null, null, 3] }, { image: ['uint8', 224, 224, 3] }, 'whole'),
  text: model('text', { text: ['string', null, 1] }, { label: ['string', null], score: F(2) }),
  none: model('none', {}, { score: F(1) }),
  scalar: model('scalar', { tensor: ['float32'] }, { score: F(1) }),
}

function compile(...steps: unknown[]): CompiledPlan {
  const plan = compilePlan(parseDefinition('p', steps), (reference) => {
    const found = models[reference]
    if (found === undefined) throw Object.assign(new Error(`no ${reference}`), { code: 'ERR_MODEL_NOT_FOUND' })
    return found
  })
  expectSound(plan)
  return plan
}

/** What the addon demands of a plan, so that a plan it would refuse fails here. */
function expectSound(plan: CompiledPlan): void {
  const sourceModels = ({ stage, position }: PlanSource) =>
    (plan.stages[stage]?.positions[position]?.options ?? []).map((option) => plan.models[option.model] as ResolvedModel)
  const expectSource = (source: PlanSource) => {
    const used = sourceModels(source)
    expect(source.slots).toHaveLength(used.length)
    used.forEach(({ signature }, i) => {
      const fields = source.side === 0 ? signature.inputs : signature.outputs
      expect(source.slots[i]).toBeGreaterThanOrEqual(0)
      expect(source.slots[i]).toBeLessThan(fields.length)
    })
  }
  const isBackground = ({ stage, position }: PlanSource) => plan.stages[stage]?.positions[position]?.isBackground
  plan.stages.forEach(({ positions }, stage) => {
    expect(positions.some((position) => !position.isBackground)).toBe(true)
    for (const { options, split } of positions) {
      if (split < 0) expect(options).toHaveLength(1)
      for (const option of options) {
        expect(option.inputBindings).toHaveLength((plan.models[option.model] as ResolvedModel).signature.inputs.length)
        for (const binding of option.inputBindings) {
          expect(binding.source === null).toBe(stage === 0)
          if (binding.source === null) expect(plan.inputs[binding.requestInput]).toBeDefined()
          else {
            expect([binding.source.stage, binding.source.side]).toEqual([stage - 1, 1])
            expectSource(binding.source)
            expect(isBackground(binding.source)).toBe(false)
          }
        }
      }
    }
  })
  expect(plan.answer).toHaveLength(plan.outputFields.length)
  expect(plan.answer.length).toBeGreaterThan(0)
  plan.answer.forEach((source) => {
    expectSource(source)
    expect([source.stage, source.side, isBackground(source)]).toEqual([plan.stages.length - 1, 1, false])
  })
  for (const check of plan.checks) {
    check.sources.forEach((source) => {
      expectSource(source)
      expect(isBackground(source)).toBe(false)
      expect(source.stage).toBeLessThanOrEqual(check.afterStage)
    })
  }
  expect(plan.inputSources).toHaveLength(plan.inputs.length)
  plan.inputSources.forEach(expectSource)
  plan.inputs.forEach(({ dtype, dims }, i) => {
    const field = plan.inputFields[i] as TensorField
    expect(dtype).toBe(dtypeInfo(field.dtype).code)
    expect(dims.map((dim) => (dim < 0 ? null : dim))).toEqual(plan.isNonBatching ? field.shape : field.shape.slice(1))
  })
  plan.audited.forEach(({ tensors }) => tensors.forEach(({ source }) => expectSource(source)))
}

const run = (name: string, tensorFields?: string[]) => ({ type: 'model', model: name, tensorFields })
const refusal = (message: RegExp, code = 'ERR_PIPELINE_INVALID') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })
const field = (name: string, dtype: Dtype, ...shape: (number | null)[]) => ({ name, dtype, shape })

describe('compilePlan', () => {
  it('makes one stage of one model', () => {
    const plan = compile(run('fraud'))
    expect(plan).toMatchObject({
      inputs: [{ dtype: 1, dims: [29] }],
      isNonBatching: false,
      splits: [],
      stages: [
        {
          positions: [
            {
              split: -1,
              isBackground: false,
              options: [{ model: 0, label: 'fraud', inputBindings: [{ requestInput: 0, source: null }] }],
            },
          ],
        },
      ],
      checks: [],
      answer: [{ stage: 0, position: 0, side: 1, slots: [0] }],
      routeSplit: -1,
      isStringPath: false,
      inputFields: [field('tensor', 'float32', null, 29)],
      outputFields: [field('score', 'float32', null, 1)],
      inputSources: [{ stage: 0, position: 0, side: 0, slots: [0] }],
      audited: [],
      routes: [],
    })
    expect(plan.models.map(({ name, version }) => `${name}@${version}`)).toEqual(['fraud@2'])
  })

  it('takes a model of one row a run as rows', () => {
    expect(compile(run('one')).inputFields).toEqual([field('tensor', 'float32', null, 29)])
    expect(compile(run('one'), run('rank')).isNonBatching).toBe(false)
  })

  it('binds inputs to outputs of the same name, with casts that lose nothing', () => {
    const plan = compile({ type: 'multi-model', models: ['two', 'fraud'] }, run('join'))
    expect(plan.inputFields.map(({ name }) => name)).toEqual(['a', 'b', 'tensor'])
    expect(plan.stages[1]?.positions[0]?.options[0]?.inputBindings).toEqual([
      { requestInput: -1, source: { stage: 0, position: 0, side: 1, slots: [0] } },
      { requestInput: -1, source: { stage: 0, position: 1, side: 1, slots: [0] } },
    ])
    expect(compile(run('fraud'), run('rank')).outputFields).toEqual([field('rank', 'int64', null)])
  })

  it('renames inputs by tensorFields, by position', () => {
    expect(compile(run('two', ['x', 'y'])).inputFields).toEqual([
      field('x', 'float32', null, 2),
      field('y', 'float32', null, 3),
    ])
    const plan = compile({ type: 'multi-model', models: ['fraud', 'label'] }, run('needsTwo', ['label.label', 'score']))
    const sources = plan.stages[1]?.positions[0]?.options[0]?.inputBindings.map(({ source }) => source?.position)
    expect(sources, 'an output may be named with its model').toEqual([1, 0])
  })

  it('needs no names where one tensor meets one input', () => {
    expect(compile(run('label'), run('rank')).outputFields).toEqual([field('rank', 'int64', null)])
    const split = { type: 'key-split', default: 'fraud', key: 'k', options: { x: 'xgb' } }
    expect(compile(split).inputFields).toEqual([field('tensor', 'float32', null, 29)])
  })

  it('runs challengers in the background, audited, named apart from the champion', () => {
    const plan = compile({
      type: 'shadow',
      champion: 'fraud@champion',
      challengers: ['fraud@challenger', 'xgb'],
      tensorFields: ['tensor'],
    })
    const { positions } = plan.stages[0] as CompiledPlan['stages'][0]
    expect(positions.map(({ isBackground }) => isBackground)).toEqual([false, true, true])
    expect(positions.map(({ options }) => options[0]?.label)).toEqual(['fraud@champion', 'fraud@challenger', 'xgb'])
    expect(plan.outputFields.map(({ name }) => name)).toEqual(['score'])
    expect(plan.audited).toEqual([
      {
        stage: 0,
        position: 1,
        label: 'fraud@challenger',
        tensors: [
          { field: field('score', 'float32', null, 1), source: { stage: 0, position: 1, side: 1, slots: [0] } },
        ],
      },
      {
        stage: 0,
        position: 2,
        label: 'xgb',
        tensors: [
          { field: field('score', 'float32', null, 1), source: { stage: 0, position: 2, side: 1, slots: [0] } },
        ],
      },
    ])
  })

  it('survives an alias that makes champion and challenger one version', () => {
    const plan = compile({ type: 'shadow', champion: 'fraud', challengers: ['fraud@champion', 'fraud@champion'] })
    expect(plan.models).toHaveLength(1)
    expect(plan.stages[0]?.positions.map(({ options }) => options[0]?.label)).toEqual([
      'fraud',
      'fraud@champion',
      'fraud@champion#2',
    ])
  })

  it('names the answers of several models apart', () => {
    const plan = compile({ type: 'multi-model', models: ['fraud', 'xgb', 'fraud@1'], tensorFields: ['tensor'] })
    expect(plan.outputFields.map(({ name }) => name)).toEqual(['score', 'xgb.score', 'fraud@1.score'])
    expect(plan.inputFields.map(({ name }) => name)).toEqual(['tensor'])
  })

  it('runs what nobody reads in the background, and what a later stage or a check reads in front', () => {
    const both = { type: 'multi-model', models: ['fraud', 'label'] }
    const background = (plan: CompiledPlan) => plan.stages[0]?.positions.map(({ isBackground }) => isBackground)
    expect(background(compile(both, { type: 'select', index: 0 }))).toEqual([false, true])
    expect(background(compile(both, { type: 'select', index: 1 }))).toEqual([true, false])
    expect(background(compile(both, run('rank')))).toEqual([false, true])
    const check = { type: 'check', name: 'c', flag: 'out["label.label"][0] > 1' }
    expect(background(compile(both, check, { type: 'select', index: 0 }))).toEqual([false, false])
    // An audit alone does not bring a position to the front, before or after another step.
    expect(background(compile(both, { type: 'audit', slice: ':2' }, run('rank')))).toEqual([false, true])
  })

  it('logs what is audited and not in the answer, under different names', () => {
    const plan = compile(run('fraud'), { type: 'audit', slice: ':1' }, run('rank'), { type: 'audit', slice: '0:' })
    expect(plan.audited.map(({ stage, position, label }) => [stage, position, label])).toEqual([[0, 0, 'fraud']])
    expect(compile(run('fraud'), { type: 'audit', slice: '0:' }).audited).toEqual([])
  })

  it('compiles splits: options side by side, labels as routes, slots by option', () => {
    const options = [
      { weight: 2, model: 'two' },
      { weight: 1, model: 'swapped' },
    ]
    const plan = compile(
      { type: 'random-split', options, hashKey: 'session', seed: '18446744073709551615' },
      { type: 'check', name: 'c', flag: 'out.d[3] > in.b[2]' },
    )
    expect(plan.splits).toEqual([
      {
        kind: 'random',
        cumulative: [2 / 3, 1],
        seed: 2n ** 64n - 1n,
        hashKey: 'session',
        hashSeed: 0n,
        isRequired: false,
      },
    ])
    expect([plan.routeSplit, plan.routes]).toEqual([0, ['two', 'swapped']])
    expect(plan.stages[0]?.positions).toHaveLength(1)
    expect(
      plan.stages[0]?.positions[0]?.options.map(({ inputBindings }) =>
        inputBindings.map(({ requestInput }) => requestInput),
      ),
    ).toEqual([
      [0, 1],
      [1, 0],
    ])
    expect(plan.answer).toEqual([
      { stage: 0, position: 0, side: 1, slots: [0, 1] },
      { stage: 0, position: 0, side: 1, slots: [1, 0] },
    ])
    expect(plan.checks[0]?.sources).toEqual([
      { stage: 0, position: 0, side: 1, slots: [1, 0] },
      { stage: 0, position: 0, side: 0, slots: [1, 0] },
    ])
  })

  it('takes the last split for the route', () => {
    const plan = compile(
      {
        type: 'key-split',
        default: 'fraud@1',
        key: 'region',
        options: { eu: 'fraud', us: 'xgb' },
        tensorFields: ['tensor'],
      },
      {
        type: 'random-split',
        options: [
          { weight: 1, model: 'rank' },
          { weight: 1, model: 'rank' },
        ],
      },
    )
    expect(plan.splits).toEqual([
      { kind: 'key', key: 'region', keys: ['eu', 'us'], isRequired: false },
      { kind: 'random', cumulative: [0.5, 1], seed: null, hashKey: null, hashSeed: 0n, isRequired: false },
    ])
    expect([plan.routeSplit, plan.routes]).toEqual([1, ['rank', 'rank#2']])
    expect(plan.stages[0]?.positions[0]?.options.map(({ label }) => label)).toEqual(['fraud@1', 'fraud', 'xgb'])
  })

  it('gives a request the dtype of the first model and the narrowest dims', () => {
    const both = (a: string, b: string) => compile({ type: 'multi-model', models: [a, b] })
    expect(both('fraud', 'double').inputFields).toEqual([field('tensor', 'float32', null, 29)])
    expect(both('loose', 'fraud').inputFields).toEqual([field('tensor', 'float32', null, 29)])
    expect(() => both('double', 'fraud')).toThrow(
      refusal(/tensor of fraud@2 in steps\[0\] to take float64, which tensor of double@1/),
    )
    expect(() => both('fraud', 'ints')).toThrow(refusal(/to take float32, float64,.* it takes int32/))
    expect(() => both('fraud', 'wide')).toThrow(refusal(/shape of tensor of fraud@2, \[n, 29\], but it has \[n, 30\]/))
  })

  it('gives a split the outputs that its options share, free where their dims differ', () => {
    const split = (...names: string[]) =>
      compile({ type: 'random-split', options: names.map((name) => ({ weight: 1, model: name })) })
    expect(split('fraud', 'loose').outputFields).toEqual([field('score', 'float32', null, null)])
    expect(split('fraud', 'double').inputFields).toEqual([field('tensor', 'float32', null, 29)])
    expect(() => split('fraud', 'label')).toThrow(refusal(/same outputs but fraud@2 has score and label@1 has label/))
    expect(() => split('fraud', 'two')).toThrow(
      refusal(/same inputs but fraud@2 has tensor and two@1 has a, b\. Give the step tensorFields/),
    )
    expect(() => split('fraud', 'wide')).toThrow(refusal(/\[n, 30\]/))
  })

  it('names both sides when an input of a stage cannot be bound', () => {
    expect(() => compile(run('fraud'), run('needsTwo'))).toThrow(
      refusal(/output named other for needsTwo@1 in steps\[1\] but the step before gives score of fraud/),
    )
    const both = { type: 'multi-model', models: ['fraud', 'xgb'], tensorFields: ['tensor'] }
    expect(() => compile(both, run('rank'))).toThrow(
      refusal(/one output named score for rank@1 in steps\[1\] .* one of fraud, one of xgb\. Keep one/),
    )
    expect(() => compile(run('rank'), run('fraud'))).toThrow(
      refusal(/tensor of fraud@2 in steps\[1\] to take int64, which rank of rank casts/),
    )
    expect(() => compile(run('two', ['x']))).toThrow(
      refusal(/tensorFields to have 2 names, for the inputs of two@1 \(a, b\), but received 1/),
    )
  })

  it('does not mix rows with non-batching models', () => {
    expect(() => compile(run('shrink'), run('fraud'))).toThrow(
      refusal(/batch alike but shrink@1 takes whole requests \(no free axis\) and fraud@2 takes rows \(steps\[1\]\)/),
    )
    expect(() => compile({ type: 'multi-model', models: ['fraud', 'whole'] })).toThrow(
      refusal(/whole@1 takes whole requests/),
    )
    const plan = compile(run('shrink'), run('whole'), {
      type: 'check',
      name: 'c',
      flag: 'in.image[0] > 1 || out.boxes[0] > 0 || out.boxes[7][3] > 0',
    })
    expect(plan.isNonBatching).toBe(true)
    expect(plan.inputs).toEqual([{ dtype: 2, dims: [-1, -1, 3] }])
    expect(plan.inputFields).toEqual([field('image', 'uint8', null, null, 3)])
    expect(plan.outputFields).toEqual([field('boxes', 'float32', null, 4)])
  })

  it('refuses models that cannot stand in a pipeline, and those that do not exist', () => {
    expect(() => compile(run('none'))).toThrow(refusal(/none@1 in steps\[0\] to have an input but it has none/))
    expect(() => compile(run('scalar'))).toThrow(refusal(/tensor of scalar@1 in steps\[0\] to have a row axis/))
    expect(() => compile(run('missing'))).toThrow(refusal(/no missing/, 'ERR_MODEL_NOT_FOUND'))
    const many = { type: 'multi-model', models: new Array(40).fill('fraud') }
    expect(() => compile(many, { type: 'select', index: 0 }, { ...many, tensorFields: ['score'] })).toThrow(
      refusal(/at most 64 models/),
    )
  })

  it('flags pipelines with string tensors as plain, and lets their checks compare texts', () => {
    const plan = compile(run('text'), {
      type: 'check',
      name: 'spam',
      flag: 'out.label == "spam" && out.score[1] > 0.5',
    })
    expect(plan.isStringPath).toBe(true)
    const [check] = plan.checks as [CompiledPlan['checks'][0]]
    expect(check.code).toHaveLength(0)
    const read = (label: string, score: number) => (source: number) =>
      source === 0
        ? { data: ['other', label], dtype: 'string' as const, start: 1, count: 1 }
        : { data: new Float32Array([0, 0, 0, score]), dtype: 'float32' as const, start: 2, count: 2 }
    expect([
      checkFails(check, read('spam', 0.6)),
      checkFails(check, read('spam', 0.4)),
      checkFails(check, read('ham', 0.6)),
    ]).toEqual([true, false, false])
  })

  it('places checks after the stage before them and reads in.* from the request', () => {
    const plan = compile(
      { type: 'check', name: 'first', require: 'in.tensor[28] < 9' },
      run('fraud'),
      { type: 'check', name: 'second', flag: 'out.score > 0.5' },
      run('rank'),
      { type: 'check', name: 'third', flag: 'out.rank > in.tensor[0]' },
    )
    expect(plan.checks.map(({ name, afterStage, failsWhen }) => [name, afterStage, failsWhen])).toEqual([
      ['first', 0, false],
      ['second', 0, true],
      ['third', 1, true],
    ])
    expect(plan.checks[2]?.sources).toEqual([
      { stage: 1, position: 0, side: 1, slots: [0] },
      { stage: 0, position: 0, side: 0, slots: [0] },
    ])
  })

  it('reads in.* where the answer waits for it, and brings a background model forward when only that has it', () => {
    const both = { type: 'multi-model', models: ['fraud', 'xgb'] }
    const keep = { type: 'select', index: 1 }
    const front = compile({ ...both, tensorFields: ['tensor'] }, keep, {
      type: 'check',
      name: 'c',
      flag: 'in.tensor[0] > 1',
    })
    expect(front.checks[0]?.sources).toEqual([{ stage: 0, position: 1, side: 0, slots: [0] }])
    expect(front.inputSources[0]?.position).toBe(1)
    expect(front.stages[0]?.positions.map(({ isBackground }) => isBackground)).toEqual([true, false])
    const forward = compile(both, keep, { type: 'check', name: 'c', flag: 'in.tensor[0] > 1' })
    expect(forward.stages[0]?.positions.map(({ isBackground }) => isBackground)).toEqual([false, false])
  })

  it('names the tensors there are when a check names another', () => {
    const check = (flag: string) => ({ type: 'check', name: 'c', flag })
    expect(() => compile(run('fraud'), check('out.scroe > 1'))).toThrow(
      refusal(/check c \(steps\[1\]\) .* out\.scroe does not\. There is out\.score/),
    )
    expect(() => compile(run('fraud'), check('in.score > 1'))).toThrow(refusal(/There is in\.tensor/))
    expect(() => compile(run('fraud'), check('in.tensor[29] > 1'))).toThrow(
      refusal(/in\.tensor at character 1 has no element 29/),
    )
    const shadow = { type: 'shadow', champion: 'fraud', challengers: ['label'] }
    expect(() => compile(shadow, check('out["label.label"] > 1'))).toThrow(refusal(/There is out\.score/))
  })

  it('is sound for random pipelines, or refuses them with a documented code (seed 31)', () => {
    const names = ['fraud', 'fraud@1', 'xgb', 'loose', 'double', 'rank', 'label', 'one', 'two', 'join']
    const reference = fc.constantFrom(...names)
    const step = fc.oneof(
      fc.record({ type: fc.constant('model'), model: reference }),
      fc.record({ type: fc.constant('multi-model'), models: fc.array(reference, { minLength: 1, maxLength: 4 }) }),
      fc.record({
        type: fc.constant('multi-model'),
        models: fc.array(fc.constantFrom('fraud', 'fraud@1', 'xgb', 'label'), { minLength: 1, maxLength: 4 }),
        tensorFields: fc.constant(['tensor']),
      }),
      fc.record({
        type: fc.constant('key-split'),
        default: fc.constantFrom('fraud', 'rank'),
        key: fc.constant('k'),
        options: fc.dictionary(fc.string(), fc.constantFrom('fraud', 'rank', 'xgb'), { minKeys: 1, maxKeys: 3 }),
      }),
      fc.record({ type: fc.constant('audit'), slice: fc.constantFrom('0:', '1:', ':1') }),
      fc.record({ type: fc.constant('select'), index: fc.integer({ min: 0, max: 2 }) }),
    )
    const check = fc.constantFrom('in.tensor[0] > 1', 'out.score > 0', 'out.rank > 1 && in.tensor[3] < 2')
    let soundCount = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), fc.option(check), (steps, flag) => {
        try {
          compile(...steps, ...(flag === null ? [] : [{ type: 'check', name: 'c', flag }]))
          soundCount++
          return true
        } catch (error) {
          if ((error as { code?: string }).code === 'ERR_PIPELINE_INVALID') return true
          throw error
        }
      }),
      { seed: 31, numRuns: 3000 },
    )
    expect(soundCount).toBeGreaterThan(200)
  })
})

describe('plansHaveEqualSignature', () => {
  it('is true for another version of the same model and false for another answer, check or route', () => {
    expect(plansHaveEqualSignature(compile(run('fraud')), compile(run('fraud@1')))).toBe(true)
    expect(plansHaveEqualSignature(compile(run('fraud')), compile(run('label')))).toBe(false)
    expect(
      plansHaveEqualSignature(compile(run('fraud')), compile(run('fraud'), { type: 'check', name: 'c', flag: '0' })),
    ).toBe(false)
    const split = (value: string) => compile({ type: 'key-split', default: 'fraud', key: 'k', options: { x: value } })
    expect(plansHaveEqualSignature(split('fraud@1'), split('xgb'))).toBe(false)
  })
})

describe('cumulativeWeights', () => {
  it('ends at 1 and rises with each weight (seed 2)', () => {
    expect(
      cumulativeWeights([
        { weight: 1, model: 'a' },
        { weight: 1, model: 'b' },
      ]),
    ).toEqual([0.5, 1])
    const weights = fc.array(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 256 })
    fc.assert(
      fc.property(weights, (list) => {
        const bounds = cumulativeWeights(list.map((weight) => ({ weight, model: 'a' })))
        return bounds.at(-1) === 1 && bounds.every((bound, i) => bound >= (bounds[i - 1] ?? 0) && bound <= 1)
      }),
      { seed: 2 },
    )
  })
})
