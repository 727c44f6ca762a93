/**
 * What a run leaves behind, in memory and as NDJSON (`--save`): a header with the settings and the machine, the steps of
 * a sweep, an event per interval, the server's histograms, and the finished counts as the last line. A file without its
 * last line is a run that was cut off, and is refused.
 */
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectRecord } from '../../base/expect.js'
import { BENCH_INTERVALS_MAX } from '../../base/limits/limits.js'
import type { FinishedEvent, IntervalEvent, LoadPhase, Transport } from '../native/load-plan.js'
import type { Machine } from './machine.js'
import type { HistogramSample, ServerMetrics } from '../targets/metrics-text.js'
import type { PreparedKind } from '../scenario/prepared-kind.js'
import type { Objective, ScenarioRequest } from '../scenario/scenario.js'

export const recordingFormat = 1

export interface RecordedKind {
  readonly name: string
  readonly weight: number
  readonly pipeline: string
  readonly rows: number
  readonly inputs: ScenarioRequest['source']['kind']
  readonly expect: ScenarioRequest['expect']['kind']
  readonly comparison: PreparedKind['comparison']
  readonly remark: string
}

export interface RecordingHeader {
  readonly kind: 'header'
  readonly format: typeof recordingFormat
  readonly name: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly transport: Transport
  readonly server: string
  readonly url: string
  readonly machine: Machine
  readonly connections: number
  readonly seed: number
  readonly phases: readonly LoadPhase[]
  readonly requests: readonly RecordedKind[]
  readonly objective: Objective | null
}

/** One step of a sweep. The intervals and the finished counts of the recording are those of its best step. */
export interface StepEvent {
  readonly kind: 'step'
  readonly ratePerSecond: number
  readonly servedPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: number
  readonly isWithin: boolean
  readonly reason: string
}

export interface Recording {
  readonly header: RecordingHeader
  /** Empty unless it was a sweep. */
  readonly steps: readonly StepEvent[]
  readonly intervals: readonly IntervalEvent[]
  readonly server: ServerMetrics | null
  readonly finished: FinishedEvent
}

/** Answers that were compared with a known one, of all that came. */
export function answersCompared({ header, finished }: Recording): { compared: number; answers: number } {
  const isCompared = new Map(header.requests.map(({ name, comparison }) => [name, comparison !== 'none']))
  const countOf = ({ requests, mismatches }: FinishedEvent['total']) => requests + mismatches
  const compared = finished.kinds.filter(({ name }) => isCompared.get(name) === true)
  return { compared: compared.reduce((sum, kind) => sum + countOf(kind), 0), answers: countOf(finished.total) }
}

export function writeRecording({ header, steps, intervals, server, finished }: Recording): string {
  const metrics = server === null ? [] : [{ kind: 'metrics', ...storedMetrics(server) }]
  const lines: readonly object[] = [header, ...steps, ...intervals, ...metrics, finished]
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
}

/** @throws PenstockError ERR_ARGUMENT naming file and line. */
export function parseRecording(path: string, text: string): Recording {
  const lines = text.split('\n').filter((line) => line !== '')
  const events = lines.map((line, index) => parseLine(`${path}:${index + 1}`, line))
  const header = events[0] as unknown as RecordingHeader | undefined
  const isHeader = header?.kind === 'header' && Array.isArray(header.requests) && typeof header.machine === 'object'
  if (!isHeader) throw argumentError(`the first line of ${path}`, 'the header of a recording', lines[0] ?? '')
  if (header.format !== recordingFormat) {
    const wayOut = `It was written by penstock ${header.machine.penstock}`
    throw argumentError(`the format of ${path}`, String(recordingFormat), header.format, wayOut)
  }
  const finished = events.at(-1) as unknown as FinishedEvent | undefined
  if (finished?.kind !== 'finished' || !Array.isArray(finished.kinds))
    throw argumentError(`the last line of ${path}`, 'the finished event', lines.at(-1), 'The run was cut off')
  const ofKind = (kind: string) => events.filter((event) => event['kind'] === kind)
  const intervals = ofKind('interval') as unknown as IntervalEvent[]
  if (intervals.length > BENCH_INTERVALS_MAX)
    throw argumentError(
      path,
      `a recording of at most ${BENCH_INTERVALS_MAX} intervals`,
      `${intervals.length} intervals`,
    )
  const [metrics] = ofKind('metrics')
  return {
    header,
    steps: ofKind('step') as unknown as StepEvent[],
    intervals,
    server: metrics === undefined ? null : readMetrics(metrics),
    finished,
  }
}

function parseLine(where: string, line: string): Record<string, unknown> {
  try {
    return expectRecord(where, JSON.parse(line))
  } catch (error) {
    throw new PenstockError('ERR_ARGUMENT', `Expected ${where} to be an event of a recording: ${String(error)}`)
  }
}

/** JSON has no Infinity: the last bound is null. */
type StoredSample = Omit<HistogramSample, 'buckets'> & { buckets: (readonly [number | null, number])[] }

function storedMetrics({ batchRows, phases }: ServerMetrics): Record<string, unknown> {
  const stored = (sample: HistogramSample): StoredSample => ({
    ...sample,
    buckets: sample.buckets.map(([upper, count]) => [Number.isFinite(upper) ? upper : null, count] as const),
  })
  return {
    batchRows: batchRows === null ? null : stored(batchRows),
    phases: Object.fromEntries(Object.entries(phases).map(([name, sample]) => [name, stored(sample)])),
  }
}

function readMetrics(event: Record<string, unknown>): ServerMetrics {
  const { batchRows, phases } = event as { batchRows: StoredSample | null; phases: Record<string, StoredSample> }
  const read = (sample: StoredSample): HistogramSample => ({
    ...sample,
    buckets: sample.buckets.map(([upper, count]) => [upper ?? Infinity, count] as const),
  })
  return {
    batchRows: batchRows === null ? null : read(batchRows),
    phases: Object.fromEntries(Object.entries(phases).map(([name, sample]) => [name, read(sample)])),
  }
}
