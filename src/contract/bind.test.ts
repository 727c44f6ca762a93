/** Which tensors the fields of a contract are, and what is refused because it provably cannot be. */
import { describe, expect, it } from 'vitest'
import type { PenstockError } from '../base/errors.js'
import type { TensorField } from '../tensor/tensor.js'
import { bindContract, type BindableOutput, type ContractBinding } from './bind.js'
import { parseContract } from './parse.js'
import { resolveContract } from './resolve.js'

const input = (name: string, dtype: TensorField['dtype'], ...row: (number | null)[]): TensorField => ({
  name,
  dtype,
  shape: [null, ...row],
})
const y: BindableOutput = { name: 'y', dtype: 'float32', shape: [null, 1] }
const scores: BindableOutput = { name: 'scores', dtype: 'float32', shape: [null, 3], classes: ['bad', 'good', 'best'] }

function bind(
  fields: readonly object[],
  inputs: readonly TensorField[] | null,
  outputs: readonly BindableOutput[] = [y],
): ContractBinding {
  return bindContract('c@1', resolveContract(parseContract(fields, 'c')), { inputs, outputs })
}

function refusal(...parameters: Parameters<typeof bind>): string {
  try {
    bind(...parameters)
  } catch (error) {
    expect((error as PenstockError).code).toBe('ERR_PIPELINE_INVALID')
    return (error as PenstockError).message
  }
  throw new Error('bound')
}

const age = { name: 'age', dtype: 'float32' }
const sex = { name: 'sex', dtype: 'string' }
const id = { name: 'id', dtype: 'int64', role: 'entity' }

describe('a contract is bound', () => {
  it('by name, whatever the order, fields with other roles aside', () => {
    const inputs = [input('sex', 'string', 1), input('age', 'float64')]
    expect(bind([id, age, sex], inputs).features).toEqual([
      { field: 1, input: 1, columns: null },
      { field: 2, input: 0, columns: null },
    ])
  })

  it('in its order to the columns of the only input, lists with all their elements', () => {
    const fields = [age, { name: 'place', dtype: 'float32', shape: [2] }, id, { name: 'size', dtype: 'int8' }]
    for (const width of [4, null])
      expect(bind(fields, [input('x', 'float32', width)]).features).toEqual([
        { field: 0, input: 0, columns: { start: 0, count: 1 } },
        { field: 1, input: 0, columns: { start: 1, count: 2 } },
        { field: 3, input: 0, columns: { start: 3, count: 1 } },
      ])
  })

  it('without inputs that have a default, and without features where a step makes the inputs', () => {
    const spare: TensorField = { ...input('threshold', 'float32'), default: { shape: [1], data: [0] } }
    expect(bind([age], [input('age', 'float32', 1), spare]).features).toHaveLength(1)
    expect(bind([age, sex], null).features).toBe(null)
  })

  it('to whole lists of the same dims, free ones included', () => {
    const image = { name: 'image', dtype: 'uint8', shape: [null, 8] }
    for (const row of [
      [null, 8],
      [4, null],
      [4, 8],
    ] as const)
      expect(bind([image], [input('image', 'uint8', ...row)]).features).toHaveLength(1)
    expect(refusal([image], [input('image', 'uint8', 4, 9)])).toBe(
      'Expected the feature image to have the shape [4, 9], as a row of the input has, but it has [?, 8]',
    )
  })

  it('with answers by their own name, by a place, and by the name of a class', () => {
    const answers = [
      { name: 'y', dtype: 'float32', role: 'prediction' },
      { name: 'all', dtype: 'float32', shape: [3], role: 'prediction', from: { output: 'scores' } },
      { name: 'p good', dtype: 'float32', role: 'probability', class: 'good', from: { output: 1 } },
      { name: 'p last', dtype: 'float32', role: 'probability', class: 'x', from: { output: 1, column: 2 } },
      { name: 'model', dtype: 'string', role: 'modelVersion' },
    ]
    expect(bind([age, ...answers], [input('age', 'float32')], [y, scores]).outputs).toEqual([
      { field: 0, output: 0, column: null },
      { field: 1, output: 1, column: null },
      { field: 2, output: 1, column: 1 },
      { field: 3, output: 1, column: 2 },
      { field: 4, output: null, column: null },
    ])
  })

  it.each<[string, Parameters<typeof bind>, RegExp]>([
    [
      'an input without feature',
      [[age], [input('age', 'float32'), input('fare', 'float32')]],
      /each input of the pipeline but there is none for fare$/,
    ],
    [
      'a misspelt feature',
      [
        [age, { name: 'fares', dtype: 'float32' }],
        [input('age', 'float32'), input('fare', 'float32')],
      ],
      /none for fare\. Did you mean fares\?; Expected the feature fares .*Did you mean fare\?/,
    ],
    [
      'a feature too many',
      [[age, sex], [input('age', 'float32')]],
      /Expected the feature sex of c@1 to be an input of the pipeline\. Its inputs are age/,
    ],
    [
      'another width',
      [[age, { name: 'b', dtype: 'float32' }], [input('x', 'float32', 3)]],
      /to fill the 3 columns of the input x but they have 2: age, b/,
    ],
    [
      'columns of an image',
      [[age, { name: 'b', dtype: 'float32' }], [input('x', 'float32', 2, 1)]],
      /its shape \[n, 2, 1\] is none that they could fill/,
    ],
    [
      'texts among numbers',
      [[age, sex], [input('x', 'float32', 2)]],
      /Expected the feature sex to be a number, as the input x is \(float32\), but its dtype is string/,
    ],
    ['a number for a text', [[age], [input('age', 'string', 1)]], /Expected the feature age to be string/],
    [
      'a missing integer',
      [[{ name: 'n', dtype: 'int64?' }], [input('n', 'int64', 1)]],
      /Expected the feature n to have a value in every row.*impute/,
    ],
    [
      'a list for a scalar',
      [[{ ...age, shape: [2] }], [input('age', 'float32', 1)]],
      /to have the shape \[1\], as a row of the input has, but it has \[2\]/,
    ],
    [
      'an answer without output',
      [[age, { name: 'prediction', dtype: 'float32', role: 'prediction' }], [input('age', 'float32')]],
      /which has y, but it says prediction\. Say where it is/,
    ],
    [
      'a misspelt output',
      [
        [age, { name: 'q', dtype: 'float32', role: 'prediction', from: { output: 'score' } }],
        [input('age', 'float32')],
        [scores],
      ],
      /it says score\. Did you mean scores\?/,
    ],
    [
      'a position beyond the outputs',
      [[age, { name: 'q', dtype: 'float32', role: 'prediction', from: { output: 1 } }], [input('age', 'float32')]],
      /which has y, but it says 1$/,
    ],
    [
      'a text out of numbers',
      [[age, { name: 'y', dtype: 'string', role: 'prediction' }], [input('age', 'float32')]],
      /Expected y to be of the output's kind, float32/,
    ],
    [
      'one value out of three',
      [[age, { name: 'scores', dtype: 'float32', role: 'prediction' }], [input('age', 'float32')], [scores]],
      /to have the shape \[3\].*Say which column it is/,
    ],
    [
      'a column beyond the width',
      [
        [age, { name: 'q', dtype: 'float32', role: 'prediction', from: { output: 0, column: 3 } }],
        [input('age', 'float32')],
        [scores],
      ],
      /which has 3 columns and the classes bad, good, best, but it says 3/,
    ],
    [
      'a class that there is not',
      [
        [age, { name: 'q', dtype: 'float32', role: 'probability', class: 'worst', from: { output: 0 } }],
        [input('age', 'float32')],
        [scores],
      ],
      /but it says worst\. Say its position/,
    ],
    [
      'a class without names',
      [
        [age, { name: 'q', dtype: 'float32', role: 'probability', class: 0, from: { output: 0 } }],
        [input('age', 'float32')],
        [{ ...scores, classes: undefined }],
      ],
      /3 columns and no names of classes/,
    ],
  ])('but not with %s', (_, parameters, message) => {
    expect(refusal(...parameters)).toMatch(message)
  })
})
