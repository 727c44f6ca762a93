/**
 * A listening port with its HTTP requests and WebSocket connections, over whichever backend loads: here the requests
 * are counted, bodies and answers are charged to the engine's budget, and a refused port gets its reason.
 */
import type { PenstockError } from '../../base/errors.js'
import { listenFailure } from '../listen-failure.js'
import type { Certificates } from '../tls/certificates.js'
import { TlsFront } from '../tls/tls-front.js'
import { FastPathRequests, type FastPathHandler } from './fast-path-request.js'
import { BodyMemory } from '../body.js'
import type { Budget } from '../byte-charge.js'
import { openBackend } from './choose.js'
import { HttpRequest, isBodyAmbiguous, readHead, type RequestShare, type RequestHead } from './http-request.js'
import { SlowReaders } from './slow-readers.js'
import type { BackendHandlers, RawRequest, RawResponse, SocketBackend, SocketBehaviour, SocketChoice } from './seam.js'

export interface SocketServerOptions<Data> {
  /** Called for each request; must respond, or call `readBody`, before it returns to the loop. */
  onRequest(httpRequest: HttpRequest): void
  /** Requests that it takes do not come to onRequest. */
  readonly fastPaths?: readonly (FastPathHandler & { start(httpRequests: FastPathRequests): void })[]
  readonly socket: SocketBehaviour<Data>
  /** What I/O threads serve by, where they have the sockets. */
  readonly ioPorts?: NonNullable<BackendHandlers<Data>['ioPorts']>
  /** What bodies that arrive and answers that wait are charged to. */
  readonly budget: Budget
  /** Asked about each new connection, which `connectionCount` counts by then. False: it is cut at once. */
  readonly admits: () => boolean
  /** Absent: 'auto'. */
  readonly sockets?: SocketChoice
  /** 1..IO_THREADS_MAX, more than one of `native` only; absent: 1. */
  readonly ioThreads?: number
  /** What connections are encrypted with; absent: they are not. */
  readonly certificates?: Certificates | undefined
}

export class SocketServer<Data> {
  readonly #backend: SocketBackend
  readonly #shared: RequestShare
  /** Listens in the backend's place. */
  readonly #front: TlsFront | null
  /** Why the backend is not the fast one; null when it is, or was chosen. */
  readonly fallBackReason: string | null

  /** @throws PenstockError ERR_ARGUMENT when the backend that was asked for does not load, or has no threads. */
  constructor(options: SocketServerOptions<Data>) {
    this.#shared = {
      budget: options.budget,
      bodies: new BodyMemory(),
      readers: new SlowReaders(),
      isUploading: false,
      isClosing: false,
      openRequests: 0,
    }
    const { certificates, admits, ioThreads } = options
    const needs = { ioThreads, adopts: certificates !== undefined }
    const { backend, fallBackReason } = openBackend(options.sockets ?? 'auto', this.#handlers(options), needs)
    this.#backend = backend
    const { adopt } = backend
    this.#front =
      certificates === undefined || adopt === null
        ? null
        : new TlsFront({ certificates, protocols: ['http/1.1'], onConnection: adopt, admits })
    this.fallBackReason = fallBackReason
  }

  /** Who owns the sockets. */
  get backendName(): SocketBackend['name'] {
    return this.#backend.name
  }

  /** Threads that own connections: 0 when it is the isolate's own. */
  get ioThreads(): number {
    return this.#backend.ioThreads
  }

  /** TCP connections, WebSockets included. */
  get connectionCount(): number {
    return this.#backend.connectionCount + (this.#front?.handshakeCount ?? 0)
  }

  /** HTTP requests whose answer is not written yet. */
  get openRequestCount(): number {
    return this.#shared.openRequests
  }

  /**
   * Binds `host:port`; 0 asks for any free port.
   * @returns the bound port.
   * @throws PenstockError ERR_CONFLICT when another process listens there, ERR_ARGUMENT when the host is not this machine's.
   */
  async listen(host: string, port: number): Promise<number> {
    const bound = await (this.#front ?? this.#backend).listen(host, port)
    if (bound === null) throw await listenFailure(host, port)
    return bound
  }

  /** For connections from now on. */
  renew(certificates: Certificates): void {
    this.#front?.renew(certificates)
  }

  /** No new connections; answers from now on close theirs. */
  stopListening(): void {
    this.#shared.isClosing = true
    this.#front?.stopListening()
    this.#backend.stopListening()
  }

  /** Closes every connection at once. Idempotent. */
  close(): void {
    this.#shared.isClosing = true
    this.#front?.close()
    this.#backend.close()
  }

  #handlers(options: SocketServerOptions<Data>): BackendHandlers<Data> {
    const shared = this.#shared
    const onRequest = (raw: RawResponse, request: RawRequest): void => {
      const head = readHead(request)
      const httpRequest = new HttpRequest(raw, head, shared)
      if (isBodyAmbiguous(head)) httpRequest.respond({ status: 400 }, true)
      else options.onRequest(httpRequest)
    }
    const posts = (options.fastPaths ?? []).flatMap((handler) => {
      const fastPath = new FastPathRequests({
        handler,
        share: shared,
        handOver: (raw: RawResponse, head: RequestHead, body: Buffer | PenstockError | null) =>
          new HttpRequest(raw, head, shared, body),
        onHandedOver: (handedOver) => options.onRequest(handedOver),
      })
      handler.start(fastPath)
      return handler.paths.map((path, index) => ({
        path,
        onRequest: (raw: RawResponse, request: RawRequest): void => {
          if (!fastPath.tryTake(raw, request, index)) onRequest(raw, request)
        },
      }))
    })
    return {
      onRequest,
      posts,
      socket: options.socket,
      ...(options.ioPorts === undefined ? {} : { ioPorts: options.ioPorts }),
      admits: options.admits,
      onRefused: (raw, request, reply) => new HttpRequest(raw, readHead(request), shared).respond(reply),
    }
  }
}
