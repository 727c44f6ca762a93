/** Encrypted connections of clients that nobody here wrote: curl, Python's standard library, tritonclient over HTTP and gRPC. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes } from '../../support/served.js'
import { makeAuthority, makePair, writePair } from '../../support/test-certificates.js'
import { pythonWith } from '../venv.js'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('python', join(here, '../oip/requirements.txt'))

let folder: string
let engine: Engine
let server: PenstockServer
let files: { readonly certPath: string; readonly keyPath: string }
const authorityPath = (): string => join(folder, 'ca.pem')
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-tls-'))
  const authority = await makeAuthority('authority')
  await writeFile(authorityPath(), authority.cert)
  files = await writePair(folder, await makePair('localhost', authority))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('add', modelBytes('add-one'))
  await engine.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
  const tls = { ...files, clientCaPath: authorityPath() }
  server = await PenstockServer.start({ engine, port: 0, grpcPort: 0, tls })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await rm(folder, { recursive: true })
})

describe('TLS', () => {
  it.each(['1.2', '1.3'])('curl: TLS %s, an answer and an upload in chunks', async (version) => {
    const address = `https://localhost:${server.port}/v1/pipelines/add/infer`
    const secured = [
      '--cacert',
      authorityPath(),
      '--cert',
      files.certPath,
      '--key',
      files.keyPath,
      '--tls-max',
      version,
    ]
    const sent = ['-d', '{"x":[[1,2,3]]}', '-H', 'content-type: application/json', '-H', 'transfer-encoding: chunked']
    const { stdout } = await run('curl', ['-sS', '--fail', ...secured, ...sent, address])
    expect(JSON.parse(stdout)).toMatchObject({ outputs: { y: [[2, 3, 4]] } })
  })

  it('curl without a certificate of its own is turned away', async () => {
    const address = `https://localhost:${server.port}/healthz/live`
    await expect(run('curl', ['-sS', '--cacert', authorityPath(), address])).rejects.toThrow(
      /certificate|alert|reset|closed/i,
    )
  })

  it('Python: the standard library, tritonclient over HTTP and gRPC', async () => {
    const ports = [String(server.port), String(server.grpcPort)]
    const { stdout } = await run(python, [
      join(here, 'clients.py'),
      ...ports,
      authorityPath(),
      files.certPath,
      files.keyPath,
    ])
    expect(JSON.parse(stdout)).toEqual({
      'standard library': 'TLSv1.3',
      'tritonclient.http': 'answered',
      'tritonclient.grpc': 'answered',
    })
  })
})
