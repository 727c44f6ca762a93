/** Where ONNX Runtime's library is refused (native/test/ort says when), models run by onnxruntime-node, and the opener hears why. */
import { expect, it, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { InferencePool } from '../../src/worker/pool/inference-pool.js'
import { defaultSessionSettings } from '../../src/worker/sessions/session-options.js'
import { testModel } from '../support/engine-harness.js'

vi.mock('../../src/worker/sessions/onnx-runtime.js', () => ({
  openOnnxRuntime: () => Promise.resolve('it is version 9.0.0, where the package is version 1.30.0'),
}))

it('pool: without the library models run by onnxruntime-node, which is said once, unless it was asked for', async () => {
  for (const asked of ['native', 'onnxruntime-node'] as const) {
    const notices: string[] = []
    const pool = await InferencePool.open({
      runs: asked,
      workerCount: 1,
      isMeasuring: false,
      watchUs: 0,
      budgetBytes: 2 ** 30,
      clock: systemClock,
      onNotice: ({ message }) => notices.push(message),
    })
    try {
      await pool.load({
        label: 'add-one@1',
        path: null,
        bytes: testModel('add-one'),
        preparedPath: null,
        modelKey: 1,
        isNonBatching: false,
        instances: 1,
        shared: null,
        settings: defaultSessionSettings,
        latencySettings: null,
        runInputBytesMax: null,
        hasRowChecks: false,
        isGraphProven: true,
        warmUpRuns: [],
      })
      const x = { name: 'x', dtype: 'float32' as const, shape: [1, 3], data: Float32Array.of(1, 2, 3) }
      const { outputs } = await pool.run(1, [x])
      expect(outputs).toMatchObject([{ name: 'y', shape: [1, 3], data: Float32Array.of(2, 3, 4) }])
      expect(pool.runs).toBe('onnxruntime-node')
      if (asked === 'native') expect(notices).toEqual([expect.stringContaining('it is version 9.0.0')])
      else expect(notices).toEqual([])
    } finally {
      await pool.close()
    }
  }
})
