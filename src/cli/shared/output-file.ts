/** Writes the output of a command into the file that its option names. */
import { writeFileSync } from 'node:fs'
import { UsageError } from './failures.js'

/** @throws UsageError naming the file. */
export function writeFile(path: string, text: string | Uint8Array): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw new UsageError(`Cannot write ${path}: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    })
  }
}
