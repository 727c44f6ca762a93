/**
 * The gate: `npm run bench:rows`. Measures every target that Penstock has for its speed, criterion by criterion, and
 * says for each result whether it reaches it: figure, baseline of the same run, what it must reach, what it aims at.
 *
 *   npm run bench:rows                       all criteria, about forty minutes on two cores
 *   npm run bench:rows -- --only 5,6         some
 *   npm run bench:rows -- --save             appends the findings to bench/results/<date>-rows.ndjson
 *   npm run bench:rows -- --against ../main  this build and another checkout's, side by side (against/compare.ts)
 *
 * Options for other sizes: --rounds 5 (12 pairs with --against) --seconds 1.5 --warmup 0.5 --quick --json. A criterion
 * that fails is reported and the others go on; the exit status is 1 then. A target that is missed is a finding and no
 * failure.
 */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineLine, projectRoot, readMachine } from '../harness/project.js'
import { chosenComparedCriteria, compareWith } from './against/compare.js'
import { comparedLines, formatCompared } from './against/report.js'
import { skipped, type Bench, type Finding, type Criterion } from './row.js'
import { findingLines, formatFindings } from './table.js'

const roundsDefault = '5'
/** An even number, so that either build is as often the first. */
const pairsDefault = '12'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    against: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '1.5' },
    warmup: { type: 'string', default: '0.5' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench:rows: ${error instanceof Error ? error.message : String(error)}\n`)
  return 1
})

async function main(): Promise<number> {
  const { against } = values
  const folder = await mkdtemp(join(tmpdir(), 'penstock-rows-'))
  try {
    const bench: Bench = {
      rounds: positive('rounds', values.rounds ?? (against === undefined ? roundsDefault : pairsDefault)),
      seconds: positive('seconds', values.seconds),
      warmupSeconds: positive('warmup', values.warmup),
      isQuick: values.quick,
      folder,
      say: (what) => void process.stderr.write(`  ${what}\n`),
    }
    return against === undefined ? await measureCriteria(bench) : await compareCriteria(bench, against)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function compareCriteria(bench: Bench, against: string): Promise<number> {
  const chosen = chosenComparedCriteria(values.only)
  // Only results of criteria are kept, and a ratio of two builds is none.
  if (values.save) throw new Error('Expected --save without --against: print with --json what is to be kept elsewhere')
  const compared = await compareWith(against, chosen, bench, readMachine())
  const report = values.json ? comparedLines(new Date(), compared).join('\n') : formatCompared(compared, bench)
  process.stdout.write(`${report}\n`)
  return compared.failed === 0 ? 0 : 1
}

async function measureCriteria(bench: Bench): Promise<number> {
  // Only here: the criteria load ONNX Runtime and the addon, which a comparison must not (against/draw-program.ts).
  const { criteria } = await import('./rows.js')
  const chosen = chosenCriteria(criteria, values.only)
  const machine = readMachine()
  const findings: Finding[] = []
  let failed = 0
  for (const criterion of chosen) {
    process.stderr.write(`row ${criterion.number}: ${criterion.title}\n`)
    try {
      findings.push(...(await criterion.measure(bench)))
    } catch (error) {
      failed += 1
      findings.push(skipped(criterion.number, criterion.title, `failed: ${firstLine(error)}`))
      process.stderr.write(`  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    }
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

function chosenCriteria(criteria: readonly Criterion[], only: string | undefined): readonly Criterion[] {
  if (only === undefined) return criteria
  const numbers = only.split(',').map(Number)
  const unknown = numbers.find((number) => !criteria.some((criterion) => criterion.number === number))
  if (unknown !== undefined)
    throw new Error(
      `Expected --only to be numbers of criteria, such as 5,6 (1 to ${criteria.at(-1)?.number}) but received ${only}`,
    )
  return criteria.filter(({ number }) => numbers.includes(number))
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
