/**
 * Processes under limits that a shell sets before they begin, and what the kernel says of them from outside: the CPU time
 * that they took, the descriptors that they hold. Every process is killed when its test has finished.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { waitFor } from '../../support/cli-process.js'

export interface LimitedProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly output: { stdout: string; stderr: string }
  /** Settles with the exit code when the process has ended. */
  readonly ended: Promise<number | null>
}

/**
 * @param shell what a shell runs before it becomes the process, such as `ulimit -n 64`.
 * @param args of Node: the file first.
 */
export function startLimited(
  shell: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): LimitedProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PENSTOCK_'))
  const child = spawn('sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args], {
    env: { ...Object.fromEntries(inherited), PENSTOCK_CALIBRATION: 'off', ...env },
    stdio: 'pipe',
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, pid: child.pid ?? 0, output, ended }
}

/** Waits until `pattern` is on the process's standard output; fails when it ends first. */
export async function printed({ output, ended }: LimitedProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const found = await Promise.race([
    waitFor(() => pattern.exec(output.stdout) ?? undefined, 60_000),
    ended.then((code) => {
      throw new Error(`Expected ${pattern} but the process ended with ${code}: ${output.stderr}`)
    }),
  ])
  return found
}

/** CPU time that the process took so far, of all its threads (man 5 proc: fields 14 and 15, in ticks of 10 ms). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Lines of the log, parsed. */
export function logLines({ output }: LimitedProcess): { level: number; msg: string; err?: { code?: string } }[] {
  return output.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: number; msg: string })
}
