/**
 * Loading a model holds no worker up: what a worker is inside of while a large model is loaded, seen as the supervisor sees it.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { denseModel } from '../../bench/workloads/shared-weights/dense-model.js'
import { addon } from '../../bindings/native.js'
import { systemClock } from '../../src/base/clock.js'
import { InferencePool } from '../../src/worker/pool/inference-pool.js'
import { defaultSessionSettings } from '../../src/worker/sessions/session-options.js'
import type { LoadableModel } from '../../src/worker/worker-messages.js'

const TEST_MS = 60_000
const { bytes } = denseModel(128)
const dense: LoadableModel = {
  label: 'dense@1',
  path: null,
  bytes,
  preparedPath: null,
  modelKey: 1,
  isNonBatching: false,
  instances: 2,
  shared: null,
  settings: defaultSessionSettings,
  latencySettings: null,
  runInputBytesMax: null,
  hasRowChecks: false,
  isGraphProven: true,
  warmUpRuns: [],
}

let pool: InferencePool | undefined
afterEach(() => pool?.close())

/** How long the load took, and the longest that a worker was inside of a job meanwhile: microseconds. */
async function loadIn(runs: 'native' | 'onnxruntime-node'): Promise<{ loadUs: number; heldUs: number }> {
  pool = await InferencePool.open({
    runs,
    workerCount: 2,
    isMeasuring: false,
    watchUs: 0,
    budgetBytes: 2 ** 30,
    clock: systemClock,
    onNotice: () => undefined,
  })
  expect(pool.runs).toBe(runs)
  const { runtime } = pool
  let heldUs = 0
  const looks = setInterval(() => {
    const jobs = addon.lookAtWorkers(runtime).runs.filter(({ modelKey }) => modelKey === null)
    heldUs = Math.max(heldUs, ...jobs.map(({ elapsedUs }) => elapsedUs))
  }, 5)
  const startUs = addon.nowUs()
  await pool.load(dense)
  clearInterval(looks)
  return { loadUs: addon.nowUs() - startUs, heldUs }
}

describe('pool: loading a large model', { timeout: TEST_MS }, () => {
  it('holds no worker, natively', async () => {
    const { loadUs, heldUs } = await loadIn('native')
    expect(heldUs).toBeLessThan(loadUs / 4)
  })

  it('canary: by onnxruntime-node it holds each of them in turn', async () => {
    const { loadUs, heldUs } = await loadIn('onnxruntime-node')
    expect(heldUs).toBeGreaterThan(loadUs / 4)
  })
})
