/** A real server of S3 that checks signatures, whose bucket `serve --watch-models` watches. */
import { execFile, spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PenstockControl } from 'penstock/client'
import { afterAll, expect, it } from 'vitest'
import { serve, temporaryDirectory } from '../../support/cli-process.js'
import { testModelsPath } from '../../support/goldens.js'
import { pythonWith } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('s3', join(here, 'requirements.txt'))
const port = await new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address() as AddressInfo
    probe.close(() => resolve(free))
  })
})
// Those of a bucket and of a user with a policy and a key: from then on callers have to sign.
const unsignedCalls = '4'
const server = spawn(python, ['-m', 'moto.server', '-p', String(port)], {
  stdio: 'ignore',
  env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: unsignedCalls },
})
afterAll(() => server.kill('SIGKILL'))
const anybody = { AWS_ACCESS_KEY_ID: 'anybody', AWS_SECRET_ACCESS_KEY: 'anybody' }

async function bucket(keys: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ...keys, S3_PORT: String(port) }
  return (await promisify(execFile)(python, [join(here, 'bucket.py'), ...args], { env })).stdout
}

it('s3: versions of a bucket are taken by their ETags, with a signature that is checked', async () => {
  while (
    !(await fetch(`http://127.0.0.1:${port}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 100))
  const keys = JSON.parse(await bucket(anybody, 'make')) as Record<string, string>
  const put = (key: string, model: string) => bucket(keys, 'put', key, `${testModelsPath}${model}`)
  await put('prod/flag/1/model.onnx', 'constant-v1.onnx')
  await put('prod/a b+ü/readme.md', 'README.md')
  await put('prod/broken.onnx', 'README.md')
  await put('elsewhere/other.onnx', 'add-one.onnx')

  const endpoint = { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`, AWS_REGION: 'us-east-1' }
  const watch = (env: Readonly<Record<string, string>>) =>
    serve(['--watch-models', 's3://models/prod', '--watch-interval', '200ms', '--home', temporaryDirectory()], {
      env: { ...endpoint, ...env },
    })
  const until = async (control: PenstockControl, version: number): Promise<void> => {
    for (;;) {
      const flag = (await control.listModels()).find(({ name }) => name === 'flag')
      if (flag?.aliases['champion'] === version) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const watcher = await watch(keys)
  const control = new PenstockControl(watcher.url)
  await until(control, 1)
  await put('prod/flag/2/model.onnx', 'constant-v2.onnx')
  await until(control, 2)
  const { versions } = await control.getModel('flag')
  expect(versions.map(({ lineage }) => lineage?.source)).toEqual([
    expect.stringMatching(/^s3:\/\/models\/prod\/flag\/1\/model\.onnx#[0-9a-f]{32}$/),
    expect.stringMatching(/^s3:\/\/models\/prod\/flag\/2\/model\.onnx#[0-9a-f]{32}$/),
  ])
  // Other bytes under the same key are another version; one that goes is not removed here.
  await put('prod/flag/2/model.onnx', 'add-one.onnx')
  await until(control, 3)
  await bucket(keys, 'remove', 'prod/flag/2/model.onnx')
  await until(control, 1)
  const [source] = await control.listSources()
  expect(source).toMatchObject({
    kind: 's3',
    place: 's3://models/prod/',
    added: 3,
    models: ['broken', 'flag'],
    error: null,
  })
  expect(source?.problems).toEqual([expect.stringMatching(/^broken\.onnx: /)])
  expect((await control.getModel('flag')).versions.length).toBe(3)
  watcher.child.kill('SIGTERM')
  expect(await watcher.ended).toBe(0)

  const stranger = await watch({ ...keys, AWS_SECRET_ACCESS_KEY: 'of-somebody-else' })
  const strange = new PenstockControl(stranger.url)
  while (((await strange.listSources())[0]?.looks ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await strange.listSources())[0]?.error).toMatch(
    /^s3:\/\/models answered 403 \(SignatureDoesNotMatch.*The key needs s3:ListBucket/,
  )
  expect(stranger.output.stderr).not.toContain('of-somebody-else')
}, 120_000)
