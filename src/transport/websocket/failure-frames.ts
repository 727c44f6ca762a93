/**
 * Failure messages of requests. An error that comes again for the same channel, as refusals of an overloaded server do, is
 * the same frame with another request in it: encoding one anew takes twenty times as long.
 */
import { ByteBuffer } from 'flatbuffers'
import type { PenstockError } from '../../base/errors.js'
import { encodeMessage, failureMessage } from '../../protocol/codec.js'
import { requestPositionOfFailure } from '../../protocol/failure-position.js'

/** Stands where requests are written; not zero, or FlatBuffers would leave the field out. */
const placeholder = 0xffff_ffff

export class FailureFrames {
  #error: PenstockError | null = null
  #channel = -1
  #frame: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #position = 0

  /** @returns the frame, valid until the next call. */
  frameOf(channel: number, request: number, error: PenstockError): Uint8Array {
    if (error !== this.#error || channel !== this.#channel) {
      this.#error = error
      this.#channel = channel
      this.#frame = encodeMessage(failureMessage(channel, placeholder, error))
      this.#view = new DataView(this.#frame.buffer, this.#frame.byteOffset, this.#frame.byteLength)
      this.#position = requestPositionOfFailure(new ByteBuffer(this.#frame))
    }
    this.#view.setUint32(this.#position, request, true)
    return this.#frame
  }
}
