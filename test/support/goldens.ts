/**
 * Reads the golden rows of examples/models: held-out rows and what the training library predicts for them. Shared by the
 * suites that run them through bare ONNX Runtime, through the engine and over HTTP.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface GoldenTensor {
  readonly dtype: 'float32' | 'int64'
  readonly shape: readonly number[]
  /** Flat, row-major. */
  readonly data: readonly number[]
}
export interface Golden {
  readonly library: string
  readonly tolerance: { readonly relative: number; readonly absolute: number }
  readonly inputs: Readonly<Record<string, GoldenTensor>>
  readonly outputs: Readonly<Record<string, GoldenTensor>>
}

export const examplesPath = fileURLToPath(new URL('../../examples/', import.meta.url))
export const testModelsPath = fileURLToPath(new URL('../models/', import.meta.url))

/** Names of the example models, in alphabetical order. */
export const exampleModels: readonly string[] = readdirSync(`${examplesPath}models`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort()

export function modelPath(name: string): string {
  return `${examplesPath}models/${name}/model.onnx`
}

export function readGolden(name: string): Golden {
  return JSON.parse(readFileSync(`${examplesPath}models/${name}/golden.json`, 'utf8')) as Golden
}

export function typedData(tensor: GoldenTensor): Float32Array | BigInt64Array {
  return tensor.dtype === 'int64' ? BigInt64Array.from(tensor.data.map(BigInt)) : Float32Array.from(tensor.data)
}

/** Rows `start..end` of every tensor (end excluded). */
export function goldenRows(
  tensors: Readonly<Record<string, GoldenTensor>>,
  start: number,
  end: number,
): Record<string, GoldenTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
      const width = data.length / (shape[0] ?? 1)
      return [name, { dtype, shape: [end - start, ...shape.slice(1)], data: data.slice(start * width, end * width) }]
    }),
  )
}

interface Received {
  readonly shape: readonly number[]
  readonly data: Iterable<unknown>
}

/**
 * The first place where `received` is outside the tolerance of `expected`, as a sentence; null when it is within it.
 * A number passes when |received - expected| <= absolute + relative * |expected|; integers must be equal.
 */
export function difference(
  received: Received | undefined,
  expected: GoldenTensor,
  tolerance: Golden['tolerance'],
): string | null {
  if (received === undefined) return 'the output is missing'
  if (received.shape.join() !== expected.shape.join())
    return `shape [${received.shape.join()}] is not [${expected.shape.join()}]`
  const data = Array.from(received.data, Number)
  if (data.length !== expected.data.length) return `${data.length} elements are not ${expected.data.length}`
  for (const [index, want] of expected.data.entries()) {
    const got = data[index] ?? Number.NaN
    const allowed = expected.dtype === 'int64' ? 0 : tolerance.absolute + tolerance.relative * Math.abs(want)
    // Negated, so that NaN fails.
    if (!(Math.abs(got - want) <= allowed)) return `element ${index} is ${got} and not ${want} ± ${allowed}`
  }
  return null
}
