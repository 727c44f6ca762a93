/**
 * Inspects uploads on a thread of their own: it starts with the first upload and ends when none has come for a while.
 * One at a time: an inspection may need as much memory as the model, and uploads are rare.
 *
 * A thread is never terminated while it inspects, because ONNX Runtime's binding aborts the process when its thread is
 * torn down inside a call. An inspection that takes too long is refused and its thread abandoned: it ends by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Piscina } from 'piscina'
import { PenstockError } from '../base/errors.js'
import { INSPECTION_MS_MAX, MODEL_BYTES_MAX } from '../base/limits.js'
import { Mutex } from '../base/mutex.js'
import type { Upload } from '../onnx/index.js'
import type { InspectedUpload, InspectionReply, InspectionTask } from './inspection-worker.js'
import { releaseFreeMemorySoon } from './free-memory.js'
import type { BatchingOverride } from './row-trial/decide-batching.js'
import { workerFile } from './worker-file.js'

const IDLE_MS = 2_000

export class ModelInspector {
  readonly #mutex = new Mutex()
  readonly #limitMs: number
  #threads: Piscina | null = null
  /** The pool whose thread inspects now. */
  #running: Piscina | null = null

  constructor(limitMs = INSPECTION_MS_MAX) {
    this.#limitMs = limitMs
  }

  /**
   * @param upload an .onnx file and the data files that it names; read, not kept.
   * @param override rows are to share batches whatever is found; absent: what is found decides.
   * @throws PenstockError ERR_MODEL_INVALID with the reason, ERR_BODY_TOO_LARGE.
   */
  async inspect(upload: Upload, override?: BatchingOverride): Promise<InspectedUpload> {
    const sizeBytes = [...upload.dataFiles.values()].reduce((sum, { length }) => sum + length, upload.bytes.length)
    if (sizeBytes > MODEL_BYTES_MAX) {
      throw new PenstockError(
        'ERR_BODY_TOO_LARGE',
        `Expected the model to be at most ${MODEL_BYTES_MAX} bytes but received ${sizeBytes}`,
      )
    }
    const reply = await this.#mutex.run(() => this.#run({ upload, override }))
    if (!reply.isServable) throw invalid(reply.reason)
    return reply.inspected
  }

  /** Ends the idle thread; one that inspects ends when it is done. */
  async close(): Promise<void> {
    const threads = this.#threads
    this.#threads = null
    if (threads !== null && threads !== this.#running) await threads.destroy()
  }

  async #run(task: InspectionTask): Promise<InspectionReply> {
    const threads = (this.#threads ??= new Piscina({
      filename: workerFile('inspection-worker'),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
    }))
    this.#running = threads
    const done = (threads.run(task) as Promise<InspectionReply>).finally(() => {
      if (this.#running === threads) this.#running = null
      releaseFreeMemorySoon()
      // Closed or given up meanwhile.
      if (this.#threads !== threads) void threads.destroy()
    })
    const limit = new AbortController()
    const late = sleep(this.#limitMs, 'late' as const, { signal: limit.signal, ref: false }).catch(
      () => 'late' as const,
    )
    try {
      const reply = await Promise.race([done, late])
      if (reply !== 'late') return reply
    } catch (cause) {
      throw invalid(`Its inspection ended the thread it ran on (${String(cause)})`, cause)
    } finally {
      limit.abort()
    }
    this.#threads = null
    this.#running = null
    done.catch(() => undefined)
    throw invalid(`Its inspection took longer than ${this.#limitMs / 1000} s`)
  }
}

function invalid(reason: string, cause?: unknown): PenstockError {
  return new PenstockError('ERR_MODEL_INVALID', `The file is not a model that can be served. ${reason}`, { cause })
}
