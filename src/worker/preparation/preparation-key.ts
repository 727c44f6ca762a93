/**
 * What prepared files depend on besides the model. The engine asks before any session exists, so this file must not
 * import onnxruntime-node: its library would be loaded on the thread that answers requests.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { runtimeVersion } from '../../onnx/runtime-version.js'

/** Within the prepared directory; what a worker opens. */
export const PREPARED_MODEL_FILE = 'model.onnx'
/** Raised when the same inputs come to give other files. */
const PREPARATION_FORMAT = 1

/** Names everything but the model that the prepared files depend on. */
export function preparationKey(): string {
  const facts = [PREPARATION_FORMAT, runtimeVersion(), arch(), processorFeatures()]
  return createHash('sha256').update(facts.join('\n')).digest('hex')
}

/** What decides which kernels ONNX Runtime takes: the instruction sets, as Linux lists them, else the model's name. */
function processorFeatures(): string {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
    if (flags !== undefined) return flags.trim()
  } catch {
    // Not Linux.
  }
  return cpus()[0]?.model ?? ''
}
