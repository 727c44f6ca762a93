/**
 * Installs a competitor into its own virtual environment (build/peers/<folder>, made again when its requirements
 * change), and runs it as a process group of its own: Python servers leave workers behind when only their first process
 * gets the signal.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../harness/project.js'
import type { Competitor } from './catalogue.js'

const run = promisify(execFile)

const installLimitMs = 600_000
const startLimitMs = 60_000
const stopLimitMs = 5_000

export interface RunningCompetitor {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** @returns the virtual environment's folder. @throws Error with pip's last words when it cannot be installed. */
export async function installCompetitor(competitor: Competitor): Promise<string> {
  const environment = join(projectRoot, 'build', 'peers', competitor.folder)
  const stamp = join(environment, 'penstock-requirements.sha256')
  const requirements = join(folderOf(competitor), 'requirements.txt')
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return environment
  await rm(environment, { recursive: true, force: true })
  await mkdir(environment, { recursive: true })
  try {
    await run('python3', ['-m', 'venv', environment], { timeout: installLimitMs })
    const pip = ['install', '--quiet', '--disable-pip-version-check', '--requirement', requirements]
    await run(join(environment, 'bin', 'pip'), pip, { timeout: installLimitMs })
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause)
    throw new Error(`Cannot install ${competitor.name}: ${said}`, { cause })
  }
  await writeFile(stamp, wanted)
  return environment
}

/** Starts the competitor on a free port and waits until it is ready. @throws Error with its last output when it does not get there. */
export async function startCompetitor(
  competitor: Competitor,
  environment: string,
  modelPath: string,
): Promise<RunningCompetitor> {
  const port = await freePort()
  const folder = folderOf(competitor)
  const { command, args, variables } = competitor.start({ environment, port, modelPath, folder })
  const logPath = join(projectRoot, 'build', 'peers', `${competitor.folder}.log`)
  const log = openSync(logPath, 'w')
  const env = {
    ...process.env,
    PATH: `${join(environment, 'bin')}:${process.env['PATH'] ?? ''}`,
    PYTHONDONTWRITEBYTECODE: '1',
    MODEL: modelPath,
    PORT: String(port),
    ...variables,
  }
  const child = spawn(command, args, { cwd: folder, env, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const group = child.pid
  if (group === undefined) throw new Error(`Cannot start ${competitor.name}: ${command} does not run`)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-group, name)
    } catch {
      // The whole group is gone.
    }
  }
  const killWithParent = () => signal('SIGKILL')
  process.once('exit', killWithParent)
  const stop = async () => {
    signal('SIGTERM')
    await Promise.race([ended, delay(stopLimitMs)])
    signal('SIGKILL')
    await ended
    process.removeListener('exit', killWithParent)
  }
  const endMs = performance.now() + startLimitMs
  while (!(await isReady(`http://127.0.0.1:${port}${competitor.readyPath}`))) {
    if (performance.now() > endMs || child.exitCode !== null) {
      await stop()
      const said = (await readFile(logPath, 'utf8')).trim().split('\n').slice(-5).join('\n')
      throw new Error(`${competitor.name} did not become ready. It printed at the end:\n${said}`)
    }
    await delay(200)
  }
  return { port, pid: group, stop }
}

function folderOf(competitor: Competitor): string {
  return join(projectRoot, 'bench', 'peers', competitor.folder)
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port')
  return address.port
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
