/** `penstock serve` as a process: what it refuses, how it greets, how it ends. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { isAlive, processesOf, readyQueriesOf } from '../../src/log/testing/processes.js'
import { mainPath, penstock, serve, type Server, temporaryDirectory, waitFor } from '../support/cli-process.js'

// Dozens of processes, one after the other: seconds on an idle machine, a minute on a busy one.
vi.setConfig({ testTimeout: 120_000 })

const slowModel = fileURLToPath(new URL('../models/slow.onnx', import.meta.url))

/** Deploys the model that takes tens of milliseconds a row, as pipeline `slow`. */
async function deploySlow(url: string): Promise<void> {
  const input = JSON.stringify({ name: 'slow', steps: [{ type: 'model', model: 'slow' }] })
  expect(await penstock(['model', 'add', slowModel, '--url', url])).toMatchObject({ code: 0 })
  expect(await penstock(['pipeline', 'apply', '-', '--deploy', '--url', url], { input })).toMatchObject({ code: 0 })
}

function inferSlow({ url }: Server, rows: number): Promise<Response> {
  const body = JSON.stringify({ x: Array.from({ length: rows }, () => [1, 2, 3, 4]) })
  return fetch(`${url}/v1/pipelines/slow/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
}

async function inFlight({ url }: Server): Promise<number> {
  const status = (await (await fetch(`${url}/v1/pipelines/slow/status`)).json()) as { in_flight: number }
  return status.in_flight
}

describe('serve: what it listens with', () => {
  it('--grpc-port off: HTTP alone, and the greeting says so', async () => {
    const { url, output } = await serve(['--home', temporaryDirectory(), '--grpc-port', 'off'])
    expect(output.stdout).toContain('gRPC is off')
    expect((await fetch(`${url}/healthz/live`)).status).toBe(200)
  })

  it("--sockets node: serves by Node's own, and the greeting says so in one line", async () => {
    const { url, output } = await serve(['--home', temporaryDirectory(), '--sockets', 'node'])
    expect(
      output.stdout.match(/^The sockets are Node's own, slower than uWebSockets\.js: as asked for$/gm),
    ).toHaveLength(1)
    expect((await fetch(`${url}/healthz/live`)).status).toBe(200)
  })

  it('--sockets of another word: refused with the words that there are', async () => {
    const { code, stderr } = await penstock(['serve', '--port', '0', '--sockets', 'fast'])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/Allowed choices are auto, native, uws, node/)])
  })
})

describe.runIf(process.platform === 'linux')('serve: the process of the next query of the log', () => {
  it('is ready before anybody asks, answers the first query, and ends with the server', async () => {
    const { url, child } = await serve(['--home', temporaryDirectory()])
    const pid = child.pid ?? 0
    const inTime = { timeout: 20_000 }
    await expect.poll(() => readyQueriesOf(pid), inTime).toHaveLength(1)
    const [ready] = readyQueriesOf(pid)
    const response = await fetch(`${url}/v1/logs/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'SELECT 42 AS answer' }),
    })
    expect(await response.json()).toMatchObject({ records: [{ answer: 42 }] })
    await expect.poll(() => readyQueriesOf(pid), inTime).toHaveLength(1)
    expect(readyQueriesOf(pid)).not.toEqual([ready])
    const left = processesOf(pid)
    child.kill('SIGTERM')
    await once(child, 'exit')
    await expect.poll(() => left.filter(isAlive), inTime).toEqual([])
  })
})

describe('serve: refusals', () => {
  it('a port in use: one clear sentence, exit code 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    onTestFinished(() => void blocker.close())
    const { port } = blocker.address() as AddressInfo
    const { code, stdout, stderr } = await penstock(['serve', '--port', String(port), '--home', temporaryDirectory()])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe(
      `penstock: Port ${port} of 127.0.0.1 is in use by another process. Stop it, or choose another with --port. (ERR_CONFLICT)\n`,
    )
  })

  it('the port of another Penstock: refused as well', async () => {
    const first = await serve(['--home', temporaryDirectory()])
    const { code, stderr } = await penstock([
      'serve',
      '--port',
      new URL(first.url).port,
      '--home',
      temporaryDirectory(),
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(/is in use by another process/)
  })

  it('a host that others can reach: refused without a key, allowed with --insecure', async () => {
    const home = temporaryDirectory()
    const refused = await penstock(['serve', '--host', '0.0.0.0', '--port', '0', '--home', home])
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(
      /^penstock: Expected an API key before listening on 0\.0\.0\.0.*penstock keys create.*--insecure.*\n$/,
    )
    const { url } = await serve(['--host', '0.0.0.0', '--insecure', '--home', home])
    expect((await fetch(`http://127.0.0.1:${new URL(url).port}/healthz/live`)).status).toBe(200)
  })

  it('a home in use: names the process that holds it, exit code 1', async () => {
    const home = temporaryDirectory()
    const first = await serve(['--home', home])
    const second = await penstock(['serve', '--port', '0', '--home', home])
    expect([second.code, second.stdout]).toEqual([1, ''])
    expect(second.stderr).toMatch(
      new RegExp(
        `^penstock: ${home} is in use by process ${first.child.pid} on .+ since .+Z\\..*ERR_HOME_LOCKED\\)\\n$`,
      ),
    )
    // kill -9 releases it at once.
    first.child.kill('SIGKILL')
    await first.ended
    await serve(['--home', home])
  })

  it('--examples of a directory that is none: refused with what it should be', async () => {
    const { code, stderr } = await penstock([
      'serve',
      '--port',
      '0',
      '--home',
      temporaryDirectory(),
      '--examples',
      temporaryDirectory(),
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(/Expected --examples to be a directory with models\/ and pipelines\//)
  })
})

describe('serve: examples', () => {
  it('--examples: greets with the thread plan, every pipeline and a curl that works when pasted; a restart keeps what was changed', async () => {
    const home = temporaryDirectory()
    const first = await serve(['--examples', '--home', home])
    for (const text of ['inference workers', 'PIPELINE', 'wine-shadow', 'features float32[n,12]', home])
      expect(first.output.stdout).toContain(text)
    const curl = /^ {2}(curl -s .*)$/m.exec(first.output.stdout)?.[1] ?? ''
    const { stdout } = await promisify(execFile)('sh', ['-c', curl])
    const answer = JSON.parse(stdout) as { outputs: Record<string, number[][]> }
    expect(Object.values(answer.outputs)[0]?.[0]?.[0]).toEqual(expect.any(Number))

    // The user promotes another model under the alias and takes a pipeline's definition over.
    const steps = [{ type: 'model', model: 'wine-forest@champion' }]
    const input = JSON.stringify({ name: 'wine', steps })
    expect(await penstock(['pipeline', 'apply', '-', '--deploy', '--url', first.url], { input })).toMatchObject({
      code: 0,
    })
    const before = await penstock(['model', 'list', '--json', '--url', first.url])
    first.child.kill('SIGTERM')
    expect(await first.ended).toBe(0)

    const again = await serve(['--examples', '--home', home])
    expect((await penstock(['model', 'list', '--json', '--url', again.url])).stdout).toBe(before.stdout)
    const pipelines = JSON.parse((await penstock(['pipeline', 'list', '--json', '--url', again.url])).stdout) as {
      pipelines: { name: string; deployed_version: number; versions: { steps: unknown }[] }[]
    }
    const wine = pipelines.pipelines.find(({ name }) => name === 'wine')
    expect(wine).toMatchObject({ deployed_version: 2, versions: [{ version: 1 }, { version: 2, steps }] })
  })
})

describe('serve: the end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: finishes what is in flight, refuses new work, exits with 0',
    async (signal) => {
      const server = await serve(['--home', temporaryDirectory()])
      await deploySlow(server.url)
      const requests = Array.from({ length: 6 }, () => inferSlow(server, 4))
      await waitForInFlight(server, 4)
      server.child.kill(signal)
      const answers = await Promise.all(requests)
      for (const answer of answers) {
        expect(answer.status).toBe(200)
        expect(((await answer.json()) as { outputs: { y: number[][] } }).outputs.y).toHaveLength(4)
      }
      expect(await server.ended).toBe(0)
      expect(server.output.stderr).toContain(`${signal}: draining`)
      await expect(fetch(server.url)).rejects.toThrow('fetch failed')
    },
  )

  it('a second signal: ends at once with 1', async () => {
    const server = await serve(['--home', temporaryDirectory()])
    await deploySlow(server.url)
    const request = inferSlow(server, 2000).catch(() => undefined)
    await waitForInFlight(server, 1)
    server.child.kill('SIGTERM')
    await waitFor(() => (server.output.stderr.includes('draining') ? true : undefined))
    const startMs = performance.now()
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(1)
    expect(performance.now() - startMs).toBeLessThan(3000)
    await request
  })

  it('--drain-limit: ends with 1 when requests are still in flight after it', async () => {
    const server = await serve(['--home', temporaryDirectory(), '--drain-limit', '200ms', '--infer-workers', '1'])
    await deploySlow(server.url)
    const request = inferSlow(server, 2000).catch(() => undefined)
    await waitForInFlight(server, 1)
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(1)
    expect(server.output.stderr).toContain('cut off')
    await request
  })

  it('ends in order when nobody reads its greeting, though its models are still being loaded', async () => {
    for (let started = 0; started < 3; started++) {
      const home = temporaryDirectory()
      const args = [mainPath, 'serve', '--port', '0', '--grpc-port', 'off', '--home', home, '--examples']
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.stdout.destroy()
      expect([
        ...((await once(child, 'close')) as [number | null, string | null]),
        stderr.match(/terminate|abort/i),
      ]).toEqual([0, null, null])
    }
  })
})

async function waitForInFlight(server: Server, count: number): Promise<void> {
  const endMs = performance.now() + 10_000
  while ((await inFlight(server)) < count) {
    if (performance.now() > endMs) throw new Error(`Expected ${count} requests to be in flight`)
  }
}
