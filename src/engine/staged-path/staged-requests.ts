/**
 * Requests of pipelines with column stages: taken through those before the models, submitted like any other, and their answer
 * through those behind. A stage may wait for a server, a worker or a disk: so many requests may be in them, together and
 * of one pipeline, and no more bytes than the budget has; the next is refused, to be sent again.
 *
 *     receive ─► stages before ─► submit (the addon, or the string path) ─► stages behind ─► answer
 *     └─ deadline and signal end the caller's wait at once, and abort the stage ─────────────┘
 *
 * The plan is the one that served when the request came, whatever is deployed meanwhile.
 */
import { addon } from '../../../bindings/native.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { STAGED_PIPELINE_REQUESTS_MAX, STAGED_REQUESTS_MAX } from '../../base/limits/limits.js'
import type { StageSegment, TokenCounts } from '../../pipeline/columns/stage.js'
import type { StageTiming } from '../../protocol/timing.js'
import type { InferRequest, InferResult } from '../api/api.js'
import type { ChainCall } from '../columns/column-chain.js'
import { countFailure, countStage, type StringPathCounters } from '../counters/string-path-counters.js'
import type { Deployment } from '../deploy/deployment.js'
import type { PreparedInputs } from '../deploy/request-transforms.js'
import type { PipelineSlot } from '../deploy/deployments.js'
import {
  admit,
  prepare,
  receive,
  type AdmittedRequest,
  type CheckedColumns,
  type ReceivedRequest,
} from '../requests/admission.js'
import { abortedError } from '../requests/failures.js'
import type { RequestId } from '../requests/request-options.js'
import { raceLimits } from '../string-path/race-limits.js'
import { AnswerBytes, chargeRequest, type RequestBudget } from '../string-path/request-bytes.js'
import { tensorBytes } from '../string-path/row-operations.js'
import { countResult } from '../string-path/string-executor.js'

/** Milliseconds after which some of what is in flight has been answered. */
const RETRY_AFTER_MS = 100

export type SubmitRequest = (
  slot: PipelineSlot,
  deployment: Deployment,
  admitted: AdmittedRequest,
) => Promise<InferResult>

export class StagedRequests {
  readonly #budget: RequestBudget
  readonly #submit: SubmitRequest
  readonly #answerBytes = new AnswerBytes()
  /** Ends a request, one for each that is in flight. */
  readonly #stops = new Set<(error: PenstockError) => void>()
  #inFlight = 0
  #inStages = 0

  constructor(budget: RequestBudget, submit: SubmitRequest) {
    this.#budget = budget
    this.#submit = submit
  }

  /** Requests that are in no model, stages that go on after their caller went among them. */
  get inStages(): number {
    return this.#inStages
  }

  /** @throws PenstockError of the argument class; ERR_QUEUE_FULL; what stages and models fail with. */
  async run(
    slot: PipelineSlot,
    deployment: Deployment,
    request: InferRequest,
    id: RequestId,
    checked?: CheckedColumns,
  ): Promise<InferResult> {
    const counters = slot.stringPath
    let bytes: number
    let received: ReceivedRequest
    try {
      received = receive(deployment, request, id, checked)
      this.#expectRoom(counters, received)
      bytes = chargeRequest(
        this.#budget,
        2 * sentBytes(received) + this.#answerBytes.expected(deployment, received.rows),
      )
    } catch (error) {
      countFailure(counters, toPenstockError(error).code)
      throw error
    }
    const { deadlineMs, signal } = received.options
    const stopper = new AbortController()
    this.#enter(counters, deployment, 1)
    const submit: SubmitRequest = (...call) => {
      this.#move(counters, -1)
      return this.#submit(...call).finally(() => this.#move(counters, 1))
    }
    const hold = (more: number): void => {
      bytes += chargeRequest(this.#budget, more)
    }
    const run = new StagedRun(slot, deployment, received, request.meta ?? null, stopper, submit, hold)
    const done = run
      .run()
      .then((result) => {
        this.#answerBytes.learn(deployment, result)
        return result
      })
      .finally(() => {
        this.#enter(counters, deployment, -1)
        this.#budget.releaseRequest(bytes)
      })
    return this.#untilClosed(raceLimits(done, deadlineMs, signal, stopper), stopper)
  }

  /** Fails what is in flight: neither stages nor models will answer it. */
  close(): void {
    const error = new PenstockError('ERR_CLOSED', 'The engine was closed before the request was answered')
    for (const stop of this.#stops) stop(error)
    this.#stops.clear()
  }

  #untilClosed(answer: Promise<InferResult>, stopper: AbortController): Promise<InferResult> {
    return new Promise((resolve, reject) => {
      const stop = (error: PenstockError): void => {
        stopper.abort(error)
        reject(error)
      }
      this.#stops.add(stop)
      answer.then(resolve, reject).finally(() => this.#stops.delete(stop))
    })
  }

  #enter(counters: StringPathCounters, deployment: Deployment, count: 1 | -1): void {
    this.#inFlight += count
    counters.stagedInFlight += count
    deployment.stagedInFlight += count
    this.#move(counters, count)
  }

  /** In and out of the stages: what is in the models is counted there. */
  #move(counters: StringPathCounters, count: 1 | -1): void {
    this.#inStages += count
    counters.inStages += count
  }

  /** @throws PenstockError ERR_ABORTED, ERR_QUEUE_FULL. */
  #expectRoom({ stagedInFlight }: StringPathCounters, { options: { signal } }: ReceivedRequest): void {
    if (signal?.aborted === true) throw abortedError(signal)
    const isFull = this.#inFlight >= STAGED_REQUESTS_MAX
    if (!isFull && stagedInFlight < STAGED_PIPELINE_REQUESTS_MAX) return
    const what = isFull
      ? `${STAGED_REQUESTS_MAX} requests with column steps are in flight`
      : `${STAGED_PIPELINE_REQUESTS_MAX} requests of the pipeline are in flight in its column steps`
    throw new PenstockError('ERR_QUEUE_FULL', `${what}; nothing was run. Try again later`, {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
}

/** Counts an answer of the models where its pipeline is counted, though it had to run under a handle of its own. */
export async function countedIn(counters: StringPathCounters, answer: Promise<InferResult>): Promise<InferResult> {
  try {
    const result = await answer
    countResult(counters, result)
    return result
  } catch (error) {
    countFailure(counters, toPenstockError(error).code)
    throw error
  }
}

class StagedRun implements ChainCall {
  readonly requestId: string
  readonly #startUs = addon.nowUs()
  #carried: PreparedInputs['carried'] = {}
  #texts: TokenCounts | undefined
  readonly #stages: StageTiming[] = []
  /** Microseconds outside of the models. */
  #stageUs = 0

  constructor(
    private readonly slot: PipelineSlot,
    private readonly deployment: Deployment,
    private readonly received: ReceivedRequest,
    readonly meta: ChainCall['meta'],
    private readonly stopper: AbortController,
    private readonly submit: SubmitRequest,
    readonly hold: (bytes: number) => void,
  ) {
    this.requestId = received.options.labels.requestId
  }

  get signal(): AbortSignal {
    return this.stopper.signal
  }

  get deadlineMs(): number {
    const { deadlineMs } = this.received.options
    return deadlineMs === 0 ? Infinity : Math.max(0, deadlineMs - (addon.nowUs() - this.#startUs) / 1000)
  }

  onStage({ where, type }: StageSegment, durationUs: number, error: unknown): void {
    countStage(this.slot.stringPath, { where, type }, durationUs, error === null ? null : toPenstockError(error).code)
    this.#stages.push({ step: where, type, runUs: durationUs })
    this.#stageUs += durationUs
  }

  onTokens({ tokens, cutRows }: TokenCounts): void {
    const { tokens: before = 0, cutRows: cutBefore = 0 } = this.#texts ?? {}
    this.#texts = { tokens: before + tokens, cutRows: cutBefore + cutRows }
  }

  async run(): Promise<InferResult> {
    const { deployment, received } = this
    const prepared = this.#counting(() => {
      const made = prepare(deployment, received, this)
      return made instanceof Promise ? made.then((inputs) => this.#admit(inputs)) : this.#admit(made)
    })
    // Without a wait it is submitted in the turn in which it came.
    const result = await this.submit(this.slot, deployment, prepared instanceof Promise ? await prepared : prepared)
    const outputs = await this.#counting(() =>
      deployment.transforms.outputs(result.outputs, result.rows, this.#carried, this),
    )
    return { ...result, outputs, metadata: this.#timed(result.metadata) }
  }

  /** Failures here are JavaScript's to count; those of the models are counted where they run. */
  #counting<T>(work: () => T | Promise<T>): T | Promise<T> {
    const failed = (error: unknown): never => {
      countFailure(this.slot.stringPath, toPenstockError(error).code)
      throw error
    }
    try {
      const made = work()
      return made instanceof Promise ? made.catch(failed) : made
    } catch (error) {
      return failed(error)
    }
  }

  #admit(prepared: PreparedInputs): AdmittedRequest {
    this.#carried = prepared.carried
    this.signal.throwIfAborted()
    const { options } = this.received
    const isLimited = options.deadlineMs > 0 || options.signal !== undefined
    const leftMs = this.deadlineMs
    if (leftMs === 0)
      throw new PenstockError('ERR_DEADLINE_EXCEEDED', 'The deadline passed in the steps before the models')
    return admit(
      this.deployment,
      {
        ...this.received,
        options: {
          ...options,
          deadlineMs: leftMs === Infinity ? 0 : leftMs,
          signal: isLimited ? this.signal : undefined,
        },
      },
      prepared,
    )
  }

  #timed(told: InferResult['metadata']): InferResult['metadata'] {
    const metadata = this.#texts === undefined ? told : { ...told, texts: this.#texts }
    const { timing } = metadata
    if (timing === undefined) return metadata
    return { ...metadata, timing: { ...timing, totalUs: timing.totalUs + this.#stageUs, stages: this.#stages } }
  }
}

function sentBytes({ sent }: ReceivedRequest): number {
  let bytes = 0
  if (!('columns' in sent)) for (const { data } of sent) bytes += tensorBytes(data)
  else
    for (const { data, offsets } of Object.values(sent.columns)) bytes += data.byteLength + (offsets?.byteLength ?? 0)
  return bytes
}
