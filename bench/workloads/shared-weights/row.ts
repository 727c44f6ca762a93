/**
 * Criterion 11: the memory of several workers against that of one, weights shared, every sample a fresh process.
 *
 *     npm run build && node dist/bench/workloads/shared-weights/row.js [--rounds 5] [--mib 100] [--quick]
 *
 * VmRSS counts a page of the shared file once for every worker that maps it, so that it grows although no memory is
 * used; Pss divides by the mappings, as the machine and a container's limit do. Both are held to the same ratio.
 */
import { parseArgs } from 'node:util'
import { resultsOf, interleave, ratios } from '../rounds.js'
import { criterionResult, type Finding } from '../row.js'
import type { Measurement } from './measure.js'
import { storeModel } from './stored-model.js'

const required = 1.3
const aim = 1.1

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    mib: { type: 'string', default: '100' },
    quick: { type: 'boolean', default: false },
  },
})

const isQuick = values.quick
for (const finding of await measure(isQuick ? 1 : Number(values.rounds), isQuick ? 16 : Number(values.mib)))
  process.stdout.write(`${JSON.stringify(finding)}\n`)

async function measure(rounds: number, sizeMib: number): Promise<Finding[]> {
  const workerCounts = isQuick ? [2] : [2, 4]
  const model = await storeModel(sizeMib, true)
  try {
    const cases = [1, ...workerCounts].map((workers) => [String(workers), () => model.measure(workers)] as const)
    const results = await interleave(rounds, Object.fromEntries(cases))
    if (new Set([...results.values()].flat().map(({ answers }) => answers)).size !== 1)
      throw new Error('Expected all numbers of workers to give the same answers')
    return workerCounts.flatMap((workers) => findingsOf(sizeMib, results, workers))
  } finally {
    await model.remove()
  }
}

function findingsOf(sizeMib: number, results: Map<string, Measurement[]>, workers: number): Finding[] {
  const one = resultsOf(results, '1')
  const some = resultsOf(results, String(workers))
  const compare = (what: string, mib: (measurement: Measurement) => number): Finding =>
    criterionResult(11, `${sizeMib} MiB of weights, ${workers} workers, ${what}`, ratios(some, one, mib), {
      unit: '×',
      baseline: `1 worker ${mib(one[0] as Measurement).toFixed(0)} MiB`,
      better: 'less',
      required,
      aim,
    })
  return [
    compare('VmRSS (shared pages once a worker)', ({ rssMib }) => rssMib),
    compare('Pss (what is held: shared pages once)', ({ pssMib }) => pssMib),
  ]
}
