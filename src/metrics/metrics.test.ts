/** The scrape is parsed back, as a monitoring system would: both formats, types, cumulative buckets, sums in seconds. */
import { describe, expect, it } from 'vitest'
import type { EngineMetrics } from '../engine/metrics.js'
import { families } from './families.js'
import { bucketsOf, durationTargetsUs, histogramValues } from './histogram.js'
import { Metrics } from './metrics.js'

/** The native layout: exact below 8, then 8 steps per power of two. */
const bounds = Float64Array.from({ length: 304 }, (_, bucket) => {
  if (bucket < 8) return bucket
  const power = Math.floor(bucket / 8) + 2
  return 2 ** power + ((bucket % 8) + 1) * 2 ** (power - 3) - 1
})

const histogram = (values: readonly number[]) => {
  const counts = new Float64Array(bounds.length)
  for (const value of values) {
    const bucket = bounds.findIndex((bound) => value <= bound)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return { count: values.length, sum: values.reduce((sum, value) => sum + value, 0), counts }
}

const engine = {
  histogramBounds: bounds,
  uptimeMs: 5000,
  isReady: true,
  inFlight: 2,
  connections: 1,
  workers: { count: 2, ready: 1, restarts: 3 },
  models: [
    {
      model: 'm',
      version: 1,
      pendingRows: 5,
      pendingRowsBackground: 7,
      batchCount: 4,
      rowCount: 40,
      failedRunCount: 1,
      batchesAllocated: 2,
      arenaBytes: 4096,
      usPerRow: 1,
      batchRows: histogram([1, 8, 31]),
      queueUs: histogram([10]),
      runUs: histogram([100, 200]),
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
      background: [{ model: 'c', shedRows: 9, failedRows: 1 }],
      totalUs: histogram([40, 900, 1_000_000]),
    },
  ],
  audit: { droppedCount: 6 },
} as unknown as EngineMetrics
const metrics = new Metrics(() => ({
  engine,
  transport: {
    tcpConnections: 3,
    webSocketConnections: 1,
    httpRequests: new Map([['POST /v1/pipelines/{pipeline}/infer 200', 11]]),
  },
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
      const { text, contentType } = await metrics.text(isOpenMetrics)
      const { samples } = parse(text)
      expect(contentType).toContain(isOpenMetrics ? 'application/openmetrics-text' : 'text/plain')
      expect(text.endsWith('# EOF\n')).toBe(isOpenMetrics)
      expect(valueOf(samples, 'penstock_requests_total', { pipeline: 'p' })).toBe(3)
      expect(valueOf(samples, 'penstock_failures_total', { pipeline: 'p', code: 'ERR_QUEUE_FULL' })).toBe(2)
      expect(valueOf(samples, 'penstock_check_failures_total', { check: 'too "high"' })).toBe(1)
      expect(valueOf(samples, 'penstock_background_rows_lost_total', { model: 'c', reason: 'shed' })).toBe(9)
      expect(valueOf(samples, 'penstock_pending_rows', { model: 'm', version: '1', priority: 'background' })).toBe(7)
      expect(valueOf(samples, 'penstock_workers', { state: 'starting' })).toBe(1)
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
    const { types } = parse((await metrics.text(false)).text)
    for (const { name, type } of families) {
      expect(types.get(name)).toBe(type)
      expect(name).toMatch(/^penstock_[a-z_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
    }
  })

  it('has cumulative buckets whose bounds are native ones', () => {
    const buckets = bucketsOf(bounds, durationTargetsUs)
    const values = [3, 49, 51, 777, 1e6, 5e7, 2 ** 39]
    const series = histogramValues('x', {}, histogram(values), bounds, buckets, 1e6).filter(
      ({ metricName }) => metricName === 'x_bucket',
    )
    for (const { labels, value } of series) {
      const limit = labels['le'] === '+Inf' ? Infinity : Math.round(Number(labels['le']) * 1e6)
      expect(value).toBe(values.filter((observed) => observed <= limit).length)
    }
    expect(series.length).toBe(durationTargetsUs.length + 1)
  })

  it('never lets the last bucket fall below the one before it while counters move', () => {
    const torn = { ...histogram([1, 2, 3]), count: 1 }
    const series = histogramValues('x', {}, torn, bounds, bucketsOf(bounds, durationTargetsUs), 1e6)
    expect(series.find(({ labels }) => labels['le'] === '+Inf')?.value).toBe(3)
  })
})
