/**
 * A script's console, and what it writes to its process's streams, as lines for the server's log: sent at once, so that a run
 * that is ended because it takes too long has said what it said. A run's lines are counted.
 */
import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { SCRIPT_LINE_CHARACTERS_MAX, SCRIPT_LINES_MAX } from '../base/limits/script-limits.js'
import type { ScriptLine } from './messages.js'

export class ScriptConsole {
  readonly #send: (line: ScriptLine) => void
  #requestId = ''
  #lines = 0

  constructor(send: (line: ScriptLine) => void) {
    this.#send = send
  }

  /** Puts it in the place of the thread's console and streams. */
  install(): void {
    const [out, err] = [this.#stream('info'), this.#stream('error')]
    globalThis.console = new Console({ stdout: out, stderr: err, colorMode: false })
    const warn = new Console({ stdout: out, stderr: this.#stream('warn'), colorMode: false })
    globalThis.console.warn = warn.warn.bind(warn)
    process.stdout.write = out.write.bind(out)
    process.stderr.write = err.write.bind(err)
  }

  begin(requestId: string): void {
    this.#requestId = requestId
    this.#lines = 0
  }

  end(): void {
    const left = this.#lines - SCRIPT_LINES_MAX
    if (left > 0) this.#send({ level: 'warn', text: `… ${left} lines more`, requestId: this.#requestId })
  }

  #stream(level: ScriptLine['level']): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _, done) => {
        for (const text of chunk.toString().trimEnd().split('\n')) this.#write(level, text)
        done()
      },
    })
  }

  #write(level: ScriptLine['level'], text: string): void {
    if (++this.#lines > SCRIPT_LINES_MAX) return
    const cut = text.length > SCRIPT_LINE_CHARACTERS_MAX ? `${text.slice(0, SCRIPT_LINE_CHARACTERS_MAX)}…` : text
    this.#send({ level, text: cut, requestId: this.#requestId })
  }
}
