/** Tensors without elements: no rows, and zero-length dims anywhere, in every form that a caller may hand in. */
import { describe, expect, it } from 'vitest'
import { EMPTY_NEST_CHARACTERS_MAX } from '../base/limits/limits.js'
import { toTensor } from './convert.js'
import { toNested, writeNested, writeRow } from './print.js'
import type { TensorField } from './tensor.js'

const field = (...shape: (number | null)[]): TensorField => ({ name: 'x', dtype: 'float32', shape })
const empty = (...shape: number[]) => ({ dtype: 'float32', shape, data: new Float32Array(0) }) as const

describe('tensors without elements', () => {
  it.each([
    ['no row', field(null, 12), [], [0, 12]],
    ['no row of scalars', field(null), [], [0]],
    ['no row of a free width', field(null, null, 3), [], [0, 0, 3]],
    ['rows of a free width of 0', field(null, null), [[], []], [2, 0]],
    ['rows whose shape has a 0', field(null, 0, 4), [[], []], [2, 0, 4]],
    ['rows whose shape ends with a 0', field(null, 2, 0), [[[], []]], [1, 2, 0]],
    ['one row without the row axis', field(null, 2, 0), [[], []], [1, 2, 0]],
    ['no row rather than a row of nothing', field(null, 0), [], [0, 0]],
  ])('reads nested arrays of %s', (_, of, value, shape) => {
    expect(toTensor(of, value, false)).toEqual(empty(...shape))
  })

  it('reads tensors of non-batching pipelines, whose first dim means no more than the others', () => {
    expect(toTensor(field(null), [], true)).toEqual(empty(0))
    expect(toTensor(field(null, 4), [], true)).toEqual(empty(0, 4))
    expect(toTensor(field(2, null), [[], []], true)).toEqual(empty(2, 0))
    expect(() => toTensor(field(2, null), [], true)).toThrow(/\(dim 0 is 2\) but received \[0, 0\]/)
  })

  it('reads strings and 64-bit integers as well', () => {
    expect(toTensor({ name: 'x', dtype: 'string', shape: [null, null] }, [[]], false)).toEqual({
      dtype: 'string',
      shape: [1, 0],
      data: [],
    })
    expect(toTensor({ name: 'x', dtype: 'int64', shape: [null, 3] }, [], false).shape).toEqual([0, 3])
  })

  it('reads tensors and flat typed arrays', () => {
    const tensor = empty(0, 3)
    expect(toTensor(field(null, 3), tensor, false)).toBe(tensor)
    expect(toTensor(field(null, 3), new Float32Array(0), false)).toEqual(tensor)
    expect(() => toTensor(field(null, 0), new Float32Array(0), false)).toThrow(
      /has rows without elements but received "a flat array of 0 elements". Pass \{ dtype, shape, data \}/,
    )
  })

  it('refuses arrays that are not all empty', () => {
    expect(() => toTensor(field(null, null), [[], [1]], false)).toThrow(/x\[1\] to be an array of 0 elements/)
    expect(() => toTensor(field(null, null), [[1], []], false)).toThrow(/x\[1\] to be an array of 1 elements/)
  })

  it('prints them with the brackets that their shape has', () => {
    expect(writeNested(empty(0, 3))).toBe('[]')
    expect(writeNested(empty(2, 0, 4))).toBe('[[],[]]')
    expect(writeNested(empty(1, 2, 0))).toBe('[[[],[]]]')
    expect(writeRow(empty(1, 2, 0), 0)).toBe('[[],[]]')
    expect(toNested(empty(2, 0, 3))).toEqual([[], []])
  })

  it('prints no more brackets than a person could read', () => {
    const arrays = EMPTY_NEST_CHARACTERS_MAX / 3
    expect(() => writeNested(empty(Math.ceil(arrays), 0))).toThrow(
      expect.objectContaining({ code: 'ERR_RUN_FAILED', message: expect.stringMatching(/too large/) as string }),
    )
    expect(writeNested(empty(1000, 0))).toHaveLength(3001)
  })
})
