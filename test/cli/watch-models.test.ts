/** `penstock serve --watch-models`: a folder that a server takes models from, as its operator sees it. */
import { cpSync, mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PenstockControl } from 'penstock/client'
import { expect, it } from 'vitest'
import { penstock, serve, temporaryDirectory } from '../support/cli-process.js'
import { testModelsPath } from '../support/goldens.js'

it('takes new versions while requests are answered, reports what it cannot take, and does what it is told', async () => {
  const directory = temporaryDirectory()
  const models = join(directory, 'models')
  const put = (model: string, path: string): void => {
    const target = join(models, path)
    mkdirSync(dirname(target), { recursive: true })
    // As writers do that know of watchers: under another name, then into place.
    cpSync(`${testModelsPath}${model}.onnx`, `${target}.tmp`)
    utimesSync(`${target}.tmp`, 1, 1)
    renameSync(`${target}.tmp`, target)
  }
  put('constant-v1', 'flag/1/model.onnx')
  put('add-one', 'add.onnx')
  writeFileSync(join(models, 'old.pkl'), 'a pickle')
  symlinkSync('/etc/hostname', join(models, 'leak.onnx'))
  const watching = ['--watch-models', models, '--watch-interval', '100ms', '--watch-alias', 'live']
  const server = await serve(['--home', join(directory, 'home'), ...watching])
  const env = { PENSTOCK_URL: server.url }
  const control = new PenstockControl(server.url)
  const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    const deadlineMs = performance.now() + 15_000
    while (!(await isSo())) {
      if (performance.now() > deadlineMs) throw new Error(`${what}: ${server.output.stderr}`)
      await new Promise((done) => setTimeout(done, 50))
    }
  }
  const live = async (name: string) =>
    (await control.listModels()).find((model) => model.name === name)?.aliases['live']

  await until('both models', async () => (await live('flag')) === 1 && (await live('add')) === 1)
  await control.applyPipeline({ name: 'flag', steps: [{ type: 'model', model: 'flag@live' }] }, { deploy: true })
  const ask = async () => {
    const answer = await fetch(`${server.url}/v1/pipelines/flag/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ x: [[0, 0, 0]] }),
    })
    return { status: answer.status, json: (await answer.json()) as { metadata?: { last_model: string } } }
  }
  const first = await ask()
  expect(first.status).toBe(200)
  put('constant-v2', 'flag/2/model.onnx')
  const statuses = new Set<number>()
  await until('the second version', async () => {
    const { status, json } = await ask()
    statuses.add(status)
    return json.metadata?.last_model !== first.json.metadata?.last_model
  })
  expect([...statuses]).toEqual([200])

  const [source] = await control.listSources()
  expect(source).toMatchObject({ kind: 'directory', place: models, intervalMs: 100, added: 3, moved: 3, error: null })
  expect(source?.problems).toEqual([
    expect.stringMatching(/^leak\.onnx is a link out of/),
    expect.stringMatching(/^old\.pkl is a pickled model/),
  ])
  const listed = await penstock(['model', 'sources'], { env })
  expect(listed.stdout).toMatch(/add, flag +3 +3[^]*old\.pkl is a pickled model.*skl2onnx/)
  expect((await control.getModel('flag')).versions[1]?.lineage?.source).toMatch(
    /^file:\/\/.*\/flag\/2\/model\.onnx#sha256=[0-9a-f]{64}$/,
  )

  await control.setAlias('flag', 'live', 1)
  const looks = source?.looks ?? 0
  await until('two looks', async () => ((await control.listSources())[0]?.looks ?? 0) >= looks + 2)
  expect(await live('flag')).toBe(1)
  const told = await penstock(['model', 'reconcile', 'flag'], { env })
  expect([told.code, told.stdout]).toEqual([0, 'flag@live is version 2, was version 1\n'])
  expect((await penstock(['model', 'reconcile', 'flag'], { env })).stdout).toBe(`flag is as ${models} has it\n`)
  await expect(control.reconcile('flga')).rejects.toMatchObject({
    code: 'ERR_MODEL_NOT_FOUND',
    message: `No watched place has a model flga: ${models}. Did you mean flag?`,
  })
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  expect(metrics).toContain(`penstock_source_versions_added_total{kind="directory",place="${models}"} 3`)

  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  expect(server.output.stderr.match(/old\.pkl is a pickled model/g)?.length).toBe(1)
})

it('says what is no place before it serves, and where none is watched', async () => {
  const home = ['--home', temporaryDirectory(), '--port', '0', '--grpc-port', 'off']
  const started = async (...args: readonly string[]) => {
    const { code, stderr } = await penstock(['serve', ...home, ...args], { env: { MLFLOW_TRACKING_URI: '' } })
    return [code, stderr.split('\n').filter((line) => line.startsWith('penstock:'))]
  }
  expect(await started('--watch-models', 'ftp://host/models')).toEqual([
    2,
    [
      'penstock: Expected a place to watch as a folder, s3://bucket/prefix or models:/name@alias but received ftp://host/models.',
    ],
  ])
  expect(await started('--watch-models', 'models:/wine/3', '--tracking-uri', 'http://h')).toEqual([
    2,
    [expect.stringMatching(/a reference that moves.*models:\/wine\/3\.$/)],
  ])
})
