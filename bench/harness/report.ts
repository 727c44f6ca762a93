/**
 * Medians over trials, the table that people read and the lines that bench/results keeps. Speed is shown as a ratio to
 * the baseline of the same run: absolute figures of two machines, or of two hours on one, do not compare.
 */
import type { Machine } from './project.js'
import { machineLine } from './project.js'
import type { LoadReport } from './load.js'
import type { LoadCase, Measured } from './trials.js'

export interface Summary {
  readonly load: LoadCase
  readonly trials: number
  readonly rowsPerSecond: number
  /** Slowest and fastest trial. */
  readonly rowsPerSecondRange: readonly [number, number]
  readonly timesBaseline: number
  readonly p50Us: number
  readonly p95Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  readonly answersPerMessage: number
  /** CPU seconds a second. */
  readonly serverCores: number
  readonly generatorCores: number
  readonly serverCpuSecondsPerMillionRows: number
}

export interface BareOrt {
  readonly rows: number
  readonly rowsPerSecond: number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** @param baseline name of the load that `timesBaseline` refers to. */
export function summarise(measured: readonly Measured[], baseline: string): Summary[] {
  const reference = measured.find(({ load }) => load.name === baseline)
  const referenceRate = median((reference?.trials ?? []).map((trial) => trial.rowsPerSecond))
  return measured.map(({ load, trials }) => {
    const of = (value: (trial: LoadReport) => number) => median(trials.map(value))
    const rates = trials.map((trial) => trial.rowsPerSecond)
    return {
      load,
      trials: trials.length,
      rowsPerSecond: median(rates),
      rowsPerSecondRange: [Math.min(...rates), Math.max(...rates)],
      timesBaseline: median(rates) / referenceRate,
      p50Us: of((trial) => trial.p50Us),
      p95Us: of((trial) => trial.p95Us),
      p99Us: of((trial) => trial.p99Us),
      p999Us: of((trial) => trial.p999Us),
      maxUs: of((trial) => trial.maxUs),
      answersPerMessage: of((trial) => trial.requests / trial.messages),
      serverCores: of((trial) => trial.serverCpuSeconds / trial.seconds),
      generatorCores: of((trial) => trial.generatorCpuSeconds / trial.seconds),
      serverCpuSecondsPerMillionRows: of(
        (trial) => (trial.serverCpuSeconds * 1e6) / (trial.rowsPerSecond * trial.seconds),
      ),
    }
  })
}

const columns: readonly { title: string; value: (summary: Summary) => string }[] = [
  { title: 'load', value: ({ load }) => load.name },
  { title: 'rows/s', value: ({ rowsPerSecond }) => thousands(rowsPerSecond) },
  { title: 'slowest–fastest', value: ({ rowsPerSecondRange }) => rowsPerSecondRange.map(thousands).join('–') },
  { title: '× fastify', value: ({ timesBaseline }) => timesBaseline.toFixed(2) },
  { title: 'p50 µs', value: ({ p50Us }) => p50Us.toFixed(0) },
  { title: 'p99 µs', value: ({ p99Us }) => p99Us.toFixed(0) },
  { title: 'p99.9 µs', value: ({ p999Us }) => p999Us.toFixed(0) },
  { title: 'CPU µs/row', value: ({ serverCpuSecondsPerMillionRows }) => serverCpuSecondsPerMillionRows.toFixed(2) },
  { title: 'answers/message', value: ({ answersPerMessage }) => answersPerMessage.toFixed(1) },
  { title: 'server cores', value: ({ serverCores }) => serverCores.toFixed(2) },
  { title: 'generator cores', value: ({ generatorCores }) => generatorCores.toFixed(2) },
]

export function formatTable(summaries: readonly Summary[]): string {
  const rows = [
    columns.map(({ title }) => title),
    ...summaries.map((summary) => columns.map(({ value }) => value(summary))),
  ]
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return rows.map(line).join('\n')
}

export function formatBareOrt(batches: readonly BareOrt[], summaries: readonly Summary[]): string {
  const best = batches.reduce((left, right) => (right.rowsPerSecond > left.rowsPerSecond ? right : left))
  const fastest = Math.max(...summaries.map(({ rowsPerSecond }) => rowsPerSecond))
  const list = batches.map(({ rows, rowsPerSecond }) => `${rows}: ${thousands(rowsPerSecond)}`).join(' · ')
  return (
    `bare onnxruntime-node, one thread, no server, rows/s by batch rows: ${list}\n` +
    `the fastest load reaches ${((100 * fastest) / best.rowsPerSecond).toFixed(1)}% of its best`
  )
}

/** One line of NDJSON per load, one for bare ONNX Runtime; each says machine, commit and date. */
export function resultLines(
  date: Date,
  machine: Machine,
  summaries: readonly Summary[],
  batches: readonly BareOrt[],
): string[] {
  const common = { date: date.toISOString(), benchmark: 'canonical', machine }
  const loads = summaries.map(({ load, ...figures }) => ({ ...common, ...load, ...figures }))
  const bare = { ...common, name: 'bare onnxruntime-node', batches }
  return [...loads, bare].map((line) => JSON.stringify(line))
}

export function formatReport(
  machine: Machine,
  summaries: readonly Summary[],
  batches: readonly BareOrt[],
  trials: string,
): string {
  return [machineLine(machine), trials, '', formatTable(summaries), '', formatBareOrt(batches, summaries)].join('\n')
}

function thousands(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)}k` : value.toFixed(0)
}
