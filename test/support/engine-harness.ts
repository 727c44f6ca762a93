/**
 * What the engine suites share: test models by name, engines that close themselves, and small helpers for tensors.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Engine, type EngineOptions, type InferResult, type StepInput, type Tensor } from 'penstock'
import { afterEach } from 'vitest'

const modelsPath = fileURLToPath(new URL('../models/', import.meta.url))

/** The bytes of test/models/<name>.onnx. */
export function testModel(name: string): Uint8Array {
  return readFileSync(`${modelsPath}${name}.onnx`)
}

const opened: Engine[] = []
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

/** An engine with these test models, closed after the test. */
export async function openEngine(models: readonly string[] = [], options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.open({ inferWorkers: 2, calibration: 'off', ...options })
  opened.push(engine)
  for (const name of models) await engine.addModel(name, testModel(name))
  return engine
}

/** Applies and deploys `steps` under `name`. */
export async function deploy(engine: Engine, name: string, steps: readonly StepInput[]): Promise<void> {
  await engine.applyPipeline({ name, steps: steps as never }, { deploy: true })
}

export function floats(result: InferResult, output: string): number[] {
  return Array.from((result.outputs[output] as Tensor).data as Float32Array)
}

/** Pseudo-random in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** The error that the promise rejects with. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; retryAfterMs?: number }> {
  return promise.then(
    () => {
      throw new Error('Expected the promise to reject')
    },
    (error: unknown) => error as { code: string; message: string },
  )
}

/** Resolves when `holds()` does; rejects after `limitMs`. */
export async function until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Expected within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 2)
    })
  }
}
