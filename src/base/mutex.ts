/**
 * Runs asynchronous operations one after the other, in the order they were asked for: a deploy never meets half an
 * alias move, an inspection has the machine's memory to itself. For the control path; requests never wait here.
 */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  /** @returns what `operation` returns or throws; a failure does not stop the next one. */
  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(operation, operation)
    this.#tail = result.catch(() => undefined)
    return result
  }

  /** Resolves when everything asked for so far is done. */
  async idle(): Promise<void> {
    await this.#tail
  }
}
