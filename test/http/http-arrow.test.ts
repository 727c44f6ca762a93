/** Arrow and chosen columns end to end: real bodies over a real socket, and what is refused. */
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, serve, type Answer, type Served } from '../support/served.js'

const ARROW = 'application/vnd.apache.arrow.file'
const STREAM = 'application/vnd.apache.arrow.stream'
const RECORDS = 'application/json; format=pandas-records'

let served: Served
beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

const infer = (pipeline: string, query: string, body: unknown, type: string, accept = ''): Promise<Answer> =>
  call(served.server.url, 'POST', `/v1/pipelines/${pipeline}/infer${query === '' ? '' : `?${query}`}`, body, {
    'content-type': type,
    ...(accept === '' ? {} : { accept }),
  })
/** Rows of three floats, in batches of the given sizes. */
function floats(sizes: readonly number[], form: 'file' | 'stream', first = 0): Uint8Array {
  const type = new FixedSizeList(3, new Field('item', new Float32(), false))
  const schema = new Schema([new Field('x', type, false)])
  let next = first
  const batches = sizes.map((rows) => {
    const data = Float32Array.from({ length: rows * 3 }, () => next++)
    const child = makeData({ type: new Float32(), length: data.length, nullCount: 0, data })
    const x = makeData({ type, length: rows, nullCount: 0, child })
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children: [x] }),
    )
  })
  return tableToIPC(new Table(schema, batches), form)
}
const elements = (table: Table, name: string): Float32Array =>
  table.getChild(name)?.data[0]?.children[0]?.values as Float32Array

describe('Arrow over HTTP', () => {
  it('one column per feature: is the tensor, whatever numeric types the columns have', async () => {
    const table = new Table({
      x2: vectorFromArray([3, 6], new Int32()),
      x0: vectorFromArray([1, null], new Float32()),
      x1: vectorFromArray([2n, 5n], new Int64()),
    })
    const answer = await infer('add', 'dataset=in,out', tableToIPC(table, 'stream'), STREAM, 'application/json')
    // Numbered columns go by their numbers; a missing value is NaN, which JSON shows as null.
    expect(answer.json).toEqual({ in: { x: [[1, 2, 3], [null, 5, 6]] }, out: { y: [[2, 3, 4], [null, 6, 7]] } }) // prettier-ignore
  })

  it('columns of every type that no model reads: come back nested and flat, with their types and nulls', async () => {
    const folder = new URL('../tables/', import.meta.url)
    const names = readdirSync(folder).filter((name) => name.startsWith('extra-'))
    expect(names.length).toBeGreaterThan(20)
    for (const name of names) {
      const body = readFileSync(new URL(name, folder))
      const sent = tableFromIPC(body)
      const flat = tableFromIPC((await infer('add', 'dataset=in&dataset_separator=.', body, STREAM)).bytes)
      const nested = tableFromIPC((await infer('add', 'dataset=in', body, STREAM)).bytes)
      const inside = nested.getChild('in')
      const { type } = nested.schema.fields[0] as Field<Struct>
      const plain = sent.schema.fields[1] as Field
      // Views travel as plain texts and bytes.
      const kind = plain.type.toString().replace('View', '')
      expect([name, flat.getChild('in.t')?.type.toString(), inside?.getChild('t')?.type.toString()]).toEqual([
        name,
        kind,
        kind,
      ])
      const shown = (values: unknown): string =>
        JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
      expect(shown(flat.getChild('in.t')?.toJSON())).toBe(shown(sent.getChild('t')?.toJSON()))
      expect(shown(inside?.getChild('t')?.toJSON())).toBe(shown(sent.getChild('t')?.toJSON()))
      expect(type.children.find((field) => field.name === 't')?.nullable).toBe(true)
      const json = await infer('add', 'dataset=in', body, STREAM, 'application/json')
      expect(json.status).toBe(200)
    }
  })

  it('100,000 rows in several batches: every row is answered, in order', async () => {
    const { status, bytes, headers } = await infer(
      'add',
      'dataset=out&dataset_separator=.',
      floats([65_536, 1, 34_463], 'stream'),
      STREAM,
    )
    expect([status, headers.get('content-type')]).toEqual([200, STREAM])
    const out = elements(tableFromIPC(bytes), 'out.y')
    expect(out).toHaveLength(300_000)
    expect(out.every((value, index) => value === Math.fround(index + 1))).toBe(true)
  })

  it('all columns, nested: the input comes back with the metadata', async () => {
    const { bytes, headers } = await infer('checked', '', floats([2], 'file', 7), ARROW)
    expect(headers.get('content-type')).toBe(ARROW)
    const [first, second] = tableFromIPC(bytes)
      .toArray()
      .map((row) => row.toJSON() as Record<string, { toJSON(): unknown }>)
    expect(Object.keys(first ?? {})).toEqual(['time', 'in', 'out', 'anomaly', 'check_failures', 'metadata'])
    expect(
      JSON.parse(
        JSON.stringify([
          first?.['in'],
          first?.['out'],
          first?.['anomaly'],
          second?.['anomaly'],
          second?.['check_failures'],
        ]),
      ),
    ).toEqual([
      { x: [7, 8, 9] },
      { y: [8, 9, 10] },
      { count: 1, 'small-input': true, 'too-high': false },
      { count: 2, 'small-input': true, 'too-high': true },
      ['too-high', 'small-input'],
    ])
    expect(first?.['metadata']?.toJSON()).toMatchObject({ pipeline_version: '1', partition: 'test' })
  })

  it('the two forms and three bodies mix: each Accept answers the same rows', async () => {
    const arrow = floats([2], 'file')
    const records = JSON.stringify([{ x: [0, 1, 2] }, { x: [3, 4, 5] }])
    const columns = '{"x":[[0,1,2],[3,4,5]]}'
    const expected = [
      { 'in.x': [0, 1, 2], 'out.y': [1, 2, 3] },
      { 'in.x': [3, 4, 5], 'out.y': [4, 5, 6] },
    ]
    for (const [body, type] of [
      [arrow, ARROW],
      [records, RECORDS],
      [columns, 'application/json'],
    ] as const) {
      const query = 'dataset=in,out&dataset_separator=.'
      expect((await infer('add', query, body, type, RECORDS)).json).toEqual(expected)
      const flat = (await infer('add', query, body, type, 'application/json')).json
      expect(Array.isArray(flat) ? flat : [flat['in.x'], flat['out.y']]).toEqual(
        Array.isArray(flat) ? expected : [expected.map((row) => row['in.x']), expected.map((row) => row['out.y'])],
      )
      for (const accept of [ARROW, STREAM]) {
        const table = tableFromIPC((await infer('add', query, body, type, accept)).bytes)
        expect([...elements(table, 'in.x'), ...elements(table, 'out.y')]).toEqual([0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6])
      }
    }
  })

  it('extra columns: are echoed with their nulls, and route where a split asks for them', async () => {
    const table = new Table({
      x: vectorFromArray(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        new FixedSizeList(3, new Field('item', new Float32(), true)),
      ),
      region: vectorFromArray(['eu', 'us'], new Utf8()),
      note: vectorFromArray([null, 'ü'], new Utf8()),
      id: vectorFromArray([1, 2], new Int32()),
    })
    const answer = await infer(
      'split',
      'dataset=in,metadata.route&dataset_separator=.',
      tableToIPC(table, 'file'),
      ARROW,
      RECORDS,
    )
    expect(answer.json).toEqual([
      { 'in.id': 1, 'in.note': null, 'in.region': 'eu', 'in.x': [1, 2, 3], 'metadata.route': 'two' },
      { 'in.id': 2, 'in.note': 'ü', 'in.region': 'us', 'in.x': [4, 5, 6], 'metadata.route': 'one' },
    ])
    const arrow = tableFromIPC(
      (await infer('split', 'dataset=in.note&dataset_separator=.', tableToIPC(table, 'file'), ARROW)).bytes,
    )
    expect(arrow.getChild('in.note')?.toArray()).toEqual([null, 'ü'])
  })

  it('records: what was written is echoed to the letter, and typed in Arrow', async () => {
    const body = '[{"x":[9007199254740993,0,-1],"n":1.50,"s":"a","b":true},{"x":[1,2,3],"n":2,"s":null}]'
    const { text } = await infer('wide', 'dataset=in,out&dataset_separator=.', body, RECORDS)
    expect(text).toContain(
      '{"in.b":true,"in.n":1.50,"in.s":"a","in.x":[9007199254740993,0,-1],"out.y":[9007199254740993,0,-1]}',
    )
    const table = tableFromIPC((await infer('wide', 'dataset=in&dataset_separator=.', body, RECORDS, ARROW)).bytes)
    expect(table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`)).toEqual([
      'in.b Bool',
      'in.n Float64',
      'in.s Utf8',
      'in.x List<Int64>',
    ])
  })

  it('strings, whole tensors and free dims: go both ways', async () => {
    const texts = new Table({ label: vectorFromArray(['a', 'b ü'], new Utf8()) })
    const upper = await infer(
      'text',
      'dataset=in,out&dataset_separator=_',
      tableToIPC(texts, 'stream'),
      STREAM,
      RECORDS,
    )
    expect((upper.json as unknown as object[]).map((row) => Object.values(row))).toEqual([
      ['a', 'A'],
      ['b ü', 'B ü'],
    ])
    for (const pipeline of ['tokens', 'whole']) {
      const [{ name = '', dtype = '' } = {}] = served.engine.describePipeline(pipeline).inputs
      const body = JSON.stringify({
        [name]:
          pipeline === 'whole'
            ? [
                [1, 2, 3],
                [4, 5, 6],
              ]
            : [
                [1, 2],
                [3, 4],
                [5, 6],
              ],
      })
      const sent = await infer(pipeline, `dataset=in&dataset_separator=.`, body, 'application/json', STREAM)
      const table = tableFromIPC(sent.bytes)
      expect([table.numRows, dtype.length > 0]).toEqual([pipeline === 'whole' ? 1 : 3, true])
      // The answer's own column, sent as the request: the shape of the row travels in its metadata.
      const schema = new Schema([(table.schema.fields[0] as Field).clone({ name })])
      const data = table.batches[0]?.data.clone(new Struct(schema.fields)) as never
      const again = await infer(
        pipeline,
        '',
        tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), 'file'),
        ARROW,
        'application/json',
      )
      const direct = await infer(pipeline, '', body, 'application/json')
      expect([again.status, again.json['outputs']]).toEqual([200, direct.json['outputs']])
    }
  })

  it.each<[string, string, Uint8Array | string, string, number, string, string]>([
    [
      'an unknown query parameter',
      'datasets=out',
      '{"x":[[1,2,3]]}',
      'application/json',
      400,
      'ERR_ARGUMENT',
      'dataset_separator',
    ],
    ['an unknown column', 'dataset=out.z', '{"x":[[1,2,3]]}', 'application/json', 400, 'ERR_ARGUMENT', 'out.y'],
    [
      '* with metadata',
      'dataset=*&dataset=metadata',
      '{"x":[[1,2,3]]}',
      'application/json',
      400,
      'ERR_ARGUMENT',
      'without metadata',
    ],
    [
      'an empty separator',
      'dataset_separator=',
      '{"x":[[1,2,3]]}',
      'application/json',
      400,
      'ERR_ARGUMENT',
      '1..16 characters',
    ],
    ['an Arrow body that is none', '', 'hello, world', ARROW, 400, 'ERR_BODY', 'cut off'],
    ['an empty Arrow body', '', '', ARROW, 400, 'ERR_BODY', 'begin with a schema'],
    [
      'an Arrow file that is cut off',
      '',
      floats([2], 'file').slice(0, -20),
      ARROW,
      400,
      'ERR_BODY',
      'ends with ARROW1',
    ],
    ['rows beyond the limit', '', floats([262_145], 'stream'), STREAM, 413, 'ERR_TOO_MANY_ROWS', 'at most 262144 rows'],
    [
      'a missing column',
      '',
      tableToIPC(new Table({ y: vectorFromArray([1], new Float32()) }), 'file'),
      ARROW,
      400,
      'ERR_MISSING_INPUT',
      'one column for each of its 3 features, but received 1: "y"',
    ],
    [
      'a dictionary of texts',
      '',
      tableToIPC(tableFromArrays({ x: ['a'] }), 'file'),
      ARROW,
      400,
      'ERR_DTYPE',
      'received string',
    ],
  ])('refuses %s', async (_, query, body, type, status, code, says) => {
    const answer = await infer('add', query, body, type)
    expect([answer.status, answer.json['code']]).toEqual([status, code])
    expect(answer.json['error']).toContain(says)
  })

  it('a dataset that means nothing costs no inference', async () => {
    const before = served.engine.pipelineStatus('add').requestCount
    expect((await infer('add', 'dataset=nothing', floats([1], 'file'), ARROW)).status).toBe(400)
    expect(served.engine.pipelineStatus('add').requestCount).toBe(before)
  })
})
