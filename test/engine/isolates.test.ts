/**
 * The promises that more than one I/O thread will rest on: isolates share a pipeline by number, append to one queue and
 * get their own answers; an isolate that ends takes only its own batch with it.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { addon } from '../../bindings/native.js'
import { Submissions } from '../../bindings/submissions.js'
import { ManualClock } from '../../src/base/clock.js'
import { readConditions } from '../../src/engine/calibration/conditions.js'
import { Deployments } from '../../src/engine/deploy/deployments.js'
import { LoadedModels } from '../../src/engine/models/loaded-models.js'
import { MemoryContractStore } from '../../src/engine/stores/memory-contract-store.js'
import { MemoryModelStore, MemoryPipelineStore } from '../../src/engine/stores/memory-stores.js'
import { defaultRunPlan } from '../../src/engine/calibration/run-plan.js'
import { planThreads } from '../../src/engine/calibration/thread-plan.js'
import { parseDefinition } from '../../src/steps/index.js'
import { InferencePool } from '../../src/worker/pool/inference-pool.js'
import { testModel, until } from '../support/engine-harness.js'
import { submission } from '../support/submission.js'

/** As the inspection of this release proves it. */
const provenByGraph = {
  revision: 1,
  basis: 'graph',
  culprit: null,
  comparisons: 712,
  difference: '',
  untried: [],
} as const

const threadFile = fileURLToPath(new URL('./testing/isolate-thread.mjs', import.meta.url))
let pool: InferencePool | undefined
afterEach(async () => {
  await pool?.close()
  pool = undefined
})

/** add-one, deployed without an engine around it. */
async function deployAddOne(): Promise<{ pool: InferencePool; deployments: Deployments }> {
  const clock = new ManualClock()
  const models = new MemoryModelStore(clock)
  const pipelines = new MemoryPipelineStore(clock)
  const opened = await InferencePool.open({
    workerCount: 1,
    isMeasuring: true,
    watchUs: 0,
    budgetBytes: 2 ** 30,
    clock,
    onNotice: () => undefined,
  })
  pool = opened
  const limits = { batchRowsMax: 64, maxDelayUs: 0, pendingRowsMax: 65_536, pendingRowsBackgroundMax: 1024 }
  const threads = planThreads({ affinityCores: 1, quotaCores: null })
  const loaded = new LoadedModels({
    pool: opened,
    store: models,
    limits,
    residency: { modelMemoryBytes: null, warmBytes: 0, warmSeconds: 0 },
    placement: { executionProviders: ['cpu'], deviceId: 0 },
    defaultPlan: defaultRunPlan(threads),
    nativeTrees: true,
    mode: 'off',
    conditions: readConditions(threads, { intraOpThreads: null, latencyObjectiveMs: 100, batchRowsMax: 64 }),
    differencePolicy: 'unbatch',
    clock,
    onNotice: () => undefined,
  })
  const field = (name: string) => [{ name, dtype: 'float32' as const, shape: [null, 3] }]
  await models.add(
    'add-one',
    testModel('add-one'),
    { inputs: field('x'), outputs: field('y'), batching: 'rows', remark: '', batchingProof: provenByGraph },
    [],
  )
  const deployments = new Deployments({
    models,
    pipelines,
    contracts: new MemoryContractStore(clock),
    loaded,
    drawSeed: () => 1n,
    logs: null,
    onChange: () => undefined,
    stageOpeners: {},
    prepare: (definition) => Promise.resolve(definition),
    onNotice: () => undefined,
    onRetireFailed: (_deployment, cause) => {
      throw cause
    },
  })
  const { version, definition } = await pipelines.put(
    parseDefinition('p', { steps: [{ type: 'model', model: 'add-one' }] }),
  )
  await deployments.deploy(definition, version)
  return { pool: opened, deployments }
}

describe('isolates', () => {
  test('three isolates append to one queue; each gets the answers to its own requests', async () => {
    const parts = await deployAddOne()
    const handle = parts.deployments.slotOf('p')?.handle
    if (handle === undefined) throw new Error('Expected the pipeline to be deployed')
    const requests = 2000
    const threads = [0, 1, 2].map(
      (index) =>
        new Worker(threadFile, {
          workerData: {
            role: 'submit',
            runtime: parts.pool.runtime,
            pipelineId: addon.shareId(handle),
            base: index * 10_000,
            requests,
          },
        }),
    )
    const replies = await Promise.all(
      threads.map(async (thread) => (await once(thread, 'message'))[0] as { done: number; wrong: unknown[] }),
    )
    for (const reply of replies) expect(reply).toEqual({ done: requests, wrong: [] })
    const stats = addon.pipelineStats(handle)
    expect(stats).toMatchObject({ requestCount: 3 * requests, inFlight: 0 })
    const queue = parts.deployments.serving[0]?.models[0]?.queue
    if (queue == null) throw new Error('Expected the model to have a queue')
    const queueStats = addon.queueStats(queue)
    expect(queueStats.pendingRows).toEqual([0, 0])
    const [, rows = 0, ...batches] = queueStats.batchRows
    expect(rows).toBe(3 * requests)
    // Batches were shared: fewer runs than requests.
    expect(batches.reduce((sum, count) => sum + count, 0)).toBeLessThan(3 * requests)
    await Promise.all(threads.map((thread) => thread.terminate()))
  })

  test('a worker that ends with a batch in hand fails that batch with ERR_WORKER_LOST, and no other', async () => {
    const parts = await deployAddOne()
    const handle = parts.deployments.slotOf('p')?.handle
    if (handle === undefined) throw new Error('Expected the pipeline to be deployed')
    const thief = new Worker(threadFile, { workerData: { role: 'thief', runtime: parts.pool.runtime } })
    const messages: unknown[] = []
    thief.on('message', (message) => messages.push(message))
    const ended = once(thief, 'exit')
    await until('the thief is about to wait', () => messages.includes('ready'))
    // A batch wakes the idle worker that came last: give the thief the time to be that one.
    await new Promise((resolve) => void setTimeout(resolve, 300))
    const outcomes: { tag: number; status: number }[] = []
    const port = addon.openPort(
      parts.pool.runtime,
      () => {
        for (let count = addon.drain(port); count > 0; count = addon.drain(port)) {
          const events = addon.events(port).slice(0, count * 4)
          for (let at = 0; at < events.length; at += 4) {
            const [kind, tag, request] = [events[at], events[at + 1] as number, events[at + 2] as number]
            if (kind === 1) addon.readAnswer(port, request)
            outcomes.push({ tag, status: kind === 1 ? 0 : addon.readFailure(port, request).status })
          }
        }
      },
      64,
    )
    const submissions = new Submissions(port)
    // One at a time, until the thief was the one to take it.
    let tag = 0
    for (; tag < 1000 && !messages.some((message) => typeof message === 'object'); tag++) {
      expect(submissions.submit(handle, submission(1, [Float32Array.of(1, 2, 3)], { tag }))).toBeGreaterThan(0)
      addon.flush(port)
      await until('an answer', () => outcomes.length === tag + 1)
    }
    await ended
    const lost = outcomes.filter((outcome) => outcome.status !== 0)
    expect(lost).toHaveLength(1)
    expect(lost[0]?.status).toBe(15)
    expect(addon.pipelineStats(handle)).toMatchObject({ inFlight: 0 })
    addon.closePort(port)
  })
})
