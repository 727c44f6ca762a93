/**
 * A real MLflow server that asks its callers who they are, whose registry `penstock model import` and `serve --watch-models`
 * read: the version that is meant, its files, its run.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { PenstockControl } from 'penstock/client'
import { penstock, serve as servePenstock } from '../../support/cli-process.js'
import { serve } from '../../support/served.js'
import { pythonWith } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('mlflow', join(here, '..', 'requirements-mlflow.txt'))
const folder = mkdtempSync(join(tmpdir(), 'penstock-mlflow-'))
const port = await new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address() as AddressInfo
    probe.close(() => resolve(free))
  })
})
const tracking = `http://127.0.0.1:${port}`
const account = { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: 'hunter2-and-more' }
const authorization = `Basic ${Buffer.from(Object.values(account).join(':')).toString('base64')}`
const accounts = join(folder, 'accounts.ini')
writeFileSync(
  accounts,
  `[mlflow]
default_permission = READ
database_uri = sqlite:///${folder}/accounts.db
admin_username = ${account.MLFLOW_TRACKING_USERNAME}
admin_password = ${account.MLFLOW_TRACKING_PASSWORD}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
`,
)
const server = spawn(
  python,
  ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'].concat([
    '--app-name',
    'basic-auth',
    '--backend-store-uri',
    `sqlite:///${folder}/mlflow.db`,
    '--artifacts-destination',
    join(folder, 'artifacts'),
  ]),
  {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, MLFLOW_AUTH_CONFIG_PATH: accounts, MLFLOW_FLASK_SERVER_SECRET_KEY: 'of this test' },
  },
)
const isUp = (): Promise<boolean> =>
  fetch(`${tracking}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
while (!(await isUp())) {
  if (server.exitCode !== null) throw new Error(`mlflow server ended with ${server.exitCode}`)
  await new Promise((resolve) => setTimeout(resolve, 250))
}
const logged = await promisify(execFile)(python, [join(here, 'log_models.py')], {
  cwd: folder,
  env: { ...process.env, ...account, MLFLOW_TRACKING_URI: tracking },
  maxBuffer: 2 ** 26,
})
const runs = logged.stdout.split('\n').filter((line) => /^[0-9a-f]{32}$/.test(line))
const served = await serve()
afterAll(async () => {
  await served.close()
  // Its workers are processes of their own, in the group that it leads.
  if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const runAs = (caller: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  penstock(['model', 'import', ...args], {
    env: { PENSTOCK_URL: served.server.url, MLFLOW_TRACKING_URI: tracking, ...caller },
  })
const run = (...args: readonly string[]) => runAs(account, ...args)

it('mlflow: a version that an alias names is imported with weights, run, metrics, parameters, data and columns', async () => {
  const draft = join(folder, 'wine.json')
  const imported = await run('models:/wine@champion', '--json', '--contract', draft)
  expect([imported.code, imported.stderr]).toEqual([0, ''])
  expect(JSON.parse(imported.stdout)).toMatchObject({
    name: 'wine',
    version: 1,
    inputs: [{ name: 'x', shape: [null, 4] }],
    lineage: {
      source: 'models:/wine/1',
      run_id: runs[0],
      created_from: expect.stringMatching(/^models:\/m-[0-9a-f]{32}$/) as string,
      // NaN is no metric that JSON has.
      metrics: { rmse: 1 },
      params: { depth: '3', kind: 'gbt' },
      dataset_digest: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
    },
  })
  const { fields } = JSON.parse(readFileSync(draft, 'utf8')) as { fields: { name: string }[] }
  expect(fields.map(({ name }) => name).slice(0, 4)).toEqual(['acid', 'sugar', 'ph', 'year'])
})

it('mlflow: numbers, stages and latest mean what they mean there', async () => {
  for (const uri of ['models:/wine/2', 'models:/wine/production', 'models:/wine/LATEST']) {
    const imported = await run(uri, '--json')
    expect([uri, imported.code, imported.stderr]).toEqual([uri, 0, ''])
    // The same bytes are the same version.
    expect(JSON.parse(imported.stdout)).toMatchObject({
      version: 2,
      lineage: { source: 'models:/wine/2', run_id: runs[1], metrics: { rmse: 0.5 } },
    })
  }
})

it.each([
  ['models:/wine@nobody', /answered 400: Registered model alias nobody not found/],
  ['models:/wine/9', /answered 404: .*version=9.* not found/],
  ['models:/beer/latest', /answered 404: .*beer.* not found/],
  ['models:/wine/Archived', /no version in the stage Archived/],
  ['models:/wine/champion', /answered 400/],
  ['models:/wine', /Expected a version as models:\/name\/3/],
] as const)('mlflow: %s is refused', async (uri, message) => {
  const refused = await run(uri)
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(message)])
})

it('mlflow: callers that it does not know learn which variables to set, and no message has a password', async () => {
  const without = await runAs({}, 'models:/wine@champion')
  expect([without.code, without.stderr]).toEqual([
    2,
    expect.stringMatching(/answered 401.*Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD/),
  ])
  const wrong = { ...account, MLFLOW_TRACKING_PASSWORD: 'wrong-and-secret' }
  const refused = await runAs(wrong, 'models:/wine@champion')
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/answered 401.*It does not know what/)])
  expect(refused.stderr).not.toMatch(/wrong-and-secret|hunter2/)
})

it('mlflow: an alias that moves there moves here, back as well', async () => {
  const home = join(folder, 'home')
  const watching = ['--watch-models', 'models:/wine@champion', '--watch-interval', '200ms', '--home', home]
  const watcher = await servePenstock(watching, { env: { ...account, MLFLOW_TRACKING_URI: tracking } })
  const control = new PenstockControl(watcher.url)
  const until = async (version: number, sources: readonly string[]): Promise<void> => {
    for (;;) {
      const [wine] = await control.listModels()
      if (wine?.aliases['champion'] === version) {
        expect(wine.versions.map(({ lineage }) => lineage?.source)).toEqual(sources)
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const point = async (version: number): Promise<void> => {
    const { ok } = await fetch(`${tracking}/api/2.0/mlflow/registered-models/alias`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ name: 'wine', alias: 'champion', version: String(version) }),
    })
    expect(ok).toBe(true)
  }
  await until(1, ['models:/wine/1'])
  await point(2)
  await until(2, ['models:/wine/1', 'models:/wine/2'])
  await point(1)
  await until(1, ['models:/wine/1', 'models:/wine/2'])
  const { lineage } = (await control.getModel('wine')).versions[1] ?? {}
  expect(lineage).toMatchObject({ runId: runs[1], metrics: { rmse: 0.5 } })
  watcher.child.kill('SIGTERM')
  expect(await watcher.ended).toBe(0)
  expect(watcher.output.stderr).not.toMatch(/hunter2|Basic /)
}, 60_000)
