/** The charts of one recording. A chart whose figures are unknown says why in its place. */
import { formatCount, formatMegabytes, formatMs } from './format.js'
import type { IntervalEvent } from '../native/load-plan.js'
import { quantileOf } from '../targets/metrics-text.js'
import type { Recording, StepEvent } from '../recording/recording.js'
import { barChart, lineChart, missingChart, tableFigure, type LineChart } from './charts.js'
import { table } from './markup.js'

const TIME = 's since the start'
/** Bars of the latency distribution: the generator's buckets are finer than a screen. */
const BARS_MAX = 72
/** Above this ratio of the highest to the lowest latency a linear axis hides the lower ones. */
const LOG_RATIO = 30

type Over = Pick<LineChart, 'xLabel' | 'xs' | 'shades'>

export function timeCharts({ header, intervals }: Recording): string[] {
  if (intervals.length < 2) return [missingChart('Over time', 'The run was too short for points over time.')]
  const over: Over = { xLabel: TIME, xs: intervals.map(middleOf), shades: warmups(intervals) }
  const isOpen = intervals.some(({ offeredPerSecond }) => offeredPerSecond > 0)
  const offered = { name: 'due', values: intervals.map(({ offeredPerSecond }) => offeredPerSecond) }
  const answered = { name: 'answered', values: intervals.map(({ requests, seconds }) => requests / seconds) }
  const failed = { name: 'failed', values: intervals.map(({ failures, seconds }) => failures / seconds) }
  const hasFailures = intervals.some(({ failures }) => failures > 0)
  const note = (over.shades ?? []).length > 0 ? 'Grey: warm-up, not in any figure.' : ''
  return [
    lineChart({
      ...over,
      title: 'Requests per second',
      format: formatCount,
      series: [answered, ...(isOpen ? [offered] : []), ...(hasFailures ? [failed] : [])],
      note,
    }),
    latencyChart(over, intervals, header.objective?.p99Ms ?? null),
    resourceChart(over, 'CPU, cores in use', formatCount, [
      ['server', intervals.map(({ serverCpuSeconds, seconds }) => known(serverCpuSeconds, seconds))],
      ['load generator', intervals.map(({ generatorCpuSeconds, seconds }) => known(generatorCpuSeconds, seconds))],
    ]),
    resourceChart(over, 'CPU seconds per 1,000 requests', (value) => String(Number(value.toPrecision(3))), [
      ['server', intervals.map(({ serverCpuSeconds, requests }) => known(serverCpuSeconds, requests / 1000))],
    ]),
    resourceChart(over, "The server's memory (RSS)", formatMegabytes, [
      ['RSS', intervals.map(({ serverRssBytes }) => known(serverRssBytes, 1))],
    ]),
  ]
}

function latencyChart(over: Over, intervals: readonly IntervalEvent[], p99Ms: number | null): string {
  const shown = (['p50', 'p95', 'p99', 'p999'] as const).map((quantile) => ({
    name: quantile === 'p999' ? 'p99.9' : quantile,
    values: intervals.map(({ latencyUs, requests }) => (requests === 0 ? null : latencyUs[quantile])),
  }))
  const values = shown.flatMap((series) => series.values.filter((value) => value !== null && value > 0)) as number[]
  const isLog = values.length > 0 && Math.max(...values) / Math.min(...values) > LOG_RATIO
  return lineChart({
    ...over,
    title: 'Latency, ms',
    format: formatMs,
    isLog,
    series: shown,
    limit: p99Ms === null ? null : { value: p99Ms * 1000, label: `objective: p99 <= ${p99Ms} ms` },
    note: isLog ? 'The axis is logarithmic.' : '',
  })
}

function resourceChart(
  over: Over,
  title: string,
  format: (value: number) => string,
  lines: readonly (readonly [name: string, values: readonly (number | null)[]])[],
): string {
  const series = lines
    .filter(([, values]) => values.some((value) => value !== null))
    .map(([name, values]) => ({ name, values }))
  if (series.length === 0)
    return missingChart(title, "Unknown: the server's process is on another machine, or belongs to another user.")
  return lineChart({ ...over, title, format, series })
}

export function latencyDistribution({ finished }: Recording): string {
  const title = 'Distribution of latency'
  const { histogram, latencyUs, requests } = finished.total
  if (histogram.length === 0 || requests === 0) return missingChart(title, 'Nothing was answered.')
  const low = Math.max(0.5, latencyUs.min * 0.95)
  const high = Math.max(low * 1.2, latencyUs.max * 1.02)
  const factor = (high / low) ** (1 / BARS_MAX)
  const counts = new Array<number>(BARS_MAX).fill(0)
  for (const [upper, count] of histogram) {
    // A bucket's upper bound may lie above the highest value in it.
    const bar = Math.floor(Math.log(Math.min(upper, high * 0.9999) / low) / Math.log(factor))
    const index = Math.min(BARS_MAX - 1, Math.max(0, bar))
    counts[index] = (counts[index] ?? 0) + count
  }
  const bars = counts.map((value, index) => {
    const [at, until] = [low * factor ** index, low * factor ** (index + 1)]
    const share = ((value / requests) * 100).toPrecision(3)
    return { at, until, value, label: `${formatMs(at)} to ${formatMs(until)} ms: ${value} requests, ${share} %` }
  })
  const marks = [
    { at: latencyUs.p50, label: `p50 ${formatMs(latencyUs.p50)}` },
    { at: latencyUs.p99, label: `p99 ${formatMs(latencyUs.p99)}` },
    { at: latencyUs.p999, label: `p99.9 ${formatMs(latencyUs.p999)}` },
  ]
  return barChart({ title, xLabel: 'ms', bars, isLogX: true, format: formatCount, formatX: formatMs, marks })
}

export function batchChart({ server, header }: Recording): string {
  const title = 'Rows of a batch'
  const sample = server?.batchRows ?? null
  if (sample === null) return missingChart(title, reasonWithout(header.transport.startsWith('oip')))
  let lower = 0
  const bars = sample.buckets.flatMap(([upper, count]) => {
    const bounds = { at: lower + 1, until: (Number.isFinite(upper) ? upper : Math.max(1, lower) * 2) + 1 }
    const label = `${bounds.at} to ${bounds.until - 1} rows: ${count} batches`
    lower = upper
    return [{ ...bounds, value: count, label }]
  })
  const used = bars.slice(0, bars.findLastIndex(({ value }) => value > 0) + 1)
  return barChart({
    title,
    xLabel: 'rows',
    bars: used,
    isLogX: true,
    format: formatCount,
    formatX: String,
    note: `${formatCount(sample.count)} batches of ${formatCount(sample.sum / sample.count)} rows on average, warm-up included.`,
  })
}

/** Phases of a request in the server, in the order in which it meets them. */
export function phaseTable({ server, header }: Recording): string {
  const phases = Object.entries(server?.phases ?? {})
  const title = 'Time in the server'
  if (phases.length === 0) return missingChart(title, reasonWithout(header.transport.startsWith('oip')))
  const ordered = [...phases].sort(([left], [right]) => phaseRank(left) - phaseRank(right))
  const rows = ordered.map(([name, sample]) => [
    name,
    formatCount(sample.count),
    ...[sample.sum / sample.count, ...[0.5, 0.95, 0.99].map((share) => quantileOf(sample, share))].map((seconds) =>
      formatMs(seconds * 1e6),
    ),
  ])
  return tableFigure(title, table(['phase', 'count', 'mean ms', 'median', 'p95', 'p99'], rows))
}

/** As a request meets them; others stand at the end. */
const phaseOrder = ['queue', 'assemble', 'run', 'scatter', 'send', 'request', 'total']

function phaseRank(phase: string): number {
  const index = phaseOrder.indexOf(phase)
  return index < 0 ? phaseOrder.length : index
}

export function sweepChart({ steps, header }: Recording): string {
  const title = 'p99 and median by rate'
  // A rate that missed once and then held counts as held: the better of its two runs is shown.
  const byRate = new Map<number, StepEvent>()
  for (const step of steps)
    if (step.p99Ms < (byRate.get(step.ratePerSecond)?.p99Ms ?? Infinity)) byRate.set(step.ratePerSecond, step)
  const ordered = [...byRate.values()].sort((left, right) => left.ratePerSecond - right.ratePerSecond)
  if (ordered.length < 2) return missingChart(title, 'One step only.')
  const objective = header.objective
  return lineChart({
    title,
    xLabel: 'requests/s',
    xs: ordered.map(({ ratePerSecond }) => ratePerSecond),
    isLogX: true,
    formatX: formatCount,
    isLog: true,
    series: [
      { name: 'p99', values: ordered.map(({ p99Ms }) => p99Ms * 1000) },
      { name: 'median', values: ordered.map(({ p50Ms }) => p50Ms * 1000) },
    ],
    format: formatMs,
    limit: objective === null ? null : { value: objective.p99Ms * 1000, label: `p99 <= ${objective.p99Ms} ms` },
    note: 'Both axes are logarithmic. Of a rate that was run twice, the better run.',
  })
}

function reasonWithout(isOip: boolean): string {
  return isOip
    ? 'Only a Penstock server tells: other servers have no such histogram in /metrics.'
    : 'The server has no such histogram in its /metrics, or nothing happened in between.'
}

function middleOf({ startSeconds, seconds }: IntervalEvent): number {
  return Number((startSeconds + seconds / 2).toFixed(3))
}

function warmups(intervals: readonly IntervalEvent[]): [number, number][] {
  return intervals
    .filter(({ isWarmup }) => isWarmup)
    .map(({ startSeconds, seconds }) => [startSeconds, startSeconds + seconds])
}

function known(value: number, per: number): number | null {
  return value < 0 || per <= 0 ? null : value / per
}
