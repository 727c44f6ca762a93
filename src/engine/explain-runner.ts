/**
 * Runs the rows of one explanation through a deployed pipeline, as background requests that nobody notices: one at a time,
 * each of as many rows as the models run within EXPLAIN_RUN_MS_MAX, again after a while where the queue is full.
 *
 * An explanation is of one version with the models that it had when it began. What answers is compared before and after
 * every run, so that a redeploy or a moved alias ends the explanation instead of mixing two pipelines in one result.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { argumentError } from '../base/expect.js'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { EXPLAIN_RUN_BYTES_MAX, EXPLAIN_RUN_MS_MAX, EXPLAIN_RUN_ROWS_MAX } from '../base/limits.js'
import { numberAt, rowBytes, type Problem, type RowRunner, type Tensors } from '../explain/index.js'
import type { EngineApi, InferRequest, InferResult, Meta, PipelineDescription } from './api.js'

/** What an explanation needs of an engine. */
export type ExplainedEngine = Pick<EngineApi, 'describePipeline' | 'infer'>

export interface ExplainRunnerParts {
  readonly engine: ExplainedEngine
  /** The pipeline as it was when the explanation was asked for. */
  readonly description: PipelineDescription
  readonly problem: Problem
  readonly meta: Meta | undefined
  readonly signal: AbortSignal
  onRows(rows: number): void
}

const RUN_ROWS_FIRST = 8
const QUEUE_FULL_WAIT_MS = 50

export class ExplainRunner implements RowRunner {
  readonly #parts: ExplainRunnerParts
  readonly #rowsMax: number
  #chunkRows: number

  constructor(parts: ExplainRunnerParts) {
    this.#parts = parts
    const byBytes = Math.floor(EXPLAIN_RUN_BYTES_MAX / Math.max(1, rowBytes(parts.problem.inputs)))
    this.#rowsMax = Math.max(1, Math.min(EXPLAIN_RUN_ROWS_MAX, parts.description.rowsMax, byBytes))
    this.#chunkRows = Math.min(RUN_ROWS_FIRST, this.#rowsMax)
  }

  get chunkRows(): number {
    return this.#chunkRows
  }

  async run(inputs: Tensors, origins: Int32Array): Promise<Float64Array> {
    this.#expectSame()
    const result = await this.#infer(inputs, origins)
    this.#expectSame()
    this.#adapt(result.metadata.elapsedNs)
    this.#parts.onRows(origins.length)
    return this.#read(result, origins.length)
  }

  async #infer(inputs: Tensors, origins: Int32Array): Promise<InferResult> {
    const { engine, description, meta, signal } = this.#parts
    const request: InferRequest = {
      inputs,
      priority: 'background',
      signal,
      ...(meta === undefined ? {} : { meta: metaOf(meta, origins) }),
    }
    for (;;) {
      try {
        return await engine.infer(description.name, request)
      } catch (error) {
        // The background queue sheds first: others have the machine now.
        if (!isPenstockError(error) || error.code !== 'ERR_QUEUE_FULL') throw error
        await sleep(error.retryAfterMs ?? QUEUE_FULL_WAIT_MS, undefined, { signal })
      }
    }
  }

  /** @throws PenstockError ERR_CONFLICT when other models answer by now, or none. */
  #expectSame(): void {
    const { engine, description } = this.#parts
    const { name, version } = description
    const wayOut = 'Start another explanation, or deploy that version again first'
    let present: PipelineDescription
    try {
      present = engine.describePipeline(name)
    } catch (cause) {
      const text = `Version ${version} of pipeline ${name}, which was being explained, does not serve any more. ${wayOut}`
      throw new PenstockError('ERR_CONFLICT', text, { cause })
    }
    if (present.version === version && modelsText(present) === modelsText(description)) return
    throw new PenstockError(
      'ERR_CONFLICT',
      `Pipeline ${name} serves version ${present.version} with ${modelsText(present)} now, and what was being explained is version ${version} with ${modelsText(description)}. ${wayOut}`,
    )
  }

  /** Doubles or halves the rows of the next run; [0] is the wait before the first step. */
  #adapt(elapsedNs: readonly number[]): void {
    const runMs = elapsedNs.slice(1).reduce((sum, ns) => sum + ns, 0) / 1e6
    if (runMs > EXPLAIN_RUN_MS_MAX) this.#chunkRows = Math.max(1, this.#chunkRows >> 1)
    else if (runMs < EXPLAIN_RUN_MS_MAX / 2) this.#chunkRows = Math.min(this.#rowsMax, this.#chunkRows * 2)
  }

  #read({ outputs }: InferResult, rows: number): Float64Array {
    const { field, element } = this.#parts.problem.output
    const tensor = outputs[field]
    const length = tensor === undefined ? 0 : tensor.data.length / rows
    if (tensor === undefined || element >= length)
      throw argumentError('output.element', `an index in 0..${length - 1} of ${field}`, element)
    return Float64Array.from({ length: rows }, (_, row) => numberAt(tensor, row * length + element))
  }
}

function modelsText({ models }: PipelineDescription): string {
  return models.map(({ name, version }) => `${name}@${version}`).join(', ')
}

/** Routing keys of one value per row follow the rows. */
function metaOf(meta: Meta, origins: Int32Array): Meta {
  const entries = Object.entries(meta).map(([key, value]) => [
    key,
    typeof value === 'object' ? Array.from(origins, (origin) => value[origin]) : value,
  ])
  return Object.fromEntries(entries) as Meta
}
