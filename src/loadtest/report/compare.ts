/**
 * Two recordings side by side. Ratios are only worth something when machine and load are the same, so every difference
 * between the two headers becomes a warning, named.
 */
import { formatCount, formatMs } from './format.js'
import { machineLine, type Machine } from '../recording/machine.js'
import { quantileOf } from '../targets/metrics-text.js'
import type { Recording } from '../recording/recording.js'
import { cpuPerThousand, rateOf } from '../recording/figures.js'

export interface ComparedFigure {
  readonly name: string
  readonly left: string
  readonly right: string
  /** right / left; null where one of them is unknown or 0. */
  readonly ratio: number | null
  /** Whether a higher figure is the better one; null: neither is. */
  readonly isHigherBetter: boolean | null
}

export interface Comparison {
  readonly figures: readonly ComparedFigure[]
  /** Sentences: what differs so that the ratios say less. */
  readonly warnings: readonly string[]
}

export function compareRecordings(left: Recording, right: Recording): Comparison {
  const figure = (
    name: string,
    of: (recording: Recording) => number | null,
    format: (value: number) => string,
    isHigherBetter: boolean | null,
  ): ComparedFigure => {
    const [a, b] = [of(left), of(right)]
    const text = (value: number | null) => (value === null ? '-' : format(value))
    const ratio = a === null || b === null || a === 0 ? null : b / a
    return { name, left: text(a), right: text(b), ratio, isHigherBetter }
  }
  const latency = (name: string, quantile: 'p50' | 'p95' | 'p99' | 'p999' | 'min' | 'max') =>
    figure(
      name,
      ({ finished: { total } }) => (total.requests === 0 ? null : total.latencyUs[quantile]),
      formatMs,
      false,
    )
  const phases = Object.keys(left.server?.phases ?? {}).filter((phase) => right.server?.phases[phase] !== undefined)
  return {
    figures: [
      figure('requests/s', ({ finished }) => rateOf(finished), formatCount, true),
      figure(
        'rows/s',
        ({ finished: { total, seconds } }) => (seconds > 0 ? total.rows / seconds : null),
        formatCount,
        true,
      ),
      figure(
        'failures and wrong answers',
        ({ finished: { total } }) => total.failures + total.mismatches,
        formatCount,
        false,
      ),
      latency('median ms', 'p50'),
      latency('p95 ms', 'p95'),
      latency('p99 ms', 'p99'),
      latency('p99.9 ms', 'p999'),
      latency('max ms', 'max'),
      figure('server CPU s per 1,000 requests', cpuOf, (value) => value.toPrecision(3), false),
      figure('server memory, MB', memoryOf, formatCount, false),
      figure('rows a batch', batchRowsOf, formatCount, null),
      ...phases.map((phase) =>
        figure(`${phase}, median ms`, ({ server }) => phaseMedian(server, phase), formatMs, false),
      ),
    ],
    warnings: warningsOf(left, right),
  }
}

function cpuOf({ finished: { serverCpuSeconds, total } }: Recording): number | null {
  return cpuPerThousand(serverCpuSeconds, total.requests)
}

function memoryOf({ finished: { serverRssBytesMax } }: Recording): number | null {
  return serverRssBytesMax < 0 ? null : serverRssBytesMax / 1e6
}

function batchRowsOf({ server }: Recording): number | null {
  const sample = server?.batchRows
  return sample == null ? null : sample.sum / sample.count
}

function phaseMedian(server: Recording['server'], phase: string): number | null {
  const sample = server?.phases[phase]
  return sample === undefined ? null : quantileOf(sample, 0.5) * 1e6
}

function warningsOf({ header: left }: Recording, { header: right }: Recording): string[] {
  const warnings: string[] = []
  const differ = (what: string, a: string, b: string): void => {
    if (a !== b) warnings.push(`The ${what} differs: ${a} against ${b}.`)
  }
  differ('machine', hardware(left.machine), hardware(right.machine))
  differ('version of Node', left.machine.node, right.machine.node)
  differ('transport', left.transport, right.transport)
  differ('server', left.server, right.server)
  differ('number of connections', String(left.connections), String(right.connections))
  differ('seed', String(left.seed), String(right.seed))
  if (JSON.stringify(left.phases) !== JSON.stringify(right.phases)) warnings.push('The phases differ.')
  if (requestsKey(left.requests) !== requestsKey(right.requests)) warnings.push('The mix of requests differs.')
  for (const { name, machine } of [left, right])
    if (machine.loadAtStart > 0.3 * machine.cores)
      warnings.push(`Other work disturbed ${name}: the load average was ${machine.loadAtStart} at its start.`)
  return warnings
}

function hardware(machine: Machine): string {
  return machineLine(machine).split(' · ')[0] ?? ''
}

function requestsKey(requests: Recording['header']['requests']): string {
  return JSON.stringify(
    requests.map(({ name, weight, pipeline, rows, inputs, expect }) => [name, weight, pipeline, rows, inputs, expect]),
  )
}

/** `1.25×`, or `-`. */
export function ratioText(ratio: number | null): string {
  return ratio === null ? '-' : `${Number(ratio.toPrecision(3))}×`
}
