/**
 * What a `config.pbtxt` of Triton says of a model: what runs it, which versions are served, and of an ensemble its steps. What
 * Penstock takes from the ONNX file itself (fields, batches, instances) is not looked at.
 */
import { argumentError, expectInteger } from '../../base/expect.js'
import { parseTextFormat, type TextMessage, type TextValue } from './text-format.js'

export interface EnsembleStep {
  readonly model: string
  /** Triton's number; null: the newest. */
  readonly version: number | null
  /** From a name of the model's inputs to the tensor of the ensemble that it takes. */
  readonly inputs: ReadonlyMap<string, string>
  /** From a name of the model's outputs to the tensor of the ensemble that it gives. */
  readonly outputs: ReadonlyMap<string, string>
}

export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly number[] }

export interface TritonConfig {
  /** '' where the file does not say it. */
  readonly name: string
  /** `onnxruntime`, `ensemble`, or another in Triton's words; '' where neither backend nor platform is said. */
  readonly backend: string
  readonly versionPolicy: VersionPolicy
  /** Name of the file in a version's folder. */
  readonly fileName: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly steps: readonly EnsembleStep[]
  /** Members that change what callers see and are not taken over, a sentence each. */
  readonly remarks: readonly string[]
  /** Why such a model cannot be served at all; null: it can. */
  readonly refusal: string | null
}

export const CONFIG_FILE = 'config.pbtxt'
const backends: Readonly<Record<string, string>> = { onnxruntime_onnx: 'onnxruntime' }

/** What Triton completes for a model without a configuration. */
export const plainConfig: TritonConfig = readModelConfig('backend: "onnxruntime"')

/**
 * Reads a config.pbtxt.
 * @throws PenstockError ERR_ARGUMENT: not the text format, or a member of another type than Triton's.
 */
export function readModelConfig(text: string): TritonConfig {
  const config = parseTextFormat(text)
  const ensemble = messageAt(config, 'ensemble_scheduling')
  const [platform, backend] = [textAt(config, 'platform'), textAt(config, 'backend')]
  return {
    name: textAt(config, 'name'),
    backend: ensemble === null ? (backends[platform] ?? (backend === '' ? platform : backend)) : 'ensemble',
    versionPolicy: policyOf(messageAt(config, 'version_policy')),
    fileName: textAt(config, 'default_model_filename') || 'model.onnx',
    inputs: messagesAt(config, 'input').map((field) => textAt(field, 'name')),
    outputs: messagesAt(config, 'output').map((field) => textAt(field, 'name')),
    steps: ensemble === null ? [] : messagesAt(ensemble, 'step').map(stepOf),
    remarks: remarksOf(config),
    refusal: config.has('sequence_batching')
      ? 'sequence_batching keeps state between requests, and no model here does'
      : null,
  }
}

/** The versions that Triton serves of those that lie there, ascending. */
export function servedVersions(policy: VersionPolicy, present: readonly number[]): number[] {
  const ascending = [...present].sort((a, b) => a - b)
  if (policy.kind === 'all') return ascending
  if (policy.kind === 'latest') return ascending.slice(-policy.count)
  return ascending.filter((version) => policy.versions.includes(version))
}

function policyOf(policy: TextMessage | null): VersionPolicy {
  if (policy === null) return { kind: 'latest', count: 1 }
  if (policy.has('all')) return { kind: 'all' }
  const specific = messageAt(policy, 'specific')
  if (specific !== null) {
    const versions = (specific.get('versions') ?? []).map((version) => expectVersion('versions', version))
    return { kind: 'specific', versions }
  }
  const latest = messageAt(policy, 'latest')
  const count = latest?.get('num_versions')?.at(-1) ?? 1
  return { kind: 'latest', count: expectVersion('num_versions', count) }
}

function stepOf(step: TextMessage): EnsembleStep {
  const version = step.get('model_version')?.at(-1) ?? -1
  return {
    model: textAt(step, 'model_name'),
    version: version === -1 ? null : expectVersion('model_version', version),
    inputs: mapAt(step, 'input_map'),
    outputs: mapAt(step, 'output_map'),
  }
}

function remarksOf(config: TextMessage): string[] {
  const remarks: string[] = []
  for (const kind of ['input', 'output'])
    for (const field of messagesAt(config, kind)) {
      const name = textAt(field, 'name')
      if (field.has('reshape'))
        remarks.push(`The reshape of ${name} is not taken over: the file's own shape is served.`)
      if (field.has('label_filename')) remarks.push(`The labels of ${name} are not taken over.`)
    }
  const kinds = messagesAt(config, 'instance_group').map((group) => group.get('kind')?.at(-1))
  if (kinds.some((kind) => isWord(kind, 'KIND_GPU'))) remarks.push('It ran on a GPU: say so with --provider cuda.')
  return remarks
}

function isWord(value: TextValue | undefined, word: string): boolean {
  return typeof value === 'object' && 'word' in value && value.word === word
}

function expectVersion(where: string, value: unknown): number {
  return expectInteger(where, value, 1, Number.MAX_SAFE_INTEGER)
}

/** '' when it is absent; the last one counts of several, as the format says. */
function textAt(message: TextMessage, name: string): string {
  const value = message.get(name)?.at(-1) ?? ''
  if (typeof value !== 'string') throw argumentError(name, 'a text in quotes', kindOf(value))
  return value
}

function messageAt(message: TextMessage, name: string): TextMessage | null {
  return messagesAt(message, name).at(-1) ?? null
}

function messagesAt(message: TextMessage, name: string): TextMessage[] {
  return (message.get(name) ?? []).map((value) => {
    if (!(value instanceof Map)) throw argumentError(name, 'a message in braces', kindOf(value))
    return value as TextMessage
  })
}

/** A map field is a list of entries with a key and a value. */
function mapAt(message: TextMessage, name: string): ReadonlyMap<string, string> {
  return new Map(messagesAt(message, name).map((entry) => [textAt(entry, 'key'), textAt(entry, 'value')]))
}

function kindOf(value: TextValue): string {
  return value instanceof Map
    ? 'a message'
    : typeof value === 'object'
      ? (value as { word: string }).word
      : String(value)
}
