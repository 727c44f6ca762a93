/** Bodies that are files (CSV, NDJSON, Parquet, .npy), missing values and features through real models, and the answers' forms. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Vector,
} from 'apache-arrow'
import { inferFromFile, RemotePipeline } from 'penstock'
import { readParquet, writeParquet } from 'penstock/results'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npyElements, npyHeader, readNpyHeader } from '../../src/tensor/npy.js'
import { modelBytes, serve, type Served } from '../support/served.js'

let served: Served
const wine = new URL('../../examples/models/wine-gbt/model.onnx', import.meta.url)
const CSV = 'text/csv'
const NDJSON = 'application/x-ndjson'
const PARQUET = 'application/vnd.apache.parquet'
const NPY = 'application/x-npy'

beforeAll(async () => {
  served = await serve()
  const { engine } = served
  for (const [name, bytes] of [
    ['titanic', modelBytes('titanic')],
    ['lgbm', modelBytes('lgbm-missing')],
    ['wine', readFileSync(wine)],
    ['half', modelBytes('identity-float16')],
    ['flags', modelBytes('identity-bool')],
    ['single', modelBytes('identity-float64')],
  ] as const) {
    // Models may have underscores, as files do.
    await engine.addModel(`${name}_model`, bytes)
    await engine.applyPipeline({ name, steps: [{ type: 'model', model: `${name}_model@1` }] }, { deploy: true })
  }
})
afterAll(() => served.close())

async function post(
  pipeline: string,
  body: string | Uint8Array,
  type: string,
  { accept = '*/*', query = '', path = `/v1/pipelines/${pipeline}/infer` } = {},
): Promise<{ status: number; type: string; bytes: Buffer; text: string }> {
  const headers = { 'content-type': type, accept }
  const response = await fetch(`${served.server.url}${path}${query}`, { method: 'POST', headers, body: body as string })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, type: response.headers.get('content-type') ?? '', bytes, text: bytes.toString() }
}

const npy = (shape: readonly number[], data: Float32Array | Float64Array | Uint8Array | BigInt64Array): Buffer => {
  const dtype = {
    Float32Array: 'float32',
    Float64Array: 'float64',
    Uint8Array: 'uint8',
    BigInt64Array: 'int64',
  } as const
  const name = data.constructor.name as keyof typeof dtype
  return Buffer.concat([npyHeader(dtype[name], shape), new Uint8Array(data.buffer)])
}
const floatsOf = (bytes: Buffer): number[] => {
  const header = readNpyHeader(bytes)
  return [...new Float32Array(Uint8Array.from(npyElements(bytes, header)).buffer)]
}
const frame = (rows: readonly (readonly number[])[]): Table => {
  const width = rows[0]?.length ?? 0
  const child = makeData({
    type: new Float32(),
    length: rows.length * width,
    nullCount: 0,
    data: Float32Array.from(rows.flat()),
  })
  const type = new FixedSizeList(width, new Field('item', new Float32(), true))
  return new Table({ x: new Vector([makeData({ type, length: rows.length, nullCount: 0, child })]) })
}

describe('files as bodies', () => {
  it('CSV: answered as CSV, without metadata', async () => {
    const { status, type, text } = await post('add', 'x[0],x[1],x[2],note\n1,2,3,a\n4,5,6,"b,c"\n', CSV)
    expect([status, type]).toEqual([200, CSV])
    const [header, first, second] = text.trimEnd().split('\n')
    expect(header).toBe('time,in.note,in.x,out.y,anomaly.count')
    expect(first).toMatch(/^\d+,a,"\[1,2,3\]","\[2,3,4\]",0$/)
    expect(second).toMatch(/^\d+,"b,c","\[4,5,6\]","\[5,6,7\]",0$/)
    const chosen = await post('add', 'x[0],x[1],x[2]\n1,2,3\n', CSV, { query: '?dataset=out,metadata.partition' })
    expect(chosen.text).toBe('out.y,metadata.partition\n"[2,3,4]",test\n')
  })

  it('NDJSON: answered line by line, in any form that Accept asks for', async () => {
    const body = '{"x":[1,2,3],"note":"a"}\n{"x":[4,5,6],"note":1.50}\n'
    const { type, text } = await post('add', body, NDJSON)
    expect(type).toBe(NDJSON)
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { out: unknown })
    expect(lines.map(({ out }) => out)).toEqual([{ y: [2, 3, 4] }, { y: [5, 6, 7] }])
    expect(text).toContain('"in":{"x":[4,5,6],"note":1.50}')
    const chosen = await post('add', body, NDJSON, { query: '?dataset=out&dataset_separator=.' })
    expect(chosen.text).toBe('{"out.y":[2,3,4]}\n{"out.y":[5,6,7]}\n')
    expect((await post('add', body, NDJSON, { accept: 'application/json' })).type).toContain('pandas-records')
    expect((await post('add', '{"x":[[1,2,3]]}', 'application/json', { accept: CSV })).text).toMatch(/"\[2,3,4\]",0\n$/)
  })

  it('Parquet: answered as Parquet', async () => {
    const body = await writeParquet(
      frame([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    )
    const { status, type, bytes } = await post('add', body, PARQUET)
    expect([status, type]).toEqual([200, PARQUET])
    const table = await readParquet(bytes)
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['time', 'in.x', 'out.y', 'anomaly.count'])
    expect(JSON.parse(JSON.stringify(table.getChild('out.y')?.toArray()))).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ])
    const arrow = await post('add', body, PARQUET, { accept: 'application/vnd.apache.arrow.stream' })
    expect(tableFromIPC(arrow.bytes).numRows).toBe(2)
  })

  it('.npy: the one input, and the one output, of every dtype that fits', async () => {
    for (const data of [
      new Float32Array([1, 2, 3]),
      new Float64Array([1, 2, 3]),
      new Uint8Array([1, 2, 3]),
      new BigInt64Array([1n, 2n, 3n]),
    ])
      for (const shape of [[1, 3], [3]]) {
        const { status, type, bytes } = await post('add', npy(shape, data), NPY)
        expect([status, type]).toEqual([200, NPY])
        expect(readNpyHeader(bytes)).toMatchObject({ dtype: 'float32', shape: [1, 3] })
        expect(floatsOf(bytes)).toEqual([2, 3, 4])
      }
    const asked = await post('add', npy([1, 3], new Float32Array([NaN, 2, 3])), NPY, { accept: 'application/json' })
    expect(asked.text).toContain('"outputs":{"y":[[null,3,4]]}')
    expect(readNpyHeader((await post('flags', npy([1, 3], new Uint8Array([1, 0, 1])), NPY)).bytes).dtype).toBe('bool')
    expect(readNpyHeader((await post('half', npy([1, 3], new Float64Array([1, 2, 3])), NPY)).bytes).dtype).toBe(
      'float16',
    )
  })

  it('.npy: what it cannot hold is refused before anything runs', async () => {
    const both = '{"left":[[1,2]],"right":[[3,4]]}'
    const answers = [
      await post('both', npy([1, 2], new Float32Array([1, 2])), NPY),
      await post('both', both, 'application/json', { accept: NPY }),
      await post('text', '{"label":["a"]}', 'application/json', { accept: NPY }),
      await post('add', npy([1, 2], new Float32Array([1, 2])), NPY),
      await post('small', npy([1, 3], new Float64Array([1, 2.5, 3])), NPY),
      await post('add', npy([1, 3], new Float32Array([1, 2, 3])).subarray(0, 130), NPY),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 406, 406, 400, 400, 400])
    expect(answers[0]?.text).toMatch(/Expected a pipeline with one input.*has 2/)
    expect(answers[1]?.text).toMatch(/Expected one output.*dataset=out/)
    expect(answers[2]?.text).toMatch(/of a dtype that .npy has but it is string/)
    expect(answers[3]?.text).toMatch(/\[n, 3\]/)
    const one = await post('both', both, 'application/json', { accept: NPY, query: '?dataset=out.sum' })
    expect(floatsOf(one.bytes)).toEqual([4, 6])
  })

  it.each([
    ['CSV of nothing', '', CSV, /with a header/],
    ['CSV of uneven rows', 'x,y\n1\n', CSV, /2 cells/],
    ['CSV of another input', 'a,b\n1,2\n', CSV, /its 3 features/],
    ['NDJSON that is none', '{"x":[1,2,3]}\nhello\n', NDJSON, /record 1 to be an object/],
    ['Parquet that is none', 'PAR1hello', PARQUET, /Expected a Parquet file/],
    ['.npy that is none', '[[1,2,3]]', NPY, /begins with/],
    ['more rows than a request has', `x[0],x[1],x[2]\n${'1,2,3\n'.repeat(262_145)}`, CSV, /at most 262144 rows/],
  ])('refuses %s', async (_, body, type, message) => {
    const { status, text } = await post('add', body, type)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect((JSON.parse(text) as { error: string }).error).toMatch(message)
  })

  it('files of .npy arrays go in parts, in C and Fortran order and either byte order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'penstock-npy-'))
    try {
      const data = Float32Array.from({ length: 30 }, (_, index) => index)
      await writeFile(join(folder, 'c.npy'), npy([10, 3], data))
      const fortran = Float32Array.from(
        { length: 30 },
        (_, index) => data[(index % 10) * 3 + Math.floor(index / 10)] as number,
      )
      const head = npyHeader('float32', [10, 3])
        .toString('latin1')
        .replace("'fortran_order': False", "'fortran_order': True ")
      await writeFile(
        join(folder, 'f.npy'),
        Buffer.concat([Buffer.from(head, 'latin1'), new Uint8Array(fortran.buffer)]),
      )
      const bigHead = npyHeader('float32', [10, 3]).toString('latin1').replace('<f4', '>f4')
      const swapped = Buffer.from(new Uint8Array(data.buffer)).swap32()
      await writeFile(join(folder, 'big.npy'), Buffer.concat([Buffer.from(bigHead, 'latin1'), swapped]))
      for (const name of ['c.npy', 'f.npy', 'big.npy']) {
        const { rows, table } = await inferFromFile(new RemotePipeline(served.server.url, 'add'), join(folder, name), {
          rowsPerRequest: 4,
          dataset: ['out'],
        })
        expect(rows).toBe(10)
        expect(JSON.parse(JSON.stringify(table?.getChild('out.y')?.toArray()))).toEqual(
          Array.from({ length: 10 }, (_, row) => [0, 1, 2].map((column) => row * 3 + column + 1)),
        )
      }
      const output = inferFromFile(new RemotePipeline(served.server.url, 'add'), join(folder, 'c.npy'), {
        output: join(folder, 'out.npy'),
      })
      await expect(output).rejects.toThrow(/format of the output to be one of/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('one column per feature', () => {
  const names =
    'fixed acidity,volatile acidity,citric acid,residual sugar,chlorides,free sulfur dioxide,total sulfur dioxide,density,pH,sulphates,alcohol,is red'.split(
      ',',
    )
  const rows = [
    [8.4, 0.17, 0.31, 6.7, 0.038, 29, 132, 0.9945, 3.1, 0.32, 10.6, 1],
    [8.0, 0.83, 0.27, 2.0, 0.08, 11, 63, 0.99652, 3.29, 0.48, 9.8, 0],
  ]
  const quality = (text: string): number[] =>
    (JSON.parse(text) as { out: Record<string, number> }[]).map(({ out }) => Object.values(out)[0] as number)

  it('wine as its tables are: in every form the same', async () => {
    const wanted = [6.117, 4.999]
    const records = rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])))
    const columns = Object.fromEntries(names.map((name, index) => [name, rows.map((row) => row[index])]))
    const query = '?dataset=out'
    const accept = 'application/json; format=pandas-records'
    const csv = [names, ...rows].map((cells) => cells.join(',')).join('\n')
    for (const [body, type] of [
      [JSON.stringify(records), 'application/json'],
      [JSON.stringify(columns), 'application/json'],
      [JSON.stringify({ dataframe_split: { columns: names, data: rows } }), 'application/json'],
      [records.map((record) => JSON.stringify(record)).join('\n'), NDJSON],
      [csv, CSV],
    ] as const) {
      const { status, text } = await post('wine', body, type, { query, accept })
      expect(status, text).toBe(200)
      quality(text).forEach((value, row) => expect(value).toBeCloseTo(wanted[row] as number, 3))
    }
    const answer = await post('wine', csv, CSV, { query })
    expect(answer.text).toMatch(/^out\.\w+\n6\.11\d+\n4\.99\d+\n$/)
  })
})

describe('rows of one element', () => {
  it('are values in records, lines and CSV, and lists of one where Wallaroo has them', async () => {
    const body = JSON.stringify([{ features: Array.from({ length: 12 }, () => 1) }])
    const query = '?dataset=out'
    const record = JSON.parse((await post('wine', body, 'application/json')).text) as [{ out: object }]
    expect(typeof Object.values(record[0].out)[0]).toBe('number')
    expect((await post('wine', body, 'application/json', { query })).text).toMatch(/^\[\{"out":\{"\w+":-?[\d.]+\}\}\]$/)
    expect((await post('wine', body, 'application/json', { query, path: '/pipelines/wine' })).text).toMatch(
      /:\[-?[\d.]+\]\}\}\]$/,
    )
    const recorded = JSON.parse((await post('wine', body, 'application/json', { path: '/pipelines/wine' })).text) as [
      { out: object },
    ]
    expect(Object.values(recorded[0].out)[0]).toHaveLength(1)
    const texts = await post('titanic', 'age,fare,embarked,sex\n30,10.5,S,male\n', CSV, { query: '?dataset=in' })
    expect(texts.text).toBe('in.age,in.embarked,in.fare,in.sex\n30,S,10.5,male\n')
  })
})

describe('missing values', () => {
  it("LightGBM: the trainer's own answers", async () => {
    const rows = [
      { row: [0.12573, -0.132105, 0.640423, 0.1049], wanted: [0.358683, 0.641317] },
      { row: [-0.535669, 0.361595, null, 0.947081], wanted: [0.627028, 0.372972] },
      { row: [-0.703735, -1.265422, -0.623274, 0.041326], wanted: [0.627028, 0.372972] },
    ]
    for (const { row, wanted } of rows) {
      const [a, b, c, d] = row
      for (const body of [{ X: [row] }, [{ X: row }], { a, b, c, d }, { columns: ['a', 'b', 'c', 'd'], data: [row] }]) {
        const { text } = await post('lgbm', JSON.stringify(body), 'application/json', {
          query: '?dataset=out.probabilities',
        })
        const numbers = (text.match(/-?\d+\.\d+/g) ?? []).map(Number)
        expect(numbers, text).toHaveLength(2)
        numbers.forEach((value, index) => expect(value).toBeCloseTo(wanted[index] as number, 5))
      }
    }
  })

  it('an imputing pipeline: the same answer in every form, and texts beside', async () => {
    const full = { age: 30, fare: 10.5, embarked: 'S', sex: 'male' }
    const query = '?dataset=out.probabilities&dataset_separator=.'
    const accept = 'application/json; format=pandas-records'
    const answers = new Set<string>()
    for (const [body, type] of [
      [JSON.stringify([full, { ...full, age: null }]), 'application/json'],
      [JSON.stringify([full, { fare: 10.5, embarked: 'S', sex: 'male' }]), 'application/json'],
      [
        JSON.stringify({
          age: [[30], [null]],
          fare: [[10.5], [10.5]],
          embarked: [['S'], ['S']],
          sex: [['male'], ['male']],
        }),
        'application/json',
      ],
      ['age,fare,embarked,sex\n30,10.5,S,male\n,10.5,S,male\n', CSV],
      [`${JSON.stringify(full)}\n${JSON.stringify({ ...full, age: null })}`, NDJSON],
    ] as const) {
      const { status, text } = await post('titanic', body, type, { query, accept })
      expect(status, text).toBe(200)
      answers.add(text)
    }
    expect(answers.size).toBe(1)
    const [known, imputed] = JSON.parse([...answers][0] as string) as Record<string, number[]>[]
    expect(known?.['out.probabilities']?.[0]).toBeCloseTo(0.98476, 4)
    expect(imputed?.['out.probabilities']?.every((value) => value > 0 && value < 1)).toBe(true)
  })

  it.each(['titanic-cells.csv', 'titanic-pandas.arrow'])(
    'of whole columns, %s: rows without two of four inputs have the same answers in every form, and as a file',
    async (name) => {
      const path = new URL(`../tables/${name}`, import.meta.url).pathname
      const bytes = readFileSync(path)
      const isCsv = name.endsWith('csv')
      const csv = isCsv ? bytes.toString() : 'age,fare\n,10.5\n30,20\n'
      const rows = csv.trim().split('\n').slice(1) // prettier-ignore
      const cells = rows.map((row) => row.split(',').map((cell) => (cell === '' ? null : Number(cell))))
      const records = cells.map(([age, fare]) => ({ age, fare }))
      const present = records.map(({ age, fare }) => (age === null ? { fare } : { age, fare }))
      const arrow = isCsv
        ? tableToIPC(tableFromArrays({ fare: Float64Array.from(cells, ([, fare]) => fare as number) }))
        : bytes
      const query = '?dataset=out&dataset_separator=.'
      const accept = 'application/json; format=pandas-records'
      const answers: string[] = []
      for (const [body, type] of [
        [JSON.stringify(records.map((record) => ({ ...record, embarked: '', sex: null }))), 'application/json'],
        [JSON.stringify(records), 'application/json'],
        [JSON.stringify(present), 'application/json'],
        [csv, CSV],
        [present.map((record) => JSON.stringify(record)).join('\n'), NDJSON],
        [arrow, 'application/vnd.apache.arrow.file'],
        [await writeParquet(tableFromIPC(arrow)), PARQUET],
      ] as const) {
        const { status, text } = await post('titanic', body, type, { query, accept })
        expect(status, text).toBe(200)
        answers.push(text)
      }
      expect(new Set(answers).size).toBe(1)
      const wanted = JSON.parse(answers[0] as string) as { 'out.probabilities': number[] }[]
      expect(wanted).toHaveLength(rows.length)
      for (const { 'out.probabilities': row } of wanted) expect((row[0] as number) + (row[1] as number)).toBeCloseTo(1)
      const one = await post('titanic', JSON.stringify(present[0]), 'application/json', { query, accept })
      // Kernels round a row alone in another order.
      const [alone] = JSON.parse(one.text) as typeof wanted
      alone?.['out.probabilities'].forEach((value, index) =>
        expect(value).toBeCloseTo(wanted[0]?.['out.probabilities'][index] as number, 5),
      )
      expect(alone?.['out.probabilities']).toHaveLength(2)
      const { table } = await inferFromFile(new RemotePipeline(served.server.url, 'titanic'), path, {
        dataset: ['out'],
      })
      const read = Array.from({ length: rows.length }, (_, row) => [
        ...(table?.getChild('out.probabilities')?.get(row) as Iterable<number>),
      ])
      expect(read).toEqual(wanted.map((row) => row['out.probabilities'].map(Math.fround)))
    },
  )

  it('in answers are null, which may be sent back', async () => {
    const { text } = await post('single', '{"x":[[1,null,3]]}', 'application/json')
    expect(text).toContain('"outputs":{"y":[[1,null,3]]}')
    expect((await post('single', '[{"x":[1,null,3]}]', 'application/json', { query: '?dataset=in,out' })).text).toBe(
      '[{"in":{"x":[1,null,3]},"out":{"y":[1,null,3]}}]',
    )
  })
})
