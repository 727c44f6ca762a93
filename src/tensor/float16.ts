/**
 * The two 16-bit floats as numbers, both ways, rounding to nearest, ties to even (IEEE 754-2019 section 4.3.1).
 *
 * Numbers are rounded once, straight from float64: going through float32 first would round twice and miss the nearest
 * half now and then. The trick is that scaling by a power of two is exact, and that adding and subtracting 2^52 rounds a
 * float64 below it to an integer with exactly the rule wanted. NaN keeps no payload: 0x7e00 and 0x7fc0.
 */
const ROUND_TO_INTEGER = 2 ** 52
const bits64 = new DataView(new ArrayBuffer(8))
const float32s = new Float32Array(1)
const words = new Uint32Array(float32s.buffer)

/** float16 bit pattern (0..65535) nearest to `value`; beyond 65504 by half a step it is an infinity. */
export function float16Bits(value: number): number {
  return encode(value, 10, 15, 0x7e00)
}

/** The number that a float16 bit pattern stands for. */
export function float16Value(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (fraction + 0x400) * 2 ** (exponent - 25)
}

/** bfloat16 bit pattern (0..65535) nearest to `value`. */
export function bfloat16Bits(value: number): number {
  return encode(value, 7, 127, 0x7fc0)
}

/** The number that a bfloat16 bit pattern stands for: the upper half of a float32. */
export function bfloat16Value(bits: number): number {
  words[0] = bits << 16
  return float32s[0] ?? NaN
}

function encode(value: number, fractionBits: number, exponentMax: number, nan: number): number {
  if (Number.isNaN(value)) return nan
  bits64.setFloat64(0, value)
  const high = bits64.getUint32(0)
  const sign = high >>> 31 === 0 ? 0 : 0x8000
  // Subnormal float64 are far below both formats' least subnormal; the clamp below makes them 0.
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, 1 - exponentMax)
  const infinity = (2 * exponentMax + 1) << fractionBits
  if (exponent > exponentMax) return sign | infinity
  // The significand in units of the last place: rounding may carry into the exponent, and the sum below lets it.
  const scaled = Math.abs(value) * 2 ** (fractionBits - exponent)
  const significand = scaled + ROUND_TO_INTEGER - ROUND_TO_INTEGER
  const biased = exponent + exponentMax - 1
  return sign | Math.min((biased << fractionBits) + significand, infinity)
}
