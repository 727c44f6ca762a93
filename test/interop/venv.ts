/**
 * A Python environment under build/interop for tests with clients that nobody here wrote: made once for each list of
 * requirements, kept while the list is the same. Nothing is installed outside it.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installLimitMs = 540_000

/** Where everything of the interop suites lies. */
export const interopPath = fileURLToPath(new URL('../../build/interop/', import.meta.url))

/**
 * Compiles nothing ahead: most of what is installed is never imported. Test files that run side by side may ask for the
 * same environment: one makes it, the others wait.
 * @param name of the environment. @param requirements path of a requirements.txt with pinned versions. @returns its python.
 */
export async function pythonWith(name: string, requirements: string): Promise<string> {
  const folder = join(interopPath, name)
  const python = join(folder, 'bin', 'python')
  const stamp = join(folder, 'requirements.sha256')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const isMade = (): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === digest
  mkdirSync(interopPath, { recursive: true })
  const lock = `${folder}.lock`
  while (!isMade()) {
    if (!taken(lock)) {
      await sleep(500)
      continue
    }
    try {
      // Whoever had the lock before may have made it.
      if (isMade()) break
      await make(folder, python, requirements)
      writeFileSync(stamp, digest)
    } finally {
      rmSync(lock, { force: true })
    }
  }
  return python
}

async function make(folder: string, python: string, requirements: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder])
  const install = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--disable-pip-version-check', '-r', requirements]
  await run(python, install, { timeout: installLimitMs, maxBuffer: 2 ** 26 })
}

/** Whether the lock is this process's now. One whose process has ended is nobody's. */
function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
    if (owner > 0 && !isRunning(owner)) rmSync(lock, { force: true })
    return false
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Fetches a wheel without what it depends on, and unpacks it: for what lies in it beside Python. */
export async function unpackWheel(
  python: string,
  requirement: string,
  folder: string,
  platform: readonly string[] = [],
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const only = ['--only-binary', ':all:', '--no-deps', ...platform]
  await run(python, ['-m', 'pip', 'download', '--quiet', ...only, '-d', folder, requirement])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error(`Expected pip to download a wheel of ${requirement}`)
  await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), folder])
}
