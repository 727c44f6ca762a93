/**
 * Aborts once, with the request whose caller is gone. Not an AbortController: making one and listening to it costs a tenth of
 * a small request.
 */
import type { CancelSignal } from '../engine/api/api.js'

export class RequestSignal implements CancelSignal {
  readonly #listeners = new Set<() => void>()

  constructor(public aborted: boolean) {}

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  abort(): void {
    if (this.aborted) return
    this.aborted = true
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }
}
