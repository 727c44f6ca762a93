/**
 * The port of gRPC, without gRPC behind it until somebody connects: the libraries take 18 MiB of memory and a tenth of a
 * second, which servers whose callers speak HTTP would hold and wait for in vain. Thread: the I/O isolate that listens.
 */
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { PenstockError } from '../../../../base/errors.js'
import type { Certificates } from '../../../tls/certificates.js'
import { GrpcListener } from './listener.js'
import type { GrpcServer, GrpcServerOptions } from './server.js'

export interface GrpcPortOptions extends GrpcServerOptions {
  /** Asked about each new connection, which `connectionCount` counts by then. False: it is closed at once. */
  readonly admits: () => boolean
  readonly logger: Logger
  /** What connections are encrypted with; absent: they are not. */
  readonly certificates?: Certificates | undefined
}

export class GrpcPort {
  readonly #options: GrpcPortOptions
  readonly #listener: GrpcListener
  #server: GrpcServer | null = null
  #loading: Promise<void> | null = null
  #isStopped = false

  constructor(options: GrpcPortOptions) {
    this.#options = options
    const { admits, certificates } = options
    this.#listener = new GrpcListener({ onConnection: (socket) => this.#accept(socket), admits, certificates })
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#listener.connectionCount
  }

  /**
   * @param port 0: any free one.
   * @returns the bound port.
   * @throws PenstockError ERR_CONFLICT when it is taken.
   */
  async listen(host: string, port: number): Promise<number> {
    try {
      return await this.#listener.listen(host, port)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const text = `Cannot listen on port ${port} of ${host} for gRPC: ${reason}. Choose another with --grpc-port, or --grpc-port off`
      throw new PenstockError('ERR_CONFLICT', text, { cause })
    }
  }

  /** For connections from now on. */
  renew(certificates: Certificates): void {
    this.#listener.renew(certificates)
  }

  /** Takes no new connections and notifies watchers; calls under way go on. */
  stopListening(): void {
    this.#isStopped = true
    this.#listener.stop()
    this.#server?.stop()
  }

  /** Ends every call that is not over by itself in a moment. Idempotent. */
  async close(): Promise<void> {
    this.stopListening()
    await this.#loading
    await this.#server?.close()
    this.#listener.close()
  }

  #accept(socket: Socket): void {
    if (this.#server !== null) return this.#server.accept(socket)
    // Its bytes wait in the socket, up to its buffer; an error is seen as its close.
    socket.on('error', ignore)
    this.#loading ??= this.#load()
    void this.#loading.then(() => {
      socket.off('error', ignore)
      if (this.#server === null || this.#isStopped) socket.destroy()
      else if (!socket.destroyed) this.#server.accept(socket)
    })
  }

  async #load(): Promise<void> {
    try {
      const { GrpcServer } = await import('./server.js')
      this.#server = new GrpcServer(this.#options)
      if (this.#isStopped) this.#server.stop()
    } catch (error) {
      // The next connection tries again: what was out of memory or descriptors may be well by then.
      this.#loading = null
      this.#options.logger.error({ error }, 'gRPC could not be loaded: its callers are turned away')
    }
  }
}

const ignore = (): void => undefined
