/**
 * The thread that runs models: one piscina task that lasts as long as the worker.
 *
 *     take ──► batch ──► run on the arena's memory ──► completeBatch ───────────┐
 *      ▲  └──► job ────► load | replace | unload | plain run ──► completeJob ───┤
 *      └────────────────────────────────────────────────────────────────────────┘   closed ──► the task returns
 *                                                                                  retired ──► the thread ends
 *
 * `take` blocks the thread inside the addon, so messages and terminate() do not reach it: everything comes as a job of
 * the same queue, and closing the runtime wakes it. Models that the task names are loaded before the first take, so a
 * worker that replaces a lost one never sees a batch without its session. An exception that is no run's or job's own
 * ends the task; the pool then starts another worker.
 */
import { parentPort } from 'node:worker_threads'
import { Take } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { WorkerHandle } from '../../../bindings/native.js'
import { BatchRunner } from './batch-runner.js'
import { FailureReports } from './failure-reports.js'
import { ProviderRefused } from '../sessions/cuda.js'
import type { RunningWorker } from '../sessions/model-runner.js'
import { openModelSession, releaseModelSession, warmUp, type ModelSession } from '../sessions/model-session.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import { RowChecks } from './row-checks.js'
import {
  decodeJob,
  encodeReply,
  type WorkerJob,
  type WorkerObservation,
  type WorkerReady,
  type WorkerReply,
  type WorkerTask,
} from '../worker-messages.js'

export default async function inferenceWorker(task: WorkerTask): Promise<void> {
  // Before it loads: the threads of its sessions are to yield as well.
  if (task.isForBackground) addon.yieldToOthers()
  const sessions = new Map<number, ModelSession>()
  const running: RunningWorker = { index: task.workerIndex, handle: null }
  const unloaded: WorkerReady['unloaded'][number][] = []
  for (const model of task.models) {
    try {
      sessions.set(model.modelKey, await openModelSession(model, running))
    } catch (error) {
      // One broken file must not keep the other models from being served.
      unloaded.push({ modelKey: model.modelKey, label: model.label, reason: runtimeReason(error) })
    }
  }
  const worker = addon.openWorker(task.runtime, task.workerIndex, task.isForBackground)
  running.handle = worker
  let isRetired = false
  try {
    // Leaves at once: a port's queue needs no event loop of the sender.
    const ready: WorkerReady = { readyWorker: task.workerIndex, thread: task.thread, unloaded }
    parentPort?.postMessage(ready)
    isRetired = (await serve(worker, running, sessions, task.rowCheckEvery)) === 'retired'
  } finally {
    addon.closeWorker(worker)
    await releaseAll(sessions)
  }
  // One that was set aside yields to every other thread, which cannot be taken back: nobody may use it again.
  if (isRetired) process.exit()
}

async function serve(
  worker: WorkerHandle,
  running: RunningWorker,
  sessions: Map<number, ModelSession>,
  rowCheckEvery: number,
): Promise<'closed' | 'retired'> {
  const post = (observation: WorkerObservation): void => parentPort?.postMessage(observation)
  const checks = new RowChecks(
    rowCheckEvery,
    (check) => post({ observed: 'row-check', ...check }),
    (modelKey) => addon.beginCheck(worker, modelKey),
  )
  const reports = new FailureReports(
    (modelKey, reason, count) => post({ observed: 'background-failure', modelKey, reason, count }),
    () => addon.nowUs() / 1000,
  )
  const runner = new BatchRunner(
    addon,
    worker,
    sessions,
    checks,
    (modelKey, reason) => post({ observed: 'shared-failure', modelKey, reason }),
    (modelKey, reason) => reports.add(modelKey, reason),
  )
  for (;;) {
    // With a check to do it does not wait for work.
    const taken = addon.take(worker, checks.hasPending ? 0 : -1)
    if (taken === Take.batch) {
      await runner.runBatch()
      if (checks.isOverdue()) await checks.run(sessions)
    } else if (taken === Take.job) {
      const { tag, payload } = addon.takeJob(worker)
      const job = decodeJob(payload)
      if (job.kind === 'unload') reports.forget(job.modelKey)
      addon.completeJob(worker, tag, encodeReply(await answerJob(job, running, sessions)))
    } else if (taken === Take.timeout) await checks.run(sessions)
    else if (taken === Take.closed) return 'closed'
    else if (taken === Take.retired) return 'retired'
  }
}

async function answerJob(
  job: WorkerJob,
  running: RunningWorker,
  sessions: Map<number, ModelSession>,
): Promise<WorkerReply> {
  const startUs = addon.nowUs()
  try {
    if (job.kind === 'load') {
      // A replacement worker may have loaded it already.
      const present = sessions.get(job.model.modelKey)
      const loaded = present ?? (await openModelSession(job.model, running))
      sessions.set(job.model.modelKey, loaded)
      if (present === undefined) await warmUp(job.model, loaded)
      return { isDone: true, outputs: [], runUs: addon.nowUs() - startUs, provider: loaded.provider }
    }
    if (job.kind === 'replace') {
      const { modelKey } = job.model
      const replaced = await openModelSession(job.model, running, sessions.get(modelKey))
      sessions.set(modelKey, replaced)
      return { isDone: true, outputs: [], runUs: addon.nowUs() - startUs, provider: replaced.provider }
    }
    const model = sessions.get(job.modelKey)
    if (job.kind === 'unload') {
      sessions.delete(job.modelKey)
      if (model !== undefined) await releaseModelSession(model)
      return { isDone: true, outputs: [], runUs: addon.nowUs() - startUs }
    }
    if (model === undefined) return { isDone: false, text: 'the model is not loaded in this worker' }
    return { isDone: true, outputs: await model.runner.run(job.inputs), runUs: addon.nowUs() - startUs }
  } catch (error) {
    if (error instanceof ProviderRefused) return { isDone: false, text: error.message, isProvider: true }
    return { isDone: false, text: runtimeReason(error) }
  }
}

async function releaseAll(sessions: Map<number, ModelSession>): Promise<void> {
  for (const model of sessions.values()) await releaseModelSession(model)
  sessions.clear()
}
