/**
 * Nothing, one and many: outputs without elements, zero-length dims of inputs and tables without rows are answered like any
 * other, over every dialect and in every form, also by the first request after a start; and the log has the same rows.
 *
 * The server is a process of its own, so that what ends it is seen as that. Each way of asking has models of its own: a
 * batch that ran before keeps memory, and hides an output that never had any.
 */
import { tableFromIPC } from 'apache-arrow'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tensor } from 'penstock'
import { describe, expect, it } from 'vitest'
import type { TensorField } from '../../src/tensor/tensor.js'
import { serve, temporaryDirectory, waitFor, type Server } from '../support/cli-process.js'
import { modelBytes } from '../support/served.js'
import { comparable, knownDims, openDialects, type Dialect } from './dialects.js'
import { forms, type Form, type FormCase } from './forms.js'

interface Step {
  readonly title: string
  readonly inputs: Readonly<Record<string, Tensor>>
  /** Shapes as far as they are known: below a 0 nothing is compared. */
  readonly outputs: Readonly<Record<string, readonly [shape: readonly number[], values: readonly string[]]>>
}
interface Subject extends Omit<FormCase, 'pipeline' | 'inputs'> {
  readonly model: string
  /** In this order: the first is the first after a start. */
  readonly steps: readonly Step[]
}

const int64 = (shape: number[], values: number[]): Tensor => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
})
const float32 = (shape: number[], values: number[]): Tensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})
const texts = (shape: number[], values: string[]): Tensor => ({ dtype: 'string', shape, data: values })
const field = (name: string, dtype: TensorField['dtype'], shape: (number | null)[]): TensorField => ({
  name,
  dtype,
  shape,
})

const subjects: readonly Subject[] = [
  {
    model: 'drop-first-token',
    isNonBatching: false,
    inputFields: [field('tokens', 'int64', [null, null])],
    outputFields: [field('rest', 'int64', [null, null])],
    steps: [
      { title: 'no element', inputs: { tokens: int64([1, 1], [7]) }, outputs: { rest: [[1, 0], []] } },
      { title: 'rows without elements', inputs: { tokens: int64([2, 1], [7, 8]) }, outputs: { rest: [[2, 0], []] } },
      { title: 'one element', inputs: { tokens: int64([1, 2], [7, 8]) }, outputs: { rest: [[1, 1], ['8']] } },
      {
        title: 'many elements',
        inputs: { tokens: int64([2, 3], [1, 2, 3, 4, 5, 6]) },
        outputs: {
          rest: [
            [2, 2],
            ['2', '3', '5', '6'],
          ],
        },
      },
      { title: 'rows of nothing', inputs: { tokens: int64([3, 0], []) }, outputs: { rest: [[3, 0], []] } },
      { title: 'no row', inputs: { tokens: int64([0, 4], []) }, outputs: { rest: [[0], []] } },
    ],
  },
  {
    model: 'no-elements',
    isNonBatching: false,
    inputFields: [field('x', 'float32', [null, 0, 4]), field('w', 'float32', [null, 2])],
    outputFields: [field('y', 'float32', [null, 0, 4]), field('z', 'float32', [null, 2])],
    steps: [
      {
        title: 'an input and an output without elements beside others',
        inputs: { x: float32([2, 0, 4], []), w: float32([2, 2], [1, 2, 3, 4]) },
        outputs: {
          y: [[2, 0, 4], []],
          z: [
            [2, 2],
            ['2', '4', '6', '8'],
          ],
        },
      },
      {
        title: 'no row',
        inputs: { x: float32([0, 0, 4], []), w: float32([0, 2], []) },
        outputs: { y: [[0, 0, 4], []], z: [[0, 2], []] },
      },
    ],
  },
  {
    model: 'drop-first-text',
    isNonBatching: false,
    inputFields: [field('texts', 'string', [null, null])],
    outputFields: [field('rest', 'string', [null, null])],
    steps: [
      { title: 'no text', inputs: { texts: texts([1, 1], ['a']) }, outputs: { rest: [[1, 0], []] } },
      { title: 'one text', inputs: { texts: texts([1, 2], ['a', 'é']) }, outputs: { rest: [[1, 1], ['é']] } },
      {
        title: 'many texts',
        inputs: { texts: texts([2, 3], ['a', 'b', '', 'd', 'e', 'f']) },
        outputs: {
          rest: [
            [2, 2],
            ['b', '', 'e', 'f'],
          ],
        },
      },
      { title: 'no row', inputs: { texts: texts([0, 4], []) }, outputs: { rest: [[0], []] } },
    ],
  },
  {
    model: 'nonzero',
    isNonBatching: true,
    inputFields: [field('x', 'float32', [null, 3])],
    outputFields: [field('indices', 'int64', [2, null])],
    steps: [
      { title: 'nothing found', inputs: { x: float32([1, 3], [0, 0, 0]) }, outputs: { indices: [[2, 0], []] } },
      {
        title: 'one found',
        inputs: { x: float32([2, 3], [0, 0, 0, 0, 5, 0]) },
        outputs: {
          indices: [
            [2, 1],
            ['1', '1'],
          ],
        },
      },
      { title: 'nothing to look at', inputs: { x: float32([0, 3], []) }, outputs: { indices: [[2, 0], []] } },
    ],
  },
  {
    model: 'add-edges',
    isNonBatching: true,
    inputFields: [
      field('nodes', 'float32', [null, 4]),
      field('source', 'int64', [null]),
      field('target', 'int64', [null]),
    ],
    outputFields: [field('y', 'float32', [null, 4])],
    steps: [
      {
        title: 'no edge',
        inputs: { nodes: float32([1, 4], [1, 2, 3, 4]), source: int64([0], []), target: int64([0], []) },
        outputs: {
          y: [
            [1, 4],
            ['1', '2', '3', '4'],
          ],
        },
      },
      {
        title: 'an edge',
        inputs: { nodes: float32([2, 4], [1, 1, 1, 1, 2, 2, 2, 2]), source: int64([1], [1]), target: int64([1], [0]) },
        outputs: {
          y: [
            [2, 4],
            ['3', '3', '3', '3', '2', '2', '2', '2'],
          ],
        },
      },
      {
        title: 'no node',
        inputs: { nodes: float32([0, 4], []), source: int64([0], []), target: int64([0], []) },
        outputs: { y: [[0, 4], []] },
      },
    ],
  },
]

const wayNames = ['native HTTP', 'WebSocket', 'OIP, JSON', 'OIP, binary', 'OIP, gRPC', ...forms.map(({ name }) => name)]

const expectedOf = (step: Step): unknown =>
  Object.fromEntries(
    Object.entries(step.outputs).map(([name, [shape, values]]) => [name, { shape: knownDims(shape), values }]),
  )

const pipelineOf = (subject: Subject, way: number): string => `${subject.model}-${way}`

async function request(
  server: Server,
  method: string,
  path: string,
  body?: string | Buffer,
  type = 'application/json',
) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': type },
    ...(body === undefined ? {} : { body: body as string }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text
}

async function start(home: string): Promise<{ server: Server; dialects: Dialect[] }> {
  const server = await serve(['--home', home])
  const port = await waitFor(() => /gRPC is on \S*:(\d+)/.exec(server.output.stdout)?.[1])
  return { server, dialects: await openDialects({ url: server.url, grpcPort: Number(port) }) }
}

describe('nothing, one and many', () => {
  it('are answered alike over every dialect and in every form, first after a start as later, and are logged', async () => {
    const home = temporaryDirectory()
    const first = await start(home)
    for (const subject of subjects) {
      for (const way of wayNames.keys()) {
        const name = pipelineOf(subject, way)
        await request(
          first.server,
          'PUT',
          `/v1/models/${name}/versions`,
          modelBytes(subject.model),
          'application/octet-stream',
        )
        const steps = [{ type: 'model', model: name }]
        await request(first.server, 'PUT', `/v1/pipelines/${name}?deploy=true`, JSON.stringify({ steps }))
      }
    }
    for (const dialect of first.dialects) dialect.close()
    first.server.child.kill('SIGTERM')
    await first.server.ended

    const { server, dialects } = await start(home)
    for (const subject of subjects) {
      for (const [way, wayName] of wayNames.entries()) {
        for (const step of subject.steps) {
          const pipeline = pipelineOf(subject, way)
          const example = { ...subject, title: step.title, pipeline, inputs: step.inputs }
          const dialect = dialects.find(({ name }) => name === wayName)
          const outcome =
            dialect === undefined
              ? await (forms[way - dialects.length] as Form).ask(server.url, example)
              : await dialect.ask(example)
          expect(comparable(outcome).outputs, `${wayName}, ${subject.model}, ${step.title}`).toEqual(expectedOf(step))
        }
      }
    }
    for (const dialect of dialects) dialect.close()
    expect(server.child.exitCode).toBeNull()
    for (const subject of subjects) await expectLogged(server, home, subject)
  }, 240_000)
})

/** Every way has logged the same rows: those of the log's page, of SQL and of exported files. */
async function expectLogged(server: Server, home: string, subject: Subject): Promise<void> {
  const flat = subject.steps.flatMap((step) => rowsOf(subject, step)).toReversed()
  const wanted = JSON.stringify(flat)
  for (const way of wayNames.keys()) {
    const pipeline = pipelineOf(subject, way)
    const page = JSON.parse(await request(server, 'GET', `/v1/pipelines/${pipeline}/logs?limit=100`)) as LoggedRow[]
    expect(JSON.stringify(page.map(({ out }) => flatRow(out))), pipeline).toBe(wanted)
  }
  const pipeline = pipelineOf(subject, 0)
  const names = subject.outputFields.map(({ name }) => `"out.${name}"`).join(', ')
  const sql = `SELECT ${names} FROM "${pipeline}" ORDER BY time DESC, "metadata.request_id" DESC`
  const answer = JSON.parse(await request(server, 'POST', '/v1/logs/query', JSON.stringify({ sql }))) as {
    records: Record<string, unknown>[]
  }
  expect(answer.records.map((record) => flatRow(record, 'out.')).sort(), pipeline).toEqual([...flat].sort())
  for (const format of ['arrow', 'csv', 'json', 'parquet']) {
    const body = JSON.stringify({ format, directory: `${pipeline}/${format}` })
    const { rows } = JSON.parse(await request(server, 'POST', `/v1/pipelines/${pipeline}/logs/export`, body)) as {
      rows: number
    }
    expect(rows, `${pipeline} as ${format}`).toBe(flat.length)
  }
  const folder = join(home, 'exports', pipeline, 'arrow')
  const exported = readdirSync(folder).map((file) => tableFromIPC(readFileSync(join(folder, file))))
  expect(exported.reduce((sum, table) => sum + table.numRows, 0)).toBe(flat.length)
}

interface LoggedRow {
  readonly out: Readonly<Record<string, unknown>>
}

/** The elements of each output, as text, in the order of the names. */
function flatRow(row: Readonly<Record<string, unknown>>, prefix = ''): string {
  const names = Object.keys(row).filter((name) => name.startsWith(prefix))
  return JSON.stringify(names.sort().map((name) => [row[name]].flat(9).map(String)))
}

/** What the log has of one request: a row for each of its own, one for a request without a row axis. */
function rowsOf({ isNonBatching }: Subject, { inputs, outputs }: Step): string[] {
  const rows = isNonBatching ? 1 : (Object.values(inputs)[0]?.shape[0] ?? 0)
  const names = Object.keys(outputs).sort()
  return Array.from({ length: rows }, (_, row) => {
    const cells = names.map((name) => {
      const values = outputs[name]?.[1] ?? []
      return values.slice((row * values.length) / rows, ((row + 1) * values.length) / rows)
    })
    return JSON.stringify(cells)
  })
}
