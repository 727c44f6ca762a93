/**
 * One line on stderr for work that takes longer than a blink: what is being done, how far, for how long. It appears only
 * for a person at a terminal and is gone when the work is done.
 */
import type { Terminal } from './terminal.js'

const REFRESH_MS = 200

/** Runs `work` under a progress line; `describe` is asked for the text at each refresh. */
export async function withProgress<T>(terminal: Terminal, describe: () => string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  const timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - startMs) / 1000)
    terminal.progress(`${describe()} … ${seconds} s`)
  }, REFRESH_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    terminal.progress('')
  }
}
