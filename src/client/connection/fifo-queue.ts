/**
 * The requests that wait, first in, first out, with removal from the middle in O(1): a request knows its place, leaving it
 * makes a hole, and holes are squeezed out when they are the majority. A Set would keep the order too, but finds its
 * first element by walking over all that were deleted before it.
 */
import type { Exchange } from './client-request.js'

const SQUEEZE_AT = 64

export class Line {
  #places: (Exchange | null)[] = []
  /** Places before it are holes. */
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  first(): Exchange | null {
    while (this.#head < this.#places.length) {
      const exchange = this.#places[this.#head] ?? null
      if (exchange !== null) return exchange
      this.#head++
    }
    return null
  }

  push(exchange: Exchange): void {
    exchange.place = this.#places.length
    this.#places.push(exchange)
    this.#size++
  }

  /** Does nothing when it does not wait here. */
  delete(exchange: Exchange): void {
    const { place } = exchange
    if (place < 0 || this.#places[place] !== exchange) return
    this.#places[place] = null
    exchange.place = -1
    this.#size--
    if (this.#places.length >= SQUEEZE_AT && this.#size < this.#places.length / 2) this.#squeeze()
  }

  all(): Exchange[] {
    return this.#places.filter((exchange) => exchange !== null)
  }

  #squeeze(): void {
    this.#places = this.all()
    this.#head = 0
    for (const [place, exchange] of this.#places.entries()) if (exchange !== null) exchange.place = place
  }
}
