/**
 * Criteria by which two checkouts are compared over a socket: loads of this checkout's generator on a server of each,
 * started by its command line. Every answer is compared with ONNX Runtime's own, before anything is timed and while it
 * is.
 *
 * Each trial has a home of its own, too: what calibration finds while it measures is kept in the home, and one for all
 * trials would let the luck of two measurements decide over every ratio.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { benchModel } from '../../harness/bench-models.js'
import { memoryOf, type Memory } from '../../harness/memory.js'
import { projectRoot } from '../../harness/project.js'
import type { RunningServer } from '../../harness/servers.js'
import { checkSteps } from '../checks.js'
import { closed, p50Us, rowsPerSecond, runOn, type Load } from '../loads.js'
import { prepareHome, withPenstock, type Setup } from '../penstock.js'
import type { Bench } from '../row.js'
import type { Checkout } from './checkout.js'
import { memoryFigures, type Checkouts, type ComparedCriterion } from './compared-row.js'
import { drawInChild } from './draw-program.js'
import { compareAll, measurePairs, type Comparison, type Figure, type FigureOf } from './pairs.js'

interface Served {
  readonly number: number
  readonly title: string
  readonly model: () => Promise<string>
  /** What a request carries, in words. */
  readonly request: string
  /** Different requests, sent in turn; absent: 64. */
  readonly requestCount?: number
  readonly pipeline?: Setup['pipelines'][string]
  readonly loads: readonly ServedLoad[]
}

interface ServedLoad extends Pick<Load, 'transport' | 'connections' | 'path' | 'requestsPerFrame'> {
  readonly name: string
  readonly inFlight: number
  /** What the row is held to; absent: `rate`. */
  readonly figure?: 'rate' | 'latency'
}

interface Trial extends Memory {
  readonly rowsPerSecond: number
  readonly p50Us: number
  /** CPU time of the server; NaN where the machine does not report it. */
  readonly cpuUsPerRow: number
}

/** Name of the pipeline, and of the model that it runs. */
const pipeline = 'bench'
const steps = [{ type: 'model', model: pipeline }]
const requestCount = 64
const checkSeconds = 0.1

const fraud = {
  model: async () => join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx'),
  request: '29 floats',
}
const websocket = (connections: number, inFlight: number) =>
  ({ name: `WebSocket ${connections} × ${inFlight}`, transport: 'websocket', connections, inFlight }) as const
const manyAFrame = (connections: number, inFlight: number) =>
  ({
    ...websocket(connections, inFlight),
    name: `WebSocket ${connections} × ${inFlight}, many a frame`,
    requestsPerFrame: inFlight,
  }) as const
const http = (name: string, transport: 'http-json' | 'http-binary' | 'oip-binary', connections: number) =>
  ({ name: `${name}, ${connections} connections`, transport, connections, inFlight: 1 }) as const

const served: readonly Served[] = [
  { ...fraud, number: 1, title: 'a small model, one row a frame', loads: [websocket(16, 64), websocket(16, 16)] },
  { ...fraud, number: 2, title: 'one request at a time', loads: [{ ...websocket(1, 1), figure: 'latency' }] },
  { ...fraud, number: 3, title: 'JSON over HTTP', loads: [http('JSON', 'http-json', 32)] },
  {
    number: 10,
    title: 'a tensor of 150,528 floats',
    model: () => benchModel('image-mean'),
    request: '150,528 floats',
    requestCount: 8,
    loads: [http('JSON', 'http-json', 4), http('binary HTTP', 'http-binary', 4), websocket(4, 4)],
  },
  {
    ...fraud,
    request: '29 floats, three checks',
    number: 15,
    title: 'three checks',
    pipeline: checkSteps.checked,
    loads: [websocket(16, 64)],
  },
  {
    ...fraud,
    request: '29 floats, logged',
    number: 17,
    title: 'the log, asynchronous',
    pipeline: { steps, log: { durability: 'async' } },
    loads: [websocket(16, 64)],
  },
  {
    ...fraud,
    number: 18,
    title: 'the Open Inference Protocol',
    loads: [{ ...http('OIP binary', 'oip-binary', 32), path: `/v2/models/${pipeline}/infer` }],
  },
  // A checkout that does not offer it gets one row a frame.
  {
    ...fraud,
    number: 31,
    title: 'a small model, many requests a frame',
    loads: [manyAFrame(16, 64), manyAFrame(16, 16)],
  },
]

export const servedCriteria: readonly ComparedCriterion[] = served.map((row) => ({
  number: row.number,
  title: row.title,
  compare: (bench, checkouts) => compareServed(row, bench, checkouts),
}))

async function compareServed(row: Served, bench: Bench, checkouts: Checkouts): Promise<Comparison[]> {
  const model = await row.model()
  const requests = await drawInChild(model, { count: row.requestCount ?? requestCount, rows: 1 })
  const setup: Setup = { models: { [pipeline]: model }, pipelines: { [pipeline]: row.pipeline ?? steps } }
  const brief = { ...bench, seconds: checkSeconds, warmupSeconds: checkSeconds }
  const comparisons: Comparison[] = []
  for (const { name, inFlight, figure, ...target } of row.loads) {
    const load: Load = { ...target, requests, shape: closed(inFlight), pipeline }
    const title = `${row.request}, ${name}`
    bench.say(`${title}: the answers of both`)
    for (const checkout of [checkouts.own, checkouts.other]) await measureTrial(brief, checkout, setup, load)
    bench.say(`${title}: pairs of trials, ${bench.rounds}`)
    const trials = await measurePairs(bench.rounds, (side) => measureTrial(bench, checkouts[side], setup, load))
    comparisons.push(...compareAll(figuresOf(row.number, title, figure ?? 'rate'), trials))
  }
  return comparisons
}

/** On a fresh server of the checkout, over a fresh home. */
async function measureTrial(bench: Bench, { root }: Checkout, setup: Setup, load: Load): Promise<Trial> {
  const home = await prepareHome(bench, 'against', setup, root)
  const measure = async (server: RunningServer): Promise<Trial> => {
    const finished = await runOn(bench, server, load)
    const { serverCpuSeconds, total } = finished
    const cpuUsPerRow = serverCpuSeconds < 0 ? Number.NaN : (serverCpuSeconds * 1e6) / total.rows
    return { rowsPerSecond: rowsPerSecond(finished), p50Us: p50Us(finished), cpuUsPerRow, ...memoryOf(server.pid) }
  }
  try {
    return await withPenstock(home, measure, root)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

function figuresOf(row: number, title: string, required: 'rate' | 'latency'): FigureOf<Trial>[] {
  const less = { row, better: 'less', isRequired: false } as const
  const rate: Figure = { row, name: `${title}, rows/s`, unit: '/s', better: 'more', isRequired: true }
  return [
    required === 'rate'
      ? { figure: rate, of: ({ rowsPerSecond }) => rowsPerSecond }
      : { figure: { ...less, name: `${title}, p50`, unit: 'µs', isRequired: true }, of: ({ p50Us }) => p50Us },
    { figure: { ...less, name: `${title}, CPU time a row`, unit: 'µs' }, of: ({ cpuUsPerRow }) => cpuUsPerRow },
    ...memoryFigures(row, title),
  ]
}
