/** What numbers each dtype holds, in numbers and in words. */
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from '../../tensor/float16.js'
import type { PlainDtype } from '../contract.js'

const bitsOf: Readonly<Partial<Record<PlainDtype, number>>> = {
  int8: 8,
  uint8: 8,
  int16: 16,
  uint16: 16,
  int32: 32,
  uint32: 32,
  int64: 64,
  uint64: 64,
}

/** The least and the greatest integer of an integer dtype. */
export function integerRange(dtype: PlainDtype): { readonly min: bigint; readonly max: bigint } {
  const bits = BigInt(bitsOf[dtype] ?? 0)
  return dtype.startsWith('u')
    ? { min: 0n, max: 2n ** bits - 1n }
    : { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }
}

/** Whether an integer dtype holds the integer exactly, or a float dtype the number without becoming infinite. */
export function isInRange(dtype: PlainDtype, value: number | bigint): boolean {
  if (bitsOf[dtype] !== undefined) {
    const { min, max } = integerRange(dtype)
    return value >= min && value <= max
  }
  return Number.isFinite(roundedTo(dtype, Number(value)))
}

/** The value of a float dtype that is nearest to `value`. */
export function roundedTo(dtype: PlainDtype, value: number): number {
  if (dtype === 'float32') return Math.fround(value)
  if (dtype === 'float16') return float16Value(float16Bits(value))
  return dtype === 'bfloat16' ? bfloat16Value(bfloat16Bits(value)) : value
}

const floatWords: Readonly<Partial<Record<PlainDtype, string>>> = {
  float32: '-3.4028235e38..3.4028235e38',
  float16: '-65504..65504',
  bfloat16: '-3.3895314e38..3.3895314e38',
  float64: '-1.7976931348623157e308..1.7976931348623157e308',
}

/** `an integer in 0..255`, `a number in -65504..65504`. */
export function rangeWords(dtype: PlainDtype): string {
  const floats = floatWords[dtype]
  if (floats !== undefined) return `a number in ${floats}`
  const { min, max } = integerRange(dtype)
  return `an integer in ${min}..${max}`
}
