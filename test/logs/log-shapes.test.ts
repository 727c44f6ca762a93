/**
 * Tensors with two free dims out of the log: pages and exports of every format give each row the dims that it had, from
 * live segments and from their Parquet files.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { Engine, LogStore, type LogExport } from 'penstock'
import { readParquet } from 'penstock/results'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildModel } from '../../src/onnx/testing/build.js'

/** Row by row; dims differ by request, and some rows have no elements. */
const requests: readonly number[][][][] = [
  [
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    [
      [7, 8, 9],
      [10, 11, 12],
    ],
  ],
  [[[1], [2], [3], [4], [5], [6]]],
  [[[], []]],
  [[]],
  [
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  ],
]
const rows = requests.flat()
const doubled = rows.map((row) => row.map((line) => line.map((value) => 2 * value)))

let directory: string
let store: LogStore
let engine: Engine
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-shapes-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  const bytes = buildModel({
    nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
    inputs: [['x', 'float32', ['n', 'a', 'b']]],
    outputs: [['y', 'float32', ['n', 'a', 'b']]],
  })
  await engine.addModel('double', bytes)
  await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'double' }] }, { deploy: true })
  for (const request of requests) {
    const dims = [request.length, request[0]?.length ?? 0, request[0]?.[0]?.length ?? 0]
    const data = Float32Array.from(request.flat(2))
    await engine.infer('p', { inputs: { x: { dtype: 'float32', shape: dims, data } } })
  }
  await engine.flushLogs('p')
})
afterAll(async () => {
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown
/** `in.x` and `out.y` of an export, as nested arrays. */
async function exported(format: LogExport['format']): Promise<{ x: unknown[]; y: unknown[]; path: string }> {
  const out = mkdtempSync(join(directory, 'out-'))
  const { files } = await store.export('p', {
    directory: out,
    format,
    start: new Date(0),
    end: new Date(8e15),
    limit: 100,
  })
  expect(files).toHaveLength(1)
  const path = files[0]?.path as string
  const bytes = readFileSync(path)
  if (format === 'arrow' || format === 'parquet') {
    const table = format === 'arrow' ? tableFromIPC(bytes) : await readParquet(bytes)
    const column = (name: string): unknown[] => plain([...(table.getChild(name) ?? [])]) as unknown[]
    return { x: column('in.x'), y: column('out.y'), path }
  }
  const lines = bytes.toString().trimEnd().split('\n')
  if (format === 'csv') {
    const cells = lines.slice(1).map((line) => [...line.matchAll(/"(\[.*?\])"|(\[\])/g)].map(([, a, b]) => JSON.parse(a ?? b ?? ''))) // prettier-ignore
    return { x: cells.map(([x]) => x as unknown), y: cells.map(([, y]) => y as unknown), path }
  }
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { x: records.map((record) => record['in.x']), y: records.map((record) => record['out.y']), path }
}

describe.each(['a live segment', 'a Parquet segment'])('two free dims out of %s', (kind) => {
  beforeAll(async () => {
    if (kind === 'a live segment') return
    await engine.close()
    await store.close()
    store = await LogStore.open(join(directory, 'log'))
    store.start({ flush: async () => undefined, schemas: () => [], retentionOf: () => ({ ageHours: 1e6 }) })
    await store.tidy()
    const files = readdirSync(join(directory, 'log', 'p', '1'))
    expect(files.map((file) => file.split('.').at(-1))).toEqual(['parquet'])
  })

  test.each(['json', 'csv', 'arrow', 'parquet'] as const)(
    '%s exports nest each row by its own dims',
    async (format) => {
      const { x, y } = await exported(format)
      expect(x).toEqual(rows)
      expect(y).toEqual(doubled)
    },
  )

  test('pages do as well', async () => {
    const query = { start: new Date(0), end: new Date(8e15), limit: 100 }
    const page = JSON.parse(Buffer.from((await store.read('p', query)).body).toString()) as { in: { x: unknown } }[]
    expect(page.map((row) => row.in.x)).toEqual(rows)
    const { body } = await store.read('p', { ...query, format: 'arrow-stream' })
    expect(plain([...(tableFromIPC(body).getChild('out.y') ?? [])])).toEqual(doubled)
  })
})
