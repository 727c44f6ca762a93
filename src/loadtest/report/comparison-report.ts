/** The HTML report of two recordings: the ratios, the warnings, and the distributions one above the other. */
import { ratioText, type Comparison } from './compare.js'
import type { Recording } from '../recording/recording.js'
import { batchChart, latencyDistribution } from './run-charts.js'
import { element, table, textElement } from './markup.js'
import { page, phaseText, subtitle } from './report.js'

export function writeComparisonReport(
  [left, right]: readonly [Recording, Recording],
  names: readonly [string, string],
  { figures, warnings }: Comparison,
): string {
  const rows = figures.map(({ name, left: a, right: b, ratio }) => [name, a, b, ratioText(ratio)])
  return page(`${names[0]} and ${names[1]}: penstock bench`, [
    textElement('h1', `${names[0]} and ${names[1]}`),
    ...[left, right].map(({ header }, index) =>
      textElement(
        'p',
        `${names[index]}: ${header.name} · ${subtitle(header)} · ${header.phases.map(phaseText).join(' · ')}`,
        {
          class: 'sub',
        },
      ),
    ),
    ...warnings.map((warning) => textElement('p', warning, { class: 'warn' })),
    table(['', names[0], names[1], 'ratio'], rows),
    ...[left, right].flatMap((recording, index) => [
      textElement('h2', names[index] ?? ''),
      element('div', { class: 'charts' }, latencyDistribution(recording), batchChart(recording)),
    ]),
  ])
}
