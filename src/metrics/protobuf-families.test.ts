/**
 * The protobuf exposition is read back by a decoder that is not ours (protobufjs), with the part of Prometheus'
 * client_model that scrapers read, written down here from its published definition.
 */
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import type { EngineMetrics } from '../engine/metrics.js'
import { families } from './families.js'
import { Metrics } from './metrics.js'
import { residency, tables } from './testing/snapshots.js'
import { ProtoWriter } from '../base/protobuf/wire-writer.js'

const clientModel = `
syntax = "proto2";
package io.prometheus.client;
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; }
message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; }
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Bucket bucket = 3;
  optional sint32 schema = 5;
  optional double zero_threshold = 6;
  optional uint64 zero_count = 7;
  repeated BucketSpan positive_span = 12;
  repeated sint64 positive_delta = 13 [packed = true];
}
message Metric {
  repeated LabelPair label = 1;
  optional Gauge gauge = 2;
  optional Counter counter = 3;
  optional Histogram histogram = 7;
}
message MetricFamily { optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4; }
`
const MetricFamily = protobuf
  .parse(clientModel, { keepCase: true })
  .root.lookupType('io.prometheus.client.MetricFamily')

interface DecodedHistogram {
  sample_count: number
  sample_sum: number
  bucket: { cumulative_count: number; upper_bound: number }[]
  schema: number
  zero_threshold: number
  zero_count: number
  positive_span: { offset: number; length: number }[]
  positive_delta: number[]
}
interface DecodedFamily {
  name: string
  help: string
  type: string
  metric: {
    label: { name: string; value: string }[]
    gauge?: { value: number }
    counter?: { value: number }
    histogram?: DecodedHistogram
  }[]
}

function decode(bytes: Uint8Array): Map<string, DecodedFamily> {
  const reader = protobuf.Reader.create(bytes)
  const decoded = new Map<string, DecodedFamily>()
  while (reader.pos < reader.len) {
    const message = MetricFamily.decodeDelimited(reader)
    expect(MetricFamily.verify(message)).toBeNull()
    const options = { longs: Number, enums: String, arrays: true, defaults: false }
    const family = MetricFamily.toObject(message, options) as DecodedFamily
    expect(decoded.has(family.name)).toBe(false)
    decoded.set(family.name, family)
  }
  return decoded
}

const histogram = (buckets: Readonly<Record<number, number>>, sum: number, zeroCount = 0) => {
  const counts = new Float64Array(337)
  for (const [bucket, count] of Object.entries(buckets)) counts[Number(bucket)] = count
  return { count: counts.reduce((all, count) => all + count, zeroCount), sum, zeroCount, counts }
}
const nothing = histogram({}, 0)
const engine = {
  histogramLayout: { schema: 3, secondPower: 30 },
  uptimeMs: 5000,
  isReady: true,
  workers: { count: 2, ready: 1, restarts: 3, stuck: 1, extra: 2, runs: 'native', stoppedRuns: 4 },
  residency,
  tables,
  budget: { limitBytes: 2 ** 30, usedBytes: { requests: 3000, bodies: 200, answers: 10 } },
  models: [
    {
      model: 'm',
      version: 7,
      pendingRows: 5,
      pendingRowsBackground: 7,
      failedRunCount: 1,
      overdueRuns: { count: 3, stuck: 1 },
      batching: { rowChecks: 9, rowDifferences: 2, sharedFailures: 4 },
      isUnbatched: true,
      batchesAllocated: 2,
      arenaBytes: 2 ** 40,
      batchRows: histogram({ 0: 1, 80: 5 }, 5121),
      queueNs: nothing,
      assembleNs: nothing,
      // 2^-10 s is bucket (30 - 10) * 8; three values in it, one in the next, none in five, two behind.
      runNs: histogram({ 160: 3, 161: 1, 167: 2 }, 6_000_000, 4),
      scatterNs: nothing,
    },
  ],
  remotes: [],
  pipelines: [
    {
      pipeline: 'p "ö"',
      version: 2,
      inFlight: 2,
      requestCount: 2 ** 52 + 1,
      rowCount: 40,
      failures: { ERR_QUEUE_FULL: 2 },
      checkFailures: {},
      cache: { hitCount: 7, missCount: 5, evictionCount: 1, bytes: 4096, entryCount: 4 },
      log: {
        rowCount: 30,
        droppedRowCount: 6,
        changedKeyCount: 0,
        byteCount: 4096,
        isFailing: true,
        fault: 'EIO',
        commitNs: nothing,
      },
      background: [],
      sendNs: nothing,
      totalNs: nothing,
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
    httpRequests: new Map(),
  },
  sources: [],
  version: '1.2.3',
}))

async function scrape(): Promise<Map<string, DecodedFamily>> {
  const { body, contentType } = await metrics.expose('protobuf')
  expect(contentType).toBe(
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  )
  return decode(body as Uint8Array)
}

describe('metrics in protobuf', () => {
  it('protobuf: has every family, with its type, help and labels', async () => {
    const decoded = await scrape()
    for (const { name, help, type } of families) {
      expect(decoded.get(name)).toMatchObject({ name, help, type: type.toUpperCase() })
    }
    expect(decoded.get('penstock_requests_total')?.metric).toEqual([
      { label: [{ name: 'pipeline', value: 'p "ö"' }], counter: { value: 2 ** 52 + 1 } },
    ])
    expect(decoded.get('penstock_arena_bytes')?.metric[0]).toMatchObject({
      label: [
        { name: 'model', value: 'm' },
        { name: 'version', value: '7' },
      ],
      gauge: { value: 2 ** 40 },
    })
  })

  it("protobuf: has prom-client's process metrics, classic histograms among them", async () => {
    const decoded = await scrape()
    expect(decoded.get('process_resident_memory_bytes')?.metric[0]?.gauge?.value).toBeGreaterThan(0)
    expect(decoded.get('process_cpu_seconds_total')?.type).toBe('COUNTER')
    const collections = decoded.get('nodejs_gc_duration_seconds')
    expect(collections?.type).toBe('HISTOGRAM')
    for (const { histogram: collected, label } of collections?.metric ?? []) {
      expect(label.map(({ name }) => name)).not.toContain('le')
      expect(collected?.bucket.length).toBeGreaterThan(0)
    }
  })

  it('protobuf: native buckets are those of the exponential schema, in seconds', async () => {
    const run = (await scrape()).get('penstock_run_duration_seconds')?.metric[0]?.histogram
    expect(run).toMatchObject({
      sample_count: 10,
      sample_sum: 0.006,
      schema: 3,
      zero_count: 4,
      zero_threshold: 2 ** -128,
      positive_span: [
        { offset: -80, length: 2 },
        { offset: 5, length: 1 },
      ],
      positive_delta: [3, -2, 1],
    })
    // Bucket -80 of schema 3 ends at 2^(-80/8) s, where the classic bucket with that bound ends, too.
    expect(run?.bucket.find(({ upper_bound }) => upper_bound === 2 ** -10)?.cumulative_count).toBe(7)
    expect(run?.bucket.find(({ upper_bound }) => upper_bound === 2 ** -9)?.cumulative_count).toBe(10)
  })

  it('protobuf: rows are counted in rows', async () => {
    const batches = (await scrape()).get('penstock_batch_rows')?.metric[0]?.histogram
    expect(batches).toMatchObject({ sample_count: 6, sample_sum: 5121, zero_count: 0, positive_delta: [1, 4] })
    expect(batches?.positive_span).toEqual([
      { offset: 0, length: 1 },
      { offset: 79, length: 1 },
    ])
  })

  it('protobuf: an empty histogram is still a native one', async () => {
    const send = (await scrape()).get('penstock_send_duration_seconds')?.metric[0]?.histogram
    expect(send).toMatchObject({ sample_count: 0, sample_sum: 0, schema: 3, zero_count: 0 })
    expect(send?.zero_threshold).toBeGreaterThan(0)
    expect(send?.positive_delta).toEqual([])
  })

  it('protobuf: the decoder notices a wrong byte', async () => {
    const { body } = await metrics.expose('protobuf')
    const damaged = Uint8Array.from(body as Uint8Array)
    damaged[0] = (damaged[0] ?? 0) + 1
    expect(() => decode(damaged)).toThrow()
  })

  it('writer: whole numbers of any size and sign read back', () => {
    const values = [0, 1, -1, 127, 128, -128, 2 ** 31, -(2 ** 31), 2 ** 40, -(2 ** 51), 2 ** 51]
    const writer = new ProtoWriter().packedSigned(1, values)
    for (const value of values) if (value >= 0) writer.unsigned(2, value)
    const reader = protobuf.Reader.create(writer.bytes)
    expect(reader.uint32()).toBe(1 * 8 + 2)
    const end = reader.uint32() + reader.pos
    const read: number[] = []
    while (reader.pos < end) read.push(Number(reader.sint64()))
    expect(read).toEqual(values)
    for (const value of values.filter((each) => each >= 0)) {
      expect(reader.uint32()).toBe(2 * 8)
      expect(Number(reader.uint64())).toBe(value)
    }
  })
})
