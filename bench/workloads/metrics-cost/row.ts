/**
 * Criterion 13: what counting and timing cost where it shows most: one row a frame of the 29-float network over
 * WebSocket, 16 connections × 64 in flight. Servers with and without `--metrics off`, each trial against a fresh one,
 * interleaved and compared pair by pair; a metrics-on server is not scraped while it is measured.
 *
 *     npm run build && node dist/bench/workloads/metrics-cost/row.js [--rounds 9] [--seconds 1.5] [--quick]
 *
 * CPU time a row is the figure to trust: on shared cores the generator's own appetite moves the rate. Pairs of the same
 * server (`on` against another `on`) say how noisy the machine is.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../harness/project.js'
import { awaitReady, startPenstock } from '../../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from '../loads.js'
import { prepareModel, withServer } from '../penstock.js'
import { drawRequests } from '../requests.js'
import { interleave, ratios, resultsOf, samplesOf, type Samples } from '../rounds.js'
import { criterionResult, skipped, type Bench, type Finding } from '../row.js'

const row = 13
const pipeline = 'bench'
const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
/** Highest ratio to the cost without metrics that passes. */
const costMax = 1.02

interface Trial {
  readonly rowsPerSecond: number
  /** CPU time of the server; null where the machine does not report it. */
  readonly cpuUsPerRow: number | null
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1.5' },
    quick: { type: 'boolean', default: false },
  },
})

const folder = await mkdtemp(join(tmpdir(), 'penstock-metrics-cost-'))
try {
  const bench: Bench = {
    rounds: values.quick ? 1 : Number(values.rounds),
    seconds: values.quick ? 0.1 : Number(values.seconds),
    warmupSeconds: values.quick ? 0.05 : 0.5,
    isQuick: values.quick,
    folder,
    say: (what) => void process.stderr.write(`  ${what}\n`),
  }
  for (const finding of await measure(bench)) process.stdout.write(`${JSON.stringify(finding)}\n`)
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measure(bench: Bench): Promise<Finding[]> {
  const requests = await drawRequests(modelPath, { count: 64, rows: 1 })
  const home = await prepareModel(bench, pipeline, modelPath)
  const load: Load = { requests, transport: 'websocket', connections: 16, shape: closed(64), pipeline }
  const trial = (args: readonly string[]) => () =>
    withServer(startPenstock(home, args), async (server): Promise<Trial> => {
      await awaitReady(server)
      const finished = await runOn(bench, server, load)
      const { serverCpuSeconds, total } = finished
      const cpuUsPerRow = serverCpuSeconds < 0 ? null : (serverCpuSeconds * 1e6) / total.rows
      return { rowsPerSecond: rowsPerSecond(finished), cpuUsPerRow }
    })
  const results = await interleave(bench.rounds, { on: trial([]), off: trial(['--metrics', 'off']), again: trial([]) })
  return findingsOf(resultsOf(results, 'on'), resultsOf(results, 'off'), resultsOf(results, 'again'))
}

function findingsOf(on: readonly Trial[], off: readonly Trial[], again: readonly Trial[]): Finding[] {
  const cpu = (trial: Trial): number => trial.cpuUsPerRow ?? Number.NaN
  const rate = (trial: Trial): number => trial.rowsPerSecond
  const shown = (name: string, samples: Samples, unit: string, baseline: string): Finding =>
    criterionResult(row, name, samples, { unit, baseline, better: 'less', required: null })
  const rates = criterionResult(row, 'rows/s with metrics, against without', ratios(on, off, rate), {
    unit: '×',
    baseline: `without ${samplesOf(off.map(rate)).median.toFixed(0)}/s`,
    better: 'more',
    required: null,
  })
  if (off.some(({ cpuUsPerRow }) => cpuUsPerRow === null))
    return [rates, skipped(row, 'CPU time a row', 'the machine does not tell the CPU time of a process')]
  const baseline = `without ${samplesOf(off.map(cpu)).median.toFixed(3)} µs`
  return [
    criterionResult(row, 'CPU time a row with metrics, against without', ratios(on, off, cpu), {
      unit: '×',
      baseline,
      better: 'less',
      required: costMax,
    }),
    shown('the same, with metrics against with metrics', ratios(on, again, cpu), '×', 'the noise of this machine'),
    rates,
  ]
}
