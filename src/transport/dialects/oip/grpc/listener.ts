/**
 * The TCP side of gRPC: the library is handed connections instead of a port, so that they are counted, refused, encrypted
 * and closed like those of HTTP. Thread: the I/O isolate that listens.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { listenFailure } from '../../../listen-failure.js'
import type { Certificates } from '../../../tls/certificates.js'
import { TlsFront } from '../../../tls/tls-front.js'

export interface GrpcListenerOptions {
  /** Takes a connection over. */
  readonly onConnection: (socket: Socket) => void
  /** Asked about each new connection, which `connectionCount` counts by then. False: it is closed at once. */
  readonly admits: () => boolean
  /** What connections are encrypted with; absent: they are not. */
  readonly certificates?: Certificates | undefined
}

export class GrpcListener {
  readonly #server: Server
  readonly #front: TlsFront | null
  readonly #connections = new Set<Socket>()
  readonly #options: GrpcListenerOptions

  constructor(options: GrpcListenerOptions) {
    const { certificates, admits } = options
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#front =
      certificates === undefined
        ? null
        : new TlsFront({ certificates, protocols: ['h2'], onConnection: (socket) => this.#take(socket), admits })
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size + (this.#front?.handshakeCount ?? 0)
  }

  /**
   * @param port 0: any free one.
   * @returns the bound port; rejects with the system's error.
   */
  async listen(host: string, port: number): Promise<number> {
    if (this.#front === null) return this.#listenPlain(host, port)
    const bound = await this.#front.listen(host, port)
    if (bound === null) throw await listenFailure(host, port)
    return bound
  }

  /** For connections from now on. */
  renew(certificates: Certificates): void {
    this.#front?.renew(certificates)
  }

  /** No new connections; those that are open go on. Idempotent. */
  stop(): void {
    this.#front?.stopListening()
    if (this.#server.listening) this.#server.close()
  }

  /** Cuts what is still open. */
  close(): void {
    this.stop()
    this.#front?.close()
    for (const socket of this.#connections) socket.destroy()
  }

  #listenPlain(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      // Later ones are of connections that could not be accepted; without a listener they would end the process.
      this.#server.on('error', reject)
      this.#server.listen({ host, port, exclusive: true }, () => resolve((this.#server.address() as AddressInfo).port))
    })
  }

  #accept(socket: Socket): void {
    this.#count(socket)
    if (this.#options.admits()) return this.#options.onConnection(socket)
    // Whatever goes wrong with it is seen as its close.
    socket.on('error', () => undefined)
    socket.destroy()
  }

  /** One that was admitted before its handshake. */
  #take(socket: Socket): void {
    this.#count(socket)
    this.#options.onConnection(socket)
  }

  #count(socket: Socket): void {
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
  }
}
