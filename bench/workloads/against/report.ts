/** A comparison of two builds as people read it, and as lines of NDJSON. */
import { machineLine } from '../../harness/project.js'
import { formatTable, shortNumber } from '../table.js'
import type { Bench, Skipped } from '../row.js'
import type { Compared } from './compare.js'
import { confidenceMin, outcomeOfCriterion, ratioMin, type Comparison, type Outcome } from './pairs.js'

const outcomeWords: Readonly<Record<Outcome, string>> = {
  holds: `at least ${ratioMin}`,
  unclear: 'cannot be told from noise',
  below: `BELOW ${ratioMin}`,
}
const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`

/** One line each; every line says machine, both commits and date. */
export function comparedLines(date: Date, { machine, other, results }: Compared): string[] {
  const common = { date: date.toISOString(), benchmark: 'rows-against', machine, against: other.commit }
  return results.map((result) => JSON.stringify({ ...common, ...result }))
}

export function formatCompared({ machine, other, results }: Compared, { rounds, seconds }: Bench): string {
  const build = other.build === '' ? '' : `, ${other.build}`
  return [
    machineLine(machine),
    `against ${other.root}, commit ${other.commit}${build}`,
    `pairs of trials of ${seconds} s: ${rounds}, A B then B A; a ratio above 1: this build is better`,
    '',
    formatTable([
      ['#', 'figure', 'this', 'other', 'ratio', 'least–most', 'interval of the median', 'pairs', `≥ ${ratioMin}`],
      ...results.map(cellsOf),
    ]),
    '',
    ...[...new Set(results.map(({ row }) => row))].map((row) =>
      criterionLine(
        row,
        results.filter((result) => result.row === row),
      ),
    ),
  ].join('\n')
}

function cellsOf(result: Comparison | Skipped): string[] {
  if (result.kind === 'skipped') return [String(result.row), result.name, '', '', '', '', '', '', result.reason]
  const { row, name, unit, own, other, ratio, interval, outcome, isRequired } = result
  const range = (low: number, high: number): string => `${low.toFixed(3)}–${high.toFixed(3)}`
  return [
    String(row),
    name,
    `${shortNumber(own)} ${unit}`,
    `${shortNumber(other)} ${unit}`,
    ratio.median.toFixed(3),
    range(ratio.low, ratio.high),
    `${range(interval.low, interval.high)} (${percent(interval.confidence)})`,
    String(ratio.count),
    isRequired ? outcomeWords[outcome] : '',
  ]
}

/** The row's answer, and for one that is not plain which figure it hangs on. */
function criterionLine(row: number, results: readonly (Comparison | Skipped)[]): string {
  const comparisons = results.filter((result) => result.kind === 'comparison')
  if (comparisons.length === 0) return `row ${row}: not measured`
  const outcome = outcomeOfCriterion(comparisons)
  const said = `row ${row}: ${outcomeWords[outcome]}`
  const worst = comparisons.filter((each) => each.isRequired && each.outcome === outcome)
  if (outcome === 'holds') return said
  return `${said}: ${worst.map((each) => `${each.name} ${each.ratio.median.toFixed(3)}${reasonOf(each)}`).join('; ')}`
}

function reasonOf({ outcome, interval: { low, high, confidence } }: Comparison): string {
  const interval = `${percent(confidence)} interval ${low.toFixed(3)}–${high.toFixed(3)}`
  if (outcome !== 'unclear') return ` (${interval})`
  return confidence < confidenceMin
    ? ` (too few pairs for an interval of ${percent(confidenceMin)}: 6 or more)`
    : ` (${interval} contains ${ratioMin})`
}
