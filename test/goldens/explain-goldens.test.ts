/**
 * Explanations of a trained network against the same definitions written in numpy over ONNX Runtime's Python API
 * (tools/train/explain_goldens.py): the same permutations, other code.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { OcclusionResult, PermutationResult } from 'penstock'
import { deploy, openEngine } from '../support/engine-harness.js'

interface Goldens {
  readonly model: string
  readonly input: string
  readonly seed: number
  readonly repeats: number
  readonly targets: number[]
  readonly outputs: number[]
  readonly contributions: number[][]
  readonly importances: Readonly<Record<'variance' | 'mae' | 'r2', number[][]>>
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const goldens = JSON.parse(read('./explain-goldens.json')) as Goldens
const model = `../../examples/models/${goldens.model}`
const { inputs } = JSON.parse(read(`${model}/golden.json`)) as { inputs: Record<string, { data: number[] }> }
const features = Float32Array.from(inputs[goldens.input]?.data ?? [])

/** Both are float32 networks of the same weights, in batches of other sizes. */
function expectNear(actual: readonly number[], expected: readonly number[], what: string): void {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, index) => {
    expect(Math.abs((actual[index] ?? NaN) - value), `${what}[${index}]`).toBeLessThan(
      2e-5 * Math.max(1, Math.abs(value)),
    )
  })
}

describe('explanations: goldens', () => {
  test('explanations: of a network are those that numpy finds', async () => {
    const engine = await openEngine([])
    await engine.addModel('m', readFileSync(new URL(`${model}/model.onnx`, import.meta.url)))
    await deploy(engine, 'p', [{ type: 'model', model: 'm' }])
    const explain = async <R>(request: Parameters<typeof engine.explanations.start>[1]): Promise<R> => {
      const job = await engine.explanations.finished('p', engine.explanations.start('p', request).id)
      expect(job.failure).toBeNull()
      return job.result as R
    }
    const rows = { [goldens.input]: features }
    const occlusion = await explain<OcclusionResult>({
      config: { method: 'occlusion', baseline: 'mean' },
      inputs: rows,
    })
    expectNear(occlusion.outputs, goldens.outputs, 'outputs')
    occlusion.contributions.forEach((row, index) => {
      expectNear(row, goldens.contributions[index] ?? [], `contributions[${index}]`)
    })
    const { seed, repeats, targets } = goldens
    for (const metric of ['variance', 'mae', 'r2'] as const) {
      const config = { method: 'permutation', metric, seed, repeats } as const
      const compared = metric === 'variance' ? {} : { targets }
      const result = await explain<PermutationResult>({ config, inputs: rows, ...compared })
      result.repeats.forEach((values, group) => {
        expectNear(values, goldens.importances[metric][group] ?? [], `${metric}[${group}]`)
      })
    }
    // Goldens of a function that does not care would compare as well.
    expect(Math.max(...occlusion.importances)).toBeGreaterThan(0.05)
  })
})
