/**
 * One case of overload, measured: what a server gives to callers who wait for each other (its capacity), then to three
 * times as many who do not wait (an open loop of the native generator), then to the first ones again.
 *
 * Goodput counts answers that came within their deadline, from the write of the request. Capacity is measured by the same
 * generator on the same cores in the same server, so that what the generator itself takes of them is taken from both. The
 * model costs a set time a row: `turns` of tanh over a wide row.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FinishedEvent, Histogram, IntervalEvent, LoadPhase } from '../../../src/loadtest/native/load-plan.js'
import { runLoad } from '../../../src/loadtest/native/load-process.js'
import { writeRequestBodies } from '../../../src/loadtest/native/request-bodies.js'
import { contentTypeOf, encodeRequest } from '../../../src/loadtest/native/request-encoding.js'
import { buildModel } from '../../../src/onnx/testing/build.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { HttpCaller, percentile, sleep } from './load.js'
import type { ServerChild } from './server-child.js'

export interface OverloadCase {
  readonly transport: 'websocket' | 'http-json'
  readonly pipeline: string
  /** 0: none. */
  readonly deadlineMs: number
  /** The server does not know the deadline: answers are measured against it all the same. */
  readonly isUntold?: boolean
  /** Connections of the open loop; a WebSocket carries many requests, HTTP one. */
  readonly connections: number
  readonly seconds: number
  /** A pipeline of rows of three floats that nobody overloads, asked over HTTP now and then; absent: none. */
  readonly neighbour?: string
}

export interface OverloadFigures {
  /** Requests answered a second by a server that is kept busy. */
  readonly capacity: number
  readonly offered: number
  /** Answered within the deadline, a second, over the capacity. */
  readonly goodput: number
  /** Share of the requests not refused at once that were answered within the deadline. */
  readonly acceptedInTime: number
  readonly refusedShare: number
  readonly refusalP99Ms: number
  readonly answerP99Ms: number
  /** From the end of the overload, at half the capacity, until nothing is refused or late any more; to 50 ms. */
  readonly recoveryMs: number
  /** The neighbour's answers: while nothing else is asked, at capacity and in the overload. */
  readonly neighbourP99Ms: readonly [number, number, number]
  /** Cores of server and generator, at capacity and in the overload. */
  readonly cores: { readonly capacity: readonly [number, number]; readonly overload: readonly [number, number] }
  readonly firstFailure: string
}

const width = 4096
const RECOVERY_SECONDS = 1
const NEIGHBOUR_PAUSE_MS = 20

/** The model `y = tanh(…tanh(x · w)…)`, float32 [N,4] → [N,4]: about 4 µs a row and turn, and 2 µs a run and turn. */
export function writeTurnsModel(folder: string, turns: number): string {
  const weights = (count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898) / 8)
  const state = (name: string) => [name, 'float32', ['N', width]] as const
  const body = {
    nodes: [
      { op: 'Tanh', inputs: ['state_in'], outputs: ['state_out'] },
      { op: 'Identity', inputs: ['going_in'], outputs: ['going_out'] },
    ],
    inputs: [['turn', 'int64', []] as const, ['going_in', 'bool', []] as const, state('state_in')],
    outputs: [['going_out', 'bool', []] as const, state('state_out')],
  }
  const bytes = buildModel({
    nodes: [
      { op: 'MatMul', inputs: ['x', 'widen'], outputs: ['start'] },
      { op: 'Loop', inputs: ['turns', '', 'start'], outputs: ['end'], attributes: { body: { graph: body } } },
      { op: 'MatMul', inputs: ['end', 'narrow'], outputs: ['y'] },
    ],
    inputs: [['x', 'float32', ['N', 4]]],
    outputs: [['y', 'float32', ['N', 4]]],
    initializers: [
      { name: 'widen', dtype: 'float32', dims: [4, width], data: weights(4 * width) },
      { name: 'narrow', dtype: 'float32', dims: [width, 4], data: weights(4 * width) },
      { name: 'turns', dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(turns)) },
    ],
  })
  const path = join(folder, `turns-${turns}.onnx`)
  writeFileSync(path, bytes)
  return path
}

export async function measureOverload(server: ServerChild, load: OverloadCase): Promise<OverloadFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-overload-'))
  try {
    const run = (phases: readonly LoadPhase[], connections: number, deadlineMs: number): Promise<FinishedEvent> =>
      runOnce(folder, server, { ...load, connections, deadlineMs }, phases)
    const inFlight = load.transport === 'websocket' ? 16 : 1
    const closed = { kind: 'closed', inFlight, thinkMs: 0, isWarmup: false } as const
    const warm = { ...closed, seconds: 0.7, isWarmup: true }
    const callers = load.transport === 'websocket' ? 8 : 64
    const [restMs] = await besideNeighbour(server, load, () => sleep(1500))
    const [capacityMs, before] = await besideNeighbour(server, load, () =>
      run([warm, { ...closed, seconds: load.seconds / 2 }], callers, 0),
    )
    const rate = before.total.requests / before.seconds
    const open = { kind: 'open', ratePerSecond: 3 * rate, endRatePerSecond: 3 * rate, isWarmup: false } as const
    const warmOpen = { ...open, seconds: Math.max(1, (2 * load.deadlineMs) / 1000), isWarmup: true }
    const toldMs = load.isUntold === true ? 0 : load.deadlineMs
    const [overMs, over] = await besideNeighbour(server, load, () =>
      run([warmOpen, { ...open, seconds: load.seconds }], load.connections, toldMs),
    )
    const after = await run([warm, { ...closed, seconds: load.seconds / 2 }], callers, 0)
    const intervals: IntervalEvent[] = []
    const half = { ...open, ratePerSecond: rate / 2, endRatePerSecond: rate / 2, seconds: RECOVERY_SECONDS }
    await runOnce(folder, server, { ...load, deadlineMs: toldMs }, [warmOpen, half], (event) => intervals.push(event))
    const neighbourP99Ms = [restMs, capacityMs, overMs] as const
    const recoveryMs = recoveryOf(intervals, warmOpen.seconds, load.deadlineMs)
    return { ...figuresOf(load, [before, after], over), recoveryMs, neighbourP99Ms }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns the p99 of the neighbour's answers meanwhile, milliseconds, and what `work` gave. */
async function besideNeighbour<Result>(
  server: ServerChild,
  { neighbour }: OverloadCase,
  work: () => Promise<Result>,
): Promise<[number, Result]> {
  const http = new HttpCaller(server.url)
  const latencies: number[] = []
  let isOver = neighbour === undefined
  const asking = (async (): Promise<void> => {
    while (!isOver) {
      const { status, ms } = await http.infer(neighbour as string, [[1, 2, 3]])
      if (status === 200) latencies.push(ms)
      else throw new Error(`Expected the neighbour to be answered but received ${status}`)
      await sleep(NEIGHBOUR_PAUSE_MS)
    }
  })()
  const result = await work()
  isOver = true
  await asking
  http.close()
  return [percentile(latencies, 0.99), result]
}

/** @param intervals of a load whose overload ends at `endSeconds`. */
function recoveryOf(intervals: readonly IntervalEvent[], endSeconds: number, deadlineMs: number): number {
  const limitUs = deadlineMs === 0 ? Infinity : deadlineMs * 1000
  const bad = intervals.filter(
    ({ startSeconds, failures, latencyUs }) =>
      startSeconds >= endSeconds - 0.001 && (failures > 0 || latencyUs.p99 > limitUs),
  )
  return Math.max(0, ...bad.map(({ startSeconds, seconds }) => (startSeconds + seconds - endSeconds) * 1000))
}

export function describeOverload(name: string, figures: OverloadFigures): string {
  const { capacity, goodput, acceptedInTime, refusedShare, refusalP99Ms, answerP99Ms, offered, cores } = figures
  const { recoveryMs, neighbourP99Ms } = figures
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const pair = ([server, generator]: readonly [number, number]): string =>
    `${server.toFixed(2)} + ${generator.toFixed(2)}`
  return (
    `overload ${name}: capacity ${capacity.toFixed(0)}/s, offered ${(offered / capacity).toFixed(2)}x, goodput ${goodput.toFixed(2)}, ` +
    `accepted in time ${percent(acceptedInTime)}, refused ${percent(refusedShare)} p99 ${refusalP99Ms.toFixed(2)} ms, ` +
    `answers p99 ${answerP99Ms.toFixed(1)} ms, recovered after ${recoveryMs.toFixed(0)} ms, ` +
    `an idle model's p99 ${neighbourP99Ms.map((ms) => ms.toFixed(1)).join(', ')} ms, cores ${pair(cores.capacity)} then ${pair(cores.overload)}, goodput a core of the server ${((goodput * cores.capacity[0]) / cores.overload[0]).toFixed(2)}`
  )
}

function figuresOf(
  load: OverloadCase,
  [before, after]: readonly [FinishedEvent, FinishedEvent],
  over: FinishedEvent,
): Omit<OverloadFigures, 'recoveryMs' | 'neighbourP99Ms'> {
  const rateOf = ({ total, seconds }: FinishedEvent): number => total.requests / seconds
  const coresOf = ({ serverCpuSeconds, generatorCpuSeconds, seconds }: FinishedEvent): [number, number] => [
    serverCpuSeconds / seconds,
    generatorCpuSeconds / seconds,
  ]
  const capacity = (rateOf(before) + rateOf(after)) / 2
  const limitUs = load.deadlineMs === 0 ? Infinity : load.deadlineMs * 1000
  const { answered, failed, firstFailure } = over.total
  const inTime = countBelow(answered?.histogram ?? [], limitUs)
  const allAnswered = countBelow(answered?.histogram ?? [], Infinity)
  const failures = failed?.histogram ?? []
  // What came at the deadline or later was accepted, and ran out of time.
  const refused = countBelow(failures, limitUs * 0.9)
  const expired = countBelow(failures, Infinity) - refused
  return {
    capacity,
    offered: over.offeredPerSecond,
    goodput: inTime / load.seconds / capacity,
    acceptedInTime: inTime / Math.max(1, allAnswered + expired),
    refusedShare: refused / Math.max(1, refused + expired + allAnswered),
    refusalP99Ms: quantileBelow(failures, limitUs * 0.9, 0.99) / 1000,
    answerP99Ms: (answered?.latencyUs.p99 ?? 0) / 1000,
    cores: { capacity: coresOf(before), overload: coresOf(over) },
    firstFailure,
  }
}

function countBelow(histogram: Histogram, limitUs: number): number {
  return histogram.reduce((sum, [upperUs, count]) => (upperUs <= limitUs ? sum + count : sum), 0)
}

function quantileBelow(histogram: Histogram, limitUs: number, share: number): number {
  let left = countBelow(histogram, limitUs) * share
  for (const [upperUs, count] of histogram) if ((left -= count) <= 0) return upperUs
  return 0
}

async function runOnce(
  folder: string,
  server: ServerChild,
  { transport, pipeline, deadlineMs, connections }: OverloadCase,
  phases: readonly LoadPhase[],
  onInterval?: (event: IntervalEvent) => void,
): Promise<FinishedEvent> {
  const bodiesPath = join(folder, `${transport}-${deadlineMs}.bodies`)
  const bodies = Array.from({ length: 16 }, (_, index) => {
    const x: Tensor = { dtype: 'float32', shape: [1, 4], data: Float32Array.of(index, 1, -index, 0.5) }
    const content = { fields: [{ name: 'x', dtype: 'float32', shape: [null, 4] }], tensors: [x] } as const
    return { ...encodeRequest(transport, deadlineMs === 0 ? content : { ...content, deadlineMs }), expected: null }
  })
  await writeRequestBodies(bodiesPath, { outputs: [], toleranceAbsolute: 0, toleranceRelative: 0, bodies })
  const isWebSocket = transport === 'websocket'
  const plan = {
    target: { transport, host: '127.0.0.1', port: server.port, headers: {}, serverPid: server.pid },
    connections,
    requests: [
      {
        name: 'one row',
        weight: 1,
        pipeline: isWebSocket ? pipeline : null,
        path: isWebSocket ? null : `/v1/pipelines/${pipeline}/infer`,
        contentType: contentTypeOf(transport),
        rows: 1,
        bodiesPath,
        expect: { kind: 'answer' },
      },
    ],
    phases,
    seed: 1,
    intervalSeconds: onInterval === undefined ? 60 : 0.05,
    drainSeconds: 10,
  } as const
  return runLoad(plan, onInterval)
}
