/**
 * One WebSocket connection as the server keeps it: its id at the engine's port, its channels, and the requests that
 * run on the string path. A record with two methods; what happens to it is decided in websocket-server.ts.
 */
import { errorTable, type PenstockError } from '../../base/errors.js'
import { SOCKET_BYTES_PER_BYTE } from '../../base/limits/limits.js'
import type { PipelineDescription } from '../../engine/api/api.js'
import { encodeMessage, type Message } from '../../protocol/codec.js'
import type { Grant } from '../access/grant.js'
import { SENT, type Socket } from '../socket/seam.js'
import type { WebSocketPort } from '../../engine/requests/websocket-port.js'
import type { HeldAnswers, SlowReader } from '../held-answers.js'
import { Congestion } from '../congestion.js'

/** What the socket library holds for us. */
export interface ConnectionSlot {
  /** null until the socket is open and its caller is known. */
  connection: Connection | null
  /** null: the first message carries the key. */
  readonly grant: Grant | null
  /** True: Hello waits for the message Authenticate. */
  readonly isWaiting: boolean
  /** The caller's IP address. */
  readonly address: string
}

/** RFC 6455 section 5.5: a control frame has at most 125 bytes, 2 of them the code. */
const reasonBytesMax = 123
const closeCodeInternal = 1011

export class Connection implements SlowReader {
  /** By channel id. */
  readonly channels = new Map<number, PipelineDescription>()
  /** Requests of the string path by `channel:request`. */
  readonly stringPathRequests = new Map<string, AbortController>()
  isClosed = false

  #isCongested = false
  readonly #congestion = new Congestion()

  constructor(
    /** Its id at the engine's port; > 0. */
    readonly id: number,
    private readonly socket: Socket<ConnectionSlot>,
    private readonly port: Pick<WebSocketPort, 'setCongested' | 'acknowledge' | 'readyBytes'>,
    private readonly held: Pick<HeldAnswers, 'set'>,
    readonly grant: Grant,
    /** Forgets the connection at its grant. */
    readonly letGo: () => void,
  ) {}

  get description(): Readonly<Record<string, number>> {
    return { connection: this.id }
  }

  /** @param bytes one whole message, copied before it returns; `isHeld`: results whose credit waits for the kernel. */
  send(bytes: Uint8Array, isHeld: boolean): void {
    if (this.isClosed) return
    // The thread that has the socket counts what waits in it, and reports it by `setHeld`.
    if (this.socket.place !== undefined) return void this.socket.send(bytes, true)
    this.#congestion.add(bytes.length, isHeld)
    if (this.socket.send(bytes, true) === SENT || this.isClosed) return
    this.weigh()
    if (this.#isCongested) return
    this.#isCongested = true
    this.port.setCongested(this.id, true)
  }

  /** What the I/O thread of its socket says: bytes that wait in the socket, and bytes of results that are kept from it. */
  setHeld(bufferedBytes: number, readyBytes: number): void {
    this.#isCongested = bufferedBytes > 0
    this.held.set(this, this.isClosed ? 0 : bufferedBytes * SOCKET_BYTES_PER_BYTE, this.isClosed ? 0 : readyBytes)
  }

  /** Counts what waits for it now. */
  weigh(): void {
    const isWaiting = !this.isClosed && this.#isCongested
    this.held.set(this, this.bufferedBytes * SOCKET_BYTES_PER_BYTE, isWaiting ? this.port.readyBytes(this.id) : 0)
  }

  get isCongested(): boolean {
    return this.#isCongested
  }

  sendMessage(message: Message): void {
    this.send(encodeMessage(message), false)
  }

  /** Gives back the credit of what the kernel has taken. True: some came back. */
  acknowledge(): boolean {
    if (!this.#isCongested || this.isClosed || this.socket.place !== undefined) return false
    const bufferedBytes = this.bufferedBytes
    const frames = this.#congestion.takeAcknowledged(bufferedBytes)
    if (frames > 0) this.port.acknowledge(this.id, frames)
    if (bufferedBytes === 0) {
      this.#isCongested = false
      this.port.setCongested(this.id, false)
    }
    this.weigh()
    return frames > 0 || bufferedBytes === 0
  }

  get bufferedBytes(): number {
    return this.isClosed ? 0 : this.socket.getBufferedAmount()
  }

  /** Ends the connection with the error's close code and its sentence as the reason. */
  closeFor(error: PenstockError): void {
    if (!this.isClosed) endSocket(this.socket, error)
  }

  /** Ends the connection at once, its unsent bytes with it; a reader that does not read would not see a close frame. */
  cutOff(): void {
    if (!this.isClosed) this.socket.close()
  }

  /** The connection is gone: nothing may touch the socket any more. */
  markClosed(): void {
    this.isClosed = true
    this.held.set(this, 0)
  }

  close(code: number, reason: string): void {
    if (!this.isClosed) this.socket.end(code, clipBytes(reason, reasonBytesMax))
  }
}

/** Ends a socket with the error's close code and its sentence as the reason. */
export function endSocket(socket: Socket<ConnectionSlot>, error: PenstockError): void {
  const code = errorTable[error.code].close ?? closeCodeInternal
  socket.end(code, clipBytes(`${error.code}: ${error.message}`, reasonBytesMax))
}

/** The longest beginning of `text` that has at most `bytesMax` bytes of UTF-8, cut between characters. */
function clipBytes(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text
  let bytes = 0
  let clipped = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    clipped += character
  }
  return clipped
}
