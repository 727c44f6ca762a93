/** Rows by the names of a contract, through a running engine: what goes into the model, what comes back, what is refused. */
import type { Contract, Engine, PipelineDefinition } from 'penstock'
import { describe, expect, test } from 'vitest'
import { openEngine, refusal, testModel } from '../support/engine-harness.js'

type Fields = Contract['fields']

/** Puts the contract and deploys a pipeline of the same name: one model, unless there are steps. */
async function serve(
  engine: Engine,
  name: string,
  fields: Fields,
  model: string,
  more: Partial<Contract & Pick<PipelineDefinition, 'steps'>> = {},
): Promise<void> {
  const { steps = [{ type: 'model', model }], ...rest } = more
  await engine.contracts.put({ name, fields, ...rest })
  await engine.applyPipeline({ name, contract: name, steps }, { deploy: true })
}

const y = { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] } as const
const abc: Fields = [...['a', 'b', 'c'].map((name) => ({ name, dtype: 'float32' }) as const), y]

describe('predict: from rows to answers', () => {
  test('features fill the only input in the contract’s order, whatever the order of the members', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', abc, 'add-one')
    const list = await engine.predict('p', [
      { c: 3, a: 1, b: 2 },
      { b: 0.1, a: -1, c: 1e6 },
    ])
    expect(list.predictions).toEqual([{ y: [2, 3, 4] }, { y: [0, 1.1, 1_000_001] }])
    expect([list.contract, list.rows, list.isOne]).toEqual(['p@1', 2, false])
    expect(list.metadata).toMatchObject({ pipeline: 'p', pipelineVersion: 1 })
    const one = await engine.predict('p', { c: 3, a: 1, b: 2 })
    expect([one.predictions, one.isOne]).toEqual([[{ y: [2, 3, 4] }], true])
    const bytes = await engine.predict('p', Buffer.from('\n[{"c": 3, "a": 1, "b": 2.0}]'))
    expect(bytes.predictions).toEqual([{ y: [2, 3, 4] }])
    const lines = await engine.predict('p', {
      form: 'lines',
      bytes: Buffer.from('{"a":1,"b":2,"c":3}\n{"a":0,"b":0,"c":0}\n'),
    })
    expect(lines.predictions).toEqual([{ y: [2, 3, 4] }, { y: [1, 1, 1] }])
    expect((await engine.predict('p', [])).predictions).toEqual([])
  })

  test('fields inside objects are read at their places, and told there', async () => {
    const engine = await openEngine(['add-one'])
    const fields: Fields = abc.map((field) => (field.name === 'b' ? { ...field, path: '/inner/b' } : field))
    await serve(engine, 'p', fields, 'add-one')
    const row = { a: 1, inner: { b: 2 }, c: 3 }
    expect((await engine.predict('p', Buffer.from(JSON.stringify(row)))).predictions).toEqual([{ y: [2, 3, 4] }])
    expect(await refusal(engine.predict('p', [row, { ...row, inner: { b: 'x' } }]))).toMatchObject({
      code: 'ERR_CONTRACT',
      errors: [{ path: '/1/inner/b', field: 'b', rule: 'dtype' }],
    })
  })

  test('features are inputs by name, of other dtypes and shapes; outputs are read by name, too', async () => {
    const engine = await openEngine(['mixed-dtypes'])
    const fields: Fields = [
      { name: 'scale', dtype: 'int64' },
      { name: 'x', dtype: 'float32', shape: [2] },
      { name: 'big', dtype: 'bool', role: 'prediction' },
      { name: 'second', dtype: 'float64', role: 'prediction', from: { output: 'y', column: 1 } },
      { name: 'all', dtype: 'float32', shape: [2], role: 'prediction', from: { output: 0 } },
    ]
    await serve(engine, 'p', fields, 'mixed-dtypes')
    const { predictions } = await engine.predict('p', [
      { scale: 2, x: [1, 0.5] },
      { scale: 11, x: [-1, 3] },
    ])
    expect(predictions).toEqual([
      { big: false, second: 1, all: [2, 1] },
      { big: true, second: 33, all: [-11, 33] },
    ])
    // An int64 that the model's int32 does not hold is the row's mistake, with its place.
    const refused = await refusal(
      engine.predict('p', [
        { scale: 2, x: [1, 2] },
        { scale: 2 ** 40, x: [1, 2] },
      ]),
    )
    expect(refused).toMatchObject({
      code: 'ERR_CONTRACT',
      errors: [{ path: '/1/scale', field: 'scale', rule: 'dtype' }],
    })
  })

  test('strings, classes, missing numbers and the version of the model', async () => {
    const engine = await openEngine(['titanic'])
    const fields: Fields = [
      { name: 'passenger', dtype: 'int64', role: 'entity' },
      { name: 'age', dtype: 'float32?', required: false },
      { name: 'fare', dtype: 'float32?' },
      { name: 'embarked', dtype: 'string', values: ['S', 'C', 'Q'] },
      { name: 'sex', dtype: 'string' },
      { name: 'label', dtype: 'int64', role: 'prediction' },
      {
        name: 'survives',
        dtype: 'float32',
        role: 'probability',
        class: 1,
        from: { output: 'probabilities', column: 1 },
      },
      { name: 'model', dtype: 'string', role: 'modelVersion' },
      { name: 'since', dtype: 'timestamp', role: 'passthrough' },
      { name: 'day', dtype: 'date?', role: 'passthrough', required: false },
    ]
    await serve(engine, 'titanic', fields, 'titanic')
    const row = { passenger: 7, fare: 7.25, embarked: 'S', sex: 'male', since: '1912-04-10T12:00:00+01:00' }
    const { predictions } = await engine.predict('titanic', [
      { ...row, passenger: '9007199254740993' },
      { ...row, fare: null, day: '1912-04-15', sex: 'female', embarked: 'C' },
    ])
    const infer = await engine.infer('titanic', {
      inputs: {
        age: new Float32Array([NaN, NaN]),
        fare: new Float32Array([7.25, NaN]),
        embarked: { dtype: 'string', shape: [2, 1], data: ['S', 'C'] },
        sex: { dtype: 'string', shape: [2, 1], data: ['male', 'female'] },
      },
    })
    const probabilities = infer.outputs['probabilities']?.data as Float32Array
    expect(predictions).toMatchObject([
      { passenger: '9007199254740993', model: 'titanic@1', since: '1912-04-10T11:00:00.000000Z', day: null },
      { passenger: 7, model: 'titanic@1', day: '1912-04-15' },
    ])
    expect(predictions.map((one) => Math.fround(one?.['survives'] as number))).toEqual([
      probabilities[1],
      probabilities[3],
    ])
    expect(predictions.map((one) => one?.['label'])).toEqual(
      Array.from(infer.outputs['label']?.data as BigInt64Array, Number),
    )
    expect(Object.keys(predictions[0] ?? {})).toEqual(['passenger', 'label', 'survives', 'model', 'since', 'day'])
  })

  test('a text that the model would read cut off is the row’s mistake', async () => {
    const engine = await openEngine(['upper-string'])
    const fields: Fields = [
      { name: 'label', dtype: 'string' },
      { name: 'upper', dtype: 'string', role: 'prediction' },
    ]
    await serve(engine, 'p', fields, 'upper-string')
    expect((await engine.predict('p', [{ label: 'a' }, { label: 'ß' }])).predictions).toMatchObject([
      { upper: 'A' },
      {},
    ])
    expect(await refusal(engine.predict('p', [{ label: 'a' }, { label: 'b\0c' }]))).toMatchObject({
      code: 'ERR_CONTRACT',
      errors: [{ path: '/1/label', rule: 'dtype' }],
    })
  })

  test('a check before the first model leaves the features what they are, and tells the rows that fail it', async () => {
    const engine = await openEngine(['add-one'])
    const steps = [
      { type: 'check', name: 'small', require: 'in.x[0] < 5' },
      { type: 'model', model: 'add-one' },
    ] as const
    await serve(engine, 'p', abc, '', { steps })
    const { predictions, checkFailures } = await engine.predict('p', [
      { a: 1, b: 2, c: 3 },
      { a: 5, b: 2, c: 3 },
    ])
    expect(predictions).toEqual([{ y: [2, 3, 4] }, { y: [6, 3, 4] }])
    expect(checkFailures).toEqual([{ check: 'small', rows: [1] }])
  })

  test('the model of each row is reported where a split chose it', async () => {
    const engine = await openEngine(['constant-v1', 'constant-v2'])
    const steps = [{ type: 'key-split', default: 'constant-v1', key: 'u', options: { b: 'constant-v2@1' } }] as const
    const fields = [...abc, { name: 'by', dtype: 'string', role: 'modelVersion' }] as const
    await serve(engine, 'p', fields, '', { steps })
    const rows = [0, 1, 2].map((a) => ({ a, b: 0, c: 0 }))
    const { predictions } = await engine.predict('p', rows, { meta: { u: ['b', 'a', 'b'] } })
    expect(predictions).toEqual([
      { y: [2, 2, 2], by: 'constant-v2@1' },
      { y: [1, 1, 1], by: 'constant-v1@1' },
      { y: [2, 2, 2], by: 'constant-v2@1' },
    ])
  })

  test('lists with a free first dim are one tensor, or refused with the row that differs', async () => {
    const engine = await openEngine(['double-tokens'])
    const fields: Fields = [
      { name: 'tokens', dtype: 'int32', shape: [null] },
      { name: 'doubled', dtype: 'int64', shape: [null], role: 'prediction' },
    ]
    await serve(engine, 'p', fields, 'double-tokens')
    const { predictions } = await engine.predict('p', [{ tokens: [1, 2] }, { tokens: [3, 4] }])
    expect(predictions).toEqual([{ doubled: [2, 4] }, { doubled: [6, 8] }])
    const refused = await refusal(engine.predict('p', [{ tokens: [1, 2] }, { tokens: [3] }]))
    expect(refused).toMatchObject({ code: 'ERR_CONTRACT', errors: [{ path: '/1/tokens', rule: 'shape' }] })
  })

  test('an input with a default that no feature is called like keeps it', async () => {
    const engine = await openEngine(['threshold-default'])
    const fields: Fields = [
      { name: 'x', dtype: 'float32', shape: [3] },
      { name: 'y', dtype: 'bool', shape: [3], role: 'prediction' },
    ]
    const whole = await refusal(serve(engine, 'p', fields, 'threshold-default'))
    // Its default has no row axis, so the model takes requests as a whole.
    expect(whole.message).toMatch(/take each request as a whole/)
  })
})

describe('predict: what is found on the way', () => {
  const rules: Fields = [
    { name: 'a', dtype: 'float32', max: 10, onInvalid: 'flag' },
    { name: 'b', dtype: 'float32', max: 10, onInvalid: 'clamp' },
    { name: 'c', dtype: 'float32', max: 10, onInvalid: 'drop' },
    y,
  ]

  test('flagged and clamped rows are answered, dropped ones are null in their places', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', rules, 'add-one')
    const result = await engine.predict(
      'p',
      [
        { a: 11, b: 0, c: 0 },
        { a: 0, b: 0, c: 11 },
        { a: 0, b: 99, c: 0 },
      ],
      { meta: { key: ['x', 'y', 'z'] } },
    )
    expect(result.predictions).toEqual([{ y: [12, 1, 1] }, null, { y: [1, 11, 1] }])
    expect([...result.answeredRows]).toEqual([0, 2])
    expect(result.problems.map(({ path, rule, action }) => [path, rule, action])).toEqual([
      ['/0/a', 'max', 'flag'],
      ['/1/c', 'max', 'drop'],
      ['/2/b', 'max', 'clamp'],
    ])
    const none = await engine.predict('p', [{ a: 0, b: 0, c: 11 }])
    expect([none.predictions, none.metadata]).toEqual([[null], null])
  })

  test('one row to refuse refuses the request, with every problem; the next request is answered', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', abc, 'add-one')
    const good = { a: 1, b: 2, c: 3 }
    const wrong = engine.predict('p', [good, { a: 'x', b: 2, cc: 3 }, { ...good, b: true }])
    const right = engine.predict('p', [good])
    expect(await refusal(wrong)).toMatchObject({
      code: 'ERR_CONTRACT',
      errorCount: 4,
      errors: [
        { path: '/1/a', field: 'a', rule: 'dtype', value: 'x' },
        { path: '/1/c', field: 'c', rule: 'required' },
        { path: '/1/cc', field: 'cc', rule: 'extra', value: 3 },
        { path: '/2/b', field: 'b', rule: 'dtype', value: true },
      ],
    })
    expect((await right).predictions).toEqual([{ y: [2, 3, 4] }])
    expect(await refusal(engine.predict('p', { ...good, a: null }))).toMatchObject({ errors: [{ path: '/a' }] })
  })

  test('a table of mistakes lists a hundred of them and counts them all', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', abc, 'add-one')
    const rows = Array.from({ length: 5000 }, () => ({ a: 1, b: 2, c: 'x' }))
    const error = (await refusal(engine.predict('p', rows))) as { errors?: unknown[]; errorCount?: number }
    expect([error.errors?.length, error.errorCount]).toEqual([100, 5000])
  })

  test('the first refusal is reported, whatever number of flags came before it', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', rules, 'add-one')
    const rows: object[] = Array.from({ length: 2000 }, () => ({ a: 11, b: 0, c: 0 }))
    rows.push({ a: 0, b: 'x', c: 0 })
    expect(await refusal(engine.predict('p', rows as never))).toMatchObject({
      errorCount: 1,
      errors: [{ path: '/2000/b', rule: 'dtype' }],
    })
  })

  test('what are no rows, too many of them, and pipelines without a contract are refused', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', abc, 'add-one')
    await engine.applyPipeline({ name: 'bare', steps: [{ type: 'model', model: 'add-one' }] }, { deploy: true })
    const refused = async (rows: unknown, pipeline = 'p'): Promise<string> =>
      (await refusal(engine.predict(pipeline, rows as never))).code
    expect(await refused(5)).toBe('ERR_ARGUMENT')
    expect(await refused(null)).toBe('ERR_ARGUMENT')
    expect(await refused([7])).toBe('ERR_CONTRACT')
    expect(await refused(Buffer.from(''))).toBe('ERR_BODY')
    expect(await refused(Buffer.from('7'))).toBe('ERR_BODY')
    expect(await refused(Buffer.from('[{"a":1'))).toBe('ERR_BODY')
    expect(await refused(Buffer.from('{"a":1,"a":1}'))).toBe('ERR_BODY')
    expect(await refused(Buffer.from('{"a":NaN}'))).toBe('ERR_BODY')
    expect(await refused(Buffer.from('{} {}'))).toBe('ERR_BODY')
    expect(await refused(Buffer.from(`[${'{},'.repeat(262_144)}{}]`))).toBe('ERR_TOO_MANY_ROWS')
    expect(await refused({ a: 1 }, 'bare')).toBe('ERR_CONTRACT_NOT_FOUND')
    expect(await refused({ a: 1 }, 'absent')).toBe('ERR_PIPELINE_NOT_FOUND')
    await engine.undeployPipeline('p')
    expect(await refused({ a: 1 })).toBe('ERR_PIPELINE_NOT_DEPLOYED')
    expect(engine.servedContracts()).toEqual([])
  })

  test('an answer that the contract’s dtype does not hold is a failed run, and no number that JSON has not is null', async () => {
    const engine = await openEngine(['add-one'])
    const whole: Fields = [...abc.slice(0, 3), { ...y, dtype: 'int32' }]
    await serve(engine, 'p', whole, 'add-one')
    expect((await engine.predict('p', { a: 1, b: 2, c: 3 })).predictions).toEqual([{ y: [2, 3, 4] }])
    expect(await refusal(engine.predict('p', { a: 0.5, b: 2, c: 3 }))).toMatchObject({ code: 'ERR_RUN_FAILED' })
    await serve(engine, 'q', [{ ...abc[0]!, dtype: 'float32?' }, ...abc.slice(1)], 'add-one')
    expect((await engine.predict('q', { a: null, b: 2, c: 3 })).predictions).toEqual([{ y: [null, 3, 4] }])
  })

  test('deadline, signal and priority are those of any request', async () => {
    const engine = await openEngine(['add-one'])
    await serve(engine, 'p', abc, 'add-one')
    const row = { a: 1, b: 2, c: 3 }
    expect((await refusal(engine.predict('p', row, { deadlineMs: 0 }))).code).toBe('ERR_ARGUMENT')
    expect((await refusal(engine.predict('p', row, { signal: AbortSignal.abort() }))).code).toBe('ERR_ABORTED')
    const { metadata } = await engine.predict('p', row, { priority: 'background', timing: true })
    expect(metadata?.timing?.steps).toHaveLength(1)
  })
})

describe('predict: the example at a deploy', () => {
  const index: Fields = [
    { name: 'index', dtype: 'int64' },
    { name: 'value', dtype: 'float32', shape: [2], role: 'prediction' },
  ]

  test('is run through the pipeline; one that fails keeps the pipeline from being stored and from serving', async () => {
    const engine = await openEngine(['gather-ten'])
    const failing = await refusal(serve(engine, 'p', index, 'gather-ten', { example: { index: 10 } }))
    expect(failing.code).toBe('ERR_PIPELINE_INVALID')
    expect(failing.message).toMatch(
      /^Expected the example of p@1 to be answered by p but it was refused \(ERR_RUN_FAILED\)/,
    )
    expect(engine.listPipelines()).toEqual([])
    await serve(engine, 'p', index, 'gather-ten', { example: { index: 9 } })
    expect((await engine.predict('p', { index: 3 })).predictions).toEqual([{ value: [3, 9] }])
    // The example is no request of the pipeline.
    expect(engine.metrics().pipelines.map(({ requestCount }) => requestCount)).toEqual([1])
  })

  test('an answer that is none of the contract’s dtype is found by it, and what serves goes on', async () => {
    const engine = await openEngine(['gather-ten'])
    await serve(engine, 'p', index, 'gather-ten', { example: { index: 9 } })
    await engine.contracts.put({
      name: 'p',
      fields: [...index, { name: 'm', dtype: 'string', role: 'modelVersion' }],
      example: { index: 99 },
    })
    const definition = { name: 'p', contract: 'p', steps: [{ type: 'model', model: 'gather-ten' }] } as const
    await engine.applyPipeline(definition)
    expect((await refusal(engine.deployPipeline('p', 2))).message).toMatch(/the example of p@2/)
    expect(engine.describePipeline('p').version).toBe(1)
    expect(engine.pipelineStatus('p')).toMatchObject({ state: 'running', failure: { code: 'ERR_PIPELINE_INVALID' } })
    expect((await engine.predict('p', { index: 3 })).predictions).toEqual([{ value: [3, 9] }])
  })

  test('an alias does not move to a model that fails it', async () => {
    const engine = await openEngine([])
    await engine.addModel('m', testModel('constant-v1'), { alias: 'champion' })
    await engine.addModel('m', testModel('add-one'))
    const ones: Fields = [...abc.slice(0, 3), { ...y, dtype: 'int32' }]
    const steps = [{ type: 'model', model: 'm@champion' }] as const
    await serve(engine, 'p', ones, '', { steps, example: { a: 0.5, b: 0, c: 0 } })
    expect((await refusal(engine.setAlias('m', 'champion', 2))).code).toBe('ERR_PIPELINE_INVALID')
    expect(engine.getModel('m').aliases).toEqual({ champion: 1 })
    expect((await engine.predict('p', { a: 1, b: 2, c: 3 })).predictions).toEqual([{ y: [1, 1, 1] }])
  })
})
