/**
 * A remote step that runs: the rows of a request in one call or, beyond `maxRows`, in several side by side; the answers
 * checked and put together. Whatever fails ends the other calls of the same request, and only that request.
 */
import { onAbort } from '../base/abort.js'
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { DEADLINE_MS_MAX } from '../base/limits/limits.js'
import type { ColumnStage, StageCall, TransformColumns } from '../pipeline/columns/stage.js'
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import { TRACE_STATE_KEY, traceparentOf } from '../protocol/trace-context.js'
import type { Meta } from '../protocol/meta-value.js'
import type { TransformColumn } from '../transforms/draft/column.js'
import type { CallContext, RemoteClient, RemoteCounts } from './client.js'
import { joinColumns, Unfit, type AnswerColumn } from './columns/read-columns.js'
import type { Columns, RowRange } from './columns/write-columns.js'
import type { RemoteRequest } from './connection.js'
import { shown, type RemoteFailures } from './failures.js'
import type { RemoteKind } from './kinds/kind.js'

export interface RemoteStageOptions {
  readonly kind: RemoteKind
  readonly client: RemoteClient
  readonly failures: RemoteFailures
  readonly outputs: readonly AnswerColumn[]
  /** Those that the step adds, secrets among them. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the remote reads how much time is left. */
  readonly sendsDeadline: boolean
  readonly timeoutMs: number
  readonly rowsMax: number
  readonly concurrency: number
  readonly bodyBytesMax: number
  readonly clock: Clock
}

export class RemoteStage implements ColumnStage {
  readonly #options: RemoteStageOptions

  constructor(options: RemoteStageOptions) {
    this.#options = options
  }

  /** What is called, without what may be a secret. */
  get url(): string {
    return shown(this.#options.kind.url)
  }

  /** What the step has counted since it was deployed. */
  get counts(): RemoteCounts {
    return this.#options.client.counts
  }

  /** @throws PenstockError ERR_REMOTE_FAILED, ERR_REMOTE_UNAVAILABLE, ERR_REMOTE_TIMEOUT, ERR_QUEUE_FULL; the signal's reason. */
  async run(columns: TransformColumns, rows: number, call: StageCall): Promise<TransformColumns> {
    const { failures, outputs, timeoutMs } = this.#options
    const ending = new AbortController()
    const off = onAbort(call.signal, () => ending.abort(call.signal.reason))
    const timer = setTimeout(() => {
      const words = `did not answer within ${timeoutMs} ms (timeoutMs)`
      ending.abort(failures.failure('ERR_REMOTE_TIMEOUT', words))
    }, timeoutMs)
    try {
      const parts = await this.#askAll(columns, rangesOf(rows, this.#options.rowsMax), {
        signal: ending.signal,
        leftMs: this.#leftMs(Math.min(timeoutMs, call.deadlineMs)),
        headers: this.#headersOf(call),
      })
      return Object.fromEntries(
        outputs.map(({ name }) => [
          name,
          joinColumns(
            name,
            parts.map((part) => part[name] as TransformColumn),
          ),
        ]),
      )
    } catch (error) {
      const failure = error instanceof Unfit ? failures.unfit(error.message, error) : error
      ending.abort(failure)
      throw failure
    } finally {
      clearTimeout(timer)
      off()
    }
  }

  close(): Promise<void> {
    return this.#options.client.close()
  }

  /** As many at a time as the step makes calls: a request of many parts must not queue them all at once. */
  async #askAll(
    columns: TransformColumns,
    ranges: readonly RowRange[],
    context: AskContext,
  ): Promise<readonly Columns[]> {
    const parts: Columns[] = []
    let next = 0
    const askNext = async (): Promise<void> => {
      for (let at = next++; at < ranges.length; at = next++)
        parts[at] = await this.#ask(columns, ranges[at] as RowRange, context)
    }
    const width = Math.min(ranges.length, this.#options.concurrency)
    await Promise.all(Array.from({ length: width }, () => askNext()))
    return parts
  }

  async #ask(columns: TransformColumns, range: RowRange, context: AskContext): Promise<Columns> {
    const { kind, client, headers, outputs, sendsDeadline } = this.#options
    const made = kind.request(columns, range)
    this.#expectBody(made.body, range)
    const path = kind.url.pathname + kind.url.search
    const answer = await client.call(() => {
      const deadlineMs = Math.max(1, Math.min(DEADLINE_MS_MAX, Math.floor(context.leftMs())))
      const request: RemoteRequest = {
        method: 'POST',
        path,
        headers: {
          'user-agent': 'penstock',
          ...made.headers,
          ...context.headers,
          ...(sendsDeadline ? { 'penstock-deadline-ms': String(deadlineMs) } : {}),
          ...headers,
        },
        body: made.body,
      }
      return kind.sign === undefined ? request : kind.sign(request)
    }, context)
    const encoding = answer.header('content-encoding')
    // None was asked for: an answer that is small on the way and large in memory is no answer to be held.
    if (encoding !== '' && encoding !== 'identity') throw new Unfit(`it is packed as ${encoding.slice(0, 40)}`)
    return kind.answer(answer, outputs, range.count)
  }

  #expectBody(body: Uint8Array | null, { count }: RowRange): void {
    const bytes = body?.length ?? 0
    if (bytes <= this.#options.bodyBytesMax) return
    throw new PenstockError(
      'ERR_BODY_TOO_LARGE',
      `Expected at most ${this.#options.bodyBytesMax} bytes to be sent to the remote in one call but ${count} rows take ${bytes}. Send fewer by maxRows, or allow more by bodyBytesMax`,
    )
  }

  #leftMs(budgetMs: number): () => number {
    const { clock } = this.#options
    const startedUs = clock.monotonicUs()
    return () => budgetMs - (clock.monotonicUs() - startedUs) / 1000
  }

  /** The request's own id and trace, so that both servers' logs have them. */
  #headersOf({ requestId, meta }: StageCall): Record<string, string> {
    const own = meta?.[REQUEST_ID_KEY]
    const traceparent = traceparentOf(meta ?? undefined)
    const tracestate = traceparent === undefined ? undefined : textOf(meta, TRACE_STATE_KEY)
    return {
      [REQUEST_ID_KEY]: isHeader(own) ? own : requestId,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(tracestate === undefined ? {} : { tracestate }),
    }
  }
}

interface AskContext extends CallContext {
  readonly headers: Readonly<Record<string, string>>
}

function rangesOf(rows: number, rowsMax: number): RowRange[] {
  const count = Math.ceil(rows / rowsMax)
  return Array.from({ length: count }, (_, i) => {
    const start = i * rowsMax
    return { start, count: Math.min(rowsMax, rows - start) }
  })
}

function textOf(meta: Meta | null, key: string): string | undefined {
  const value = meta?.[key]
  return isHeader(value) ? value : undefined
}

/** Callers choose these texts; over a WebSocket they may hold anything. */
function isHeader(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]{1,1024}$/.test(value)
}
