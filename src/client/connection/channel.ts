/** What callers hold of a pipeline that a client talks to. It outlives connections; ChannelState is what the client keeps. */
import { PenstockError } from '../../base/errors.js'
import type { OpenedMessage } from '../../protocol/codec.js'
import { rowInputs, type InputRow } from '../../tensor/row-inputs.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { ChannelState } from './channel-state.js'
import type { ClientInferOptions, ClientInputs, ClientResult } from './inference.js'

/** What a channel asks of its client. */
export interface ChannelOwner {
  readonly requests: {
    submit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult>
    trySubmit(state: ChannelState, inputs: ClientInputs, options: ClientInferOptions): Promise<ClientResult> | null
  }
  closeChannel(state: ChannelState): void
}

const noOptions: ClientInferOptions = {}

export class Channel {
  readonly pipeline: string
  readonly #state: ChannelState
  readonly #owner: ChannelOwner

  /** Made by `PenstockClient.open`, when `state` has a signature. */
  constructor(state: ChannelState, owner: ChannelOwner) {
    this.pipeline = state.pipeline
    this.#state = state
    this.#owner = owner
  }

  /** The pipeline's version when the channel was last opened. */
  get version(): number {
    return this.#opened.version
  }

  /** Row axis first (null), other free dims null too. */
  get inputs(): readonly TensorField[] {
    return this.#opened.inputs
  }

  get outputs(): readonly TensorField[] {
    return this.#opened.outputs
  }

  /** Names of the checks that may fail. */
  get checks(): readonly string[] {
    return this.#opened.checks
  }

  /** Names that `route` takes; empty when the pipeline does not split. */
  get routes(): readonly string[] {
    return this.#opened.routes
  }

  /** True: tensors carry no row axis. */
  get isNonBatching(): boolean {
    return this.#opened.isNonBatching
  }

  /** Rows of one request at most. */
  get rowsMax(): number {
    return this.#opened.rowsMax
  }

  get #opened(): OpenedMessage {
    const { signature } = this.#state
    if (signature === null) throw new Error('A channel is made of a state that was opened')
    return signature.opened
  }

  /**
   * Runs the pipeline on `inputs`. Waits while the window is full or the connection is being made anew; requests on a
   * connection that is lost reject with ERR_CONNECTION_LOST (retryable) and are never resent by themselves.
   * @param inputs by name: a Tensor, a typed array or nested numbers; lent until the promise settles.
   * @returns outputs in memory of their own, in the order of completion over all requests.
   * @throws PenstockError ERR_MISSING_INPUT, ERR_UNKNOWN_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT, ERR_META;
   *   ERR_QUEUE_FULL (retryable); ERR_DEADLINE_EXCEEDED; ERR_ABORTED; ERR_CONNECTION_LOST (retryable); what the server answers.
   * @example const { outputs } = await channel.infer({ features: new Float32Array(11) }, { deadlineMs: 50 })
   */
  infer(inputs: ClientInputs, options: ClientInferOptions = noOptions): Promise<ClientResult> {
    return this.#owner.requests.submit(this.#state, inputs, options)
  }

  /**
   * As `infer` for rows as an application has them: an object by input name, or a list of them. For pipelines whose inputs
   * are columns, a value a row: `{ alcohol: 10.6, type: 'red' }`. A member that is absent or null is missing: NaN among
   * floats, '' among texts; integers and bools have no missing value.
   * @throws PenstockError as `infer`; ERR_ARGUMENT, ERR_UNKNOWN_INPUT, ERR_MISSING_INPUT with the row.
   * @example const { outputs } = await channel.inferRows([{ alcohol: 10.6, type: 'red' }, { type: 'white' }])
   */
  async inferRows(
    rows: InputRow | readonly InputRow[],
    options: ClientInferOptions = noOptions,
  ): Promise<ClientResult> {
    if (this.isNonBatching)
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected the pipeline to take rows but ${this.pipeline} takes each request as a whole. Call infer`,
      )
    return this.infer(rowInputs(this.inputs, rows), options)
  }

  /**
   * As `infer`, but only when the request can be sent at once: null means that nothing was sent and nothing waits, and that
   * `PenstockClient.ready` waits until it can. The one exception: a request that finds its channel closed by the server,
   * for its pipeline was redeployed or is gone, opens it again and waits for that.
   */
  tryInfer(inputs: ClientInputs, options: ClientInferOptions = noOptions): Promise<ClientResult> | null {
    return this.#owner.requests.trySubmit(this.#state, inputs, options)
  }

  /** Gives the channel back to the server once its requests are answered. Later calls reject with ERR_CLOSED. */
  close(): void {
    this.#owner.closeChannel(this.#state)
  }
}
