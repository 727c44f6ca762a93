/**
 * Requests of this isolate's own calls, embedded ones and those of binary dialects: submits them and settles each with the
 * event that ends it.
 */
import { addon } from '../../../bindings/native.js'
import type { PipelineHandle } from '../../../bindings/native.js'
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { AdmittedRequest } from './admission.js'
import { resultOf } from './answers.js'
import type { CancelSignal, InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import { abortedError, failureOf } from './failures.js'
import type { CallEvents, NativePort } from './native-port.js'
import { RequestTable } from './request-table.js'

export class Calls implements CallEvents {
  readonly #port: NativePort
  readonly #table: RequestTable
  /** The tag of the request that `start` took last. */
  #startedTag = -1

  constructor(port: NativePort, requestsMax: number) {
    this.#port = port
    this.#table = new RequestTable(requestsMax)
    port.registerCalls(this)
  }

  /** Requests that are not answered. */
  get inFlight(): number {
    return this.#table.inUse
  }

  /** @throws through the promise: what the addon refuses or fails, ERR_ABORTED. */
  submit(pipeline: PipelineHandle, deployment: Deployment, admitted: AdmittedRequest): Promise<InferResult> {
    const { signal } = admitted.options
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortedError(signal))
      const request = this.start(pipeline, deployment, admitted, resolve, reject)
      if (request > 0 && signal !== undefined) this.#followSignal(signal, this.#startedTag, request)
    })
  }

  /**
   * The same without a promise: exactly one of the two is called, onFailure perhaps before it returns.
   * @returns > 0: the request, for `cancel` · 0: onFailure was called.
   */
  start(
    pipeline: PipelineHandle,
    deployment: Deployment,
    admitted: AdmittedRequest,
    onAnswer: (result: InferResult) => void,
    onFailure: (error: PenstockError) => void,
  ): number {
    const tag = !this.#port.hasRoom ? -1 : this.#table.take(deployment, admitted.options.labels, onAnswer, onFailure)
    if (tag < 0) {
      onFailure(
        new PenstockError('ERR_QUEUE_FULL', 'The engine has as many requests in flight as it takes. Try again later', {
          retryAfterMs: 100,
        }),
      )
      return 0
    }
    const request = this.#callAddon(pipeline, admitted, tag)
    if (request < 0) {
      this.#table.reject(tag, failureOf(addon.lastFailure(this.#port.handle), deployment.failureContext))
      this.#table.free(tag)
      return 0
    }
    this.#startedTag = tag
    this.#port.scheduleFlush()
    return request
  }

  /** @returns as addon.submit. */
  #callAddon(pipeline: PipelineHandle, { tensors, rows, dims, options }: AdmittedRequest, tag: number): number {
    const { meta, deadlineMs, priority, number, hasTiming, hasAuditedOutputs } = options
    return this.#port.submissions.submit(pipeline, {
      inputs: tensors.map((tensor) => tensor.data as ArrayBufferView),
      rows,
      dims,
      meta,
      tag,
      requestNumber: number,
      deadlineUs: deadlineMs === 0 ? 0 : addon.nowUs() + deadlineMs * 1000,
      priority,
      hasTiming,
      hasAuditedOutputs,
    })
  }

  /** Rejects what is unanswered, once the port is closed. */
  close(): void {
    this.#table.rejectAll(
      () => new PenstockError('ERR_CLOSED', 'The engine was closed before the request was answered'),
    )
  }

  answered(tag: number, request: number): void {
    const answer = addon.readAnswer(this.#port.handle, request)
    this.#table.resolve(tag, resultOf(this.#table.deploymentOf(tag), answer, this.#table.labelsOf(tag)))
    this.#table.free(tag)
  }

  failed(tag: number, request: number): void {
    const failure = addon.readFailure(this.#port.handle, request)
    this.#table.reject(tag, failureOf(failure, this.#table.deploymentOf(tag).failureContext))
    this.#table.free(tag)
  }

  #followSignal(signal: CancelSignal, tag: number, request: number): void {
    const cancel = (): void => {
      // Its `failed` event with ERR_ABORTED rejects the promise.
      this.#port.cancel(request)
    }
    this.#table.setDetach(tag, onAbort(signal, cancel))
  }
}
