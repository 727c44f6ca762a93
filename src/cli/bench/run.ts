/** What `penstock bench` does once its options are read: scenario, target, run, summary, files, verdict. */
import { systemClock } from '../../base/clock.js'
import { isPenstockError } from '../../base/errors.js'
import { expectInteger } from '../../base/expect.js'
import { INFER_MANY_MAX } from '../../base/generated/boundary.js'
import { LiveView } from '../../loadtest/report/live-view.js'
import type { Transport } from '../../loadtest/native/load-plan.js'
import { readMachine } from '../../loadtest/recording/machine.js'
import { openTarget } from '../../loadtest/targets/open-target.js'
import { defaultInFlight, quickScenario } from '../../loadtest/scenario/quick-scenario.js'
import { writeRecording, type Recording } from '../../loadtest/recording/recording.js'
import { writeReport } from '../../loadtest/report/report.js'
import { runBench, type BenchListener, type SweepSettings } from '../../loadtest/run.js'
import { parseScenario } from '../../loadtest/scenario/scenario-file.js'
import { defaultFailureShareMax, type Scenario } from '../../loadtest/scenario/scenario.js'
import { figureRows, figureTitles, remarksOf, stepRow, stepTitles, verdictOf } from '../../loadtest/report/summary.js'
import { engineSource, readMeta, type BenchOptions } from './options.js'
import { MissedError, UnreachableError, unreachableWayOut, UsageError } from '../shared/failures.js'
import { readFileText } from '../shared/input-data.js'
import { writeFile } from '../shared/output-file.js'
import { release } from '../../base/package-root.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const DURATION_MS = 10_000
const WARMUP_MS = 2_000
const SWEEP_DURATION_MS = 3_000
const SWEEP_WARMUP_MS = 1_000

export async function bench(terminal: Terminal, path: string | undefined, options: BenchOptions): Promise<void> {
  const scenario = path === undefined ? ofOptions(terminal, options) : ofFile(path, options)
  const transport = scenario.transport ?? 'websocket'
  const sweep = options.sweep === true ? sweepSettings(scenario, transport, options) : null
  const source = engineSource(options)
  const abort = new AbortController()
  const { url, apiKey = null, serverPid = null } = options
  const target = await openTarget({ transport, url, apiKey, serverPid, source, release }).catch((error: unknown) => {
    throw isPenstockError(error) && error.code === 'ERR_CONNECTION_LOST' ? unreachable(url, error) : error
  })
  const onSignal = (): void => abort.abort()
  process.once('SIGINT', onSignal)
  try {
    const machine = readMachine(release)
    const run = { scenario, transport, target, machine, clock: systemClock, sweep, signal: abort.signal }
    const recording = await runBench(run, listenerOf(terminal))
    report(terminal, recording, options)
  } finally {
    terminal.block([])
    process.removeListener('SIGINT', onSignal)
    await target.close()
  }
}

function report(
  terminal: Terminal,
  recording: Recording,
  { json, report: htmlPath, save: savePath }: BenchOptions,
): void {
  terminal.block([])
  if (savePath !== undefined) writeFile(savePath, writeRecording(recording))
  if (htmlPath !== undefined) writeFile(htmlPath, writeReport(recording))
  terminal.print(json === true ? JSON.stringify(jsonSummary(recording)) : textSummary(recording))
  for (const file of [htmlPath, savePath]) if (file !== undefined) terminal.note(`wrote ${file}`)
  const verdict = verdictOf(recording)
  if (verdict !== '') throw new MissedError(`Not passed: ${verdict}.`)
}

function ofOptions(terminal: Terminal, options: BenchOptions): Scenario {
  if (options.pipeline === undefined)
    throw new UsageError('Expected --pipeline, or a scenario file. `penstock pipeline list` shows what is deployed.')
  if (options.endRate !== undefined && options.rate === undefined)
    throw new UsageError('Expected --rate beside --end-rate: the rate at the beginning of the ramp.')
  if (options.rate !== undefined && options.sweep !== true && (options.inFlight ?? options.thinkMs) !== undefined)
    throw new UsageError('Expected either --rate (open loop) or --in-flight and --think-ms (closed loop).')
  const scenario = quickScenario({
    transport: options.transport ?? 'websocket',
    pipeline: options.pipeline,
    rows: options.rows ?? 1,
    connections: options.connections ?? 4,
    inFlight: options.inFlight ?? null,
    thinkMs: options.thinkMs ?? 0,
    ratePerSecond: options.sweep === true ? null : (options.rate ?? null),
    endRatePerSecond: options.endRate ?? null,
    seconds: (options.duration ?? DURATION_MS) / 1000,
    warmupSeconds: (options.warmup ?? WARMUP_MS) / 1000,
    seed: options.seed ?? 1,
    p99Ms: options.p99Ms ?? null,
    inputsPath: options.inputs ?? null,
    ranges: options.range ?? [],
    freeDims: options.freeDims ?? null,
    meta: readMeta(terminal, options.meta),
    isCompared: options.check,
  })
  return { ...scenario, ...requestsPerFrame(options) }
}

function requestsPerFrame({ requestsPerFrame: count }: BenchOptions): Pick<Scenario, 'requestsPerFrame'> {
  return count === undefined
    ? {}
    : { requestsPerFrame: expectInteger('--requests-per-frame', count, 1, INFER_MANY_MAX) }
}

/** What a scenario file says, options must not say again. */
function ofFile(path: string, options: BenchOptions): Scenario {
  const { pipeline, inFlight, thinkMs, rate, endRate, rows, inputs, freeDims, meta, duration, warmup, sweep } = options
  const isSweep = sweep === true
  const said = {
    '--pipeline': pipeline,
    '--rows': rows,
    '--inputs': inputs,
    '--free-dims': freeDims,
    '--meta': meta,
    '--range': options.range,
    '--think-ms': thinkMs,
    '--end-rate': endRate,
    // In a sweep these are about its steps.
    ...(isSweep ? {} : { '--in-flight': inFlight, '--rate': rate, '--duration': duration, '--warmup': warmup }),
  }
  const twice = Object.entries(said).find(([, value]) => value !== undefined)
  if (twice !== undefined)
    throw new UsageError(`Expected ${twice[0]} to be absent beside a scenario file, which says it.`)
  const scenario = parseScenario(readFileText(path), path)
  const { p99Ms, connections, seed, transport } = options
  return {
    ...scenario,
    transport: transport ?? scenario.transport,
    connections: connections ?? scenario.connections,
    ...requestsPerFrame(options),
    seed: seed ?? scenario.seed,
    objective:
      p99Ms === undefined
        ? scenario.objective
        : { p99Ms, failureShareMax: scenario.objective?.failureShareMax ?? defaultFailureShareMax },
  }
}

function sweepSettings({ objective }: Scenario, transport: Transport, options: BenchOptions): SweepSettings {
  if (objective === null) throw new UsageError('Expected --p99-ms beside --sweep: the latency that the rate must keep.')
  return {
    objective,
    firstRatePerSecond: options.rate ?? null,
    seconds: (options.duration ?? SWEEP_DURATION_MS) / 1000,
    warmupSeconds: (options.warmup ?? SWEEP_WARMUP_MS) / 1000,
    inFlight: options.inFlight ?? defaultInFlight(transport),
  }
}

/** A block that is written over for a person at a terminal, lines in a log. */
function listenerOf(terminal: Terminal): BenchListener {
  const view = new LiveView()
  const isLive = terminal.columns > 0
  const show = (): void => {
    if (isLive) terminal.block(view.block(terminal.columns))
  }
  const line = (text: string): void => {
    if (isLive) terminal.block([])
    terminal.note(text)
    show()
  }
  return {
    onPrepared: ({ server, url, transport, requests }) =>
      line(`${server}${url === '' ? '' : ` at ${url}`}, ${transport}: ${requests.map(({ name }) => name).join(', ')}`),
    onRun: (title, seconds) => {
      view.begin(title, seconds)
      show()
    },
    onInterval: (event) => {
      view.add(event)
      if (isLive) show()
      else terminal.note(view.line())
    },
    onStep: (step) => {
      const [rate, served, p50, p99, failures, verdict] = stepRow(step)
      line(`${rate}/s: ${served}/s served, p50 ${p50} ms, p99 ${p99} ms, ${failures} failures: ${verdict}`)
    },
  }
}

function textSummary(recording: Recording): string {
  const numeric = (titles: readonly string[], left: number) =>
    titles.map((title, index) => ({ title, align: index === left ? ('left' as const) : ('right' as const) }))
  const parts = [formatTable(numeric(figureTitles, 0), figureRows(recording.finished)), '']
  if (recording.steps.length > 0)
    parts.push(formatTable(numeric(stepTitles, stepTitles.length - 1), recording.steps.map(stepRow)), '')
  return [...parts, ...remarksOf(recording)].join('\n')
}

function unreachable(url: string, error: Error): UnreachableError {
  return new UnreachableError(`Cannot reach a server at ${url}: ${error.message}. ${unreachableWayOut}`, {
    cause: error,
  })
}

/** The finished counts without the buckets of their histograms, which belong into --save. */
function jsonSummary({ header, steps, finished }: Recording): object {
  const withoutBuckets = ({ histogram: _, ...kind }: (typeof finished)['total']) => kind
  return {
    header,
    steps,
    finished: { ...finished, kinds: finished.kinds.map(withoutBuckets), total: withoutBuckets(finished.total) },
  }
}
