/**
 * A server for the client's simulation, behind sockets that delay, cut and congest. It speaks the real protocol with the
 * real codec, doubles its input, and notes what a client must never do: exceed its window, reuse an id in flight, or send
 * work after a goaway was delivered. End-to-end tests run against the real server; only losses at chosen moments need this.
 */
import { PenstockError } from '../../base/errors.js'
import {
  decodeMessage,
  encodeMessage,
  failureMessage,
  resultMessage,
  splitMany,
  type InferManyMessage,
  type InferMessage,
  type Message,
} from '../../protocol/codec.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { ClientEnvironment } from '../connection/options.js'
import type { SocketLike } from '../socket/socket.js'
import type { World } from './world.js'

export interface FakeRequest {
  readonly message: InferMessage
  /** Its inputs, copied. */
  readonly values: Float32Array
  isCancelled: boolean
}

export class FakeServer {
  readonly sockets: FakeSocket[] = []
  readonly violations: string[] = []
  /** Values that were run, in order: a value twice means that a request ran twice. */
  readonly ran: number[] = []
  windowRequests = 4
  frameBytesMax = 1 << 20
  features = 2
  /** 0: an older server, which takes one request a frame. */
  inferManyMax = 0
  latencyMs: [number, number] = [0, 2]
  serviceMs: [number, number] = [0, 5]
  /** false: dialling fails. */
  isUp = true
  /** false: requests are kept unanswered in `held`. */
  isAnswering = true
  held: (() => void)[] = []
  /** When set, decides each Infer instead of running it. */
  refuse: ((request: FakeRequest) => PenstockError | null) | null = null
  refuseOpen: ((pipeline: string) => PenstockError | null) | null = null

  constructor(readonly world: World) {}

  get environment(): ClientEnvironment {
    const { clock, random, setTimer } = this.world
    return { clock, random, setTimer, openSocket: (url, protocols) => this.#connect(url, protocols) }
  }

  get live(): FakeSocket[] {
    return this.sockets.filter(({ isOpen }) => isOpen)
  }

  #connect(url: string, protocols: readonly string[]): FakeSocket {
    const socket = new FakeSocket(this, url, protocols)
    this.sockets.push(socket)
    this.world.setTimer(() => (this.isUp ? socket.accept() : socket.cut(1006, '')), this.delay())
    return socket
  }

  delay(): number {
    return this.world.integer(...this.latencyMs)
  }

  signature(): TensorField[] {
    return [{ name: 'x', dtype: 'float32', shape: [null, this.features] }]
  }

  goaway(): void {
    for (const socket of this.live) socket.sendToClient({ kind: 'goaway', reason: 'drain', graceMs: 1000 })
  }
}

export class FakeSocket implements SocketLike {
  binaryType = ''
  protocol = ''
  bufferedAmount = 0
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  onerror: SocketLike['onerror'] = null
  isOpen = false
  /** A goaway has reached the client. */
  isGoingAway = false
  readonly inFlight = new Map<number, FakeRequest>()
  readonly received: Message[] = []
  closedWith: { code: number; reason: string } | null = null
  /** Delivery in order, whatever the latencies. */
  #toServerUs = 0
  #toClientUs = 0

  constructor(
    readonly server: FakeServer,
    readonly url: string,
    readonly protocols: readonly string[],
  ) {}

  accept(): void {
    this.isOpen = true
    this.protocol = this.protocols[0] ?? ''
    this.onopen?.({})
    const { windowRequests, frameBytesMax, inferManyMax } = this.server
    this.sendToClient({ kind: 'hello', windowRequests, server: 'fake', frameBytesMax, inferManyMax })
  }

  /** The line is cut: what is under way in either direction is lost. */
  cut(code = 1006, reason = ''): void {
    if (this.closedWith !== null) return
    this.isOpen = false
    this.closedWith = { code, reason }
    this.inFlight.clear()
    this.onclose?.({ code, reason })
  }

  close(code = 1005, reason = ''): void {
    if (reason.length > 123) throw new SyntaxError('reason too long')
    this.server.world.setTimer(() => this.cut(code, reason), this.server.delay())
  }

  send(data: Uint8Array): void {
    // Copied before it returns, as every WebSocket does; the simulation would notice a frame that changes later.
    const frame = data.slice()
    if (this.isGoingAway && decodeMessage(frame).kind.startsWith('infer'))
      this.server.violations.push('work after goaway')
    this.#toServerUs = this.#later(this.#toServerUs, () => this.#receive(decodeMessage(frame)))
  }

  sendToClient(message: Message): void {
    const frame = encodeMessage(message)
    this.#toClientUs = this.#later(this.#toClientUs, () => {
      if (message.kind === 'goaway') this.isGoingAway = true
      this.onmessage?.({ data: frame.slice().buffer })
    })
  }

  sendRaw(data: unknown): void {
    this.onmessage?.({ data })
  }

  #later(lastUs: number, action: () => void): number {
    const { clock, setTimer } = this.server.world
    const atUs = Math.max(lastUs, clock.monotonicUs() + this.server.delay() * 1000)
    setTimer(
      () => {
        if (this.isOpen) action()
      },
      (atUs - clock.monotonicUs()) / 1000,
    )
    return atUs
  }

  #receive(message: Message): void {
    this.received.push(message)
    if (message.kind === 'open') this.#open(message.channel, message.pipeline)
    else if (message.kind === 'infer') this.#infer(message)
    else if (message.kind === 'infer-many') this.#inferMany(message)
    else if (message.kind === 'cancel') this.#cancel(message.request)
  }

  #open(channel: number, pipeline: string): void {
    const error = this.server.refuseOpen?.(pipeline) ?? null
    if (error !== null) {
      this.sendToClient(failureMessage(channel, 0, error, true))
      return
    }
    const inputs = this.server.signature()
    const outputs: TensorField[] = [{ ...(inputs[0] as TensorField), name: 'y' }]
    const [checks, routes] = [['odd'], []]
    this.sendToClient({
      kind: 'opened',
      channel,
      pipeline,
      version: 1,
      inputs,
      outputs,
      checks,
      routes,
      isNonBatching: false,
      rowsMax: 100,
      inferMany: this.server.inferManyMax > 0,
    })
  }

  #inferMany(message: InferManyMessage): void {
    const { inferManyMax, violations } = this.server
    const { length } = message.requests
    if (length > inferManyMax) violations.push(`${length} requests in a frame of ${inferManyMax}`)
    const signature = { inputs: this.server.signature(), isNonBatching: false }
    for (const infer of splitMany(message, signature)) this.#infer(infer)
  }

  #infer(message: InferMessage): void {
    const { server } = this
    if (this.inFlight.has(message.request)) server.violations.push(`id ${message.request} twice in flight`)
    const request: FakeRequest = { message, values: new Float32Array(message.data.slice().buffer), isCancelled: false }
    this.inFlight.set(message.request, request)
    if (this.inFlight.size > server.windowRequests) server.violations.push(`${this.inFlight.size} in flight`)
    const error = server.refuse?.(request) ?? null
    if (error !== null) {
      this.#fail(request, error)
      return
    }
    const run = () => this.#answer(request)
    if (server.isAnswering) server.world.setTimer(run, server.world.integer(...server.serviceMs))
    else server.held.push(run)
  }

  #answer(request: FakeRequest): void {
    const { message, values } = request
    if (!this.isOpen || this.inFlight.get(message.request) !== request) return
    this.inFlight.delete(message.request)
    this.server.ran.push(...values.filter((_, index) => index === 0))
    const shape = [message.rows, values.length / message.rows]
    const outputs = { y: { dtype: 'float32', shape, data: values.map((value) => 2 * value) } } as const
    const signature = {
      outputs: [{ name: 'y', dtype: 'float32', shape: [null, shape[1] ?? 0] }],
      isNonBatching: false,
      checks: ['odd'],
      routes: [],
    } as const
    const checkFailures = (values[0] ?? 0) % 2 === 1 ? [{ check: 'odd', rows: [0] }] : []
    this.sendToClient(
      resultMessage(message.channel, message.request, signature, {
        rows: message.rows,
        outputs,
        checkFailures,
        route: null,
      }),
    )
  }

  #cancel(id: number): void {
    const request = this.inFlight.get(id)
    if (request === undefined) return
    request.isCancelled = true
    this.#fail(request, new PenstockError('ERR_ABORTED'))
  }

  #fail({ message }: FakeRequest, error: PenstockError): void {
    this.inFlight.delete(message.request)
    this.sendToClient(failureMessage(message.channel, message.request, error))
  }
}
