/**
 * The engine's side of WebSocket connections: a transport in the same isolate hands frames in and gets frames and
 * failures out, and never sees the addon. Sockets, handshakes and every message but Infer and Results stay with the
 * transport.
 *
 * A frame costs one native call here: nothing is decoded, nothing allocated, unless it is refused.
 */
import { RECEIVED_WITH_REFUSALS, RefusalSlot } from '../../../bindings/generated/boundary.js'
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
  onWebSocketFailure(connectionId: number, channel: number, wireId: number, error: PenstockError): void
}

/** Where a socket lives that is not this isolate's: its I/O thread, and its number there, which is never used again. */
export interface SocketPlace {
  readonly thread: number
  readonly number: number
}

export interface WebSocketPort {
  /** Names the engine's process: the first part of its requests' ids. */
  readonly instance: string
  setHooks(hooks: WebSocketHooks): void
  /**
   * @param windowRequests requests in flight that the connection may have.
   * @param place of its socket, where an I/O thread has it.
   * @returns its id; -1: the socket is gone.
   */
  openConnection(windowRequests: number, place?: SocketPlace): number
  /** A frame that its I/O thread left to this isolate is done with. */
  handled(place: SocketPlace): void
  /** During onWebSocketFailure: the frame that was written, for others that fail for the same reason. */
  keepRefusal(connectionId: number, frame: Uint8Array, channelAt: number, requestAt: number): void
  /** Cancels what is in flight; late results are dropped. */
  closeConnection(connectionId: number): void
  /** @throws PenstockError ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED, ERR_DRAINING, ERR_CLOSED. */
  openChannel(connectionId: number, channel: number, pipeline: string): PipelineDescription
  closeChannel(connectionId: number, channel: number): void
  /** What a caller may do over all its connections and the other dialects. */
  makeLimit(options: CallerLimitOptions): CallerLimit
  /** Requests of the connection are counted against it; before the first one. @param limit of `makeLimit`. */
  setLimit(connectionId: number, limit: CallerLimit): void
  /** While a socket is congested, results keep their credit until they are acknowledged, and few are sent. */
  setCongested(connectionId: number, isCongested: boolean): void
  /** The kernel took the oldest `frames` of the result frames that were sent while the socket was congested. */
  acknowledge(connectionId: number, frames: number): void
  /** Bytes of results that are finished and not yet sent, because the socket is congested. */
  readyBytes(connectionId: number): number
  /**
   * Takes one frame; it is read, not kept.
   * @returns 0: taken care of (admitted, or refused and onWebSocketFailure was called) · > 0: the Body type of a well-formed
   *   message that the caller handles (an Infer that needs JavaScript is one) · < 0: close the connection, see lastRefusal.
   */
  receive(connectionId: number, frame: ArrayBuffer): number
  /** After receive() < 0: ERR_FRAME or ERR_CREDIT_EXCEEDED. */
  readonly lastRefusal: PenstockError
  /** True when the request was still unanswered; its onWebSocketFailure with ERR_ABORTED follows. */
  cancel(connectionId: number, channel: number, wireId: number): boolean
  /**
   * For requests of a string-path channel, before engine.infer: the pipeline still takes what the channel was opened for.
   * @throws PenstockError ERR_CHANNEL_NOT_FOUND, ERR_CHANNEL_STALE, ERR_PIPELINE_NOT_DEPLOYED.
   */
  expectCurrent(connectionId: number, channel: number): void
}

/** What the port knows of a deployed pipeline. */
export interface OpenablePipeline {
  readonly handle: PipelineHandle
  readonly deployment: Deployment
}

export interface WebSocketPortDependencies {
  readonly port: NativePort
  readonly instance: string
  /** @throws PenstockError when the pipeline cannot be used now. */
  readonly expectPipeline: (name: string) => OpenablePipeline
}

const closingCodes: ReadonlySet<string> = new Set(['ERR_FRAME', 'ERR_CREDIT_EXCEEDED'])
const noHooks: WebSocketHooks = { onSend: () => undefined, onWebSocketFailure: () => undefined }

export class EngineWebSocketPort implements WebSocketPort {
  readonly #dependencies: WebSocketPortDependencies
  /** By connection id, then by channel: what the channel was opened for. */
  readonly #channels = new Map<number, Map<number, Deployment>>()
  #hooks: WebSocketHooks = noHooks
  #lastRefusal = new PenstockError('ERR_FRAME')
  readonly #refusals: RecentRefusals

  constructor(dependencies: WebSocketPortDependencies) {
    this.#dependencies = dependencies
    this.#refusals = new RecentRefusals(dependencies.port.handle)
  }

  get instance(): string {
    return this.#dependencies.instance
  }

  get lastRefusal(): PenstockError {
    return this.#lastRefusal
  }

  get connectionCount(): number {
    return this.#channels.size
  }

  setHooks(hooks: WebSocketHooks): void {
    this.#hooks = hooks
    this.#dependencies.port.registerFrames(hooks, (connectionId, channel, wireId, failure) =>
      this.#fail(connectionId, channel, wireId, failure),
    )
  }

  openConnection(windowRequests: number, place?: SocketPlace): number {
    const { handle } = this.#dependencies.port
    const connectionId =
      place === undefined
        ? addon.openConnection(handle, windowRequests)
        : addon.openSocketConnection(handle, place.number, windowRequests)
    if (connectionId >= 0) this.#channels.set(connectionId, new Map())
    return connectionId
  }

  handled(place: SocketPlace): void {
    addon.frameHandled(this.#dependencies.port.handle, place.number)
  }

  keepRefusal(_connectionId: number, frame: Uint8Array, channelAt: number, requestAt: number): void {
    this.#dependencies.port.keepRefusal(frame, channelAt, requestAt)
  }

  closeConnection(connectionId: number): void {
    if (!this.#channels.delete(connectionId)) return
    addon.closeConnection(this.#dependencies.port.handle, connectionId)
    this.#dependencies.port.scheduleFlush()
  }

  openChannel(connectionId: number, channel: number, pipeline: string): PipelineDescription {
    const channels = this.#channels.get(connectionId)
    if (channels === undefined) throw new PenstockError('ERR_CONNECTION_LOST', 'The connection is closed')
    const { handle, deployment } = this.#dependencies.expectPipeline(pipeline)
    addon.openChannel(this.#dependencies.port.handle, connectionId, channel, handle, deployment.needsJavaScript)
    channels.set(channel, deployment)
    return deployment.description
  }

  closeChannel(connectionId: number, channel: number): void {
    if (this.#channels.get(connectionId)?.delete(channel) === true)
      addon.closeChannel(this.#dependencies.port.handle, connectionId, channel)
  }

  makeLimit(options: CallerLimitOptions): CallerLimit {
    return new NativeCallerLimit(options)
  }

  setLimit(connectionId: number, limit: CallerLimit): void {
    addon.setConnectionLimit(this.#dependencies.port.handle, connectionId, (limit as NativeCallerLimit).handle)
  }

  setCongested(connectionId: number, isCongested: boolean): void {
    if (addon.setCongested(this.#dependencies.port.handle, connectionId, isCongested))
      this.#dependencies.port.scheduleDrain()
  }

  acknowledge(connectionId: number, frames: number): void {
    if (addon.acknowledge(this.#dependencies.port.handle, connectionId, frames)) this.#dependencies.port.scheduleDrain()
  }

  readyBytes(connectionId: number): number {
    return addon.readyBytes(this.#dependencies.port.handle, connectionId)
  }

  receive(connectionId: number, frame: ArrayBuffer): number {
    const outcome = addon.receive(this.#dependencies.port.handle, connectionId, frame)
    if (outcome === 0) this.#dependencies.port.scheduleFlush()
    if (outcome === RECEIVED_WITH_REFUSALS) return this.#refuseSome(connectionId, frame)
    if (outcome >= 0) return outcome
    return this.#refuseOne(connectionId, frame, -outcome)
  }

  /** Tells each request of a frame that was refused; those that were admitted go on. */
  #refuseSome(connectionId: number, frame: ArrayBuffer): number {
    const { port } = this.#dependencies
    port.scheduleFlush()
    for (;;) {
      const status = addon.takeRefusal(port.handle)
      if (status === 0) return 0
      this.#refuseOne(connectionId, frame, status)
    }
  }

  #refuseOne(connectionId: number, frame: ArrayBuffer, status: number): number {
    return this.#refusals.has(status) ? this.#refuseForLoad(connectionId, status) : this.#refuse(connectionId, frame)
  }

  cancel(connectionId: number, channel: number, wireId: number): boolean {
    return addon.cancelWebSocket(this.#dependencies.port.handle, connectionId, channel, wireId)
  }

  expectCurrent(connectionId: number, channel: number): void {
    const opened = this.#channels.get(connectionId)?.get(channel)
    if (opened === undefined)
      throw new PenstockError('ERR_CHANNEL_NOT_FOUND', `Channel ${channel} is not open on this connection`)
    if (this.#isStale(opened)) throw staleError(opened)
  }

  #fail(connectionId: number, channel: number, wireId: number, failure: NativeFailure): void {
    const opened = this.#channels.get(connectionId)?.get(channel) ?? null
    const error = this.#refusals.errorOfFailure(failure, opened)
    // To the addon, a pipeline that has become a plain one, or was removed and made again, has no plan under the
    // channel's handle; to the client, its channel is out of date.
    const isReplaced = error.code === 'ERR_PIPELINE_NOT_DEPLOYED' && opened !== null && this.#isServing(opened.pipeline)
    this.#hooks.onWebSocketFailure(connectionId, channel, wireId, isReplaced ? staleError(opened) : error)
  }

  #refuseForLoad(connectionId: number, status: number): number {
    const { facts } = this.#refusals
    const channel = facts[RefusalSlot.channel] ?? 0
    const wireId = facts[RefusalSlot.wireId] ?? 0
    const opened = this.#channels.get(connectionId)?.get(channel) ?? null
    this.#hooks.onWebSocketFailure(connectionId, channel, wireId, this.#refusals.errorOfRefusal(status, opened))
    return 0
  }

  #refuse(connectionId: number, frame: ArrayBuffer): number {
    const failure = addon.lastFailure(this.#dependencies.port.handle)
    const error = failureOf(failure)
    if (closingCodes.has(error.code)) {
      this.#lastRefusal = error.code === 'ERR_FRAME' ? describeFault(frame, error) : error
      return -failure.status
    }
    this.#fail(connectionId, failure.channel, failure.wireId, failure)
    return 0
  }

  #isStale(opened: Deployment): boolean {
    const { deployment } = this.#dependencies.expectPipeline(opened.pipeline)
    return deployment !== opened && !plansHaveEqualSignature(deployment.compiled, opened.compiled)
  }

  #isServing(pipeline: string): boolean {
    try {
      return this.#dependencies.expectPipeline(pipeline).deployment.pipeline === pipeline
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
