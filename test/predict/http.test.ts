/** POST /predict over HTTP: answers, refusals, options, what OpenAPI says, keys, and callers who get it wrong. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, Engine, PenstockServer, isContractError, RemotePipeline, type ServerOptions } from 'penstock'
import { mismatch } from '../support/json-schema.js'
import { call, modelBytes, testKey } from '../support/served.js'

const y = { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] } as const
const plus: Contract = {
  name: 'plus',
  description: 'One more of each',
  fields: [
    { name: 'id', dtype: 'uuid?', role: 'entity', required: false },
    { name: 'alcohol', dtype: 'float32', min: 0, max: 20, unit: '%' },
    { name: 'b', dtype: 'float32', max: 10, onInvalid: 'flag' },
    { name: 'c', dtype: 'float32', max: 10, onInvalid: 'drop' },
    y,
    { name: 'model', dtype: 'string', role: 'modelVersion' },
  ],
  example: { alcohol: 9.4, b: 1, c: 2 },
}
const row = { alcohol: 9.5, b: 1, c: 2 }
const answer = { id: null, y: [10.5, 2, 3], model: 'add@1' }

const lines: Record<string, unknown>[] = []
const logger = pino(
  { level: 'info' },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    },
  }),
)

let engine: Engine
let server: PenstockServer
let url = ''

/** Another server on the same engine would take its port; each has its own. */
async function open(options: Partial<ServerOptions> = {}): Promise<{ engine: Engine; server: PenstockServer }> {
  const opened = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await opened.addModel('add', modelBytes('add-one'))
  await opened.contracts.put(plus)
  const steps = [
    { type: 'model', model: 'add' },
    { type: 'check', name: 'strong', flag: 'out.y[0] > 15' },
  ] as const
  await opened.applyPipeline({ name: 'plus', contract: 'plus', steps }, { deploy: true })
  return { engine: opened, server: await PenstockServer.start({ engine: opened, port: 0, ...options }) }
}

beforeAll(async () => {
  ;({ engine, server } = await open())
  url = server.url
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

describe('http: predictions', () => {
  test('http: an object is answered by an object, a list by a list, lines by a list', async () => {
    const one = await call(url, 'POST', '/predict/plus', row)
    expect([one.status, one.json]).toEqual([200, answer])
    expect(one.headers.get('x-penstock-request-id')).toMatch(/^[0-9a-f]+-/)
    expect((await call(url, 'POST', '/predict', row)).json).toEqual(answer)
    const id = '123E4567-e89b-12d3-a456-426614174000'
    const two = await call(url, 'POST', '/predict/plus', [row, { ...row, id, alcohol: 16 }])
    const strong = { ...answer, id: id.toLowerCase(), y: [17, 2, 3], $checks: ['strong'] }
    expect(two.json).toEqual([answer, strong])
    expect((await call(url, 'POST', '/predict/plus', [])).json).toEqual([])
    const text = `${JSON.stringify(row)}\n\n${JSON.stringify(row)}`
    const sent = await call(url, 'POST', '/predict/plus', text, { 'content-type': 'application/x-ndjson' })
    expect(sent.json).toEqual([answer, answer])
  })

  test('http: the same rows by three routes are equal', async () => {
    const rows = Array.from({ length: 100 }, (_, index) => ({ alcohol: index / 7, b: index / 11, c: -index / 13 }))
    const predicted = (await call(url, 'POST', '/predict/plus', rows)).json as unknown as { y: number[] }[]
    const features = rows.map(({ alcohol, b, c }) => [alcohol, b, c])
    const inferred = await call(url, 'POST', '/v1/pipelines/plus/infer', { x: features })
    expect(predicted.map(({ y: values }) => values)).toEqual((inferred.json['outputs'] as { y: unknown }).y)
    const embedded = await engine.predict('plus', rows)
    expect(predicted.map(({ y: values }) => values)).toEqual(embedded.predictions.map((one) => one?.['y']))
  })

  test('http: what was found stands beside the fields, and alone where the row was dropped', async () => {
    const rows = [{ ...row, b: 11 }, row, { ...row, c: 11 }]
    const { status, json, headers } = await call(url, 'POST', '/predict/plus', rows)
    expect(status).toBe(200)
    expect(headers.get('penstock-problems')).toBe('2')
    expect(json).toEqual([
      { ...answer, y: [10.5, 12, 3], $problems: [{ ...flagged, path: '/0/b' }] },
      answer,
      {
        $problems: [
          {
            ...flagged,
            path: '/2/c',
            field: 'c',
            action: 'drop',
            message: flagged.message.replace('b of row 0', 'c of row 2'),
          },
        ],
      },
    ])
    const one = await call(url, 'POST', '/predict/plus', { ...row, c: 11 })
    expect(one.json).toMatchObject({ $problems: [{ path: '/c', action: 'drop' }] })
    expect((await call(url, 'POST', '/predict/plus', row)).headers.get('penstock-problems')).toBe(null)
  })

  test('http: a row that breaks rules is 422 with each problem, its path and the way out; nothing of the rest is lost', async () => {
    const rows = [row, { alcool: 9.4, b: '1', c: 0 }, { ...row, alcohol: 21 }]
    const [refused, right] = await Promise.all([
      call(url, 'POST', '/predict/plus', rows),
      call(url, 'POST', '/predict/plus', [row]),
    ])
    expect([right.status, right.json]).toEqual([200, [answer]])
    expect([refused.status, refused.json['code'], refused.json['error_count']]).toEqual([422, 'ERR_CONTRACT', 4])
    expect(refused.json['errors']).toEqual([
      {
        path: '/1/alcohol',
        field: 'alcohol',
        code: 'ERR_CONTRACT',
        rule: 'required',
        message: 'Expected alcohol of row 1 to be there but received nothing. The row has "alcool", which is no field',
      },
      {
        path: '/1/b',
        field: 'b',
        code: 'ERR_CONTRACT',
        rule: 'dtype',
        message: 'Expected b of row 1 to be a number (float32) but received "1". Send the number without quotes',
        value: '1',
      },
      {
        path: '/1/alcool',
        field: 'alcool',
        code: 'ERR_CONTRACT',
        rule: 'extra',
        message: 'Expected alcool of row 1 to be a field but received 9.4. Did you mean alcohol?',
        value: 9.4,
      },
      {
        path: '/2/alcohol',
        field: 'alcohol',
        code: 'ERR_CONTRACT',
        rule: 'max',
        message: 'Expected alcohol of row 2 to be at most 20 but received 21',
        value: 21,
      },
    ])
    const single = await call(url, 'POST', '/predict/plus', { ...row, alcohol: -1 })
    expect(single.json['errors']).toMatchObject([{ path: '/alcohol', rule: 'min', value: -1 }])
    const many = await call(url, 'POST', '/predict/plus', new Array(3000).fill({ ...row, alcohol: -1 }))
    expect([(many.json['errors'] as unknown[]).length, many.json['error_count']]).toEqual([100, 3000])
    expect(many.text.length).toBeLessThan(50_000)
  })

  test('http: what is no request is refused as everywhere, and not as a matter of rows', async () => {
    const npy = { 'content-type': 'application/x-npy' }
    for (const [path, body, headers, status, code] of [
      ['/predict/plus', '[{"alcohol": 1', {}, 400, 'ERR_BODY'],
      ['/predict/plus', '{"alcohol": NaN}', {}, 400, 'ERR_BODY'],
      ['/predict/plus', '{"alcohol": 1, "alcohol": 2}', {}, 400, 'ERR_BODY'],
      ['/predict/plus', '', {}, 400, 'ERR_BODY'],
      ['/predict/plus', '17', {}, 400, 'ERR_BODY'],
      ['/predict/plus', '[17]', {}, 422, 'ERR_CONTRACT'],
      ['/predict/plus', `[${'['.repeat(5000)}`, {}, 400, 'ERR_BODY'],
      ['/predict/plus', 'alcohol', npy, 415, 'ERR_CONTENT_TYPE'],
      ['/predict/plus', '[]', { 'content-type': 'application/json; format=pandas-split' }, 415, 'ERR_CONTENT_TYPE'],
      ['/predict/plus', JSON.stringify(row), { accept: 'text/csv' }, 406, 'ERR_NOT_ACCEPTABLE'],
      ['/predict/plus', JSON.stringify(row), { 'content-encoding': 'gzip' }, 415, 'ERR_CONTENT_TYPE'],
      ['/predict/plus', JSON.stringify(row), { 'penstock-deadline-ms': '0' }, 400, 'ERR_ARGUMENT'],
      ['/predict/absent', JSON.stringify(row), {}, 404, 'ERR_PIPELINE_NOT_FOUND'],
      ['/predict/plus?dataset=x', JSON.stringify(row), {}, 400, 'ERR_ARGUMENT'],
    ] as const) {
      const refused = await call(url, 'POST', path, body, headers)
      expect([refused.status, refused.json['code']], `${path} ${body.slice(0, 40)}`).toEqual([status, code])
    }
    expect((await call(url, 'GET', '/predict/plus')).status).toBe(405)
    const partly = await call(url, 'POST', '/predict/plus', row, { accept: 'text/html, application/json;q=0.1' })
    expect(partly.status).toBe(200)
    const traced = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const options = { 'penstock-deadline-ms': '5000', 'penstock-priority': 'background', traceparent: traced }
    const answered = await call(url, 'POST', '/predict/plus', row, options)
    expect([answered.status, answered.headers.get('traceparent')]).toEqual([200, traced])
  })

  test('client: the same answers and refusals as over a socket', async () => {
    const remote = new RemotePipeline(url, 'plus')
    expect(await remote.predict(row)).toEqual(answer)
    expect(await remote.predict([row, { ...row, c: 11 }], { retries: 1, timeoutMs: 5000 })).toMatchObject([
      answer,
      { $problems: [{ action: 'drop' }] },
    ])
    await expect(remote.predict({ ...row, alcohol: 21n })).rejects.toMatchObject({
      code: 'ERR_CONTRACT',
      errorCount: 1,
      errors: [{ path: '/alcohol', field: 'alcohol', rule: 'max', value: 21 }],
    })
    const other = await new RemotePipeline(url, 'absent').predict(row).catch((error: unknown) => error)
    expect(isContractError(other)).toBe(false)
    const refused = await remote.predict({ ...row, alcohol: 21 }).catch((error: unknown) => error)
    if (!isContractError(refused)) throw new Error('Expected the refusal of a contract')
    expect([refused.errorCount, refused.errors?.map(({ path, rule }) => `${path} ${rule}`)]).toEqual([
      1,
      ['/alcohol max'],
    ])
    await expect(remote.predict(row, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  test('http: a large answer is whole', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => ({ alcohol: index % 15, b: 0, c: 0 }))
    const { json } = await call(url, 'POST', '/predict/plus', rows)
    const all = json as unknown as { y: number[] }[]
    expect(all.map(({ y: [first] }) => first)).toEqual(rows.map(({ alcohol }) => alcohol + 1))
  })
})

const flagged = {
  path: '/b',
  field: 'b',
  rule: 'max',
  action: 'flag',
  message: 'Expected b of row 0 to be at most 10 but received 11',
  value: 11,
}

describe('http: predictions in the OpenAPI document', () => {
  interface Operation {
    readonly requestBody: { readonly content: Record<string, { schema: object; example?: unknown }> }
    readonly responses: Record<string, { content: Record<string, { schema: object }> }>
  }
  const read = async (base: string, key?: string) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const { json } = await call(base, 'GET', '/openapi.json', undefined, headers)
    return json as {
      paths: Record<string, { post: Operation }>
      components: { schemas: Record<string, Record<string, unknown>> }
    }
  }

  test('openapi: the address of a deployed pipeline has its own schemas, which its example and answers fit', async () => {
    const { paths, components } = await read(url)
    const { requestBody, responses } = paths['/predict/plus']!.post
    const body = requestBody.content['application/json']!
    expect(body.example).toEqual(plus.example)
    const fits = (value: unknown, schema: object | undefined): string | null =>
      mismatch(value, schema as never, components.schemas)
    expect(fits(body.example, body.schema)).toBe(null)
    expect(fits([body.example, row], body.schema)).toBe(null)
    expect(fits({ ...row, alcohol: 21 }, body.schema)).not.toBe(null)
    expect(fits({ ...row, alcool: 2 }, body.schema)).not.toBe(null)
    const answers = responses['200']!.content['application/json']!.schema
    for (const rows of [body.example, [row, { ...row, b: 11 }, { ...row, c: 11 }]]) {
      const { json } = await call(url, 'POST', '/predict/plus', rows)
      expect(fits(json, answers), JSON.stringify(json)).toBe(null)
    }
    const refused = await call(url, 'POST', '/predict/plus', { ...row, alcohol: 21 })
    expect(fits(refused.json, responses['422']!.content['application/json']!.schema)).toBe(null)
    await engine.undeployPipeline('plus')
    expect((await read(url)).paths['/predict/plus']).toBe(undefined)
    expect((await call(url, 'POST', '/predict', row)).json).toMatchObject({ code: 'ERR_CONTRACT_NOT_FOUND' })
    await engine.deployPipeline('plus')
  })

  test('openapi: a key that is bound to other pipelines is not told the fields, nor may it ask', async () => {
    const verify = (key: string) =>
      key === testKey ? { name: 'bound', scopes: ['infer'] as const, pipelines: ['other'] } : null
    const bound = await open({ keys: { count: 1, verify } as never })
    try {
      expect((await read(bound.server.url, testKey)).paths['/predict/plus']).toBe(undefined)
      const headers = { authorization: `Bearer ${testKey}` }
      for (const path of ['/predict/plus', '/predict']) {
        const { status, text } = await call(bound.server.url, 'POST', path, row, headers)
        expect([status, text.includes('alcohol')]).toEqual([403, false])
      }
      expect((await call(bound.server.url, 'POST', '/predict/plus', row)).status).toBe(401)
    } finally {
      await bound.server.close()
      await bound.engine.close()
    }
  })
})

describe('http: predictions as the server is set up', () => {
  test('http: with --errors terse the caller hears how many values broke a rule, and the log has which', async () => {
    const terse = await open({ errors: 'terse', logger })
    try {
      const refused = await call(terse.server.url, 'POST', '/predict/plus', [{ ...row, alcohol: 21, b: null }])
      expect(refused.status).toBe(422)
      expect(Object.keys(refused.json).sort()).toEqual(['code', 'error', 'error_count', 'request_id'])
      expect(refused.json).toMatchObject({ code: 'ERR_CONTRACT', error_count: 2 })
      expect(refused.text).not.toMatch(/alcohol|21/)
      const found = lines.find(({ requestId }) => requestId === refused.json['request_id'])
      expect(found).toMatchObject({ code: 'ERR_CONTRACT', count: 2, path: '/predict/plus' })
      expect(found?.['problems']).toContain('Expected alcohol of row 0 to be at most 20 but received 21')
      const flaggedRow = await call(terse.server.url, 'POST', '/predict/plus', { ...row, b: 11 })
      expect(flaggedRow.json['$problems']).toEqual([{ action: 'flag' }])
      const id = flaggedRow.headers.get('x-penstock-request-id')
      expect(lines.find(({ requestId }) => requestId === id)).toMatchObject({ count: 1 })
      // What is no JSON says nothing of the contract.
      expect((await call(terse.server.url, 'POST', '/predict/plus', '[')).json['error']).toMatch(/^Expected/)
    } finally {
      await terse.server.close()
      await terse.engine.close()
    }
  })

  test('http: /predict is the configured pipeline, else the choices are named', async () => {
    const two = await open({ defaultPipeline: 'plus' })
    try {
      await two.engine.applyPipeline(
        { name: 'twin', contract: 'plus', steps: [{ type: 'model', model: 'add' }] },
        { deploy: true },
      )
      expect((await call(two.server.url, 'POST', '/predict', row)).json).toEqual(answer)
      await engine.applyPipeline(
        { name: 'twin', contract: 'plus', steps: [{ type: 'model', model: 'add' }] },
        { deploy: true },
      )
      const refused = await call(url, 'POST', '/predict', row)
      expect([refused.status, refused.json['code']]).toEqual([400, 'ERR_ARGUMENT'])
      expect(refused.json['error']).toMatch(/\/predict\/plus, \/predict\/twin/)
    } finally {
      await engine.undeployPipeline('twin')
      await two.server.close()
      await two.engine.close()
    }
  })

  test('http: bodies beyond the limit are refused before they are read', async () => {
    const small = await open({ limits: { bodyBytesMax: 2 ** 16 } })
    try {
      const body = JSON.stringify(new Array(5000).fill(row))
      const refused = await call(small.server.url, 'POST', '/predict/plus', body)
      expect([refused.status, refused.json['code']]).toEqual([413, 'ERR_BODY_TOO_LARGE'])
      expect((await call(small.server.url, 'POST', '/predict/plus', row)).status).toBe(200)
    } finally {
      await small.server.close()
      await small.engine.close()
    }
  })

  test('http: bodies that many callers send at once are charged to the budget, and given back', async () => {
    const { budget } = engine
    const body = JSON.stringify(new Array(20_000).fill(row))
    const answers = await Promise.all(Array.from({ length: 8 }, () => call(url, 'POST', '/predict/plus', body)))
    for (const { status } of answers) expect([200, 429]).toContain(status)
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    for (let turn = 0; turn < 200 && budget.usedBytes().bodies + budget.usedBytes().answers > 0; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(budget.usedBytes()).toMatchObject({ bodies: 0, answers: 0 })
  })
})
