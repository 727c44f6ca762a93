/**
 * The headline figures: `npm run bench`, no arguments, about a minute.
 *
 * One row a request through a 29-float network: Penstock over WebSocket at four concurrencies and over HTTP with JSON,
 * fastify + onnxruntime-node with the same JSON, and ONNX Runtime alone. All in one run, interleaved, a fresh server a
 * trial, every answer compared with ONNX Runtime's own while the load runs. docs/performance.md explains how to read it.
 *
 * Options for other sizes: --trials 3 --seconds 1.5 --warmup 0.7 --model FILE --json (lines instead of a table)
 * --save (appends the lines to bench/results, to be committed on purpose).
 */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot, readMachine } from './harness/project.js'
import { formatReport, median, resultLines, summarise, type BareOrt } from './harness/report.js'
import { writeRequestSet } from './harness/request-set.js'
import { awaitReady, deployModel, measureBareOrt, startFastify, startPenstock } from './harness/servers.js'
import { runCase, runTrials, type LoadCase, type TrialSettings } from './harness/trials.js'

const pipeline = 'bench'
const baseline = 'fastify + onnxruntime-node, JSON, 32 connections'
const httpConnections = 32
const seed = 29

const cases: readonly LoadCase[] = [
  websocketCase(1, 1),
  websocketCase(1, 64),
  websocketCase(16, 16),
  websocketCase(16, 64),
  {
    name: 'Penstock, JSON, 32 connections',
    server: 'penstock',
    mode: 'http',
    connections: httpConnections,
    inFlight: 1,
  },
  { name: baseline, server: 'fastify', mode: 'http', connections: httpConnections, inFlight: 1 },
]

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1.5' },
    warmup: { type: 'string', default: '0.7' },
    model: { type: 'string', default: join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx') },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})

await main()

async function main(): Promise<void> {
  const machine = readMachine()
  const rounds = positive('trials', values.trials)
  const seconds = positive('seconds', values.seconds)
  const warmupSeconds = positive('warmup', values.warmup)
  const folder = await mkdtemp(join(tmpdir(), 'penstock-bench-'))
  try {
    const options = { modelPath: values.model, requests: 64, rowsPerRequest: 1, seed }
    const requests = await writeRequestSet(folder, options)
    const settings = { pipeline, modelPath: values.model, home: join(folder, 'home'), requests, warmupSeconds, seconds }
    await checkAnswers(settings)
    const summaries = summarise(await runTrials(cases, rounds, settings), baseline)
    const bare = await bareOrt(values.model, rounds, seconds)
    const trials = `medians of ${rounds} trials of ${seconds} s after ${warmupSeconds} s of warm-up, one row a request`
    const lines = resultLines(new Date(), machine, summaries, bare)
    process.stdout.write(`${values.json ? lines.join('\n') : formatReport(machine, summaries, bare, trials)}\n`)
    if (values.save) await save(lines)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Both servers answer all requests rightly before anything is timed; Penstock's home keeps the deployed pipeline. */
async function checkAnswers(settings: TrialSettings): Promise<void> {
  const short = { ...settings, warmupSeconds: 0, seconds: 0.2 }
  const penstock = await startPenstock(settings.home)
  try {
    await deployModel(penstock, pipeline, settings.modelPath)
    await awaitReady(penstock)
    for (const load of cases.filter(({ server }) => server === 'penstock')) await runCase(load, penstock, short)
  } finally {
    await penstock.stop()
  }
  const fastify = await startFastify(settings.modelPath)
  try {
    for (const load of cases.filter(({ server }) => server === 'fastify')) await runCase(load, fastify, short)
  } finally {
    await fastify.stop()
  }
}

/** Medians by batch size. */
async function bareOrt(modelPath: string, rounds: number, seconds: number): Promise<BareOrt[]> {
  const trials: BareOrt[][] = []
  for (let round = 0; round < rounds; round++) trials.push(await measureBareOrt(modelPath, seconds))
  return (trials[0] ?? []).map(({ rows }, index) => {
    return { rows, rowsPerSecond: median(trials.map((batches) => batches[index]?.rowsPerSecond ?? Number.NaN)) }
  })
}

async function save(lines: readonly string[]): Promise<void> {
  const day = new Date().toISOString().slice(0, 10)
  const folder = join(projectRoot, 'bench', 'results')
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${day}-canonical.ndjson`)
  await appendFile(path, `${lines.join('\n')}\n`)
  process.stdout.write(`appended to ${path}\n`)
}

function websocketCase(connections: number, inFlight: number): LoadCase {
  const name = `Penstock, WebSocket, ${connections} × ${inFlight} in flight`
  return { name, server: 'penstock', mode: 'ws', connections, inFlight }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`Expected --${name} to be a number above 0 but received ${text}`)
  return value
}
