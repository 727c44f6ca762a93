/**
 * Criterion 30: what the prediction cache gives where the model takes a millisecond a request, and what it costs where no
 * request comes twice. Four connections × four in flight over WebSocket, 64 different requests of 1,024 rows in turn through a
 * forest; the same pipeline without a cache, with one that has all answers, and with one whose answers are too old before
 * they are asked for. Before anything is timed the cache must say that it answers.
 */
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareHome, withPenstock } from './penstock.js'
import { drawRequests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Criterion, type Finding } from './row.js'
import { shortNumber } from './table.js'

const modelPath = join(projectRoot, 'examples', 'models', 'wine-forest', 'model.onnx')
const steps = [{ type: 'model', model: 'bench' }]
const log = { durability: 'off' }
const maxBytes = 64 * 2 ** 20
const rows = 1024
const hitShareMin = 2
const missShareMin = 0.9

export const predictionCacheCriterion: Criterion = { number: 30, title: 'prediction cache', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const requests = await drawRequests(modelPath, { count: 64, rows: bench.isQuick ? 16 : rows })
  const home = await prepareHome(bench, 'prediction-cache', {
    models: { bench: modelPath },
    pipelines: {
      plain: { steps, log },
      hit: { steps, log, cache: { ttlSeconds: 3600, maxBytes } },
      miss: { steps, log, cache: { ttlSeconds: 0.001, maxBytes } },
    },
  })
  return withPenstock(home, async (server) => {
    const trial = (pipeline: string) => async () => {
      const load: Load = { requests, transport: 'websocket', connections: 4, shape: closed(4), pipeline }
      return rowsPerSecond(await runOn(bench, server, load)) / requests.rows
    }
    const results = await interleave(bench.rounds, { plain: trial('plain'), hit: trial('hit'), miss: trial('miss') })
    await expectUses(server)
    const [plain, hit, miss] = [resultsOf(results, 'plain'), resultsOf(results, 'hit'), resultsOf(results, 'miss')]
    const baseline = `without ${shortNumber(samplesOf(plain).median)} requests/s`
    const compare = (title: string, measured: number[], required: number): Finding =>
      criterionResult(
        30,
        title,
        ratios(measured, plain, (rate: number) => rate),
        {
          unit: '×',
          baseline,
          better: 'more',
          required,
        },
      )
    return [
      compare('requests/s that the cache answers, against without', hit, hitShareMin),
      compare('requests/s that it does not, against without', miss, missShareMin),
    ]
  })
}

/** A benchmark of a cache that was not asked, or that had the answers of the one that shall have none, would flatter. */
async function expectUses(server: RunningServer): Promise<void> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
  const count = (pipeline: string, result: string): number => {
    const line = new RegExp(`^penstock_cache_requests_total\\{pipeline="${pipeline}",result="${result}"\\} (\\d+)`, 'm')
    return Number(line.exec(text)?.[1] ?? 0)
  }
  const [hits, misses] = [count('hit', 'hit'), count('hit', 'miss')]
  if (hits < misses * 10) throw new Error(`Expected the cache to answer but it had ${hits} hits and ${misses} misses`)
  if (count('miss', 'hit') > count('miss', 'miss') / 10) throw new Error('Expected answers of 1 ms to be too old')
}
