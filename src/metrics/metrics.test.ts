/** The scrape is parsed back, as a monitoring system would: both formats, types, cumulative buckets, sums in seconds. */
import { describe, expect, it } from 'vitest'
import type { EngineMetrics } from '../engine/metrics.js'
import { families } from './families.js'
import { classicBuckets, nativeBuckets, rows, seconds } from './histogram.js'
import { Metrics } from './metrics.js'
import { residency, tables } from './testing/snapshots.js'

const layout = { schema: 3, secondPower: 30 }

/** Counts as the engine does: durations in nanoseconds (`scale` 2^30 / 10^9), rows as they are (1). */
const histogram = (values: readonly number[], scale = 2 ** 30 / 1e9) => {
  const counts = new Float64Array(337)
  let zeroCount = 0
  for (const value of values) {
    const units = Math.floor(value * scale)
    const bucket = Math.ceil(Math.log2(units) * 8 - 1e-9)
    if (units === 0) zeroCount++
    else counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return { count: values.length, sum: values.reduce((sum, value) => sum + value, 0), zeroCount, counts }
}

const totals = [40_000, 900_000, 1_000_000_000]

const engine = {
  histogramLayout: layout,
  uptimeMs: 5000,
  isReady: true,
  inFlight: 2,
  connections: 1,
  workers: { count: 2, ready: 1, restarts: 3, stuck: 1, extra: 2, runs: 'native', stoppedRuns: 4 },
  residency,
  tables,
  budget: { limitBytes: 2 ** 30, usedBytes: { requests: 3000, bodies: 200, answers: 10 } },
  models: [
    {
      model: 'm',
      version: 1,
      pendingRows: 5,
      pendingRowsBackground: 7,
      failedRunCount: 1,
      overdueRuns: { count: 3, stuck: 1 },
      batching: { rowChecks: 9, rowDifferences: 2, sharedFailures: 4 },
      isUnbatched: true,
      batchesAllocated: 2,
      arenaBytes: 4096,
      usPerRow: 1,
      batchRows: histogram([1, 8, 31], 1),
      queueNs: histogram([10_000]),
      assembleNs: histogram([0, 2000]),
      runNs: histogram([100_000, 200_000]),
      scatterNs: histogram([5000]),
    },
  ],
  remotes: [
    {
      pipeline: 'p',
      step: 'steps[0]',
      kind: 'oip',
      breaker: 'open',
      openedCount: 1,
      inFlight: 2,
      waiting: 3,
      calls: 9,
      retries: 4,
      failures: 5,
    },
  ],
  pipelines: [
    {
      pipeline: 'p',
      version: 2,
      inFlight: 2,
      requestCount: 3,
      rowCount: 40,
      failures: { ERR_QUEUE_FULL: 2 },
      checkFailures: { 'too "high"': 1 },
      cache: { hitCount: 7, missCount: 5, evictionCount: 1, bytes: 4096, entryCount: 4 },
      log: {
        rowCount: 30,
        droppedRowCount: 6,
        changedKeyCount: 2,
        byteCount: 4096,
        isFailing: true,
        fault: 'EIO',
        commitNs: histogram([3000]),
      },
      background: [
        {
          model: 'c',
          shedRows: 9,
          failedRows: 3,
          failures: { ERR_RUN_FAILED: 2, ERR_WORKER_LOST: 1 },
          lastFailure: null,
        },
      ],
      sendNs: histogram([3000]),
      totalNs: histogram(totals),
      stages: [],
    },
  ],
} as unknown as EngineMetrics
const metrics = new Metrics(() => ({
  engine,
  transport: {
    tcpConnections: 3,
    webSocketConnections: 1,
    grpcConnections: 2,
    refusedConnections: 0,
    httpRequests: new Map([['POST /v1/pipelines/{pipeline}/infer 200', 11]]),
  },
  sources: [],
  version: '1.2.3',
}))

interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}
function parse(text: string): { samples: Sample[]; types: Map<string, string> } {
  const types = new Map<string, string>()
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '')
    if (line === '' || line.startsWith('#')) continue
    const parts = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (parts === null) throw new Error(`not a sample: ${line}`)
    const labels = Object.fromEntries(
      [...(parts[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [
        key,
        value.replaceAll('\\"', '"'),
      ]),
    )
    samples.push({ name: parts[1] ?? '', labels, value: Number(parts[3] === '+Inf' ? Infinity : parts[3]) })
  }
  return { samples, types }
}
const valueOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number | undefined =>
  samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value

describe('metrics', () => {
  it('says in both formats what the snapshot holds', async () => {
    for (const isOpenMetrics of [false, true, false]) {
      const { body, contentType } = await metrics.expose(isOpenMetrics ? 'openmetrics' : 'text')
      const text = String(body)
      const { samples } = parse(text)
      expect(contentType).toContain(isOpenMetrics ? 'application/openmetrics-text' : 'text/plain')
      expect(text.endsWith('# EOF\n')).toBe(isOpenMetrics)
      expect(valueOf(samples, 'penstock_requests_total', { pipeline: 'p' })).toBe(3)
      expect(valueOf(samples, 'penstock_failures_total', { pipeline: 'p', code: 'ERR_QUEUE_FULL' })).toBe(2)
      expect(valueOf(samples, 'penstock_check_failures_total', { check: 'too "high"' })).toBe(1)
      expect(valueOf(samples, 'penstock_background_rows_lost_total', { model: 'c', reason: 'shed' })).toBe(9)
      expect(valueOf(samples, 'penstock_background_rows_lost_total', { model: 'c', reason: 'ERR_RUN_FAILED' })).toBe(2)
      expect(valueOf(samples, 'penstock_background_rows_lost_total', { model: 'c', reason: 'ERR_WORKER_LOST' })).toBe(1)
      expect(valueOf(samples, 'penstock_log_rows_total', { pipeline: 'p' })).toBe(30)
      expect(valueOf(samples, 'penstock_cache_requests_total', { pipeline: 'p', result: 'hit' })).toBe(7)
      expect(valueOf(samples, 'penstock_cache_requests_total', { pipeline: 'p', result: 'miss' })).toBe(5)
      expect(valueOf(samples, 'penstock_cache_bytes', { pipeline: 'p' })).toBe(4096)
      expect(valueOf(samples, 'penstock_log_dropped_rows_total', { pipeline: 'p' })).toBe(6)
      expect(valueOf(samples, 'penstock_log_changed_keys_total', { pipeline: 'p' })).toBe(2)
      expect(valueOf(samples, 'penstock_log_failing', { pipeline: 'p' })).toBe(1)
      expect(valueOf(samples, 'penstock_log_commit_duration_seconds_count', { pipeline: 'p' })).toBe(1)
      expect(valueOf(samples, 'penstock_pending_rows', { model: 'm', version: '1', priority: 'background' })).toBe(7)
      expect(valueOf(samples, 'penstock_model_row_checks_total', { model: 'm', version: '1' })).toBe(9)
      expect(valueOf(samples, 'penstock_model_row_check_differences_total', { model: 'm' })).toBe(2)
      expect(valueOf(samples, 'penstock_model_shared_run_failures_total', { model: 'm' })).toBe(4)
      expect(valueOf(samples, 'penstock_model_unbatched', { model: 'm' })).toBe(1)
      expect(valueOf(samples, 'penstock_workers', { state: 'starting' })).toBe(1)
      expect(valueOf(samples, 'penstock_workers', { state: 'stuck' })).toBe(1)
      expect(valueOf(samples, 'penstock_workers', { state: 'extra' })).toBe(2)
      expect(valueOf(samples, 'penstock_connections', { kind: 'websocket' })).toBe(1)
      expect(
        valueOf(samples, 'penstock_http_requests_total', {
          method: 'POST',
          route: '/v1/pipelines/{pipeline}/infer',
          status: '200',
        }),
      ).toBe(11)
      expect(valueOf(samples, 'penstock_request_duration_seconds_sum', { pipeline: 'p' })).toBeCloseTo(1.00094, 9)
      expect(valueOf(samples, 'penstock_request_duration_seconds_bucket', { pipeline: 'p', le: '+Inf' })).toBe(3)
      expect(valueOf(samples, 'process_resident_memory_bytes')).toBeGreaterThan(0)
    }
  })

  it('names and types every family as Prometheus asks', async () => {
    const { types } = parse(String((await metrics.expose('text')).body))
    for (const { name, type } of families) {
      expect(types.get(name)).toBe(type)
      expect(name).toMatch(/^penstock_[a-z_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
    }
  })

  it('has cumulative buckets that end at powers of two', () => {
    const values = [0, 3, 15_000, 15_400, 777_000, 1e9, 5e10, 2 ** 40]
    const buckets = classicBuckets(histogram(values), layout, seconds)
    for (const { le, cumulativeCount } of buckets) {
      expect(Number.isInteger(Math.log2(le))).toBe(true)
      expect(cumulativeCount).toBe(values.filter((observed) => observed / 1e9 <= le).length)
    }
    expect(buckets.map(({ le }) => le)).toEqual(Array.from({ length: 23 }, (_, index) => 2 ** (index - 16)))
  })

  it('has a bucket of rows for every power of two', () => {
    const buckets = classicBuckets(histogram([1, 2, 3, 1024, 1025], 1), layout, rows)
    const counts = new Map(buckets.map(({ le, cumulativeCount }) => [le, cumulativeCount]))
    expect([1, 2, 4, 512, 1024, 2048].map((le) => counts.get(le))).toEqual([1, 2, 3, 3, 4, 5])
  })

  it('has native buckets whose spans and deltas give every count back', () => {
    for (const values of [[], [1], [1, 1, 2], [1, 3, 3, 9, 900, 901, 40_000], [65_536, 1]]) {
      const counted = histogram(values, 1)
      const { spans, deltas } = nativeBuckets(counted, layout, rows)
      const read = new Map<number, number>()
      let index = 0
      let count = 0
      let next = 0
      for (const { offset, length } of spans) {
        index += offset
        for (let step = 0; step < length; step++) {
          count += deltas[next++] ?? Number.NaN
          if (count > 0) read.set(index, count)
          index++
        }
      }
      expect(next).toBe(deltas.length)
      expect(read).toEqual(new Map([...counted.counts.entries()].filter(([, bucket]) => bucket > 0)))
    }
  })
})
