/**
 * The calls of one remote step at a time: so many run, some more wait in order of arrival, the rest is refused. Who hangs
 * up while waiting leaves the queue at once.
 */
import { onAbort } from '../base/abort.js'
import { PenstockError } from '../base/errors.js'

export class Slots {
  readonly #runningMax: number
  readonly #waitingMax: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax
    this.#waitingMax = waitingMax
  }

  get runningCount(): number {
    return this.#running
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Runs `work` when a slot is free.
   * @throws PenstockError ERR_QUEUE_FULL; the signal's reason when it aborts before the turn comes.
   */
  async run<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    if (this.#running < this.#runningMax) this.#running++
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#running--
      else {
        this.#waiting.delete(next)
        next()
      }
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#waitingMax)
      throw new PenstockError(
        'ERR_QUEUE_FULL',
        `Expected at most ${this.#waitingMax} calls of the step to wait for its remote but that many do. Try again later`,
        { retryAfterMs: 1000 },
      )
    return new Promise((resolve, reject) => {
      const next = (): void => {
        off()
        resolve()
      }
      const off = onAbort(signal, () => {
        this.#waiting.delete(next)
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts chose the error
        reject(signal.reason)
      })
      this.#waiting.add(next)
    })
  }
}
