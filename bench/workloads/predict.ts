/**
 * Criterion 19: what rows by the names of a contract cost over tensors. A row of the wine contract at /predict and the same
 * twelve numbers as JSON tensors, which the addon reads without JavaScript, in turn against one pipeline, HTTP, 32
 * connections, a row a request; a raw row, one of its columns a text that becomes indicators, against the ready tensor of
 * the same model, at /predict and over the WebSocket. Before a load over HTTP is run every row is asked for both ways, and
 * the answers are compared; over the WebSocket every answer of the load is. CPU time of the server a row stands beside the
 * rates: on a machine with other work it says more than they do.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../src/base/random.js'
import type { FinishedEvent } from '../../src/loadtest/native/load-plan.js'
import { writeRequestBodies } from '../../src/loadtest/native/request-bodies.js'
import { encodeRequest } from '../../src/loadtest/native/request-encoding.js'
import type { TensorField } from '../../src/tensor/tensor.js'
import { projectRoot } from '../harness/project.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareHome, withPenstock } from './penstock.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const examples = join(projectRoot, 'examples')
const httpConnections = 32
const webSocketConnections = 8
const webSocketInFlight = 16
const rowCount = 64
/** HTTP alone: a row through JavaScript takes so long that its trials need all of their time. */
const httpTrialsPerRound = 4
const seed = 29
const toleranceRelative = 1e-5

export const predictCriterion: Criterion = { number: 19, title: 'rows by the names of a contract', measure }

interface Field {
  readonly name: string
  readonly dtype: string
  readonly role?: string
  readonly min?: number
  readonly max?: number
}
type Row = Readonly<Record<string, number | boolean>>

interface Trial {
  readonly rowsPerSecond: number
  /** CPU time of the server; NaN where the machine does not report it. */
  readonly cpuUsPerRow: number
}

async function measure(bench: Bench): Promise<Finding[]> {
  const contract = await readJson<{ readonly fields: readonly Field[] }>('contracts', 'wine.json')
  const raw = await readJson<{ readonly steps: readonly object[] }>('pipelines', 'wine-raw.json')
  const rawContract = await readJson<{ readonly name: string }>('contracts', 'wine-raw.json')
  const features = contract.fields.filter(({ role = 'feature' }) => role === 'feature')
  const rows = makeRows(features)
  const off = { durability: 'off' }
  const home = await prepareHome(bench, 'predict', {
    models: Object.fromEntries(
      ['wine-gbt', 'wine-mlp'].map((name) => [name, join(examples, 'models', name, 'model.onnx')]),
    ),
    contracts: { wine: contract, [rawContract.name]: rawContract },
    pipelines: {
      wine: { contract: 'wine', steps: [{ type: 'model', model: 'wine-gbt' }], log: off },
      ready: [{ type: 'model', model: 'wine-mlp' }],
      raw: { contract: rawContract.name, steps: raw.steps.map(withoutAlias), log: off },
    },
  })
  const bodies = await writeAll(bench, features, rows, home)
  const http = (bodiesPath: string, path: string, pipeline = 'wine'): Load => ({
    requests: { rows: 1, bodiesPath },
    transport: 'http-json',
    connections: httpConnections,
    shape: closed(1),
    pipeline,
    path,
  })
  const webSocket = (bodiesPath: string, pipeline: string): Load => ({
    requests: { rows: 1, bodiesPath },
    transport: 'websocket',
    connections: webSocketConnections,
    shape: closed(webSocketInFlight),
    pipeline,
  })
  const overHttp = await alternate(bench, home, bench.isQuick ? 1 : httpTrialsPerRound, {
    tensors: http(bodies.tensors, '/v1/pipelines/wine/infer'),
    rows: http(bodies.rows, '/predict/wine'),
  })
  const findings = findingsOf('a row of 12 names over HTTP', overHttp.rows, overHttp.tensors, 0.8)
  if (bench.isQuick) return findings
  const rawOverHttp = await alternate(bench, home, httpTrialsPerRound, {
    tensors: http(bodies.readyTensors, '/v1/pipelines/ready/infer', 'ready'),
    rows: http(bodies.rawRows, '/predict/raw', 'raw'),
  })
  findings.push(...findingsOf('a raw row of 12 names over HTTP', rawOverHttp.rows, rawOverHttp.tensors, 0.8))
  const overWebSocket = await alternate(bench, home, 1, {
    ready: webSocket(bodies.ready, 'ready'),
    raw: webSocket(bodies.raw, 'raw'),
  })
  const name = '12 columns, one of texts, over the WebSocket'
  return [...findings, ...findingsOf(name, overWebSocket.raw, overWebSocket.ready, 0.7)]
}

/**
 * Both loads in turn on one server, in short trials. Elsewhere each trial has a process of its own; here both go through
 * the same one, so that trials can lie a quarter of a second apart and a neighbour's work hurts both.
 */
async function alternate<Name extends string>(
  bench: Bench,
  home: string,
  trialsPerRound: number,
  loads: Readonly<Record<Name, Load>>,
): Promise<Record<Name, Trial[]>> {
  return withPenstock(home, async (server) => {
    const seconds = bench.seconds / trialsPerRound
    const run = async (load: Load, of: Bench): Promise<Trial> => trialOf(await runOn(of, server, { ...load, seconds }))
    const names = Object.keys(loads) as Name[]
    for (const name of names) await run(loads[name], bench)
    const short = { ...bench, warmupSeconds: bench.warmupSeconds / trialsPerRound }
    const cases = names.map((name): [Name, () => Promise<Trial>] => [name, () => run(loads[name], short)])
    const results = await interleave(bench.rounds * trialsPerRound, Object.fromEntries(cases))
    return Object.fromEntries(names.map((name) => [name, resultsOf(results, name)])) as Record<Name, Trial[]>
  })
}

function trialOf(finished: FinishedEvent): Trial {
  const { serverCpuSeconds, total } = finished
  const cpuUsPerRow = serverCpuSeconds < 0 ? Number.NaN : (serverCpuSeconds * 1e6) / total.rows
  return { rowsPerSecond: rowsPerSecond(finished), cpuUsPerRow }
}

function findingsOf(name: string, left: readonly Trial[], right: readonly Trial[], required: number): Finding[] {
  const rate = (trial: Trial): number => trial.rowsPerSecond
  const cpu = (trial: Trial): number => trial.cpuUsPerRow
  return [
    criterionResult(19, `${name}, against tensors`, ratios(left, right, rate), {
      unit: '×',
      baseline: `tensors ${shortNumber(samplesOf(right.map(rate)).median)}/s`,
      better: 'more',
      required,
      aim: 1,
    }),
    criterionResult(19, `${name}, CPU time a row`, ratios(left, right, cpu), {
      unit: '×',
      baseline: `tensors ${shortNumber(samplesOf(right.map(cpu)).median)} µs`,
      better: 'less',
      required: null,
    }),
  ]
}

// ── requests ────────────────────────────────────────────────────────────────────────────────────

/** Rows within the contract's bounds, with as many digits as measurements have. */
function makeRows(features: readonly Field[]): Row[] {
  const random = seededRandom(seed)
  const valueOf = ({ dtype, min = 0, max = 1 }: Field): number | boolean =>
    dtype === 'bool' ? random() < 0.5 : Number((min + random() * (max - min)).toPrecision(4))
  return Array.from({ length: rowCount }, () =>
    Object.fromEntries(features.map((field): [string, number | boolean] => [field.name, valueOf(field)])),
  )
}

async function writeAll(
  bench: Bench,
  features: readonly Field[],
  rows: readonly Row[],
  home: string,
): Promise<Record<'tensors' | 'rows' | 'ready' | 'raw' | 'readyTensors' | 'rawRows', string>> {
  const numbersOf = (row: Row): number[] => features.map(({ name }) => Number(row[name]))
  const names = features.filter(({ dtype }) => dtype !== 'bool').map(({ name }) => name)
  const rawFields: TensorField[] = [
    ...names.map((name): TensorField => ({ name, dtype: 'float32', shape: [null] })),
    { name: 'type', dtype: 'string', shape: [null] },
  ]
  const rawOf = (row: Row): Uint8Array =>
    encodeRequest('websocket', {
      fields: rawFields,
      tensors: [
        ...names.map((name) => ({ dtype: 'float32', shape: [1], data: Float32Array.of(Number(row[name])) }) as const),
        { dtype: 'string', shape: [1], data: [row['white'] === true ? 'white' : 'red'] },
      ],
    }).bytes
  return withPenstock(home, async (server) => {
    const [input = '', readyInput = ''] = await Promise.all(['wine', 'ready'].map((name) => inputOf(server, name)))
    const tensors = rows.map((row) => JSON.stringify({ [input]: [numbersOf(row)] }))
    const texts = rows.map((row) => JSON.stringify(row))
    const rawTexts = rows.map((row) => JSON.stringify(rawRow(row)))
    const readyTensors = rows.map((row) => JSON.stringify({ [readyInput]: [numbersOf(row)] }))
    await expectEqual(server, 'wine', tensors, texts)
    await expectEqual(server, 'raw', readyTensors, rawTexts)
    const answers = await Promise.all(rows.map((row) => answerOf(server, 'ready', { [readyInput]: [numbersOf(row)] })))
    const field: TensorField = { name: readyInput, dtype: 'float32', shape: [null, features.length] }
    const readyOf = (row: Row): Uint8Array =>
      encodeRequest('websocket', {
        fields: [field],
        tensors: [{ dtype: 'float32', shape: [1, features.length], data: Float32Array.from(numbersOf(row)) }],
      }).bytes
    return {
      tensors: await writeBodies(bench, 'tensors', tensors.map(bytesOf)),
      rows: await writeBodies(bench, 'rows', texts.map(bytesOf)),
      readyTensors: await writeBodies(bench, 'ready-tensors', readyTensors.map(bytesOf)),
      rawRows: await writeBodies(bench, 'raw-rows', rawTexts.map(bytesOf)),
      ready: await writeBodies(bench, 'ready', rows.map(readyOf), answers),
      raw: await writeBodies(bench, 'raw', rows.map(rawOf), answers.map(Math.round)),
    }
  })
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

/** @param answers the quality of each, to compare every answer with; absent: any is taken. */
async function writeBodies(
  bench: Bench,
  name: string,
  bodies: readonly Uint8Array[],
  answers: readonly number[] | null = null,
): Promise<string> {
  const path = join(bench.folder, `predict-${name}.bodies`)
  await writeRequestBodies(path, {
    outputs: answers === null ? [] : [{ name: 'quality', dtype: 'float32' }],
    toleranceAbsolute: 0,
    toleranceRelative,
    bodies: bodies.map((bytes, i) => ({
      bytes,
      headBytes: 0,
      expected: answers === null ? null : [Float32Array.of(answers[i] as number)],
    })),
  })
  return path
}

/** @throws Error when a row by names is answered with another number than its tensor. */
async function expectEqual(
  server: RunningServer,
  pipeline: 'wine' | 'raw',
  tensors: readonly string[],
  rows: readonly string[],
): Promise<void> {
  const isRaw = pipeline === 'raw'
  for (const [index, tensor] of tensors.entries()) {
    const answer = await answerOf(server, isRaw ? 'ready' : 'wine', JSON.parse(tensor) as object)
    const expected = isRaw ? Math.round(answer) : answer
    const predicted = await ask<{ readonly quality: number }>(server, `/predict/${pipeline}`, rows[index] ?? '')
    if (!(Math.abs(predicted.quality - expected) <= toleranceRelative * Math.abs(expected)))
      throw new Error(`Expected row ${index} to be answered with ${expected} but received ${predicted.quality}`)
  }
}

/** The first number that a pipeline answers to JSON tensors. */
async function answerOf(server: RunningServer, pipeline: string, inputs: object): Promise<number> {
  const { outputs } = await ask<{ readonly outputs: Readonly<Record<string, readonly number[][]>> }>(
    server,
    `/v1/pipelines/${pipeline}/infer`,
    JSON.stringify(inputs),
  )
  const [first = Number.NaN] = Object.values(outputs).flat(3)
  return first
}

async function ask<T>(server: RunningServer, path: string, body: string): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', headers, body })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** The name of the pipeline's only input. */
async function inputOf(server: RunningServer, pipeline: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${server.port}/v2/models/${pipeline}`)
  const { inputs } = (await response.json()) as { readonly inputs: readonly { readonly name: string }[] }
  return inputs[0]?.name ?? ''
}

async function readJson<T>(folder: string, file: string): Promise<T> {
  return JSON.parse(await readFile(join(examples, folder, file), 'utf8')) as T
}

/** The row as a table has it: its colour is a text. */
function rawRow({ white, ...row }: Row): object {
  return { ...row, type: white === true ? 'white' : 'red' }
}

/** The home has versions and no aliases. */
function withoutAlias(step: object): object {
  return 'model' in step && typeof step.model === 'string' ? { ...step, model: step.model.replace(/@.*$/, '') } : step
}
