/**
 * What more workers cost in memory when the model is large: 1, 2 and 4 workers, each measured in a fresh process, once
 * with shared weights and once with a copy each. Criterion 11 is row.ts, over the same measurements.
 *
 *     npm run build && node dist/bench/workloads/shared-weights/main.js [--mib 100] [--workers 1,2,4]
 *
 * Fails when the answers differ, or when the shared memory of the most workers exceeds 1.3 times that of one.
 */
import { parseArgs } from 'node:util'
import { machineLine, readMachine } from '../../harness/project.js'
import type { Measurement } from './measure.js'
import { storeModel } from './stored-model.js'

const RATIO_MAX = 1.3

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '100' }, workers: { type: 'string', default: '1,2,4' } },
})

await main(Number(values.mib), values.workers.split(',').map(Number))

async function main(sizeMib: number, workerCounts: readonly number[]): Promise<void> {
  process.stdout.write(`${machineLine(readMachine())}\n${sizeMib} MiB of dense layers\n\n`)
  const copies = await measureAll('a copy each', sizeMib, workerCounts, false)
  const shared = await measureAll('shared', sizeMib, workerCounts, true)
  const answers = new Set([...copies, ...shared].map((measurement) => measurement.answers))
  process.stdout.write(answers.size === 1 ? 'All answers are equal.\n' : 'THE ANSWERS DIFFER.\n')
  const ratio = (shared.at(-1)?.pssMib ?? Infinity) / (shared[0]?.pssMib ?? 1)
  process.stdout.write(`pss grows ${ratio.toFixed(2)} times, at most ${RATIO_MAX} wanted.\n`)
  if (answers.size !== 1 || ratio > RATIO_MAX) process.exitCode = 1
}

async function measureAll(
  title: string,
  sizeMib: number,
  workerCounts: readonly number[],
  isShared: boolean,
): Promise<Measurement[]> {
  const model = await storeModel(sizeMib, isShared)
  try {
    const measured: Measurement[] = []
    for (const workers of workerCounts) measured.push(await model.measure(workers))
    process.stdout.write(`${title}\n${measured.map((one) => lineOf(one, measured[0] ?? one)).join('\n')}\n\n`)
    return measured
  } finally {
    await model.remove()
  }
}

function lineOf(one: Measurement, first: Measurement): string {
  const figure = (name: string, mib: number, base: number) =>
    `${name} ${mib.toFixed(0)} MiB (${(mib / base).toFixed(2)}x)`
  return [
    `  ${one.workers} worker${one.workers === 1 ? ' ' : 's'}`,
    figure('pss', one.pssMib, first.pssMib),
    figure('rss', one.rssMib, first.rssMib),
    figure('peak rss', one.peakRssMib, first.peakRssMib),
    `one row ${one.runMs.toFixed(2)} ms`,
  ].join('  ')
}
