/**
 * Reads a server's /metrics (Prometheus text) before and after a run and keeps the difference of its histograms: batch
 * sizes, and the durations of the phases that a request goes through. It knows the form of the names, not a list of them:
 * `penstock_batch_rows`, and every `penstock_<phase>_duration_seconds`, so that a server with more phases shows more.
 * Labels are added up: a run that drives two pipelines shows both together.
 */
export interface HistogramSample {
  /** Upper bounds, ascending, the last Infinity; counts per bucket, not cumulative. */
  readonly buckets: readonly (readonly [upper: number, count: number])[]
  readonly sum: number
  readonly count: number
}

export interface ServerMetrics {
  readonly batchRows: HistogramSample | null
  /** By phase, seconds: queue, run … */
  readonly phases: Readonly<Record<string, HistogramSample>>
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const PHASE = /^penstock_(?:phase_)?(\w+?)_duration_seconds$/

interface Cumulative {
  readonly counts: Map<number, number>
  sum: number
  count: number
}

/** All histograms of the text by family name, their labels added up. */
function readHistograms(text: string): Map<string, Cumulative> {
  const families = new Map<string, Cumulative>()
  for (const line of text.split('\n')) {
    const match = LINE.exec(line)
    const part = /^(.*)_(bucket|sum|count)$/.exec(match?.[1] ?? '')
    if (match === null || part === null) continue
    const [, name = '', kind] = part
    const value = Number(match[3])
    if (!Number.isFinite(value)) continue
    for (const family of familiesOf(name, match[2] ?? '')) {
      const entry = families.get(family) ?? { counts: new Map<number, number>(), sum: 0, count: 0 }
      families.set(family, entry)
      if (kind === 'sum') entry.sum += value
      else if (kind === 'count') entry.count += value
      else addBucket(entry, match[2] ?? '', value)
    }
  }
  return families
}

/** A family whose phases are a label counts as one family a phase. */
function familiesOf(name: string, labels: string): string[] {
  const phase = /(?:^|,)phase="(\w+)"/.exec(labels)?.[1]
  return phase === undefined ? [name] : [`penstock_${phase}_duration_seconds`]
}

function addBucket(entry: Cumulative, labels: string, value: number): void {
  const bound = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1]
  if (bound === undefined) return
  const upper = bound === '+Inf' ? Infinity : Number(bound)
  if (!Number.isNaN(upper)) entry.counts.set(upper, (entry.counts.get(upper) ?? 0) + value)
}

/** What happened between two readings of the same server. Null when neither has anything of it. */
export function metricsBetween(before: string, after: string): ServerMetrics | null {
  const earlier = readHistograms(before)
  const later = readHistograms(after)
  const phases: Record<string, HistogramSample> = {}
  for (const [name, sample] of later) {
    const phase = PHASE.exec(name)?.[1]
    const difference = differenceOf(earlier.get(name), sample)
    if (phase !== undefined && difference.count > 0) phases[phase] = difference
  }
  const rows = later.get('penstock_batch_rows')
  const batchRows = rows === undefined ? null : differenceOf(earlier.get('penstock_batch_rows'), rows)
  if (batchRows === null && Object.keys(phases).length === 0) return null
  return { batchRows: batchRows !== null && batchRows.count > 0 ? batchRows : null, phases }
}

function differenceOf(before: Cumulative | undefined, after: Cumulative): HistogramSample {
  const uppers = [...after.counts.keys()].sort((left, right) => left - right)
  let previous = 0
  const buckets = uppers.map((upper): readonly [number, number] => {
    const cumulative = (after.counts.get(upper) ?? 0) - (before?.counts.get(upper) ?? 0)
    const count = Math.max(0, cumulative - previous)
    previous = cumulative
    return [upper, count]
  })
  return { buckets, sum: after.sum - (before?.sum ?? 0), count: after.count - (before?.count ?? 0) }
}

/** The value below which `share` of the sample lies: linear within its bucket, the bucket's lower bound in the last. */
export function quantileOf(sample: HistogramSample, share: number): number {
  const wanted = sample.count * share
  let seen = 0
  let lower = 0
  for (const [upper, count] of sample.buckets) {
    if (seen + count >= wanted && count > 0)
      return upper === Infinity ? lower : lower + ((upper - lower) * (wanted - seen)) / count
    seen += count
    lower = upper === Infinity ? lower : upper
  }
  return lower
}
