/** Numbers of an engine's requests, and the ids that callers and the log see: the engine's own part, then the number. */
import type { RequestId } from './request-options.js'

export class RequestIds {
  /** What the ids of this engine have in common. */
  readonly instance: string
  #count = 0

  constructor(instance: string) {
    this.instance = instance
  }

  /** The number that the next request gets. */
  get nextNumber(): number {
    return this.#count + 1
  }

  /** Gives `nextNumber` away. */
  take(): void {
    this.#count++
  }

  next(): RequestId {
    this.take()
    return { number: this.#count, text: this.textOf(this.#count) }
  }

  textOf(number: number): string {
    return `${this.instance}-${number.toString(36)}`
  }
}
