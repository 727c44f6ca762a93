#!/usr/bin/env node
/**
 * The figures of README.md and of docs/performance.md, written from the newest runs that bench/results keeps (`npm run
 * bench -- --save`, `npm run bench:rows -- --save`):
 *
 *     node tools/figures/figures.mjs
 *
 * Ratios to the baseline of the same run stand beside the absolute numbers, which belong to the machine. A test holds
 * the pages to the newest runs, so a result that is committed without this fails.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const START = '<!-- figures: from the newest run of bench/results, by tools/figures/figures.mjs -->\n'
const END = '<!-- /figures -->\n'

/** @returns the text between README.md's marks; '' when no run was kept yet. */
export function newestFigures(folder = join(root, 'bench', 'results')) {
  const run = newestRun(keptLines(folder, '-canonical.ndjson'))
  return run.length === 0 ? '' : formatFigures(run)
}

/** @returns the text between docs/performance.md's marks, which says so when no run was kept yet. */
export function newestCriteria(folder = join(root, 'bench', 'results')) {
  const lines = keptLines(folder, '-rows.ndjson')
  const keyOf = ({ row, name }) => `${row} ${name}`
  const figures = [...new Set(lines.map(keyOf))]
  const newest = figures.flatMap((key) => newestRun(lines.filter((line) => keyOf(line) === key)))
  return newest.length === 0 ? '\nNo run of the rows was kept yet.\n\n' : formatCriteria(newest)
}

/** Returns the lines of all runs: a file may hold several. */
function keptLines(folder, ending) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line))
}

/** The lines of the run with the latest date. */
function newestRun(lines) {
  const newest = lines
    .map(({ date }) => date)
    .sort()
    .at(-1)
  return lines.filter(({ date }) => date === newest)
}

/** @param run the lines of one run, as bench/harness/report.ts writes them. */
export function formatFigures(run) {
  const { date, machine } = run[0]
  const rows = run
    .filter(({ rowsPerSecond }) => rowsPerSecond !== undefined)
    .map(({ name, rowsPerSecond, timesBaseline, p50Us, p99Us }) => {
      const cells = [name, thousands(rowsPerSecond), timesBaseline.toFixed(1), milliseconds(p50Us), milliseconds(p99Us)]
      return `| ${cells.join(' | ')} |`
    })
  return [
    '',
    '| one row a request | rows/s | × fastify | p50 ms | p99 ms |',
    '|---|--:|--:|--:|--:|',
    ...rows,
    '',
    `${date.slice(0, 10)}, commit ${machine.commit}: ${machine.cpu}, ${machine.cores} cores that server and load generator share,`,
    `load average ${machine.loadAtStart} at the start, Node ${machine.node}, ONNX Runtime ${machine.onnxRuntime}; medians of ${run[0].trials} trials.`,
    '',
    '',
  ].join('\n')
}

const outcomes = { aim: 'yes, and the aim', yes: 'yes', no: '**no**', shown: '', skipped: 'not measured' }

/** @param lines as bench/workloads/table.ts writes them, each criterion's of one run. */
export function formatCriteria(lines) {
  const { machine } = lines[0]
  const dates = [...new Set(lines.map(({ date }) => date))].sort()
  const runs = dates.map((date) => runText(lines.filter((line) => line.date === date)))
  return [
    '',
    '| # | workload | figure | lowest–highest | against, in the same run | must | aim | reached |',
    '|--:|---|--:|--:|---|--:|--:|---|',
    ...[...lines].sort((left, right) => left.row - right.row).map(cellsOf),
    '',
    `${machine.cpu}, ${machine.cores} cores that server and load generator share, ${machine.memoryGb} GB, Node ${machine.node}, ONNX Runtime ${machine.onnxRuntime}.`,
    `Runs: ${runs.join('; ')}.`,
    '',
    '',
  ].join('\n')
}

function runText(lines) {
  const { date, machine } = lines[0]
  const rows = [...new Set(lines.map(({ row }) => row))].sort((left, right) => left - right)
  return `rows ${rows.join(', ')} on ${date.slice(0, 10)}, commit ${machine.commit}, load average ${machine.loadAtStart} at the start`
}

function cellsOf(finding) {
  const { kind, row, name, outcome } = finding
  const cells = kind === 'skipped' ? [row, name, '', '', finding.reason, '', ''] : [row, name, ...figuresOf(finding)]
  // A bar would begin another cell.
  return `| ${[...cells, outcomes[outcome]].map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

function figuresOf({ figure, unit, low, high, baseline, better, required, aim }) {
  const target = (value) => (value === null ? '' : `${better === 'more' ? '≥' : '≤'} ${shortNumber(value)}`)
  const range = `${shortNumber(low)}–${shortNumber(high)}`
  return [`${shortNumber(figure)} ${unit}`, range, baseline, target(required), target(aim)]
}

/** As bench/workloads/table.ts writes numbers; a test compares both, for this page is written without a build. */
export function shortNumber(value) {
  // What is no number is null in JSON.
  if (value === null || !Number.isFinite(value)) return 'none'
  const size = Math.abs(value)
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}

/** `page` with the figures in their place. @throws Error when the marks are missing. */
export function placeFigures(page, figures) {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error(`Expected the page to have the lines ${START.trim()} and ${END.trim()}`)
  return page.slice(0, start + START.length) + figures + page.slice(end)
}

function thousands(value) {
  return value < 10_000 ? value.toFixed(0) : `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}k`
}

function milliseconds(us) {
  return (us / 1000).toFixed(us < 1000 ? 3 : 2)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = { 'README.md': newestFigures(), 'docs/performance.md': newestCriteria() }
  for (const [name, figures] of Object.entries(pages)) {
    const path = join(root, name)
    writeFileSync(path, placeFigures(readFileSync(path, 'utf8'), figures))
  }
}
