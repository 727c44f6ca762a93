/**
 * One load of a benchmark: warm-up and measurement in a closed loop, by the product's own generator
 * (src/loadtest/native/load-process.ts), boiled down to the figures that a trial keeps.
 */
import type { FinishedEvent } from '../../src/loadtest/native/load-plan.js'
import { runLoad } from '../../src/loadtest/native/load-process.js'
import { contentTypeOf } from '../../src/loadtest/native/request-encoding.js'

export interface LoadOptions {
  readonly mode: 'ws' | 'http'
  readonly port: number
  readonly serverPid: number
  /** Bodies and answers for the mode's transport. */
  readonly bodiesPath: string
  readonly rowsPerRequest: number
  readonly connections: number
  /** Requests on the way per connection; 1 for http. */
  readonly inFlight: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** ws: the pipeline to open. */
  readonly pipeline?: string | undefined
  /** http: the request target. */
  readonly path?: string | undefined
}

/** Latencies: microseconds from the write of a request to the read of its answer. */
export interface LoadReport {
  /** Answered rightly. */
  readonly requests: number
  readonly requestsPerSecond: number
  readonly rowsPerSecond: number
  readonly p50Us: number
  readonly p95Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  /** Frames or responses that carried answers. */
  readonly messages: number
  readonly errors: number
  readonly mismatches: number
  readonly firstError: string
  readonly seconds: number
  readonly generatorCpuSeconds: number
  /** -1 where the machine does not say. */
  readonly serverCpuSeconds: number
}

/** @throws Error when the load could not run. Wrong answers and failed requests are in the report, not thrown. */
export async function measureLoad(options: LoadOptions): Promise<LoadReport> {
  const transport = options.mode === 'ws' ? 'websocket' : 'http-json'
  const closed = { kind: 'closed', inFlight: options.inFlight, thinkMs: 0 } as const
  const warmup = { ...closed, seconds: options.warmupSeconds, isWarmup: true }
  const finished = await runLoad({
    target: { transport, host: '127.0.0.1', port: options.port, headers: {}, serverPid: options.serverPid },
    connections: options.connections,
    requests: [
      {
        name: 'rows',
        weight: 1,
        pipeline: options.pipeline ?? null,
        path: options.path ?? null,
        contentType: contentTypeOf(transport),
        rows: options.rowsPerRequest,
        bodiesPath: options.bodiesPath,
        expect: { kind: 'answer' },
      },
    ],
    phases: [...(options.warmupSeconds > 0 ? [warmup] : []), { ...closed, seconds: options.seconds, isWarmup: false }],
    seed: 1,
    intervalSeconds: Math.max(options.seconds, options.warmupSeconds),
  })
  return reportOf(finished)
}

function reportOf({ total, seconds, messages, generatorCpuSeconds, serverCpuSeconds }: FinishedEvent): LoadReport {
  const { p50, p95, p99, p999, max } = total.latencyUs
  return {
    requests: total.requests,
    requestsPerSecond: total.requests / seconds,
    rowsPerSecond: total.rows / seconds,
    p50Us: p50,
    p95Us: p95,
    p99Us: p99,
    p999Us: p999,
    maxUs: max,
    messages,
    errors: total.failures,
    mismatches: total.mismatches,
    firstError: total.firstFailure,
    seconds,
    generatorCpuSeconds,
    serverCpuSeconds,
  }
}
