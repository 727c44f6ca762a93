/**
 * ONNX Runtime's version, for what depends on it: proofs, measurements, prepared files. Read from its package, because
 * importing it loads its library.
 */
import { createRequire } from 'node:module'

export function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return version
}
