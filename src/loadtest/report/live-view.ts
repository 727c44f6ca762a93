/**
 * What is shown while a load runs: a block of three lines that is written over on a terminal, or a line an interval in a
 * log. Pure text; the CLI moves the cursor.
 */
import { formatCount, formatMs, formatSeconds, sparkline } from './format.js'
import type { IntervalEvent } from '../native/load-plan.js'

/** Intervals of the sparkline. */
const SPARK_COUNT = 40
const BAR_CHARACTERS = 24

export class LiveView {
  #title = ''
  #seconds = 0
  #events: IntervalEvent[] = []
  #failures = 0

  /** A run of `seconds` begins. */
  begin(title: string, seconds: number): void {
    this.#title = title
    this.#seconds = seconds
    this.#events = []
    this.#failures = 0
  }

  add(event: IntervalEvent): void {
    this.#events = [...this.#events.slice(1 - SPARK_COUNT), event]
    this.#failures += event.failures
  }

  /** `columns`: width of the terminal; lines are cut to it. */
  block(columns: number): string[] {
    const event = this.#events.at(-1)
    if (event === undefined) return [`${this.#heading()} …`]
    const elapsed = event.startSeconds + event.seconds
    const filled = Math.min(BAR_CHARACTERS, Math.round((elapsed / this.#seconds) * BAR_CHARACTERS))
    const bar = '━'.repeat(filled) + '─'.repeat(BAR_CHARACTERS - filled)
    const phase = event.isWarmup ? 'warming up' : this.#title || 'running'
    const rates = this.#events.map(({ requests, seconds }) => requests / seconds)
    return [
      `${bar} ${formatSeconds(Number(elapsed.toFixed(1)))} of ${formatSeconds(this.#seconds)}, ${phase}`,
      figures(event, this.#failures),
      sparkline(rates),
    ].map((line) => line.slice(0, columns))
  }

  /** One line for the newest interval. */
  line(): string {
    const event = this.#events.at(-1)
    if (event === undefined) return this.#heading()
    const at = `${(event.startSeconds + event.seconds).toFixed(1)} s`.padStart(8)
    return `${at}  ${figures(event, this.#failures)}${event.isWarmup ? '  (warm-up)' : ''}`
  }

  #heading(): string {
    return this.#title === '' ? `${formatSeconds(this.#seconds)} of load` : this.#title
  }
}

function figures({ requests, rows, seconds, offeredPerSecond, latencyUs }: IntervalEvent, failures: number): string {
  const parts = [`${formatCount(requests / seconds)} requests/s`]
  if (rows !== requests) parts.push(`${formatCount(rows / seconds)} rows/s`)
  if (offeredPerSecond > 0) parts.push(`${formatCount(offeredPerSecond)} due/s`)
  parts.push(`p50 ${formatMs(latencyUs.p50)} ms`, `p99 ${formatMs(latencyUs.p99)} ms`)
  parts.push(failures === 0 ? 'no failures' : `${formatCount(failures)} failures`)
  return parts.join('  ')
}
