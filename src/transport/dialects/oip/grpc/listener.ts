/**
 * The TCP side of gRPC: grpc-js is handed connections instead of a port, so that they are counted, refused and closed like
 * those of HTTP. Thread: the I/O isolate that listens.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface GrpcListenerOptions {
  /** Takes a connection over. */
  readonly onConnection: (socket: Socket) => void
  /** Asked about each new connection, which `connectionCount` counts by then. False: it is closed at once. */
  readonly admits: () => boolean
}

export class GrpcListener {
  readonly #server: Server
  readonly #connections = new Set<Socket>()

  constructor({ onConnection, admits }: GrpcListenerOptions) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#connections.add(socket)
      socket.once('close', () => this.#connections.delete(socket))
      if (admits()) return onConnection(socket)
      // Whatever goes wrong with it is seen as its close.
      socket.on('error', () => undefined)
      socket.destroy()
    })
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /**
   * @param port 0: any free one.
   * @returns the bound port; rejects with the system's error.
   */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      // Later ones are of connections that could not be accepted; without a listener they would end the process.
      this.#server.on('error', reject)
      this.#server.listen({ host, port, exclusive: true }, () => resolve((this.#server.address() as AddressInfo).port))
    })
  }

  /** No new connections; those that are open go on. Idempotent. */
  stop(): void {
    if (this.#server.listening) this.#server.close()
  }

  /** Cuts what is still open. */
  close(): void {
    this.stop()
    for (const socket of this.#connections) socket.destroy()
  }
}
