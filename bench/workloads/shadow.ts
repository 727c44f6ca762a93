/**
 * Criterion 9: what challengers cost the champion. One model under three names: served by itself, and with the two
 * others in its shadow. With spare capacity (Poisson, a fifth of what the champion alone saturates at) all three fit;
 * saturated (closed loop) the challengers can only be shed. The p99 of the champion's answers is compared, and the
 * challengers' rows are accounted for from /metrics: each was run, or was shed and counted, or still waits.
 */
import { benchModel } from '../harness/bench-models.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, open, p99Us, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareHome, withPenstock } from './penstock.js'
import { deepTolerance, drawRequests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const spareShare = 0.2
const tokens = 16
const connections = 4
const inFlight = 8
const challengers = ['challenger-a', 'challenger-b']
/** A p99 of a few hundred answers is noise, and with spare capacity they are few. */
const saturatedSecondsMin = 4
const spareSecondsMin = 15

export const shadowCriterion: Criterion = { number: 9, title: 'challengers in the shadow', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const path = await benchModel(bench.isQuick ? 'forest' : 'encoder')
  const requests = await drawRequests(path, { count: 16, rows: 1, freeDim: tokens, tolerance: deepTolerance })
  const home = await prepareHome(bench, 'shadow', {
    models: { champion: path, ...Object.fromEntries(challengers.map((name) => [name, path])) },
    pipelines: {
      plain: [{ type: 'model', model: 'champion' }],
      shadowed: [{ type: 'shadow', champion: 'champion', challengers }],
    },
  })
  const atLeast = (seconds: number) => (bench.isQuick ? bench.seconds : Math.max(bench.seconds, seconds))
  const base = { requests, transport: 'websocket', connections } as const
  return withPenstock(home, async (server) => {
    const saturating = (pipeline: string): Load => ({
      ...base,
      seconds: atLeast(saturatedSecondsMin),
      shape: closed(inFlight),
      pipeline,
    })
    const spareRate = spareShare * rowsPerSecond(await runOn(bench, server, saturating('plain')))
    const spare = (pipeline: string): Load => ({
      ...base,
      seconds: atLeast(spareSecondsMin),
      shape: open(spareRate),
      pipeline,
    })
    return [
      await compare(bench, server, spare, `spare capacity, ${shortNumber(spareRate)}/s`, 1.1),
      await compare(bench, server, saturating, 'saturated', 1.25),
      await account(server),
    ]
  })
}

async function compare(
  bench: Bench,
  server: RunningServer,
  load: (pipeline: string) => Load,
  title: string,
  required: number,
): Promise<Finding> {
  const results = await interleave(bench.rounds, {
    plain: async () => p99Us(await runOn(bench, server, load('plain'))),
    shadowed: async () => {
      const us = p99Us(await runOn(bench, server, load('shadowed')))
      // What still waits in the background would run into the next trial.
      await awaitIdle(server)
      return us
    },
  })
  const plain = resultsOf(results, 'plain')
  const samples = ratios(resultsOf(results, 'shadowed'), plain, (us) => us)
  const baseline = `no shadow, p99 ${shortNumber(samplesOf(plain).median / 1000)} ms`
  return criterionResult(9, `2 challengers, ${title}`, samples, { unit: '× p99', baseline, better: 'less', required })
}

/** Rows of the challengers that were run or counted as lost, over the rows that the champion of the shadow answered. */
async function account(server: RunningServer): Promise<Finding> {
  await awaitIdle(server)
  const text = await metricsOf(server)
  const asked = sum(text, 'penstock_rows_total', 'pipeline="shadowed"') * challengers.length
  const run = challengers.reduce((rows, name) => rows + sum(text, 'penstock_model_rows_total', `model="${name}"`), 0)
  const shed = sum(text, 'penstock_background_rows_lost_total', 'reason="shed"')
  const baseline = `${shortNumber(asked)} rows for challengers: ${shortNumber(run)} run, ${shortNumber(shed)} shed`
  return criterionResult(9, '2 challengers, rows accounted for', samplesOf([(run + shed) / asked]), {
    unit: 'of all',
    baseline,
    better: 'more',
    required: 0.999,
  })
}

/** Waits until no background rows are pending, at most 30 s. */
async function awaitIdle(server: RunningServer): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (sum(await metricsOf(server), 'penstock_pending_rows', '') === 0) return
    await new Promise((resolve) => void setTimeout(resolve, 100))
  }
}

async function metricsOf(server: RunningServer): Promise<string> {
  return (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
}

/** Sums the samples of a family whose labels contain `label`. */
function sum(text: string, family: string, label: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(family) && /[{ ]/.test(line[family.length] ?? '') && line.includes(label))
    .reduce(
      (total, line) =>
        total +
        Number(
          line
            .slice(line.lastIndexOf('}') + 1)
            .trim()
            .split(' ')[0],
        ),
      0,
    )
}
