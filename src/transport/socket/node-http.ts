/**
 * The backend on Node's own http and `ws`: it serves everything that the fast one serves, at a fraction of the messages a
 * second, wherever Node runs. Where the two libraries differ, this one does as the other: 98 headers, one protocol
 * version, silence of ten seconds ends a connection, a handshake is only what asks for the WebSocket's own path.
 *
 * Rejected: node:net with a parser of our own; Node's is strict, fuzzed by others, and fast enough for a fall-back.
 */
import { createServer, IncomingMessage, ServerResponse, STATUS_CODES, type Server } from 'node:http'
import { Server as NetServer, type AddressInfo, type Socket as NetSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { lingerMs, NodeRequest, NodeResponse } from './node-request.js'
import { NodeSocket } from './node-websocket.js'
import { matcherOf } from './route-match.js'
import type { BackendHandlers, SocketBackend } from './seam.js'

/** Without a byte in either direction, while the caller is to send or to read. */
const silenceMs = 10_000
/** From the first byte of a head to its last. */
const headMsMax = 60_000
const headersMax = 98
/** Requests without a body that one connection may have sent ahead of their answers; those with one: none. */
const pipelinedMax = 16
/** Bytes of a head. */
const headBytesMax = 120 * 1024
const tickMs = 1000
/** By the parser's code; every other is 400. */
const parserStatus: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_METHOD: 505,
  HPE_PAUSED_H2_UPGRADE: 505,
  HPE_INVALID_VERSION: 505,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** One TCP connection. */
interface Connection {
  readonly responses: Set<NodeResponse>
  isRefused: boolean
}

export class NodeBackend<Data> implements SocketBackend {
  readonly name = 'node'
  readonly ioThreads = 0
  readonly #handlers: BackendHandlers<Data>
  readonly #posts: readonly { readonly match: (path: string) => string | null; readonly index: number }[]
  readonly #server: Server
  readonly #websockets: WebSocketServer
  readonly #subprotocols = new WeakMap<IncomingMessage, string>()
  readonly #connections = new Map<Duplex, Connection>()
  readonly #open = new Set<NodeSocket<Data>>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #isAdopting = false

  constructor(handlers: BackendHandlers<Data>) {
    this.#handlers = handlers
    this.#posts = handlers.posts.map(({ path }, index) => ({ match: matcherOf(path), index }))
    this.#websockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: handlers.socket.frameBytesMax,
      skipUTF8Validation: true,
      handleProtocols: (_offered, message) => this.#subprotocols.get(message) ?? false,
    })
    this.#server = createServer({
      IncomingMessage: handshakeAware(handlers.socket.path),
      keepAliveTimeout: silenceMs,
      // Only silence ends a request: a large body may take as long as its network needs.
      requestTimeout: 0,
      // A head is small: one that comes byte by byte keeps silence away and would stay for ever. Node's default is none
      // where there is no limit for requests.
      headersTimeout: headMsMax,
      maxHeaderSize: headBytesMax,
      connectionsCheckingInterval: silenceMs,
    })
    this.#server.maxHeadersCount = 0
    this.#listenToServer()
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#timer.unref()
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  async listen(host: string, port: number): Promise<number | null> {
    const server = this.#server
    const isBound = await new Promise<boolean>((resolve) => {
      // Later ones are of connections that could not be accepted; without a listener they would end the process.
      server.on('error', () => resolve(false))
      server.listen({ host, port, exclusive: true }, () => resolve(true))
    })
    if (!isBound) return null
    return (server.address() as AddressInfo).port
  }

  readonly adopt = (socket: NetSocket): void => {
    if (!this.#isAdopting) {
      // What looks for slow heads begins to when the server listens, which one that only adopts never does.
      this.#isAdopting = true
      this.#server.emit('listening')
    }
    this.#server.emit('connection', socket)
  }

  stopListening(): void {
    // Not http's own close: it cuts connections that are idle now and may carry a request in the next moment.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const socket of [...this.#open]) socket.close()
    for (const socket of this.#connections.keys()) socket.destroy()
    this.#server.close()
  }

  #listenToServer(): void {
    const server = this.#server
    server.timeout = silenceMs
    server.on('connection', (socket) => this.#connected(socket))
    server.on('timeout', (socket: NetSocket) => this.#silent(socket))
    server.on('request', (request, response) => this.#request(request, response, false))
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#request(request, response, true),
    )
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
      this.#request(request, response, false),
    )
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    server.on('connect', (_request, socket) => this.#refuse(socket, 400))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
      error.code === 'ECONNRESET' || !socket.writable ? socket.destroy() : this.#refuse(socket, statusOf(error)),
    )
  }

  #connected(socket: NetSocket): void {
    const connection: Connection = { responses: new Set(), isRefused: false }
    this.#connections.set(socket, connection)
    if (!this.#handlers.admits()) socket.destroy()
    socket.once('close', () => {
      this.#connections.delete(socket)
      for (const response of [...connection.responses]) response.abort()
    })
  }

  #silent(socket: NetSocket): void {
    const responses = this.#connections.get(socket)?.responses
    // A model may take its time; a caller may not.
    if (responses !== undefined && [...responses].some(({ isOurTurn }) => isOurTurn)) return
    socket.destroy()
  }

  #request(message: IncomingMessage, response: ServerResponse, wantsContinue: boolean): void {
    const connection = this.#connections.get(message.socket)
    if (connection === undefined || connection.isRefused) return
    const status = refusalOf(message)
    if (status !== null) return this.#refuse(message.socket, status)
    if (isTooEarly(message, connection.responses)) return void message.socket.destroy()
    const request = new NodeRequest(message)
    const raw = this.#openResponse(connection, message, response, wantsContinue)
    if (message.method === 'POST') {
      for (const { match, index } of this.#posts) {
        const parameter = match(request.getUrl())
        if (parameter === null) continue
        request.parameter = parameter
        return this.#handlers.posts[index]?.onRequest(raw, request)
      }
    }
    this.#handlers.onRequest(raw, request)
  }

  #openResponse(
    { responses }: Connection,
    message: IncomingMessage,
    response: ServerResponse,
    wantsContinue: boolean,
  ): NodeResponse {
    const raw = new NodeResponse(message, response, (done) => responses.delete(done), wantsContinue)
    responses.add(raw)
    return raw
  }

  #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.isRefused) return void socket.destroy()
    const status = refusalOf(message)
    if (status !== null) return this.#refuse(socket, status)
    const request = new NodeRequest(message)
    const verdict = this.#handlers.socket.accept({
      header: (name) => request.getHeader(name),
      address: message.socket.remoteAddress ?? '',
    })
    if ('status' in verdict) {
      const response = new ServerResponse(message)
      response.shouldKeepAlive = false
      response.assignSocket(message.socket)
      response.once('finish', () => message.socket.destroySoon())
      return this.#handlers.onRefused(this.#openResponse(connection, message, response, false), request, verdict)
    }
    this.#subprotocols.set(message, verdict.subprotocol)
    this.#websockets.handleUpgrade(message, socket, head, (websocket) => {
      const opened = new NodeSocket(websocket, message.socket, verdict.data, this.#handlers.socket)
      this.#open.add(opened)
      websocket.once('close', () => this.#open.delete(opened))
    })
  }

  /** Answers what is no request of ours, and ends the connection. */
  #refuse(socket: Duplex, status: number): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.isRefused) return
    connection.isRefused = true
    for (const response of [...connection.responses]) response.abort()
    socket.on('error', () => undefined)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }

  #tick(): void {
    for (const socket of this.#open) socket.tick()
  }
}

/** What the parser lets pass and this server does not speak; null: nothing is wrong with the head. */
function refusalOf(message: IncomingMessage): number | null {
  if (message.httpVersion !== '1.1') return 505
  if (message.rawHeaders.length > 2 * headersMax) return 431
  const encoding = message.headers['transfer-encoding']
  return encoding === undefined || encoding.toLowerCase() === 'chunked' ? null : 400
}

/** Work is not begun for a caller who has not waited for the answer before: nothing would bound it. */
function isTooEarly({ method }: IncomingMessage, responses: ReadonlySet<NodeResponse>): boolean {
  if (responses.size >= pipelinedMax) return true
  return method !== 'GET' && method !== 'HEAD' && [...responses].some(({ isAnswered }) => !isAnswered)
}

/** By the parser's code; a method that the parser does not know, in a line that is HTTP, is one that no address has. */
function statusOf({ code, rawPacket }: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }): number {
  if (code === 'HPE_INVALID_METHOD' && /^[A-Za-z]+ \S+ HTTP\/1\.1\r\n/.test(rawPacket?.toString('latin1') ?? ''))
    return 405
  return parserStatus[code ?? ''] ?? 400
}

/**
 * Requests that count as an upgrade only when they are a handshake for `path`. For any other, Node with a listener for
 * `upgrade` would take the connection out of HTTP's hands: clients that offer h2c with every first request (Java's,
 * `curl --http2`) would get no answer. A server without such a listener reads the same property.
 */
function handshakeAware(path: string): typeof IncomingMessage {
  return class extends IncomingMessage {
    declare private isUpgradeAsked: boolean | null

    get upgrade(): boolean {
      return this.isUpgradeAsked === true && (this.method === 'CONNECT' || isHandshake(this, path))
    }

    set upgrade(isAsked: boolean | null) {
      this.isUpgradeAsked = isAsked
    }
  }
}

function isHandshake({ method, url, headers }: IncomingMessage, path: string): boolean {
  const keyCharacters = 24
  return (
    method === 'GET' &&
    (url === path || url?.startsWith(`${path}?`) === true) &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-key']?.length === keyCharacters
  )
}
