/**
 * Criterion 15: what three checks cost where it shows most: one row a frame of the 29-float network over WebSocket, 16
 * connections × 64 in flight, against the same pipeline without them. One compares an output, one an input, one the
 * greatest magnitude of a slice. Before anything is timed a row that fails two of them is sent, and must say so.
 */
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareHome, withPenstock } from './penstock.js'
import { drawRequests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const run = { type: 'model', model: 'bench' }
export const checkSteps = {
  plain: [run],
  checked: [
    run,
    { type: 'check', name: 'likely', flag: 'out.probability[0] > 0.99' },
    { type: 'check', name: 'amount', require: 'in.features[28] > -1000' },
    { type: 'check', name: 'outlier', flag: 'max(abs(in.features[0:8])) > 1000' },
  ],
}
const rateShareMin = 0.95

interface Trial {
  readonly rowsPerSecond: number
  /** CPU time of the server; NaN where the machine does not report it. */
  readonly cpuUsPerRow: number
}

export const checksCriterion: Criterion = { number: 15, title: 'three checks', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const requests = await drawRequests(modelPath, { count: 64, rows: 1 })
  const home = await prepareHome(bench, 'checks', { models: { bench: modelPath }, pipelines: checkSteps })
  await withPenstock(home, expectFailures)
  const trial = (pipeline: keyof typeof checkSteps) => () =>
    withPenstock(home, async (server): Promise<Trial> => {
      const load: Load = { requests, transport: 'websocket', connections: 16, shape: closed(64), pipeline }
      const finished = await runOn(bench, server, load)
      const { serverCpuSeconds, total } = finished
      const cpuUsPerRow = serverCpuSeconds < 0 ? Number.NaN : (serverCpuSeconds * 1e6) / total.rows
      return { rowsPerSecond: rowsPerSecond(finished), cpuUsPerRow }
    })
  const results = await interleave(bench.rounds, { plain: trial('plain'), checked: trial('checked') })
  const [plain, checked] = [resultsOf(results, 'plain'), resultsOf(results, 'checked')]
  const rate = (result: Trial): number => result.rowsPerSecond
  const cpu = (result: Trial): number => result.cpuUsPerRow
  return [
    criterionResult(15, 'rows/s with three checks, against without', ratios(checked, plain, rate), {
      unit: '×',
      baseline: `without ${shortNumber(samplesOf(plain.map(rate)).median)}/s`,
      better: 'more',
      required: rateShareMin,
    }),
    criterionResult(15, 'CPU time a row with three checks', ratios(checked, plain, cpu), {
      unit: '×',
      baseline: `without ${shortNumber(samplesOf(plain.map(cpu)).median)} µs`,
      better: 'less',
      required: null,
    }),
  ]
}

/** A benchmark of checks that are not evaluated would flatter. */
async function expectFailures(server: RunningServer): Promise<void> {
  const features = Array.from({ length: 29 }, (_, index) => (index === 28 ? -2000 : index === 7 ? -1001 : 0))
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/pipelines/checked/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ features: [features] }),
  })
  const text = await response.text()
  const failed = (JSON.parse(text) as { check_failures?: { check: string }[] }).check_failures ?? []
  const names = failed.map(({ check }) => check)
  if (!names.includes('amount') || !names.includes('outlier'))
    throw new Error(`Expected the checks amount and outlier to fail but received ${response.status}: ${text}`)
}
