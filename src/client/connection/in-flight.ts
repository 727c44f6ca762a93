/**
 * The requests that one connection has sent and the server has not answered: a table of slots. An id in a frame is
 * slot + 65,536 × turn. A slot is used again only after its answer, and with the next turn, so that a second answer to
 * the same request (a server's fault) meets nobody.
 */
import type { ClientRequest } from './client-request.js'

/** Slots at most: the low half of an id. */
export const SLOTS_MAX = 65_536
const SLOT_MASK = SLOTS_MAX - 1
const TURN_MASK = 0xffff

export class InFlight {
  size = 0
  #slots: (ClientRequest | null)[] = []
  readonly #turns: number[] = []
  readonly #free: number[] = []

  /** The id that `put` takes next. Nothing is taken yet: encoding the request may still fail. */
  get nextId(): number {
    const slot = this.#free.at(-1) ?? this.#slots.length
    return slot + (this.#turns[slot] ?? 0) * SLOTS_MAX
  }

  put(request: ClientRequest): void {
    request.id = this.nextId
    const slot = request.id & SLOT_MASK
    if (this.#free.length > 0) this.#free.pop()
    else this.#turns[slot] = 0
    this.#slots[slot] = request
    this.size++
  }

  /** Takes the request with this id off the table; null when there is none. */
  take(id: number): ClientRequest | null {
    const slot = id & SLOT_MASK
    const request = this.#slots[slot] ?? null
    if (request === null || request.id !== id) return null
    this.#slots[slot] = null
    this.#turns[slot] = ((this.#turns[slot] ?? 0) + 1) & TURN_MASK
    this.#free.push(slot)
    this.size--
    return request
  }

  holds(request: ClientRequest): boolean {
    return request.id >= 0 && this.#slots[request.id & SLOT_MASK] === request
  }

  /** Empties the table: nothing will be answered any more. */
  clear(): ClientRequest[] {
    const requests = this.#slots.filter((request) => request !== null)
    this.#slots = []
    this.size = 0
    return requests
  }
}
