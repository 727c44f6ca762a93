/**
 * The engine's side of WebSocket connections: a transport in the same isolate hands frames in and gets frames and
 * failures out, and never sees the addon. Sockets, handshakes and every message but Infer and Results stay with the
 * transport.
 *
 * A frame costs one native call here: nothing is decoded, nothing allocated, unless it is refused.
 */
import { RefusalSlot } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { PipelineHandle } from '../../../bindings/native.js'
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { plansHaveEqualSignature } from '../../pipeline/plan.js'
import { verifyMessage } from '../../protocol/verify.js'
import type { PipelineDescription } from '../api/api.js'
import { NativeCallerLimit, type CallerLimit, type CallerLimitOptions } from './caller-limit.js'
import type { Deployment } from '../deploy/deployment.js'
import { failureOf, type NativeFailure } from './failures.js'
import type { FrameEvents, NativePort } from './native-port.js'
import { RecentRefusals } from './recent-refusals.js'

export interface WebSocketHooks extends FrameEvents {
  /** A request of the connection was refused or failed: encode a Failure with it. The same error may come again. */
  onWebSocketFailure(connection: number, channel: number, wireId: number, error: PenstockError): void
}

export interface WebSocketPort {
  /** Names the engine's process: the first part of its requests' ids. */
  readonly instance: string
  setHooks(hooks: WebSocketHooks): void
  /** @param windowRequests requests in flight that the connection may have. @returns its number, > 0. */
  openConnection(windowRequests: number): number
  /** Cancels what is in flight; late results are dropped. */
  closeConnection(connection: number): void
  /** @throws PenstockError ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED, ERR_DRAINING, ERR_CLOSED. */
  openChannel(connection: number, channel: number, pipeline: string): PipelineDescription
  closeChannel(connection: number, channel: number): void
  /** What a caller may do over all its connections and the other dialects. */
  makeLimit(options: CallerLimitOptions): CallerLimit
  /** Requests of the connection are counted against it; before the first one. @param limit of `makeLimit`. */
  setLimit(connection: number, limit: CallerLimit): void
  /** While a socket is congested, results keep their credit until they are acknowledged, and few are sent. */
  setCongested(connection: number, isCongested: boolean): void
  /** The kernel took the oldest `frames` of the result frames that were sent while the socket was congested. */
  acknowledge(connection: number, frames: number): void
  /** Bytes of results that are finished and not yet sent, because the socket is congested. */
  readyBytes(connection: number): number
  /**
   * Takes one frame; it is read, not kept.
   * @returns 0: taken care of (admitted, or refused and onWebSocketFailure was called) · > 0: the Body type of a well-formed
   *   message that the caller handles (an Infer of a string-path pipeline is one) · < 0: close the connection, see lastRefusal.
   */
  receive(connection: number, frame: ArrayBuffer): number
  /** After receive() < 0: ERR_FRAME or ERR_CREDIT_EXCEEDED. */
  readonly lastRefusal: PenstockError
  /** True when the request was still unanswered; its onWebSocketFailure with ERR_ABORTED follows. */
  cancel(connection: number, channel: number, wireId: number): boolean
  /**
   * For requests of a string-path channel, before engine.infer: the pipeline still takes what the channel was opened for.
   * @throws PenstockError ERR_CHANNEL_NOT_FOUND, ERR_CHANNEL_STALE, ERR_PIPELINE_NOT_DEPLOYED.
   */
  expectCurrent(connection: number, channel: number): void
}

/** What the engine tells the port of a deployed pipeline. */
export interface OpenablePipeline {
  readonly handle: PipelineHandle
  readonly deployment: Deployment
}

export interface WebSocketPortParts {
  readonly port: NativePort
  readonly instance: string
  /** @throws PenstockError when the pipeline cannot be used now. */
  readonly expectPipeline: (name: string) => OpenablePipeline
}

const closingCodes: ReadonlySet<string> = new Set(['ERR_FRAME', 'ERR_CREDIT_EXCEEDED'])
const noHooks: WebSocketHooks = { onSend: () => undefined, onWebSocketFailure: () => undefined }

export class EngineWebSocketPort implements WebSocketPort {
  readonly #parts: WebSocketPortParts
  /** By connection, then by channel: what the channel was opened for. */
  readonly #channels = new Map<number, Map<number, Deployment>>()
  #hooks: WebSocketHooks = noHooks
  #lastRefusal = new PenstockError('ERR_FRAME')
  readonly #refusals: RecentRefusals

  constructor(parts: WebSocketPortParts) {
    this.#parts = parts
    this.#refusals = new RecentRefusals(parts.port.handle)
  }

  get instance(): string {
    return this.#parts.instance
  }

  get lastRefusal(): PenstockError {
    return this.#lastRefusal
  }

  get connectionCount(): number {
    return this.#channels.size
  }

  setHooks(hooks: WebSocketHooks): void {
    this.#hooks = hooks
    this.#parts.port.registerFrames(hooks, (connection, channel, wireId, failure) =>
      this.#fail(connection, channel, wireId, failure),
    )
  }

  openConnection(windowRequests: number): number {
    const connection = addon.openConnection(this.#parts.port.handle, windowRequests)
    this.#channels.set(connection, new Map())
    return connection
  }

  closeConnection(connection: number): void {
    if (!this.#channels.delete(connection)) return
    addon.closeConnection(this.#parts.port.handle, connection)
    this.#parts.port.scheduleFlush()
  }

  openChannel(connection: number, channel: number, pipeline: string): PipelineDescription {
    const channels = this.#channels.get(connection)
    if (channels === undefined) throw new PenstockError('ERR_CONNECTION_LOST', 'The connection is closed')
    const { handle, deployment } = this.#parts.expectPipeline(pipeline)
    addon.openChannel(this.#parts.port.handle, connection, channel, handle, deployment.description.isStringPath)
    channels.set(channel, deployment)
    return deployment.description
  }

  closeChannel(connection: number, channel: number): void {
    if (this.#channels.get(connection)?.delete(channel) === true)
      addon.closeChannel(this.#parts.port.handle, connection, channel)
  }

  makeLimit(options: CallerLimitOptions): CallerLimit {
    return new NativeCallerLimit(options)
  }

  setLimit(connection: number, limit: CallerLimit): void {
    addon.setConnectionLimit(this.#parts.port.handle, connection, (limit as NativeCallerLimit).handle)
  }

  setCongested(connection: number, isCongested: boolean): void {
    if (addon.setCongested(this.#parts.port.handle, connection, isCongested)) this.#parts.port.scheduleDrain()
  }

  acknowledge(connection: number, frames: number): void {
    if (addon.acknowledge(this.#parts.port.handle, connection, frames)) this.#parts.port.scheduleDrain()
  }

  readyBytes(connection: number): number {
    return addon.readyBytes(this.#parts.port.handle, connection)
  }

  receive(connection: number, frame: ArrayBuffer): number {
    const outcome = addon.receive(this.#parts.port.handle, connection, frame)
    if (outcome === 0) this.#parts.port.scheduleFlush()
    if (outcome >= 0) return outcome
    return this.#refusals.has(-outcome) ? this.#refuseForLoad(connection, -outcome) : this.#refuse(connection, frame)
  }

  cancel(connection: number, channel: number, wireId: number): boolean {
    return addon.cancelWebSocket(this.#parts.port.handle, connection, channel, wireId)
  }

  expectCurrent(connection: number, channel: number): void {
    const opened = this.#channels.get(connection)?.get(channel)
    if (opened === undefined)
      throw new PenstockError('ERR_CHANNEL_NOT_FOUND', `Channel ${channel} is not open on this connection`)
    if (this.#isStale(opened)) throw staleError(opened)
  }

  #fail(connection: number, channel: number, wireId: number, failure: NativeFailure): void {
    const opened = this.#channels.get(connection)?.get(channel) ?? null
    const error = this.#refusals.errorOfFailure(failure, opened)
    // To the addon, a pipeline that has become a plain one, or was removed and made again, has no plan under the
    // channel's handle; to the client, its channel is out of date.
    const isReplaced = error.code === 'ERR_PIPELINE_NOT_DEPLOYED' && opened !== null && this.#isServing(opened.pipeline)
    this.#hooks.onWebSocketFailure(connection, channel, wireId, isReplaced ? staleError(opened) : error)
  }

  #refuseForLoad(connection: number, status: number): number {
    const { facts } = this.#refusals
    const channel = facts[RefusalSlot.channel] ?? 0
    const wireId = facts[RefusalSlot.wireId] ?? 0
    const opened = this.#channels.get(connection)?.get(channel) ?? null
    this.#hooks.onWebSocketFailure(connection, channel, wireId, this.#refusals.errorOfRefusal(status, opened))
    return 0
  }

  #refuse(connection: number, frame: ArrayBuffer): number {
    const failure = addon.lastFailure(this.#parts.port.handle)
    const error = failureOf(failure)
    if (closingCodes.has(error.code)) {
      this.#lastRefusal = error.code === 'ERR_FRAME' ? describeFault(frame, error) : error
      return -failure.status
    }
    this.#fail(connection, failure.channel, failure.wireId, failure)
    return 0
  }

  #isStale(opened: Deployment): boolean {
    const { deployment } = this.#parts.expectPipeline(opened.pipeline)
    return deployment !== opened && !plansHaveEqualSignature(deployment.compiled, opened.compiled)
  }

  #isServing(pipeline: string): boolean {
    try {
      return this.#parts.expectPipeline(pipeline).deployment.pipeline === pipeline
    } catch {
      return false
    }
  }
}

/** The addon knows that a frame is malformed; the verifier of the protocol knows which field breaks which rule. */
function describeFault(frame: ArrayBuffer, error: PenstockError): PenstockError {
  try {
    verifyMessage(new Uint8Array(frame))
    return error
  } catch (fault) {
    return isPenstockError(fault) ? fault : error
  }
}

function staleError(opened: Deployment): PenstockError {
  return new PenstockError(
    'ERR_CHANNEL_STALE',
    `Pipeline ${opened.pipeline} was redeployed with another signature. Open the channel again`,
  )
}
