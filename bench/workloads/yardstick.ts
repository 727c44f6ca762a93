/**
 * A measuring stick from outside the project: a prototype of nothing but the data path of criteria 1 and 2, with a
 * generator of its own. PENSTOCK_YARDSTICK names its folder: `run.sh` that builds into $YARDSTICK, `server.cjs PORT
 * WORKERS` that prints "listening", and `flood PORT CONNECTIONS IN_FLIGHT BYTES SECONDS` that prints the rate.
 * Without it those lines are skipped; every other line stands on references of this repository.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../harness/project.js'
import { startProgram } from '../harness/servers.js'
import { withServer } from './penstock.js'
import type { Bench } from './row.js'

const run = promisify(execFile)
const buildLimitMs = 300_000
/** What its frames weigh: a 34-byte head and 29 floats. */
const frameBytes = 150

export interface YardstickFigures {
  readonly rowsPerSecond: number
  readonly p50Us: number
  readonly p99Us: number
}

export type Yardstick = (bench: Bench, connections: number, inFlight: number) => Promise<YardstickFigures>

/** Builds it. @returns null when PENSTOCK_YARDSTICK is not set. */
export async function openYardstick(modelPath: string): Promise<Yardstick | null> {
  const source = process.env['PENSTOCK_YARDSTICK']
  if (source === undefined || source === '') return null
  const folder = join(projectRoot, 'build', 'yardstick')
  const environment = { YARDSTICK: folder, MODEL: modelPath, SECONDS: '600' }
  await run('bash', [join(source, 'run.sh'), 'engine'], {
    env: { ...process.env, ...environment, T: '0.1' },
    timeout: buildLimitMs,
  })
  const flood = ['build/Release/flood', 'build/flood']
    .map((path) => join(folder, path))
    .find((path) => existsSync(path))
  if (flood === undefined) throw new Error(`Expected ${source}/run.sh to build flood into ${folder}`)
  return async (bench, connections, inFlight) => {
    const port = String(await freePort())
    const args = [join(folder, 'server.cjs'), port, '1']
    return withServer(startProgram(args, /(listening)/, environment), async () => {
      const shape = [connections, inFlight, frameBytes].map(String)
      // Its worker loads the model after it says that it listens; the first flood is the warm-up.
      await new Promise((resolve) => void setTimeout(resolve, 700))
      await run(flood, [port, ...shape, String(bench.warmupSeconds)])
      return read((await run(flood, [port, ...shape, String(bench.seconds)])).stdout)
    })
  }
}

function read(line: string): YardstickFigures {
  const [, rate, p50, p99] = /(\d+) req\/s p50 (\d+)us p99 (\d+)us/.exec(line) ?? []
  if (rate === undefined) throw new Error(`Expected the yardstick to print its rate but received ${line}`)
  return { rowsPerSecond: Number(rate), p50Us: Number(p50), p99Us: Number(p99) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
