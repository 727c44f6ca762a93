import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { float32ToJson, writeNested, writeRow } from './print.js'
import type { Tensor } from './tensor.js'

const words = new Uint32Array(1)
const floats = new Float32Array(words.buffer)

describe('float32ToJson', () => {
  it('prints the digits that a float32 has, without the noise of its double', () => {
    for (const text of [
      '0.981199',
      '0.1',
      '1e-45',
      '3.4028235e+38',
      '16777216',
      '0.0014974177',
      '-1.5',
      '1e-7',
      '1e+21',
      '100000000',
    ]) {
      expect(float32ToJson(Math.fround(Number(text)))).toBe(text)
    }
    expect([float32ToJson(0), float32ToJson(-0)]).toEqual(['0', '-0'])
    expect([float32ToJson(NaN), float32ToJson(Infinity), float32ToJson(-Infinity)]).toEqual(['null', 'null', 'null'])
  })

  it('reads back to the same float32 with no shorter decimal doing so, for patterns of all exponents (seed 11)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (pattern) => {
        words[0] = pattern
        const value = floats[0] as number
        if (!Number.isFinite(value)) return float32ToJson(value) === 'null'
        const text = float32ToJson(value)
        if (Math.fround(Number(text)) !== value || String(Number(text)) !== text.replace(/^-0$/, '0')) return false
        let digitCount = 1
        while (Math.fround(Number(value.toPrecision(digitCount))) !== value) digitCount++
        const digits = text.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '')
        return digits.length <= digitCount
      }),
      { seed: 11, numRuns: 20_000 },
    )
  })
})

describe('writeNested', () => {
  const tensor: Tensor = {
    dtype: 'int64',
    shape: [3, 2],
    data: new BigInt64Array([1n, -(2n ** 63n), 3n, 4n, 5n, 2n ** 63n - 1n]),
  }

  it('prints 64-bit integers exactly, whole and by rows', () => {
    expect(writeNested(tensor)).toBe('[[1,-9223372036854775808],[3,4],[5,9223372036854775807]]')
    expect(writeNested(tensor, 1, 1)).toBe('[[3,4]]')
    expect(writeNested(tensor, 1)).toBe('[[3,4],[5,9223372036854775807]]')
    expect(writeNested(tensor, 3, 0)).toBe('[]')
    expect(writeRow(tensor, 2)).toBe('[5,9223372036854775807]')
  })

  it('prints every dtype as JSON', () => {
    const half: Tensor = { dtype: 'float16', shape: [2], data: new Uint16Array([0x3c00, 0x2e66]) }
    expect(writeNested(half)).toBe('[1,0.099975586]')
    expect(writeNested({ dtype: 'bfloat16', shape: [1], data: new Uint16Array([0x3f80]) })).toBe('[1]')
    expect(writeNested({ dtype: 'bool', shape: [2], data: new Uint8Array([0, 1]) })).toBe('[false,true]')
    expect(writeNested({ dtype: 'string', shape: [1, 1], data: ['a"\u2028\n'] })).toBe('[["a\\"\u2028\\n"]]')
    expect(writeNested({ dtype: 'float64', shape: [4], data: new Float64Array([0.1, NaN, -Infinity, -0]) })).toBe(
      '[0.1,null,null,-0]',
    )
    expect(writeNested({ dtype: 'uint8', shape: [], data: new Uint8Array([7]) })).toBe('7')
    expect(writeRow({ dtype: 'uint8', shape: [2], data: new Uint8Array([7, 8]) }, 1)).toBe('8')
    expect(writeNested({ dtype: 'float32', shape: [1, 2, 2], data: new Float32Array([1, 2, 3, 4]) })).toBe(
      '[[[1,2],[3,4]]]',
    )
  })

  it('prints outputs that are empty', () => {
    expect(writeNested({ dtype: 'float32', shape: [0, 4], data: new Float32Array(0) })).toBe('[]')
    expect(writeNested({ dtype: 'float32', shape: [2, 0], data: new Float32Array(0) })).toBe('[[],[]]')
  })

  it('refuses rows that are not there', () => {
    expect(() => writeNested(tensor, 2, 2)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
    expect(() => writeNested(tensor, -1)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
    expect(() => writeRow(tensor, 3)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
  })
})
