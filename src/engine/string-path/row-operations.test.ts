import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../tensor/tensor.js'
import { castTensor, concatenateRows, rowView, scatterRows, takeRows } from './row-operations.js'

const numbers: Tensor = { dtype: 'int32', shape: [3, 2], data: Int32Array.of(1, 2, 3, 4, 5, 6) }
const texts: Tensor = { dtype: 'string', shape: [3], data: ['a', 'b', 'c'] }

describe('plain tensors', () => {
  test('rows are taken in the order asked for', () => {
    expect(takeRows(numbers, [2, 0])).toEqual({ dtype: 'int32', shape: [2, 2], data: Int32Array.of(5, 6, 1, 2) })
    expect(takeRows(texts, [1, 1])).toEqual({ dtype: 'string', shape: [2], data: ['b', 'b'] })
  })

  test('rows that went separate ways come back in place', () => {
    for (const tensor of [numbers, texts]) {
      const parts = [[2], [0, 1]].map((rows) => ({ rows, tensor: takeRows(tensor, rows) }))
      expect(scatterRows([...parts, null], 3)).toEqual(tensor)
    }
  })

  test('one part of all rows is passed on as it is', () => {
    expect(scatterRows([null, { rows: null, tensor: texts }], 3)).toBe(texts)
  })

  test('concatenation keeps order and dims', () => {
    expect(concatenateRows([takeRows(numbers, [0]), takeRows(numbers, [1, 2])])).toEqual(numbers)
  })

  test('a row view spans the row, or the whole tensor when it has no rows', () => {
    expect(rowView(numbers, 1, false)).toMatchObject({ start: 2, count: 2 })
    expect(rowView(numbers, 0, true)).toMatchObject({ start: 0, count: 6 })
    expect(rowView(texts, 2, false)).toMatchObject({ start: 2, count: 1 })
  })

  test('casts that lose nothing are made, others refused', () => {
    expect(castTensor(numbers, 'float64').data).toEqual(Float64Array.of(1, 2, 3, 4, 5, 6))
    expect(castTensor(numbers, 'int32')).toBe(numbers)
    expect(() => castTensor(numbers, 'float32')).toThrow(/without loss/)
  })
})
