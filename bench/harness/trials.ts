/**
 * Runs the loads of a benchmark: every round measures every load once, each against a fresh server, in an order that
 * turns by one a round. A machine that slows down for some seconds then hurts all loads alike, and the median forgets it.
 */
import { measureLoad, type LoadReport } from './load.js'
import type { RequestSet } from './request-set.js'
import { awaitReady, startFastify, startPenstock, type RunningServer } from './servers.js'

export interface LoadCase {
  readonly name: string
  readonly server: 'penstock' | 'fastify'
  readonly mode: 'ws' | 'http'
  readonly connections: number
  readonly inFlight: number
}

export interface TrialSettings {
  /** Name of the pipeline, and of the model behind it. */
  readonly pipeline: string
  readonly modelPath: string
  /** Home of the Penstock server, with the pipeline deployed. */
  readonly home: string
  readonly requests: RequestSet
  readonly warmupSeconds: number
  readonly seconds: number
}

export interface Measured {
  readonly load: LoadCase
  readonly trials: readonly LoadReport[]
}

/** @throws Error when a single answer was wrong or failed: no figure is worth anything then. */
export async function runTrials(
  cases: readonly LoadCase[],
  rounds: number,
  settings: TrialSettings,
): Promise<Measured[]> {
  const measured = cases.map((load) => ({ load, trials: [] as LoadReport[] }))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < measured.length; turn++) {
      const entry = measured[(turn + round) % measured.length]
      if (entry !== undefined) entry.trials.push(await runTrial(entry.load, settings))
    }
  }
  return measured
}

async function runTrial(load: LoadCase, settings: TrialSettings): Promise<LoadReport> {
  const server =
    load.server === 'penstock' ? await startPenstock(settings.home) : await startFastify(settings.modelPath)
  try {
    if (load.server === 'penstock') await awaitReady(server)
    return await runCase(load, server, settings)
  } finally {
    await server.stop()
  }
}

/** One load against a running server. @throws Error when an answer was wrong or failed. */
export async function runCase(
  load: LoadCase,
  server: RunningServer,
  settings: Pick<TrialSettings, 'pipeline' | 'requests' | 'warmupSeconds' | 'seconds'>,
): Promise<LoadReport> {
  const report = await measureLoad({
    mode: load.mode,
    port: server.port,
    serverPid: server.pid,
    bodiesPath: settings.requests.paths[load.mode],
    rowsPerRequest: settings.requests.rowsPerRequest,
    connections: load.connections,
    inFlight: load.inFlight,
    warmupSeconds: settings.warmupSeconds,
    seconds: settings.seconds,
    pipeline: settings.pipeline,
    path: load.server === 'penstock' ? `/v1/pipelines/${settings.pipeline}/infer` : '/predict',
  })
  const { requests, errors, mismatches, firstError } = report
  if (errors > 0 || mismatches > 0 || requests === 0) {
    throw new Error(
      `${load.name}: ${requests} requests, ${mismatches} wrong answers, ${errors} errors` +
        (firstError === '' ? '' : ` (the first: ${firstError})`),
    )
  }
  return report
}
