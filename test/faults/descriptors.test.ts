/**
 * A process that may open few files: a start that cannot succeed says so in one sentence, and a table that is full neither
 * spins a core nor passes in silence, whoever owns the sockets; what was there goes on, and with the first free descriptor
 * the next connection is served.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mainPath, temporaryDirectory, waitFor } from '../support/cli-process.js'
import { testModelsPath } from '../support/goldens.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import {
  cpuMs,
  descriptorsOf,
  logLines,
  printed,
  startLimited,
  type LimitedProcess,
} from './testing/limited-process.js'

const isLinux = process.platform === 'linux'
const backends = ((): ('uws' | 'node')[] => {
  try {
    createRequire(import.meta.url)('uWebSockets.js')
    return ['uws', 'node']
  } catch {
    return ['node']
  }
})()
const limit = 300
const measuredMs = 3000
/** Share of one core. Accepting and closing a few connections takes a hundredth; spinning takes all it can get. */
const idleShare = 0.1

/** Connections that are opened side by side; those that were refused are closed by the server, and counted. */
async function flood(port: number, count: number): Promise<{ open: () => Socket[]; close: () => void }> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.on('error', () => undefined)
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      return socket
    }),
  )
  const close = (): void => sockets.forEach((socket) => socket.destroy())
  onTestFinished(close)
  return { open: () => sockets.filter(({ closed }) => !closed), close }
}

async function cpuShare(pid: number): Promise<number> {
  const before = cpuMs(pid)
  await sleep(measuredMs)
  return (cpuMs(pid) - before) / measuredMs
}

/** One request over a connection that stays open. */
async function ask(agent: Agent, port: number, path: string, method = 'GET', body?: Buffer): Promise<string> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const gauge = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')[1],
  )

async function startServe(sockets: string): Promise<{ server: LimitedProcess; port: number; grpcPort: number }> {
  const args = [mainPath, 'serve', '--port', '0', '--home', temporaryDirectory(), '--sockets', sockets]
  const server = startLimited(`ulimit -n ${limit}`, [...args, '--infer-workers', '1', '--background-workers', '0'])
  const [, port] = await printed(server, /listening on http:\S+:(\d+)/)
  const [, grpcPort] = await printed(server, /gRPC is on \S+:(\d+)\n[^]*\n$/)
  return { server, port: Number(port), grpcPort: Number(grpcPort) }
}

describe.runIf(isLinux)('too few to start', () => {
  it.each([
    ['24 open files', 'ulimit -n 24', /^penstock: [^\n]*at least 256 open files but the limit is 24[^\n]*\n$/],
    [
      '64 open files',
      'ulimit -n 64',
      /^penstock: [^\n]*at least 256 open files but the limit is 64[^\n]*ulimit -n[^\n]*\n$/,
    ],
    [
      '1 GB of address space',
      'ulimit -v 1000000',
      /^penstock: [^\n]*at least 8 GiB of address space[^\n]*ulimit -v[^\n]*\n$/,
    ],
  ])('%s: one sentence and exit code 1', async (_, shell, sentence) => {
    const server = startLimited(shell, [mainPath, 'serve', '--port', '0', '--home', temporaryDirectory()])
    expect(await server.ended).toBe(1)
    expect(server.output).toEqual({ stdout: '', stderr: expect.stringMatching(sentence) as string })
  })

  it('another command under 24 open files: one sentence, no stack trace', async () => {
    const list = startLimited('ulimit -n 24', [mainPath, 'model', 'list'])
    expect(await list.ended).toBe(1)
    expect(list.output.stderr).toMatch(/^penstock: [^\n]*EMFILE[^\n]*may open 24 files[^\n]*\n$/)
  })
})

describe.runIf(isLinux).each(backends)('a table that connections fill, sockets: %s', (sockets) => {
  it('refuses connections aloud, goes on with what is there, and recovers', { timeout: 120_000 }, async () => {
    const { server, port, grpcPort } = await startServe(sockets)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    await ask(agent, port, '/healthz/live')
    const socket = await RawWebSocket.open(port)

    const http = await flood(port, limit)
    // The kernel says yes before the server has been asked.
    await waitFor(() => (http.open().length < limit - 64 ? true : undefined))
    const grpc = await flood(grpcPort, 60)
    await waitFor(() => (grpc.open().length < 30 ? true : undefined))
    await waitFor(() =>
      logLines(server).some(({ msg }) => msg.startsWith('connections are refused')) ? true : undefined,
    )
    await sleep(200)
    const held = descriptorsOf(server.pid)
    expect(held).toBeLessThanOrEqual(limit - 40)
    expect(http.open().length).toBeGreaterThan(50)
    expect(http.open().length).toBeLessThan(limit - 64)

    // Connections that were there do everything: a model is opened and tried, a channel opened.
    const added = await ask(
      agent,
      port,
      '/v1/models/add/versions',
      'PUT',
      readFileSync(`${testModelsPath}add-one.onnx`),
    )
    expect(added).toContain('"version":1')
    socket.send({ kind: 'open', channel: 1, pipeline: 'nowhere' })
    expect(await socket.message('failure')).toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    const metrics = await ask(agent, port, '/metrics')
    expect(gauge(metrics, 'penstock_connections_refused_total')).toBeGreaterThan(50)
    expect(gauge(metrics, 'penstock_connections{kind="tcp"}')).toBe(http.open().length + 2)
    expect(gauge(metrics, 'penstock_connections{kind="grpc"}')).toBe(grpc.open().length)

    // While others knock all the time, it neither spins nor fills the log.
    const knocking = setInterval(() => connect({ host: '127.0.0.1', port }).on('error', () => undefined), 50)
    const share = await cpuShare(server.pid)
    clearInterval(knocking)
    expect(share).toBeLessThan(idleShare)
    const refusals = logLines(server).filter(({ msg }) => msg.startsWith('connections are refused'))
    expect(refusals.length).toBeLessThanOrEqual(3)

    http.close()
    grpc.close()
    await sleep(500)
    const after = await ask(new Agent(), port, '/metrics')
    expect(gauge(after, 'penstock_connections{kind="tcp"}')).toBeLessThanOrEqual(3)
    expect(gauge(after, 'penstock_connections{kind="grpc"}')).toBe(0)
    await waitFor(() => (logLines(server).some(({ msg }) => msg === 'connections are taken again') ? true : undefined))
    console.log(
      `full table, ${sockets}: ${held} of ${limit} descriptors held, ${(share * 100).toFixed(0)} % of a core, ${refusals.length} lines`,
    )
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
  })
})

describe.runIf(isLinux)('a table that something else fills', () => {
  const program = fileURLToPath(new URL('testing/full-table.mjs', import.meta.url))

  async function filled(kind: string): Promise<{ server: LimitedProcess; port: number; share: number }> {
    // Node opens the modules of a level all at once.
    const server = startLimited('ulimit -n 400', [program, kind])
    const [, port] = await printed(server, /port (\d+)/)
    server.child.stdin?.write('fill\n')
    await printed(server, /full EMFILE/)
    const waiting = await flood(Number(port), 20)
    // The look that finds it is a second away at most.
    await sleep(1500)
    const share = await cpuShare(server.pid)
    waiting.close()
    return { server, port: Number(port), share }
  }

  it.each(backends)('%s: does not spin, and serves again when there is room', { timeout: 60_000 }, async (sockets) => {
    const { server, port, share } = await filled(sockets)
    expect(share).toBeLessThan(idleShare)
    server.child.stdin?.write('free\n')
    await printed(server, /^free/m)
    await sleep(1500)
    expect(await ask(new Agent(), port, '/healthz/live')).toContain('live')
    console.log(`table full of files, ${sockets}: ${(share * 100).toFixed(0)} % of a core`)
  })

  it('grpc: does not spin', { timeout: 60_000 }, async () => {
    const { share } = await filled('grpc')
    expect(share).toBeLessThan(idleShare)
  })

  it.runIf(backends.includes('uws'))('canary: the bare library spins, and this suite sees it', async () => {
    const { share } = await filled('bare')
    expect(share).toBeGreaterThan(idleShare)
  })
})
