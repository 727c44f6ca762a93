/** TLS for HTTP, WebSocket and gRPC: who gets in, how certificates are renewed, what a broken handshake costs others. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { Engine, PenstockServer, type TlsOptions } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes } from '../support/served.js'
import { makeAuthority, makePair, writePair, type TestPair } from '../support/test-certificates.js'
import { grpcClient } from '../support/v2-ways.js'

let folder: string
let authority: TestPair
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-tls-'))
  authority = await makeAuthority('test authority')
  await writeFile(join(folder, 'ca.pem'), authority.cert)
})
afterAll(() => rm(folder, { recursive: true }))

async function withServer<Result>(
  tls: TlsOptions,
  use: (server: PenstockServer) => Promise<Result>,
  options: Partial<Parameters<typeof PenstockServer.start>[0]> = {},
): Promise<Result> {
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  try {
    await engine.addModel('add', modelBytes('add-one'))
    await engine.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
    const server = await PenstockServer.start({ engine, port: 0, tls, ...options })
    try {
      return await use(server)
    } finally {
      await server.close()
    }
  } finally {
    await engine.close()
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

function ask(
  server: PenstockServer,
  path: string,
  body?: string,
  options: ConnectionOptions & { readonly agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}${path}`,
      {
        ca: authority.cert,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...options,
      },
      (answer) => {
        let text = ''
        answer.on('data', (part: Buffer) => (text += part.toString()))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const infer = (server: PenstockServer, options: ConnectionOptions = {}): Promise<Answer> =>
  ask(server, '/v1/pipelines/add/infer', '{"x":[[1,2,3]]}', options)

async function handshake(server: PenstockServer, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: authority.cert, ...options })
  await Promise.race([
    once(socket, 'secureConnect'),
    once(socket, 'error').then(([error]) => Promise.reject(error as Error)),
  ])
  return socket
}

describe('TLS', () => {
  it('serves HTTP, the real client over WebSocket, and gRPC, with one certificate', async () => {
    const tls = await writePair(folder, await makePair('localhost', authority))
    await withServer(
      tls,
      async (server) => {
        expect(server.url).toMatch(/^https:/)
        expect(await infer(server)).toMatchObject({
          status: 200,
          text: expect.stringContaining('"y":[[2,3,4]]') as string,
        })
        const program = `
          import { PenstockClient } from 'penstock/client'
          const client = await PenstockClient.connect(${JSON.stringify(server.url)})
          const channel = await client.open('add')
          const { outputs } = await channel.infer({ x: Float32Array.of(1, 2, 3) })
          console.log(JSON.stringify([...outputs.y.data]))
          await client.close()`
        const run = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
          env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') },
        })
        expect(run.stdout.trim()).toBe('[2,3,4]')
        const client = grpcClient(server, authority.cert)
        try {
          const answer = await new Promise<string>((resolve) => {
            const message = {
              model_name: 'add',
              inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], contents: { fp32_contents: [1, 2, 3] } }],
            }
            client.ModelInfer(message, (error, { outputs } = { outputs: [] } as never) =>
              resolve(error === null ? JSON.stringify(outputs.map(({ name }) => name)) : error.details),
            )
          })
          expect(answer).toBe('["y"]')
        } finally {
          client.close()
        }
      },
      { grpcPort: 0 },
    )
  })

  it('refuses older protocol versions, plain HTTP and strangers to the authority, and goes on serving others', async () => {
    const tls = await writePair(folder, await makePair('localhost', authority))
    await withServer(tls, async (server) => {
      await expect(handshake(server, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow()
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const socket = await handshake(server, { minVersion: version, maxVersion: version })
        expect(socket.getProtocol()).toBe(version)
        socket.destroy()
      }
      const stranger = await makeAuthority('another')
      await expect(infer(server, { ca: stranger.cert })).rejects.toThrow(/certificate/)
      const plain = connectPlain(server.port, '127.0.0.1')
      plain.on('error', () => undefined)
      plain.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await once(plain.resume(), 'close')
      expect(await infer(server)).toMatchObject({ status: 200 })
      const metrics = await ask(server, '/metrics')
      expect(/^penstock_connections\{kind="tcp"\} (\d+)$/m.exec(metrics.text)?.[1]).toBe('1')
    })
  })

  it('renews a certificate without losing a connection, also when its two files come one after the other', async () => {
    const first = await makePair('first', authority)
    const second = await makePair('second', authority)
    const tls = await writePair(folder, first)
    await withServer(tls, async (server) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert })
      const subjectOf = async (): Promise<string> => {
        const socket = await handshake(server)
        const { CN } = socket.getPeerCertificate().subject
        socket.destroy()
        return String(CN)
      }
      expect(await ask(server, '/healthz/live', undefined, { agent })).toMatchObject({ status: 200 })
      expect(await subjectOf()).toBe('first')
      await writeFile(tls.certPath, second.cert)
      // Key and certificate do not belong together now: what was there before is served.
      await new Promise((resolve) => setTimeout(resolve, 2500))
      expect(await subjectOf()).toBe('first')
      await writeFile(tls.keyPath, second.key)
      await expect.poll(subjectOf, { timeout: 10_000, interval: 200 }).toBe('second')
      const ports = new Set(
        Object.values(agent.freeSockets).flatMap((sockets) => sockets?.map((s) => s.localPort) ?? []),
      )
      expect(await ask(server, '/healthz/live', undefined, { agent })).toMatchObject({ status: 200 })
      const after = Object.values(agent.freeSockets).flatMap((sockets) => sockets?.map((s) => s.localPort) ?? [])
      expect(after).toEqual([...ports])
      agent.destroy()
    })
  })

  it('follows a symbolic link that is moved, as Kubernetes moves those of a secret', async () => {
    const folders = [join(folder, 'one'), join(folder, 'two')] as const
    for (const [index, path] of folders.entries()) {
      await mkdir(path)
      await writePair(path, await makePair(`version ${index}`, authority))
    }
    const link = join(folder, 'current')
    await symlink(folders[0], link)
    await withServer({ certPath: join(link, 'cert.pem'), keyPath: join(link, 'key.pem') }, async (server) => {
      await unlink(link)
      await symlink(folders[1], link)
      await expect
        .poll(
          async () => {
            const socket = await handshake(server)
            const name = String(socket.getPeerCertificate().subject.CN)
            socket.destroy()
            return name
          },
          { timeout: 10_000, interval: 200 },
        )
        .toBe('version 1')
    })
  })

  it('asks clients for a certificate of the authority, over HTTP and gRPC', async () => {
    const tls = await writePair(folder, await makePair('localhost', authority))
    const clientAuthority = await makeAuthority('clients')
    const clientCaPath = join(folder, 'clients.pem')
    await writeFile(clientCaPath, clientAuthority.cert)
    await withServer({ ...tls, clientCaPath }, async (server) => {
      await expect(infer(server)).rejects.toThrow()
      const foreign = await makePair('foreign', authority)
      await expect(infer(server, foreign)).rejects.toThrow()
      const known = await makePair('known', clientAuthority)
      expect(await infer(server, known)).toMatchObject({ status: 200 })
    })
  })

  it('says of wrong files which, and what to do', async () => {
    const pair = await makePair('localhost', authority)
    const tls = await writePair(folder, pair)
    const other = join(folder, 'other.pem')
    const start = (wrong: Partial<TlsOptions>): Promise<unknown> =>
      withServer({ ...tls, ...wrong }, () => Promise.resolve())
    await expect(start({ certPath: join(folder, 'none.pem') })).rejects.toThrow(/tls\.certPath.*none\.pem.*ENOENT/)
    await writeFile(other, 'no PEM')
    await expect(start({ certPath: other })).rejects.toThrow(/tls\.certPath/)
    await expect(start({ keyPath: other })).rejects.toThrow(/tls\.keyPath/)
    await expect(start({ clientCaPath: other })).rejects.toThrow(/tls\.clientCaPath/)
    await writeFile(other, (await makePair('another', authority)).key)
    await expect(start({ keyPath: other })).rejects.toThrow(/the private key of the certificate/)
    await expect(withServer(tls, () => Promise.resolve(), { sockets: 'uws' })).rejects.toThrow(/sockets.*TLS/)
  })

  it('warns of a certificate that ends soon, and serves', async () => {
    const lines: string[] = []
    const logger = { warn: (_: unknown, text?: string) => lines.push(text ?? String(_)) }
    const { CertificateWatch } = await import('../../src/transport/tls/certificate-watch.js')
    const soon = new Date(Date.now() + 3 * 864e5)
    const files = await writePair(folder, await makePair('localhost', authority, soon))
    const watch = await CertificateWatch.open({
      files,
      onChange: () => undefined,
      logger: { info: () => undefined, ...logger } as never,
      nowMs: () => Date.now(),
    })
    watch.start()
    watch.close()
    expect(lines).toEqual([expect.stringContaining('ends soon')])
  })
})
