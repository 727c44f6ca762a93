/**
 * Inspects uploads on a thread of their own: it starts with the first upload and ends when none has come for a while.
 * One at a time: an inspection may need as much memory as the model, and uploads are rare.
 */
import { Piscina } from 'piscina'
import { PenstockError } from '../base/errors.js'
import { INSPECTION_MS_MAX, MODEL_BYTES_MAX } from '../base/limits.js'
import type { InspectionReply } from './inspection-worker.js'
import type { InspectedSignature } from './inspect-model.js'
import { workerFile } from './worker-file.js'

const IDLE_MS = 2_000

export class ModelInspector {
  #threads: Piscina | null = null

  /**
   * @param bytes an .onnx file; read, not kept.
   * @throws PenstockError ERR_MODEL_INVALID with the reason, ERR_BODY_TOO_LARGE.
   */
  async inspect(bytes: Uint8Array): Promise<InspectedSignature> {
    if (bytes.length > MODEL_BYTES_MAX) {
      throw new PenstockError(
        'ERR_BODY_TOO_LARGE',
        `Expected the model to be at most ${MODEL_BYTES_MAX} bytes but received ${bytes.length}`,
      )
    }
    this.#threads ??= new Piscina({
      filename: workerFile('inspection-worker'),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
    })
    const signal = AbortSignal.timeout(INSPECTION_MS_MAX)
    let reply: InspectionReply
    try {
      reply = (await this.#threads.run(bytes, { signal })) as InspectionReply
    } catch (cause) {
      const why = signal.aborted
        ? `its inspection took longer than ${INSPECTION_MS_MAX / 1000} s`
        : `its inspection ended the thread it ran on (${String(cause)})`
      throw new PenstockError('ERR_MODEL_INVALID', `The file is not a model that can be served: ${why}`, { cause })
    }
    if (!reply.isServable)
      throw new PenstockError('ERR_MODEL_INVALID', `The file is not a model that can be served. ${reply.reason}`)
    return reply.signature
  }

  async close(): Promise<void> {
    await this.#threads?.destroy()
    this.#threads = null
  }
}
