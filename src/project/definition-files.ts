/**
 * A pipeline's definition as people keep it, and as a server takes it: the source of a script and the operations of a
 * transform are files beside the definition in the one, members of their steps in the other.
 *
 *     {"type": "script", "file": "../scripts/grade.ts", …}     → {…, "file": "grade.ts", "source": "export default …"}
 *     {"type": "transform", "ops": "../transforms/prepare.json"} → {…, "ops": [{"op": "impute", …}, …]}
 */
import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { argumentError } from '../base/expect.js'
import { PenstockError } from '../base/errors.js'
import { SCRIPT_SOURCE_BYTES_MAX } from '../base/limits/script-limits.js'

/**
 * Reads the files that steps name.
 * @param definition as parsed from JSON; what is wrong with it is found when it is applied.
 * @param directory from which the files' paths are relative.
 * @returns a copy with the texts in it; `definition` itself where no step names a file.
 * @throws PenstockError ERR_PIPELINE_INVALID naming step, member and path.
 */
export async function readDefinitionFiles(definition: unknown, directory: string): Promise<unknown> {
  const steps = isRecord(definition) ? definition['steps'] : definition
  if (!Array.isArray(steps) || !steps.some(namesFile)) return definition
  const read = await Promise.all(
    steps.map((step: unknown, i) => (namesFile(step) ? readStep(step, `steps[${i}]`, directory) : step)),
  )
  return isRecord(definition) ? { ...definition, steps: read } : read
}

/** Paths of the files that a definition names. */
export function definitionFiles(definition: unknown, directory: string): string[] {
  const steps = isRecord(definition) ? definition['steps'] : definition
  const named = Array.isArray(steps) ? steps.filter(namesFile) : []
  return named.map((step) => resolve(directory, String(step['type'] === 'script' ? step['file'] : step['ops'])))
}

function namesFile(step: unknown): step is Record<string, unknown> {
  if (!isRecord(step)) return false
  if (step['type'] === 'script') return typeof step['file'] === 'string' && step['source'] === undefined
  return step['type'] === 'transform' && typeof step['ops'] === 'string'
}

async function readStep(step: Record<string, unknown>, where: string, directory: string): Promise<unknown> {
  if (step['type'] === 'script') {
    const file = step['file'] as string
    return { ...step, file: basename(file), source: await readText(resolve(directory, file), `${where}.file`) }
  }
  const path = resolve(directory, step['ops'] as string)
  const text = await readText(path, `${where}.ops`)
  try {
    return { ...step, ops: JSON.parse(text) as unknown }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `Expected ${where}.ops to be a file of JSON, but ${path} is none: ${reason}`
    throw new PenstockError('ERR_PIPELINE_INVALID', sentence, { cause })
  }
}

async function readText(path: string, where: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const text = `Expected ${where} to be a file beside the definition, but ${path} cannot be read: ${reason}`
    throw new PenstockError('ERR_PIPELINE_INVALID', text, { cause })
  })
  if (where.endsWith('.file') && bytes.length > SCRIPT_SOURCE_BYTES_MAX) {
    const rule = `a script of at most ${SCRIPT_SOURCE_BYTES_MAX} bytes`
    throw argumentError(where, rule, `${path} of ${bytes.length} bytes`, '', 'ERR_PIPELINE_INVALID')
  }
  return bytes.toString('utf8')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
