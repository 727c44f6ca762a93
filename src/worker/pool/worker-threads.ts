/**
 * The threads that workers run on. Background workers have their own: a thread that yields the cores would yield for ever,
 * as another worker, too. No thread is ever terminated inside a run: ONNX Runtime's binding then aborts the process.
 */
import { Piscina } from 'piscina'
import { threadFile } from '../../base/thread-file.js'
import type { WorkerObservation, WorkerReady, WorkerTask } from '../worker-messages.js'

/**
 * MiB of an isolate's young generation: runs leave next to no garbage, and V8 would let it grow to 16 MiB and more in each
 * worker before it looks.
 */
const YOUNG_GENERATION_MIB_MAX = 4

export interface ThreadCounts {
  readonly workerCount: number
  readonly backgroundWorkerCount: number
  /** Threads beyond these at most. */
  readonly substitutesMax: number
}

export class WorkerThreads {
  readonly #foreground: Piscina
  /** null: there are none. */
  readonly #background: Piscina | null
  #nextNumber = 1

  constructor(counts: ThreadCounts, onMessage: (message: WorkerReady | WorkerObservation) => void) {
    const { workerCount, backgroundWorkerCount, substitutesMax } = counts
    this.#foreground = makeThreads(workerCount, workerCount + substitutesMax, onMessage)
    this.#background =
      backgroundWorkerCount > 0 ? makeThreads(0, backgroundWorkerCount + substitutesMax, onMessage) : null
  }

  get hasBackground(): boolean {
    return this.#background !== null
  }

  /** Another one for each run. */
  takeNumber(): number {
    return this.#nextNumber++
  }

  /** Resolves when the worker has ended; rejects with what its thread was lost for. */
  async run(task: WorkerTask): Promise<void> {
    await ((task.isForBackground ? this.#background : this.#foreground) as Piscina).run(task)
  }

  /** After all runs have ended. */
  async destroy(): Promise<void> {
    await this.#foreground.destroy()
    await this.#background?.destroy()
  }
}

function makeThreads(
  minThreads: number,
  maxThreads: number,
  onMessage: (message: WorkerReady | WorkerObservation) => void,
): Piscina {
  const threads = new Piscina({
    filename: threadFile(new URL('../inference/inference-worker.js', import.meta.url)),
    minThreads,
    maxThreads,
    // A worker that waits for its next task in Atomics.wait could not be stopped.
    atomics: 'disabled',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB_MAX },
  })
  threads.on('message', onMessage)
  return threads
}
