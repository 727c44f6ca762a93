/**
 * Work that makes much of little, such as unpacking a body: a few at a time, some more wait for their turn, the rest is
 * refused. Callers that have gone meanwhile lose their turn.
 */
import { PenstockError } from '../base/errors.js'
import { UNPACKING_MAX, UNPACKING_WAITING_MAX } from '../base/limits/limits.js'

export class WorkGate {
  readonly #runningMax: number
  readonly #waitingMax: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(runningMax = UNPACKING_MAX, waitingMax = UNPACKING_WAITING_MAX) {
    this.#runningMax = runningMax
    this.#waitingMax = waitingMax
  }

  /**
   * @param isGone whether nobody waits for the result any more; asked when its turn comes.
   * @throws PenstockError ERR_QUEUE_FULL, ERR_ABORTED.
   */
  async run<Result>(work: () => Promise<Result>, isGone: () => boolean = () => false): Promise<Result> {
    await this.#turn()
    try {
      if (isGone()) throw new PenstockError('ERR_ABORTED')
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  #turn(): Promise<void> {
    if (this.#running < this.#runningMax) {
      this.#running++
      return Promise.resolve()
    }
    if (this.#waiting.length >= this.#waitingMax)
      return Promise.reject(
        new PenstockError(
          'ERR_QUEUE_FULL',
          `Expected at most ${this.#waitingMax} bodies to wait to be unpacked but that many do. Try again, or send what need not be unpacked`,
          { retryAfterMs: 1000 },
        ),
      )
    // Work that is done in one go has kept everybody else waiting, too.
    return new Promise((resolve) => this.#waiting.push(() => setImmediate(resolve)))
  }
}
