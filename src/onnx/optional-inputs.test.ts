import { describe, expect, it } from 'vitest'
import { readOnnx, takeUpload } from './index.js'
import { buildModel, type BuiltModel, type BuiltTensor } from './testing/build.js'

const noFiles = new Map<string, Uint8Array>()
const scale: BuiltTensor = { name: 't', dtype: 'float32', dims: [1], data: Float32Array.of(0.5) }
const made = (changes: Partial<BuiltModel> = {}) => {
  const bytes = buildModel({
    nodes: [{ op: 'Greater', inputs: ['x', 't'], outputs: ['y'] }],
    inputs: [
      ['x', 'float32', ['n', 3]],
      ['t', 'float32', [1]],
    ],
    outputs: [['y', 'bool', ['n', 3]]],
    initializers: [scale],
    ...changes,
  })
  return takeUpload({ bytes, dataFiles: noFiles })
}

describe('inputs with a default', () => {
  it('lose their initializer and keep its value', () => {
    const { model, defaults } = made()
    expect([...defaults]).toEqual([['t', { shape: [1], data: [0.5] }]])
    expect(model.graph.initializers).toEqual([])
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x', 't'])
  })

  it('keep the exact values of 64-bit integers and texts', () => {
    const long: BuiltTensor = { name: 't', dtype: 'int64', dims: [2], data: BigInt64Array.of(2n ** 60n, -3n) }
    expect(made({ initializers: [long] }).defaults.get('t')?.data).toEqual(['1152921504606846976', -3])
    const text: BuiltTensor = { name: 't', dtype: 'string', dims: [1], data: ['ä'] }
    expect(made({ initializers: [text] }).defaults.get('t')?.data).toEqual(['ä'])
  })

  const matrix: BuiltTensor = { name: 't', dtype: 'float32', dims: [3, 3], data: new Float32Array(9) }
  const bias: BuiltTensor = { name: 't', dtype: 'float32', dims: [3], data: new Float32Array(3) }
  const many = Array.from({ length: 9 }, (_, i): BuiltTensor => ({ ...scale, name: `t${i}` }))
  it.each([
    ['a file before IR version 4, which has to list all weights', { irVersion: 3 }],
    ['a matrix', { initializers: [matrix] }],
    [
      'an operand of a product',
      { nodes: [{ op: 'Gemm', inputs: ['x', 'w', 't'], outputs: ['y'] }], initializers: [bias] },
    ],
    [
      'more than a few',
      {
        inputs: [['x', 'float32', ['n', 3]] as const, ...many.map(({ name }) => [name, 'float32', [1]] as const)],
        initializers: many,
      },
    ],
    ['a value that JSON cannot carry', { initializers: [{ ...scale, data: Float32Array.of(Infinity) }] }],
    ['a graph of nothing else', { inputs: [['t', 'float32', [1]] as const] }],
    ['an initializer that is no input', { inputs: [['x', 'float32', ['n', 3]] as const] }],
  ])('are not offered: %s', (_what, changes) => {
    const { bytes, ...taken } = { ...made(changes) }
    expect(taken.defaults.size).toBe(0)
    expect(taken.changes).toEqual([])
    expect(readOnnx(bytes).graph.initializers.length).toBe(taken.model.graph.initializers.length)
  })
})
