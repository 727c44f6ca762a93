/**
 * How the runs of one model are arranged over workers, threads and rows: the default, which the thread plan gives
 * everybody, and what calibration (calibrate.ts) puts in its place.
 *
 *     throughput  `instances` batches at a time, `intraOpThreads` threads each: what gives the most rows a second
 *     latency     one batch that has the runtime to itself: on as many threads as make it fastest
 *
 * Two arrangements, because one cannot serve both: on two cores a transformer gives 5 % more rows a second as two runs of
 * one thread, and answers a lone request in half the time as one run of two.
 */
import { BATCH_ROWS_MAX } from '../../base/limits/limits.js'
import type { SessionSettings } from '../../worker/sessions/session-options.js'
import type { RunPlan, RunThreads } from '../api/api.js'
import type { ThreadPlan } from './thread-plan.js'

export function defaultRunPlan(threads: ThreadPlan, batchRowsMax = BATCH_ROWS_MAX): RunPlan {
  return {
    instances: threads.inferWorkers,
    intraOpThreads: threads.intraOpThreads,
    spinning: threads.spinning,
    runRowsMax: batchRowsMax,
    batchRowsMax,
    alone: null,
  }
}

/** Where the sessions of a model run. */
export type SessionPlacement = Pick<SessionSettings, 'executionProviders' | 'deviceId'>

export function sessionSettingsOf(
  { intraOpThreads, spinning }: RunThreads,
  placement: SessionPlacement,
): SessionSettings {
  return { ...placement, intraOpThreads, spinning }
}

/** `2 runs of 1 thread, 4 rows a run; alone: 2 threads`: for logs and tables. */
export function formatRunPlan({ instances, runRowsMax, batchRowsMax, alone, ...threads }: RunPlan): string {
  const rows = runRowsMax === batchRowsMax ? '' : `, ${batchRowsMax} a batch`
  const lone = alone === null ? '' : `; alone: ${formatThreads(alone)}`
  return `${counted(instances, 'run')} of ${formatThreads(threads)}, ${counted(runRowsMax, 'row')} a run${rows}${lone}`
}

function formatThreads({ intraOpThreads, spinning }: RunThreads): string {
  return `${counted(intraOpThreads, 'thread')}${spinning ? ' that spin' : ''}`
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
