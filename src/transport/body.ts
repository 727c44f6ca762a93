/**
 * Bodies that come in pieces, and the memory that all of them together may hold while they arrive. Owner of the bytes:
 * the body until `bytes` is taken, then the caller.
 */
import { PenstockError } from '../base/errors.js'

/** Of all bodies of one server that are still arriving. */
export interface BodyBudget {
  bytes: number
  readonly bytesMax: number
  /** Memory of bodies that were read, for those to come: fresh memory costs page faults, and the garbage collector its time. */
  readonly spares: Buffer[]
}

/** Memory of a body is kept for another from this size on, up to that, and so many of them. */
const spareBytesMin = 64 * 1024
const spareBytesMax = 16 * 1024 * 1024
const sparesMax = 4

/** First room of a body. */
const bytesInitial = 16 * 1024

/** A body that has sent this part of what it announced gets memory for all of it: two copies less of a large tensor. */
const believedTimes = 8

/** A body that grows as it arrives: an announced length is a claim, and memory is not given for claims. */
export class Body {
  #memory: Buffer = Buffer.allocUnsafeSlow(0)
  #length = 0
  isReleased = false

  constructor(
    private readonly budget: BodyBudget,
    private readonly bytesMax: number,
  ) {}

  /** @param announcedBytes of the whole body, as the caller claims; 0: not said. It is believed as far as it pays in advance. */
  append(chunk: ArrayBuffer, announcedBytes = 0): PenstockError | null {
    const length = this.#length + chunk.byteLength
    if (length > this.bytesMax) return bodyTooLarge(this.bytesMax, length)
    if (length > this.#memory.length) {
      const believed = Math.min(announcedBytes, believedTimes * length)
      const capacity = Math.min(this.bytesMax, Math.max(length, believed, 2 * this.#memory.length, bytesInitial))
      const addedBytes = capacity - this.#memory.length
      if (this.budget.bytes + addedBytes > this.budget.bytesMax) {
        return new PenstockError(
          'ERR_QUEUE_FULL',
          `Expected the bodies under way to be at most ${this.budget.bytesMax} bytes together but received more. Try again`,
          { retryAfterMs: 1000 },
        )
      }
      const grown = this.#takeSpare(capacity) ?? Buffer.allocUnsafeSlow(capacity)
      this.#memory.copy(grown, 0, 0, this.#length)
      this.budget.bytes += grown.length - this.#memory.length
      this.#memory = grown
    }
    this.#memory.set(new Uint8Array(chunk), this.#length)
    this.#length = length
    return null
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /** The bytes are read and nobody holds them any more. */
  recycle(): void {
    const { spares } = this.budget
    const { length } = this.#memory
    if (length >= spareBytesMin && length <= spareBytesMax && spares.length < sparesMax) spares.push(this.#memory)
    this.#memory = Buffer.allocUnsafeSlow(0)
    this.#length = 0
  }

  #takeSpare(bytes: number): Buffer | null {
    const { spares } = this.budget
    const index = bytes < spareBytesMin ? -1 : spares.findIndex((spare) => spare.length >= bytes)
    return index < 0 ? null : (spares.splice(index, 1)[0] ?? null)
  }

  /** Gives the budget back: the body has arrived, or is refused. */
  release(): void {
    if (this.isReleased) return
    this.isReleased = true
    this.budget.bytes -= this.#memory.length
  }
}

export function bodyTooLarge(bytesMax: number, bytes: number): PenstockError {
  return new PenstockError(
    'ERR_BODY_TOO_LARGE',
    `Expected the body to be at most ${bytesMax} bytes but received ${bytes}`,
  )
}
