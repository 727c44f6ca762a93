/**
 * The benchmark at its smallest, so that it cannot rot: it must run, and every answer must be right. No time is
 * asserted. The canary is a server that answers wrongly: the generator must notice, or the check above means nothing.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { measureLoad, type LoadReport } from '../../bench/harness/load.js'
import { projectRoot } from '../../bench/harness/project.js'
import { writeRequestSet, type RequestSet } from '../../bench/harness/request-set.js'

const run = promisify(execFile)
const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')

describe('bench', () => {
  it('canonical: every load of every server answers, and all answers are right', { timeout: 120_000 }, async () => {
    const program = join(projectRoot, 'dist', 'bench', 'canonical.js')
    const sizes = ['--trials', '1', '--seconds', '0.3', '--warmup', '0.1']
    const { stdout } = await run(process.execPath, [program, '--json', ...sizes])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const loads = lines.filter((line) => 'rowsPerSecond' in line)
    expect(loads.map((line) => [line.server, line.mode, line.connections, line.inFlight])).toEqual([
      ['penstock', 'ws', 1, 1],
      ['penstock', 'ws', 1, 64],
      ['penstock', 'ws', 16, 16],
      ['penstock', 'ws', 16, 64],
      ['penstock', 'http', 32, 1],
      ['fastify', 'http', 32, 1],
    ])
    for (const line of loads) expect(line.rowsPerSecond).toBeGreaterThan(0)
    for (const line of lines) expect(line.machine.commit).toEqual(expect.any(String))
  })
})

describe('bench: the load generator', () => {
  let folder: string
  let requests: RequestSet
  let server: Server
  let factor = 1

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'penstock-bench-smoke-'))
    requests = await writeRequestSet(folder, {
      modelPath,
      requests: 8,
      rowsPerRequest: 3,
      seed: 7,
    })
    const { InferenceSession, Tensor } = await import('onnxruntime-node')
    const session = await InferenceSession.create(modelPath, { intraOpNumThreads: 1 })
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const rows = JSON.parse(Buffer.concat(chunks).toString())[requests.input] as number[][]
        const input = new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, requests.featureCount])
        void session.run({ [requests.input]: input }).then((outputs) => {
          const data = Array.from(outputs[requests.output]?.data as Float32Array, (value) => [value * factor])
          const body = JSON.stringify({ [requests.output]: data })
          response.writeHead(factor === 0 ? 503 : 200, { 'content-length': Buffer.byteLength(body) }).end(body)
        })
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const load = (): Promise<LoadReport> =>
    measureLoad({
      mode: 'http',
      port: (server.address() as AddressInfo).port,
      serverPid: process.pid,
      bodiesPath: requests.paths.http,
      rowsPerRequest: 3,
      connections: 2,
      inFlight: 1,
      warmupSeconds: 0,
      seconds: 0.2,
      path: '/',
    })

  it('counts no mismatch while answers are right, and rows as requests times their rows', async () => {
    factor = 1
    const report = await load()
    expect(report).toMatchObject({ errors: 0, mismatches: 0, firstError: '' })
    expect(report.requests).toBeGreaterThan(0)
    expect(report.rowsPerSecond / report.requestsPerSecond).toBeCloseTo(3, 2)
    expect(report.p50Us).toBeLessThanOrEqual(report.p99Us)
    expect(report.p99Us).toBeLessThanOrEqual(report.maxUs)
  })

  it('counts every answer that is off by one in a thousand as a mismatch', async () => {
    factor = 1.001
    const report = await load()
    expect(report.mismatches).toBeGreaterThan(0)
    expect(report).toMatchObject({ requests: 0, errors: 0, firstError: 'a wrong answer' })
  })

  it('counts a status other than 200 as an error and quotes the first', async () => {
    factor = 0
    const report = await load()
    expect(report.errors).toBeGreaterThan(0)
    expect(report.requests).toBe(0)
    expect(report.firstError).toMatch(/^status 503: /)
  })

  it('says why when the server is not there', async () => {
    const port = 1
    await expect(
      measureLoad({
        mode: 'ws',
        port,
        serverPid: process.pid,
        bodiesPath: requests.paths.ws,
        rowsPerRequest: 3,
        connections: 1,
        inFlight: 1,
        warmupSeconds: 0,
        seconds: 0.1,
        pipeline: 'none',
      }),
    ).rejects.toThrow(/Cannot connect to 127\.0\.0\.1:1/)
  })
})
