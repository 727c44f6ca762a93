/**
 * The HTML report of one run: a single file without any external resource or script, readable in light and dark, on
 * paper and without the program that made it.
 */
import { formatCount, formatMs, formatSeconds } from './format.js'
import type { LoadPhase } from '../native/load-plan.js'
import { cpuPerThousand, rateOf } from '../recording/figures.js'
import { machineLine } from '../recording/machine.js'
import type { Recording, RecordingHeader } from '../recording/recording.js'
import { figureRows, figureTitles, remarksOf, stepRow, stepTitles, verdictOf } from './summary.js'
import { element, table, textElement } from './markup.js'
import { batchChart, latencyDistribution, phaseTable, sweepChart, timeCharts } from './run-charts.js'
import { style } from './style.js'

export function writeReport(recording: Recording): string {
  const { header, finished } = recording
  const sections = [
    textElement('h1', header.name),
    textElement('p', subtitle(header), { class: 'sub' }),
    verdict(recording),
    tiles(recording),
    table(figureTitles, figureRows(finished)),
    element('ul', {}, ...remarksOf(recording).map((remark) => textElement('li', remark))),
    ...(recording.steps.length === 0 ? [] : sweepSection(recording)),
    textElement('h2', 'Charts'),
    element('div', { class: 'charts' }, ...charts(recording)),
    textElement('h2', 'Settings'),
    settings(header),
  ]
  return page(`${header.name}: penstock bench`, sections)
}

/** A whole document. @param sections markup. */
export function page(title: string, sections: readonly string[]): string {
  const head = element(
    'head',
    {},
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    textElement('title', title),
    element('style', {}, style),
  )
  return `<!doctype html>\n${element('html', { lang: 'en' }, head, element('body', {}, element('main', {}, ...sections)))}\n`
}

export function subtitle({ startedAt, transport, server, url }: RecordingHeader): string {
  const where = url === '' ? server : `${server} at ${url}`
  return `${startedAt.slice(0, 16).replace('T', ' ')} UTC · ${where} · ${transport}`
}

function verdict(recording: Recording): string {
  const text = verdictOf(recording)
  if (text !== '') return textElement('p', `Not passed: ${text}.`, { class: 'bad' })
  const { objective } = recording.header
  return objective === null ? '' : textElement('p', `Within p99 <= ${objective.p99Ms} ms.`, { class: 'good' })
}

function tiles({ finished }: Recording): string {
  const { total, serverCpuSeconds } = finished
  const cpu = cpuPerThousand(serverCpuSeconds, total.requests)
  const perSecond = rateOf(finished)
  const rowsPerSecond = finished.seconds > 0 ? total.rows / finished.seconds : 0
  const shown: [string, string][] = [
    [formatCount(perSecond), 'requests a second'],
    ...(total.rows === total.requests ? [] : [[formatCount(rowsPerSecond), 'rows a second'] as [string, string]]),
    [`${formatMs(total.latencyUs.p50)} ms`, 'median latency'],
    [`${formatMs(total.latencyUs.p99)} ms`, 'p99 latency'],
    [formatCount(total.failures + total.mismatches), 'failures and wrong answers'],
    [cpu === null ? '-' : `${cpu.toPrecision(3)} s`, 'CPU per 1,000 requests'],
  ]
  const tile = ([value, label]: [string, string]) =>
    element('div', { class: 'tile' }, textElement('b', value), textElement('span', label))
  return element('div', { class: 'tiles' }, ...shown.map(tile))
}

function charts(recording: Recording): string[] {
  const [rate = '', latency = '', ...resources] = timeCharts(recording)
  return [
    rate,
    latency,
    latencyDistribution(recording),
    batchChart(recording),
    ...resources,
    phaseTable(recording),
  ].filter((chart) => chart !== '')
}

function sweepSection(recording: Recording): string[] {
  return [
    textElement('h2', 'Sweep'),
    element('div', { class: 'charts' }, sweepChart(recording)),
    table(stepTitles, recording.steps.map(stepRow), true),
  ]
}

function settings(header: RecordingHeader): string {
  const { connections, seed, phases, requests, machine, objective } = header
  const requestTitles = ['request', 'weight', 'pipeline', 'rows', 'inputs', 'expected', 'answers compared with']
  const rows = requests.map(({ name, weight, pipeline, rows: count, inputs, expect, comparison }) => [
    name,
    formatCount(weight),
    pipeline,
    String(count),
    inputs,
    expect,
    comparisonText(comparison),
  ])
  const entries: [string, string][] = [
    ['connections', String(connections)],
    ['phases', phases.map(phaseText).join(' · ')],
    [
      'objective',
      objective === null ? 'none' : `p99 <= ${objective.p99Ms} ms, failures <= ${objective.failureShareMax * 100} %`,
    ],
    ['seed', String(seed)],
    ['machine', machineLine(machine)],
  ]
  const list = entries.map(([term, text]) => textElement('dt', term) + textElement('dd', text))
  return table(requestTitles, rows) + element('dl', { style: 'margin-top:14px' }, ...list)
}

function comparisonText(comparison: RecordingHeader['requests'][number]['comparison']): string {
  return { file: 'the file', alone: 'the answer in silence', outputs: 'the scenario', none: 'nothing' }[comparison]
}

export function phaseText(phase: LoadPhase): string {
  const length = `${formatSeconds(phase.seconds)}${phase.isWarmup ? ' warm-up' : ''}`
  if (phase.kind === 'closed') {
    const think = phase.thinkMs > 0 ? `, ${phase.thinkMs} ms to think` : ''
    return `${length}: closed loop, ${phase.inFlight} in flight a connection${think}`
  }
  const { ratePerSecond: first, endRatePerSecond: last } = phase
  const rate =
    first === last ? `${formatCount(first)} requests/s` : `${formatCount(first)} to ${formatCount(last)} requests/s`
  return `${length}: open loop, ${rate}`
}
