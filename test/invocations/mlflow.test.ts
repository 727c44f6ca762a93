/** MLflow's scoring server over HTTP: every form of a body, what answers are, and callers who get it wrong. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, PenstockServer, type Contract, type ServerOptions } from 'penstock'
import { schemas } from '../../src/transport/dialects/penstock/schemas/schemas.js'
import { mismatch } from '../support/json-schema.js'
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

interface Stage {
  readonly engine: Engine
  readonly server: PenstockServer
}

async function open(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  const server = await PenstockServer.start({ engine, port: 0, invocations: 'mlflow', ...options })
  return { engine, server }
}

async function deploy(engine: Engine, model: string, more: object = {}, name = model): Promise<void> {
  await engine.addModel(name, modelBytes(model))
  const check = { type: 'check', name: 'high', flag: 'out.y[0] > 15' }
  const steps = [{ type: 'model', model: name }, ...(model === 'add-one' ? [check] : [])]
  await engine.applyPipeline({ name, steps: steps as never, ...more }, { deploy: true })
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

async function invoke({ server }: Stage, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const sent = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text }
  const response = await fetch(`${server.url}/invocations`, sent)
  const answered = await response.text()
  return {
    status: response.status,
    text: answered,
    json: JSON.parse(answered) as Answer['json'],
    headers: response.headers,
  }
}

let tensors: Stage
let named: Stage
let two: Stage

beforeAll(async () => {
  ;[tensors, named, two] = await Promise.all([
    open(),
    open(),
    open({ defaultPipeline: 'sum-and-difference', errors: 'terse' }),
  ])
  await deploy(tensors.engine, 'add-one', { log: { durability: 'off', keys: ['tenant'] } })
  await named.engine.contracts.put(contract)
  await deploy(named.engine, 'add-one', { contract: 'wine' })
  await deploy(two.engine, 'sum-and-difference')
  await deploy(two.engine, 'upper-string')
})
afterAll(async () => {
  for (const { server, engine } of [tensors, named, two]) {
    await server.close()
    await engine.close()
  }
})

const columns = ['a', 'b', 'c']
const data = [
  [1, 2, 3],
  [4.5, 5, 6],
]
const records = data.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])))
const byRow = [{ y: [2, 3, 4] }, { y: [5.5, 6, 7] }]
const csv = `a,b,c\n${data.map((row) => row.join(',')).join('\n')}\n`

describe('MLflow: a pipeline of tensors', () => {
  it.each([
    ['dataframe_split', { dataframe_split: { columns, data } }],
    ['dataframe_split with an index', { dataframe_split: { index: [7, 8], columns, data } }],
    ['dataframe_records', { dataframe_records: records }],
    ['dataframe_records of the input', { dataframe_records: data.map((x) => ({ x })) }],
    ['params that are null', { dataframe_records: records, params: null }],
    ['params that the pipeline logs', { params: { tenant: 'acme' }, dataframe_records: records }],
  ])('%s: a table is answered by an object for each row', async (_, body) => {
    const { status, json, headers } = await invoke(tensors, body)
    expect([status, json]).toEqual([200, { predictions: byRow }])
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('x-penstock-request-id')).toMatch(/^[0-9a-f]+-/)
    expect(mismatch(json, { $ref: 'MlflowAnswer' }, schemas)).toBeNull()
  })

  it.each([
    ['instances of lists', { instances: data }],
    ['instances of objects', { instances: data.map((x) => ({ x })) }],
    ['instances of columns', { instances: records }],
    ['inputs as the one input', { inputs: data }],
    ['inputs by name', { inputs: { x: data } }],
    ['inputs by the names of features', { inputs: { a: [1, 4.5], b: [2, 5], c: [3, 6] } }],
  ])('%s: tensors are answered by the outputs', async (_, body) => {
    const { status, json } = await invoke(tensors, body)
    expect([status, json]).toEqual([200, { predictions: { y: byRow.map(({ y }) => y) } }])
  })

  it('CSV has a header, with a charset or without, and is answered as a table', async () => {
    for (const type of ['text/csv', 'text/csv; charset=UTF-8'])
      expect((await invoke(tensors, csv, { 'content-type': type })).json).toEqual({ predictions: byRow })
  })

  it('a table without rows is answered without rows', async () => {
    expect((await invoke(tensors, { dataframe_records: [] })).json).toEqual({ predictions: [] })
    expect((await invoke(tensors, { dataframe_split: { columns, data: [] } })).json).toEqual({ predictions: [] })
  })

  it('failed checks stand beside the predictions, and their number in a header', async () => {
    const { json, headers } = await invoke(tensors, {
      inputs: [
        [1, 2, 3],
        [20, 5, 6],
      ],
    })
    expect(json['check_failures']).toEqual([{ check: 'high', rows: [1] }])
    expect(headers.get('penstock-check-failures')).toBe('1')
    expect(mismatch(json, { $ref: 'MlflowAnswer' }, schemas)).toBeNull()
  })

  it('several outputs, and texts, have their names', async () => {
    const body = { inputs: { left: [[1, 2]], right: [[3, 5]] } }
    expect((await invoke(two, body)).json).toEqual({ predictions: { sum: [[4, 7]], difference: [[-2, -3]] } })
    const rows = { dataframe_records: [{ left: [1, 2], right: [3, 5] }] }
    expect((await invoke(two, rows)).json).toEqual({ predictions: [{ sum: [4, 7], difference: [-2, -3] }] })
  })

  it('large tables are answered whole, in their order', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => [index, 0.5, -index])
    const { json } = await invoke(tensors, { dataframe_split: { columns, data: many } })
    const predictions = json['predictions'] as { y: number[] }[]
    expect(predictions).toHaveLength(20_000)
    expect(predictions.every(({ y }, index) => y[0] === index + 1 && y[1] === 1.5 && y[2] === 1 - index)).toBe(true)
  })
})

describe('MLflow: a pipeline with a contract', () => {
  const fields = ['alcohol', 'b', 'c']
  const rows = data.map((row) => Object.fromEntries(row.map((value, index) => [fields[index], value])))
  const reversed = { columns: [...fields].reverse(), data: data.map((row) => [...row].reverse()) }

  it.each([
    ['dataframe_split, in whatever order', JSON.stringify({ dataframe_split: reversed }), 'application/json'],
    ['dataframe_records', JSON.stringify({ dataframe_records: rows }), 'application/json'],
    ['instances', JSON.stringify({ instances: rows }), 'application/json'],
    ['inputs', JSON.stringify({ inputs: { c: [3, 6], b: [2, 5], alcohol: [1, 4.5] } }), 'application/json'],
    ['CSV', 'c,b,alcohol\n3,2,1\n6,5,4.5\n', 'text/csv'],
  ])('%s: goes by names', async (_, body, type) => {
    expect((await invoke(named, body, { 'content-type': type })).json).toEqual({ predictions: byRow })
  })

  it('a dropped row has no prediction, and the others keep their places', async () => {
    const { json, headers } = await invoke(named, { dataframe_records: [rows[0], { ...rows[0], c: 11 }, rows[1]] })
    expect(json).toEqual({ predictions: [byRow[0], null, byRow[1]] })
    expect(headers.get('penstock-problems')).toBe('1')
  })

  it.each([
    ['a rule that is broken', { dataframe_records: [{ ...rows[0], alcohol: 21 }] }, /alcohol/],
    [
      'a column that is no field',
      { dataframe_split: { columns: ['alcohol', 'b', 'c', 'd'], data: [[1, 2, 3, 4]] } },
      /"d"|\bd\b/,
    ],
    ['values without names', { inputs: data }, /by the names of the fields of wine@1 \(alcohol, b, c\)/],
    ['instances without names', { instances: data }, /by the names of the fields/],
    ['columns of unlike lengths', { inputs: { alcohol: [1, 2], b: [1], c: [1, 2] } }, /"b" to have 2 values/],
    ['a column that is no list', { inputs: { alcohol: 1, b: 2, c: 3 } }, /"alcohol" to be a list/],
    ['a split row of another width', { dataframe_split: { columns: fields, data: [[1, 2]] } }, /row 0 has 2/],
  ])('%s: is a bad request in the words of MLflow', async (_, body, says) => {
    const { status, json } = await invoke(named, body)
    expect([status, json['error_code']]).toEqual([400, 'BAD_REQUEST'])
    expect(json['message']).toMatch(says)
    expect(json).not.toHaveProperty('error')
    expect(mismatch(json, { $ref: 'MlflowError' }, schemas)).toBeNull()
  })

  it.each([
    ['a row that is too short', 'alcohol,b,c\n1,2\n', /3 cells in each row.*row 2 has 2/],
    ['a column twice', 'alcohol,b,b\n1,2,3\n', /"b" twice/],
    ['nothing', '', /CSV with a header/],
    ['a text for a number', 'alcohol,b,c\nred,2,3\n', /alcohol/],
  ])('CSV: %s', async (_, body, says) => {
    const { status, json } = await invoke(named, body, { 'content-type': 'text/csv' })
    expect([status, json['error_code']]).toEqual([400, 'BAD_REQUEST'])
    expect(json['message']).toMatch(says)
  })

  it('with terse errors a broken contract is not told', async () => {
    const terse = await open({ errors: 'terse' })
    try {
      await terse.engine.contracts.put(contract)
      await deploy(terse.engine, 'add-one', { contract: 'wine' })
      const { status, text, json } = await invoke(terse, { dataframe_records: [{ ...rows[0], alcohol: 21 }] })
      expect([status, json['error_code'], json['error_count']]).toEqual([400, 'BAD_REQUEST', 1])
      expect(text).not.toContain('alcohol')
    } finally {
      await terse.server.close()
      await terse.engine.close()
    }
  })
})

describe('MLflow: what is refused', () => {
  it.each([
    ['two forms', { instances: data, inputs: data }, /exactly one of .* but received instances and inputs/],
    ['no form', { params: {} }, /exactly one of .* but received none/],
    ['a list', data, /an object with exactly one of .* but received an array/],
    ['a value', 5, /but received a value/],
    ['no body', '', /but received none/],
    ['no JSON', '{"inputs": [', /JSON|end/],
    ['something behind', '{"inputs": [[1,2,3]]} x', /end|nothing/i],
    ['a misspelt member', { dataframe_record: records }, /"dataframe_record"\. Did you mean dataframe_records\?/],
    ['an unknown member', { inputs: data, signature_name: 'x' }, /"signature_name"/],
    ['a chat', { messages: [] }, /"messages"\. No ONNX model takes chats/],
    ['an unknown param', { inputs: data, params: { temperature: 1 } }, /it has tenant\) but received "temperature"/],
    ['params that are none', { inputs: data, params: [1] }, /params to be an object/],
    ['a param that is no value', { inputs: data, params: { tenant: {} } }, /params\.tenant/],
    ['a split that is a list', { dataframe_split: records }, /dataframe_split to be an object but received a list/],
    ['records that are an object', { dataframe_records: { a: 1 } }, /dataframe_records to be a list/],
    ['instances that are a value', { instances: 3 }, /instances to be a list but received a value/],
    ['inputs that are objects', { inputs: records }, /a list of objects\. Send dataframe_records/],
    ['a form inside of a form', { inputs: { instances: data } }, /"instances"/],
    ['an unknown input', { inputs: { z: data } }, /z/],
    ['a column too many', { dataframe_records: [{ ...records[0], d: 4 }] }, /3/],
    ['a text for a number', { inputs: [['a', 2, 3]] }, /number/],
    ['a row of another width', { instances: [[1, 2]] }, /3/],
  ])('%s', async (_, body, says) => {
    const { status, json } = await invoke(tensors, body)
    expect([status, json['error_code']]).toEqual([400, 'BAD_REQUEST'])
    expect(json['message']).toMatch(says)
    expect(mismatch(json, { $ref: 'MlflowError' }, schemas)).toBeNull()
  })

  it('a column beside the inputs of a pipeline is not passed over', async () => {
    const { status, json } = await invoke(two, { dataframe_records: [{ left: [1, 2], right: [3, 5], id: 7 }] })
    expect([status, json['code']]).toEqual([400, 'ERR_UNKNOWN_INPUT'])
    expect(json['message']).toMatch(/"id"/)
    const sent = await invoke(two, 'left[0],left[1],right[0],right[1],id\n1,2,3,4,7\n', { 'content-type': 'text/csv' })
    expect([sent.status, sent.json['code']]).toEqual([400, 'ERR_UNKNOWN_INPUT'])
  })

  it.each([
    ['application/x-npy', {}, 415, 'ERR_CONTENT_TYPE'],
    ['', {}, 415, 'ERR_CONTENT_TYPE'],
    ['application/json; charset=latin-1', {}, 415, 'ERR_CONTENT_TYPE'],
    ['application/json; format=pandas-split', {}, 415, 'ERR_CONTENT_TYPE'],
    ['application/json', { 'content-encoding': 'gzip' }, 415, 'ERR_CONTENT_TYPE'],
    ['application/json', { accept: 'text/csv' }, 406, 'ERR_NOT_ACCEPTABLE'],
  ])('content type %j with %j', async (type, headers, status, code) => {
    const { status: answered, json } = await invoke(tensors, { inputs: data }, { 'content-type': type, ...headers })
    expect([answered, json['code'], json['error_code']]).toEqual([status, code, 'BAD_REQUEST'])
  })

  it('which pipeline is meant must be plain', async () => {
    const empty = await open()
    try {
      const none = await invoke(empty, { inputs: data })
      expect([none.status, none.json['error_code']]).toEqual([404, 'RESOURCE_DOES_NOT_EXIST'])
      expect((await fetch(`${empty.server.url}/ping`)).status).toBe(404)
      await deploy(empty.engine, 'add-one')
      expect((await invoke(empty, { inputs: data })).status).toBe(200)
      await deploy(empty.engine, 'upper-string')
      const unclear = await invoke(empty, { inputs: data })
      expect([unclear.status, unclear.json['error_code']]).toEqual([400, 'BAD_REQUEST'])
      expect(unclear.json['message']).toMatch(/2 are \(.*add-one.*\)\. Start the server with --default-pipeline/)
    } finally {
      await empty.server.close()
      await empty.engine.close()
    }
  })
})

describe('MLflow: the other addresses', () => {
  it('ping and health are a line feed, version is the version alone', async () => {
    for (const path of ['/ping', '/health']) {
      const response = await fetch(tensors.server.url + path)
      expect([response.status, await response.text()]).toEqual([200, '\n'])
    }
    const version = await fetch(`${tensors.server.url}/version`)
    expect(await version.text()).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('OpenAPI has them, and a server without the option does not answer them', async () => {
    const paths = async (url: string): Promise<string[]> =>
      Object.keys(((await (await fetch(`${url}/openapi.json`)).json()) as { paths: object }).paths)
    expect(await paths(tensors.server.url)).toEqual(
      expect.arrayContaining(['/invocations', '/ping', '/health', '/version']),
    )
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    const server = await PenstockServer.start({ engine, port: 0 })
    try {
      expect(await paths(server.url)).not.toContain('/invocations')
      expect((await fetch(`${server.url}/invocations`, { method: 'POST' })).status).toBe(404)
    } finally {
      await server.close()
      await engine.close()
    }
  })

  it('the option takes the two servers alone, and the directory of one', async () => {
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    try {
      const start = (options: object): Promise<unknown> => PenstockServer.start({ engine, port: 0, ...options })
      await expect(start({ invocations: 'bento' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
      const path = { sageMakerModelsPath: '/tmp' }
      await expect(start(path)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
      await expect(start({ ...path, invocations: 'mlflow' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    } finally {
      await engine.close()
    }
  })
})

describe('MLflow: memory', () => {
  it('what bodies and answers were charged is given back, of refused requests as well', async () => {
    for (const { engine } of [tensors, named, two])
      await until('nothing is charged', () => {
        const { bodies, answers } = engine.budget.usedBytes()
        return bodies + answers === 0
      })
  })
})
