/**
 * The engine's side of binary dialects: a transport in the same isolate hands in tensors as bytes and gets the result by a
 * callback, and never sees the addon. Bytes go from where they arrived into the batch; nothing is viewed as numbers here,
 * so they may lie at any address. No promise is made and no signal followed: `cancel` takes the request's number.
 *
 * `Engine.infer` is the same call for everybody else, and the only one for pipelines with string tensors.
 */
import { PenstockError } from '../../base/errors.js'
import { admitBytes, type BytesRequest } from './admission.js'
import type { InferResult, PipelineDescription } from '../api/api.js'
import type { PipelineSlot } from '../deploy/deployments.js'
import type { Calls } from './calls.js'
import type { NativePort } from './native-port.js'
import type { RequestIds } from './request-ids.js'

export type { BytesRequest } from './admission.js'

/** A pipeline as `find` found it. */
export type TensorTarget = PipelineSlot

export interface TensorPort {
  /** The pipeline when it is deployed and carries no strings; null: whatever else is the case. */
  find(pipeline: string): TensorTarget | null
  /** What the target serves now; null: it was undeployed. */
  descriptionOf(target: TensorTarget): PipelineDescription | null
  /**
   * Exactly one of the callbacks is called, onFailure perhaps before it returns.
   * @returns > 0: the request, for `cancel` · 0: onFailure was called.
   * @throws PenstockError of the argument class.
   */
  submit(
    target: TensorTarget,
    request: BytesRequest,
    onAnswer: (result: InferResult) => void,
    onFailure: (error: PenstockError) => void,
  ): number
  /** Its onFailure with ERR_ABORTED follows, unless it is answered already. */
  cancel(request: number): void
}

export interface TensorPortDependencies {
  readonly port: NativePort
  readonly calls: Calls
  readonly slotOf: (pipeline: string) => PipelineSlot | undefined
  /** @throws PenstockError ERR_DRAINING, ERR_CLOSED. */
  readonly expectOpen: () => void
  readonly requestIds: RequestIds
}

export class EngineTensorPort implements TensorPort {
  readonly #dependencies: TensorPortDependencies

  constructor(dependencies: TensorPortDependencies) {
    this.#dependencies = dependencies
  }

  find(pipeline: string): TensorTarget | null {
    const slot = this.#dependencies.slotOf(pipeline)
    return slot?.current == null || slot.current.description.isStringPath ? null : slot
  }

  descriptionOf(target: TensorTarget): PipelineDescription | null {
    return target.current?.description ?? null
  }

  submit(
    target: TensorTarget,
    request: BytesRequest,
    onAnswer: (result: InferResult) => void,
    onFailure: (error: PenstockError) => void,
  ): number {
    const { calls, expectOpen, requestIds } = this.#dependencies
    expectOpen()
    const { current, handle, name } = target
    if (current === null)
      throw new PenstockError('ERR_PIPELINE_NOT_DEPLOYED', `Pipeline ${name} is not deployed. Deploy it first`)
    return calls.start(handle, current, admitBytes(current, request, requestIds.next()), onAnswer, onFailure)
  }

  cancel(request: number): void {
    this.#dependencies.port.cancel(request)
  }
}
