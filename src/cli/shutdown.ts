/**
 * The end of `serve`. The first SIGTERM or SIGINT drains: readiness goes off, clients are told to go away, what is in
 * flight finishes; then everything is closed in reverse order of opening. A second signal ends the process at once.
 * Exit codes: 0 when all requests finished, 1 when the drain limit cut some off, or at a second signal.
 */
import { EXIT_DONE, EXIT_FAILED } from './failures.js'

export interface ShutdownParts {
  /** Resolves to whether everything in flight finished within the drain limit. */
  drain(): Promise<boolean>
  /** In the order of opening; closed in reverse. */
  readonly closers: readonly (() => Promise<unknown>)[]
  onNote(line: string): void
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Resolves to the exit code after the first signal and the drain. */
export async function runUntilSignal(
  parts: ShutdownParts,
  source: NodeJS.EventEmitter = process,
  exit = endNow,
): Promise<number> {
  const first = await new Promise<string>((resolve) => {
    let isFirst = true
    for (const signal of SIGNALS) {
      source.on(signal, () => {
        if (!isFirst) return exit(EXIT_FAILED)
        isFirst = false
        resolve(signal)
      })
    }
  })
  parts.onNote(`${first}: draining; a second signal ends at once`)
  const isFinished = await parts.drain()
  if (!isFinished) parts.onNote('The drain limit has passed; requests still in flight are cut off')
  for (const close of parts.closers.toReversed()) await close()
  return isFinished ? EXIT_DONE : EXIT_FAILED
}

function endNow(exitCode: number): void {
  process.exit(exitCode)
}
