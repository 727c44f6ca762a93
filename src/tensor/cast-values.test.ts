/** A value goes into another dtype as long as that holds it; the first that does not is found. */
import { describe, expect, it } from 'vitest'
import { castValues } from './cast-values.js'
import { allocateData, viewData, type NumericData } from './dtype.js'
import { bfloat16Bits, float16Bits } from './float16.js'
import type { NumericDtype } from './tensor.js'

function cast(from: NumericDtype, values: readonly (number | bigint)[], to: NumericDtype): [number, unknown[]] {
  const source = allocateData(from, values.length)
  values.forEach((value, index) => (source[index] = value as never))
  const target: NumericData = allocateData(to, values.length)
  const bad = castValues(source, from, target, to)
  return [bad, Array.from(target as Float64Array)]
}

describe('casts by value', () => {
  it.each([
    ['float64', [0.1, -2, NaN, Infinity], 'float32', [Math.fround(0.1), -2, NaN, Infinity]],
    ['int64', [2n ** 53n + 1n, -1n], 'float32', [2 ** 53, -1]],
    ['int64', [7n, -(2n ** 31n)], 'int32', [7, -(2 ** 31)]],
    ['float64', [3, -0], 'int8', [3, 0]],
    ['float32', [3, -3], 'int64', [3n, -3n]],
    ['uint64', [2n ** 63n - 1n], 'int64', [2n ** 63n - 1n]],
    ['bool', [1, 0], 'float32', [1, 0]],
    ['int64', [1n, 0n], 'bool', [1, 0]],
    ['float64', [65504, -0.5], 'float16', [float16Bits(65504), float16Bits(-0.5)]],
    ['float16', [float16Bits(1.5), float16Bits(2)], 'float32', [1.5, 2]],
    ['bfloat16', [bfloat16Bits(3)], 'int32', [3]],
  ] as const)('case %#: %s', (from, values, to, wanted) => {
    expect(cast(from, values, to)).toEqual([-1, wanted])
  })

  it.each([
    ['float64', [1, 1e39], 'float32'],
    ['int64', [1n, 2n ** 40n], 'int32'],
    ['int64', [1n, -1n], 'uint8'],
    ['uint64', [1n, 2n ** 63n], 'int64'],
    ['int64', [1n, -1n], 'uint64'],
    ['float64', [1, 2.5], 'int32'],
    ['float64', [1, NaN], 'int64'],
    ['float64', [1, Infinity], 'int64'],
    ['float64', [1, NaN], 'uint8'],
    ['float32', [1, 2 ** 63], 'int64'],
    ['float64', [1, 65520], 'float16'],
    ['int64', [1n, 2n], 'bool'],
    ['float64', [1, 0.5], 'bool'],
    ['uint64', [1n, 2n ** 64n - 1n], 'int32'],
  ] as const)('refuses the second: case %# from %s', (from, values, to) => {
    expect(cast(from, values, to)[0]).toBe(1)
  })

  it('puts a column between others', () => {
    const target = allocateData('float32', 6)
    castValues(viewData('int32', Int32Array.of(1, 2, 3).buffer), 'int32', target, 'float32', { start: 1, step: 2 })
    expect(Array.from(target as Float32Array)).toEqual([0, 1, 0, 2, 0, 3])
  })
})
