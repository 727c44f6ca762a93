/**
 * Criterion 31: a forest of 500 trees of 256 leaves, which the tree kernels run, against the best of all configurations of
 * bare ONNX Runtime: one row a request over the WebSocket, and 64 rows a call of an embedded engine. Rows differ: on the
 * same ones again and again ONNX Runtime's branches are all predicted.
 *
 * Tolerances are those of one float: the kernels answer as ONNX Runtime does on one thread, bit for bit, and that is what
 * the expected answers were made by.
 */
import { cp } from 'node:fs/promises'
import { benchModel } from '../harness/bench-models.js'
import { openEmbedded } from './embedded.js'
import { closed, rowsPerSecond, runOn } from './loads.js'
import { configurationText, measureOrt, searchOrt } from './ort-search.js'
import { prepareModel, withPenstock } from './penstock.js'
import { drawRequests, type Requests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Criterion, type Finding } from './row.js'
import { shortNumber } from './table.js'

const number = 31
const pipeline = 'forest'
const exact = { absolute: 0, relative: 0 }
const connections = 4
/** Kept on the way over all connections, one row each. */
const inFlightRows = 2048
const rowsPerCall = 64
/** Calls of the embedded engine on the way: two a core, so that no core waits for the next. */
const inFlightCalls = 8
const searchSeconds = 0.8

export const treeModelsCriterion: Criterion = { number, title: 'tree ensembles', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const model = await benchModel('forest')
  const draw = (rows: number): Promise<Requests> =>
    drawRequests(model, { count: Math.ceil(4096 / rows), rows, tolerance: exact })
  const [single, many] = [await draw(1), await draw(rowsPerCall)]
  const home = await prepareModel(bench, pipeline, model)
  const copy = `${home}-trees`
  await cp(home, copy, { recursive: true, force: true })
  const embedded = await openEmbedded(many, pipeline, copy)
  try {
    const ort = { model, freeDim: 1 }
    const batchRows = bench.isQuick ? [64] : [1, 16, 64, 256, 1024]
    const found = await searchOrt(ort, batchRows, Math.min(searchSeconds, bench.seconds))
    const best = found[0]?.configuration
    if (best === undefined) throw new Error('Expected the search to try at least one configuration')
    const shape = closed(Math.ceil(inFlightRows / connections))
    const load = { requests: single, transport: 'websocket', connections, shape, pipeline } as const
    const results = await withPenstock(home, (server) =>
      interleave(bench.rounds, {
        ort: async () => (await measureOrt(ort, best, bench.seconds, bench.warmupSeconds)).rowsPerSecond,
        websocket: async () => rowsPerSecond(await runOn(bench, server, load)),
        embedded: async () => rowsPerSecond(await embedded.run(bench, closed(inFlightCalls), 1)),
      }),
    )
    const ortRates = resultsOf(results, 'ort')
    const baseline = `bare ORT ${shortNumber(samplesOf(ortRates).median)}/s (${configurationText(best)})`
    const resultOf = (how: string, title: string, required: number, aim: number): Finding => {
      const samples = ratios(resultsOf(results, how), ortRates, (rate) => rate)
      return criterionResult(number, title, samples, { unit: '×', baseline, better: 'more', required, aim })
    }
    return [
      resultOf('websocket', 'forest of 500 trees, one row a request, WebSocket', 4, 6),
      resultOf('embedded', `forest of 500 trees, ${rowsPerCall} rows a call, embedded`, 6, 10),
    ]
  } finally {
    await embedded.close()
  }
}
