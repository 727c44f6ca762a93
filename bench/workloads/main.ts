/**
 * The judge: `npm run bench:rows`. Measures every promise that Penstock makes about its speed, row by row, and says for
 * each figure whether it is kept: figure, baseline of the same run, what it must reach, what it aims at.
 *
 *   npm run bench:rows                       all rows, about forty minutes on two cores
 *   npm run bench:rows -- --only 5,6         some
 *   npm run bench:rows -- --save             appends the findings to bench/results/<date>-rows.ndjson
 *
 * Options for other sizes: --rounds 5 --seconds 1.5 --warmup 0.5 --quick --json. A row that fails is reported and the
 * others go on; the exit status is 1 then. A target that is missed is a finding and no failure.
 */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineLine, projectRoot, readMachine } from '../harness/project.js'
import { arrowBodyRow } from './arrow-body.js'
import { chainRow } from './chain.js'
import { checksRow } from './checks.js'
import { computeModelRows } from './compute-models.js'
import { largeTensorRow } from './large-tensor.js'
import { logRow } from './log.js'
import { programRows } from './programs.js'
import { oipRow } from './oip.js'
import { skipped, type Bench, type Finding, type Row } from './row.js'
import { shadowRow } from './shadow.js'
import { smallModelRows } from './small-model.js'
import { findingLines, formatFindings } from './table.js'

const rowNumberMax = 18

const rows: readonly Row[] = [
  ...smallModelRows,
  ...computeModelRows,
  chainRow,
  shadowRow,
  largeTensorRow,
  arrowBodyRow,
  checksRow,
  logRow,
  oipRow,
  ...programRows,
].sort((left, right) => left.number - right.number)

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1.5' },
    warmup: { type: 'string', default: '0.5' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})

process.exitCode = await main()

async function main(): Promise<number> {
  const chosen = chosenRows(values.only)
  const machine = readMachine()
  const folder = await mkdtemp(join(tmpdir(), 'penstock-rows-'))
  const bench: Bench = {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    warmupSeconds: positive('warmup', values.warmup),
    isQuick: values.quick,
    folder,
    say: (what) => void process.stderr.write(`  ${what}\n`),
  }
  const findings: Finding[] = []
  let failed = 0
  try {
    for (const row of chosen) {
      process.stderr.write(`row ${row.number}: ${row.title}\n`)
      try {
        findings.push(...(await row.measure(bench)))
      } catch (error) {
        failed += 1
        findings.push(skipped(row.number, row.title, `failed: ${firstLine(error)}`))
        process.stderr.write(`  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const lines = findingLines(new Date(), machine, findings)
  const trials = `medians of ${bench.rounds} interleaved trials of ${bench.seconds} s`
  const report = values.json
    ? lines.join('\n')
    : [machineLine(machine), trials, '', formatFindings(findings)].join('\n')
  process.stdout.write(`${report}\n`)
  if (values.save) await save(lines)
  return failed === 0 ? 0 : 1
}

function chosenRows(only: string | undefined): readonly Row[] {
  if (only === undefined) return rows
  const numbers = only.split(',').map(Number)
  const unknown = numbers.find((number) => !rows.some((row) => row.number === number))
  if (unknown !== undefined)
    throw new Error(`Expected --only to be numbers of rows, such as 5,6 (1 to ${rowNumberMax}) but received ${only}`)
  return rows.filter(({ number }) => numbers.includes(number))
}

async function save(lines: readonly string[]): Promise<void> {
  const folder = join(projectRoot, 'bench', 'results')
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${new Date().toISOString().slice(0, 10)}-rows.ndjson`)
  await appendFile(path, `${lines.join('\n')}\n`)
  process.stderr.write(`appended to ${path}\n`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`Expected --${name} to be a number above 0 but received ${text}`)
  return value
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
