/**
 * Runs the built command line as its users do: child processes, exit codes, stdout and stderr. Every server listens on a
 * free port and every process is killed when its test has finished.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const mainPath = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
if (!existsSync(mainPath)) throw new Error(`Expected ${mainPath} to be built. Run npm run build.`)

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A fresh directory, removed when the test has finished. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'penstock-cli-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs `penstock …` to its end. */
export async function penstock(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(args, options)
  const output = collect(child)
  child.stdin?.end(options.input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

export interface Server {
  readonly url: string
  readonly child: ChildProcess
  readonly output: { stdout: string; stderr: string }
  /** Settles when the process has ended. */
  readonly ended: Promise<number | null>
}

/** Starts `penstock serve …`, or `dev …`, on a free port and waits until it greets. */
export async function serve(
  args: readonly string[],
  options: RunOptions = {},
  command: 'serve' | 'dev' = 'serve',
): Promise<Server> {
  const child = start([command, '--port', '0', ...args], options)
  const output = collect(child)
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const url = await Promise.race([waitFor(() => /listening on (http:\S+)\n[^]*\n$/.exec(output.stdout)?.[1]), ended])
  if (typeof url !== 'string') throw new Error(`Expected serve to start but it ended with ${url}: ${output.stderr}`)
  return { url, child, output, ended }
}

/** Polls until `look` finds something. */
export async function waitFor<T>(look: () => T | undefined, limitMs = 25_000): Promise<T> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`Expected something within ${limitMs} ms: ${String(look)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function start(args: readonly string[], { env, cwd }: RunOptions): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PENSTOCK_'))
  return spawn(process.execPath, [mainPath, ...args], {
    // Measuring models takes a moment and cores; the suites that are about it ask for it.
    env: { ...Object.fromEntries(inherited), PENSTOCK_CALIBRATION: 'off', ...env },
    cwd,
    stdio: 'pipe',
  })
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return output
}
