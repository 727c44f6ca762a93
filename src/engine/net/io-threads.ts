/**
 * I/O threads of the addon: sockets, HTTP and WebSocket frames without JavaScript. What they cannot answer themselves comes
 * here as events, and commands go back. Owner: the backend that listens. Thread: the isolate that made it.
 */
import { addon, type IoHandle, type IoOptions, type NativeNet, type PortHandle } from '../../../bindings/native.js'

export { AnswerFlag, IoEventKind, IoEventSlot, type IoEventKindCode } from '../../../bindings/generated/boundary.js'
export type { IoOptions, PortHandle }

/** The thread of a connection, request or socket: native/net/loop.hpp says what an id is made of. */
export function threadOf(id: number): number {
  return Math.floor(id / 2 ** 48)
}

/** Whether the addon of this platform has them: on Linux. */
export function hasIoThreads(): boolean {
  return typeof (addon as Partial<NativeNet>).openIo === 'function'
}

/** Only what it adds to NativeNet, which see, is said here. */
export class IoThreads {
  readonly #io: IoHandle

  constructor(threads: number, options: IoOptions, onEvents: () => void) {
    this.#io = addon.openIo(threads, options, onEvents)
  }

  serve(ports: readonly PortHandle[]): void {
    addon.ioServe(this.#io, ports)
  }

  listen(host: string, port: number): number | null {
    return addon.ioListen(this.#io, host, port)
  }

  stopListening(): void {
    addon.ioStopListening(this.#io)
  }

  close(): void {
    addon.ioClose(this.#io)
  }

  take(): ReturnType<NativeNet['ioTake']> {
    return addon.ioTake(this.#io)
  }

  answer(
    id: number,
    status: number,
    headers: string,
    totalBytes: number,
    body: string | Uint8Array | undefined,
    flags: number,
  ): number {
    return addon.ioAnswer(this.#io, id, status, headers, totalBytes, body, flags)
  }

  continue(id: number): void {
    addon.ioContinue(this.#io, id)
  }

  cut(id: number): void {
    addon.ioCut(this.#io, id)
  }

  upgrade(id: number, subprotocol: string): void {
    addon.ioUpgrade(this.#io, id, subprotocol)
  }

  send(id: number, bytes: Uint8Array, isBinary: boolean): number {
    return addon.ioSend(this.#io, id, bytes, isBinary)
  }

  bufferedBytes(id: number): number {
    return addon.ioBuffered(this.#io, id)
  }

  end(id: number, code: number, reason: string): void {
    addon.ioEnd(this.#io, id, code, reason)
  }

  /** Frees bytes that were lent, at once: large ones are not left to the collector. */
  free(bytes: ArrayBuffer): void {
    addon.detachBuffer(bytes)
  }
}
