/**
 * What clients of MLServer, KServe and Triton say beside the tensors, and the types and shapes that their codecs write: by
 * every way of the protocol it is honoured, or refused by its name. The clients themselves are in test/interop/oip.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes, serve, type Served } from '../support/served.js'
import { waysOf, type WayAnswer, type WayRequest, type Ways, type WayTensor } from '../support/v2-ways.js'

let served: Served
let ways: Ways
beforeAll(async () => {
  served = await serve({ grpcPort: 0 })
  ways = waysOf(served.server)
  await served.engine.addModel('titanic', modelBytes('titanic'))
  await served.engine.addModel('trim', modelBytes('trim-tokens'))
  for (const dtype of ['float16', 'float64', 'int32', 'string'])
    await served.engine.addModel(`same-${dtype}`, modelBytes(`identity-${dtype}`))
})
afterAll(async () => {
  ways.close()
  await served.close()
})

async function expectAnswers(
  model: string,
  request: WayRequest,
  check: (answer: WayAnswer) => void,
  only: (way: string) => boolean = () => true,
): Promise<void> {
  const answers = (await ways.ask(model, request)).filter(({ way }) => only(way))
  expect(answers.length).toBeGreaterThan(1)
  for (const answer of answers) {
    expect(answer.error, answer.way).toBe('')
    check(answer)
  }
}

async function expectRefusals(model: string, request: WayRequest, words: RegExp): Promise<void> {
  for (const { way, error, status } of await ways.ask(model, request)) {
    expect(error, way).toMatch(words)
    expect(status, way).toBe(way.startsWith('gRPC') ? 3 : 400)
  }
}

const x = (tensor: Partial<WayTensor>): WayTensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [1, 3],
  data: [1, 2, 3],
  ...tensor,
})
const add = (tensor: Partial<WayTensor>, more: Partial<WayRequest> = {}): WayRequest => ({
  inputs: [x(tensor)],
  ...more,
})
const y = (data: readonly unknown[], shape: readonly number[] = [1, 3]) => ({ y: { shape, data } })

/** A passenger: S, male, 30 years, a fare of 10.5. */
function passenger(age: WayTensor['data'][number], texts: readonly [string, string], parameters?: object): WayRequest {
  const text = (name: string, value: string): WayTensor => ({
    name,
    datatype: 'BYTES',
    shape: [1, 1],
    data: [value],
    ...(parameters === undefined ? {} : { parameters: parameters as Record<string, unknown> }),
  })
  return {
    inputs: [
      { name: 'age', datatype: 'FP32', shape: [1, 1], data: [age] },
      { name: 'fare', datatype: 'FP32', shape: [1, 1], data: [10.5] },
      text('embarked', texts[0]),
      text('sex', texts[1]),
    ],
  }
}
const probabilities = ({ outputs }: WayAnswer): readonly number[] =>
  Object.values(outputs).find(({ shape }) => shape.length === 2)?.data as number[]
const right = [0.98476, 0.01524]

describe('content types', () => {
  it('decodes base64, by each way of the protocol', async () => {
    const request = passenger(30, ['Uw==', 'bWFsZQ=='], { content_type: 'base64' })
    await expectAnswers('titanic', request, (answer) => {
      probabilities(answer).forEach((value, index) => expect(value).toBeCloseTo(right[index] as number, 5))
    })
    await expectAnswers('titanic', passenger(30, ['S', 'male']), (answer) => {
      probabilities(answer).forEach((value, index) => expect(value).toBeCloseTo(right[index] as number, 5))
    })
  })

  it.each([
    ['base64', ['aGk=', '', 'w7w='], ['hi', '', 'ü']],
    ['str', ['aGk=', '', 'ü'], ['aGk=', '', 'ü']],
    ['np', ['aGk=', 'a', 'b'], ['aGk=', 'a', 'b']],
    ['pd_json', ['"hi"', 'null', '"\\u00fc"'], ['hi', '', 'ü']],
  ])('reads texts of %s as they are meant', async (type, data, meant) => {
    const tensor: WayTensor = {
      name: 'label',
      datatype: 'BYTES',
      shape: [3, 1],
      data,
      parameters: { content_type: type },
    }
    await expectAnswers('same-string', { inputs: [tensor] }, ({ outputs }) => {
      expect(outputs).toEqual({ echo: { shape: [3, 1], data: meant } })
    })
  })

  it('reads numbers that a data frame wrote as JSON texts', async () => {
    const tensor = { datatype: 'BYTES', data: ['1.5', 'null', 'true'], parameters: { content_type: 'pd_json' } }
    await expectAnswers('echo', add(tensor), ({ outputs }) => expect(outputs).toEqual(y([1.5, null, 1])))
  })

  it.each([
    ['datetime', /content_type of input 'label'.*'datetime'.*no dates/],
    ['hg_json', /content_type of input 'label'.*'hg_json'/],
    ['hg_jsonlist', /'hg_jsonlist'\. Models here take tensors, no objects.*'pd'/],
    ['hg_conversation', /each member as an input/],
    ['pillow_image', /'pillow_image'\. Send the pixels as numbers/],
    ['raw', /'raw'\. Send text with content_type 'str'/],
    ['BASE64', /'BASE64'\. Did you mean base64\?/],
    ['toString', /'toString'/],
    [7, /'7'/],
  ])('refuses %s by its name', async (type, words) => {
    const tensor: WayTensor = {
      name: 'label',
      datatype: 'BYTES',
      shape: [1, 1],
      data: ['aGk='],
      parameters: { content_type: type },
    }
    await expectRefusals('same-string', { inputs: [tensor] }, words)
  })

  it.each(['a', 'aGk', 'aG k', 'aGk=\n', '-_-_', 'a===', 'aGk=aGk='])(
    'refuses %j, which is no base64',
    async (text) => {
      const parameters = { content_type: 'base64' }
      const tensor: WayTensor = { name: 'label', datatype: 'BYTES', shape: [1, 1], data: [text], parameters }
      await expectRefusals('same-string', { inputs: [tensor] }, /element 0 of input 'label' to be base64/)
    },
  )

  it('refuses bytes that are no text, and JSON that is none or is mixed', async () => {
    const tensor = (type: string, data: string[]): WayRequest => ({
      inputs: [{ name: 'label', datatype: 'BYTES', shape: [2, 1], data, parameters: { content_type: type } }],
    })
    await expectRefusals('same-string', tensor('base64', ['aGk=', '/w==']), /not UTF-8/)
    await expectRefusals('same-string', tensor('pd_json', ['"a"', '{']), /element 1 of input 'label' to be JSON/)
    await expectRefusals('same-string', tensor('pd_json', ['1', '"a"']), /all text, or all numbers, but element 1/)
    await expectRefusals('same-string', tensor('pd_json', ['"a"', '[1]']), /all text, or all numbers/)
    await expectRefusals('same-string', tensor('pd_json', ['1', '2']), /data-type is 'FP64', but .* expects 'BYTES'/)
  })

  it('refuses those that speak of text on numbers', async () => {
    for (const type of ['base64', 'str', 'pd_json'])
      await expectRefusals('add', add({ parameters: { content_type: type } }), new RegExp(`BYTES.*'${type}'.*FP32`))
  })

  it('takes those of a request and of an output that change nothing, and refuses the others', async () => {
    for (const type of ['np', 'pd', 'str'])
      await expectAnswers('add', add({}, { parameters: { content_type: type } }), ({ outputs }) =>
        expect(outputs).toEqual(y([2, 3, 4])),
      )
    await expectRefusals(
      'add',
      add({}, { parameters: { content_type: 'base64' } }),
      /of the request.*'base64'.*each input/,
    )
    const outputs = (type: string) => ({ outputs: [{ name: 'y', parameters: { content_type: type } }] })
    await expectAnswers('add', add({}, outputs('np')), (answer) => expect(answer.outputs).toEqual(y([2, 3, 4])))
    for (const type of ['base64', 'str'])
      await expectRefusals('add', add({}, outputs(type)), /content_type of output 'y'.*it is FP32/)
    for (const type of ['datetime', 'pd_json', 'hg_jsonlist'])
      await expectRefusals('add', add({}, outputs(type)), new RegExp(`content_type of output 'y'.*'${type}'`))
  })

  it('encodes outputs of text as base64 where that is asked for', async () => {
    const inputs: WayTensor[] = [{ name: 'label', datatype: 'BYTES', shape: [3, 1], data: ['hi', '', 'ü'] }]
    const outputs = (type: string) => [{ name: 'echo', parameters: { content_type: type } }]
    const encoded = { echo: { shape: [3, 1], data: ['aGk=', '', 'w7w='] } }
    await expectAnswers('same-string', { inputs, outputs: outputs('base64') }, (answer) =>
      expect(answer.outputs).toEqual(encoded),
    )
    await expectAnswers('same-string', { inputs, outputs: outputs('str') }, (answer) =>
      expect(answer.outputs).toEqual({ echo: { shape: [3, 1], data: ['hi', '', 'ü'] } }),
    )
  })

  it('is no routing key', async () => {
    await expectAnswers('split', { ...add({}), parameters: { content_type: 'np', region: 'eu' } }, ({ outputs }) =>
      expect(outputs).toEqual(y([2, 2, 2])),
    )
  })
})

describe('parameters', () => {
  it.each([
    ['sequence_id', 7],
    ['sequence_id', 'a'],
    ['sequence_start', true],
    ['sequence_end', true],
  ])('refuses %s: %s, for models keep no state', async (name, value) => {
    await expectRefusals('add', add({}, { parameters: { [name]: value } }), new RegExp(`${name}.*no state`))
  })

  it('takes a sequence that is none, headers, and an annotation of an input', async () => {
    const parameters = { sequence_id: 0, sequence_start: false, sequence_end: false }
    await expectAnswers('add', add({ parameters: { units: 'cm' } }, { parameters }), ({ outputs }) =>
      expect(outputs).toEqual(y([2, 3, 4])),
    )
    const headers = { parameters: { headers: { a: 'b' } } }
    for (const way of ['JSON, fast path', 'JSON, fall-back'])
      expect((await ways.all[way]?.('add', add({}, headers)))?.error).toBe('')
  })

  it('refuses shared memory that names no region, and keys that are no scalars', async () => {
    for (const name of ['shared_memory_offset', 'shared_memory_byte_size']) {
      await expectRefusals('add', add({ parameters: { [name]: 4 } }), new RegExp(`shared_memory_region.*${name}`))
      const outputs = [{ name: 'y', parameters: { [name]: 4 } }]
      await expectRefusals('add', add({}, { outputs }), new RegExp(`shared_memory_region.*${name}`))
    }
    for (const way of ['JSON, fast path', 'JSON, fall-back']) {
      const ask = ways.all[way]
      expect((await ask?.('split', add({}, { parameters: { region: ['eu'] } })))?.error).toMatch(/parameter 'region'/)
      expect((await ask?.('add', add({ parameters: { content_type: {} } })))?.error).toMatch(/'content_type'/)
      const absent = { parameters: null, outputs: null, id: null } as unknown as Partial<WayRequest>
      expect((await ask?.('add', add({ parameters: { content_type: null } }, absent)))?.outputs).toEqual(y([2, 3, 4]))
    }
  })

  it('refuses raw contents over gRPC that are not as long as they say', async () => {
    const wrong = await ways.all['gRPC, raw']?.('add', add({ parameters: { binary_data_size: 11 } }))
    expect(wrong?.error).toMatch(/binary_data_size is 11, got 12/)
    expect((await ways.all['gRPC, raw']?.('add', add({ parameters: { binary_data_size: 12 } })))?.error).toBe('')
  })
})

describe('types and shapes of other clients', () => {
  it.each([
    ['add', 'FP64', [0.1, -2, 1e10], [1.1, -1, 1e10 + 1].map(Math.fround)],
    ['add', 'INT64', [1, -2, 2 ** 24], [2, -1, 2 ** 24 + 1].map(Math.fround)],
    ['add', 'UINT8', [1, 2, 255], [2, 3, 256]],
    ['add', 'BOOL', [true, false, true], [2, 1, 2]],
    ['same-int32', 'INT64', [-(2 ** 31), 0, 2 ** 31 - 1], [-(2 ** 31), 0, 2 ** 31 - 1]],
    ['same-int32', 'FP64', [1, -2, 3e5], [1, -2, 3e5]],
    ['same-int32', 'UINT64', [1, 2, 3], [1, 2, 3]],
    ['wide', 'INT32', [-1, 0, 1], [-1, 0, 1]],
    ['wide', 'FP32', [-1, 0, 2 ** 40], [-1, 0, 2 ** 40]],
    ['same-float64', 'FP32', [0.5, 1, 2], [0.5, 1, 2]],
    ['bool', 'INT64', [1, 0, 1], [true, false, true]],
  ] as const)('%s takes %s values that fit: case %#', async (model, datatype, data, wanted) => {
    await expectAnswers(model, add({ datatype, data }), ({ outputs }) => expect(outputs).toEqual(y(wanted)))
  })

  it.each([
    ['same-int32', 'INT64', [1, 2 ** 40, 3], /1099511627776 at element 1 \(INT64\), which INT32 of model/],
    ['same-int32', 'FP64', [1, 2, 2.5], /2.5 at element 2 \(FP64\), which INT32/],
    ['same-int32', 'FP64', [null, 2, 3], /NaN at element 0 .*only floats have missing values/],
    ['wide', 'FP64', [1, 2, 2 ** 63], /9223372036854776000 at element 2/],
    ['small', 'INT64', [1, 256, -1], /256 at element 1 \(INT64\), which UINT8/],
    ['add', 'FP64', [1, 1e39, 3], /1e\+39 at element 1/],
    ['bool', 'INT64', [1, 0, 2], /2 at element 2/],
    ['add', 'BYTES', ['1', '2', '3'], /data-type is 'BYTES', but model 'add' expects 'FP32'/],
    ['add', 'FP32', [1, 2, 3, 4], /shape|expected/],
  ] as const)('%s refuses %s values that do not: case %#', async (model, datatype, data, words) => {
    await expectRefusals(model, add({ datatype, data, shape: [1, data.length] }), words)
  })

  it('reads null as a missing value of floats and texts, as the trainer does', async () => {
    for (const datatype of ['FP32', 'FP64'])
      await expectAnswers('echo', add({ datatype, data: [1, null, 3] }), ({ outputs }) =>
        expect(outputs).toEqual(y([1, null, 3])),
      )
    const label: WayTensor = { name: 'label', datatype: 'BYTES', shape: [2, 1], data: [null, 'a'] }
    await expectAnswers('same-string', { inputs: [label] }, ({ outputs }) =>
      expect(outputs).toEqual({ echo: { shape: [2, 1], data: ['', 'a'] } }),
    )
    // The mean that the pipeline's imputer learnt, and the answer without it.
    const imputed = await ways.ask('titanic', passenger(null, ['S', 'male']))
    const known = await ways.ask('titanic', passenger(30, ['S', 'male']))
    for (const [index, answer] of imputed.entries()) {
      expect(answer.error, answer.way).toBe('')
      probabilities(answer).forEach((value, at) => expect(value).toBeCloseTo([0.99543, 0.00457][at] as number, 5))
      expect(probabilities(answer)).not.toEqual(probabilities(known[index] as WayAnswer))
      expect(probabilities(answer)).toEqual(probabilities(imputed[0] as WayAnswer))
    }
    for (const way of ['JSON, fast path', 'JSON, fall-back'])
      for (const [model, datatype] of [
        ['wide', 'INT64'],
        ['small', 'UINT8'],
        ['bool', 'BOOL'],
      ] as const)
        expect((await ways.all[way]?.(model, add({ datatype, data: [1, null, 0] })))?.error).toMatch(
          /element 1 is null, and \w+ has no missing values/,
        )
  })

  it('takes [n] for [n, 1], and [n, 1] for [n]', async () => {
    const label: WayTensor = { name: 'label', datatype: 'BYTES', shape: [2], data: ['a', 'b'] }
    await expectAnswers('same-string', { inputs: [label] }, ({ outputs }) =>
      expect(outputs).toEqual({ echo: { shape: [2, 1], data: ['a', 'b'] } }),
    )
    await expectAnswers('text', { inputs: [{ ...label, shape: [2, 1] }] }, ({ outputs }) =>
      expect(outputs).toEqual({ upper: { shape: [2], data: ['A', 'B'] } }),
    )
    const mixed: WayRequest = {
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] },
        { name: 'scale', datatype: 'INT64', shape: [2, 1], data: [2, 20] },
      ],
    }
    await expectAnswers('mixed', mixed, ({ outputs }) =>
      expect(outputs).toEqual({ y: { shape: [2, 2], data: [2, 4, 60, 80] }, big: { shape: [2], data: [false, true] } }),
    )
    await expectRefusals('add', add({ shape: [3] }), /unexpected shape for input 'x'.*Expected \[-1,3\], got \[3\]/)
    await expectRefusals('add', add({ shape: [3, 1] }), /unexpected shape/)
  })

  it('takes a name that a codec made up where one input meets one', async () => {
    await expectAnswers('add', add({ name: 'input-1' }), ({ outputs }) => expect(outputs).toEqual(y([2, 3, 4])))
    await expectAnswers('add', add({ name: 'input-0' }), ({ outputs }) => expect(outputs).toEqual(y([2, 3, 4])))
    await expectRefusals('add', add({ name: 'z' }), /unexpected inference input 'z' for model 'add'.*\['x'\]/)
    await expectRefusals('titanic', add({ name: 'input-1' }), /unexpected inference input 'input-1'.*'age'/)
  })

  it('joins one tensor per feature, each by its value, where a model has one tensor', async () => {
    const column = (name: string, datatype: string, data: WayTensor['data'], shape = [2, 1]): WayTensor => ({
      name,
      datatype,
      shape,
      data,
    })
    const [a, b, c] = [
      column('a', 'FP64', [1, 4]),
      column('b', 'INT64', [2, 5], [2]),
      column('c', 'BOOL', [true, false]),
    ]
    const rows = y([2, 3, 2, 5, 6, 1], [2, 3])
    await expectAnswers('add', { inputs: [a, b, c] }, ({ outputs }) => expect(outputs).toEqual(rows))
    // By their numbers, as for tables.
    const numbered = [
      { ...b, name: 'f1' },
      { ...c, name: 'f2' },
      { ...a, name: 'f0' },
    ]
    await expectAnswers('add', { inputs: numbered }, ({ outputs }) => expect(outputs).toEqual(rows))
    await expectAnswers('add', { inputs: [a, b, c], parameters: { content_type: 'pd' } }, ({ outputs }) =>
      expect(outputs).toEqual(rows),
    )
    await expectAnswers('echo', { inputs: [column('a', 'FP32', [null, 4]), b, c] }, ({ outputs }) =>
      expect(outputs).toEqual(y([null, 2, 1, 4, 5, 0], [2, 3])),
    )
    const refusals: readonly [readonly WayTensor[], RegExp][] = [
      [[a, b], /input 'x' of shape \[-1,3\].*\[n\] or \[n,1\] for each of its 3 features, but got 2 inputs: 'a','b'/],
      [[a, b, c, { ...c, name: 'd' }], /got 4 inputs/],
      [[a, b, b], /input 'b' already exists/],
      [[a, b, column('c', 'FP32', [1])], /input|expected/],
      [[a, b, column('c', 'FP32', [1], [1, 1])], /input 'c' batch size does not match/],
      [[a, b, column('c', 'FP32', [1, 2, 3, 4], [2, 2])], /unexpected shape for input 'c'/],
      [[a, b, column('c', 'BYTES', ['1', '2'])], /input 'c' data-type is 'BYTES'/],
      [[a, b, { ...c, name: 'x' }], /unexpected inference input 'a'/],
    ]
    for (const [inputs, words] of refusals) await expectRefusals('add', { inputs }, words)
    const ids = [column('a', 'INT64', [1, 2 ** 40]), b, c]
    await expectRefusals('same-int32', { inputs: ids }, /input 'a' has 1099511627776 at element 1/)
  })

  it('answers no rows, and dims of no elements, by every way alike', async () => {
    await expectAnswers('add', add({ shape: [0, 3], data: [] }), ({ outputs }) =>
      expect(outputs).toEqual(y([], [0, 3])),
    )
    const label: WayTensor = { name: 'label', datatype: 'BYTES', shape: [0, 1], data: [] }
    await expectAnswers('same-string', { inputs: [label] }, ({ outputs }) =>
      expect(outputs).toEqual({ echo: { shape: [0, 1], data: [] } }),
    )
    const tokens: WayTensor = { name: 'tokens', datatype: 'INT64', shape: [2, 0], data: [] }
    await expectAnswers('tokens', { inputs: [tokens] }, ({ outputs }) =>
      expect(outputs).toEqual({ doubled: { shape: [2, 0], data: [] } }),
    )
    const trimmed: WayTensor = { name: 'tokens', datatype: 'INT64', shape: [1, 2], data: [0, 0] }
    await expectAnswers('trim', { inputs: [trimmed] }, ({ outputs }) =>
      expect(outputs).toEqual({ trimmed: { shape: [1, 0], data: [] } }),
    )
  })

  it('takes wider floats as JSON for a model of 16-bit ones', async () => {
    const outputs = [{ name: 'y', parameters: { binary_data: true } }]
    const { status } = await fetch(`${served.server.url}/v2/models/same-float16/infer`, {
      method: 'POST',
      body: JSON.stringify({ ...add({ data: [0.5, 1, 65504] }), outputs }),
    })
    expect(status).toBe(200)
  })
})
