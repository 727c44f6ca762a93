/**
 * The keys of one JSON object so far, to find repeats. An array while they are few, which they nearly always are: a Set
 * costs more than comparing a handful of short strings. Beyond that a Set, or a hostile object would take quadratic time.
 */
const fewKeysMax = 16

export class SeenKeys {
  readonly #few: string[] = []
  #many: Set<string> | null = null

  get count(): number {
    return this.#many?.size ?? this.#few.length
  }

  /** @returns false when the key was seen before. */
  add(key: string): boolean {
    if (this.#many !== null) return this.#many.size !== this.#many.add(key).size
    if (this.#few.includes(key)) return false
    this.#few.push(key)
    if (this.#few.length > fewKeysMax) this.#many = new Set(this.#few)
    return true
  }
}
