import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './float16.js'

interface Format {
  name: string
  bitsOf: (value: number) => number
  valueOf: (bits: number) => number
  fractionBits: number
  infinity: number
}
const formats: Format[] = [
  { name: 'float16', bitsOf: float16Bits, valueOf: float16Value, fractionBits: 10, infinity: 0x7c00 },
  { name: 'bfloat16', bitsOf: bfloat16Bits, valueOf: bfloat16Value, fractionBits: 7, infinity: 0x7f80 },
]

describe.each(formats)('$name', ({ bitsOf, valueOf, fractionBits, infinity }) => {
  it('reads every one of the 65,536 patterns back from its value', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const isNan = (bits & infinity) === infinity && (bits & (infinity ^ 0x7fff)) !== 0
      const back = bitsOf(valueOf(bits))
      if (isNan) {
        if (!Number.isNaN(valueOf(bits)) || !Number.isNaN(valueOf(back))) expect.fail(`pattern ${bits} is no NaN`)
      } else if (back !== bits) expect.fail(`pattern ${bits} came back as ${back}`)
    }
  })

  it('rounds half way between neighbours to the even one, and else to the nearer', () => {
    for (let bits = 0; bits < infinity; bits++) {
      // The step above the largest finite value is as wide as the one below it; IEEE rounds to infinity from its half.
      const low = valueOf(bits)
      const high = bits + 1 === infinity ? low + (low - valueOf(bits - 1)) : valueOf(bits + 1)
      const middle = low + (high - low) / 2
      const even = bits % 2 === 0 ? bits : bits + 1
      const below = bitsOf(middle * (1 - 2 ** -50))
      const above = bitsOf(middle * (1 + 2 ** -50))
      const results = [bitsOf(middle), below, above, bitsOf(-middle)]
      const expected = [even, bits, bits + 1, even | 0x8000]
      if (results.some((result, i) => result !== expected[i]))
        expect.fail(`${bits}: ${results.join()} not ${expected.join()}`)
    }
  })

  it('rounds any double to a neighbour no farther than half a step (seed 1)', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -60000, max: 60000 }), (value) => {
        const result = valueOf(bitsOf(value))
        const step = Math.max(Math.abs(value) * 2 ** -fractionBits, valueOf(1))
        return Math.abs(result - value) <= step / 2 + Number.EPSILON * step
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  it('keeps the sign of zero, infinities and NaN', () => {
    expect(bitsOf(-0)).toBe(0x8000)
    expect(bitsOf(Infinity)).toBe(infinity)
    expect(bitsOf(-Infinity)).toBe(infinity | 0x8000)
    expect(valueOf(bitsOf(NaN))).toBeNaN()
    expect(bitsOf(Number.MIN_VALUE)).toBe(0)
    expect(bitsOf(Number.MAX_VALUE)).toBe(infinity)
  })
})

describe('bfloat16', () => {
  it('agrees with the upper half of float32 where float32 has nothing below it', () => {
    const words = new Uint32Array(1)
    const floats = new Float32Array(words.buffer)
    for (let bits = 0; bits < 0x7f80; bits++) {
      words[0] = bits << 16
      if (bfloat16Bits(floats[0] as number) !== bits) expect.fail(`pattern ${bits}`)
    }
  })
})
