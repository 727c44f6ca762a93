/**
 * The trial of an uploaded model: 1, 2 and 3 rows of seeded random data, each row once alone and once in company.
 *
 * The data is distinct by row.
 * Free inner dims get one size for every dim of the same symbol; 8 first, then sizes that image and 1-d models accept.
 * Tolerance: relative 1e-4 / absolute 1e-5 for floats (ONNX Runtime may sum in another order per batch size), 1e-2 for
 * float16, exact for the rest.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { seededRandom } from '../base/random.js'
import { allocateData, dtypeInfo } from '../tensor/dtype.js'
import { float16Value } from '../tensor/float16.js'
import type { NumericData } from '../tensor/dtype.js'
import type { Dtype, TensorData } from '../tensor/tensor.js'
import type { DeclaredField } from './inspect-model.js'
import { dataOf, makeTensor, runtimeReason } from './ort-tensor.js'
import { sampleData } from './sample-inputs.js'

export interface ObservedOutput {
  readonly dtype: Dtype
  readonly dims: readonly number[]
  readonly data: TensorData
}

export interface Trial {
  /** Outputs of the runs that succeeded: of 1 row first, then 2 and 3 where the first dim is free. [] when none did. */
  readonly runs: readonly (readonly ObservedOutput[])[]
  /** Why ONNX Runtime refused, or ''. */
  readonly refusal: string
  /** How a row in company differs from the row alone, or ''. */
  readonly difference: string
}

const TRIAL_ROWS = 3
const innerSizes = [8, 1, 32, 224]
/** Elements of one trial input; a free image dim of 224 in three dims would otherwise take gigabytes. */
const TRIAL_ELEMENTS_MAX = 2 ** 22

type Rows = readonly {
  readonly field: DeclaredField
  readonly rows: readonly TensorData[]
  readonly dims: readonly number[]
}[]

/** Runs the trial; never throws for what the model does. */
export async function runTrial(session: InferenceSession, inputs: readonly DeclaredField[]): Promise<Trial> {
  let refusal = 'no trial data of a reasonable size exists'
  for (const innerSize of hasFreeInnerDim(inputs) ? innerSizes : [1]) {
    const rows = makeRows(inputs, innerSize)
    if (rows === null) continue
    try {
      const isFree = inputs.every((field) => typeof field.dims[0] === 'string')
      return isFree ? await compareRows(session, rows) : await runOnce(session, rows)
    } catch (error) {
      refusal = runtimeReason(error)
    }
  }
  return { runs: [], refusal, difference: '' }
}

async function runOnce(session: InferenceSession, rows: Rows): Promise<Trial> {
  return { runs: [await run(session, rows, [0], true)], refusal: '', difference: '' }
}

async function compareRows(session: InferenceSession, rows: Rows): Promise<Trial> {
  const alone: (readonly ObservedOutput[])[] = []
  for (let row = 0; row < TRIAL_ROWS; row++) alone.push(await run(session, rows, [row], false))
  const runs = [alone[0] as readonly ObservedOutput[]]
  for (let count = 2; count <= TRIAL_ROWS; count++) {
    runs.push(
      await run(
        session,
        rows,
        Array.from({ length: count }, (_, row) => row),
        false,
      ),
    )
  }
  let difference = ''
  runs.forEach((together, index) => {
    together.forEach((output, position) => {
      difference ||= rowDifference(
        session.outputNames[position] as string,
        output,
        alone.map((single) => single[position] as ObservedOutput),
        index + 1,
      )
    })
  })
  return { runs, refusal: '', difference }
}

function rowDifference(
  name: string,
  together: ObservedOutput,
  alone: readonly ObservedOutput[],
  rowCount: number,
): string {
  if (together.dims[0] !== rowCount) {
    return `Output ${name} has shape [${together.dims.join(', ')}] for ${rowCount} input row${rowCount === 1 ? '' : 's'}, so its rows are not the input's`
  }
  const rowElements = together.data.length / rowCount
  for (let row = 0; row < rowCount; row++) {
    const single = alone[row] as ObservedOutput
    if (single.data.length !== rowElements) return `Output ${name} changes its shape with the rows that share a batch`
    for (let i = 0; i < rowElements; i++) {
      if (!isClose(together.dtype, together.data[row * rowElements + i], single.data[i])) {
        return `Rows influence each other, or the model is random: output ${name} of a row differs between a batch of ${rowCount} and the row alone`
      }
    }
  }
  return ''
}

function isClose(dtype: Dtype, a: unknown, b: unknown): boolean {
  if (dtypeInfo(dtype).kind !== 'float') return a === b
  const isHalf = dtype === 'float16'
  const x = isHalf ? float16Value(a as number) : (a as number)
  const y = isHalf ? float16Value(b as number) : (b as number)
  if (Object.is(x, y) || x === y) return true
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && Number.isNaN(y)
  return Math.abs(x - y) <= (isHalf ? 1e-2 : 1e-5) + (isHalf ? 1e-2 : 1e-4) * Math.max(Math.abs(x), Math.abs(y))
}

async function run(
  session: InferenceSession,
  rows: Rows,
  chosen: readonly number[],
  isWhole: boolean,
): Promise<readonly ObservedOutput[]> {
  const feeds: Record<string, OrtTensor> = {}
  for (const { field, rows: data, dims } of rows) {
    const parts = chosen.map((row) => data[row] as TensorData)
    feeds[field.name] = makeTensor(
      field.dtype,
      concatenate(field.dtype, parts),
      isWhole ? dims : [chosen.length, ...dims.slice(1)],
    )
  }
  const results = await session.run(feeds)
  return session.outputNames.map((name) => {
    const result = results[name] as OrtTensor
    // The memory of a result may be recycled by the next run.
    return { dtype: result.type as Dtype, dims: [...result.dims], data: dataOf(result).slice() }
  })
}

function hasFreeInnerDim(inputs: readonly DeclaredField[]): boolean {
  return inputs.some((field) => field.dims.some((dim, axis) => axis > 0 && typeof dim === 'string'))
}

/** One tensor per input and row; dims with the first dim set to its fixed size or 1. null when they would be too large. */
function makeRows(inputs: readonly DeclaredField[], innerSize: number): Rows | null {
  const random = seededRandom(20_240_817)
  const made: { field: DeclaredField; rows: TensorData[]; dims: number[] }[] = []
  for (const field of inputs) {
    const dims = field.dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 1 : innerSize))
    const elements = dims.reduce((product, dim) => product * dim, 1)
    if (elements > TRIAL_ELEMENTS_MAX) return null
    made.push({
      field,
      dims,
      rows: Array.from({ length: TRIAL_ROWS }, () => sampleData(field.dtype, elements, random)),
    })
  }
  return made
}

function concatenate(dtype: Dtype, parts: readonly TensorData[]): TensorData {
  if (dtype === 'string') return parts.flatMap((part) => part as readonly string[])
  const numbers = parts as readonly NumericData[]
  const joined = allocateData(
    dtype,
    numbers.reduce((sum, part) => sum + part.length, 0),
  )
  let offset = 0
  for (const part of numbers) {
    ;(joined as Uint8Array).set(part as Uint8Array, offset)
    offset += part.length
  }
  return joined
}
