/**
 * The engine's side of a tokenizer's thread: requests wait here in a queue and go together while the thread is busy, two
 * messages ahead, so that it never waits for this side. Who gives up before then costs the thread nothing. A thread that takes
 * too long or dies fails what it had; the next request starts another.
 *
 *    encode ──► waiting (bytes bounded) ──► message of requests ──► thread ──► columns, transferred
 */
import { Worker } from 'node:worker_threads'
import { PenstockError } from '../base/errors.js'
import {
  TOKENIZER_HEAP_MIB_MAX,
  TOKENIZER_MESSAGE_BYTES,
  TOKENIZER_MS_MAX,
  TOKENIZER_PENDING_BYTES_MAX,
} from '../base/limits/text-limits.js'
import { onAbort } from '../base/abort.js'
import { threadFile } from '../base/thread-file.js'
import type { TokeniseSettings } from './text-tokenizer.js'
import type { TokenizerFacts } from './tokenizer-file.js'
import type { TokenizerFailure, TokenizerReply, TokenizerResult, TokenizerTask } from './tokenizer-worker.js'

/** Texts as columns have them. */
export interface PackedTexts {
  /** UTF-8, one behind the other; lent until the call returns. */
  readonly data: Uint8Array
  readonly offsets: Int32Array
}

interface Pending {
  readonly task: TokenizerTask
  readonly resolve: (result: TokenizerResult) => void
  readonly reject: (error: PenstockError) => void
  readonly offAbort: () => void
}

const MESSAGES_AHEAD_MAX = 2

export class TokenizerThread {
  readonly facts: TokenizerFacts
  readonly #bytes: Uint8Array
  #worker: Worker | null
  #nextId = 1
  /** Not sent yet, in their order. */
  readonly #waiting = new Map<number, Pending>()
  #waitingBytes = 0
  readonly #sent = new Map<number, Pending>()
  #messages = 0
  #watchdog: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(bytes: Uint8Array, worker: Worker, facts: TokenizerFacts) {
    this.#bytes = bytes
    this.#worker = worker
    this.facts = facts
    this.#listen(worker)
  }

  /**
   * @param bytes a tokenizer.json, kept.
   * @throws PenstockError ERR_ARGUMENT: it is none that can be used; ERR_RUN_FAILED: its thread did not start.
   */
  static async open(bytes: Uint8Array): Promise<TokenizerThread> {
    const { worker, facts } = await startWorker(bytes)
    return new TokenizerThread(bytes, worker, facts)
  }

  /**
   * @param settings null: the texts' tokens are only counted.
   * @throws PenstockError ERR_QUEUE_FULL, ERR_ARGUMENT, ERR_RUN_FAILED; the signal's reason.
   */
  run(texts: PackedTexts, settings: TokeniseSettings | null, signal?: AbortSignal): Promise<TokenizerResult> {
    if (this.#isClosed) return Promise.reject(new PenstockError('ERR_CLOSED', 'The tokenizer is closed'))
    if (signal?.aborted === true) return Promise.reject(reasonOf(signal))
    const bytes = texts.data.byteLength
    if (this.#waiting.size > 0 && this.#waitingBytes + bytes > TOKENIZER_PENDING_BYTES_MAX) {
      const text = `Texts of ${TOKENIZER_PENDING_BYTES_MAX} bytes wait for the tokenizer already. Try again later`
      return Promise.reject(new PenstockError('ERR_QUEUE_FULL', text, { retryAfterMs: 100 }))
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      const task = { id, data: texts.data.slice(), offsets: texts.offsets.slice(), settings }
      const offAbort =
        signal === undefined ? () => undefined : onAbort(signal, () => this.#giveUp(id, reasonOf(signal)))
      this.#waiting.set(id, { task, resolve, reject, offAbort })
      this.#waitingBytes += bytes
      this.#send()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#end(new PenstockError('ERR_CLOSED', 'The tokenizer was closed'))
  }

  #send(): void {
    if (this.#worker === null && this.#waiting.size > 0) void this.#restart()
    while (this.#worker !== null && this.#messages < MESSAGES_AHEAD_MAX && this.#waiting.size > 0) {
      const tasks: TokenizerTask[] = []
      let bytes = 0
      for (const [id, pending] of this.#waiting) {
        const { byteLength } = pending.task.data
        if (tasks.length > 0 && bytes + byteLength > TOKENIZER_MESSAGE_BYTES) break
        bytes += byteLength
        this.#waiting.delete(id)
        this.#sent.set(id, pending)
        tasks.push(pending.task)
      }
      this.#waitingBytes -= bytes
      this.#messages += 1
      const buffers = tasks.flatMap(({ data, offsets }) => [data.buffer as ArrayBuffer, offsets.buffer as ArrayBuffer])
      this.#worker.postMessage(tasks, buffers)
      this.#watch()
    }
  }

  /** The thread's time begins anew with each message that it has finished. */
  #watch(): void {
    clearTimeout(this.#watchdog)
    if (this.#messages === 0) return
    const failure = new PenstockError(
      'ERR_RUN_FAILED',
      `The tokenizer took more than ${TOKENIZER_MS_MAX} ms and was ended`,
    )
    this.#watchdog = setTimeout(() => void this.#end(failure), TOKENIZER_MS_MAX)
    this.#watchdog.unref()
  }

  #listen(worker: Worker): void {
    worker.on('message', (reply: TokenizerReply) => {
      if (reply.kind !== 'results') return
      this.#messages -= 1
      this.#watch()
      for (const result of reply.results) this.#finish(result)
      this.#send()
    })
    const lost = (reason: string): void => {
      if (this.#worker === worker)
        void this.#end(new PenstockError('ERR_RUN_FAILED', `The tokenizer's thread ended: ${reason}`))
    }
    worker.on('error', (error) => lost(error.message))
    worker.on('exit', (code) => lost(`exit code ${code}`))
    // A process that has nothing else to do may end.
    worker.unref()
  }

  #finish(result: TokenizerResult): void {
    const pending = this.#sent.get(result.id)
    if (pending === undefined) return
    this.#sent.delete(result.id)
    pending.offAbort()
    if (result.kind === 'failed') pending.reject(errorOf(result.failure))
    else pending.resolve(result)
  }

  #giveUp(id: number, reason: PenstockError): void {
    const waiting = this.#waiting.get(id)
    const pending = waiting ?? this.#sent.get(id)
    if (waiting !== undefined) this.#waitingBytes -= waiting.task.data.byteLength
    this.#waiting.delete(id)
    this.#sent.delete(id)
    pending?.reject(reason)
  }

  async #end(failure: PenstockError): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    clearTimeout(this.#watchdog)
    const lost = this.#isClosed ? [...this.#sent.values(), ...this.#waiting.values()] : [...this.#sent.values()]
    this.#sent.clear()
    if (this.#isClosed) {
      this.#waiting.clear()
      this.#waitingBytes = 0
    }
    this.#messages = 0
    for (const { reject, offAbort } of lost) {
      offAbort()
      reject(failure)
    }
    await worker?.terminate()
    if (!this.#isClosed) this.#send()
  }

  #restarting: Promise<void> | undefined

  #restart(): Promise<void> {
    this.#restarting ??= startWorker(this.#bytes).then(
      async ({ worker }) => {
        this.#restarting = undefined
        if (this.#isClosed) {
          await worker.terminate()
          return
        }
        this.#worker = worker
        this.#listen(worker)
        this.#send()
      },
      (error: unknown) => {
        this.#restarting = undefined
        const failure = error instanceof PenstockError ? error : new PenstockError('ERR_RUN_FAILED', String(error))
        const lost = [...this.#waiting.values()]
        this.#waiting.clear()
        this.#waitingBytes = 0
        for (const { reject, offAbort } of lost) {
          offAbort()
          reject(failure)
        }
      },
    )
    return this.#restarting
  }
}

/** Looks at a tokenizer.json on a thread that ends with it. @throws as TokenizerThread.open. */
export async function inspectTokenizer(bytes: Uint8Array): Promise<TokenizerFacts> {
  const { worker, facts } = await startWorker(bytes)
  await worker.terminate()
  return facts
}

async function startWorker(bytes: Uint8Array): Promise<{ worker: Worker; facts: TokenizerFacts }> {
  const worker = new Worker(threadFile(new URL('./tokenizer-worker.js', import.meta.url)), {
    workerData: bytes,
    resourceLimits: { maxOldGenerationSizeMb: TOKENIZER_HEAP_MIB_MAX },
  })
  let watchdog: NodeJS.Timeout | undefined
  try {
    const reply = await new Promise<TokenizerReply>((resolve, reject) => {
      watchdog = setTimeout(() => reject(startError(`it took more than ${TOKENIZER_MS_MAX} ms`)), TOKENIZER_MS_MAX)
      worker.once('message', resolve)
      worker.once('error', (error) => reject(startError(error.message)))
      worker.once('exit', (code) => reject(startError(`exit code ${code}`)))
    })
    if (reply.kind === 'invalid') throw errorOf(reply.failure)
    if (reply.kind !== 'loaded') throw new Error('assertion: the first message of the thread says what it has loaded')
    return { worker, facts: reply.facts }
  } catch (error) {
    await worker.terminate()
    throw error
  } finally {
    clearTimeout(watchdog)
  }
}

function startError(reason: string): PenstockError {
  return new PenstockError('ERR_RUN_FAILED', `The tokenizer's thread did not start: ${reason}`)
}

function errorOf({ code, message }: TokenizerFailure): PenstockError {
  return new PenstockError(code, message)
}

function reasonOf(signal: AbortSignal): PenstockError {
  return signal.reason instanceof PenstockError ? signal.reason : new PenstockError('ERR_ABORTED')
}
