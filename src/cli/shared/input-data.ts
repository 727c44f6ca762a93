/** Reads what a command is given as a text, `@file` or `-` (stdin). */
import { readFileSync } from 'node:fs'
import { UsageError } from './failures.js'
import type { Terminal } from './terminal.js'

export { isRecord } from '../../base/expect.js'

/** @param source `-` for stdin, `@path` for a file, else the text itself. `what` names it in errors. */
export function readInputText(terminal: Terminal, what: string, source: string): string {
  if (source === '-') return terminal.readInput().toString('utf8')
  return source.startsWith('@') ? readFileText(source.slice(1)) : expectNonEmpty(what, source)
}

/** The text of --data, without it that of stdin. @param wayOut what to pass instead of nothing. */
export function readRequestData(terminal: Terminal, source: string | undefined, wayOut: string): string {
  if (source === undefined && terminal.isInteractive)
    throw new UsageError(`Expected data but received none. ${wayOut}.`)
  const text = readInputText(terminal, '--data', source ?? '-').trim()
  const place = source === undefined || source === '-' ? 'stdin' : source.slice(1)
  if (text === '') throw new UsageError(`Expected data but received none from ${place}. ${wayOut}.`)
  return text
}

export function readFileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    })
  }
}

export function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`Expected ${what} to be JSON: ${reason}.`, { cause: error })
  }
}

function expectNonEmpty(what: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`Expected ${what} to be JSON, @file or - but received nothing.`)
  return text
}
