/**
 * How a command ends, and with which words. Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 no server.
 * Scripts match the exit code, or `code` of the JSON that `--json` puts on stderr; people read the sentence.
 */
import { CommanderError } from 'commander'
import { isPenstockError } from '../../base/errors.js'

export const EXIT_DONE = 0
export const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_UNREACHABLE = 3

/** The command line contradicts itself in a way that commander does not see. */
export class UsageError extends Error {}

/** Runs work on files and places that the command line names: what is wrong with them is wrong usage. */
export async function asUsage<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isPenstockError(error) || error.code !== 'ERR_SOURCE') throw error
    throw new UsageError(`${error.message}.`, { cause: error })
  }
}

/** The command did what it was asked, and the result is a no: an objective that was missed. */
export class MissedError extends Error {}

/** No server answered. */
export class UnreachableError extends Error {}

/** What to do when none does. */
export const unreachableWayOut = 'Start one with `penstock serve`, or name another with --url or PENSTOCK_URL.'

/** The server answered with an error. */
export class RefusedError extends Error {
  readonly code: string

  constructor(code: string, sentence: string) {
    super(sentence)
    this.code = code
  }
}

export interface Ending {
  readonly exitCode: number
  /** What to print on stderr; '' for nothing. */
  readonly text: string
}

/** What to print and how to exit after `error`; `isJson` as the command's --json. */
export function endingOf(error: unknown, isJson: boolean): Ending {
  if (error instanceof CommanderError) {
    // Commander has printed already: the help that was asked for, or what is wrong with the arguments.
    return { exitCode: error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE, text: '' }
  }
  const exitCode = exitCodeOf(error)
  const sentence = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  if (isJson) return { exitCode, text: JSON.stringify({ error: sentence, code }) }
  // An error without a code is a bug of this program: only the stack helps.
  if (code === 'ERR_INTERNAL')
    return { exitCode, text: `penstock: ${error instanceof Error ? (error.stack ?? sentence) : sentence}` }
  return { exitCode, text: `penstock: ${sentence}${code === null ? '' : ` (${code})`}` }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE
  if (error instanceof UnreachableError) return EXIT_UNREACHABLE
  return EXIT_FAILED
}

function codeOf(error: unknown): string | null {
  if (error instanceof RefusedError) return error.code
  if (isPenstockError(error)) return error.code
  if (error instanceof UsageError || error instanceof UnreachableError || error instanceof MissedError) return null
  return 'ERR_INTERNAL'
}
