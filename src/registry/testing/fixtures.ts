/** What the registry's tests share: directories that clean themselves up, a signature, bytes that stand for models. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ModelSignature } from '../../engine/api/api.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'

export const signature: ModelSignature = {
  inputs: [{ name: 'tensor', dtype: 'float32', shape: [null, 29] }],
  outputs: [{ name: 'dense_1', dtype: 'float32', shape: [null, 1] }],
  batching: 'rows',
  remark: '',
}

/** The registry stores whatever the engine has inspected; to it these are bytes. */
export function modelBytes(text: string): Uint8Array {
  return new TextEncoder().encode(`model:${text}`)
}

export function pipeline(name: string, model: string): PipelineDefinition {
  return { name, steps: [{ type: 'model', model }] }
}

/** A fresh directory, removed when the test has finished. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'penstock-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
