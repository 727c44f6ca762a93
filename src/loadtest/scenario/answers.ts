/** Comparison of answers, for what is checked before a run and for the load that runs in JavaScript (in-process). */
import { elementCount, shapeMatches } from '../../tensor/shape.js'
import { bfloat16Value, float16Value } from '../../tensor/float16.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Inputs } from './prepared-kind.js'
import type { Tolerance } from './scenario.js'
import type { Signature } from './signature.js'

/** What is wrong with an answer's form: an output that is missing, of another shape, or not finite; '' when nothing is. */
export function shapeMistake({ outputs, isNonBatching }: Signature, answer: Inputs, rows: number): string {
  for (const { name, shape } of outputs) {
    const tensor = answer[name]
    if (tensor === undefined) return `there is no ${name}`
    const isRight = shapeMatches(shape, tensor.shape) && (isNonBatching || tensor.shape[0] === rows)
    if (!isRight) return `${name} has the shape [${tensor.shape.join(',')}] for ${rows} rows`
    if (elementCount(tensor.shape) !== tensor.data.length) return `${name} has ${tensor.data.length} elements`
    const isFinite = valuesOf(tensor).every((value) => typeof value !== 'number' || Number.isFinite(value))
    if (!isFinite) return `${name} has a number that is not finite`
  }
  return ''
}

/** Whether a value of `received` is beyond the tolerance, or an output is missing. */
export function differsFrom(expected: Inputs, received: Inputs, tolerance: Tolerance): boolean {
  return Object.entries(expected).some(([name, tensor]) => {
    const other = received[name]
    if (other === undefined || other.data.length !== tensor.data.length) return true
    const values = valuesOf(other)
    return valuesOf(tensor).some((value, index) => !isWithin(value, values[index], tolerance))
  })
}

type Value = number | bigint | string

function isWithin(expected: Value, received: Value | undefined, { absolute, relative }: Tolerance): boolean {
  if (typeof expected !== 'number' || typeof received !== 'number') return expected === received
  if (Number.isNaN(expected)) return Number.isNaN(received)
  return expected === received || Math.abs(received - expected) <= absolute + relative * Math.abs(expected)
}

function valuesOf({ dtype, data }: Tensor): Value[] {
  const values = Array.from(data as ArrayLike<Value>)
  if (dtype === 'float16') return values.map((bits) => float16Value(Number(bits)))
  return dtype === 'bfloat16' ? values.map((bits) => bfloat16Value(Number(bits))) : values
}
