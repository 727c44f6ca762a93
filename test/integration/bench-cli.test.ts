/**
 * `penstock bench` as its users run it: every transport for a fraction of a second against real servers, mixes with
 * expected refusals, open loops, the sweep, reports and comparisons. The canaries are a wrong answer and a missed
 * objective: both must end with 1. No speed is asserted.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Engine, PenstockServer } from 'penstock'
import { penstock, temporaryDirectory, type Finished } from './cli-process.js'
import { testModelsPath } from './goldens.js'
import { startOipServer } from './testing/oip-server.js'

vi.setConfig({ testTimeout: 60_000 })

const modelPath = `${testModelsPath}add-one.onnx`
const briefly = ['--duration', '200ms', '--warmup', '100ms']
let engine: Engine
let server: PenstockServer
let oip: Awaited<ReturnType<typeof startOipServer>>

beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1 })
  await engine.addModel('plus', readFileSync(modelPath))
  await engine.applyPipeline({ name: 'plus', steps: [{ type: 'model', model: 'plus' }] }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0 })
  oip = await startOipServer()
})

afterAll(async () => {
  oip?.close()
  await server?.close()
  await engine?.close()
})

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
    const step = ['--duration', '100ms', '--warmup', '0ms', '--rate', '5000']
    const files = ['--save', first, '--report', html]
    const swept = await bench(['--pipeline', 'plus', '--sweep', '--p99-ms', '250', ...step, ...files])
    expect(swept.stderr).toMatch(/5000\/s: .* p99 [\d.]+ ms, 0 failures: /)
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
