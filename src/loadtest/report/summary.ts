/** The figures of a recording as rows of text: one table, shared by the terminal and the HTML report. */
import { formatCount, formatMegabytes, formatMs } from './format.js'
import type { FinishedEvent, KindReport } from '../native/load-plan.js'
import { cpuPerThousand } from '../recording/figures.js'
import { missOf } from '../recording/objective.js'
import { answersCompared, type Recording, type StepEvent } from '../recording/recording.js'

export const figureTitles = [
  'request',
  'count',
  'failures',
  'wrong',
  'median ms',
  'p95',
  'p99',
  'min',
  'max',
  'RPS',
  'rows/s',
]

/** A row per kind of request, and one for all when there are several. */
export function figureRows({ kinds, total, seconds }: FinishedEvent): string[][] {
  const shown = kinds.length === 1 ? kinds : [...kinds, { ...total, name: 'total' }]
  return shown.map((kind) => figureRow(kind, seconds))
}

function figureRow({ name, requests, rows, failures, mismatches, latencyUs }: KindReport, seconds: number): string[] {
  const { p50, p95, p99, min, max } = latencyUs
  const times = [p50, p95, p99, min, max].map((us) => (requests === 0 ? '-' : formatMs(us)))
  const perSecond = (count: number) => formatCount(seconds > 0 ? count / seconds : 0)
  return [name, String(requests), String(failures), String(mismatches), ...times, perSecond(requests), perSecond(rows)]
}

export const stepTitles = ['rate/s', 'served/s', 'p50 ms', 'p99 ms', 'failures', 'verdict']

export function stepRow({
  ratePerSecond,
  servedPerSecond,
  p50Ms,
  p99Ms,
  failures,
  isWithin,
  reason,
}: StepEvent): string[] {
  return [
    formatCount(ratePerSecond),
    formatCount(servedPerSecond),
    formatMs(p50Ms * 1000),
    formatMs(p99Ms * 1000),
    String(failures),
    isWithin ? 'within' : reason,
  ]
}

/** Sentences that belong under the table, in the order of their weight. */
export function remarksOf(recording: Recording): string[] {
  const { header, finished, steps } = recording
  const { compared, answers } = answersCompared(recording)
  const remarks = [
    `${compared} of ${answers} answers were compared with a known one, ${finished.total.mismatches} were wrong.`,
  ]
  for (const { name, failures, mismatches, firstFailure } of finished.kinds)
    if (failures + mismatches > 0) remarks.push(`${name}: the first failure was: ${firstFailure}`)
  for (const { name, remark } of header.requests)
    if (remark !== '') remarks.push(`${name}: answers were not compared: ${remark}.`)
  remarks.push(...resources(finished))
  if (steps.length > 0) remarks.push(sweepSentence(recording))
  return remarks
}

function resources({
  total,
  serverCpuSeconds,
  generatorCpuSeconds,
  serverRssBytesMax,
  seconds,
}: FinishedEvent): string[] {
  const server = cpuPerThousand(serverCpuSeconds, total.requests)
  if (server === null) return ["The server's CPU time is unknown: it is on another machine, or another user's."]
  const share = `${server.toPrecision(3)} CPU seconds per 1,000 requests (${(serverCpuSeconds / seconds).toFixed(2)} cores)`
  const generator =
    generatorCpuSeconds < 0
      ? ''
      : `; the load generator took ${((generatorCpuSeconds / Math.max(serverCpuSeconds, 1e-9)) * 100).toFixed(0)} % of that`
  return [`The server took ${share}${generator}. Its memory was ${formatMegabytes(serverRssBytesMax)} at most.`]
}

function sweepSentence({ header, steps }: Recording): string {
  const rates = steps.filter(({ isWithin }) => isWithin).map(({ ratePerSecond }) => ratePerSecond)
  const objective = `p99 <= ${header.objective?.p99Ms} ms`
  if (rates.length === 0) return `No rate was within ${objective}.`
  return `The highest rate within ${objective} is ${formatCount(Math.max(...rates))} requests a second. The figures are those of that step.`
}

/** Why the run counts as failed, or ''. A wrong answer always does. */
export function verdictOf({ header, finished, steps }: Recording): string {
  const { mismatches, requests, firstFailure } = finished.total
  if (mismatches > 0) return `${mismatches} answers were wrong`
  if (requests === 0) return `nothing was answered as expected: ${firstFailure || 'no answer came'}`
  if (header.objective === null) return ''
  if (steps.length > 0 && steps.every(({ isWithin }) => !isWithin)) return 'no rate was within the objective'
  const miss = steps.length > 0 ? '' : missOf(finished, null, header.objective)
  return miss === '' ? '' : `the objective of p99 <= ${header.objective.p99Ms} ms was missed: ${miss}`
}
