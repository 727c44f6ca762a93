/**
 * Reads scenario files (docs/guides/benchmarking.md has the schema). Whatever is wrong is reported with its path in the
 * file, `requests[1].rows`, the rule and the value; a member that does not exist is refused, for a misspelt `weight` would
 * silently measure something else.
 */
import { dirname, resolve } from 'node:path'
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { INFER_MANY_MAX } from '../../base/generated/boundary.js'
import {
  argumentError,
  expectArray,
  expectBoolean,
  expectInteger,
  expectNoOtherKeys,
  expectNumber,
  expectOneOf,
  expectRecord,
  expectString,
} from '../../base/expect.js'
import {
  BENCH_CONNECTIONS_MAX,
  BENCH_IN_FLIGHT_MAX,
  BENCH_KINDS_MAX,
  BENCH_PHASES_MAX,
  BENCH_RATE_MAX,
  BENCH_SECONDS_MAX,
  REQUEST_ROWS_MAX,
} from '../../base/limits/limits.js'
import type { Meta } from '../../engine/api/api.js'
import type { LoadPhase, LoadShape } from '../native/load-plan.js'
import { readExpectation, readSource } from './scenario-inputs.js'
import { defaultFailureShareMax, type Objective, type Scenario, type ScenarioRequest } from './scenario.js'

export const transports = ['websocket', 'http-json', 'http-binary', 'oip-json', 'oip-binary', 'in-process'] as const

/**
 * @param text the file's text. @param path of the file: errors name it, and files that it names lie relative to it.
 * @throws PenstockError ERR_ARGUMENT naming file and member.
 */
export function parseScenario(text: string, path: string): Scenario {
  try {
    return readScenario(parse(text), dirname(resolve(path)))
  } catch (error) {
    if (!isPenstockError(error)) throw error
    throw new PenstockError('ERR_ARGUMENT', `${path}: ${error.message}`, { cause: error })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new PenstockError('ERR_ARGUMENT', `Expected JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function readScenario(json: unknown, folder: string): Scenario {
  const file = expectRecord('the scenario', json)
  const known = [
    '$schema',
    'name',
    'transport',
    'connections',
    'requestsPerFrame',
    'seed',
    'intervalSeconds',
    'requests',
    'phases',
    'objective',
  ]
  expectNoOtherKeys('the scenario', file, known)
  const { transport = null, connections = 4, seed = 1, intervalSeconds = null, objective = null } = file
  return {
    name: file['name'] === undefined ? '' : expectString('name', file['name'], 200),
    transport: transport === null ? null : expectOneOf('transport', transport, transports),
    connections: expectInteger('connections', connections, 1, BENCH_CONNECTIONS_MAX),
    ...(file['requestsPerFrame'] === undefined
      ? {}
      : { requestsPerFrame: expectInteger('requestsPerFrame', file['requestsPerFrame'], 1, INFER_MANY_MAX) }),
    seed: expectInteger('seed', seed, 0, 2 ** 32 - 1),
    intervalSeconds: intervalSeconds === null ? null : expectNumber('intervalSeconds', intervalSeconds, 0.05, 3600),
    requests: readRequests(file['requests'], folder),
    phases: readPhases(file['phases']),
    objective: objective === null ? null : readObjective(objective),
  }
}

function readRequests(value: unknown, folder: string): ScenarioRequest[] {
  const list = expectArray('requests', value, BENCH_KINDS_MAX)
  if (list.length === 0) throw argumentError('requests', 'at least one request', value)
  const requests = list.flatMap((entry, index) => readRequest(`requests[${index}]`, entry, folder))
  const seen = new Set<string>()
  for (const { name } of requests) {
    if (seen.has(name)) throw argumentError('the names of requests', 'different from each other', name, 'Add "name"')
    seen.add(name)
  }
  return requests
}

/** One entry; with a list of row counts as many as it has. */
function readRequest(path: string, value: unknown, folder: string): ScenarioRequest[] {
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, [
    'name',
    'weight',
    'pipeline',
    'model',
    'rows',
    'inputs',
    'body',
    'contentType',
    'meta',
    'expect',
  ])
  const pipeline = readPipeline(path, entry)
  const name = entry['name'] === undefined ? pipeline : expectString(`${path}.name`, entry['name'], 200)
  const weight = entry['weight'] === undefined ? 1 : expectWeight(`${path}.weight`, entry['weight'])
  const source = readSource(path, entry, folder)
  const expect = readExpectation(`${path}.expect`, entry['expect'])
  const meta = entry['meta'] === undefined ? null : (expectRecord(`${path}.meta`, entry['meta']) as Meta)
  if (expect.kind === 'answer' && source.kind === 'body' && expect.answers.kind === 'outputs')
    throw argumentError(`${path}.expect.outputs`, 'absent beside "body"', expect.answers.outputs, 'Use "inputs"')
  const shares = readRows(`${path}.rows`, entry['rows'] ?? 1)
  return shares.map((share) => ({
    name: shares.length === 1 ? name : `${name}, ${share.rows} ${share.rows === 1 ? 'row' : 'rows'}`,
    weight: weight * share.share,
    pipeline,
    rows: share.rows,
    source,
    meta,
    expect,
  }))
}

/** `model` is the word of the Open Inference Protocol; both mean the same here. */
function readPipeline(path: string, entry: Readonly<Record<string, unknown>>): string {
  const { pipeline, model } = entry
  if (pipeline !== undefined && model !== undefined)
    throw argumentError(path, 'an object with either "pipeline" or "model"', entry, 'Both mean what is asked')
  return expectString(`${path}.${model === undefined ? 'pipeline' : 'model'}`, pipeline ?? model, 256)
}

function readRows(path: string, value: unknown): { rows: number; share: number }[] {
  if (!Array.isArray(value)) return [{ rows: expectInteger(path, value, 1, REQUEST_ROWS_MAX), share: 1 }]
  if (value.length === 0) throw argumentError(path, 'an integer, or a list of {"rows", "weight"}', value)
  const entries = expectArray(path, value, BENCH_KINDS_MAX).map((entry, index) => {
    const at = `${path}[${index}]`
    const record = expectRecord(at, entry)
    expectNoOtherKeys(at, record, ['rows', 'weight'])
    const { rows, weight = 1 } = record
    return { rows: expectInteger(`${at}.rows`, rows, 1, REQUEST_ROWS_MAX), share: expectWeight(`${at}.weight`, weight) }
  })
  const total = entries.reduce((sum, { share }) => sum + share, 0)
  return entries.map(({ rows, share }) => ({ rows, share: share / total }))
}

function expectWeight(path: string, value: unknown): number {
  const weight = expectNumber(path, value, 0, 1e9)
  if (weight === 0) throw argumentError(path, 'a number above 0', value, 'Leave the request out instead')
  return weight
}

function readPhases(value: unknown): LoadPhase[] {
  const list = expectArray('phases', value, BENCH_PHASES_MAX)
  const phases = list.map((entry, index) => readPhase(`phases[${index}]`, entry))
  if (phases.every(({ isWarmup }) => isWarmup))
    throw argumentError('phases', 'a list with at least one phase that is no warm-up', value)
  return phases
}

function readPhase(path: string, value: unknown): LoadPhase {
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, ['closed', 'open', 'duration', 'warmup'])
  const { closed, open, warmup = false } = entry
  if ((closed === undefined) === (open === undefined))
    throw argumentError(path, 'an object with either "closed" or "open"', value)
  const seconds = readSeconds(`${path}.duration`, entry['duration'])
  const isWarmup = expectBoolean(`${path}.warmup`, warmup)
  return closed === undefined
    ? { ...readOpen(`${path}.open`, open), seconds, isWarmup }
    : { ...readClosed(`${path}.closed`, closed), seconds, isWarmup }
}

function readClosed(path: string, value: unknown): LoadShape {
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, ['inFlight', 'thinkMs'])
  const { inFlight = 1, thinkMs = 0 } = entry
  return {
    kind: 'closed',
    inFlight: expectInteger(`${path}.inFlight`, inFlight, 1, BENCH_IN_FLIGHT_MAX),
    thinkMs: expectNumber(`${path}.thinkMs`, thinkMs, 0, BENCH_SECONDS_MAX * 1000),
  }
}

function readOpen(path: string, value: unknown): LoadShape {
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, ['rate', 'endRate'])
  const ratePerSecond = expectNumber(`${path}.rate`, entry['rate'], 0, BENCH_RATE_MAX)
  const endRatePerSecond = expectNumber(`${path}.endRate`, entry['endRate'] ?? ratePerSecond, 0, BENCH_RATE_MAX)
  if (Math.max(ratePerSecond, endRatePerSecond) === 0) throw argumentError(`${path}.rate`, 'a number above 0', 0)
  return { kind: 'open', ratePerSecond, endRatePerSecond }
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60 }

/** `"500ms"`, `"10s"`, `"2m"`, or a number of seconds. */
function readSeconds(path: string, value: unknown): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(value) : null
  const seconds = match === null ? value : Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? Number.NaN)
  if (typeof seconds === 'number' && seconds >= 0.01 && seconds <= BENCH_SECONDS_MAX) return seconds
  throw argumentError(path, `a time of 10ms..${BENCH_SECONDS_MAX}s such as "10s", "500ms" or "2m"`, value)
}

function readObjective(value: unknown): Objective {
  const entry = expectRecord('objective', value)
  expectNoOtherKeys('objective', entry, ['p99Ms', 'failureShareMax'])
  const { failureShareMax = defaultFailureShareMax } = entry
  return {
    p99Ms: expectNumber('objective.p99Ms', entry['p99Ms'], 0.001, BENCH_SECONDS_MAX * 1000),
    failureShareMax: expectNumber('objective.failureShareMax', failureShareMax, 0, 1),
  }
}
