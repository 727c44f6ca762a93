import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../base/errors.js'
import { toTensor } from './convert.js'
import { rowInputs } from './row-inputs.js'
import type { TensorField } from './tensor.js'

const fields: readonly TensorField[] = [
  { name: 'alcohol', dtype: 'float32', shape: [null] },
  { name: 'type', dtype: 'string', shape: [null] },
  { name: 'pair', dtype: 'float64', shape: [null, 2] },
]
const count: TensorField = { name: 'count', dtype: 'int64', shape: [null] }

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isPenstockError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'nothing was thrown'
}

const strangers = [{}, 'x'] as never

describe('rows as inputs', () => {
  it('one or many become columns, and what is missing is null, which tensors know', () => {
    const rows = [
      { type: 'red', alcohol: 9.5, pair: [1, 2] },
      { pair: [3, null], alcohol: null },
    ]
    const inputs = rowInputs(fields, rows)
    const tensors = fields.map((field) => toTensor(field, inputs[field.name], false))
    expect(tensors.map(({ shape }) => shape)).toEqual([[2], [2], [2, 2]])
    expect(tensors.map(({ data }) => [...data])).toEqual([
      [9.5, NaN],
      ['red', ''],
      [1, 2, 3, NaN],
    ])
    expect(rowInputs([count], { count: 7n })).toEqual({ count: [7n] })
  })

  it('says which row has a member too many or too few, and no list is empty', () => {
    expect(refusal(() => rowInputs(fields, []))).toMatch(/ERR_ARGUMENT: Expected rows to be .*an empty list/)
    expect(refusal(() => rowInputs(fields, strangers))).toMatch(/ERR_ARGUMENT: Expected rows\[1\] to be an object/)
    expect(refusal(() => rowInputs(fields, [{}, { alcohl: 1 }]))).toMatch(
      /ERR_UNKNOWN_INPUT: Expected rows\[1\] .* received alcohl too. Did you mean alcohol\?/,
    )
    expect(refusal(() => rowInputs([count], [{ count: 1 }, { count: null }]))).toMatch(
      /ERR_MISSING_INPUT: Expected rows\[1\] to have count .* int64. Send a value, or leave out the row/,
    )
    expect(refusal(() => rowInputs([count], JSON.parse('{"__proto__": 1}') as object as never))).toMatch(
      /ERR_MISSING_INPUT/,
    )
  })
})
