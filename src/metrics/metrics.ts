/**
 * What GET /metrics answers. Nothing is counted twice: at a scrape one snapshot of the engine is taken and the families
 * are read off it, next to prom-client's own process metrics.
 *
 * prom-client prints the text formats; protobuf, which it does not know, is ours. One registry per text format, made at
 * the first scrape in it: prom-client's OpenMetrics output renames counters in place, and its process metrics start
 * observers that nobody needs who does not scrape.
 */
import {
  collectDefaultMetrics,
  Registry,
  type Metric,
  type PrometheusContentType,
  type OpenMetricsContentType,
} from 'prom-client'
import { families, type Family, type Labels, type Snapshot, type Value } from './families.js'
import { classicBuckets } from './histogram.js'
import { encodeFamilies, PROTOBUF_CONTENT_TYPE } from './protobuf-families.js'

type ContentType = PrometheusContentType | OpenMetricsContentType

/** text: Prometheus 0.0.4. Native histograms are in protobuf alone, for no text format has them. */
export type MetricsForm = 'text' | 'openmetrics' | 'protobuf'

export interface Exposition {
  readonly body: string | Uint8Array
  readonly contentType: string
}

/** One per server. */
export class Metrics {
  readonly #registries = new Map<ContentType, Registry<ContentType>>()
  #process: Registry | null = null
  #snapshot: Snapshot | null = null

  /** @param takeSnapshot called once per scrape. */
  constructor(private readonly takeSnapshot: () => Snapshot) {}

  async expose(form: MetricsForm): Promise<Exposition> {
    if (form === 'protobuf') return this.#protobuf()
    const contentType = form === 'openmetrics' ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE
    this.#snapshot = this.takeSnapshot()
    return { body: await this.#registry(contentType).metrics(), contentType }
  }

  async #protobuf(): Promise<Exposition> {
    if (this.#process === null) {
      this.#process = new Registry()
      collectDefaultMetrics({ register: this.#process })
    }
    const process = await this.#process.getMetricsAsJSON()
    return { body: encodeFamilies(this.takeSnapshot(), process), contentType: PROTOBUF_CONTENT_TYPE }
  }

  #registry(contentType: ContentType): Registry<ContentType> {
    const known = this.#registries.get(contentType)
    if (known !== undefined) return known
    const registry = new Registry<ContentType>()
    registry.setContentType(contentType)
    for (const family of families) registry.registerMetric(this.#metric(family))
    collectDefaultMetrics({ register: registry as Registry })
    this.#registries.set(contentType, registry)
    return registry
  }

  /** prom-client asks a metric for `get()` and its name, which it may change; its types know only its own classes. */
  #metric(family: Family): Metric {
    const { name, help, type } = family
    const metric = {
      name,
      type,
      get: () =>
        Promise.resolve({
          name: metric.name,
          help,
          type,
          aggregator: 'sum',
          values: this.#snapshot === null ? [] : valuesOf(family, this.#snapshot),
        }),
      reset: () => undefined,
    }
    return metric as unknown as Metric
  }
}

interface Series extends Value {
  readonly metricName?: string
}

/** Histograms flattened to their series, as prom-client does with its own. */
function valuesOf(family: Family, snapshot: Snapshot): readonly Series[] {
  if (family.type !== 'histogram') return family.read(snapshot)
  const { name, unit } = family
  const series = (suffix: string, labels: Labels, value: number): Series => {
    return { metricName: `${name}${suffix}`, labels, value }
  }
  return family
    .read(snapshot)
    .flatMap(({ labels, histogram }) => [
      ...classicBuckets(histogram, snapshot.engine.histogramLayout, unit).map(({ le, cumulativeCount }) =>
        series('_bucket', { ...labels, le }, cumulativeCount),
      ),
      series('_bucket', { ...labels, le: '+Inf' }, histogram.count),
      series('_sum', labels, histogram.sum / unit.sumScale),
      series('_count', labels, histogram.count),
    ])
}
