#!/usr/bin/env node
/**
 * The figures of README.md, written from the newest run that bench/results keeps (`npm run bench -- --save`):
 *
 *     node tools/figures/figures.mjs
 *
 * Ratios to the baseline of the same run stand beside the absolute numbers, which belong to the machine. A test holds the
 * page to the newest run, so a result that is committed without this fails.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const START = '<!-- figures: from the newest run of bench/results, by tools/figures/figures.mjs -->\n'
const END = '<!-- /figures -->\n'

/** @returns the text between the marks; '' when no run was kept yet. */
export function newestFigures(folder = join(root, 'bench', 'results')) {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith('-canonical.ndjson'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line))
  const newest = lines
    .map(({ date }) => date)
    .sort()
    .at(-1)
  return newest === undefined ? '' : formatFigures(lines.filter(({ date }) => date === newest))
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

/** `page` with the figures in their place. @throws Error when the marks are missing. */
export function placeFigures(page, figures) {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start)
    throw new Error(`Expected README.md to have the lines ${START.trim()} and ${END.trim()}`)
  return page.slice(0, start + START.length) + figures + page.slice(end)
}

function thousands(value) {
  return value < 10_000 ? value.toFixed(0) : `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}k`
}

function milliseconds(us) {
  return (us / 1000).toFixed(us < 1000 ? 3 : 2)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'README.md')
  writeFileSync(path, placeFigures(readFileSync(path, 'utf8'), newestFigures()))
}
