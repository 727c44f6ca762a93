/** A SageMaker container over HTTP: every form of bodies and answers, and who gets them wrong. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, PenstockServer, type Contract } from 'penstock'
import { npyElements, npyHeader, readNpyHeader } from '../../src/tensor/npy.js'
import { modelBytes, until } from '../support/served.js'

const contract: Contract = {
  name: 'wine',
  fields: [
    { name: 'alcohol', dtype: 'float32', min: 0, max: 20 },
    { name: 'b', dtype: 'float32' },
    { name: 'c', dtype: 'float32', max: 10, onInvalid: 'drop' },
    { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] },
  ],
}
const CSV = 'text/csv'
const JSON_TYPE = 'application/json'
const LINES = 'application/jsonlines'
const NPY = 'application/x-npy'

interface Stage {
  readonly engine: Engine
  readonly server: PenstockServer
}

async function open(pipeline: string, model: string, more: object = {}): Promise<Stage> {
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.contracts.put(contract)
  await engine.addModel(pipeline, modelBytes(model))
  const steps = [{ type: 'model', model: pipeline }] as const
  await engine.applyPipeline({ name: pipeline, steps, ...more }, { deploy: true })
  return { engine, server: await PenstockServer.start({ engine, port: 0, invocations: 'sagemaker' }) }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly bytes: Uint8Array
  readonly headers: Headers
}

async function invoke(
  { server }: Stage,
  type: string,
  body: string | Uint8Array,
  accept?: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  const headers = { 'content-type': type, ...(accept === undefined ? {} : { accept }), ...more }
  const response = await fetch(`${server.url}/invocations`, { method: 'POST', headers, body: body as string })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const text = Buffer.from(bytes).toString()
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text,
    bytes,
    headers: response.headers,
  }
}

let plus: Stage
let two: Stage
let texts: Stage
let named: Stage

beforeAll(async () => {
  ;[plus, two, texts, named] = await Promise.all([
    open('plus', 'add-one'),
    open('two', 'sum-and-difference'),
    open('text', 'upper-string'),
    open('wine', 'add-one', { contract: 'wine' }),
  ])
})
afterAll(async () => {
  for (const { server, engine } of [plus, two, texts, named]) {
    await server.close()
    await engine.close()
  }
})

const npy = (shape: readonly number[], values: readonly number[]): Buffer =>
  Buffer.concat([npyHeader('float32', shape), new Uint8Array(Float32Array.from(values).buffer)])
const bigNpy = Buffer.concat([
  Buffer.from(npyHeader('float64', [2, 3]).toString('latin1').replace('<f8', '>f8'), 'latin1'),
  Buffer.from(new Uint8Array(Float64Array.of(1, 2, 3, 4.5, 5, 6).buffer)).swap64(),
])
const floatsOf = (bytes: Uint8Array): number[] => [
  ...new Float32Array(Uint8Array.from(npyElements(bytes, readNpyHeader(bytes))).buffer),
]
const flat = [2, 3, 4, 5.5, 6, 7]
const nested = '[[2,3,4],[5.5,6,7]]'
const asCsv = '2,3,4\n5.5,6,7\n'
const asLines = '[2,3,4]\n[5.5,6,7]\n'

describe('SageMaker: a pipeline of one tensor', () => {
  it.each([
    ['CSV without a header', CSV, '1,2,3\n4.5,5,6', asCsv],
    ['CSV without a header, one that says so', `${CSV}; header=absent`, '1,2,3\r\n4.5,5,6\r\n', asCsv],
    ['CSV with a header', CSV, 'a,b,c\n1,2,3\n4.5,5,6\n', asCsv],
    ['CSV with the names of elements', CSV, 'x[0],x[1],x[2]\n1,2,3\n4.5,5,6\n', asCsv],
    ['CSV whose header are numbers', `${CSV};header=present`, '0,1,2\n1,2,3\n4.5,5,6\n', asCsv],
    ['CSV parted by semicolons', CSV, '1;2;3\n4.5;5;6\n', asCsv],
    ['CSV, one row', CSV, '1,2,3', '2,3,4\n'],
    ['JSON, nested', JSON_TYPE, '[[1,2,3],[4.5,5,6]]', nested],
    ['JSON, one row', JSON_TYPE, '[1,2,3]', '[[2,3,4]]'],
    ['JSON, instances', JSON_TYPE, '{"instances":[[1,2,3],[4.5,5,6]]}', nested],
    ['JSON, by the name of the input', JSON_TYPE, '{"x":[[1,2,3],[4.5,5,6]]}', nested],
    ['JSON, records', JSON_TYPE, '[{"x":[1,2,3]},{"x":[4.5,5,6]}]', nested],
    ['JSON, no rows', JSON_TYPE, '[]', '[]'],
    ['JSON Lines of lists', LINES, '[1,2,3]\n[4.5,5,6]\n', asLines],
    ['JSON Lines of objects', LINES, '{"x":[1,2,3]}\n\n{"x":[4.5,5,6]}', asLines],
    ['JSON Lines by another name', 'application/x-jsonlines', '[1,2,3]', '[2,3,4]\n'],
  ])('%s: is answered in its own form', async (_, type, body, wanted) => {
    const { status, text, type: answered } = await invoke(plus, type, body)
    expect([status, text]).toEqual([200, wanted])
    expect(answered).toBe(type.startsWith('application/x-json') ? LINES : type.split(';')[0])
  })

  it('.npy of either byte order is answered as .npy', async () => {
    for (const body of [npy([2, 3], [1, 2, 3, 4.5, 5, 6]), bigNpy]) {
      const { status, type, bytes } = await invoke(plus, NPY, body)
      expect([status, type]).toEqual([200, NPY])
      expect(readNpyHeader(bytes)).toMatchObject({ dtype: 'float32', shape: [2, 3] })
      expect(floatsOf(bytes)).toEqual(flat)
    }
  })

  it.each([
    [CSV, asCsv],
    [`${CSV}; header=present`, `y[0],y[1],y[2]\n${asCsv}`],
    [JSON_TYPE, nested],
    [LINES, asLines],
    [`${CSV}, ${JSON_TYPE}`, asCsv],
    [`${CSV};q=0.2, ${JSON_TYPE};q=0.9`, nested],
    [`image/png, ${LINES};q=0.1`, asLines],
    ['*/*', asCsv],
    ['application/*', asCsv],
  ])('accept %s is honoured', async (accept, wanted) => {
    const { status, text } = await invoke(plus, CSV, '1,2,3\n4.5,5,6\n', accept)
    expect([status, text]).toEqual([200, wanted])
  })

  it('the attributes of the caller come back, and what is none is refused', async () => {
    const name = 'X-Amzn-SageMaker-Custom-Attributes'
    const attributes = 'trace=1; tenant=~acme~'
    const { headers, status } = await invoke(plus, CSV, '1,2,3', CSV, { [name]: attributes })
    expect([status, headers.get(name)]).toEqual([200, attributes])
    expect((await invoke(plus, CSV, '1,2,3', CSV, { [name]: 'a'.repeat(1024) })).status).toBe(200)
    expect((await invoke(plus, CSV, '1,2,3')).headers.get(name)).toBeNull()
    for (const bad of ['a'.repeat(1025), 'caf\u00e9 au lait', 'a\tb']) {
      const { status, text } = await invoke(plus, CSV, '1,2,3', CSV, { [name]: bad })
      expect([status, text]).toEqual([400, expect.stringMatching(/at most 1024 characters of visible US-ASCII/)])
    }
  })

  it('numbers that JSON lacks are null, and empty cells in CSV', async () => {
    expect((await invoke(plus, CSV, 'NaN,2,\n', JSON_TYPE)).text).toBe('[[null,3,null]]')
    expect((await invoke(plus, CSV, 'NaN,2,\n')).text).toBe(',3,\n')
  })
})

describe('SageMaker: several outputs, texts, and contracts', () => {
  it('several outputs have their names in JSON, and their order in CSV', async () => {
    const body = '{"left":[[1,2]],"right":[[3,5]]}'
    expect((await invoke(two, JSON_TYPE, body)).text).toBe('{"sum":[[4,7]],"difference":[[-2,-3]]}')
    expect((await invoke(two, JSON_TYPE, body, LINES)).text).toBe('{"sum":[4,7],"difference":[-2,-3]}\n')
    const named = await invoke(two, JSON_TYPE, body, `${CSV};header=present`)
    expect(named.text).toBe('sum[0],sum[1],difference[0],difference[1]\n4,7,-2,-3\n')
    expect((await invoke(two, CSV, '1,2,3,5\n')).text).toBe('4,7,-2,-3\n')
  })

  it('texts are cells with and without a header, and quoted where they must be', async () => {
    expect((await invoke(texts, CSV, 'a\n"b, c"\n')).text).toBe('A\n"B, C"\n')
    expect((await invoke(texts, CSV, 'label\na\n')).text).toBe('A\n')
    expect((await invoke(texts, JSON_TYPE, '["a"]')).text).toBe('["A"]')
  })

  it.each([
    ['CSV', CSV, 'c,b,alcohol\n3,2,1\n11,2,1\n6,5,4.5\n', `2,3,4\n,,\n5.5,6,7\n`],
    ['JSON', JSON_TYPE, '[{"alcohol":1,"b":2,"c":3},{"alcohol":1,"b":2,"c":11}]', '[{"y":[2,3,4]},null]'],
    ['JSON, one', JSON_TYPE, '{"alcohol":1,"b":2,"c":3}', '[{"y":[2,3,4]}]'],
    ['JSON, instances', JSON_TYPE, '{"instances":[{"alcohol":1,"b":2,"c":3}]}', '[{"y":[2,3,4]}]'],
    ['JSON Lines', LINES, '{"alcohol":1,"b":2,"c":3}\n{"alcohol":4.5,"b":5,"c":6}', '{"y":[2,3,4]}\n{"y":[5.5,6,7]}\n'],
  ])('%s: rows of a contract go by names, and dropped ones keep their place', async (_, type, body, wanted) => {
    expect((await invoke(named, type, body)).text).toBe(wanted)
  })

  it.each([
    ['CSV without names', CSV, '1,2,3\n', /Send their names as the first row/],
    ['lists', JSON_TYPE, '[[1,2,3]]', /by the names of the fields of wine@1/],
    ['lines of lists', LINES, '[1,2,3]', /by the names of the fields/],
    ['an array', NPY, npy([1, 3], [1, 2, 3]), /An array has none/],
  ])('%s: a contract takes no values without names', async (_, type, body, says) => {
    const { status, text } = await invoke(named, type, body, JSON_TYPE)
    expect([status, text]).toEqual([400, expect.stringMatching(says)])
  })

  it('a row that breaks a rule is refused as everywhere', async () => {
    const { status, text } = await invoke(named, CSV, 'alcohol,b,c\n21,2,3\n')
    expect([status, text]).toEqual([422, expect.stringContaining('ERR_CONTRACT')])
  })
})

describe('SageMaker: what is refused', () => {
  it.each([
    ['an empty CSV', CSV, '', 400, /rows of CSV but received nothing/],
    ['a header alone that is no row', CSV, '1,2\n', 400, /rows of 3 cells.*received 2/],
    ['a header with a number in it', CSV, 'a,2,3\n1,2,3\n', 400, /number/],
    ['uneven rows', CSV, '1,2,3\n4,5\n', 400, /3 cells/],
    ['a quote that does not end', CSV, '"1,2,3', 400, /quoted cell/],
    ['a text in CSV', CSV, '1,2,x\n', 400, /number|float32/],
    ['no JSON', JSON_TYPE, '[[1,2', 400, /ERR_BODY/],
    ['an empty JSON', JSON_TYPE, '', 400, /received none/],
    ['something behind the JSON', JSON_TYPE, '[[1,2,3]] 4', 400, /ERR_BODY/],
    ['an unknown input', JSON_TYPE, '{"z":[[1,2,3]]}', 400, /"?z"?/],
    ['empty lines', LINES, '\n\n', 400, /a JSON value in each line/],
    ['lines of two kinds', LINES, '[1,2,3]\n{"x":[1,2,3]}', 400, /every line to be a list/],
    ['features of another container', LINES, '{"features":[1,2,3]}', 400, /Call it ."x.", or send the list alone/],
    ['a hostile array', NPY, Buffer.from('\u0093NUMPY\u0001\u0000'), 400, /\.npy/],
    ['an array of another shape', NPY, npy([1, 2], [1, 2]), 400, /ERR_SHAPE/],
    ['recordio', 'application/x-recordio-protobuf', 'x', 415, /text\/csv, application\/json/],
    ['a parameter of CSV that nobody reads', `${CSV}; label_size=1`, '1,2,3', 415, /label_size/],
    ['a header that is neither', `${CSV}; header=maybe`, '1,2,3', 415, /present or absent/],
    ['a header of JSON', `${JSON_TYPE}; header=present`, '[[1,2,3]]', 415, /of text\/csv/],
  ])('%s', async (_, type, body, status, says) => {
    const { status: answered, text } = await invoke(plus, type, body)
    expect([answered, text]).toEqual([status, expect.stringMatching(says)])
    expect(JSON.parse(text)).toMatchObject({ code: expect.stringMatching(/^ERR_/) as string })
  })

  it('forms that cannot hold the answer are refused before anything runs', async () => {
    const refused = [
      await invoke(plus, CSV, '1,2,3', 'image/png'),
      await invoke(plus, CSV, '1,2,3', `${CSV};q=0`),
      await invoke(two, JSON_TYPE, '{"left":[[1,2]],"right":[[3,5]]}', NPY),
      await invoke(texts, CSV, 'a', NPY),
      await invoke(named, CSV, 'alcohol,b,c\n1,2,3\n', NPY),
    ]
    for (const { status, text } of refused)
      expect([status, text]).toEqual([406, expect.stringContaining('ERR_NOT_ACCEPTABLE')])
    expect((await invoke(plus, JSON_TYPE, '[[1,2,3]]', JSON_TYPE, { 'content-encoding': 'gzip' })).status).toBe(415)
  })
})

describe('SageMaker: health', () => {
  it('ping is 200 with something to ask, and 503 without', async () => {
    const ping = async ({ server }: Stage): Promise<number> => (await fetch(`${server.url}/ping`)).status
    expect(await ping(plus)).toBe(200)
    await plus.engine.undeployPipeline('plus')
    expect(await ping(plus)).toBe(503)
    await plus.engine.deployPipeline('plus')
    expect(await ping(plus)).toBe(200)
  })

  it('the addresses of MLflow, and loading, are not there without being asked for', async () => {
    expect((await fetch(`${plus.server.url}/version`)).status).toBe(404)
    const body = JSON.stringify({ model_name: 'a', url: '/etc' })
    const headers = { 'content-type': JSON_TYPE }
    const response = await fetch(`${plus.server.url}/models`, { method: 'POST', headers, body })
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('--sagemaker-models')])
  })
})

describe('SageMaker: memory', () => {
  it('what bodies and answers were charged is given back, of refused requests as well', async () => {
    for (const { engine } of [plus, two, texts, named])
      await until('nothing is charged', () => {
        const { bodies, answers } = engine.budget.usedBytes()
        return bodies + answers === 0
      })
  })
})
