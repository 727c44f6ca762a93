/**
 * The backend on uWebSockets.js, and the only file that knows it. The library is loaded when a server is made, not when
 * this file is imported: an embedded engine opens no socket, and there are machines on which it does not load.
 *
 * Listening is exclusive: the library's default, SO_REUSEPORT, lets two servers share a port without a word. (Once a
 * port was chosen by the kernel, binding it again must wait for TIME_WAIT: SO_REUSEADDR is set for named ports only.)
 * Its requests, responses and sockets are handed on as they are: see seam.ts.
 */
import { createRequire } from 'node:module'
import type * as uws from 'uWebSockets.js'
import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import { addressText } from './http-request.js'
import type { BackendHandlers, Socket, SocketBackend, SocketBehaviour } from './seam.js'

export type SocketLibrary = typeof uws

/** LIBUS_LISTEN_EXCLUSIVE_PORT; the library's types declare an enum that its binary does not export. */
const exclusivePort = 1
/** The overload with a host and options, which the binary has and the library's types leave out. */
type Listen = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => void

/** @throws whatever loading it throws: it is not installed, or has no binary that this Node or C library can load. */
export function loadSocketLibrary(): SocketLibrary {
  return createRequire(import.meta.url)('uWebSockets.js') as SocketLibrary
}

export class UwsBackend<Data> implements SocketBackend {
  readonly name = 'uws'
  readonly ioThreads = 0
  readonly #library: SocketLibrary
  readonly #app: TemplatedApp
  #listener: us_listen_socket | null = null
  #connections = 0
  #isClosed = false

  constructor(library: SocketLibrary, handlers: BackendHandlers<Data>) {
    this.#library = library
    this.#app = library
      .App()
      .ws<Data>(
        handlers.socket.path,
        // The filter sees a connection open, but not close any more once it is a WebSocket.
        behaviourOf(library, handlers, () => this.#connections--),
      )
      .any('/*', (raw, request) => handlers.onRequest(raw, request))
      .filter((raw, change) => {
        this.#connections += Number(change)
        if (Number(change) > 0 && !handlers.admits()) raw.close()
      })
    for (const route of handlers.posts) this.#app.post(route.path, (raw, request) => route.onRequest(raw, request))
  }

  /** The library owns its sockets. */
  readonly adopt = null

  get connectionCount(): number {
    return this.#connections
  }

  listen(host: string, port: number): Promise<number | null> {
    const listen = this.#app.listen.bind(this.#app) as unknown as Listen
    listen(host, port, exclusivePort, (socket) => {
      if (socket !== false) this.#listener = socket
    })
    return Promise.resolve(this.#listener === null ? null : this.#library.us_socket_local_port(this.#listener))
  }

  stopListening(): void {
    if (this.#listener !== null) this.#library.us_listen_socket_close(this.#listener)
    this.#listener = null
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listener = null
    this.#app.close()
  }
}

function behaviourOf<Data>(
  library: SocketLibrary,
  handlers: BackendHandlers<Data>,
  onClosed: () => void,
): Parameters<TemplatedApp['ws']>[1] {
  const behaviour: SocketBehaviour<Data> = handlers.socket
  return {
    maxPayloadLength: behaviour.frameBytesMax,
    maxBackpressure: behaviour.bufferBytesMax,
    closeOnBackpressureLimit: 1,
    idleTimeout: behaviour.idleTimeoutS,
    sendPingsAutomatically: true,
    compression: library.DISABLED,
    upgrade: (raw, request, context) => {
      const verdict = behaviour.accept({
        header: (name) => request.getHeader(name),
        get address() {
          return addressText(raw)
        },
      })
      if ('status' in verdict) return handlers.onRefused(raw, request, verdict)
      raw.cork(() =>
        raw.upgrade(verdict.data, request.getHeader('sec-websocket-key'), verdict.subprotocol, '', context),
      )
    },
    open: (socket) => behaviour.open(socket as Socket<Data>),
    message: (socket, frame, isBinary) => behaviour.message(socket as Socket<Data>, frame, isBinary),
    drain: (socket) => behaviour.drain(socket as Socket<Data>),
    close: (socket, code) => {
      onClosed()
      behaviour.close(socket as Socket<Data>, code)
    },
  }
}
