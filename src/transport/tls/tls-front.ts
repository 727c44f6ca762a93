/**
 * A listener for encrypted connections: it does the handshake and hands the stream of plain bytes on. A handshake that
 * fails, or takes too long, ends its connection and is nobody else's business. Thread: the I/O isolate that listens.
 */
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { TLS_HANDSHAKE_MS } from '../../base/limits/tls-limits.js'
import type { Certificates } from './certificates.js'

export interface TlsFrontOptions {
  readonly certificates: Certificates
  /** What is offered to clients that ask (RFC 7301), for example `http/1.1`. */
  readonly protocols: readonly string[]
  /** Takes a connection over, handshake done. */
  readonly onConnection: (socket: TLSSocket) => void
  /** Asked about each new connection, which `handshakeCount` counts by then. False: it is cut at once. */
  readonly admits: () => boolean
}

export class TlsFront {
  readonly #server: Server
  /** Connections whose handshake is not done, by who is at their other end. */
  readonly #handshakes = new Map<string, Socket>()

  constructor({ certificates, protocols, onConnection, admits }: TlsFrontOptions) {
    this.#server = createServer({
      ...certificates.context,
      requestCert: certificates.isClientAsked,
      rejectUnauthorized: certificates.isClientAsked,
      handshakeTimeout: TLS_HANDSHAKE_MS,
      ALPNProtocols: [...protocols],
      noDelay: true,
    })
    this.#server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket)
      this.#handshakes.set(peer, socket)
      socket.once('close', () => {
        if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer)
      })
      if (!admits()) socket.destroy()
    })
    this.#server.on('secureConnection', (socket) => {
      this.#handshakes.delete(peerOf(socket))
      onConnection(socket)
    })
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  /** Connections whose handshake is under way; those that were handed on count where they went. */
  get handshakeCount(): number {
    return this.#handshakes.size
  }

  /**
   * @param port 0: any free one.
   * @returns the bound port; null when it is not to be had.
   */
  async listen(host: string, port: number): Promise<number | null> {
    const server = this.#server
    const isBound = await new Promise<boolean>((resolve) => {
      // Later ones are of connections that could not be accepted; without a listener they would end the process.
      server.on('error', () => resolve(false))
      server.listen({ host, port, exclusive: true }, () => resolve(true))
    })
    return isBound ? (server.address() as AddressInfo).port : null
  }

  /** For handshakes from now on; open connections keep theirs. */
  renew({ context }: Certificates): void {
    this.#server.setSecureContext(context)
  }

  /** No new connections; those that are open go on. Idempotent. */
  stopListening(): void {
    if (this.#server.listening) this.#server.close()
  }

  /** Cuts handshakes that are under way. */
  close(): void {
    this.stopListening()
    for (const socket of this.#handshakes.values()) socket.destroy()
  }
}

/** The encrypted stream is another object than the connection below it, with the same peer. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress ?? ''} ${remotePort ?? ''}`
