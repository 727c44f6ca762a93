/** What the addon exports for sockets, 1:1: I/O threads, their events and commands. Types only; `native.ts` re-exports them. */
import type { PortHandle } from './native-handles.js'
export type IoHandle = object & { readonly __io: unique symbol }

/** Integers, 0..2^31-1. */
export interface IoOptions {
  /** Where a handshake is one; elsewhere it is a request like any other. */
  websocketPath: string
  /** One WebSocket message has no more. */
  messageBytesMax: number
  /** Without a byte from a WebSocket's client; it is pinged at half of it. */
  idleMs: number
  /** Without a byte in either direction, while the client is to send or to read. */
  silenceMs: number
  /** From the first byte of a request's head to its last. */
  headMs: number
  /** A body brings `bodyBytesMin` in each of these. */
  bodyMs: number
  bodyBytesMin: number
  /** For which a connection that ends is read on. */
  lingerMs: number
  /** Received bytes of a connection that were taken out and not handled, beyond which it is not read. */
  unhandledBytesMax: number
}

/** There on Linux only. An id is an integer below 2^53 and never used again; naming what is gone does nothing. */
export interface NativeNet {
  /**
   * @param threads 1..32; they start with ioListen.
   * @param onEvents called when there are events, once for many.
   */
  openIo(threads: number, options: IoOptions, onEvents: () => void): IoHandle
  /**
   * Gives each thread a port of `openPort(…, true)`, in order, by which it answers what it can without JavaScript; once, before
   * it listens.
   */
  ioServe(io: IoHandle, ports: readonly PortHandle[]): void
  /** Binds for this process only and listens. @returns the bound port, null when it is not to be had. */
  ioListen(io: IoHandle, host: string, port: number): number | null
  ioStopListening(io: IoHandle): void
  /** Cuts all connections and ends the threads. Idempotent. */
  ioClose(io: IoHandle): void
  /**
   * Some of the events that there are; none: []. The bytes of the call before count as handled.
   * IoEventSlot of each, of which text and bytes may be undefined.
   */
  ioTake(io: IoHandle): (number | boolean | string | ArrayBuffer | undefined)[]
  /**
   * Writes a part of an answer.
   * @param status 0: its head is written.
   * @param headers `name\nvalue\n` each.
   * @param totalBytes of the body, -1: this part is all of it.
   * @param body copied before it returns.
   * @param flags AnswerFlag, together.
   * @returns bytes that wait for the kernel, these included.
   */
  ioAnswer(
    io: IoHandle,
    id: number,
    status: number,
    headers: string,
    totalBytes: number,
    body: string | Uint8Array | undefined,
    flags: number,
  ): number
  /** Has a client send its body. */
  ioContinue(io: IoHandle, id: number): void
  /** Cuts the connection of a request, of a WebSocket, or of that id. */
  ioCut(io: IoHandle, id: number): void
  /** Accepts a handshake: its id is the WebSocket's from now on. @param subprotocol '': none. */
  ioUpgrade(io: IoHandle, id: number, subprotocol: string): void
  /** @returns bytes that waited before these: with any, a drained event follows. */
  ioSend(io: IoHandle, id: number, bytes: Uint8Array, isBinary: boolean): number
  /** Bytes that the kernel has not taken yet. */
  ioBuffered(io: IoHandle, id: number): number
  /** Sends a close frame behind what waits. @param code 1000..4999. */
  ioEnd(io: IoHandle, id: number, code: number, reason: string): void
}
