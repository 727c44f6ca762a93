/**
 * What the pool has asked of its workers and has no answer to yet: control jobs (load, replace, unload), each for one
 * worker, and string-path runs, which any free worker takes.
 *
 * A worker that runs hears of nothing until the run has ended. So that no control operation waits for a long one, a job
 * may be deferred: its caller goes on, the job stays with its worker, which does it before it takes its next batch, and
 * a refusal that comes so late is reported. When a worker is lost or replaced, its control jobs are done by the thread in
 * its place: by what that was started with, or once more (they are idempotent). The addon answers a plain run whose
 * worker was lost with no bytes.
 */
import { addon } from '../../../bindings/native.js'
import type { PortHandle } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'
import { releaseFreeMemorySoon } from '../free-memory.js'
import { decodeReply, encodeJob, type JobTensor, type WorkerJob, type WorkerReply } from '../worker-messages.js'

export type ControlJob = Exclude<WorkerJob, { kind: 'run' }>

export interface WorkerJobsParts {
  readonly port: PortHandle
  /** null: there is no such worker any more. */
  readonly isReady: (worker: number) => boolean | null
  /** A job whose caller has gone on was refused. */
  readonly onLateRefusal: (worker: number, job: ControlJob, reason: string) => void
}

interface Waiting {
  readonly resolve: (reply: WorkerReply) => void
  readonly reject: (error: PenstockError) => void
}

interface PendingControl {
  readonly worker: number
  readonly job: ControlJob
  readonly mayDefer: boolean
  readonly resolve: (reply: WorkerReply | null) => void
  readonly reject: (error: PenstockError) => void
  isDeferred: boolean
}

const done: WorkerReply = { isDone: true, outputs: [], runUs: 0 }

export class WorkerJobs {
  readonly #parts: WorkerJobsParts
  readonly #controls = new Map<number, PendingControl>()
  readonly #runs = new Map<number, Waiting & { readonly modelKey: number }>()
  #nextTag = 1
  #isClosed = false

  constructor(parts: WorkerJobsParts) {
    this.#parts = parts
  }

  /** @returns the worker's reply, or null when it was deferred. @param mayDefer false: it waits as long as it takes. */
  post(worker: number, job: ControlJob, mayDefer = true): Promise<WorkerReply | null> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closedError())
      const isReady = this.#parts.isReady(worker)
      if (isReady === null) return resolve(done)
      const tag = this.#nextTag++
      this.#controls.set(tag, { worker, job, mayDefer, resolve, reject, isDeferred: false })
      // Otherwise it is posted when the worker is ready.
      if (isReady) this.#send(worker, tag, job)
    })
  }

  /** @param isLong it leaves the last free worker to others. */
  run(modelKey: number, inputs: readonly JobTensor[], isLong: boolean): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closedError())
      const tag = this.#nextTag++
      this.#runs.set(tag, { modelKey, resolve, reject })
      addon.postJob(this.#parts.port, -1, tag, encodeJob({ kind: 'run', modelKey, inputs }), isLong)
    })
  }

  /** The model that a job in hand runs; null: it is a control job. */
  modelOf(tag: number): number | null {
    return this.#runs.get(tag)?.modelKey ?? null
  }

  hasControlsOf(worker: number): boolean {
    return [...this.#controls.values()].some((pending) => pending.worker === worker && !pending.isDeferred)
  }

  /** The worker's callers go on; it does what was asked when it comes back. */
  defer(worker: number): void {
    for (const pending of this.#controls.values()) {
      if (pending.worker !== worker || pending.isDeferred || !pending.mayDefer) continue
      pending.isDeferred = true
      pending.resolve(null)
    }
  }

  /** Another thread has taken the worker's place, with these models. */
  resume(worker: number, startedWith: ReadonlySet<number>): void {
    for (const [tag, { worker: target, job }] of [...this.#controls]) {
      if (target !== worker) continue
      const isDone =
        (job.kind === 'load' && startedWith.has(job.model.modelKey)) ||
        (job.kind === 'unload' && !startedWith.has(job.modelKey))
      if (isDone) this.#settle(tag, done)
      else this.#send(worker, tag, job)
    }
  }

  /** The worker has left for good: nothing need be done there any more. */
  forget(worker: number): void {
    for (const [tag, pending] of [...this.#controls]) if (pending.worker === worker) this.#settle(tag, done)
  }

  /** Reads what the port has of answers. */
  drain(): void {
    const { port } = this.#parts
    for (let count = addon.drain(port); count > 0 && !this.#isClosed; count = addon.drain(port)) {
      const events = addon.events(port)
      for (let event = 0; event < count; event++) {
        const tag = events[event * 4 + 1] as number
        const bytes = addon.readJob(port, events[event * 4 + 2] as number)
        // A control job of a lost worker is done by the next.
        if (bytes.length > 0) this.#settle(tag, decodeReply(bytes))
        else this.#lose(tag)
      }
    }
  }

  /** Refuses everything, from now on as well. */
  close(): void {
    this.#isClosed = true
    for (const { reject } of [...this.#controls.values(), ...this.#runs.values()]) reject(closedError())
    this.#controls.clear()
    this.#runs.clear()
  }

  #send(worker: number, tag: number, job: ControlJob): void {
    try {
      addon.postJob(this.#parts.port, worker, tag, encodeJob(job), false)
    } catch (error) {
      // The worker has ended and the news is on its way: the job is posted again when the next is ready.
      if ((error as { code?: unknown }).code !== 'ERR_HANDLE') throw error
    }
  }

  #settle(tag: number, reply: WorkerReply): void {
    const run = this.#runs.get(tag)
    if (run !== undefined) {
      this.#runs.delete(tag)
      return run.resolve(reply)
    }
    const pending = this.#controls.get(tag)
    if (pending === undefined) return
    this.#controls.delete(tag)
    releaseFreeMemorySoon()
    if (!pending.isDeferred) pending.resolve(reply)
    else if (!reply.isDone) this.#parts.onLateRefusal(pending.worker, pending.job, reply.text)
  }

  #lose(tag: number): void {
    const run = this.#runs.get(tag)
    if (run === undefined) return
    this.#runs.delete(tag)
    run.reject(new PenstockError('ERR_WORKER_LOST', 'The inference worker ended while the request was running'))
  }
}

function closedError(): PenstockError {
  return new PenstockError('ERR_CLOSED', 'The engine is closed')
}
