/**
 * Servers as child processes: a fresh one per trial, so that no trial inherits another's compiled code, memory or
 * open connections. Penstock is started as its users start it, through the command line.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot } from './project.js'

export interface RunningServer {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

const startLimitMs = 20_000
const stopLimitMs = 10_000
const outputCharactersMax = 65_536

/**
 * Starts `node dist/src/cli/main.js serve` on a free port over `home`.
 * @param args more of its options.
 * @param root of the checkout whose server it is; absent: this one's.
 */
export async function startPenstock(
  home: string,
  args: readonly string[] = [],
  root: string = projectRoot,
): Promise<RunningServer> {
  const main = join(root, 'dist', 'src', 'cli', 'main.js')
  // The address is in the start line, whatever else is said around it.
  return start(
    [main, 'serve', '--host', '127.0.0.1', '--port', '0', '--home', home, ...args],
    /https?:\/\/127\.0\.0\.1:(\d+)\D/,
  )
}

export async function startFastify(modelPath: string): Promise<RunningServer> {
  return startBaseline('fastify.mjs', modelPath)
}

/** Starts a program of bench/baselines that prints `{"port":N}`. */
export async function startBaseline(file: string, ...args: readonly string[]): Promise<RunningServer> {
  return start([join(projectRoot, 'bench', 'baselines', file), ...args], /"port":(\d+)\D/)
}

/** Starts `node ARGS`, a server that says its port in words that `portPattern` finds. */
export async function startProgram(
  args: readonly string[],
  portPattern: RegExp,
  environment: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  return start(args, portPattern, environment)
}

/**
 * Uploads the model, deploys a pipeline of that one model and waits until it answers; both stay in the server's home.
 * Not logged: what is compared with others is the bare data path.
 */
export async function deployModel(server: RunningServer, pipeline: string, modelPath: string): Promise<void> {
  const model = await readFile(modelPath)
  const base = `http://127.0.0.1:${server.port}/v1`
  await expectOk(`${base}/models/${pipeline}/versions`, 'application/octet-stream', model)
  const definition = JSON.stringify({ steps: [{ type: 'model', model: pipeline }], log: { durability: 'off' } })
  await expectOk(`${base}/pipelines/${pipeline}?deploy=true`, 'application/json', Buffer.from(definition))
}

/** Resolves once the server says that it is ready for traffic. */
export async function awaitReady(server: RunningServer): Promise<void> {
  const end = performance.now() + startLimitMs
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${server.port}/healthz/ready`)
    if (response.ok) return
    if (performance.now() > end) throw new Error(`The server did not become ready: ${await response.text()}`)
    await new Promise((resolve) => void setTimeout(resolve, 50))
  }
}

/** Runs bench/baselines/bare-ort.mjs to its end. */
export async function measureBareOrt(
  modelPath: string,
  seconds: number,
): Promise<{ rows: number; rowsPerSecond: number }[]> {
  const child = spawnNode(
    [join(projectRoot, 'bench', 'baselines', 'bare-ort.mjs'), modelPath, String(seconds)],
    'inherit',
  )
  let output = ''
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  if (child.exitCode !== 0) throw new Error(`bare-ort.mjs ended with status ${child.exitCode}`)
  return (JSON.parse(output) as { batches: { rows: number; rowsPerSecond: number }[] }).batches
}

async function expectOk(url: string, type: string, body: Buffer): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body: new Uint8Array(body) })
  if (!response.ok) throw new Error(`PUT ${url} answered ${response.status}: ${await response.text()}`)
}

function spawnNode(
  args: readonly string[],
  stderr: 'inherit' | 'pipe',
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { ...process.env, ...environment }
  return spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', stderr] })
}

async function start(
  args: readonly string[],
  portPattern: RegExp,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  // Logs stay out of the table; what a server that fails to start said is quoted in the error.
  const child = spawnNode(args, 'pipe', environment)
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(killWithParent, stopLimitMs)
    await ended
    clearTimeout(timer)
    process.removeListener('exit', killWithParent)
  }
  try {
    return { port: await portOf(child, portPattern, ended), pid: child.pid ?? 0, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function portOf(child: ChildProcess, pattern: RegExp, ended: Promise<void>): Promise<number> {
  let output = ''
  const found = new Promise<number>((resolve) => {
    const read = (data: Buffer) => {
      if (output.length >= outputCharactersMax) return
      output += data.toString()
      const port = pattern.exec(output)?.[1]
      if (port !== undefined) resolve(Number(port))
    }
    // Stay attached: a pipe that nobody reads would block a talkative server.
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fail = (how: string) => reject(new Error(`${child.spawnargs.join(' ')} ${how}. It printed:\n${output}`))
    timer = setTimeout(() => fail('did not say its port in time'), startLimitMs)
    void ended.then(() => fail(`ended with status ${child.exitCode} before it listened`))
  })
  try {
    return await Promise.race([found, late])
  } finally {
    clearTimeout(timer)
    late.catch(() => undefined)
  }
}
