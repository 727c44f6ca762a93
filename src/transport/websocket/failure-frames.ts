/**
 * Failure messages of requests. An error that comes again for the same channel, as refusals of an overloaded server do, is
 * the same frame with another request in it: encoding one anew takes twenty times as long.
 */
import { ByteBuffer } from 'flatbuffers'
import type { PenstockError } from '../../base/errors.js'
import { encodeMessage, failureMessage } from '../../protocol/codec.js'
import { positionsInFailure } from '../../protocol/failure-position.js'

/** Stands where requests are written; not zero, or FlatBuffers would leave the field out. */
const placeholder = 0xffff_ffff

export class FailureFrames {
  #error: PenstockError | null = null
  #channel = -1
  #frame: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #channelAt = 0
  #requestAt = 0

  /** Bytes from the start of the last frame to its channel, a number of four bytes. */
  get channelAt(): number {
    return this.#channelAt
  }

  /** The same of its request. */
  get requestAt(): number {
    return this.#requestAt
  }

  /** @returns the frame, valid until the next call. */
  frameOf(channel: number, request: number, error: PenstockError): Uint8Array {
    if (error !== this.#error || channel !== this.#channel) {
      this.#error = error
      this.#channel = channel
      this.#frame = encodeMessage(failureMessage(placeholder, placeholder, error))
      this.#view = new DataView(this.#frame.buffer, this.#frame.byteOffset, this.#frame.byteLength)
      const positions = positionsInFailure(new ByteBuffer(this.#frame))
      this.#channelAt = positions.channel
      this.#requestAt = positions.request
      // FlatBuffers leaves a field of zero out.
      this.#view.setUint32(this.#channelAt, channel, true)
    }
    this.#view.setUint32(this.#requestAt, request, true)
    return this.#frame
  }
}
