/**
 * `penstock bench` as its users run it: every transport for a fraction of a second against real servers, mixes with
 * expected refusals, open loops, the sweep, reports and comparisons. The canaries are a wrong answer and a missed
 * objective: both must end with 1. No speed is asserted.
 */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Engine, PenstockServer } from 'penstock'
import { penstock, temporaryDirectory, type Finished } from '../support/cli-process.js'
import { examplesPath, modelPath as exampleModel, testModelsPath } from '../support/goldens.js'
import { startOipServer } from '../oip/testing/oip-server.js'

vi.setConfig({ testTimeout: 60_000 })

const modelPath = `${testModelsPath}add-one.onnx`
const briefly = ['--duration', '200ms', '--warmup', '100ms']
let engine: Engine
let server: PenstockServer
let oip: Awaited<ReturnType<typeof startOipServer>>

beforeAll(async () => {
  engine = await openEngine()
  for (const model of ['wine-gbt', 'wine-forest', 'wine-extra-trees', 'fraud-mlp'])
    await engine.addModel(model, readFileSync(exampleModel(model)), { alias: 'champion' })
  await engine.contracts.put(JSON.parse(readFileSync(`${examplesPath}contracts/wine.json`, 'utf8')))
  for (const name of ['wine', 'wine-by-colour', 'fraud'])
    await engine.applyPipeline(JSON.parse(readFileSync(`${examplesPath}pipelines/${name}.json`, 'utf8')), {
      deploy: true,
    })
  server = await PenstockServer.start({ engine, port: 0 })
  oip = await startOipServer()
})

afterAll(async () => {
  oip?.close()
  await server?.close()
  await engine?.close()
})

/** With the pipeline `plus`, one model that adds one. */
async function openEngine(): Promise<Engine> {
  const opened = await Engine.open({ inferWorkers: 1 })
  await opened.addModel('plus', readFileSync(modelPath))
  await opened.applyPipeline({ name: 'plus', steps: [{ type: 'model', model: 'plus' }] }, { deploy: true })
  return opened
}

const bench = (args: readonly string[]): Promise<Finished> =>
  penstock(['bench', ...args], { env: { PENSTOCK_URL: server.url } })

interface Summary {
  readonly header: { readonly server: string; readonly requests: { readonly comparison: string }[] }
  readonly finished: {
    readonly kinds: { name: string; requests: number; rows: number; failures: number; mismatches: number }[]
    readonly total: { requests: number; rows: number; failures: number; mismatches: number; firstFailure: string }
    readonly serverCpuSeconds: number
    readonly offeredPerSecond: number
  }
}
const summary = ({ stdout }: Finished) => JSON.parse(stdout) as Summary

/** Writes a scenario on the pipeline `plus`, with a phase unless it brings its own. */
function scenario(folder: string, json: object): string {
  const path = join(folder, 'scenario.json')
  writeFileSync(path, JSON.stringify({ phases: [{ closed: { inFlight: 2 }, duration: '200ms' }], ...json }))
  return path
}

describe('bench: transports', () => {
  it.each<[string, string[]]>([
    ['websocket', []],
    ['http-json', []],
    ['http-binary', []],
    ['in-process', ['--model', modelPath]],
  ])('%s: answers as many rows as were asked, all of them right', async (transport, options) => {
    const args = ['--pipeline', 'plus', '--transport', transport, '--rows', '3', '--json', ...briefly, ...options]
    const ended = await bench(args)
    expect(ended.code, ended.stderr).toBe(0)
    const { header, finished } = summary(ended)
    expect(finished.total).toMatchObject({ failures: 0, mismatches: 0, rows: finished.total.requests * 3 })
    expect(finished.total.requests).toBeGreaterThan(0)
    expect(header.requests[0]?.comparison).toBe('alone')
    if (process.platform === 'linux') expect(finished.serverCpuSeconds).toBeGreaterThanOrEqual(0)
  })

  it.each(['oip-json', 'oip-binary'])('%s: measures another server', async (transport) => {
    const ended = await bench(['--pipeline', 'plus', '--transport', transport, '--url', oip.url, '--json', ...briefly])
    expect(ended.code, ended.stderr).toBe(0)
    const { header, finished } = summary(ended)
    expect(header).toMatchObject({ server: 'test-server 9', requests: [{ comparison: 'alone' }] })
    expect(finished.total).toMatchObject({ failures: 0, mismatches: 0 })
    expect(finished.total.requests).toBeGreaterThan(0)
  })

  it('the examples run in-process without a server', async () => {
    const ended = await bench(['--pipeline', 'fraud', '--transport', 'in-process', '--json', ...briefly])
    expect(ended.code, ended.stderr).toBe(0)
    expect(summary(ended).finished.total.requests).toBeGreaterThan(0)
  })

  it('shows a line an interval on stderr and the table on stdout', async () => {
    const { code, stdout, stderr } = await bench(['--pipeline', 'plus', ...briefly])
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/requests\/s {2}.*p50 [\d.]+ ms {2}p99 [\d.]+ ms {2}no failures/)
    expect(stdout).toMatch(/^REQUEST +COUNT +FAILURES +WRONG +MEDIAN MS/)
    expect(stdout).toMatch(/(\d+) of \1 answers were compared with a known one, 0 were wrong/)
  })
})

describe('bench: scenarios', () => {
  it.each(['websocket', 'http-json', 'in-process'])('%s: an expected refusal is no failure', async (transport) => {
    const requests = [
      { name: 'right', weight: 3, pipeline: 'plus', rows: [{ rows: 1 }, { rows: 8 }] },
      {
        name: 'wrong',
        pipeline: 'plus',
        inputs: { literal: { x: [[1, 2]] } },
        expect: { status: 400 },
      },
    ]
    const path = scenario(temporaryDirectory(), { requests })
    const ended = await bench([path, '--transport', transport, '--model', modelPath, '--json'])
    expect(ended.code, ended.stderr).toBe(0)
    const { kinds } = summary(ended).finished
    expect(kinds.map(({ name }) => name)).toEqual(['right, 1 row', 'right, 8 rows', 'wrong'])
    for (const kind of kinds) {
      expect(kind).toMatchObject({ failures: 0, mismatches: 0 })
      expect(kind.requests, kind.name).toBeGreaterThan(0)
    }
  })

  it('literal bodies: refusals of HTTP by status, and one that was not expected is a failure', async () => {
    const requests = [
      { name: 'no JSON', pipeline: 'plus', body: '{"x', expect: { status: 400 } },
      { name: 'nowhere', pipeline: 'absent', body: '{"x":[[1]]}', expect: { status: 404 } },
      { name: 'surprise', pipeline: 'plus', body: '{"y":[[1]]}' },
    ]
    const path = scenario(temporaryDirectory(), { requests, transport: 'http-json' })
    const ended = await bench([path, '--json'])
    expect(ended.code, ended.stderr).toBe(0)
    const [noJson, nowhere, surprise] = summary(ended).finished.kinds
    expect(noJson).toMatchObject({ failures: 0 })
    expect(nowhere).toMatchObject({ failures: 0 })
    expect(Math.min(noJson!.requests, nowhere!.requests)).toBeGreaterThan(0)
    expect(surprise).toMatchObject({ requests: 0 })
    expect(surprise!.failures).toBeGreaterThan(0)
  })

  it.each(['websocket', 'http-json', 'in-process'])('%s: a wrong answer ends with 1', async (transport) => {
    const request = {
      pipeline: 'plus',
      inputs: { literal: { x: [[1, 2, 3]] } },
      expect: { outputs: { y: [[2, 3, 4.01]] } },
    }
    const path = scenario(temporaryDirectory(), { requests: [request] })
    const ended = await bench([path, '--transport', transport, '--model', modelPath, '--json'])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/Not passed: \d+ answers were wrong/)
    expect(summary(ended).finished.total.requests).toBe(0)
  })

  it('an error of the file names the member, one of the target names the request', async () => {
    const folder = temporaryDirectory()
    const misspelt = await bench([scenario(folder, { requests: [{ pipeline: 'plus', row: 3 }] })])
    expect([misspelt.code, misspelt.stdout]).toEqual([1, ''])
    expect(misspelt.stderr).toMatch(/scenario\.json: Expected each key of requests\[0\] to be one of/)
    const absent = await bench([scenario(folder, { requests: [{ name: 'first', pipeline: 'absent' }] })])
    expect([absent.code, absent.stdout]).toEqual([1, ''])
    expect(absent.stderr).toMatch(/^penstock: first: .*absent.*\(ERR_PIPELINE_NOT_FOUND\)\n$/)
  })
})

describe('bench: examples and keys', () => {
  it.each(readdirSync(`${examplesPath}bench`))(
    'examples/bench/%s: every kind is answered as it expects',
    async (file) => {
      const folder = temporaryDirectory()
      mkdirSync(join(folder, 'bench'))
      symlinkSync(`${examplesPath}models`, join(folder, 'models'))
      const { objective: _, ...example } = JSON.parse(readFileSync(`${examplesPath}bench/${file}`, 'utf8'))
      const phases = example.phases.map((phase: object) => ({ ...phase, duration: '150ms' }))
      const path = scenario(join(folder, 'bench'), { ...example, phases })
      const ended = await bench([path, '--json'])
      expect(ended.code, ended.stderr).toBe(0)
      for (const kind of summary(ended).finished.kinds) {
        expect(kind).toMatchObject({ failures: 0, mismatches: 0 })
        expect(kind.requests, kind.name).toBeGreaterThan(0)
      }
    },
  )

  it('a server that asks for a key is measured with one, and refuses without', async () => {
    const key = 'psk_bench'
    const keys = { count: 1, verify: (given: string) => (given === key ? { name: 'bench' } : undefined) }
    // An engine of its own: closing a server drains its engine.
    const own = await openEngine()
    const guarded = await PenstockServer.start({ engine: own, port: 0, keys })
    onTestFinished(() => guarded.close().then(() => own.close()))
    const args = ['--pipeline', 'plus', '--url', guarded.url, '--transport', 'http-json', '--json', ...briefly]
    const refused = await bench(args)
    expect([refused.code, JSON.parse(refused.stderr).code]).toEqual([1, 'ERR_UNAUTHORIZED'])
    const measured = await bench([...args, '--api-key', key])
    expect(measured.code, measured.stderr).toBe(0)
    expect(summary(measured).finished.total).toMatchObject({ failures: 0, mismatches: 0 })
  })
})

describe('bench: open loops, sweeps, reports', () => {
  it('an open loop is due at its rate, ramps, and a missed objective ends with 1', async () => {
    const ramp = ['--rate', '100', '--end-rate', '700', '--duration', '400ms', '--warmup', '0ms']
    const ended = await bench(['--pipeline', 'plus', '--json', '--p99-ms', '0.001', ...ramp])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/Not passed: the objective of p99 <= 0\.001 ms was missed: p99 is/)
    // 400/s on average over 0.4 s: 160 arrivals, standard deviation 13.
    const { requests, failures } = summary(ended).finished.total
    expect(requests + failures).toBeGreaterThan(90)
    expect(requests + failures).toBeLessThan(240)
  })

  it('sweeps, writes recording and report, and compares two recordings', async () => {
    const folder = temporaryDirectory()
    const [first, second] = [join(folder, 'first.ndjson'), join(folder, 'second.ndjson')]
    const html = join(folder, 'sweep.html')
    // Few steps: it begins near the end of the search on most machines.
    const step = ['--duration', '100ms', '--warmup', '0ms', '--rate', '100000']
    const files = ['--save', first, '--report', html]
    const swept = await bench(['--pipeline', 'plus', '--sweep', '--p99-ms', '250', ...step, ...files])
    expect(swept.stderr).toMatch(/100k\/s: .* p99 [\d.]+ ms, 0 failures: /)
    expect([swept.code, swept.stdout]).toEqual([0, expect.stringMatching(/The highest rate within p99 <= 250 ms is /)])
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>[^]*p99 and median by rate[^]*Distribution of latency/)
    const again = await bench(['--pipeline', 'plus', '--save', second, ...briefly])
    expect(again.code).toBe(0)
    const report = join(folder, 'compared.html')
    const compared = await penstock(['bench', 'compare', first, second, '--report', report])
    expect(compared.code).toBe(0)
    expect(compared.stderr).toContain('warning: The phases differ.')
    expect(compared.stdout).toMatch(/^ +FIRST +SECOND +RATIO\nrequests\/s .*×\n/)
    expect(readFileSync(report, 'utf8')).toContain('<h1>first and second</h1>')
    writeFileSync(first, readFileSync(first, 'utf8').trimEnd().split('\n').slice(0, -1).join('\n'))
    const cut = await penstock(['bench', 'compare', first, second])
    expect(cut.code).toBe(1)
    expect(cut.stderr).toMatch(/The run was cut off/)
  })
})
