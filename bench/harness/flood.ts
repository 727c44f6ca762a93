/**
 * Builds penstock-flood (bench/flood, C++) when its sources changed, and runs it. The generator is native and
 * single-threaded because on a shared machine a JavaScript one would cost more CPU than the server it measures.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from './project.js'

const run = promisify(execFile)

export interface LoadOptions {
  readonly mode: 'ws' | 'http'
  readonly port: number
  readonly serverPid: number
  readonly requestsPath: string
  readonly connections: number
  /** Requests on the way per connection; 1 for http. */
  readonly inFlight: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** ws: the pipeline to open. */
  readonly pipeline?: string | undefined
  /** http: the request target. */
  readonly path?: string | undefined
}

/** What the generator prints. Latencies: microseconds from the write of a request to the read of its answer. */
export interface FloodReport {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly rowsPerSecond: number
  readonly p50Us: number
  readonly p95Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  /** Frames or responses that carried answers. */
  readonly messages: number
  readonly errors: number
  readonly mismatches: number
  readonly firstError: string
  readonly seconds: number
  readonly generatorCpuSeconds: number
  /** -1 where the machine does not tell. */
  readonly serverCpuSeconds: number
}

const buildFolder = join(projectRoot, 'build', 'flood')
const program = join(buildFolder, 'penstock-flood')

export async function buildFlood(): Promise<void> {
  try {
    await run('cmake', ['-S', join(projectRoot, 'bench', 'flood'), '-B', buildFolder])
    await run('cmake', ['--build', buildFolder, '--parallel', '2'])
  } catch (cause) {
    throw new Error('Cannot build bench/flood: it needs cmake 3.15 and a C++20 compiler on Linux', { cause })
  }
}

/** @throws Error when the load could not run. Wrong answers and failed requests are in the report, not thrown. */
export async function flood(options: LoadOptions): Promise<FloodReport> {
  const target = options.mode === 'ws' ? ['--pipeline', options.pipeline ?? ''] : ['--path', options.path ?? '/']
  const settings = {
    mode: options.mode,
    port: options.port,
    requests: options.requestsPath,
    connections: options.connections,
    'in-flight': options.inFlight,
    warmup: options.warmupSeconds,
    seconds: options.seconds,
    'server-pid': options.serverPid,
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  try {
    return JSON.parse((await run(program, [...args, ...target])).stdout) as FloodReport
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string }
    if (code === 3 && stdout !== undefined) return JSON.parse(stdout) as FloodReport
    throw new Error(`The load generator could not run: ${stderr ?? String(error)}`, { cause: error })
  }
}
