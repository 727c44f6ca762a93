/**
 * Runs the rows of one explanation as background requests that nobody notices: one at a time, each of as many rows as the
 * models run within EXPLAIN_RUN_MS_MAX, again after a while where the queue is full.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { argumentError } from '../../base/expect.js'
import { isPenstockError } from '../../base/errors.js'
import { EXPLAIN_RUN_BYTES_MAX, EXPLAIN_RUN_MS_MAX, EXPLAIN_RUN_ROWS_MAX } from '../../base/limits/limits.js'
import { numberAt, rowBytes, type Problem, type RowRunner, type Tensors } from '../../explain/index.js'
import type { InferRequest, InferResult, Meta } from '../api/api.js'

export interface ExplainRunnerOptions {
  /** Answers with the pipeline as it was when the explanation began. */
  infer(request: InferRequest): Promise<InferResult>
  /** Rows that one request may have. */
  readonly rowsMax: number
  readonly problem: Problem
  readonly meta: Meta | undefined
  readonly signal: AbortSignal
  onRows(rows: number): void
}

const RUN_ROWS_FIRST = 8
const QUEUE_FULL_WAIT_MS = 50

export class ExplainRunner implements RowRunner {
  readonly #options: ExplainRunnerOptions
  readonly #rowsMax: number
  #chunkRows: number

  constructor(options: ExplainRunnerOptions) {
    this.#options = options
    const byBytes = Math.floor(EXPLAIN_RUN_BYTES_MAX / Math.max(1, rowBytes(options.problem.inputs)))
    this.#rowsMax = Math.max(1, Math.min(EXPLAIN_RUN_ROWS_MAX, options.rowsMax, byBytes))
    this.#chunkRows = Math.min(RUN_ROWS_FIRST, this.#rowsMax)
  }

  get chunkRows(): number {
    return this.#chunkRows
  }

  async run(inputs: Tensors, origins: Int32Array): Promise<Float64Array> {
    const result = await this.#infer(inputs, origins)
    this.#adapt(result.metadata.elapsedNs)
    this.#options.onRows(origins.length)
    return this.#read(result, origins.length)
  }

  async #infer(inputs: Tensors, origins: Int32Array): Promise<InferResult> {
    const { meta, signal } = this.#options
    const request: InferRequest = {
      inputs,
      priority: 'background',
      signal,
      ...(meta === undefined ? {} : { meta: metaOf(meta, origins) }),
    }
    for (;;) {
      try {
        return await this.#options.infer(request)
      } catch (error) {
        // The background queue sheds first: others have the machine now.
        if (!isPenstockError(error) || error.code !== 'ERR_QUEUE_FULL') throw error
        await sleep(error.retryAfterMs ?? QUEUE_FULL_WAIT_MS, undefined, { signal })
      }
    }
  }

  /** Doubles or halves the rows of the next run; [0] is the wait before the first step. */
  #adapt(elapsedNs: readonly number[]): void {
    const runMs = elapsedNs.slice(1).reduce((sum, ns) => sum + ns, 0) / 1e6
    if (runMs > EXPLAIN_RUN_MS_MAX) this.#chunkRows = Math.max(1, this.#chunkRows >> 1)
    else if (runMs < EXPLAIN_RUN_MS_MAX / 2) this.#chunkRows = Math.min(this.#rowsMax, this.#chunkRows * 2)
  }

  #read({ outputs }: InferResult, rows: number): Float64Array {
    const { field, element } = this.#options.problem.output
    const tensor = outputs[field]
    const length = tensor === undefined ? 0 : tensor.data.length / rows
    if (tensor === undefined || element >= length)
      throw argumentError('output.element', `an index in 0..${length - 1} of ${field}`, element)
    return Float64Array.from({ length: rows }, (_, row) => numberAt(tensor, row * length + element))
  }
}

/** Routing keys of one value per row follow the rows. */
function metaOf(meta: Meta, origins: Int32Array): Meta {
  const entries = Object.entries(meta).map(([key, value]) => [
    key,
    typeof value === 'object' ? Array.from(origins, (origin) => value[origin]) : value,
  ])
  return Object.fromEntries(entries) as Meta
}
