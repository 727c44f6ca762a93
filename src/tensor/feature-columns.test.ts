/** A table with one column per feature becomes the one tensor of a pipeline, or is refused with its width. */
import { describe, expect, it } from 'vitest'
import { planFeatureColumns } from './feature-columns.js'
import type { Dtype, TensorField } from './tensor.js'

const x = (shape: (number | null)[], dtype: Dtype = 'float32'): TensorField => ({ name: 'x', dtype, shape })
const plan = (columns: string[], field = x([null, 3]), names?: string[]): unknown =>
  planFeatureColumns([field], false, columns, names)
const orderOf = (columns: string[], field?: TensorField, names?: string[]): unknown => {
  const found = plan(columns, field, names) as { columns?: readonly string[] } | null
  return found?.columns
}

describe('one column per feature', () => {
  it('takes exactly as many columns as the tensor is wide, as they stand', () => {
    expect(plan(['pH', 'alcohol', 'age'])).toEqual({
      kind: 'features',
      field: x([null, 3]),
      columns: ['pH', 'alcohol', 'age'],
    })
  })

  it('orders numbered columns by their numbers, from 0 or from 1', () => {
    const sorted = ['f0', 'f1', 'f10', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', 'f8', 'f9']
    expect(orderOf(sorted, x([null, 11]))).toEqual(Array.from({ length: 11 }, (_, index) => `f${index}`))
    expect(orderOf(['x[2]', 'x[0]', 'x[1]'])).toEqual(['x[0]', 'x[1]', 'x[2]'])
    expect(orderOf(['3', '1', '2'])).toEqual(['1', '2', '3'])
  })

  it('leaves the order alone when the numbers have a gap, repeat, or their names differ', () => {
    for (const columns of [
      ['f3', 'f0', 'f1'],
      ['a2', 'b0', 'a1'],
      ['f1', 'f01', 'f2'],
      ['f2', 'f0', 'mass'],
    ])
      expect(orderOf(columns)).toEqual(columns)
  })

  it('orders by the names of the features where they are known', () => {
    expect(orderOf(['c', 'a', 'b'], x([null, 3]), ['a', 'b', 'c'])).toEqual(['a', 'b', 'c'])
    expect(orderOf(['c', 'a', 'z'], x([null, 3]), ['a', 'b', 'c'])).toEqual(['c', 'a', 'z'])
  })

  it('refuses any other number of columns with the width and the columns', () => {
    expect(plan(['a', 'b'])).toEqual({
      kind: 'refused',
      reason:
        'Expected a column "x" of float32 [n, 3], or one column for each of its 3 features, but received 2: "a", "b". ' +
        'Add the missing columns; a missing value is null, or an empty cell, in a column that is there, or send "x" with a list in each row',
    })
    expect(plan(['a', 'b', 'c', 'id'])).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('received 4: "a", "b", "c", "id". Leave out the columns') as string,
    })
    expect(plan([])).toMatchObject({ reason: expect.stringContaining('received none') as string })
    const many = Array.from({ length: 500 }, (_, index) => `column ${index}`)
    expect(plan(many)).toMatchObject({ reason: expect.stringContaining('… and 488 more') as string })
  })

  it('does not apply where the input is there, is no [n, k] of numbers, or is not alone', () => {
    expect(plan(['x', 'a', 'b'])).toBe(null)
    expect(plan(['a', 'b', 'c'], x([null, 3], 'string'))).toBe(null)
    expect(plan(['a'], x([null, 1]))).toBe(null)
    expect(plan(['a'], x([null]))).toBe(null)
    expect(plan(['a', 'b', 'c'], x([null, null]))).toBe(null)
    expect(plan(['a', 'b', 'c'], x([null, 1, 3]))).toBe(null)
    expect(planFeatureColumns([x([null, 3])], true, ['a', 'b', 'c'])).toBe(null)
    expect(planFeatureColumns([x([null, 3]), { ...x([null, 3]), name: 'y' }], false, ['a', 'b', 'c'])).toBe(null)
    expect(planFeatureColumns([], false, ['a'])).toBe(null)
  })
})
