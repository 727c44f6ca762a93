/**
 * GET /v1/stream: the WebSocket dialect `penstock.v1` (docs/reference/wire-protocol.md).
 *
 * The hot path is one call: a frame goes to the engine's port, which reads, checks and admits it natively; results come
 * back as whole frames through `onSend`. Only what the port does not handle is decoded here: Open, Cancel, Close, and
 * Infer of pipelines with string tensors. A frame that is not well-formed ends its connection with a code and a reason;
 * nothing else is affected.
 *
 * Back-pressure: a connection has a window of requests whose results the kernel has not taken. A reader slower than its
 * own requests holds that much and no more; one that sends on nevertheless is cut off, alone.
 */
import type { Logger } from 'pino'
import { isPenstockError, PenstockError, toPenstockError } from '../../base/errors.js'
import { expectInteger } from '../../base/expect.js'
import { CHANNELS_MAX, FRAME_SLACK_BYTES } from '../../base/limits/limits.js'
import type { EngineApi, PipelineDescription } from '../../engine/api/api.js'
import type { WebSocketPort } from '../../engine/requests/websocket-port.js'
import {
  AUTHENTICATE_SUBPROTOCOL,
  Body,
  decodeMessage,
  failureMessage,
  resultMessage,
  STREAM_PATH,
  SUBPROTOCOL,
  type InferMessage,
  type OpenMessage,
} from '../../protocol/codec.js'
import type { Access } from '../access/access.js'
import type { Grant } from '../access/grant.js'
import { INFER } from '../access/scopes.js'
import type { CallHead } from '../access/verifier.js'
import { namedTensors, optionsOfMessage } from '../infer-message.js'
import { errorReply } from '../http/replies.js'
import type { HeldAnswers } from '../held-answers.js'
import { FailureFrames } from './failure-frames.js'
import type { HttpReply, Socket, SocketBehaviour } from '../socket/seam.js'
import { endSocket, Peer, type PeerSlot } from './peer.js'
import { keyOfFrame, WaitingSockets } from './waiting-sockets.js'

export interface WebSocketLimits {
  readonly windowRequests: number
  readonly frameBytesMax: number
  readonly socketBufferBytesMax: number
  readonly connectionsMax: number
  readonly idleTimeoutS: number
}

export interface WebSocketContext {
  readonly engine: Pick<EngineApi, 'infer'>
  readonly port: WebSocketPort
  readonly access: Access
  readonly logger: Logger
  readonly limits: WebSocketLimits
  /** What all protocols hold. */
  readonly held: HeldAnswers
  readonly product: { readonly name: string; readonly version: string }
  isDraining(): boolean
}

/** RFC 6455: the server goes away. */
const closeCodeGoingAway = 1001

/** The connections of one server. Takes the hooks of the engine's port: one server per engine. */
export class WebSocketServer {
  readonly #context: WebSocketContext
  readonly #peers = new Map<number, Peer>()
  /** Those that were when they were last looked at. */
  readonly #congested = new Set<Peer>()
  readonly #failures = new FailureFrames()
  readonly #waiting = new WaitingSockets()

  constructor(context: WebSocketContext) {
    this.#context = context
    context.port.setHooks({
      onSend: (connection, bytes, isHeld) => {
        const peer = this.#peers.get(connection)
        peer?.send(bytes, isHeld)
        if (peer?.isCongested === true) this.#congested.add(peer)
        context.held.relieve()
      },
      onDrained: () => this.#weighCongested(),
      onWebSocketFailure: (connection, channel, wireId, error) =>
        this.#peers.get(connection)?.send(this.#failures.frameOf(channel, wireId, error), false),
    })
  }

  get connectionCount(): number {
    return this.#peers.size
  }

  /** What the socket server is started with. */
  behaviour(): SocketBehaviour<PeerSlot> {
    const { limits } = this.#context
    return {
      path: STREAM_PATH,
      // A frame a little too large is answered with a code; the library cuts off what exceeds its own limit.
      frameBytesMax: limits.frameBytesMax + FRAME_SLACK_BYTES,
      bufferBytesMax: limits.socketBufferBytesMax,
      idleTimeoutS: limits.idleTimeoutS,
      accept: (handshake) => this.#accept(handshake),
      open: (socket) => {
        const { grant, isWaiting } = socket.getUserData()
        if (grant === null || isWaiting) this.#waiting.add(socket)
        else this.#open(socket, grant)
      },
      message: (socket, frame, isBinary) => {
        const { peer } = socket.getUserData()
        if (peer === null) this.#authenticate(socket, frame, isBinary)
        else this.#receive(peer, frame, isBinary)
      },
      drain: (socket) => {
        socket.getUserData().peer?.acknowledge()
      },
      close: (socket) => {
        const { peer } = socket.getUserData()
        if (peer === null) this.#waiting.delete(socket)
        else this.#forget(peer)
      },
    }
  }

  /** Tells every client to open its next connection elsewhere. */
  goaway(reason: string, graceMs: number): void {
    for (const peer of this.#peers.values()) peer.sendMessage({ kind: 'goaway', reason, graceMs })
  }

  closeAll(reason: string): void {
    for (const peer of [...this.#peers.values()]) peer.close(closeCodeGoingAway, reason)
    this.#waiting.closeAll(closeCodeGoingAway, reason)
  }

  /** Bytes that wait in all sockets together. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const peer of this.#peers.values()) bytes += peer.bufferedBytes
    return bytes
  }

  #accept(handshake: CallHead): { data: PeerSlot; subprotocol: string } | HttpReply {
    try {
      const isWaiting = this.#expectSubprotocol(handshake)
      const { access } = this.#context
      const grant =
        isWaiting && access.needsKey && !access.hasKey(handshake) ? null : access.authorize(handshake, INFER)
      this.#expectRoom(isWaiting)
      return { data: { peer: null, grant, isWaiting, address: handshake.address }, subprotocol: SUBPROTOCOL }
    } catch (error) {
      return errorReply(toPenstockError(error))
    }
  }

  /** @returns whether the first message will tell who calls. @throws PenstockError ERR_SUBPROTOCOL */
  #expectSubprotocol(handshake: CallHead): boolean {
    const offered = handshake
      .header('sec-websocket-protocol')
      .split(',')
      .map((name) => name.trim())
    if (!offered.includes(SUBPROTOCOL)) {
      // Names only: what else is offered may carry a key.
      throw new PenstockError(
        'ERR_SUBPROTOCOL',
        `Expected sec-websocket-protocol to offer ${SUBPROTOCOL} but received ${offered[0] === '' ? 'none' : 'others'}`,
      )
    }
    return offered.includes(AUTHENTICATE_SUBPROTOCOL)
  }

  /** @throws PenstockError ERR_DRAINING, ERR_QUEUE_FULL. */
  #expectRoom(isWaiting: boolean): void {
    const { limits } = this.#context
    if (this.#context.isDraining()) throw new PenstockError('ERR_DRAINING')
    if (isWaiting) this.#waiting.expectRoom()
    if (this.#peers.size + this.#waiting.count < limits.connectionsMax) return
    throw new PenstockError(
      'ERR_QUEUE_FULL',
      `Expected at most ${limits.connectionsMax} WebSocket connections at a time. Send more requests over each, or try again later`,
    )
  }

  /** Takes the key of a first message. */
  #authenticate(socket: Socket<PeerSlot>, frame: ArrayBuffer, isBinary: boolean): void {
    const { grant, address } = socket.getUserData()
    const { access } = this.#context
    this.#waiting.delete(socket)
    try {
      const key = keyOfFrame(frame, isBinary)
      // A key in the handshake counts, and where none is asked for the handshake was judged.
      const known = grant !== null && (grant.key !== null || !access.needsKey) ? grant : null
      this.#open(socket, known ?? access.authorizeKey(key, { header: () => '', address }, INFER))
    } catch (error) {
      endSocket(socket, toPenstockError(error))
    }
  }

  #open(socket: Socket<PeerSlot>, grant: Grant): void {
    const { port, limits, product } = this.#context
    const connection = port.openConnection(limits.windowRequests)
    if (grant.limit !== null) port.setLimit(connection, grant.limit)
    const letGo = grant.hold((error) => this.#peers.get(connection)?.closeFor(error))
    const peer = new Peer(connection, socket, port, this.#context.held, grant, letGo)
    socket.getUserData().peer = peer
    this.#peers.set(connection, peer)
    peer.sendMessage({
      kind: 'hello',
      windowRequests: limits.windowRequests,
      server: `${product.name}/${product.version}`,
      frameBytesMax: limits.frameBytesMax,
    })
  }

  #receive(peer: Peer, frame: ArrayBuffer, isBinary: boolean): void {
    try {
      this.#expectFrame(frame, isBinary)
      const { port } = this.#context
      let outcome = port.receive(peer.connection, frame)
      // Perhaps too much in flight: count again with what the kernel has taken by now before an honest client is accused.
      if (outcome < 0 && peer.acknowledge()) outcome = port.receive(peer.connection, frame)
      if (outcome < 0) throw port.lastRefusal
      if (outcome > 0) this.#control(peer, outcome, frame)
    } catch (error) {
      if (!isPenstockError(error)) this.#context.logger.error({ err: error }, 'websocket frame failed')
      peer.closeFor(toPenstockError(error))
    }
  }

  #expectFrame(frame: ArrayBuffer, isBinary: boolean): void {
    const { frameBytesMax } = this.#context.limits
    if (!isBinary) throw new PenstockError('ERR_FRAME', 'Expected binary frames but received text')
    if (frame.byteLength <= frameBytesMax) return
    throw new PenstockError(
      'ERR_BODY_TOO_LARGE',
      `Expected frames of at most ${frameBytesMax} bytes but received ${frame.byteLength}`,
    )
  }

  /** @throws PenstockError when the connection is to be closed. */
  #control(peer: Peer, body: number, frame: ArrayBuffer): void {
    const message = decodeMessage(frame)
    if (message.kind === 'open') this.#openChannel(peer, message)
    else if (message.kind === 'cancel') this.#cancel(peer, message.channel, message.request)
    else if (message.kind === 'close') this.#closeChannel(peer, message.channel)
    else if (message.kind === 'infer') this.#inferPlain(peer, message)
    else throw new PenstockError('ERR_FRAME', `Expected a message that clients send but received ${Body[body] ?? body}`)
  }

  #openChannel(peer: Peer, { channel, pipeline }: OpenMessage): void {
    try {
      expectInteger('channel', channel, 1, CHANNELS_MAX - 1)
      if (peer.channels.has(channel))
        throw new PenstockError(
          'ERR_ARGUMENT',
          `Expected a channel that is not open but received ${channel}. Close it, or choose another`,
        )
      peer.grant.expectPipeline(pipeline)
      const description = this.#context.port.openChannel(peer.connection, channel, pipeline)
      peer.channels.set(channel, description)
      const { name, version, inputs, outputs, checks, routes, isNonBatching, rowsMax } = description
      peer.sendMessage({
        kind: 'opened',
        channel,
        pipeline: name,
        version,
        inputs,
        outputs,
        checks,
        routes,
        isNonBatching,
        rowsMax,
        instance: this.#context.port.instance,
      })
    } catch (error) {
      if (!isPenstockError(error)) throw error
      peer.sendMessage(failureMessage(channel, 0, error, true))
    }
  }

  #closeChannel(peer: Peer, channel: number): void {
    if (peer.channels.delete(channel)) this.#context.port.closeChannel(peer.connection, channel)
  }

  #cancel(peer: Peer, channel: number, request: number): void {
    const plain = peer.stringPathRequests.get(keyOf(channel, request))
    if (plain === undefined) this.#context.port.cancel(peer.connection, channel, request)
    else plain.abort()
  }

  /** Admits a request of a pipeline with string tensors; its answer or failure is sent when it is there. */
  #inferPlain(peer: Peer, message: InferMessage): void {
    const { channel, request } = message
    const { windowRequests } = this.#context.limits
    const key = keyOf(channel, request)
    if (peer.stringPathRequests.size >= windowRequests) {
      throw new PenstockError(
        'ERR_CREDIT_EXCEEDED',
        `Expected at most ${windowRequests} requests in flight on the connection but received one more`,
      )
    }
    const controller = new AbortController()
    const description = peer.channels.get(channel)
    const isRepeated = peer.stringPathRequests.has(key)
    if (!isRepeated) peer.stringPathRequests.set(key, controller)
    // A result that fits into no frame fails like a run: `sendMessage` throws for it.
    void this.#runPlain(peer, message, description, isRepeated, controller.signal)
      .then((answer) => peer.sendMessage(answer))
      .catch((error: unknown) => {
        if (!isPenstockError(error)) this.#context.logger.error({ err: error }, 'websocket request failed')
        peer.sendMessage(failureMessage(channel, request, toPenstockError(error)))
      })
      .finally(() => {
        if (!isRepeated) peer.stringPathRequests.delete(key)
      })
  }

  async #runPlain(
    peer: Peer,
    message: InferMessage,
    description: PipelineDescription | undefined,
    isRepeated: boolean,
    signal: AbortSignal,
  ) {
    const { engine, port } = this.#context
    const { channel, request, requestId } = message
    if (isRepeated)
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected a request id that is not in flight on channel ${channel} but received ${request}`,
      )
    port.expectCurrent(peer.connection, channel)
    if (description === undefined)
      throw new PenstockError('ERR_CHANNEL_NOT_FOUND', `Channel ${channel} is not open on this connection`)
    // The frame is lent until the first await: the tensors are copied out of it here.
    const inputs = namedTensors(message, description)
    const { limit } = peer.grant
    limit?.take()
    const result = await engine
      .infer(description.name, { ...optionsOfMessage(message), inputs, signal })
      .finally(() => limit?.release())
    return resultMessage(channel, request, description, {
      rows: result.rows,
      outputs: result.outputs,
      checkFailures: result.checkFailures,
      route: result.metadata.route,
      timing: result.metadata.timing,
      requestNumber: requestId === true ? requestNumberOf(result.metadata.requestId) : undefined,
    })
  }

  /** Results that are kept from congested sockets are theirs, too, when it is asked who holds the most. */
  #weighCongested(): void {
    if (this.#congested.size === 0) return
    for (const peer of this.#congested) {
      peer.weigh()
      if (!peer.isCongested) this.#congested.delete(peer)
    }
    this.#context.held.relieve()
  }

  #forget(peer: Peer): void {
    peer.letGo()
    peer.markClosed()
    this.#congested.delete(peer)
    this.#peers.delete(peer.connection)
    for (const controller of peer.stringPathRequests.values()) controller.abort()
    this.#context.port.closeConnection(peer.connection)
  }
}

function keyOf(channel: number, request: number): string {
  return `${channel}:${request}`
}

/** The last part of an id, which is in base 36 there: exact, for the engine counts from 1. */
function requestNumberOf(requestId: string): bigint {
  return BigInt(Number.parseInt(requestId.slice(requestId.lastIndexOf('-') + 1), 36))
}
