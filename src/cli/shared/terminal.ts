/**
 * What a command sees of the outside: where it prints, whether a person is watching, what came in on stdin.
 * Commands print only through this, so that a test can read what they print.
 */
import { readSync } from 'node:fs'

export interface Terminal {
  /** Results: what a script reads. */
  print(line: string): void
  /** Progress and errors. */
  note(line: string): void
  /** Replaces the line that was shown before; '' removes it. Does nothing unless a person is watching stderr. */
  progress(line: string): void
  /** Replaces the lines that were shown before; [] removes them. Does nothing unless a person is watching stderr. */
  block(lines: readonly string[]): void
  /** Width of the terminal that a person watches stderr on; 0: nobody does. */
  readonly columns: number
  /** Width of the terminal that results are printed on; 0: a file or a pipe, which take lines of any length. */
  readonly printColumns?: number
  /** True when stdin is a keyboard, so that waiting for it would look like hanging. */
  readonly isInteractive: boolean
  /** All of stdin. */
  readInput(): Buffer
}

const CLEAR_LINE = '\r\u001b[2K'
const CLEAR_BELOW = '\u001b[0J'
/** Lines of the block that stands on the terminal. */
let blockLines = 0
const READ_BYTES = 65_536

export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  progress: (line) => {
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE + line.slice(0, process.stderr.columns))
  },
  block: (lines) => {
    if (!process.stderr.isTTY) return
    const up = blockLines === 0 ? '' : `\u001b[${blockLines}A`
    blockLines = lines.length
    process.stderr.write(`\r${up}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join('')}`)
  },
  get columns() {
    return process.stderr.isTTY ? process.stderr.columns : 0
  },
  get printColumns() {
    return process.stdout.isTTY ? process.stdout.columns : 0
  },
  get isInteractive() {
    return process.stdin.isTTY
  },
  readInput: () => readDescriptor(0),
}

/** Blocking and by hand: readFileSync(0) fails with EAGAIN on a non-blocking pipe. */
function readDescriptor(descriptor: number): Buffer {
  const chunks: Buffer[] = []
  const chunk = Buffer.allocUnsafe(READ_BYTES)
  for (;;) {
    const count = readOrWait(descriptor, chunk)
    if (count === 0) return Buffer.concat(chunks)
    chunks.push(Buffer.from(chunk.subarray(0, count)))
  }
}

function readOrWait(descriptor: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN') throw error
      // Nothing there yet: sleep 5 ms without a busy loop.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}
