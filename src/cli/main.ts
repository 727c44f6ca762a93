#!/usr/bin/env node
/**
 * The executable `penstock`. Looks at what the system lets this process have, then runs the command line and turns
 * whatever comes out of it into an exit code and a sentence; commands themselves only throw. The command line is
 * imported after the look, because Node opens its files side by side, and where few may be open that is where it would
 * end, with a stack trace.
 */
import { processLimits, shortageOf } from '../base/limits/process-limits.js'

// `penstock model list | head -1` closes the pipe early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  // A server has threads that must not be left inside a run: it ends as after a signal.
  if (process.argv[2] === 'serve') process.kill(process.pid, 'SIGTERM')
  else process.exit(0)
})

const limits = processLimits()
const shortage = process.argv[2] === 'serve' ? shortageOf(limits) : null
if (shortage !== null) end(1, `penstock: ${shortage} (ERR_ARGUMENT)`)

try {
  const { runCommandLine } = await import('./run.js')
  await runCommandLine(process.argv)
  // Flushed, then ended: fetch's idle connection would keep the process for seconds.
  process.stdout.write('', () => process.exit(0))
} catch (error) {
  const { code } = error as { code?: unknown }
  if (code === 'EMFILE' || code === 'ENFILE')
    end(
      1,
      `penstock: ${String(error)}. This process may open ${limits.descriptors} files: raise the limit (ulimit -n).`,
    )
  const { endingOf } = await import('./shared/failures.js')
  const { exitCode, text } = endingOf(error, process.argv.includes('--json'))
  end(exitCode, text)
}

/** At once: a server that failed half-way through its start may have threads that would keep the process alive. */
function end(exitCode: number, text: string): never {
  if (text !== '') process.stderr.write(`${text}\n`)
  process.exit(exitCode)
}
