/**
 * Answers that wait for their reader, and the end of those whose reader is too slow: what is not read is held for somebody
 * who may never come for it. Time and bytes count together, so that neither a stalled caller nor one who takes a byte now
 * and then keeps an answer for good.
 */
import { systemClock, type Clock } from '../../base/clock.js'
import { ANSWER_WAIT_BYTES_MIN, ANSWER_WAIT_MS_MAX } from '../../base/limits/limits.js'

export interface WaitingAnswer {
  /** Bytes that the socket took so far. */
  readonly takenBytes: number
  /** Ends the connection. */
  cut(): void
}

interface Mark {
  takenBytes: number
  atMs: number
}

const tickMs = 1000

/** The answers of one server that wait for their readers. */
export class SlowReaders {
  readonly #marks = new Map<WaitingAnswer, Mark>()
  #timer: NodeJS.Timeout | null = null

  constructor(
    private readonly waitMsMax = ANSWER_WAIT_MS_MAX,
    private readonly clock: Clock = systemClock,
  ) {}

  #nowMs(): number {
    return this.clock.monotonicUs() / 1000
  }

  get size(): number {
    return this.#marks.size
  }

  add(answer: WaitingAnswer): void {
    this.#marks.set(answer, { takenBytes: answer.takenBytes, atMs: this.#nowMs() })
    this.#timer ??= setInterval(() => this.check(), Math.min(tickMs, this.waitMsMax)).unref()
  }

  delete(answer: WaitingAnswer): void {
    this.#marks.delete(answer)
    if (this.#marks.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** Cuts off those who took too little in the time they had. Called by its own clock. */
  check(): void {
    const nowMs = this.#nowMs()
    for (const [answer, mark] of [...this.#marks]) {
      if (answer.takenBytes - mark.takenBytes >= ANSWER_WAIT_BYTES_MIN) {
        mark.takenBytes = answer.takenBytes
        mark.atMs = nowMs
      } else if (nowMs - mark.atMs >= this.waitMsMax) {
        this.delete(answer)
        answer.cut()
      }
    }
  }
}
