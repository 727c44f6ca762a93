/**
 * Criterion 4: the servers that users could pick instead, each the way its documentation advises, one after the other
 * on this machine: same model, same rows, same native client, answers checked. Each dialect a competitor speaks is
 * loaded at some numbers of connections; its best rate counts. Penstock is measured beside each of them, over WebSocket
 * (criterion 1's load) and as JSON at 32 connections (criterion 3's); a ratio is only as good as "at equal p99", so it
 * shows both: Penstock's must not be worse.
 *
 *   node dist/bench/peers/row.js [--quick] [--only fastapi,triton] [--rounds 3] [--seconds 2]
 *
 * Prints NDJSON: a `peer` line for each load, then the findings. What cannot be installed or started is a finding too.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runLoad } from '../../src/loadtest/native/load-process.js'
import type { FinishedEvent } from '../../src/loadtest/native/load-plan.js'
import { contentTypeOf, encodeRequest } from '../../src/loadtest/native/request-encoding.js'
import { writeRequestBodies } from '../../src/loadtest/native/request-bodies.js'
import type { NumericData } from '../../src/tensor/dtype.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { projectRoot } from '../harness/project.js'
import { median } from '../harness/report.js'
import { closed, expectRight, p99Us, rowsPerSecond, runOn } from '../workloads/loads.js'
import { prepareModel, withPenstock } from '../workloads/penstock.js'
import { drawRequests, type Requests } from '../workloads/requests.js'
import { samplesOf } from '../workloads/rounds.js'
import { criterionResult, skipped, type Bench, type Finding } from '../workloads/row.js'
import { shortNumber } from '../workloads/table.js'
import { competitors, type Dialect, type Competitor } from './catalogue.js'
import { installCompetitor, startCompetitor, type RunningCompetitor } from './peer-server.js'

/** One load of one dialect. */
interface Measured {
  readonly peer: string
  readonly transport: Dialect['transport']
  readonly connections: number
  readonly rowsPerSecond: number
  readonly p50Us: number
  readonly p99Us: number
  readonly serverCores: number
}

const criterionNumber = 4
/** Criterion 3's, and enough to fill the batches of those that batch. */
const connectionCounts = [32, 128]
const jsonConnections = 32
const pipeline = 'bench'
const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const requiredTimes = 10
const seed = 23

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
  },
})

await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-peers-'))
  const bench: Bench = {
    rounds: values.quick ? 1 : Number(values.rounds),
    seconds: values.quick ? 0.5 : Number(values.seconds),
    warmupSeconds: values.quick ? 0.3 : 1,
    isQuick: values.quick,
    folder,
    say: (what) => void process.stderr.write(`  ${what}\n`),
  }
  try {
    const requests = await drawRequests(modelPath, { count: 64, rows: 1 })
    const findings: Finding[] = []
    const measured: Measured[] = []
    for (const competitor of chosenCompetitors(values.only)) {
      if (bench.isQuick && values.only === undefined) {
        findings.push(
          skipped(criterionNumber, competitor.name, 'installing it takes minutes; --only names it in a quick run'),
        )
        continue
      }
      bench.say(competitor.name)
      try {
        const loads = await measureCompetitor(bench, competitor, requests)
        for (const load of loads) print({ kind: 'peer', ...load })
        measured.push(...loads)
      } catch (error) {
        findings.push(skipped(criterionNumber, competitor.name, (error as Error).message))
      }
    }
    if (measured.length > 0) findings.push(...(await compare(bench, measured, requests)))
    for (const finding of findings) print(finding)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function chosenCompetitors(only: string | undefined): readonly Competitor[] {
  if (only === undefined) return competitors
  const wanted = only.split(',')
  const unknown = wanted.find((folder) => !competitors.some((competitor) => competitor.folder === folder))
  if (unknown !== undefined)
    throw new Error(
      `Expected --only to name ${competitors.map(({ folder }) => folder).join(', ')} but received ${unknown}`,
    )
  return competitors.filter(({ folder }) => wanted.includes(folder))
}

async function measureCompetitor(bench: Bench, competitor: Competitor, requests: Requests): Promise<Measured[]> {
  const environment = await installCompetitor(competitor)
  const server = await startCompetitor(competitor, environment, modelPath)
  try {
    const loads: Measured[] = []
    for (const dialect of competitor.dialects) {
      const bodiesPath = await writeCompetitorBodies(bench, competitor, dialect, requests)
      for (const connections of bench.isQuick ? connectionCounts.slice(0, 1) : connectionCounts) {
        const trials: FinishedEvent[] = []
        for (let round = 0; round < bench.rounds; round++)
          trials.push(await loadCompetitor(bench, server, competitor, dialect, connections, bodiesPath))
        loads.push({ peer: competitor.name, transport: dialect.transport, connections, ...figuresOf(trials) })
      }
    }
    return loads
  } finally {
    await server.stop()
  }
}

async function loadCompetitor(
  bench: Bench,
  server: RunningCompetitor,
  competitor: Competitor,
  dialect: Dialect,
  connections: number,
  bodiesPath: string,
): Promise<FinishedEvent> {
  const shape = closed(1)
  const finished = await runLoad({
    target: {
      transport: dialect.transport,
      host: '127.0.0.1',
      port: server.port,
      headers: {},
      serverPid: server.pid,
    },
    connections,
    requests: [
      {
        name: competitor.name,
        weight: 1,
        pipeline: null,
        path: dialect.path,
        contentType: contentTypeOf(dialect.transport),
        rows: 1,
        bodiesPath,
        expect: { kind: 'answer' },
      },
    ],
    phases: [
      { ...shape, seconds: bench.warmupSeconds, isWarmup: true },
      { ...shape, seconds: bench.seconds, isWarmup: false },
    ],
    seed,
    intervalSeconds: 60,
  })
  return expectRight(competitor.name, finished, {})
}

/** The requests under the names that the competitor knows. */
async function writeCompetitorBodies(
  bench: Bench,
  competitor: Competitor,
  dialect: Dialect,
  requests: Requests,
): Promise<string> {
  const [input] = requests.inputs
  const [output] = requests.outputs
  if (input === undefined || output === undefined) throw new Error('Expected the model to have an input and an output')
  const path = join(bench.folder, `${competitor.folder}-${dialect.transport}.bodies`)
  await writeRequestBodies(path, {
    outputs: [{ name: dialect.output ?? output.name, dtype: 'float32' }],
    toleranceAbsolute: requests.tolerance.absolute,
    toleranceRelative: requests.tolerance.relative,
    bodies: requests.bodies.map(({ inputs, expected }) => ({
      ...encodeRequest(dialect.transport, {
        fields: [{ ...input, name: dialect.input ?? input.name }],
        tensors: [inputs[input.name] as Tensor],
      }),
      expected: [expected[output.name]?.data as NumericData],
    })),
  })
  return path
}

function figuresOf(trials: readonly FinishedEvent[]): Omit<Measured, 'peer' | 'transport' | 'connections'> {
  const of = (value: (finished: FinishedEvent) => number): number => median(trials.map(value))
  return {
    rowsPerSecond: of(rowsPerSecond),
    p50Us: of(({ total }) => total.latencyUs.p50),
    p99Us: of(p99Us),
    serverCores: of(({ serverCpuSeconds, seconds }) => serverCpuSeconds / seconds),
  }
}

/** Penstock's loads, and each peer's best against them. */
async function compare(bench: Bench, measured: readonly Measured[], requests: Requests): Promise<Finding[]> {
  const home = await prepareModel(bench, pipeline, modelPath)
  const ours = await withPenstock(home, async (server) => {
    const websocket: FinishedEvent[] = []
    const json: FinishedEvent[] = []
    for (let round = 0; round < bench.rounds; round++) {
      const common = { requests, pipeline }
      websocket.push(
        await runOn(bench, server, { ...common, transport: 'websocket', connections: 16, shape: closed(64) }),
      )
      json.push(
        await runOn(bench, server, {
          ...common,
          transport: 'http-json',
          connections: jsonConnections,
          shape: closed(1),
        }),
      )
    }
    return { websocket, json }
  })
  for (const [transport, trials] of Object.entries(ours))
    print({ kind: 'peer', peer: 'Penstock', transport, ...figuresOf(trials) })
  return competitors.flatMap(({ name, isPython }): Finding[] => {
    const loads = measured.filter(({ peer }) => peer === name)
    const best = fastest(loads)
    if (best === undefined) return []
    const json = fastest(loads.filter(({ connections }) => connections === jsonConnections)) ?? best
    const required = isPython ? requiredTimes : null
    return [
      criterionResult(
        criterionNumber,
        `row 1’s load ÷ ${name}`,
        samplesOf(ours.websocket.map((trial) => rowsPerSecond(trial) / best.rowsPerSecond)),
        {
          unit: '×',
          baseline: describe(best, ours.websocket),
          better: 'more',
          required,
        },
      ),
      criterionResult(
        criterionNumber,
        `row 3’s load ÷ ${name}`,
        samplesOf(ours.json.map((trial) => rowsPerSecond(trial) / json.rowsPerSecond)),
        {
          unit: '×',
          baseline: describe(json, ours.json),
          better: 'more',
          required,
        },
      ),
    ]
  })
}

function fastest(loads: readonly Measured[]): Measured | undefined {
  return [...loads].sort((left, right) => right.rowsPerSecond - left.rowsPerSecond)[0]
}

function describe(competitor: Measured, ours: readonly FinishedEvent[]): string {
  const { transport, connections } = competitor
  return (
    `${shortNumber(competitor.rowsPerSecond)}/s, p99 ${shortNumber(competitor.p99Us)} µs (${transport}, ${connections} connections); ` +
    `Penstock’s p99 ${shortNumber(median(ours.map(p99Us)))} µs`
  )
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
