/**
 * The text of GET /metrics. Nothing is counted twice: at a scrape one snapshot of the engine is taken and the families
 * are read off it, next to prom-client's own process metrics.
 *
 * One registry per format, made at the first scrape in it: prom-client's OpenMetrics output renames counters in place, and
 * its process metrics start observers that nobody needs who does not scrape.
 */
import {
  collectDefaultMetrics,
  Registry,
  type Metric,
  type PrometheusContentType,
  type OpenMetricsContentType,
} from 'prom-client'
import { families, type Family, type Snapshot } from './families.js'

type ContentType = PrometheusContentType | OpenMetricsContentType

/** One per server. */
export class Metrics {
  readonly #registries = new Map<ContentType, Registry<ContentType>>()
  #snapshot: Snapshot | null = null

  /** @param takeSnapshot called once per scrape. */
  constructor(private readonly takeSnapshot: () => Snapshot) {}

  /** @param isOpenMetrics false: Prometheus text 0.0.4. */
  async text(isOpenMetrics: boolean): Promise<{ text: string; contentType: string }> {
    const contentType: ContentType = isOpenMetrics
      ? Registry.OPENMETRICS_CONTENT_TYPE
      : Registry.PROMETHEUS_CONTENT_TYPE
    this.#snapshot = this.takeSnapshot()
    return { text: await this.#registry(contentType).metrics(), contentType }
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
          values: this.#snapshot === null ? [] : family.read(this.#snapshot),
        }),
      reset: () => undefined,
    }
    return metric as unknown as Metric
  }
}
