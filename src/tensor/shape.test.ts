import { describe, expect, it } from 'vitest'
import {
  dimsCompatible,
  elementCount,
  expectShape,
  formatShape,
  loosenDims,
  mergeDims,
  rowElementCount,
  shapeMatches,
  staticElementCount,
} from './shape.js'

describe('shape', () => {
  it('counts elements, and refuses products that a double would round', () => {
    expect([elementCount([]), elementCount([2, 3]), rowElementCount([5, 2, 3]), elementCount([4, 0])]).toEqual([
      1, 6, 6, 0,
    ])
    expect([staticElementCount([2, 3]), staticElementCount([2, null])]).toEqual([6, null])
    const shapes = [
      [2 ** 31],
      [2 ** 16, 2 ** 16],
      [2 ** 32, 2 ** 32, 0.5],
      [-1],
      [NaN],
      [1.5],
      new Array<number>(17).fill(1),
    ]
    for (const shape of shapes) {
      expect(() => elementCount(shape), shape.join()).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }))
    }
    expect(elementCount([2 ** 31 - 1])).toBe(2 ** 31 - 1)
  })

  it('lets free dims meet anything and fixed dims only themselves', () => {
    expect(shapeMatches([null, 3], [7, 3])).toBe(true)
    expect(shapeMatches([null, 3], [7, 4])).toBe(false)
    expect(shapeMatches([null, 3], [3])).toBe(false)
    expect(mergeDims([null, 3], [2, null])).toEqual([2, 3])
    expect(mergeDims([null, 3], [2, 4])).toBeNull()
    expect(mergeDims([1], [1, 1])).toBeNull()
    expect(dimsCompatible([null], [null])).toBe(true)
    expect(loosenDims([1, 2, null], [1, 3, 4])).toEqual([1, null, null])
  })

  it('names the axis that is wrong', () => {
    const field = { name: 'x', dtype: 'float32', shape: [null, 3, null] } as const
    expect(formatShape(field.shape)).toBe('[n, 3, ?]')
    expect(() => expectShape(field, [1, 2, 3], false)).toThrow(/\[n, 3, \?\] \(dim 1 is 3\) but received \[1, 2, 3\]/)
    expect(() => expectShape(field, [1, 3, 3], false)).not.toThrow()
  })
})
