/**
 * The end of `serve`. The first SIGTERM or SIGINT drains: readiness goes off, clients are asked to reconnect elsewhere,
 * what is in flight finishes; then everything is closed in reverse order of opening. A second signal ends the process at
 * once. Exit codes: 0 when all requests finished, 1 when the drain limit cut some off, when a part could not be closed
 * (the others still are), or at a second signal.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT_DONE, EXIT_FAILED } from '../shared/failures.js'

export interface ShutdownOptions {
  /** Resolves to whether everything in flight finished within the drain limit. */
  drain(): Promise<boolean>
  /** In the order of opening; closed in reverse. */
  readonly closers: readonly (() => Promise<unknown>)[]
  onNote(line: string): void
  /** A part that could not be closed. */
  onFailure(error: unknown): void
  /** Ends the process, whatever its threads are doing. */
  exit(exitCode: number): void
  /** How long each part may take to close after requests were cut off; default CLOSE_LIMIT_MS. */
  readonly closeLimitMs?: number
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** Time for one part to close when requests were cut off: a run of ONNX Runtime cannot be stopped, only abandoned. */
const CLOSE_LIMIT_MS = 2000

/** Resolves to the exit code after the first signal, the drain and the closing. */
export async function runUntilSignal(options: ShutdownOptions, source: NodeJS.EventEmitter = process): Promise<number> {
  const first = await firstSignal(source, () => options.exit(EXIT_FAILED))
  options.onNote(`${first}: draining; a second signal ends at once`)
  let isClean = true
  const fail = (error: unknown): void => {
    isClean = false
    options.onFailure(error)
  }
  const isFinished = await options.drain().catch((error: unknown) => {
    fail(error)
    return false
  })
  if (!isFinished) options.onNote('The drain limit has passed; requests still in flight are cut off')
  const limitMs = options.closeLimitMs ?? CLOSE_LIMIT_MS
  for (const close of options.closers.toReversed()) {
    const closing = close().catch(fail)
    await (isFinished ? closing : Promise.race([closing, sleep(limitMs)]))
  }
  return isFinished && isClean ? EXIT_DONE : EXIT_FAILED
}

function firstSignal(source: NodeJS.EventEmitter, onSecond: () => void): Promise<string> {
  return new Promise((resolve) => {
    let count = 0
    for (const signal of SIGNALS) {
      source.on(signal, () => {
        count += 1
        if (count === 1) resolve(signal)
        else onSecond()
      })
    }
  })
}
