/**
 * Criterion 8: what a step of a pipeline costs beside its run. The same small model once and in a pipeline of STEPS,
 * embedded, one request at a time: the difference, over the steps more, is what one step takes, and what is left of it
 * after ONNX Runtime's own time for the same rows is the hand-over: scatter, checks, the next batch, take, and the
 * views that the run is given. That no tensor bytes pass through JavaScript on the way is held by
 * test/addon/chain.test.ts.
 */
import { readFile } from 'node:fs/promises'
import { Engine, pipeline } from '../../src/index.js'
import { median } from '../harness/report.js'
import { chainModelPath, chainSteps } from './chain-model.js'
import { measureOrt } from './ort-search.js'
import { drawRequests, type Requests } from './requests.js'
import { interleave, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const batchRows = [1, 256]
const requiredUs = 5

export const chainCriterion: Criterion = { number: 8, title: 'a chain against the sum of its steps', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const engine = await Engine.open()
  try {
    await engine.addModel('step', await readFile(chainModelPath))
    await pipeline('one', engine).model('step').deploy()
    await chainOf(engine, chainSteps).deploy()
    const findings: Finding[] = []
    for (const rows of bench.isQuick ? batchRows.slice(0, 1) : batchRows)
      findings.push(await handOver(bench, engine, rows))
    return findings
  } finally {
    await engine.close()
  }
}

function chainOf(engine: Engine, count: number): ReturnType<typeof pipeline> {
  const chain = pipeline('chain', engine)
  for (let step = 0; step < count; step++) chain.model('step')
  return chain
}

async function handOver(bench: Bench, engine: Engine, rows: number): Promise<Finding> {
  const requests = await drawRequests(chainModelPath, { count: 1, rows })
  const ort = { model: chainModelPath, freeDim: 1 }
  const configuration = { instances: 1, intraOp: 1, rows }
  await time(bench, engine, 'chain', requests)
  const results = await interleave(bench.rounds, {
    one: () => time(bench, engine, 'one', requests),
    chain: () => time(bench, engine, 'chain', requests),
    run: async () => (await measureOrt(ort, configuration, bench.seconds, bench.warmupSeconds)).p50Us,
  })
  const [one, chain, run] = ['one', 'chain', 'run'].map((name) => resultsOf(results, name)) as [
    number[],
    number[],
    number[],
  ]
  const handOvers = chain.map((us, round) => (us - (one[round] ?? 0)) / (chainSteps - 1) - (run[round] ?? 0))
  return criterionResult(
    8,
    `hand-over between steps, batch of ${rows} row${rows === 1 ? '' : 's'}`,
    samplesOf(handOvers),
    {
      unit: 'µs',
      baseline: `${chainSteps} steps ${shortNumber(median(chain))} µs, one ${shortNumber(median(one))} µs, a run ${shortNumber(median(run))} µs`,
      better: 'less',
      required: requiredUs,
    },
  )
}

/** Median microseconds of a request, one after the other. */
async function time(bench: Bench, engine: Engine, name: string, { inputs, bodies }: Requests): Promise<number> {
  const [field] = inputs
  const tensor = bodies[0]?.inputs[field?.name ?? '']
  if (field === undefined || tensor === undefined) throw new Error('Expected the model to have an input')
  const request = { inputs: { [field.name]: tensor } }
  const times: number[] = []
  const start = performance.now()
  for (let now = start; now - start < bench.seconds * 1000;) {
    const before = now
    await engine.infer(name, request)
    now = performance.now()
    times.push((now - before) * 1000)
  }
  return median(times)
}
