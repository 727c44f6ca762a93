/**
 * Numbers of one dtype to another, each judged by its value: 7 of an int64 is an int32, 2^40 is none. For callers that
 * cannot choose the dtype they send: a data frame has float64 and int64 where a model has float32.
 *
 * Into a float a value is rounded to nearest, as decimal text is; what would become an infinity does not fit. Into an
 * integer or a bool only a value goes that it holds exactly. NaN and infinities fit only floats.
 * transforms/cast.ts is the cast that loses what does not fit; castData of dtype.ts the one that no value can lose by.
 */
import type { NumericData } from './dtype.js'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './float16.js'
import type { NumericDtype } from './tensor.js'

/** Where element i goes: to start + i × step. */
export interface CastPlace {
  readonly start: number
  readonly step: number
}

const inOrder: CastPlace = { start: 0, step: 1 }

/**
 * Casts all elements of `source` into `target`.
 * @param place in `target`, which has room for them there.
 * @returns the index in `source` of the first value that does not fit, and -1 when all did.
 * @example castValues(new Float64Array([1, 2.5]), 'float64', new Int32Array(2), 'int32') // 1
 */
export function castValues(
  source: NumericData,
  from: NumericDtype,
  target: NumericData,
  to: NumericDtype,
  place: CastPlace = inOrder,
): number {
  const values = from === 'float16' || from === 'bfloat16' ? widened(source as Uint16Array, from) : source
  if (to === 'float32' || to === 'float64') return toFloats(values, target as Float32Array | Float64Array, place)
  if (to === 'float16') return toHalves(values, target as Uint16Array, float16Bits, float16Value, place)
  if (to === 'bfloat16') return toHalves(values, target as Uint16Array, bfloat16Bits, bfloat16Value, place)
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) return toWide(values, target, place)
  return toIntegers(values, target, to === 'bool' ? 1 : Infinity, place)
}

function widened(bits: Uint16Array, dtype: 'float16' | 'bfloat16'): Float32Array {
  const valueOf = dtype === 'float16' ? float16Value : bfloat16Value
  return Float32Array.from(bits, valueOf)
}

function toFloats(values: NumericData, target: Float32Array | Float64Array, { start, step }: CastPlace): number {
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    const at = start + i * step
    target[at] = value
    if (!Number.isFinite(target[at]) && Number.isFinite(value)) return i
  }
  return -1
}

function toHalves(
  values: NumericData,
  target: Uint16Array,
  bitsOf: (value: number) => number,
  valueOf: (bits: number) => number,
  { start, step }: CastPlace,
): number {
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    const bits = bitsOf(value)
    if (Number.isFinite(value) && !Number.isFinite(valueOf(bits))) return i
    target[start + i * step] = bits
  }
  return -1
}

function toIntegers(
  values: NumericData,
  target: Exclude<NumericData, BigInt64Array | BigUint64Array>,
  max: number,
  { start, step }: CastPlace,
): number {
  for (let i = 0; i < values.length; i++) {
    // A bigint beyond 2^53 becomes a number beyond every type of 32 bits: it cannot round into one.
    const value = Number(values[i])
    const at = start + i * step
    target[at] = value
    if (target[at] !== value || value > max) return i
  }
  return -1
}

function toWide(values: NumericData, target: BigInt64Array | BigUint64Array, { start, step }: CastPlace): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint
    if (typeof value === 'number' && !Number.isInteger(value)) return i
    const at = start + i * step
    const wide = BigInt(value)
    target[at] = wide
    if (target[at] !== wide) return i
  }
  return -1
}
