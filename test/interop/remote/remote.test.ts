/** `mlflow models serve` behind a remote step: a contract's pipeline without a model of its own answers as that server does. */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Engine, PenstockServer, type Contract } from 'penstock'
import { afterAll, expect, it } from 'vitest'
import { pythonWith } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('mlflow', join(here, '..', 'requirements-mlflow.txt'))
const folder = mkdtempSync(join(tmpdir(), 'penstock-remote-'))
await promisify(execFile)(python, [join(here, 'save_model.py'), join(folder, 'model')], { maxBuffer: 2 ** 26 })
const port = await new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address() as AddressInfo
    probe.close(() => resolve(free))
  })
})
const url = `http://127.0.0.1:${port}`
const serving = ['-m', 'mlflow', 'models', 'serve', '--env-manager', 'local', '--host', '127.0.0.1']
const mlflow = spawn(python, [...serving, '--port', String(port), '--model-uri', join(folder, 'model')], {
  cwd: folder,
  // It looks for uvicorn there.
  env: { ...process.env, PATH: `${dirname(python)}:${process.env['PATH'] ?? ''}` },
  stdio: 'ignore',
  detached: true,
})
const isUp = (): Promise<boolean> =>
  fetch(`${url}/ping`).then(
    ({ ok }) => ok,
    () => false,
  )
while (!(await isUp())) {
  if (mlflow.exitCode !== null) throw new Error(`mlflow models serve ended with ${mlflow.exitCode}`)
  await new Promise((resolve) => setTimeout(resolve, 250))
}

const contract: Contract = {
  name: 'wine',
  fields: [
    { name: 'fixed acidity', dtype: 'float64' },
    { name: 'year', dtype: 'int64' },
    { name: 'kind', dtype: 'string', values: ['red', 'white'] },
    { name: 'quality', dtype: 'float64', role: 'prediction' },
    { name: 'label', dtype: 'string', role: 'prediction' },
    { name: 'score', dtype: 'float64?', role: 'prediction' },
  ],
  example: { 'fixed acidity': 7.4, year: 1999, kind: 'red' },
}
const outputs = [
  { name: 'quality', dtype: 'float64' },
  { name: 'label', dtype: 'string' },
  { name: 'score', dtype: 'float64', nullable: true },
] as const
const send = { 'fixed acidity': 'fixed acidity', year: 'year', kind: 'kind' }
const remote = { type: 'remote', kind: 'mlflow', url, send, outputs } as const
const engine = await Engine.open({ inferWorkers: 1, calibration: 'off', remoteHosts: [`127.0.0.1:${port}`] })
const server = await PenstockServer.start({ engine, port: 0 })
await engine.contracts.put(contract)

afterAll(async () => {
  await server.close()
  await engine.close()
  // Its workers are processes of their own, in the group that it leads.
  if (mlflow.pid !== undefined) process.kill(-mlflow.pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Row {
  readonly 'fixed acidity': number
  readonly year: number
  readonly kind: string
}
const rowsOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    'fixed acidity': Math.fround(Math.sin(i)) * 10,
    year: 1990 + (i % 40),
    kind: i % 3 === 0 ? 'white' : 'red',
  }))
const post = async (address: string, body: unknown): Promise<{ status: number; json: unknown }> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })
  // Python writes NaN.
  return { status: response.status, json: JSON.parse((await response.text()).replaceAll('NaN', 'null')) as unknown }
}
/** What the server itself answers. */
const direct = async (rows: readonly Row[], params?: object): Promise<unknown> =>
  ((await post(`${url}/invocations`, { dataframe_records: rows, params })).json as { predictions: unknown }).predictions

it('remote: rows by name are answered as MLflow answers them, missing scores among them', async () => {
  await engine.applyPipeline({ name: 'wine', contract: 'wine', steps: [remote] }, { deploy: true })
  const rows = rowsOf(7)
  const answer = await post(`${server.url}/predict/wine`, rows)
  expect(answer.status).toBe(200)
  expect(answer.json).toEqual(await direct(rows))
  expect(JSON.stringify(answer.json)).toContain('"score":null')
  const [one] = rows as [Row]
  expect((await post(`${server.url}/predict/wine`, one)).json).toEqual(((await direct([one])) as unknown[])[0])
})

it('remote: a table of many calls, with parameters, is put together in order', async () => {
  const steps = [{ ...remote, params: { scale: 2.5 }, maxRows: 100, concurrency: 3 }]
  await engine.applyPipeline({ name: 'scaled', contract: 'wine', steps }, { deploy: true })
  const rows = rowsOf(730)
  expect((await post(`${server.url}/predict/scaled`, rows)).json).toEqual(await direct(rows, { scale: 2.5 }))
  expect(engine.pipelineStatus('scaled').remotes[0]).toMatchObject({ failures: 0, breaker: 'closed' })
})

it('remote: what MLflow refuses fails the request with its words, and what it answers must fit', async () => {
  const columns = { ...send, kind: 'sort' }
  const wrong = { name: 'wrong', steps: [{ ...remote, send: columns, inputs: [
    { name: 'fixed acidity', dtype: 'float64' }, { name: 'year', dtype: 'int64' }, { name: 'kind', dtype: 'string' }] }] } as const // prettier-ignore
  await engine.applyPipeline(wrong, { deploy: true })
  const inputs = { 'fixed acidity': [7.4], year: [1999], kind: ['red'] }
  const refused = await post(`${server.url}/v1/pipelines/wrong/infer`, { inputs })
  expect(refused).toMatchObject({ status: 502, json: { code: 'ERR_REMOTE_FAILED' } })
  expect((refused.json as { error: string }).error).toMatch(/\/invocations answered 400: .*kind/)
  const strict = { name: 'strict', contract: 'wine', steps: [{ ...remote, outputs: [{ ...outputs[2], nullable: false }, ...outputs.slice(0, 2)] }] } // prettier-ignore
  await engine.applyPipeline(strict, { deploy: true })
  const missing = await post(`${server.url}/predict/strict`, { 'fixed acidity': -1, year: 1999, kind: 'red' })
  expect((missing.json as { error: string }).error).toMatch(/score has no value in row 0\..*"nullable": true/)
})
