/**
 * Criteria 1, 2 and 3: the network of 29 floats, one row a request. The model takes next to nothing, so all that is
 * measured is the server. Every trial has a fresh process.
 *
 * Rates compare with a bare uWebSockets echo of the same frames (no batching: it answers one by one), with fastify +
 * onnxruntime-node and with bare uWebSockets that parses the JSON and runs no model; with the yardstick where there is
 * one.
 */
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'
import { startBaseline, startFastify } from '../harness/servers.js'
import { closed, p50Us, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareModel, withPenstock, withServer } from './penstock.js'
import { drawRequests, type Requests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, skipped, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'
import { openYardstick, type Yardstick } from './yardstick.js'

const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const pipeline = 'bench'
const requestCount = 64
const httpConnections = 32
const bytesPerFloat = 4

interface Trial {
  readonly rowsPerSecond: number
  readonly p50Us: number
}

export const smallModelCriteria: readonly Criterion[] = [
  { number: 1, title: 'a small model, one row a frame', measure: measureRates },
  { number: 2, title: 'one request at a time', measure: measureLatency },
  { number: 3, title: 'JSON over HTTP', measure: measureJson },
]

async function measureRates(bench: Bench): Promise<Finding[]> {
  const subjects = await prepare(bench)
  const shapes = [
    [16, 64],
    [16, 16],
  ] as const
  const cases: Record<string, () => Promise<Trial>> = { fastify: subjects.fastify }
  for (const [connections, inFlight] of shapes) {
    const shape = `${connections} × ${inFlight}`
    cases[shape] = subjects.penstock(websocket(subjects.requests, connections, inFlight))
    cases[`echo ${shape}`] = subjects.echo(websocket(subjects.requests, connections, inFlight))
    const { yardstick } = subjects
    if (yardstick !== null) cases[`yardstick ${shape}`] = () => yardstick(bench, connections, inFlight)
  }
  const results = await interleave(bench.rounds, cases)
  return shapes.flatMap(([connections, inFlight]) => {
    const shape = `${connections} × ${inFlight}`
    const name = `29 floats, WebSocket ${shape}`
    const of = (subject: string) => ratios(resultsOf(results, shape), resultsOf(results, subject), rate)
    const said = (subject: string, title: string) => `${title} ${perSecond(resultsOf(results, subject))}`
    const resultAgainst = (subject: string, title: string, required: number | null, aim: number | null) =>
      criterionResult(1, `${name}, against ${title}`, of(subject), {
        unit: '×',
        baseline: said(subject, title),
        better: 'more',
        required,
        aim,
      })
    return [
      subjects.yardstick === null
        ? skipped(1, `${name}, against the yardstick`, 'PENSTOCK_YARDSTICK is not set')
        : resultAgainst(`yardstick ${shape}`, 'the yardstick', 0.7, 1),
      resultAgainst('fastify', 'fastify over HTTP', 30, null),
      resultAgainst(`echo ${shape}`, 'a bare echo', null, null),
      criterionResult(1, `${name}, rows/s`, samplesOf(resultsOf(results, shape).map(rate)), shown('/s')),
    ]
  })
}

async function measureLatency(bench: Bench): Promise<Finding[]> {
  const subjects = await prepare(bench)
  const { requests, yardstick } = subjects
  const results = await interleave<Trial>(bench.rounds, {
    penstock: subjects.penstock(websocket(requests, 1, 1)),
    echo: subjects.echo(websocket(requests, 1, 1)),
    ...(yardstick === null ? {} : { yardstick: () => yardstick(bench, 1, 1) }),
  })
  const of = (subject: string) => ratios(resultsOf(results, subject), resultsOf(results, 'echo'), latency)
  const baseline = `a bare echo, p50 ${shortNumber(samplesOf(resultsOf(results, 'echo').map(latency)).median)} µs`
  const target = { unit: '× p50', baseline, better: 'less' as const }
  const name = '29 floats, WebSocket 1 × 1, against an echo'
  return [
    criterionResult(2, name, of('penstock'), { ...target, required: 1.6, aim: 1.3 }),
    yardstick === null
      ? skipped(2, `${name}: the yardstick`, 'PENSTOCK_YARDSTICK is not set')
      : criterionResult(2, `${name}: the yardstick`, of('yardstick'), { ...target, required: null }),
  ]
}

async function measureJson(bench: Bench): Promise<Finding[]> {
  const subjects = await prepare(bench)
  const results = await interleave(bench.rounds, {
    penstock: subjects.penstock(json(subjects.requests)),
    fastify: subjects.fastify,
    parse: subjects.parse,
  })
  const name = `29 floats, JSON, ${httpConnections} connections`
  const resultAgainst = (subject: string, title: string, required: number, aim: number | null) => {
    const samples = ratios(resultsOf(results, 'penstock'), resultsOf(results, subject), rate)
    const baseline = `${title} ${perSecond(resultsOf(results, subject))}`
    return criterionResult(3, `${name}, against ${title}`, samples, {
      unit: '×',
      baseline,
      better: 'more',
      required,
      aim,
    })
  }
  return [
    resultAgainst('fastify', 'fastify', 3, null),
    resultAgainst('parse', 'uWebSockets + JSON.parse', 0.75, 1),
    criterionResult(3, `${name}, rows/s`, samplesOf(resultsOf(results, 'penstock').map(rate)), shown('/s')),
  ]
}

interface Subjects {
  readonly requests: Requests
  readonly yardstick: Yardstick | null
  penstock(load: Load): () => Promise<Trial>
  echo(load: Load): () => Promise<Trial>
  readonly fastify: () => Promise<Trial>
  readonly parse: () => Promise<Trial>
}

/** Everything that is compared, each with its answers checked once before anything is timed. */
async function prepare(bench: Bench): Promise<Subjects> {
  const requests = await drawRequests(modelPath, { count: requestCount, rows: 1 })
  const outputFloats = Object.values(requests.bodies[0]?.expected ?? {}).reduce((sum, { data }) => sum + data.length, 0)
  const home = await prepareModel(bench, pipeline, modelPath)
  const unchecked = { isChecked: false }
  const subjects: Subjects = {
    requests,
    yardstick: await openYardstick(modelPath),
    penstock: (load) => () => withPenstock(home, async (server) => trialOf(await runOn(bench, server, load))),
    echo: (load) => () =>
      withServer(startBaseline('uws-echo.mjs', String(outputFloats * bytesPerFloat)), async (server) =>
        trialOf(await runOn(bench, server, { ...load, ...unchecked })),
      ),
    fastify: () =>
      withServer(startFastify(modelPath), async (server) =>
        trialOf(await runOn(bench, server, { ...json(requests), path: '/predict' })),
      ),
    parse: () =>
      withServer(startBaseline('uws-json.mjs'), async (server) =>
        trialOf(await runOn(bench, server, { ...json(requests), ...unchecked, path: '/predict' })),
      ),
  }
  return subjects
}

const websocket = (requests: Requests, connections: number, inFlight: number): Load => {
  return { requests, transport: 'websocket', connections, shape: closed(inFlight), pipeline }
}

const json = (requests: Requests): Load => {
  return { requests, transport: 'http-json', connections: httpConnections, shape: closed(1), pipeline }
}

const trialOf = (finished: Parameters<typeof p50Us>[0]): Trial => {
  return { rowsPerSecond: rowsPerSecond(finished), p50Us: p50Us(finished) }
}

const rate = (trial: Trial): number => trial.rowsPerSecond
const latency = (trial: Trial): number => trial.p50Us
const perSecond = (trials: readonly Trial[]): string => `${shortNumber(samplesOf(trials.map(rate)).median)}/s`
const shown = (unit: string) => ({ unit, baseline: '', better: 'more' as const, required: null })
