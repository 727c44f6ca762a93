/**
 * The engine's side of JSON over HTTP: a transport in the same isolate hands bodies in and gets complete answers out, and
 * never sees the addon. A body costs one native call, an answer one callback: nothing is decoded here, nothing
 * allocated, no promise made. Bodies that the addon does not read go to `Engine.infer` by way of the transport.
 *
 * Rows by the names of a contract go the same way, by `submitRows`, where nothing is found in them.
 *
 * An `exchange` is the transport's number of an HTTP request. Each `submit` that returned a request leads to exactly one
 * call with that number: onAnswer or onFailure, also after `cancel`.
 */
import { addon } from '../../../bindings/native.js'
import type { Answer, AnswerFormSpec, RowsFormHandle } from '../../../bindings/native.js'
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { encodeMetaBlock } from '../../protocol/meta.js'
import { resultOf } from './answers.js'
import type { InferResult, PipelineDescription, RequestOptions } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { PipelineSlot } from '../deploy/deployments.js'
import { failureOf, type NativeFailure } from './failures.js'
import type { JsonEvents, NativePort } from './native-port.js'
import type { RequestIds } from './request-ids.js'
import { RecentRefusals } from './recent-refusals.js'

/** `metadata` ends where the request's id begins: `…,"request_id":"`. */
export type AnswerForm = AnswerFormSpec

export interface JsonHooks {
  /** What the answers of a deployed pipeline look like; null: it is not to be served this way. Asked once for each. */
  formOf(description: PipelineDescription): AnswerForm | null
  /** @param bytes the JSON text of the answer, valid only during the call. */
  onAnswer(exchange: number, bytes: Uint8Array): void
  /** The same for an answer that is better not printed at once; the result is the hook's own. */
  onLargeAnswer(exchange: number, result: InferResult, description: PipelineDescription): void
  onFailure(exchange: number, error: PenstockError): void
}

/** A pipeline as `find` found it. */
export type JsonTarget = PipelineSlot

export interface JsonPort {
  setHooks(hooks: JsonHooks): void
  /** The pipeline when it is deployed, runs natively and has a form; null: whatever else is the case. */
  find(pipeline: string): JsonTarget | null
  /**
   * @param body read before it returns.
   * @param options only a meta is taken here; with any other the body is not read.
   * @returns > 0: the request, for `cancel` · 0: not read, nothing was done · -1: refused, see lastRefusal.
   */
  submit(target: JsonTarget, body: ArrayBuffer | Uint8Array, exchange: number, options: RequestOptions): number
  /** The pipeline when it is deployed and takes rows by names natively; null: whatever else is the case. */
  findRows(pipeline: string): JsonTarget | null
  /** The same as `submit` for rows by the names of the target's contract. */
  submitRows(target: JsonTarget, body: ArrayBuffer | Uint8Array, exchange: number, options: RequestOptions): number
  /** What the log calls the request that was submitted last. */
  readonly lastRequestId: string
  /** After submit() < 0. */
  readonly lastRefusal: PenstockError
  /** Its onFailure with ERR_ABORTED follows, unless it is answered already. */
  cancel(request: number): void
}

export interface JsonPortDependencies {
  readonly port: NativePort
  readonly requestIds: RequestIds
  readonly slotOf: (pipeline: string) => PipelineSlot | undefined
  /** What the addon needs for rows by the names of its contract; null: it does not take them. Asked once a deployment. */
  readonly rowsFormOf: (deployment: Deployment) => RowsFormHandle | null
  /** False: new work is refused. */
  readonly isOpen: () => boolean
}

const noHooks: JsonHooks = {
  formOf: () => null,
  onAnswer: () => undefined,
  onLargeAnswer: () => undefined,
  onFailure: () => undefined,
}

export class EngineJsonPort implements JsonPort, JsonEvents {
  readonly #dependencies: JsonPortDependencies
  /** Whether the deployment has a form, by deployment. */
  readonly #hasForm = new WeakMap<Deployment, boolean>()
  readonly #rowsForms = new WeakMap<Deployment, RowsFormHandle | null>()
  /** By exchange: under what it was submitted; null: it is not in flight. */
  readonly #deployments: (Deployment | null)[] = []
  #hooks: JsonHooks = noHooks
  #lastRefusal = new PenstockError('ERR_QUEUE_FULL')
  #outbox: Uint8Array = new Uint8Array(0)
  #inFlight = 0
  readonly #refusals: RecentRefusals

  constructor(dependencies: JsonPortDependencies) {
    this.#dependencies = dependencies
    this.#refusals = new RecentRefusals(dependencies.port.handle)
    dependencies.port.registerJson(this)
  }

  /** Requests that are neither answered nor failed. */
  get inFlight(): number {
    return this.#inFlight
  }

  get lastRequestId(): string {
    const { requestIds } = this.#dependencies
    return requestIds.textOf(requestIds.nextNumber - 1)
  }

  get lastRefusal(): PenstockError {
    return this.#lastRefusal
  }

  setHooks(hooks: JsonHooks): void {
    this.#hooks = hooks
  }

  find(pipeline: string): JsonTarget | null {
    const slot = this.#dependencies.slotOf(pipeline)
    if (slot?.current == null || !this.#dependencies.isOpen()) return null
    return (this.#hasForm.get(slot.current) ?? this.#prepare(slot.current)) ? slot : null
  }

  submit(target: JsonTarget, body: ArrayBuffer | Uint8Array, exchange: number, options: RequestOptions): number {
    const { current, handle } = target
    // Redeployed while the body arrived: the new plan may have no form yet.
    if (current === null || !this.#hasRoom || this.find(target.name) !== target) return 0
    const { port, requestIds } = this.#dependencies
    const meta = metaOf(options)
    if (meta === undefined) return 0
    const request = port.submissions.submitJson(handle, body, exchange, requestIds.nextNumber, meta)
    return this.#submitted(request, exchange, current)
  }

  findRows(pipeline: string): JsonTarget | null {
    const slot = this.#dependencies.slotOf(pipeline)
    if (slot?.current == null || !this.#dependencies.isOpen()) return null
    return this.#rowsFormOf(slot.current) === null ? null : slot
  }

  submitRows(target: JsonTarget, body: ArrayBuffer | Uint8Array, exchange: number, options: RequestOptions): number {
    const { current, handle } = target
    const form = current === null || !this.#hasRoom ? null : this.#rowsFormOf(current)
    if (current === null || form === null) return 0
    const { port, requestIds } = this.#dependencies
    const meta = metaOf(options)
    if (meta === undefined) return 0
    const request = port.submissions.submitRows(handle, form, body, exchange, requestIds.nextNumber, meta)
    return this.#submitted(request, exchange, current)
  }

  /** The one path that refuses for want of room in the tables is infer's. */
  get #hasRoom(): boolean {
    return this.#dependencies.isOpen() && this.#dependencies.port.hasRoom
  }

  #rowsFormOf(deployment: Deployment): RowsFormHandle | null {
    const known = this.#rowsForms.get(deployment)
    if (known !== undefined) return known
    const form = this.#dependencies.rowsFormOf(deployment)
    this.#rowsForms.set(deployment, form)
    return form
  }

  /** Notes what became of a body. @returns as `submit`. */
  #submitted(request: number, exchange: number, current: Deployment): number {
    if (request === 0) return 0
    const { port, requestIds } = this.#dependencies
    requestIds.take()
    if (request < 0) {
      this.#lastRefusal = this.#refusals.has(-request)
        ? this.#refusals.errorOfRefusal(-request, current)
        : failureOf(addon.lastFailure(port.handle), current.failureContext)
      return -1
    }
    this.#deployments[exchange] = current
    this.#inFlight++
    port.scheduleFlush()
    return request
  }

  cancel(request: number): void {
    this.#dependencies.port.cancel(request)
  }

  renewOutbox(): void {
    this.#outbox = addon.jsonOutbox(this.#dependencies.port.handle)
  }

  answer(exchange: number, offset: number, bytes: number): void {
    this.#complete(exchange)
    this.#hooks.onAnswer(exchange, this.#outbox.subarray(offset, offset + bytes))
  }

  answerLarge(exchange: number, answer: Answer, requestNumber: number): void {
    const deployment = this.#complete(exchange)
    if (deployment === null) return
    const requestId = this.#dependencies.requestIds.textOf(requestNumber)
    this.#hooks.onLargeAnswer(exchange, resultOf(deployment, answer, { requestId }), deployment.description)
  }

  fail(exchange: number, failure: NativeFailure): void {
    const deployment = this.#complete(exchange)
    this.#hooks.onFailure(exchange, this.#refusals.errorOfFailure(failure, deployment))
  }

  /** Fails what is in flight: the port is closed and emits nothing any more. */
  close(): void {
    for (let exchange = 0; exchange < this.#deployments.length; exchange++) {
      if (this.#complete(exchange) === null) continue
      const error = new PenstockError('ERR_CLOSED', 'The engine was closed before the request was answered')
      this.#hooks.onFailure(exchange, error)
    }
  }

  #complete(exchange: number): Deployment | null {
    const deployment = this.#deployments[exchange] ?? null
    if (deployment === null) return null
    this.#deployments[exchange] = null
    this.#inFlight--
    return deployment
  }

  #prepare(deployment: Deployment): boolean {
    const form = deployment.description.isStringPath ? null : this.#hooks.formOf(deployment.description)
    if (form !== null)
      addon.setAnswerForm(deployment.plan, {
        ...form,
        metadata: `${form.metadata}${this.#dependencies.requestIds.instance}-`,
      })
    this.#hasForm.set(deployment, form !== null)
    return form !== null
  }
}

/** @returns null: none · undefined: infer's to run, or to refuse with words. */
function metaOf({ meta, deadlineMs, priority, timing, withOthers }: RequestOptions): Uint8Array | null | undefined {
  if (deadlineMs !== undefined || priority !== undefined || timing !== undefined || withOthers !== undefined)
    return undefined
  if (meta === undefined) return null
  try {
    return encodeMetaBlock(meta, 1)
  } catch (error) {
    if (isPenstockError(error)) return undefined
    throw error
  }
}
