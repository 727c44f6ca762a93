/** Remote steps of each kind against small servers: what is sent, what is read, what is refused. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { bitsOf, columnOf, type TransformColumn } from '../transforms/draft/column.js'
import {
  floats,
  integers,
  openSteps,
  RemoteServer,
  run,
  type OpenOptions,
  type Opened,
  texts,
  type Handler,
} from './testing/remote-server.js'
import { parseStep } from '../steps/parse.js'

const server = await RemoteServer.start(() => ({}))
const openStep = (step: object, options?: OpenOptions): Promise<Opened> =>
  openSteps(parseStep('steps[0]', { type: 'remote', ...step }), options)
beforeEach(() => void server.asked.splice(0))
afterAll(() => server.close())

const answerWith = (body: unknown, headers: Record<string, string> = {}): void => {
  server.handler = () => ({ body, headers })
}
const sentJson = (index = 0): unknown => JSON.parse(server.asked[index]?.body.toString() ?? '')
const wine = [
  { name: 'acid', dtype: 'float32' },
  { name: 'year', dtype: 'int64' },
  { name: 'kind', dtype: 'string' },
]
const wineColumns = { acid: floats(0.1, null), year: integers(2n ** 60n + 1n, 7n), kind: texts('red', 'wh"ite') }

describe('mlflow', () => {
  const step = { kind: 'mlflow', url: server.url, inputs: wine, outputs: [{ name: 'quality', dtype: 'float64' }] }

  it('sends a table in the split orientation, exact, with null where a value is missing', async () => {
    const { stage } = await openStep({ ...step, params: { depth: 3 } })
    answerWith({ predictions: [5.5, 6] })
    expect(await run(stage, wineColumns)).toEqual({ quality: [5.5, 6] })
    const [asked] = server.asked
    expect(asked?.url).toBe('/invocations')
    expect(asked?.body.toString()).toBe(
      '{"dataframe_split":{"columns":["acid","year","kind"],"data":[[0.1,1152921504606846977,"red"],[null,7,"wh\\"ite"]]},"params":{"depth":3}}',
    )
    await stage.close()
  })

  it('keeps what stands before /invocations, and its query', async () => {
    const { stage } = await openStep({ ...step, url: `${server.url}/serving/wine/?v=1` })
    answerWith([1, 2])
    await run(stage, wineColumns)
    expect(server.asked[0]?.url).toBe('/serving/wine/invocations?v=1')
    await stage.close()
  })

  it.each([
    ['a list', [5, 6]],
    ['a list of lists of one', [[5], [6]]],
    ['objects', [{ quality: 5 }, { quality: 6, other: 1 }]],
    ['predictions', { predictions: [5, 6] }],
    ['predictions as objects', { predictions: [{ quality: 5 }, { quality: 6 }] }],
    ['predictions in columns', { predictions: { quality: [5, 6] } }],
    ['columns', { quality: [5, 6] }],
    ['a split table', { columns: ['x', 'quality'], data: [[0, 5], [0, 6]] }], // prettier-ignore
    ['predictions as a split table', { predictions: { columns: ['quality'], data: [[5], [6]] } }],
  ])('reads %s', async (_, body) => {
    const { stage } = await openStep(step)
    answerWith(body)
    expect(await run(stage, wineColumns)).toEqual({ quality: [5, 6] })
    await stage.close()
  })

  it('reads several outputs of rows of several elements, missing ones where the step allows them', async () => {
    const outputs = [
      { name: 'label', dtype: 'string', nullable: true },
      { name: 'p', dtype: 'float32', shape: [2], from: 'probability' },
      { name: 'n', dtype: 'int32', nullable: true },
    ]
    const { stage, makes } = await openStep({ ...step, outputs })
    expect(makes).toEqual([
      { name: 'label', dtype: 'string', isNullable: true, shape: [] },
      { name: 'p', dtype: 'float32', isNullable: false, shape: [2] },
      { name: 'n', dtype: 'int32', isNullable: true, shape: [] },
    ])
    answerWith([
      { label: null, probability: [0.25, 0.75], n: 3 },
      { label: 'a', probability: [1, 0], n: null },
    ])
    expect(await run(stage, wineColumns)).toEqual({ label: [null, 'a'], p: [0.25, 0.75, 1, 0], n: [3, null] })
    answerWith({ predictions: [['x', [1, 2], 4], [null, [3, 4], 5]] }) // prettier-ignore
    expect(await run(stage, wineColumns)).toEqual({ label: ['x', null], p: [1, 2, 3, 4], n: [4, 5] })
    await stage.close()
  })

  it.each([
    ['too few rows', [5], /quality has 1 rows and not 2/],
    ['too many rows', [5, 6, 7], /quality has 3 rows and not 2/],
    ['a text', [5, 'six'], /expected quality\[1\] to be a number \(float64\) but received "six"/],
    ['null', [5, null], /quality has no value in row 1\. Declare it among outputs with "nullable": true/],
    ['NaN', '[5, NaN]', /quality has no value in row 1/],
    ['a nest', [[5, 6], [7, 8]], /quality.*nested deeper|shape/s], // prettier-ignore
    ['another name', [{ score: 5 }, { score: 6 }], /row 0 has no quality: it is an object of score/],
    ['other columns', { score: [5, 6] }, /it has no list quality: it is an object of score/],
    ['a number', 5, /neither a list nor an object/],
    ['no JSON', '<html>', /it is no JSON/],
  ])('refuses %s', async (_, body, message) => {
    const { stage } = await openStep(step)
    answerWith(body)
    const failed = run(stage, wineColumns)
    await expect(failed).rejects.toMatchObject({ code: 'ERR_REMOTE_FAILED' })
    await expect(failed).rejects.toThrow(message)
    await expect(failed).rejects.toThrow(new RegExp(`^${server.url}/invocations gave an answer that does not fit`))
    await stage.close()
  })
})

describe('oip', () => {
  const metadata = {
    name: 'wine',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
    outputs: [
      { name: 'y', datatype: 'FP64', shape: [-1, 1] },
      { name: 'label', datatype: 'BYTES', shape: [-1] },
    ],
  }
  const serve = (infer: Handler, extensions: readonly string[] = ['binary_tensor_data']): void => {
    server.handler = (asked, response, index) => {
      if (asked.url === '/v2') return { body: { name: 's', extensions } }
      if (asked.method === 'GET') return { body: metadata }
      return infer(asked, response, index)
    }
  }
  const step = { kind: 'oip', url: server.url, model: 'wine' }
  const pairs: TransformColumn = { ...floats(1, 2, 3, 4), shape: [2, 2] }
  const answer = {
    model_name: 'wine',
    outputs: [
      { name: 'y', datatype: 'FP64', shape: [2, 1], data: [0.5, 1.5] },
      { name: 'label', datatype: 'BYTES', shape: [2], data: ['a', 'b'] },
    ],
  }

  it('learns inputs, outputs and binary from the metadata', async () => {
    serve(() => ({ body: answer }))
    const { stage, makes } = await openStep(step)
    expect(server.asked.map(({ url }) => url).sort()).toEqual(['/v2', '/v2/models/wine'])
    expect(makes).toEqual([
      { name: 'y', dtype: 'float64', isNullable: false, shape: [1] },
      { name: 'label', dtype: 'string', isNullable: false, shape: [] },
    ])
    expect(await run(stage, { x: pairs })).toEqual({ y: [0.5, 1.5], label: ['a', 'b'] })
    const [, , asked] = server.asked
    expect(asked?.url).toBe('/v2/models/wine/infer')
    const head = Number(asked?.headers['inference-header-content-length'])
    expect(JSON.parse(asked?.body.toString('utf8', 0, head) ?? '')).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2], parameters: { binary_data_size: 16 } }],
      outputs: [
        { name: 'y', parameters: { binary_data: true } },
        { name: 'label', parameters: { binary_data: true } },
      ],
    })
    expect(asked?.body.subarray(head)).toEqual(Buffer.from(new Float32Array([1, 2, 3, 4]).buffer))
    await stage.close()
  })

  it('sends JSON to servers without the extension, and versions by their path', async () => {
    serve(() => ({ body: answer }), [])
    const { stage } = await openStep({ ...step, version: '3', outputs: [{ name: 'n', dtype: 'float64', from: 'y' }] })
    expect(await run(stage, { x: pairs })).toEqual({ n: [0.5, 1.5] })
    expect(server.asked[2]?.url).toBe('/v2/models/wine/versions/3/infer')
    expect(sentJson(2)).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] }],
      outputs: [{ name: 'y' }],
    })
    await stage.close()
  })

  it('reads bytes, texts among them', async () => {
    const bytes = Buffer.concat([
      Buffer.from(new Float64Array([0.5, NaN]).buffer),
      Buffer.from([2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]),
    ])
    serve(() => {
      const head = Buffer.from(
        JSON.stringify({
          outputs: [
            { name: 'y', datatype: 'FP64', shape: [2, 1], parameters: { binary_data_size: 16 } },
            { name: 'label', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 10 } },
          ],
        }),
      )
      return {
        headers: { 'inference-header-content-length': String(head.length) },
        body: Buffer.concat([head, bytes]),
      }
    })
    const outputs = [
      { name: 'y', dtype: 'float64', shape: [1], nullable: true },
      { name: 'label', dtype: 'string' },
    ]
    const { stage } = await openStep({ ...step, outputs })
    expect(await run(stage, { x: pairs })).toEqual({ y: [0.5, NaN], label: ['é', ''] })
    await stage.close()
    const { stage: strict } = await openStep(step)
    await expect(run(strict, { x: pairs })).rejects.toThrow(/y has no value in row 1/)
    await strict.close()
  })

  it('asks nobody at deploy when the step says all, casts without loss, and sends texts as bytes', async () => {
    const inputs = [
      { name: 'n', dtype: 'int32' },
      { name: 't', dtype: 'string' },
    ]
    const { stage } = await openStep({
      ...step,
      inputs,
      binary: true,
      send: { n: 'count', t: 'text' },
      outputs: [{ name: 'y', dtype: 'float64' }],
    })
    expect(server.asked).toEqual([])
    serve(() => ({ body: { outputs: [{ name: 'y', datatype: 'FP32', shape: [2], data: [[1], [2]] }] } }))
    expect(await run(stage, { n: columnOf('int32', [1, 2]), t: texts('é', '') })).toEqual({ y: [1, 2] })
    const [asked] = server.asked
    const head = Number(asked?.headers['inference-header-content-length'])
    expect([...(asked?.body.subarray(head) ?? [])]).toEqual([
      1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0,
    ])
    await stage.close()
  })

  it.each([
    ['another model of columns', { table: [{ name: 'z', dtype: 'string', isNullable: false, shape: [] }] }, {}, /column z is float32, as the input x of the remote, but received "string"/],
    ['no such column', { table: [{ name: 'x2', dtype: 'float32', isNullable: false, shape: [2] }, { name: 'b', dtype: 'float32', isNullable: false, shape: [] }] }, {}, /whose columns are there but received "x"\. There are x2, b: name them in send/],
    ['another width', { table: [{ name: 'x', dtype: 'float32', isNullable: false, shape: [3] }] }, {}, /column x has rows of \[2\].* but received "\[3\]"/],
    ['an output that is not there', {}, { outputs: [{ name: 'labl', dtype: 'string' }] }, /the output that it names but received "labl"\. Did you mean label\?/],
    ['an output of another dtype', {}, { outputs: [{ name: 'y', dtype: 'float32' }] }, /output y is float64/],
  ] as const)('a deploy refuses %s', async (_, options, members, message) => {
    serve(() => ({ body: answer }))
    await expect(openStep({ ...step, ...members }, options)).rejects.toThrow(message)
  }) // prettier-ignore

  it.each([
    ['a missing output', { outputs: [answer.outputs[0]] }, /it has no output label/],
    ['wrong rows', { outputs: [{ ...answer.outputs[0], shape: [3, 1] }, answer.outputs[1]] }, /y has the shape \[3, 1\] and not 2 rows/],
    ['wrong dims', { outputs: [{ ...answer.outputs[0], shape: [2, 4] }, answer.outputs[1]] }, /y has the shape \[2, 4\] and not \[2, 1\]/],
    ['too few elements', { outputs: [{ ...answer.outputs[0], data: [1] }, answer.outputs[1]] }, /y has 1 elements and not 2/],
    ['another dtype', { outputs: [{ ...answer.outputs[0], datatype: 'BYTES' }, answer.outputs[1]] }, /y is BYTES and not FP64/],
    ['bytes that are not there', { outputs: [{ name: 'y', datatype: 'FP64', shape: [2, 1], parameters: { binary_data_size: 16 } }, answer.outputs[1]] }, /more bytes than the 0 behind its JSON/],
    ['no outputs', { error: 'x' }, /it has no list of outputs: it is an object of error/],
  ])('refuses an answer with %s', async (_, body, message) => {
    serve(() => ({ body }))
    const { stage } = await openStep(step)
    await expect(run(stage, { x: pairs })).rejects.toThrow(message)
    await stage.close()
  }) // prettier-ignore

  it('refuses a row without a value, for tensors have none', async () => {
    const { stage } = await openStep({
      ...step,
      inputs: [{ name: 'n', dtype: 'int64' }],
      outputs: [{ name: 'y', dtype: 'float64' }],
    })
    const missing = { ...integers(1n, 0n), validity: bitsOf([true, false]) }
    await expect(run(stage, { n: missing })).rejects.toMatchObject({ code: 'ERR_VALUE_RANGE' })
    expect(server.asked).toEqual([])
    await stage.close()
  })

  it('names what the remote said when the metadata cannot be had', async () => {
    server.handler = () => ({ status: 404, body: { error: "model 'wine' is not found" } })
    await expect(openStep(step)).rejects.toThrow(/\/v2\/models\/wine answered 404: .*is not found/)
  })
})

describe('http', () => {
  it('puts columns where pointers say, beside a template, and reads where they lie', async () => {
    const { stage } = await openStep({
      kind: 'http',
      url: `${server.url}/score?v=2`,
      inputs: wine,
      body: { model: 'm', deep: { keep: [true] } },
      send: { acid: '/deep/rows/*/0', year: '/deep/rows/*/1', kind: '/texts/*' },
      outputs: [
        { name: 'score', dtype: 'float32', from: '/score/*/0' },
        { name: 'class', dtype: 'string', from: '/score/*/1' },
      ],
    })
    // Some servers write numbers as texts.
    answerWith({ score: [['0.25', 'a'], [1e-3, 'b']] }) // prettier-ignore
    expect(await run(stage, wineColumns)).toEqual({ score: [0.25, Math.fround(1e-3)], class: ['a', 'b'] })
    expect(server.asked[0]?.url).toBe('/score?v=2')
    expect(server.asked[0]?.body.toString()).toBe(
      '{"model":"m","deep":{"keep":[true],"rows":[[0.1,1152921504606846977],[null,7]]},"texts":["red","wh\\"ite"]}',
    )
    await stage.close()
  })

  it('asks once a row where there is no row axis, a few rows at a time', async () => {
    const { stage } = await openStep({
      kind: 'http',
      url: `${server.url}/api/embed`,
      inputs: [{ name: 'text', dtype: 'string' }],
      body: { model: 'tiny', stream: false },
      send: { text: '/input' },
      outputs: [{ name: 'embedding', dtype: 'float32', shape: [2], from: '/embeddings/0' }],
      concurrency: 2,
    })
    let inFlight = 0
    let inFlightMax = 0
    server.handler = ({ body }, response) => {
      inFlightMax = Math.max(inFlightMax, ++inFlight)
      const { input } = JSON.parse(body.toString()) as { input: string }
      setTimeout(() => {
        inFlight--
        response.end(JSON.stringify({ embeddings: [[input.length, 0.5]] }))
      }, 5)
      return undefined
    }
    expect(await run(stage, { text: texts('a', 'bb', 'ccc', 'dddd') })).toEqual({
      embedding: [1, 0.5, 2, 0.5, 3, 0.5, 4, 0.5],
    })
    expect([server.asked.length, inFlightMax]).toEqual([4, 2])
    expect(sentJson()).toMatchObject({ model: 'tiny', stream: false })
    await stage.close()
  })

  it('names the way to what is not there', async () => {
    const { stage } = await openStep({
      kind: 'http',
      url: server.url,
      inputs: [{ name: 'a', dtype: 'float32' }],
      send: { a: '/rows/*/a' },
      outputs: [{ name: 's', dtype: 'float32', from: '/out/*/s' }],
    })
    answerWith({ out: [{ s: 1 }, { t: 2 }] })
    await expect(run(stage, { a: floats(1, 2) })).rejects.toThrow(/there is no s on the way to s, only an object of t/)
    answerWith({ out: 3 })
    await expect(run(stage, { a: floats(1, 2) })).rejects.toThrow(/s is "3" and not a list with an element a row/)
    await stage.close()
  })
})

describe('columns around a step', () => {
  const table = [
    { name: 'a', dtype: 'float32', isNullable: false, shape: [] },
    { name: 'b', dtype: 'float32', isNullable: false, shape: [] },
  ] as const
  const step = { kind: 'mlflow', url: server.url, outputs: [{ name: 'y', dtype: 'float32' }] }

  it('are gone when they were sent, unless they are kept; others stay', async () => {
    const { drops, stage } = await openStep({ ...step, send: ['a'] }, { table })
    expect(drops).toEqual(['a'])
    answerWith([1, 2])
    expect(await run(stage, { a: floats(1, 2) })).toEqual({ y: [1, 2] })
    expect((sentJson() as { dataframe_split: object }).dataframe_split).toEqual({ columns: ['a'], data: [[1], [2]] })
    await stage.close()
    const kept = await openStep({ ...step, send: ['a'], keep: true }, { table })
    expect(kept.drops).toEqual([])
    await kept.stage.close()
  })
})
