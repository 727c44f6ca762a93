/**
 * Requests for any model, with the answers that ONNX Runtime itself gives to each of them by itself, so that every load
 * is checked while it runs. Drawn from a fixed seed. A set is written once for each transport that sends it.
 */
import { basename, join } from 'node:path'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { seededRandom, type RandomSource } from '../../src/base/random.js'
import type { LoadPlan } from '../../src/loadtest/native/load-plan.js'
import { writeRequestBodies } from '../../src/loadtest/native/request-bodies.js'
import { encodeRequest } from '../../src/loadtest/native/request-encoding.js'
import type { NumericData } from '../../src/tensor/dtype.js'
import type { NumericDtype, Tensor, TensorField } from '../../src/tensor/tensor.js'

export type Tensors = Readonly<Record<string, Tensor>>

export interface Requests {
  readonly modelPath: string
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly TensorField[]
  readonly rows: number
  readonly bodies: readonly { readonly inputs: Tensors; readonly expected: Tensors }[]
  readonly tolerance: Tolerance
}

export interface DrawOptions {
  /** Different requests, sent in turn. */
  readonly count: number
  readonly rows: number
  /** Size of free dims beyond the row axis. */
  readonly freeDim?: number
  readonly tolerance?: Tolerance
}

export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

/** A batch may sum in another order than a single row: of fifty layers more is left than of three. */
export const deepTolerance: Tolerance = { absolute: 1e-4, relative: 1e-3 }
const shallowTolerance: Tolerance = { absolute: 1e-6, relative: 1e-5 }

const seed = 29
/** As features and pixels are usually written; seventeen digits would make JSON slower than it is in life. */
const digits = 7
/** Below the smallest vocabulary of the benchmark's models. */
const tokenMax = 2000

export async function drawRequests(modelPath: string, options: DrawOptions): Promise<Requests> {
  const { count, rows, freeDim = 1, tolerance = shallowTolerance } = options
  // Not at the top: who compares the memory of servers must not hold pages of ONNX Runtime with one of them.
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(modelPath, { intraOpNumThreads: 1 })
  const [inputs, outputs] = [session.inputMetadata.map(fieldOf), session.outputMetadata.map(fieldOf)]
  const random = seededRandom(seed)
  const bodies: { inputs: Tensors; expected: Tensors }[] = []
  for (let index = 0; index < count; index++) {
    const tensors = inputs.map((field): [string, Tensor] => [field.name, drawTensor(field, rows, freeDim, random)])
    const feeds = tensors.map(([name, { dtype, data, shape }]): [string, OrtTensor] => [
      name,
      new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
    ])
    const results = await session.run(Object.fromEntries(feeds))
    const expected = Object.entries(results).map(([name, result]): [string, Tensor] => [name, copyOf(result)])
    bodies.push({ inputs: Object.fromEntries(tensors), expected: Object.fromEntries(expected) })
  }
  await session.release()
  return { modelPath, inputs, outputs, rows, bodies, tolerance }
}

/**
 * Writes the file of bodies that the generator sends by `transport`.
 * @param isChecked false: for baselines whose answers are not the model's.
 */
export async function writeBodies(
  folder: string,
  requests: Requests,
  transport: LoadPlan['target']['transport'],
  isChecked: boolean,
): Promise<string> {
  const checked = isChecked ? 'checked' : 'unchecked'
  const path = join(folder, `${basename(requests.modelPath, '.onnx')}-${requests.rows}-${transport}-${checked}.bodies`)
  const outputs = requests.outputs.map(({ name, dtype }) => ({ name, dtype: dtype as NumericDtype }))
  await writeRequestBodies(path, {
    outputs,
    toleranceAbsolute: requests.tolerance.absolute,
    toleranceRelative: requests.tolerance.relative,
    bodies: requests.bodies.map(({ inputs, expected }) => ({
      ...encodeRequest(transport, {
        fields: requests.inputs,
        tensors: requests.inputs.map(({ name }) => inputs[name] as Tensor),
      }),
      expected: isChecked ? outputs.map(({ name }) => expected[name]?.data as NumericData) : null,
    })),
  })
  return path
}

function fieldOf(metadata: InferenceSession.ValueMetadata): TensorField {
  if (!metadata.isTensor) throw new Error(`Expected ${metadata.name} to be a tensor`)
  const shape = metadata.shape.map((dim) => (typeof dim === 'number' ? dim : null))
  return { name: metadata.name, dtype: metadata.type as NumericDtype, shape }
}

function drawTensor({ name, dtype, shape }: TensorField, rows: number, freeDim: number, random: RandomSource): Tensor {
  const dims = shape.map((dim, axis) => (axis === 0 ? rows : (dim ?? freeDim)))
  const length = dims.reduce((product, dim) => product * dim, 1)
  if (dtype === 'int64') {
    const value = name.endsWith('mask') ? () => 1n : () => BigInt(Math.floor(random() * tokenMax))
    return { dtype, shape: dims, data: BigInt64Array.from({ length }, value) }
  }
  if (dtype !== 'float32') throw new Error(`Expected ${name} to be float32 or int64 but received ${dtype}`)
  return {
    dtype,
    shape: dims,
    data: Float32Array.from({ length }, () => Number((random() * 2 - 1).toPrecision(digits))),
  }
}

/** The memory of a result may be recycled by the next run. */
function copyOf(result: OrtTensor): Tensor {
  return { dtype: result.type as NumericDtype, shape: [...result.dims], data: (result.data as Float32Array).slice() }
}
