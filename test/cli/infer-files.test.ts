/** Files of every format through a pipeline, in parts, over HTTP and embedded; and the remote pipeline's other calls. */
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  type Table,
  tableFromIPC,
  vectorFromArray,
  Int32,
  Utf8,
  Table as ArrowTable,
  tableToIPC,
  Vector,
} from 'apache-arrow'
import { enginePipeline, inferFromFile, RemotePipeline } from 'penstock'
import { readParquet, writeParquet } from 'penstock/results'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type Served } from '../support/served.js'

const run = promisify(execFile)
const rows = 1000
let served: Served
let folder: string
let remote: RemotePipeline
const path = (name: string): string => join(folder, name)

beforeAll(async () => {
  served = await serve()
  folder = await mkdtemp(join(tmpdir(), 'penstock-files-'))
  remote = new RemotePipeline(served.server.url, 'checked')
  const data = Float32Array.from({ length: rows * 3 }, (_, index) => index / 100)
  const type = new FixedSizeList(3, new Field('item', new Float32(), true))
  const child = makeData({ type: new Float32(), length: data.length, nullCount: 0, data })
  const x = makeData({ type, length: rows, nullCount: 0, child })
  const table = new ArrowTable({
    x: new Vector([x]),
    id: vectorFromArray(
      Array.from({ length: rows }, (_, row) => row),
      new Int32(),
    ),
    note: vectorFromArray(
      Array.from({ length: rows }, (_, row) => (row % 7 === 0 ? null : `row ${row}, "quoted"`)),
      new Utf8(),
    ),
  })
  const records = Array.from({ length: rows }, (_, row) => ({
    x: [...data.subarray(row * 3, row * 3 + 3)],
    id: row,
    note: row % 7 === 0 ? null : `row ${row}, "quoted"`,
  }))
  await writeFile(path('rows.json'), JSON.stringify(records))
  await writeFile(path('rows.ndjson'), records.map((record) => JSON.stringify(record)).join('\n'))
  await writeFile(
    path('rows.csv'),
    `x,id,note\n${records.map(({ x: list, id, note }) => `"${JSON.stringify(list)}",${id},${note === null ? '' : `"${note.replaceAll('"', '""')}"`}`).join('\n')}\n`,
  )
  await writeFile(path('rows.arrow'), tableToIPC(table, 'file'))
  await writeFile(path('rows.arrows'), tableToIPC(table, 'stream'))
  await writeFile(path('rows.parquet'), await writeParquet(table))
})
afterAll(async () => {
  await served.close()
  await rm(folder, { recursive: true, force: true })
})

const inputs = ['rows.json', 'rows.ndjson', 'rows.csv', 'rows.arrow', 'rows.arrows', 'rows.parquet']
/** Flat records, without what differs from run to run. */
type Flat = Record<string, unknown>
const withoutTime = (records: Flat[]): Flat[] => records.map(({ time: _, ...rest }) => rest)
const recordsOf = (table: Table): Flat[] =>
  table
    .toArray()
    .map(
      (row) =>
        JSON.parse(
          JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
        ) as Flat,
    )
let expected: Flat[]

describe('files through a pipeline', () => {
  it.each(inputs)('%s: every row in order, in parts, over HTTP as embedded', async (name) => {
    const seen: number[] = []
    const options = { rowsPerRequest: 64, parallelism: 3 }
    const { rows: count, table } = await inferFromFile(remote, path(name), {
      ...options,
      onProgress: (progress) => seen.push(progress.rows),
    })
    expect(count).toBe(rows)
    expect([seen.length, seen.at(-1)]).toEqual([Math.ceil(rows / 64), rows])
    const answers = withoutTime(recordsOf(table as Table))
    // What no model reads is text in CSV, which has no types.
    if (name === 'rows.csv') for (const answer of answers) answer['in.id'] = Number(answer['in.id'])
    expected ??= answers
    expect(Object.keys(answers[0] ?? {})).toEqual([
      'in.id',
      'in.note',
      'in.x',
      'out.y',
      'anomaly.count',
      'anomaly.small-input',
      'anomaly.too-high',
    ])
    expect(answers).toEqual(expected)
    answers.forEach((answer, row) => {
      expect([answer['in.id'], (answer['out.y'] as number[])[0]]).toEqual([
        row,
        Math.fround(Math.fround((row * 3) / 100) + 1),
      ])
    })
    const embedded = await inferFromFile(
      enginePipeline(served.engine, 'checked', { partition: 'test' }),
      path(name),
      options,
    )
    const inside = withoutTime(recordsOf(embedded.table as Table))
    if (name === 'rows.csv') for (const answer of inside) answer['in.id'] = Number(answer['in.id'])
    expect(inside).toEqual(expected)
  })

  it('one column per feature: in CSV, Arrow and Parquet as one column of lists', async () => {
    const wide = new ArrowTable({
      height: vectorFromArray([1, 4, null], new Float32()),
      width: vectorFromArray([2, 5, 8], new Int32()),
      depth: vectorFromArray([3, 6, 9], new Float32()),
    })
    await writeFile(path('wide.csv'), 'height,width,depth\n1,2,3\n+4,5.,6\n,8,9\n')
    await writeFile(path('wide.arrow'), tableToIPC(wide, 'file'))
    await writeFile(path('wide.parquet'), await writeParquet(wide))
    for (const name of ['wide.csv', 'wide.arrow', 'wide.parquet']) {
      const { table } = await inferFromFile(remote, path(name), { dataset: ['out'], rowsPerRequest: 2 })
      const shown = recordsOf(table as Table).map((record) => record['out.y'])
      expect([name, shown]).toEqual([name, [[2, 3, 4], [5, 6, 7], [null, 9, 10]]]) // prettier-ignore
    }
    await writeFile(path('narrow.csv'), 'height,width\n1,2\n')
    await expect(inferFromFile(remote, path('narrow.csv'), {})).rejects.toThrow(
      /each of its 3 features, but received 2/,
    )
  })

  it.each(['out.json', 'out.ndjson', 'out.csv', 'out.arrow', 'out.arrows', 'out.parquet'])(
    '%s: the answers as a file, and nothing beside it',
    async (name) => {
      await inferFromFile(remote, path('rows.json'), {
        output: path(name),
        rowsPerRequest: 300,
        dataset: ['in.id', 'out', 'anomaly.count'],
      })
      const bytes = await readFile(path(name))
      let answers: Flat[]
      if (name === 'out.json') answers = JSON.parse(bytes.toString()) as Flat[]
      else if (name === 'out.ndjson')
        answers = bytes
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Flat)
      else if (name === 'out.csv') {
        const [header, ...lines] = bytes.toString().trim().split('\n')
        expect(header).toBe('in.id,out.y,anomaly.count')
        answers = lines.map(
          (line) =>
            JSON.parse(line.replace(/^(\d+),"(.*)",(\d+)$/, '{"in.id":$1,"out.y":$2,"anomaly.count":$3}')) as Flat,
        )
      } else answers = recordsOf(name === 'out.parquet' ? await readParquet(bytes) : tableFromIPC(bytes))
      const close = (value: unknown): unknown =>
        JSON.parse(
          JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' ? Math.fround(inner) : inner)),
        )
      expect(close(answers)).toEqual(
        close(
          expected.map((row) => ({
            'in.id': row['in.id'],
            'out.y': row['out.y'],
            'anomaly.count': row['anomaly.count'],
          })),
        ),
      )
      expect((await readdir(folder)).filter((entry) => entry.endsWith('.tmp'))).toEqual([])
    },
  )

  it('a file that fails in the middle: leaves the old output and no part of a new one', async () => {
    await writeFile(path('kept.csv'), 'old')
    await writeFile(path('broken.json'), `[{"x":[1,2,3]},{"x":[1,2]}]`)
    await expect(
      inferFromFile(remote, path('broken.json'), { output: path('kept.csv'), rowsPerRequest: 1 }),
    ).rejects.toMatchObject({ code: 'ERR_SHAPE' })
    expect((await readFile(path('kept.csv'))).toString()).toBe('old')
    expect((await readdir(folder)).filter((entry) => entry.endsWith('.tmp'))).toEqual([])
  })

  it.each<[string, string, string | Buffer, string, RegExp]>([
    ['an unknown ending', 'rows.xlsx', 'x', 'ERR_ARGUMENT', /ends in \.json/],
    ['Parquet that is none', 'bad.parquet', 'hello', 'ERR_BODY', /whole parquet file/],
    ['Arrow that is none', 'bad.arrow', 'hello world, this is no arrow', 'ERR_BODY', /arrow/i],
    ['JSON that is none', 'bad.json', 'hello', 'ERR_BODY', /between them/],
  ])('refuses %s', async (_, name, content, code, message) => {
    await writeFile(path(name), content)
    await expect(inferFromFile(remote, path(name))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it('refuses a file that is not there', async () => {
    await expect(inferFromFile(remote, path('none.json'))).rejects.toMatchObject({ code: 'ERR_STORAGE' })
    await expect(inferFromFile(remote, path('rows.json'), { output: '/nowhere/at/all.csv' })).rejects.toMatchObject({
      code: 'ERR_STORAGE',
    })
  })

  it('penstock infer --file: writes the output, or a record a line', async () => {
    const main = new URL('../../dist/src/cli/main.js', import.meta.url).pathname
    const penstock = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
      run(process.execPath, [main, 'infer', 'checked', '--url', served.server.url, ...args])
    const { stdout } = await penstock('--file', path('rows.parquet'), '--dataset', 'in.id,out')
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Flat)
    expect([lines.length, Object.keys(lines[0] ?? {})]).toEqual([rows, ['in.id', 'out.y']])
    const written = await penstock(
      '--file',
      path('rows.csv'),
      '--output',
      path('cli.parquet'),
      '--rows-per-request',
      '100',
    )
    expect(written.stderr).toContain(`1,000 rows → ${path('cli.parquet')}`)
    expect((await readParquet(await readFile(path('cli.parquet')))).numRows).toBe(rows)
    await expect(penstock('--file', path('rows.csv'), '--data', '{}')).rejects.toMatchObject({ code: 2 })
    await expect(penstock('--data', '{}', '--output', 'x.csv')).rejects.toMatchObject({ code: 2 })
  })
})

describe('remote pipeline', () => {
  it('infer: records in, records out, flat, without metadata unless it is asked for; Arrow in, Arrow out', async () => {
    const [row] = await remote.infer([{ x: new Float32Array([1, 2, 3]), id: 9007199254740993n }])
    expect(row).toMatchObject({
      'in.x': [1, 2, 3],
      'in.id': '9007199254740993',
      'out.y': [2, 3, 4],
      'anomaly.count': 0,
    })
    expect(Object.keys(row ?? {}).some((name) => name.startsWith('metadata'))).toBe(false)
    const [dataset] = await remote.infer([{ x: [1, 2, 3] }], { dataset: ['metadata', 'out'], datasetSeparator: '_' })
    expect(Object.keys(dataset ?? {})).toEqual([
      'out_y',
      'metadata_last_model',
      'metadata_pipeline_version',
      'metadata_elapsed',
      'metadata_dropped',
      'metadata_partition',
    ])
    const bytes = await remote.infer(await readFile(path('rows.arrow')), { dataset: ['out'] })
    expect(tableFromIPC(bytes).numRows).toBe(rows)
    await expect(remote.infer([{ x: [1] }])).rejects.toMatchObject({ code: 'ERR_SHAPE' })
    await expect(remote.infer([{ x: [1, 2, 3] }], { datset: [] } as never)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    })
    await expect(remote.infer('x' as never)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  it('parallelInfer: keeps the order, never sends more at a time than it may', async () => {
    const records = Array.from({ length: 40 }, (_, index) => ({ x: [index, 0, 0] }))
    const answers = await remote.parallelInfer(records, { parallelism: 8, dataset: ['out'] })
    expect(answers.map((answer) => (answer['out.y'] as number[])[0])).toEqual(records.map((_, index) => index + 1))
    expect(await remote.parallelInfer([] as { x: number[] }[])).toEqual([])
  })

  it('retries: what is retryable is tried again, what is not fails at once, and a slow server ends at the timeout', async () => {
    let [calls, atOnce, most] = [0, 0, 0]
    const fake: Server = createServer((request, response) => {
      calls++
      most = Math.max(most, ++atOnce)
      request.resume()
      request.on('end', () => {
        setTimeout(() => {
          atOnce--
          if (request.url?.includes('slow') === true) return
          const isRefused = calls % 3 !== 0
          response.writeHead(isRefused ? 429 : 200, { 'content-type': 'application/json' })
          response.end(isRefused ? '{"error":"full","code":"ERR_QUEUE_FULL","retry_after_ms":1}' : '[{"out.y":[1]}]')
        }, 2)
      })
    })
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`
    try {
      expect(await new RemotePipeline(url, 'p').infer([{ x: 1 }], { retries: 2 })).toEqual([{ 'out.y': [1] }])
      expect(calls).toBe(3)
      await expect(new RemotePipeline(url, 'p').infer([{ x: 1 }])).rejects.toMatchObject({
        code: 'ERR_QUEUE_FULL',
        retryable: true,
      })
      const items = Array.from({ length: 12 }, () => ({ x: 1 }))
      expect(await new RemotePipeline(url, 'p').parallelInfer(items, { parallelism: 3, retries: 50 })).toHaveLength(12)
      expect(most).toBeLessThanOrEqual(3)
      await expect(new RemotePipeline(url, 'slow').infer([{ x: 1 }], { timeoutMs: 50 })).rejects.toMatchObject({
        code: 'ERR_DEADLINE_EXCEEDED',
      })
    } finally {
      fake.closeAllConnections()
      fake.close()
    }
  })
})
