/**
 * A world for the client's simulation: time, timers and chance from one seed, so that a failing run repeats. Nothing here
 * waits for real; `run` moves time from event to event and lets promises settle in between.
 */
import { ManualClock } from '../../base/clock.js'
import { seededRandom } from '../../base/random.js'

interface Timer {
  readonly atUs: number
  readonly order: number
  readonly callback: () => void
}

export class World {
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly random: () => number
  /** Events that have happened. Code that goes on while this stands still is waited for by nobody: it spins. */
  eventCount = 0
  #timers: Timer[] = []
  #order = 0

  constructor(readonly seed: number) {
    this.random = seededRandom(seed)
  }

  readonly setTimer = (callback: () => void, delayMs: number): (() => void) => {
    const timer = { atUs: this.clock.monotonicUs() + Math.max(0, delayMs) * 1000, order: this.#order++, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  get pendingTimers(): number {
    return this.#timers.length
  }

  /** Runs events until `isDone`. @throws Error when nothing is left to happen, or too much happened. */
  async run(isDone: () => boolean, stepsMax = 200_000): Promise<void> {
    for (let step = 0; step < stepsMax; step++) {
      await settle()
      if (isDone()) return
      const next = this.#takeNext()
      if (next === null) throw new Error(`seed ${this.seed}: nothing is left to happen, and it is not done`)
      this.clock.advanceMs((next.atUs - this.clock.monotonicUs()) / 1000)
      this.eventCount++
      next.callback()
    }
    throw new Error(`seed ${this.seed}: not done after ${stepsMax} steps`)
  }

  /** Runs events for `ms` of its time. */
  async runFor(ms: number): Promise<void> {
    let isOver = false
    this.setTimer(() => (isOver = true), ms)
    await this.run(() => isOver)
  }

  integer(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  #takeNext(): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) {
      if (next === null || timer.atUs < next.atUs || (timer.atUs === next.atUs && timer.order < next.order))
        next = timer
    }
    if (next !== null) this.#timers = this.#timers.filter((timer) => timer !== next)
    return next
  }
}

/** Lets promises settle: all of their reactions run before an immediate does. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
