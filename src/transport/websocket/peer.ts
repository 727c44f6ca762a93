/**
 * One WebSocket connection as the server keeps it: its number at the engine's port, its channels, and the requests that
 * run on the plain path. A record with two methods; what happens to it is decided in stream.ts.
 */
import { errorTable, type PenstockError } from '../../base/errors.js'
import type { PipelineDescription } from '../../engine/api.js'
import { encodeMessage, type Message } from '../../protocol/codec.js'
import type { Socket } from '../uws.js'

/** What the socket library holds for us. */
export interface PeerSlot {
  peer: Peer | null
}

/** RFC 6455 section 5.5: a control frame has at most 125 bytes, 2 of them the code. */
const reasonBytesMax = 123
const closeCodeInternal = 1011

export class Peer {
  /** By channel id. */
  readonly channels = new Map<number, PipelineDescription>()
  /** Requests of the plain path by `channel:request`. */
  readonly plainRequests = new Map<string, AbortController>()
  isClosed = false

  constructor(
    /** > 0. */
    readonly connection: number,
    private readonly socket: Socket<PeerSlot>,
  ) {}

  /** @param bytes one whole message; copied before it returns. */
  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.send(bytes, true)
  }

  sendMessage(message: Message): void {
    this.send(encodeMessage(message))
  }

  get bufferedBytes(): number {
    return this.isClosed ? 0 : this.socket.getBufferedAmount()
  }

  /** Ends the connection with the error's close code and its sentence as the reason. */
  closeFor(error: PenstockError): void {
    this.close(errorTable[error.code].close ?? closeCodeInternal, `${error.code}: ${error.message}`)
  }

  close(code: number, reason: string): void {
    if (!this.isClosed) this.socket.end(code, clipBytes(reason, reasonBytesMax))
  }
}

/** The longest beginning of `text` that has at most `bytesMax` bytes of UTF-8, cut between characters. */
export function clipBytes(text: string, bytesMax: number): string {
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
