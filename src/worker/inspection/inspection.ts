/**
 * Inspects uploads in a process of their own: it starts with the first upload and ends when none has come for a while.
 * One at a time: an inspection may need as much memory as the model, and uploads are rare.
 *
 * A process, not a thread: on some models that exporters write, ONNX Runtime itself ends the process that runs them. An
 * upload that does so on trial rows is refused, and the server goes on. One that takes too long is killed. Its memory
 * goes with it.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { PenstockError } from '../../base/errors.js'
import { INSPECTION_MS_MAX, MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { Mutex } from '../../base/mutex.js'
import { threadFile } from '../../base/thread-file.js'
import type { Upload } from '../../onnx/index.js'
import type { InspectedUpload, InspectionReply, InspectionTask } from './inspection-worker.js'
import type { BatchingOverride } from './row-trial/decide-batching.js'

const IDLE_MS = 2_000

export class ModelInspector {
  readonly #mutex = new Mutex()
  readonly #limitMs: number
  #child: ChildProcess | null = null
  #idle: NodeJS.Timeout | undefined

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

  /** Ends the process; an inspection under way is refused. */
  close(): Promise<void> {
    this.#end()
    return Promise.resolve()
  }

  #end(): void {
    clearTimeout(this.#idle)
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  async #run(task: InspectionTask): Promise<InspectionReply> {
    clearTimeout(this.#idle)
    const child = (this.#child ??= start())
    try {
      return await ask(child, task, this.#limitMs)
    } catch (error) {
      if (this.#child === child) this.#end()
      throw error
    } finally {
      child.unref()
      child.channel?.unref()
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref()
    }
  }
}

function start(): ChildProcess {
  return fork(threadFile(new URL('./inspection-process.js', import.meta.url)), [], {
    serialization: 'advanced',
    // What this program was started with (a debugger's port, a script to evaluate) is not for its child.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
}

/** @throws PenstockError ERR_MODEL_INVALID when the process ends, or does not answer in time. */
function ask(child: ChildProcess, task: InspectionTask, limitMs: number): Promise<InspectionReply> {
  child.ref()
  child.channel?.ref()
  return new Promise<InspectionReply>((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(late)
      child.removeAllListeners()
      // A process that is killed later may still report so.
      child.on('error', () => undefined)
      act()
    }
    const fail = (reason: string): void => settle(() => reject(invalid(reason)))
    const late = setTimeout(() => fail(`Its inspection took longer than ${limitMs / 1000} s`), limitMs)
    child.once('message', (reply: InspectionReply) => settle(() => resolve(reply)))
    child.once('error', (error) => fail(`Its inspection could not be run: ${error.message}`))
    child.once('exit', (code, signal) => fail(endedBy(signal ?? `exit code ${code}`)))
    child.send(task, (error) => {
      if (error !== null) fail(`Its inspection could not be run: ${error.message}`)
    })
  })
}

function endedBy(how: string): string {
  return (
    `ONNX Runtime ended its own process (${how}) on trial rows, as it would have ended the server. ` +
    'Export the model with another version of its exporter or another opset, or without the operator that fails'
  )
}

function invalid(reason: string): PenstockError {
  return new PenstockError('ERR_MODEL_INVALID', `The file is not a model that can be served. ${reason}`)
}
