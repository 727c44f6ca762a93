/** The results as people read them: a table on the terminal, the same as Markdown in docs/performance.md (tools/figures). */
import type { Machine } from '../harness/project.js'
import { outcomeOf, type Finding, type Outcome } from './row.js'

const outcomeWords: Readonly<Record<Outcome, string>> = {
  aim: 'yes, and the aim',
  yes: 'yes',
  no: 'NO',
  shown: '',
  skipped: 'not measured',
}

/** One line of NDJSON each; every line says machine, commit and date. */
export function findingLines(date: Date, machine: Machine, findings: readonly Finding[]): string[] {
  const common = { date: date.toISOString(), benchmark: 'rows', machine }
  return findings.map((finding) => JSON.stringify({ ...common, ...finding, outcome: outcomeOf(finding) }))
}

export function formatFindings(findings: readonly Finding[]): string {
  return formatTable([
    ['#', 'workload', 'figure', 'lowest–highest', 'baseline of the run', 'must', 'aim', 'reached'],
    ...[...findings].sort((left, right) => left.row - right.row).map(cellsOf),
  ])
}

/** Columns as wide as their widest cell. @param rows of cells, the titles first. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cellsOf(finding: Finding): string[] {
  const reached = outcomeWords[outcomeOf(finding)]
  if (finding.kind === 'skipped') return [String(finding.row), finding.name, '', '', finding.reason, '', '', reached]
  const { row, name, figure, unit, low, high, baseline, better, required, aim } = finding
  const sign = better === 'more' ? '≥' : '≤'
  const target = (value: number | null) => (value === null ? '' : `${sign} ${shortNumber(value)}`)
  const range = `${shortNumber(low)}–${shortNumber(high)}`
  return [String(row), name, `${shortNumber(figure)} ${unit}`, range, baseline, target(required), target(aim), reached]
}

/** Three digits; thousands and millions with k and M. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}
