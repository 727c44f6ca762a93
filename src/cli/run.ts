/** The command line of a process: its arguments in, what it prints to the terminal out. */
import { buildProgram } from './program.js'
import { processTerminal } from './shared/terminal.js'

/** @throws whatever the command throws; shared/failures.ts makes an ending of it. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  await buildProgram(processTerminal).parseAsync([...argv])
}
