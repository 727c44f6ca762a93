/**
 * The requests that wait, first in, first out, with removal from the middle in O(1): a request knows its place, leaving it
 * makes a hole, and holes are squeezed out when they are the majority. A Set would keep the order too, but finds its
 * first element by walking over all that were deleted before it.
 */
import type { ClientRequest } from './client-request.js'

const SQUEEZE_AT = 64

export class FifoQueue {
  #places: (ClientRequest | null)[] = []
  /** Places before it are holes. */
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  first(): ClientRequest | null {
    while (this.#head < this.#places.length) {
      const request = this.#places[this.#head] ?? null
      if (request !== null) return request
      this.#head++
    }
    return null
  }

  push(request: ClientRequest): void {
    request.place = this.#places.length
    this.#places.push(request)
    this.#size++
  }

  /** Does nothing when it does not wait here. */
  delete(request: ClientRequest): void {
    const { place } = request
    if (place < 0 || this.#places[place] !== request) return
    this.#places[place] = null
    request.place = -1
    this.#size--
    if (this.#places.length >= SQUEEZE_AT && this.#size < this.#places.length / 2) this.#squeeze()
  }

  all(): ClientRequest[] {
    return this.#places.filter((request) => request !== null)
  }

  #squeeze(): void {
    this.#places = this.all()
    this.#head = 0
    for (const [place, request] of this.#places.entries()) if (request !== null) request.place = place
  }
}
