/**
 * Metric families as delimited io.prometheus.client.MetricFamily messages, the format in which Prometheus scrapes native
 * histograms. Each of our histograms has its native buckets and the classic ones beside them, so that a scraper may keep
 * either; other people's (prom-client's process metrics) have the classic ones they were made with.
 * Field numbers: https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { Histogram, HistogramLayout } from '../engine/metrics.js'
import { families, type Family, type Labels, type Snapshot } from './families.js'
import { classicBuckets, nativeBuckets, type ClassicBucket, type Unit } from './histogram.js'
import { ProtoWriter } from '../base/protobuf/wire-writer.js'

export const PROTOBUF_CONTENT_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/** MetricType. */
const TYPES = { counter: 0, gauge: 1, histogram: 4 } as const
const FAMILY = { name: 1, help: 2, type: 3, metric: 4 } as const
const METRIC = { label: 1, gauge: 2, counter: 3, histogram: 7 } as const
const LABEL = { name: 1, value: 2 } as const
/** Field number in a Gauge and in a Counter. */
const VALUE = 1
const HISTOGRAM = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
} as const
const BUCKET = { cumulativeCount: 1, upperBound: 2 } as const
const SPAN = { offset: 1, length: 2 } as const

/** The zero bucket holds only zero; this is the threshold that Prometheus' own clients send for that. */
const ZERO_THRESHOLD = 2 ** -128

/** @param process prom-client's process metrics. */
export function encodeFamilies(snapshot: Snapshot, process: readonly ProcessFamily[]): Uint8Array {
  const writer = new ProtoWriter()
  for (const family of families) {
    writeFamily(writer, family, (message) => {
      if (family.type === 'histogram') writeHistograms(message, family, snapshot)
      else
        for (const { labels, value } of family.read(snapshot)) writeScalar(message, METRIC[family.type], labels, value)
    })
  }
  for (const family of process) writeProcessFamily(writer, family)
  return writer.bytes
}

/** As prom-client's getMetricsAsJSON() gives them; histograms are flattened to their series there. */
export type ProcessFamily = Omit<MetricObjectWithValues<MetricValue<string>>, 'type'> & { readonly type: unknown }
interface FlatValue {
  readonly value: number
  readonly labels: Labels
  readonly metricName?: string
}

function writeFamily(
  writer: ProtoWriter,
  { name, help, type }: Pick<Family, 'name' | 'help' | 'type'>,
  writeMetrics: (message: ProtoWriter) => void,
): void {
  writer.delimited((message) => {
    message.text(FAMILY.name, name).text(FAMILY.help, help).unsigned(FAMILY.type, TYPES[type])
    writeMetrics(message)
  })
}

function writeScalar(family: ProtoWriter, kind: number, labels: Labels, value: number): void {
  family.message(FAMILY.metric, (metric) => {
    writeLabels(metric, labels)
    metric.message(kind, (scalar) => scalar.double(VALUE, value))
  })
}

function writeHistograms(message: ProtoWriter, family: Extract<Family, { type: 'histogram' }>, snapshot: Snapshot) {
  const layout = snapshot.engine.histogramLayout
  for (const { labels, histogram } of family.read(snapshot)) {
    message.message(FAMILY.metric, (metric) => {
      writeLabels(metric, labels)
      metric.message(METRIC.histogram, (target) => writeHistogram(target, histogram, layout, family.unit))
    })
  }
}

function writeHistogram(target: ProtoWriter, histogram: Histogram, layout: HistogramLayout, unit: Unit): void {
  const { spans, deltas } = nativeBuckets(histogram, layout, unit)
  const buckets = classicBuckets(histogram, layout, unit)
  writeClassic(target, histogram.count, histogram.sum / unit.sumScale, buckets)
  target
    .signed(HISTOGRAM.schema, layout.schema)
    .double(HISTOGRAM.zeroThreshold, ZERO_THRESHOLD)
    .unsigned(HISTOGRAM.zeroCount, histogram.zeroCount)
  for (const { offset, length } of spans) {
    target.message(HISTOGRAM.positiveSpan, (span) => span.signed(SPAN.offset, offset).unsigned(SPAN.length, length))
  }
  if (deltas.length > 0) target.packedSigned(HISTOGRAM.positiveDelta, deltas)
}

function writeClassic(target: ProtoWriter, count: number, sum: number, buckets: readonly ClassicBucket[]): void {
  target.unsigned(HISTOGRAM.sampleCount, count).double(HISTOGRAM.sampleSum, sum)
  for (const { le, cumulativeCount } of buckets) {
    target.message(HISTOGRAM.bucket, (bucket) =>
      bucket.unsigned(BUCKET.cumulativeCount, cumulativeCount).double(BUCKET.upperBound, le),
    )
  }
}

function writeLabels(metric: ProtoWriter, labels: Labels): void {
  for (const [name, value] of Object.entries(labels)) {
    metric.message(METRIC.label, (label) => label.text(LABEL.name, name).text(LABEL.value, String(value)))
  }
}

function writeProcessFamily(writer: ProtoWriter, { name, help, type, values }: ProcessFamily): void {
  const flat = values as readonly FlatValue[]
  if (type === 'counter' || type === 'gauge') {
    writeFamily(writer, { name, help, type }, (message) => {
      for (const { labels, value } of flat) writeScalar(message, METRIC[type], labels, value)
    })
  } else if (type === 'histogram') {
    writeFamily(writer, { name, help, type }, (message) => {
      for (const series of seriesOf(flat).values()) writeProcessHistogram(message, name, series)
    })
  }
  // prom-client's process metrics have no other type; a summary that a later version brings is left out.
}

/** The flattened values of each histogram, by its labels without `le`. */
function seriesOf(values: readonly FlatValue[]): Map<string, FlatValue[]> {
  const series = new Map<string, FlatValue[]>()
  for (const value of values) {
    const key = JSON.stringify(labelsOf(value))
    series.set(key, [...(series.get(key) ?? []), value])
  }
  return series
}

function labelsOf({ labels }: FlatValue): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([label]) => label !== 'le'))
}

function writeProcessHistogram(message: ProtoWriter, name: string, series: readonly FlatValue[]): void {
  const [first] = series
  if (first === undefined) return
  const valueOf = (suffix: string) => series.find(({ metricName }) => metricName === `${name}${suffix}`)?.value ?? 0
  const buckets = series
    .filter(({ labels }) => labels['le'] !== undefined && labels['le'] !== '+Inf')
    .map(({ labels, value }) => ({ le: Number(labels['le']), cumulativeCount: value }))
  message.message(FAMILY.metric, (metric) => {
    writeLabels(metric, labelsOf(first))
    metric.message(METRIC.histogram, (target) => writeClassic(target, valueOf('_count'), valueOf('_sum'), buckets))
  })
}
