#!/usr/bin/env node
/**
 * The executable `penstock`. Runs the command line and turns whatever comes out of it into an exit code and a sentence;
 * commands themselves only throw.
 */
import { endingOf, EXIT_DONE } from './failures.js'
import { buildProgram } from './program.js'
import { processTerminal } from './terminal.js'

// `penstock model list | head -1` closes the pipe early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  await buildProgram(processTerminal).parseAsync(process.argv)
  // Flushed, then ended: fetch's idle connection would keep the process for seconds.
  process.stdout.write('', () => process.exit(EXIT_DONE))
} catch (error) {
  const { exitCode, text } = endingOf(error, process.argv.includes('--json'))
  if (text !== '') processTerminal.note(text)
  // At once: a server that failed half-way through its start may have threads that would keep the process alive.
  process.exit(exitCode)
}
