import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { TRIAL_SLOW_MS } from '../../base/limits/limits.js'
import { inspectSession } from './inspect-model.js'

/** Rows of two floats in, the same out; each run takes `runMs` of the clock. */
function echoOf(runMs: number): { session: InferenceSession; nowMs: () => number; runs: () => number } {
  let [now, runs] = [0, 0]
  const field = { isTensor: true, type: 'float32', shape: ['n', 2] }
  const run = (feeds: Record<string, OrtTensor>, fetches?: Record<string, OrtTensor | null>): Promise<unknown> => {
    now += runMs
    runs++
    const { data, dims } = feeds['x'] as OrtTensor
    ;(fetches?.['y']?.data as Float32Array | undefined)?.set(data as Float32Array)
    return Promise.resolve({ y: { type: 'float32', dims, data: Float32Array.from(data as Float32Array) } })
  }
  const session = {
    inputNames: ['x'],
    outputNames: ['y'],
    inputMetadata: [{ name: 'x', ...field }],
    outputMetadata: [{ name: 'y', ...field }],
    run,
  }
  return { session: session as unknown as InferenceSession, nowMs: () => now, runs: () => runs }
}

describe('inspectSession', () => {
  it('inspection: a model that is slow on one row is run once, and its requests alone', async () => {
    const { session, nowMs, runs } = echoOf(4 * TRIAL_SLOW_MS)
    const signature = await inspectSession(session, { model: null, nowMs })
    expect(runs()).toBe(1)
    expect(signature).toMatchObject({
      batching: 'whole',
      remark: 'Not tried in batches, because one row takes 20.0 s: each request runs alone, tensors as they are.',
      copiedOutputs: ['y'],
      outputs: [{ name: 'y', dtype: 'float32', shape: [null, 2] }],
    })
  })

  it('inspection: one that gets slow with more rows is not run with more', async () => {
    const { session, nowMs, runs } = echoOf(0)
    const slowFromTwo = { ...session, run: session.run.bind(session) }
    let now = 0
    slowFromTwo.run = (feeds: Record<string, OrtTensor>) => {
      now += (feeds['x'] as OrtTensor).dims[0] === 1 ? 1 : 2 * TRIAL_SLOW_MS
      return session.run(feeds)
    }
    const signature = await inspectSession(slowFromTwo, { model: null, nowMs: () => nowMs() + now })
    expect(runs()).toBe(2)
    expect(signature.remark).toContain('one row takes 5.0 s')
  })

  it('inspection: one that is not is tried in batches', async () => {
    const { session, nowMs, runs } = echoOf(1)
    const signature = await inspectSession(session, { model: null, nowMs })
    expect(runs()).toBeGreaterThan(100)
    expect(signature.batching).toBe('rows')
  })
})
