/**
 * The statistics extension, out of what the engine counts anyway. All counts of one entry come from one reading of one
 * counter, because perf_analyzer ends itself when the compute counts differ.
 *
 *   a model      what its queue has seen, of all callers: a request here is one that lay in one batch
 *   a pipeline   its own requests; their time, which the engine keeps whole, is divided as that of its models is
 *
 * compute_* are sums over requests, as success and queue are: a batch of ten counts ten times. The engine keeps times by
 * batch, so each request of a model is given the mean.
 */
import type { EngineMetrics, Histogram, ModelMetrics, PipelineMetrics } from '../../../engine/metrics.js'
import type { ServedModel } from './models.js'

export interface Duration {
  readonly count: number
  /** Whole nanoseconds, all together. */
  readonly ns: number
}

export interface InferStatistics {
  readonly success: Duration
  readonly fail: Duration
  readonly queue: Duration
  readonly compute_input: Duration
  readonly compute_infer: Duration
  readonly compute_output: Duration
  readonly cache_hit: Duration
  readonly cache_miss: Duration
}

export interface BatchStatistics {
  readonly batch_size: number
  readonly compute_input: Duration
  readonly compute_infer: Duration
  readonly compute_output: Duration
}

export interface ModelStatistics {
  readonly name: string
  readonly version: string
  /** Milliseconds since 1970; 0: never. */
  readonly last_inference: number
  readonly inference_count: number
  readonly execution_count: number
  readonly inference_stats: InferStatistics
  readonly response_stats: Readonly<Record<string, never>>
  readonly batch_stats: readonly BatchStatistics[]
  readonly memory_usage: readonly never[]
}

/** Sums of nanoseconds. */
interface Phases {
  readonly queue: number
  readonly input: number
  readonly infer: number
  readonly output: number
}

/** @param models of a pipeline: those that it runs, as `name@version`. */
export function modelStatistics(
  served: ServedModel,
  models: readonly string[],
  metrics: EngineMetrics,
  lastInferenceMs: number,
): ModelStatistics {
  const own = metrics.pipelines.find(({ pipeline }) => pipeline === served.pipeline)
  const queues = metrics.models.filter(({ model, version }) => models.includes(`${model}@${version}`))
  const phases = sumPhases(queues.map(phasesOf))
  const isModel = served.kind === 'model' && queues.length > 0
  const count = isModel ? sum(queues, ({ queueNs }) => queueNs.count) : (own?.requestCount ?? 0)
  const rows = isModel ? sum(queues, ({ batchRows }) => batchRows.sum) : (own?.rowCount ?? 0)
  const spent = isModel ? { ...phases, output: phases.output + shareOf(own, own?.sendNs) } : dividedTime(own, phases)
  return {
    name: served.name,
    version: String(served.version),
    last_inference: lastInferenceMs,
    inference_count: rows,
    execution_count: sum(queues, ({ batchRows }) => batchRows.count),
    inference_stats: inferStatistics(count, failuresOf(own), spent),
    response_stats: {},
    batch_stats: queues.length === 1 && queues[0] !== undefined ? batchStatistics(queues[0], metrics) : [],
    memory_usage: [],
  }
}

function inferStatistics(count: number, failed: number, { queue, input, infer, output }: Phases): InferStatistics {
  return {
    success: duration(count, queue + input + infer + output),
    fail: duration(failed, 0),
    queue: duration(count, queue),
    compute_input: duration(count, input),
    compute_infer: duration(count, infer),
    compute_output: duration(count, output),
    cache_hit: none,
    cache_miss: none,
  }
}

const none: Duration = { count: 0, ns: 0 }
const duration = (count: number, ns: number): Duration => ({ count, ns: Math.round(ns) })

/** Sums a model's phases over the requests that lay in its batches. */
function phasesOf({ queueNs, assembleNs, runNs, scatterNs, batchRows }: ModelMetrics): Phases {
  const perBatch = batchRows.count === 0 ? 0 : queueNs.count / batchRows.count
  return {
    queue: queueNs.sum,
    input: assembleNs.sum * perBatch,
    infer: runNs.sum * perBatch,
    output: scatterNs.sum * perBatch,
  }
}

function sumPhases(all: readonly Phases[]): Phases {
  return {
    queue: sum(all, ({ queue }) => queue),
    input: sum(all, ({ input }) => input),
    infer: sum(all, ({ infer }) => infer),
    output: sum(all, ({ output }) => output),
  }
}

/** The phases of a request follow each other without a gap, so that its time is theirs and the sending. */
function dividedTime(own: PipelineMetrics | undefined, phases: Phases): Phases {
  const total = shareOf(own, own?.totalNs)
  const sending = shareOf(own, own?.sendNs)
  const all = phases.queue + phases.input + phases.infer + phases.output
  const scale = all === 0 ? 0 : Math.max(0, total - sending) / all
  return {
    queue: phases.queue * scale,
    input: phases.input * scale,
    infer: phases.infer * scale,
    output: phases.output * scale + sending,
  }
}

/** The part that answers have in a sum over answers and failures. */
function shareOf(own: PipelineMetrics | undefined, histogram: Histogram | undefined): number {
  if (own === undefined || histogram === undefined || histogram.count === 0) return 0
  return histogram.sum * Math.min(1, own.requestCount / histogram.count)
}

function failuresOf(own: PipelineMetrics | undefined): number {
  return own === undefined ? 0 : Object.values(own.failures).reduce((total, count) => total + count, 0)
}

/** By the rows of a batch: exact up to 8, beyond it the largest size of its bucket (9 % wide); times are the mean of all. */
function batchStatistics(queue: ModelMetrics, { histogramLayout: { schema } }: EngineMetrics): BatchStatistics[] {
  const { batchRows, assembleNs, runNs, scatterNs } = queue
  const mean = (histogram: Histogram): number => (histogram.count === 0 ? 0 : histogram.sum / histogram.count)
  const sizes: BatchStatistics[] = []
  batchRows.counts.forEach((count, bucket) => {
    if (count === 0) return
    sizes.push({
      batch_size: Math.floor(2 ** (bucket / 2 ** schema) + 1e-9),
      compute_input: duration(count, mean(assembleNs) * count),
      compute_infer: duration(count, mean(runNs) * count),
      compute_output: duration(count, mean(scatterNs) * count),
    })
  })
  return sizes
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0)
}
