/**
 * Bodies that come in pieces. Their memory is charged to the request before it is taken, and stays charged until the
 * request gives it back. Owner of the bytes: the body until `bytes` is taken, then the caller.
 */
import { PenstockError } from '../base/errors.js'
import { freeMemory } from '../engine/memory/free-buffer.js'
import type { ByteCharge } from './byte-charge.js'

/** Memory of a body is kept for another from this size on, up to that, and so many of them. */
const spareBytesMin = 64 * 1024
const spareBytesMax = 16 * 1024 * 1024
const sparesMax = 4
/** Milliseconds for which it is kept when no other body comes. */
const spareMs = 2000

/** Memory of bodies that were read, for those to come: fresh memory costs page faults, and the garbage collector its time. */
export class BodyMemory {
  readonly #spares: Buffer[] = []
  #timer: NodeJS.Timeout | null = null

  /** @returns at least so many bytes. */
  take(bytes: number): Buffer {
    const index = bytes < spareBytesMin ? -1 : this.#spares.findIndex((spare) => spare.length >= bytes)
    return this.#spares.splice(index, index < 0 ? 0 : 1)[0] ?? Buffer.allocUnsafeSlow(bytes)
  }

  /** @param memory that nothing refers to any more. */
  give(memory: Buffer): void {
    const { length } = memory
    if (length < spareBytesMin || length > spareBytesMax || this.#spares.length >= sparesMax) return freeMemory(memory)
    this.#spares.push(memory)
    if (this.#timer === null) this.#timer = setTimeout(() => this.#clear(), spareMs).unref()
    else this.#timer.refresh()
  }

  #clear(): void {
    this.#timer = null
    for (const spare of this.#spares.splice(0)) freeMemory(spare)
  }
}

/** First room of a body. */
const bytesInitial = 16 * 1024

/** A body that has sent this part of what it announced gets memory for all of it: two copies less of a large tensor. */
const believedTimes = 8

/** A body that grows as it arrives: an announced length is a claim, and memory is not given for claims. */
export class Body {
  #memory: Buffer = Buffer.allocUnsafeSlow(0)
  #length = 0
  /** Nothing more is wanted of it. */
  isRefused = false

  /** @param charge null: nobody counts these bytes. */
  constructor(
    private readonly shared: BodyMemory,
    private readonly charge: Pick<ByteCharge, 'tryAdd' | 'release'> | null,
    private readonly bytesMax: number,
  ) {}

  /** @param announcedBytes of the whole body, as the caller claims; 0: not said. It is believed as far as it pays in advance. */
  append(chunk: ArrayBuffer | Uint8Array, announcedBytes = 0): PenstockError | null {
    const length = this.#length + chunk.byteLength
    if (length > this.bytesMax) return bodyTooLarge(this.bytesMax, length)
    if (length > this.#memory.length) {
      const believed = Math.min(announcedBytes, believedTimes * length)
      // Doubling must not pass what was announced: that is all it needs, unless it was a lie.
      const wanted = announcedBytes >= length ? announcedBytes : Infinity
      const capacity = Math.min(
        this.bytesMax,
        wanted,
        Math.max(length, believed, 2 * this.#memory.length, bytesInitial),
      )
      const grown = this.shared.take(capacity)
      const refusal = this.charge?.tryAdd('bodies', grown.length - this.#memory.length) ?? null
      if (refusal !== null) {
        this.shared.give(grown)
        return refusal
      }
      this.#memory.copy(grown, 0, 0, this.#length)
      this.shared.give(this.#memory)
      this.#memory = grown
    }
    this.#memory.set(chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : chunk, this.#length)
    this.#length = length
    return null
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /** The bytes are read and nobody holds them any more. */
  recycle(): void {
    const memory = this.#memory
    this.forget()
    this.shared.give(memory)
  }

  /** Somebody else has the bytes, or nobody wants them. */
  forget(): void {
    this.charge?.release('bodies', this.#memory.length)
    this.#memory = Buffer.allocUnsafeSlow(0)
    this.#length = 0
  }
}

export function bodyTooLarge(bytesMax: number, bytes: number): PenstockError {
  return new PenstockError(
    'ERR_BODY_TOO_LARGE',
    `Expected the body to be at most ${bytesMax} bytes but received ${bytes}`,
  )
}
