/**
 * Criterion 17: what the log costs where it shows most: one row a frame of the 29-float network over WebSocket, with
 * inputs and outputs logged, against the same pipeline without a log. Asynchronously at 16 connections × 64 in flight.
 * Committed there, and at 16 × 512: an answer waits for a sync of the disk, so that with few requests in flight the
 * disk's latency decides on its own. How fast the disk syncs and writes in the same run is said beside it.
 *
 * Before anything is timed, the rows in the files are compared with the answers, all of them.
 */
import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { projectRoot } from '../harness/project.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareHome, withPenstock } from './penstock.js'
import { drawRequests, type Requests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const steps = [{ type: 'model', model: 'bench' }]
const durabilities = ['off', 'async', 'committed'] as const
type Durability = (typeof durabilities)[number]
const shapes = { shallow: 64, deep: 512 } as const
const connections = 16
const asyncShareMin = 0.9
const committedShareMin = 0.5

interface Trial {
  readonly rowsPerSecond: number
  /** CPU time of the server; NaN where the machine does not report it. */
  readonly cpuUsPerRow: number
  /** Rows that were not written. */
  readonly droppedShare: number
}

export const logCriterion: Criterion = { number: 17, title: 'the log', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const requests = await drawRequests(modelPath, { count: 64, rows: 1 })
  const pipelines = Object.fromEntries(durabilities.map((durability) => [durability, { steps, log: { durability } }]))
  const home = await prepareHome(bench, 'log', { models: { bench: modelPath }, pipelines })
  for (const pipeline of ['async', 'committed'] as const) await expectLogged(bench, home, requests, pipeline)
  const trial = (pipeline: Durability, shape: keyof typeof shapes) => () =>
    measureTrial(bench, home, { requests, transport: 'websocket', connections, shape: closed(shapes[shape]), pipeline })
  const results = await interleave(bench.rounds, {
    'off shallow': trial('off', 'shallow'),
    'async shallow': trial('async', 'shallow'),
    'committed shallow': trial('committed', 'shallow'),
    'off deep': trial('off', 'deep'),
    'committed deep': trial('committed', 'deep'),
  })
  const disk = describeDisk(bench.folder)
  const rate = (result: Trial): number => result.rowsPerSecond
  const share = (pipeline: Durability, shape: keyof typeof shapes, required: number | null): Finding => {
    const off = resultsOf(results, `off ${shape}`)
    const title = `rows/s logged ${pipeline}, ${connections} × ${shapes[shape]}, against no log`
    return criterionResult(17, title, ratios(resultsOf(results, `${pipeline} ${shape}`), off, rate), {
      unit: '×',
      baseline: `no log ${shortNumber(samplesOf(off.map(rate)).median)}/s; ${disk}`,
      better: 'more',
      required,
    })
  }
  const asynchronous = resultsOf(results, 'async shallow')
  const cpu = samplesOf(
    asynchronous.map(
      (result, i) => (result.cpuUsPerRow - (resultsOf(results, 'off shallow')[i]?.cpuUsPerRow ?? 0)) * 1000,
    ),
  )
  return [
    share('async', 'shallow', asyncShareMin),
    share('committed', 'shallow', committedShareMin),
    share('committed', 'deep', committedShareMin),
    criterionResult(17, 'CPU time of logging a row asynchronously', cpu, {
      unit: 'ns',
      baseline: '',
      better: 'less',
      required: null,
    }),
    criterionResult(
      17,
      'rows that were dropped, asynchronous',
      samplesOf(asynchronous.map((result) => result.droppedShare)),
      {
        unit: 'of all',
        baseline: disk,
        better: 'less',
        required: 0,
      },
    ),
  ]
}

async function measureTrial(bench: Bench, home: string, load: Load): Promise<Trial> {
  const trial = await withPenstock(home, async (server): Promise<Trial> => {
    const finished = await runOn(bench, server, load)
    const { serverCpuSeconds, total } = finished
    const rows = await metric(server, 'penstock_rows_total', load.pipeline)
    const dropped = await metric(server, 'penstock_log_dropped_rows_total', load.pipeline)
    return {
      rowsPerSecond: rowsPerSecond(finished),
      cpuUsPerRow: serverCpuSeconds < 0 ? Number.NaN : (serverCpuSeconds * 1e6) / total.rows,
      droppedShare: dropped / rows,
    }
  })
  // Gigabytes in a whole run.
  rmSync(join(home, 'log'), { recursive: true, force: true })
  return trial
}

/** A log that lacks rows, or has others, would flatter. */
async function expectLogged(bench: Bench, home: string, requests: Requests, pipeline: string): Promise<void> {
  const answered = await withPenstock(home, async (server) => {
    const load: Load = { requests, transport: 'websocket', connections, shape: closed(16), pipeline, seconds: 0.2 }
    await runOn({ ...bench, warmupSeconds: 0.1 }, server, load)
    return metric(server, 'penstock_rows_total', pipeline)
  })
  const [input, output] = [requests.inputs[0]?.name ?? '', requests.outputs[0]?.name ?? '']
  const expected = new Map(
    requests.bodies.map(({ inputs, expected: outputs }) => [
      Array.from(inputs[input]?.data as Float32Array).join(),
      Number(outputs[output]?.data[0]),
    ]),
  )
  let rows = 0
  const folder = join(home, 'log', pipeline, '1')
  for (const file of readdirSync(folder)) {
    const table = tableFromIPC(readFileSync(join(folder, file)))
    const [ins, outs] = [table.getChild(`in.${input}`), table.getChild(`out.${output}`)]
    for (let row = 0; row < table.numRows; row++, rows++) {
      const [x, y] = [ins?.get(row), outs?.get(row)] as [Iterable<number>, { get(index: number): number }]
      const answer = expected.get(Array.from(x).join())
      if (answer === undefined || Math.abs(y.get(0) - answer) > 1e-5)
        throw new Error(`Expected row ${row} of ${file} to be a request and its answer, but its output is ${y.get(0)}`)
    }
  }
  if (rows !== answered) throw new Error(`Expected ${answered} rows in the log of ${pipeline} but there are ${rows}`)
  rmSync(join(home, 'log'), { recursive: true, force: true })
}

async function metric(server: RunningServer, family: string, pipeline: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
  return Number(new RegExp(`^${family}\\{pipeline="${pipeline}"\\} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN)
}

/** What a small sync takes, and how much a second can be written: nobody can commit faster. */
function describeDisk(folder: string): string {
  const path = join(folder, 'disk')
  const file = openSync(path, 'w')
  try {
    const small = Buffer.alloc(100_000, 1)
    const times = Array.from({ length: 50 }, () => {
      writeSync(file, small)
      const startMs = performance.now()
      fdatasyncSync(file)
      return performance.now() - startMs
    })
    const large = Buffer.alloc(16 << 20, 1)
    const startMs = performance.now()
    for (let i = 0; i < 16; i++) writeSync(file, large)
    fdatasyncSync(file)
    const bytesPerSecond = (16 * large.byteLength * 1000) / (performance.now() - startMs)
    return `the disk syncs in ${shortNumber(samplesOf(times).median)} ms, writes ${shortNumber(bytesPerSecond / 1e6)} MB/s`
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
