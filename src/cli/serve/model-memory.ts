/** What is said at start of the models that stay in memory. */
import type { EngineMetrics } from '../../engine/metrics.js'

export function describeModelMemory({ limitBytes, warmLimitBytes, warmSeconds }: EngineMetrics['residency']): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  const served = limitBytes === null ? 'all that are served' : `${mib(limitBytes)} of those that are served`
  const isAny = warmLimitBytes > 0 && warmSeconds > 0
  const warm = isAny
    ? `${mib(warmLimitBytes)} of versions before, for ${warmSeconds} s`
    : 'no version that served before'
  return `${'models in memory'.padEnd(22)}${served}, and ${warm}`
}
