/**
 * How a request of JavaScript crosses: its tensors and meta as arguments, its numbers in an array that the port shares with
 * the addon (SubmissionSlot). Reading an argument or a property through N-API costs as much as ten such numbers, and this
 * is done for every request.
 *
 * Invariant: the array is written and read within one call of `submit`, `submitJson` or `submitRows`. Nothing else
 * writes it.
 */
import type { PriorityCode } from '../src/base/generated/boundary.js'
import { SubmissionSlot } from './generated/boundary.js'
import { addon } from './native.js'
import type { RowsFormHandle } from './native-contracts.js'
import type { PipelineHandle, PortHandle } from './native-handles.js'

export interface Submission {
  /** In the plan's order, of its exact dtypes, contiguous; copied before the call returns. */
  readonly inputs: readonly ArrayBufferView[]
  readonly rows: number
  /** The free dims in order over all inputs; null when none is free. */
  readonly dims: Int32Array | null
  /** A MetaBlock; null: no key. */
  readonly meta: Uint8Array | null
  /** What the event that ends the request brings. */
  readonly tag: number
  /** What the log calls the request, below 2^52: WebSocket requests get numbers from there on. */
  readonly requestNumber: number
  /** On the clock of nowUs(); 0: none. */
  readonly deadlineUs: number
  readonly priority: PriorityCode
  /** The answer shall have `timing`. */
  readonly hasTiming: boolean
  /** The answer shall wait for the background and have `others`. */
  readonly hasAuditedOutputs: boolean
}

export class Submissions {
  readonly #port: PortHandle
  readonly #numbers: Float64Array

  constructor(port: PortHandle) {
    this.#port = port
    this.#numbers = addon.submission(port)
  }

  /** @returns a request number > 0, or -status with `lastFailure(port)`. */
  submit(pipeline: PipelineHandle, request: Submission): number {
    const numbers = this.#numbers
    numbers[SubmissionSlot.tag] = request.tag
    numbers[SubmissionSlot.requestNumber] = request.requestNumber
    numbers[SubmissionSlot.rows] = request.rows
    numbers[SubmissionSlot.deadlineUs] = request.deadlineUs
    numbers[SubmissionSlot.priority] = request.priority
    numbers[SubmissionSlot.hasTiming] = request.hasTiming ? 1 : 0
    numbers[SubmissionSlot.hasAuditedOutputs] = request.hasAuditedOutputs ? 1 : 0
    return addon.submit(this.#port, pipeline, request.inputs, request.dims, request.meta)
  }

  /** @returns as addon.submitJson. */
  submitJson(
    pipeline: PipelineHandle,
    body: ArrayBuffer | Uint8Array,
    exchange: number,
    requestNumber: number,
    meta: Uint8Array | null,
  ): number {
    this.#numbers[SubmissionSlot.tag] = exchange
    this.#numbers[SubmissionSlot.requestNumber] = requestNumber
    return addon.submitJson(this.#port, pipeline, body, meta)
  }

  /** @returns as addon.submitRows. */
  submitRows(
    pipeline: PipelineHandle,
    form: RowsFormHandle,
    body: ArrayBuffer | Uint8Array,
    exchange: number,
    requestNumber: number,
    meta: Uint8Array | null,
  ): number {
    this.#numbers[SubmissionSlot.tag] = exchange
    this.#numbers[SubmissionSlot.requestNumber] = requestNumber
    return addon.submitRows(this.#port, pipeline, form, body, meta)
  }
}
