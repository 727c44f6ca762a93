/**
 * All mistakes of a body at once: the author of a client should not have to send it ten times to learn of ten mistakes.
 * One for each field, because the second in a column seldom says more than the first.
 *
 * What makes the text itself unreadable (ERR_BODY), and what only says that there is too much of it, ends the reading.
 */
import { type FieldError, isPenstockError, PenstockError } from '../../base/errors.js'
import { BODY_MISTAKES_MAX } from '../../base/limits/limits.js'

export class Mistakes {
  readonly #found: FieldError[] = []
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** @throws what cannot be one mistake among several. */
  add(field: string, error: unknown): void {
    if (!isPenstockError(error) || error.code === 'ERR_BODY' || error.code === 'ERR_TOO_MANY_ROWS') throw error
    this.#count++
    if (this.#found.length < BODY_MISTAKES_MAX) this.#found.push({ field, code: error.code, message: error.message })
  }

  /** Runs `read`. @returns what it returns; undefined when it made a mistake, which is kept. */
  attempt<T>(field: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.add(field, error)
      return undefined
    }
  }

  /** @throws PenstockError with the code of the first mistake and a sentence of all, if there is one. */
  throwAny(): void {
    const [first] = this.#found
    if (first === undefined) return
    const sentences = this.#found.map(({ message }) => message)
    const more = this.#count - sentences.length
    const rest = more > 0 ? ` And ${more} more` : ''
    const message = this.#count === 1 ? first.message : `${this.#count} mistakes: ${sentences.join('; ')}.${rest}`
    throw new PenstockError(first.code, message, { errors: this.#found })
  }
}
