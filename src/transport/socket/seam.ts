/**
 * What the server needs of whatever owns its TCP sockets. Three backends implement it: native/ (the addon's own I/O
 * threads), uws.ts (uWebSockets.js) and node-http.ts (Node's own http with `ws`, where no other loads). Everything above
 * this file is the same for all, and a test suite runs over each.
 *
 *     SocketServer ─► SocketBackend ─┬─► native/ ──────► the addon's I/O threads
 *                 ◄── BackendHandlers ├─► uws.ts ───────► uWebSockets.js
 *                                    └─► node-http.ts ─► node:http, ws
 *
 * The interfaces of one request and one socket are the subset of uWebSockets' own that is used: its objects fit as they
 * are, so that backend wraps nothing per request. Rules that callers keep, and that the other backends rely on:
 * a RawRequest is read before its handler returns; a RawResponse is not touched after `onAborted` or an end; a chunk of
 * `onData` and a frame of `message` are lent until the callback returns. Thread: the I/O isolate that listens.
 */

import type { Socket as NetSocket } from 'node:net'
import type { CallHead } from '../access/verifier.js'
import type { PortHandle } from '../../engine/net/io-threads.js'
import type { SocketPlace } from '../../engine/requests/websocket-port.js'
import type { PieceBody } from '../piece-body.js'

/** An answer. `headers` come beside content-type and content-length. */
export interface HttpReply {
  readonly status: number
  readonly contentType?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Absent: no body. */
  readonly body?: string | Uint8Array | PieceBody
}

/** The head of a request, valid until the handler that received it returns. */
export interface RawRequest {
  /** As sent. */
  getCaseSensitiveMethod(): string
  /** Percent-encoded, without the query. */
  getUrl(): string
  /** Without the question mark; undefined when there is none. */
  getQuery(): string | undefined
  /** The part of the path that a route's `:name` stands for. */
  getParameter(index: number): string | undefined
  /** By lower-case name, '' when it was not sent. */
  getHeader(name: string): string
  /** Calls back once per header line, with its lower-case name. */
  forEach(callback: (name: string, value: string) => void): void
}

/** The answer of a request, to be written corked: status, headers, one of the three ends. */
export interface RawResponse {
  /** The I/O thread that has its socket; absent: this isolate has it. */
  readonly thread?: number
  /** The caller's IP address as ASCII text; before the answer and the abort only. */
  getRemoteAddressAsText(): ArrayBuffer
  /** Replaces the handler of an earlier call. Called at most once, and never after the last byte was taken. */
  onAborted(handler: () => void): unknown
  /** Calls back with each part of the body; once with an empty last part when there is none. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): unknown
  cork(write: () => void): unknown
  writeStatus(status: string): unknown
  writeHeader(name: string, value: string): unknown
  /** `body` is lent until it returns. */
  end(body: string | Uint8Array, closes?: boolean): unknown
  /** @param reportedBytes the content-length; absent: no such header. */
  endWithoutBody(reportedBytes?: number, closes?: boolean): unknown
  /** Takes what the socket takes of `bytes`, which stay the caller's until it is done. @returns written as a whole, and done. */
  tryEnd(bytes: Uint8Array, totalBytes: number): [isWritten: boolean, isDone: boolean]
  /** Writes a part of an answer without a length; `end('')` follows the last. Empty parts are left out by the caller. @returns false: the socket has more than it takes now. */
  write(chunk: string | Uint8Array): boolean
  /** Cuts the connection; the handler of `onAborted` is called. */
  close(): unknown
  /** Calls back with the number of bytes that `tryEnd` wrote so far, when it or `write` can go on. */
  onWritable(handler: (offsetBytes: number) => boolean): unknown
}

/** What `Socket.send` says when all of it went to the kernel; else it waits, or was dropped because too much does. */
export const SENT = 1

/** A WebSocket connection, valid from `open` until `close` is called. */
export interface Socket<Data> {
  /** Where it lives, when an I/O thread has it: that thread may take messages and write answers by itself. */
  readonly place?: SocketPlace
  getUserData(): Data
  /** `bytes` are lent until it returns. */
  send(bytes: Uint8Array, isBinary: boolean): number
  /** Bytes that the kernel has not taken yet, frame headers included. */
  getBufferedAmount(): number
  /** Sends a close frame; `close` is called before it returns. */
  end(code: number, reason: string): void
  /** Cuts the connection; `close` is called before it returns. */
  close(): void
}

export interface SocketBehaviour<Data> {
  readonly path: string
  readonly frameBytesMax: number
  readonly bufferBytesMax: number
  readonly idleTimeoutS: number
  /** Decides on a handshake: the data of the new socket and the subprotocol that is chosen, or the refusal. */
  accept(handshake: CallHead): { data: Data; subprotocol: string } | HttpReply
  open(socket: Socket<Data>): void
  /** `frame` is lent until the call returns. */
  message(socket: Socket<Data>, frame: ArrayBuffer, isBinary: boolean): void
  /** The kernel took some of what waited. */
  drain(socket: Socket<Data>): void
  /** The socket must not be used any more. */
  close(socket: Socket<Data>, code: number): void
}

/** What a backend calls. */
export interface BackendHandlers<Data> {
  /** Makes what I/O threads serve by, where a backend has them: one each. Absent: everything comes here. */
  readonly ioPorts?: { open(threads: number): readonly PortHandle[]; close(): void }
  onRequest(raw: RawResponse, request: RawRequest): void
  /** POST requests of these paths go here instead; `:name` stands for one segment, which is parameter 0. */
  readonly posts: readonly { readonly path: string; onRequest(raw: RawResponse, request: RawRequest): void }[]
  readonly socket: SocketBehaviour<Data>
  /** Asked about each new connection, which `connectionCount` counts by then. False: it is to be cut at once. */
  admits(): boolean
  /** Answers a handshake that was not accepted. */
  onRefused(raw: RawResponse, request: RawRequest, reply: HttpReply): void
}

/** Who owns the sockets: the addon's I/O threads, uWebSockets.js, Node's own http and `ws`. */
export type SocketOwner = 'native' | 'uws' | 'node'
/** `auto`: the first of them that loads here, in the order of choose.ts. */
export type SocketChoice = 'auto' | SocketOwner

/** One listening port. */
export interface SocketBackend {
  readonly name: SocketOwner
  /** Threads that own connections: 0 when it is the isolate's own. */
  readonly ioThreads: number
  /** TCP connections, WebSockets included. */
  readonly connectionCount: number
  /**
   * Binds `host:port` for this process only; 0: any free port.
   * @returns the bound port; null when it is not to be had.
   */
  listen(host: string, port: number): Promise<number | null>
  /** Takes a connection over that another listener accepted, as if it were its own; null: it cannot. */
  readonly adopt: ((socket: NetSocket) => void) | null
  /** No new connections; those that are open go on. Idempotent. */
  stopListening(): void
  /** Cuts every connection; the handlers of what was open are called. Idempotent. */
  close(): void
}
