import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, definitionsEqual, modelReferences } from '../pipeline/definition.js'
import { describeStep } from './compile.js'
import { parseDefinition, parseSteps } from './parse.js'

const model = { type: 'model', model: 'ccfraud@champion' }
const refusal = (message: RegExp, code = 'ERR_PIPELINE_INVALID') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('parseDefinition', () => {
  it('reads every kind of step, in canonical members', () => {
    const steps = [
      { model: 'a', type: 'model', tensorFields: ['tensor'] },
      { type: 'multi-model', models: ['a@1', 'b@2'] },
      { type: 'audit', slice: '1:' },
      { type: 'select', index: 0 },
      { type: 'key-split', default: 'a@1', key: 'region', options: { eu: 'b@1' } },
      {
        type: 'random-split',
        options: [
          { model: 'a@1', weight: 2 },
          { weight: 1.5, model: 'b@1' },
        ],
        hashKey: 'session',
        seed: '007',
      },
      { type: 'check', name: 'too_high', flag: 'out.variable[0] > 1500000.0' },
    ]
    expect(parseDefinition('p-1', { steps }).steps).toEqual([
      { type: 'model', model: 'a', tensorFields: ['tensor'] },
      ...steps.slice(1, 5),
      { ...steps[5], seed: '7' },
      steps[6],
    ])
    expect(parseDefinition('p', [model])).toEqual({ name: 'p', steps: [model] })
    expect(parseDefinition('p', { name: 'p', steps: [model] })).toEqual({ name: 'p', steps: [model] })
  })

  it('takes the contract that a pipeline names, and refuses what is no reference to one', () => {
    const steps = [model]
    expect(parseDefinition('p', { contract: 'wine@2', steps })).toEqual({ name: 'p', steps, contract: 'wine@2' })
    for (const contract of ['wine@champion', 'wine@0', '', 5, null])
      expect(() => parseDefinition('p', { contract, steps }), String(contract)).toThrow(
        refusal(/^Expected contract to be a contract as name or name@version but received/),
      )
    expect(() => parseDefinition('p', { contracts: 'wine', steps })).toThrow(refusal(/Did you mean contract\?/))
  })

  it('expands shadow to the three steps it stands for', () => {
    const shadow = { type: 'shadow', champion: 'a', challengers: ['b', 'c'], tensorFields: ['x'] }
    expect(parseSteps([shadow])).toEqual([
      { type: 'multi-model', models: ['a', 'b', 'c'], tensorFields: ['x'] },
      { type: 'audit', slice: '1:' },
      { type: 'select', index: 0 },
    ])
  })

  it('describes each step in one line', () => {
    const steps = parseSteps([
      { type: 'shadow', champion: 'a', challengers: ['b'] },
      { type: 'key-split', default: 'a@1', key: 'region', options: { eu: 'b@1' } },
      { type: 'random-split', options: [{ weight: 2, model: 'a@1' }], hashKey: 'session' },
      { type: 'check', name: 'c', require: 'out.x < 1' },
    ])
    expect(steps.map(describeStep)).toEqual([
      'multi-model a, b',
      'audit 1:',
      'select 0',
      'key-split on region: eu: b@1, else a@1',
      'random-split 2 a@1 by session',
      'check c: require out.x < 1',
    ])
  })

  it.each<[unknown, RegExp]>([
    [null, /a pipeline to be an object like/],
    ['x', /a pipeline to be an object like/],
    [{}, /steps to be an array but received undefined/],
    [{ steps: {} }, /steps to be an array/],
    [{ steps: [] }, /at least one step that runs a model/],
    [{ step: [model] }, /made of name, steps, contract, log, cache but received "step"\. Did you mean steps\?/],
    [{ name: 'q', steps: [model] }, /name to be "p", as in the address/],
    [[null], /steps\[0\] to be an object like/],
    [[[]], /steps\[0\] to be an object like/],
    [[{ model: 'a' }], /steps\[0\]\.type to be one of model, multi-model,.* but received undefined/],
    [[{ type: 'modle', model: 'a' }], /received "modle"\. Did you mean model\?/],
    [[{ type: '__proto__' }], /steps\[0\]\.type/],
    [[{ type: 'toString' }], /steps\[0\]\.type/],
    [
      [model, { type: 'model', modle: 'a' }],
      /steps\[1\] to be made of type, model, tensorFields but received "modle"\. Did you mean model\?/,
    ],
    [[{ type: 'model' }], /steps\[0\]\.model to be a model as name.* received undefined/],
    [[{ type: 'model', model: 'a b' }], /received "a b"/],
    [[{ type: 'model', model: 'a@0' }], /versions count from 1/],
    [[{ type: 'model', model: 'a@b@c' }], /steps\[0\]\.model/],
    [[{ type: 'model', model: 'a', tensorFields: [] }], /steps\[0\]\.tensorFields to be an array of 1\.\./],
    [[{ type: 'model', model: 'a', tensorFields: ['x', 3] }], /tensorFields\[1\]/],
    [[{ type: 'model', model: 'a', tensorFields: ['x', 'x'] }], /names that are all different/],
    [[{ type: 'multi-model', models: [] }], /models to be an array of 1\.\.64 elements/],
    [[{ type: 'multi-model', models: ['a', ''] }], /models\[1\]/],
    [[{ type: 'multi-model', models: new Array(65).fill('a') }], /65 elements/],
    [[{ type: 'audit', slice: '1:' }], /steps\[0\]\.slice to be behind a step that runs a model/],
    [[model, { type: 'audit', slice: '1:' }], /steps\[1\]\.slice to be within the 1 current outputs but received "1:"/],
    [[model, { type: 'audit', slice: ':2' }], /within the 1 current outputs/],
    [[model, { type: 'audit', slice: '1' }], /start:, start:end or :end/],
    [[model, { type: 'audit', slice: ':' }], /start:, start:end or :end/],
    [[model, { type: 'audit', slice: '0:0' }], /start < end/],
    [[model, { type: 'audit', slice: '-1:' }], /start:, start:end or :end/],
    [[model, { type: 'audit', slice: 1 }], /a text/],
    [[{ type: 'select', index: 0 }, model], /steps\[0\]\.index to be behind a step/],
    [[model, { type: 'select', index: 1 }], /steps\[1\]\.index to be within the 1 current outputs but received 1/],
    [[model, { type: 'select', index: -1 }], /an integer in 0\.\.63/],
    [[model, { type: 'select', index: '0' }], /an integer in 0\.\.63/],
    [[{ type: 'key-split', default: 'a', key: '', options: { x: 'b' } }], /key to be a text/],
    [[{ type: 'key-split', default: 'a', key: 'k', options: {} }], /1\.\.255 members/],
    [[{ type: 'key-split', default: 'a', key: 'k', options: [] }], /options to be an object/],
    [[{ type: 'key-split', default: 'a', key: 'k', options: { x: 1 } }], /options\.x/],
    [[{ type: 'key-split', key: 'k', options: { x: 'a' } }], /default/],
    [[{ type: 'random-split', options: [] }], /1\.\.256 elements/],
    [
      [{ type: 'random-split', options: [{ weight: 0, model: 'a' }] }],
      /options\[0\]\.weight to be a number above 0 but received 0\. Leave/,
    ],
    [[{ type: 'random-split', options: [{ weight: '1', model: 'a' }] }], /weight/],
    [[{ type: 'random-split', options: [{ weight: Infinity, model: 'a' }] }], /weight/],
    [
      [{ type: 'random-split', options: [{ wieght: 1, model: 'a' }] }],
      /options\[0\] to be made of .* Did you mean weight/,
    ],
    [[{ type: 'random-split', options: ['a'] }], /options\[0\] to be an object/],
    [[{ type: 'random-split', options: new Array(2).fill({ weight: 1e308, model: 'a' }) }], /finite sum/],
    [[{ type: 'random-split', options: [{ weight: 1, model: 'a' }], seed: 5 }], /seed to be an unsigned 64-bit/],
    [[{ type: 'random-split', options: [{ weight: 1, model: 'a' }], seed: '18446744073709551616' }], /seed/],
    [[{ type: 'shadow', champion: 'a', challengers: [] }], /challengers/],
    [[model, { type: 'check', name: 'a' }], /either require .* or flag .* but received "neither"/],
    [[model, { type: 'check', name: 'a', flag: '1', require: '1' }], /received "both"/],
    [[model, { type: 'check', name: 'a b', flag: '1' }], /name to be a letter or underscore/],
    [[model, { type: 'check', name: 'count', flag: '1' }], /count is the number of failures/],
    [[model, { type: 'check', name: 'a', flag: 'out.x >' }], /steps\[1\]\.flag to be an expression/],
    [[model, { type: 'check', name: 'a', flag: '' }], /flag to be a text/],
    [
      [model, { type: 'check', name: 'a', flag: '1' }, { type: 'check', name: 'a', flag: '2' }],
      /steps\[2\]\.name to be the name of no other check/,
    ],
    [
      [{ type: 'check', name: 'a', flag: 'out.x[0] > 1' }, model],
      /behind a step that runs a model but received "out\.x"/,
    ],
    [[{ type: 'check', name: 'a', flag: 'in.x[0] > 1' }], /at least one step that runs a model/],
    [new Array(65).fill(model), /at most 64 steps/],
  ])('refuses %j', (json, message) => {
    expect(() => parseDefinition('p', json)).toThrow(refusal(message))
  })

  it('refuses names that are no file names', () => {
    for (const name of ['', 'a.b', 'a/b', '../a', 'a_b', 'é', 'x'.repeat(129)]) {
      expect(() => parseDefinition(name, [model])).toThrow(refusal(/pipeline name/, 'ERR_ARGUMENT'))
    }
  })

  it('keeps a routing value called __proto__ as a value', () => {
    const json = JSON.parse(
      '[{"type":"key-split","default":"a","key":"k","options":{"__proto__":"b","constructor":"c"}}]',
    )
    const definition = parseDefinition('p', json)
    expect(modelReferences(definition)).toEqual(['a', 'b', 'c'])
    expect(canonicalJson(definition)).toContain('"__proto__":"b"')
  })

  it('is at rest after one pass: parsing what it returned returns the same (seed 5)', () => {
    const reference = fc.constantFrom('a', 'a@1', 'b@champion', 'c-2@17')
    const fields = fc.option(fc.constant(['x', 'y']), { nil: undefined })
    const running = fc.oneof(
      fc.record({ type: fc.constant('model'), model: reference, tensorFields: fields }),
      fc.record({
        type: fc.constant('multi-model'),
        models: fc.array(reference, { minLength: 2, maxLength: 4 }),
        tensorFields: fields,
      }),
      fc.record({
        type: fc.constant('key-split'),
        default: reference,
        key: fc.string({ minLength: 1 }),
        options: fc.dictionary(fc.string(), reference, { minKeys: 1, maxKeys: 5 }),
      }),
      fc.record({
        type: fc.constant('random-split'),
        options: fc.array(fc.record({ weight: fc.double({ min: 1e-6, max: 1e6, noNaN: true }), model: reference }), {
          minLength: 1,
          maxLength: 5,
        }),
        hashKey: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      }),
      fc.record({
        type: fc.constant('shadow'),
        champion: reference,
        challengers: fc.array(reference, { minLength: 1, maxLength: 3 }),
      }),
    )
    fc.assert(
      fc.property(fc.array(running, { minLength: 1, maxLength: 5 }), (steps) => {
        const once = parseDefinition('p', { steps })
        expect(definitionsEqual(parseDefinition('p', JSON.parse(JSON.stringify(once))), once)).toBe(true)
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('throws nothing but documented errors, whatever the JSON (seed 9)', () => {
    const types = fc.constantFrom(
      'model',
      'multi-model',
      'audit',
      'select',
      'key-split',
      'random-split',
      'shadow',
      'check',
      'x',
    )
    const keys = fc.constantFrom(
      'model',
      'models',
      'slice',
      'index',
      'options',
      'default',
      'key',
      'name',
      'flag',
      'require',
      'hashKey',
      'seed',
      'hashSeed',
      'required',
      'tensorFields',
    )
    const values = fc.oneof(
      fc.anything(),
      fc.constantFrom('a', '1:', 'out.x[0] > 1', 0, ['a'], { a: 'b' }, [{ weight: 1, model: 'a' }]),
    )
    const step = fc
      .tuple(types, fc.array(fc.tuple(keys, values), { maxLength: 4 }))
      .map(([type, members]) => ({ type, ...Object.fromEntries(members) }))
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.oneof(step, fc.anything()), { maxLength: 4 })), (json) => {
        try {
          return parseDefinition('p', json).name === 'p'
        } catch (error) {
          return (error as { code: string }).code === 'ERR_PIPELINE_INVALID'
        }
      }),
      { seed: 9, numRuns: 3000 },
    )
  })
})

describe('definitionsEqual', () => {
  it('ignores the order of members and absent ones, and nothing else', () => {
    const a = parseDefinition('p', [{ type: 'key-split', default: 'a', key: 'k', options: { x: 'b', y: 'c' } }])
    const b = parseDefinition('p', [
      { options: { y: 'c', x: 'b' }, key: 'k', default: 'a', type: 'key-split', tensorFields: undefined },
    ])
    expect(definitionsEqual(a, b)).toBe(true)
    expect(definitionsEqual(a, { ...b, name: 'q' })).toBe(false)
    expect(definitionsEqual(a, parseDefinition('p', [{ ...a.steps[0], key: 'j' }]))).toBe(false)
    const c = parseDefinition('p', [{ type: 'multi-model', models: ['a', 'b'] }])
    expect(definitionsEqual(c, parseDefinition('p', [{ type: 'multi-model', models: ['b', 'a'] }]))).toBe(false)
  })
})

describe('parseDefinition: the prediction cache', () => {
  const steps = [model]
  const cache = { ttlSeconds: 60, maxBytes: 65_536 }

  it('takes a time and a number of bytes', () => {
    expect(parseDefinition('p', { steps, cache })).toEqual({ name: 'p', steps, cache })
    expect(parseDefinition('p', { steps, cache: { ...cache, ttlSeconds: 0.5 } }).cache?.ttlSeconds).toBe(0.5)
  })

  it.each([
    [true, /^Expected cache to be an object like \{"ttlSeconds": 60/],
    [{}, /^Expected cache\.ttlSeconds to be a number of seconds in 0\.001\.\.2592000 but received undefined/],
    [{ ...cache, ttlSeconds: 0 }, /^Expected cache\.ttlSeconds .* but received 0/],
    [{ ...cache, ttlSeconds: Infinity }, /^Expected cache\.ttlSeconds/],
    [{ ...cache, ttlSeconds: '60' }, /^Expected cache\.ttlSeconds/],
    [{ ...cache, maxBytes: 10 }, /^Expected cache\.maxBytes to be an integer in 4096\.\.\d+ but received 10/],
    [{ ...cache, maxBytes: 65_536.5 }, /^Expected cache\.maxBytes/],
    [{ ttlSeconds: 60 }, /^Expected cache\.maxBytes .* but received undefined/],
    [{ ...cache, ttlSecond: 5 }, /made of ttlSeconds, maxBytes but received "ttlSecond".*Did you mean ttlSeconds\?/],
  ])('refuses %j', (wrong, message) => {
    expect(() => parseDefinition('p', { steps, cache: wrong })).toThrow(refusal(message))
  })

  it('does not go with a random split, which it names, and says what does', () => {
    const split = { type: 'random-split', options: [{ weight: 1, model: 'a' }], hashKey: 'user' }
    expect(() => parseDefinition('p', { steps: [split], cache })).toThrow(
      refusal(/^Expected cache to be absent .* but received "steps\[0\], a random-split".*Use a key-split/),
    )
    const keyed = { type: 'key-split', default: 'a', key: 'region', options: { eu: 'b' } }
    expect(parseDefinition('p', { steps: [keyed], cache }).cache).toEqual(cache)
  })
})
