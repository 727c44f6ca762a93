/**
 * One `penstock bench` from scenario to recording: prepare the requests, read the server's metrics, run the load (once, or
 * as the steps of a sweep), read them again. Prints nothing: a caller that wants progress passes listeners.
 */
import type { Clock } from '../base/clock.js'
import { seededRandom } from '../base/random.js'
import type { FinishedEvent, IntervalEvent, LoadPhase, Transport } from './native/load-plan.js'
import { rateOf } from './recording/figures.js'
import type { Machine } from './recording/machine.js'
import { metricsBetween, type ServerMetrics } from './targets/metrics-text.js'
import { prepareKinds } from './scenario/prepare.js'
import type { PreparedKind } from './scenario/prepared-kind.js'
import { recordingFormat, type Recording, type RecordingHeader, type StepEvent } from './recording/recording.js'
import type { Objective, Scenario } from './scenario/scenario.js'
import { sweep, type SweepStep } from './sweep.js'
import type { RunSettings, Target } from './scenario/target.js'

export interface BenchRun {
  readonly scenario: Scenario
  readonly transport: Transport
  readonly target: Target
  readonly machine: Machine
  readonly clock: Clock
  /** null: the scenario's phases, once. */
  readonly sweep: SweepSettings | null
  readonly signal?: AbortSignal
}

export interface SweepSettings {
  readonly objective: Objective
  /** Requests a second to begin with; null: half of what a closed loop reaches. */
  readonly firstRatePerSecond: number | null
  /** Seconds of warm-up and of measurement, each step. */
  readonly warmupSeconds: number
  readonly seconds: number
  /** Requests in flight of the closed loop that finds the first rate. */
  readonly inFlight: number
}

export interface BenchListener {
  /** The requests are drawn and their answers known. */
  onPrepared(header: RecordingHeader): void
  /** A load begins; `step` counts the runs of a sweep from 1. */
  onRun(title: string, seconds: number): void
  onInterval(event: IntervalEvent): void
  onStep(step: StepEvent): void
}

const STEPS_TITLE = 'closed loop, to find a first rate'

/** @returns what was measured; of a sweep in which no step held, the counts of its last step. */
export async function runBench(run: BenchRun, listener: BenchListener): Promise<Recording> {
  const { scenario, target } = run
  const kinds = await prepareKinds(scenario, target, seededRandom(scenario.seed))
  const header = headerOf(run, kinds)
  listener.onPrepared(header)
  if (run.sweep !== null) return runSweep(run, run.sweep, kinds, header, listener)
  listener.onRun('', secondsOf(scenario.phases))
  return { header, steps: [], ...(await measure(run, kinds, scenario.phases, listener)) }
}

type Measured = Pick<Recording, 'intervals' | 'server' | 'finished'>

async function measure(
  { scenario, target, signal }: BenchRun,
  kinds: readonly PreparedKind[],
  phases: readonly LoadPhase[],
  listener: BenchListener,
): Promise<Measured> {
  const intervals: IntervalEvent[] = []
  const { connections, seed, requestsPerFrame } = scenario
  const intervalSeconds = scenario.intervalSeconds ?? intervalOf(phases)
  const settings: RunSettings = {
    connections,
    seed,
    phases,
    intervalSeconds,
    ...(requestsPerFrame === undefined ? {} : { requestsPerFrame }),
  }
  const before = await target.metrics()
  const onInterval = (event: IntervalEvent): void => {
    intervals.push(event)
    listener.onInterval(event)
  }
  const finished = await target.run(kinds, settings, onInterval, signal)
  return { intervals, finished, server: serverMetrics(before, await target.metrics()) }
}

function serverMetrics(before: string, after: string): ServerMetrics | null {
  return after === '' ? null : metricsBetween(before, after)
}

async function runSweep(
  run: BenchRun,
  settings: SweepSettings,
  kinds: readonly PreparedKind[],
  header: RecordingHeader,
  listener: BenchListener,
): Promise<Recording> {
  const byFinished = new Map<FinishedEvent, Measured>()
  const { warmupSeconds, seconds, inFlight } = settings
  const warmup = (shape: LoadPhase): LoadPhase[] =>
    warmupSeconds === 0 ? [shape] : [{ ...shape, seconds: warmupSeconds, isWarmup: true }, shape]
  const runPhases = async (title: string, phase: LoadPhase): Promise<Measured> => {
    listener.onRun(title, warmupSeconds + seconds)
    return measure(run, kinds, warmup(phase), listener)
  }
  const closed: LoadPhase = { kind: 'closed', inFlight, thinkMs: 0, seconds, isWarmup: false }
  const first = settings.firstRatePerSecond ?? rateOf((await runPhases(STEPS_TITLE, closed)).finished) / 2
  const steps: StepEvent[] = []
  const step = async (rate: number): Promise<FinishedEvent> => {
    const open: LoadPhase = { kind: 'open', ratePerSecond: rate, endRatePerSecond: rate, seconds, isWarmup: false }
    const measured = await runPhases(`${rate} requests/s`, open)
    byFinished.set(measured.finished, measured)
    return measured.finished
  }
  const result = await sweep(step, settings.objective, first, (done) => {
    steps.push(stepEvent(done))
    listener.onStep(stepEvent(done))
  })
  const shown = result.best ?? result.steps.at(-1)
  const measured = shown === undefined ? undefined : byFinished.get(shown.finished)
  if (measured === undefined) throw new Error('A sweep runs at least one step')
  return { header, steps, ...measured }
}

function stepEvent({ ratePerSecond, finished, isWithin, reason }: SweepStep): StepEvent {
  const { latencyUs, failures, mismatches } = finished.total
  return {
    kind: 'step',
    ratePerSecond,
    servedPerSecond: rateOf(finished),
    p50Ms: latencyUs.p50 / 1000,
    p99Ms: latencyUs.p99 / 1000,
    failures: failures + mismatches,
    isWithin,
    reason,
  }
}

function headerOf(
  { scenario, transport, target, machine, clock, sweep: sweeping }: BenchRun,
  kinds: readonly PreparedKind[],
): RecordingHeader {
  const { name, connections, seed, phases, objective } = scenario
  const { server, url } = target.description
  return {
    kind: 'header',
    format: recordingFormat,
    name: name === '' ? kinds.map(({ request }) => request.name).join(', ') : name,
    startedAt: new Date(clock.nowMs()).toISOString(),
    transport,
    server,
    url,
    machine,
    connections,
    seed,
    phases,
    requests: kinds.map(({ request, comparison, remark }) => ({
      name: request.name,
      weight: request.weight,
      pipeline: request.pipeline,
      rows: request.rows,
      inputs: request.source.kind,
      expect: request.expect.kind,
      comparison,
      remark,
    })),
    objective: sweeping?.objective ?? objective,
  }
}

function secondsOf(phases: readonly LoadPhase[]): number {
  return phases.reduce((sum, { seconds }) => sum + seconds, 0)
}

/** Twenty points at least and a hundred or so at most, when the run is shorter or longer than the usual. */
function intervalOf(phases: readonly LoadPhase[]): number {
  const seconds = secondsOf(phases)
  return Math.min(10, Math.max(0.1, seconds <= 20 ? seconds / 20 : seconds <= 120 ? 1 : seconds / 120))
}
