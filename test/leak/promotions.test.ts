/**
 * Promotions: a large model is replaced again and again under its alias. What a version has cost is given back when the
 * next one serves, and when everything is removed; else a server that is retrained every night ends by itself one day.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { buildModel } from '../../src/onnx/testing/build.js'
import { HttpCaller, percentile, sleep } from '../stress/testing/load.js'
import { serve, temporaryDirectory, type Server } from '../support/cli-process.js'

const PROMOTIONS = 20
const TREES = 1400
const DEPTH = 8
const FEATURES = 12

/** A forest of about 20 MB, the kind of model that fills the heap with the smallest pieces. */
function forest(producer: string): Uint8Array {
  const nodes = 2 ** (DEPTH + 1) - 1
  const inner = 2 ** DEPTH - 1
  const count = TREES * nodes
  const leaves = TREES * (inner + 1)
  const node = (read: (index: number) => number): number[] => Array.from({ length: count }, (_, at) => read(at % nodes))
  const leaf = (read: (at: number) => number): number[] => Array.from({ length: leaves }, (_, at) => read(at))
  return buildModel({
    producer,
    domains: { 'ai.onnx.ml': 3 },
    inputs: [['x', 'float32', ['n', FEATURES]]],
    outputs: [['y', 'float32', ['n', 1]]],
    nodes: [
      {
        op: 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['y'],
        attributes: {
          n_targets: 1,
          nodes_treeids: Array.from({ length: count }, (_, at) => Math.floor(at / nodes)),
          nodes_nodeids: node((index) => index),
          nodes_featureids: node((index) => (index < inner ? (index * 7) % FEATURES : 0)),
          nodes_modes: Array.from({ length: count }, (_, at) => (at % nodes < inner ? 'BRANCH_LEQ' : 'LEAF')),
          nodes_values: Float32Array.from({ length: count }, (_, at) => ((at * 2654435761) % 1000) / 1000),
          nodes_truenodeids: node((index) => (index < inner ? 2 * index + 1 : 0)),
          nodes_falsenodeids: node((index) => (index < inner ? 2 * index + 2 : 0)),
          target_treeids: leaf((at) => Math.floor(at / (inner + 1))),
          target_nodeids: leaf((at) => inner + (at % (inner + 1))),
          target_ids: leaf(() => 0),
          target_weights: Float32Array.from({ length: leaves }, (_, at) => (at % 97) / 97),
        },
      },
    ],
  })
}

/**
 * The lowest of what is seen within a quarter of a minute: free
 * memory is returned some time after it has become free.
 */
async function settledRss({ child }: Server): Promise<number> {
  let lowest = Infinity
  for (let look = 0; look < 24; look++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    lowest = Math.min(lowest, Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024)
  }
  return lowest
}

interface Seen {
  readonly ms: number[]
  readonly faults: string[]
}

/**
 * Asks at a steady rate, whatever the answers take, until `run` has ended.
 * @param isVersion whether the one version that answered a request may have.
 */
async function underLoad(
  control: HttpCaller,
  perSecond: number,
  isVersion: (sha256: string) => boolean,
  run: () => Promise<void>,
): Promise<Seen> {
  const seen: Seen = { ms: [], faults: [] }
  const body = { x: [Array(FEATURES).fill(0.5), Array(FEATURES).fill(0.25)] }
  const ask = async (): Promise<void> => {
    const { status, ms, json } = await control.call('POST', '/v1/pipelines/p/infer', body)
    seen.ms.push(ms)
    const { last_model: last } = (json['metadata'] ?? {}) as { last_model?: string }
    const sha256 = last === undefined ? '' : (JSON.parse(last) as { model_sha: string }).model_sha
    if (status !== 200 || !isVersion(sha256)) seen.faults.push(`${status} ${JSON.stringify(json).slice(0, 200)}`)
  }
  const pending: Promise<void>[] = []
  const startMs = performance.now()
  let isOn = true
  const sending = (async () => {
    while (isOn) {
      const due = ((performance.now() - startMs) / 1000) * perSecond
      while (pending.length < due) pending.push(ask())
      await sleep(2)
    }
  })()
  await run()
  isOn = false
  await sending
  await Promise.all(pending)
  return seen
}

/** Requests a second that eight callers who wait for their answers get. */
async function capacity(control: HttpCaller): Promise<number> {
  const endMs = performance.now() + 1500
  let count = 0
  const call = async (): Promise<void> => {
    for (; performance.now() < endMs; count++)
      await control.call('POST', '/v1/pipelines/p/infer', {
        x: [Array(FEATURES).fill(0.5), Array(FEATURES).fill(0.25)],
      })
  }
  await Promise.all(Array.from({ length: 8 }, call))
  return count / 1.5
}

describe('leak: promotions', () => {
  test('twenty of a 20 MB model hold at most 1.15 times what two hold, and memory goes back when all is removed', async () => {
    // With a home: without one, every version's bytes are kept in memory. Uncalibrated: a measured plan may have more sessions.
    const server = await serve([
      '--home',
      temporaryDirectory(),
      '--infer-workers',
      '2',
      '--log-level',
      'warn',
      '--calibration',
      'off',
    ])
    const control = new HttpCaller(server.url)
    const startBytes = await settledRss(server)
    const ask = async (): Promise<void> => {
      const { status } = await control.call('POST', '/v1/pipelines/p/infer', { x: [Array(FEATURES).fill(0.5)] })
      expect(status).toBe(200)
    }
    let secondBytes = 0
    const file = Buffer.from(forest('version 00'))
    const versionAt = file.indexOf('version 00') + 'version '.length
    for (let promotion = 1; promotion <= PROMOTIONS; promotion++) {
      file.write(String(promotion).padStart(2, '0'), versionAt)
      const added = await control.call('PUT', '/v1/models/m/versions?alias=champion', file)
      expect(added.status).toBe(201)
      if (promotion === 1) {
        const steps = [{ type: 'model', model: 'm@champion' }]
        expect((await control.call('PUT', '/v1/pipelines/p?deploy=true', { steps })).status).toBe(201)
      }
      for (let asked = 0; asked < 20; asked++) await ask()
      if (promotion === 2) secondBytes = await settledRss(server)
    }
    // To and fro between the last two, which are loaded: nobody notices, and no memory is taken.
    const { json: model } = await control.call('GET', '/v1/models/m')
    const lastTwo = (model['versions'] as { version: number; sha256: string }[]).slice(-2)
    const perSecond = 0.8 * (await capacity(control))
    const isOneOfTwo = (sha256: string): boolean => lastTwo.some((version) => version.sha256 === sha256)
    const steady = await underLoad(control, perSecond, isOneOfTwo, () => sleep(2000))
    const moved = await underLoad(control, perSecond, isOneOfTwo, async () => {
      for (let move = 1; move <= PROMOTIONS; move++) {
        const { version } = lastTwo[move % 2] as { version: number }
        expect((await control.call('PUT', '/v1/models/m/aliases/champion', { version })).status).toBe(200)
        await sleep(50)
      }
    })
    const p99 = ({ ms }: Seen): string => percentile(ms, 0.99).toFixed(1)
    console.log(
      `   promotions: ${Math.round(perSecond)} requests/s, p99 ${p99(steady)} ms steady, ${p99(moved)} ms over ${PROMOTIONS} moves of ${moved.ms.length} requests`,
    )
    expect([...steady.faults, ...moved.faults]).toEqual([])
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toContain(`penstock_models{state="warm"} 1`)
    const lastBytes = await settledRss(server)
    await control.call('POST', '/v1/pipelines/p/undeploy')
    await control.call('DELETE', '/v1/pipelines/p')
    expect((await control.call('DELETE', '/v1/models/m')).status).toBe(204)
    const removedBytes = await settledRss(server)
    control.close()
    const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
    const figures = `start ${mb(startBytes)}, second ${mb(secondBytes)}, last ${mb(lastBytes)}, removed ${mb(removedBytes)}`
    console.log(`   promotions: ${figures}`)
    // Measured 1.09, with the version before warm in both. It was 1.43 while glibc kept the free ends of its arenas, and 1.9 after twelve before anything was trimmed.
    expect(lastBytes, figures).toBeLessThanOrEqual(secondBytes * 1.15)
    // Most of what the models have cost has gone; the code that ran for the first time stays.
    expect(removedBytes - startBytes, figures).toBeLessThanOrEqual((secondBytes - startBytes) * 0.5)
    server.child.kill('SIGTERM')
    expect([await server.ended, server.child.signalCode]).toEqual([0, null])
  })
})
