/**
 * GET /v1/stream: the WebSocket dialect `penstock.v1` (docs/reference/wire-protocol.md).
 *
 * The hot path is one call: a frame goes to the engine's port, which reads, checks and admits it natively; results come
 * back as whole frames through `onSend`. Only what the port does not handle is decoded here: Open, Cancel, Close, and
 * Infer of pipelines with string tensors. A frame that is not well-formed ends its connection with a code and a reason;
 * nothing else is affected.
 *
 * Back-pressure: a connection has a window of requests whose results the kernel has not taken. A reader slower than its
 * own requests holds that much and no more; only one that sends on nevertheless is cut off.
 */
import type { Logger } from 'pino'
import { isForLoad, isPenstockError, PenstockError, toPenstockError } from '../../base/errors.js'
import { expectInteger } from '../../base/expect.js'
import { INFER_MANY_MAX } from '../../base/generated/boundary.js'
import { CHANNELS_MAX, FRAME_SLACK_BYTES } from '../../base/limits/limits.js'
import type { EngineApi, PipelineDescription } from '../../engine/api/api.js'
import type { WebSocketPort } from '../../engine/requests/websocket-port.js'
import {
  AUTHENTICATE_SUBPROTOCOL,
  Body,
  decodeMessage,
  encodeMessage,
  failureMessage,
  resultMessage,
  STREAM_PATH,
  splitMany,
  SUBPROTOCOL,
  type InferManyMessage,
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
import { Connection, endSocket, type ConnectionSlot } from './connection.js'
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
  #startedPort: WebSocketPort | null = null
  readonly #connections = new Map<number, Connection>()
  /** Those that had unsent bytes when they were last weighed. */
  readonly #congested = new Set<Connection>()
  readonly #failures = new FailureFrames()
  readonly #waiting = new WaitingSockets()

  constructor(context: WebSocketContext) {
    this.#context = context
  }

  /** To be called once it is known who has the sockets, before the first of them opens. */
  start(port: WebSocketPort): void {
    const { held } = this.#context
    this.#startedPort = port
    port.setHooks({
      onSend: (connectionId, bytes, isHeld) => {
        const connection = this.#connections.get(connectionId)
        connection?.send(bytes, isHeld)
        if (connection?.isCongested === true) this.#congested.add(connection)
        held.relieve()
      },
      onDrained: () => this.#weighCongested(),
      onHeld: (connectionId, bufferedBytes, readyBytes) => {
        const connection = this.#connections.get(connectionId)
        connection?.setHeld(bufferedBytes, readyBytes)
        if (bufferedBytes > this.#context.limits.socketBufferBytesMax) connection?.cutOff()
        held.relieve()
      },
      onWebSocketFailure: (connectionId, channel, wireId, error) => {
        const frame = this.#failures.frameOf(channel, wireId, error)
        this.#connections.get(connectionId)?.send(frame, false)
        // Only these are the same whoever gets them.
        const { channelAt, requestAt } = this.#failures
        if (isForLoad(error.code)) port.keepRefusal(connectionId, frame, channelAt, requestAt)
      },
    })
  }

  get #port(): WebSocketPort {
    if (this.#startedPort === null) throw new Error('Expected the WebSocket server to be started')
    return this.#startedPort
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** What the socket server is started with. */
  behaviour(): SocketBehaviour<ConnectionSlot> {
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
        const { connection } = socket.getUserData()
        if (connection === null) this.#authenticate(socket, frame, isBinary)
        else this.#receive(connection, frame, isBinary)
        if (socket.place !== undefined) this.#port.handled(socket.place)
      },
      drain: (socket) => {
        socket.getUserData().connection?.acknowledge()
      },
      close: (socket) => {
        const { connection } = socket.getUserData()
        if (connection === null) this.#waiting.delete(socket)
        else this.#forget(connection)
      },
    }
  }

  /** Asks every client to open its next connection elsewhere. */
  goaway(reason: string, graceMs: number): void {
    for (const connection of this.#connections.values()) connection.sendMessage({ kind: 'goaway', reason, graceMs })
  }

  closeAll(reason: string): void {
    for (const connection of [...this.#connections.values()]) connection.close(closeCodeGoingAway, reason)
    this.#waiting.closeAll(closeCodeGoingAway, reason)
  }

  /** Bytes that wait in all sockets together. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const connection of this.#connections.values()) bytes += connection.bufferedBytes
    return bytes
  }

  #accept(handshake: CallHead): { data: ConnectionSlot; subprotocol: string } | HttpReply {
    try {
      const isWaiting = this.#expectSubprotocol(handshake)
      const { access } = this.#context
      const grant =
        isWaiting && access.needsKey && !access.hasKey(handshake) ? null : access.authorize(handshake, INFER)
      this.#expectRoom(isWaiting)
      return { data: { connection: null, grant, isWaiting, address: handshake.address }, subprotocol: SUBPROTOCOL }
    } catch (error) {
      return errorReply(toPenstockError(error))
    }
  }

  /** @returns whether the first message will carry the key. @throws PenstockError ERR_SUBPROTOCOL */
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
    if (this.#connections.size + this.#waiting.count < limits.connectionsMax) return
    throw new PenstockError(
      'ERR_QUEUE_FULL',
      `Expected at most ${limits.connectionsMax} WebSocket connections at a time. Send more requests over each, or try again later`,
    )
  }

  /** Takes the key of a first message. */
  #authenticate(socket: Socket<ConnectionSlot>, frame: ArrayBuffer, isBinary: boolean): void {
    const { grant, address } = socket.getUserData()
    const { access } = this.#context
    this.#waiting.delete(socket)
    try {
      const key = keyOfFrame(frame, isBinary)
      // A key in the handshake counts, and where none is needed the handshake was checked already.
      const known = grant !== null && (grant.key !== null || !access.needsKey) ? grant : null
      this.#open(socket, known ?? access.authorizeKey(key, { header: () => '', address }, INFER))
    } catch (error) {
      endSocket(socket, toPenstockError(error))
    }
  }

  #open(socket: Socket<ConnectionSlot>, grant: Grant): void {
    const port = this.#port
    const { limits, product } = this.#context
    const connectionId = port.openConnection(limits.windowRequests, socket.place)
    // Its close event is on the way.
    if (connectionId < 0) return
    if (grant.limit !== null) port.setLimit(connectionId, grant.limit)
    const letGo = grant.hold((error) => this.#connections.get(connectionId)?.closeFor(error))
    const connection = new Connection(connectionId, socket, port, this.#context.held, grant, letGo)
    socket.getUserData().connection = connection
    this.#connections.set(connectionId, connection)
    connection.sendMessage({
      kind: 'hello',
      windowRequests: limits.windowRequests,
      server: `${product.name}/${product.version}`,
      frameBytesMax: limits.frameBytesMax,
      inferManyMax: Math.min(INFER_MANY_MAX, limits.windowRequests),
    })
  }

  #receive(connection: Connection, frame: ArrayBuffer, isBinary: boolean): void {
    try {
      this.#expectFrame(frame, isBinary)
      this.#take(connection, frame)
    } catch (error) {
      if (!isPenstockError(error)) this.#context.logger.error({ err: error }, 'websocket frame failed')
      connection.closeFor(toPenstockError(error))
    }
  }

  /** @throws PenstockError when the connection is to be closed. */
  #take(connection: Connection, frame: ArrayBuffer): void {
    const port = this.#port
    let outcome = port.receive(connection.id, frame)
    // Perhaps too much in flight: count again with what the kernel has taken by now before an honest client is accused.
    if (outcome < 0 && connection.acknowledge()) outcome = port.receive(connection.id, frame)
    if (outcome < 0) throw port.lastRefusal
    if (outcome > 0) this.#control(connection, outcome, frame)
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
  #control(connection: Connection, body: number, frame: ArrayBuffer): void {
    const message = decodeMessage(frame)
    if (message.kind === 'open') this.#openChannel(connection, message)
    else if (message.kind === 'cancel') this.#cancel(connection, message.channel, message.request)
    else if (message.kind === 'close') this.#closeChannel(connection, message.channel)
    else if (message.kind === 'infer') this.#inferOnStringPath(connection, message)
    else if (message.kind === 'infer-many') this.#inferOneByOne(connection, message)
    else throw new PenstockError('ERR_FRAME', `Expected a message that clients send but received ${Body[body] ?? body}`)
  }

  #openChannel(connection: Connection, { channel, pipeline }: OpenMessage): void {
    try {
      expectInteger('channel', channel, 1, CHANNELS_MAX - 1)
      if (connection.channels.has(channel))
        throw new PenstockError(
          'ERR_ARGUMENT',
          `Expected a channel that is not open but received ${channel}. Close it, or choose another`,
        )
      connection.grant.expectPipeline(pipeline)
      const description = this.#port.openChannel(connection.id, channel, pipeline)
      connection.channels.set(channel, description)
      const { name, version, inputs, outputs, checks, routes, isNonBatching, rowsMax } = description
      connection.sendMessage({
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
        instance: this.#port.instance,
        // Their columns and texts are read request by request.
        inferMany: !description.isStringPath,
      })
    } catch (error) {
      if (!isPenstockError(error)) throw error
      connection.sendMessage(failureMessage(channel, 0, error, true))
    }
  }

  #closeChannel(connection: Connection, channel: number): void {
    if (connection.channels.delete(channel)) this.#port.closeChannel(connection.id, channel)
  }

  #cancel(connection: Connection, channel: number, request: number): void {
    const controller = connection.stringPathRequests.get(keyOf(channel, request))
    if (controller === undefined) this.#port.cancel(connection.id, channel, request)
    else controller.abort()
  }

  /** Requests of a channel with columns or string tensors, which did not offer it: each as if it had a frame of its own. */
  #inferOneByOne(connection: Connection, message: InferManyMessage): void {
    const { channel, requests } = message
    let infers: InferMessage[]
    try {
      const description = connection.channels.get(channel)
      if (description === undefined)
        throw new PenstockError('ERR_CHANNEL_NOT_FOUND', `Channel ${channel} is not open on this connection`)
      infers = splitMany(message, description)
    } catch (error) {
      if (!isPenstockError(error)) throw error
      for (const request of Array.from(requests)) connection.sendMessage(failureMessage(channel, request, error))
      return
    }
    for (const infer of infers) this.#take(connection, encodeMessage(infer).slice().buffer)
  }

  /** Admits a request of a pipeline with string tensors; its answer or failure is sent when it is there. */
  #inferOnStringPath(connection: Connection, message: InferMessage): void {
    const { channel, request } = message
    const { windowRequests } = this.#context.limits
    const key = keyOf(channel, request)
    if (connection.stringPathRequests.size >= windowRequests) {
      throw new PenstockError(
        'ERR_CREDIT_EXCEEDED',
        `Expected at most ${windowRequests} requests in flight on the connection but received one more`,
      )
    }
    const controller = new AbortController()
    const description = connection.channels.get(channel)
    const isRepeated = connection.stringPathRequests.has(key)
    if (!isRepeated) connection.stringPathRequests.set(key, controller)
    // A result that fits into no frame fails like a run: `sendMessage` throws for it.
    void this.#runOnStringPath(connection, message, description, isRepeated, controller.signal)
      .then((answer) => connection.sendMessage(answer))
      .catch((error: unknown) => {
        if (!isPenstockError(error)) this.#context.logger.error({ err: error }, 'websocket request failed')
        connection.sendMessage(failureMessage(channel, request, toPenstockError(error)))
      })
      .finally(() => {
        if (!isRepeated) connection.stringPathRequests.delete(key)
      })
  }

  async #runOnStringPath(
    connection: Connection,
    message: InferMessage,
    description: PipelineDescription | undefined,
    isRepeated: boolean,
    signal: AbortSignal,
  ) {
    const port = this.#port
    const { engine } = this.#context
    const { channel, request, requestId } = message
    if (isRepeated)
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected a request id that is not in flight on channel ${channel} but received ${request}`,
      )
    port.expectCurrent(connection.id, channel)
    if (description === undefined)
      throw new PenstockError('ERR_CHANNEL_NOT_FOUND', `Channel ${channel} is not open on this connection`)
    // The frame is lent until the first await: the tensors are copied out of it here.
    const inputs = namedTensors(message, description)
    const { limit } = connection.grant
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
      cache: result.metadata.cache,
      requestNumber: requestId === true ? requestNumberOf(result.metadata.requestId) : undefined,
      traceparent: result.metadata.traceparent,
    })
  }

  /** Results that are kept from congested sockets count as theirs, too, when HeldAnswers looks for the one that holds the most. */
  #weighCongested(): void {
    if (this.#congested.size === 0) return
    for (const connection of this.#congested) {
      connection.weigh()
      if (!connection.isCongested) this.#congested.delete(connection)
    }
    this.#context.held.relieve()
  }

  #forget(connection: Connection): void {
    connection.letGo()
    connection.markClosed()
    this.#congested.delete(connection)
    this.#connections.delete(connection.id)
    for (const controller of connection.stringPathRequests.values()) controller.abort()
    this.#port.closeConnection(connection.id)
  }
}

function keyOf(channel: number, request: number): string {
  return `${channel}:${request}`
}

/** The last part of an id, which is in base 36 there: exact, for the engine counts from 1. */
function requestNumberOf(requestId: string): bigint {
  return BigInt(Number.parseInt(requestId.slice(requestId.lastIndexOf('-') + 1), 36))
}
