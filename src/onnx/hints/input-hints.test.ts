import { describe, expect, it } from 'vitest'
import { inputHints, readOnnx } from '../index.js'
import { buildModel, type BuiltNode, type BuiltTensor } from '../testing/build.js'

const tensor = (name: string, dims: readonly number[]): BuiltTensor => ({
  name,
  dtype: 'float32',
  dims,
  data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
})

function hintsOf(nodes: readonly BuiltNode[], initializers: readonly BuiltTensor[] = []) {
  const bytes = buildModel({
    nodes,
    inputs: [['x', 'float32', [null, null]]],
    outputs: [['y', 'float32', null]],
    initializers,
  })
  return inputHints(readOnnx(bytes)).get('x')
}
const node = (
  op: string,
  inputs: readonly string[],
  attributes: NonNullable<BuiltNode['attributes']> = {},
  output = 'y',
): BuiltNode => ({ op, inputs, outputs: [output], attributes })

describe('hints of inputs', () => {
  it.each([
    ['Gemm', node('Gemm', ['x', 'w']), [12, 2], [null, 12]],
    ['Gemm with transB', node('Gemm', ['x', 'w'], { transB: 1 }), [2, 12], [null, 12]],
    ['MatMul', node('MatMul', ['x', 'w']), [12, 2], [null, 12]],
    ['Conv of two groups', node('Conv', ['x', 'w'], { group: 2 }), [8, 3, 5, 5], [null, 6, null, null]],
    ['a bias for every column alike', node('Add', ['x', 'w']), [1], null],
    ['weights of three axes', node('MatMul', ['x', 'w']), [2, 12, 2], null],
  ])('%s says how wide its input is', (_what, made, dims, expected) => {
    expect(hintsOf([made], [tensor('w', dims)])?.dims ?? null).toEqual(expected)
  })

  it.each([
    ['Scaler', node('Scaler', ['x'], { offset: new Float32Array(12), scale: Float32Array.of(1) })],
    ['Imputer', node('Imputer', ['x'], { imputed_value_floats: new Float32Array(12) })],
    [
      'LinearClassifier',
      node('LinearClassifier', ['x'], { coefficients: new Float32Array(36), intercepts: new Float32Array(3) }),
    ],
    ['LinearRegressor', node('LinearRegressor', ['x'], { coefficients: new Float32Array(24), targets: 2 })],
    ['SVMRegressor', node('SVMRegressor', ['x'], { support_vectors: new Float32Array(60), n_supports: 5 })],
    [
      'SVMClassifier',
      node('SVMClassifier', ['x'], { support_vectors: new Float32Array(60), vectors_per_class: [2, 3] }),
    ],
  ])('%s says it by its attributes', (_what, made) => {
    expect(hintsOf([made])?.dims).toEqual([null, 12])
  })

  it('trees and chosen columns say how many they read at least', () => {
    expect(hintsOf([node('TreeEnsembleRegressor', ['x'], { nodes_featureids: [3, 11, 0] })])).toMatchObject({
      dims: null,
      columnsMin: 12,
    })
    expect(hintsOf([node('Sub', ['x', 'w'])], [tensor('w', [1, 12])])).toMatchObject({ dims: null, columnsMin: 12 })
    const indices: BuiltTensor = { name: 'i', dtype: 'int64', dims: [2], data: BigInt64Array.of(4n, 2n) }
    expect(hintsOf([node('ArrayFeatureExtractor', ['x', 'i'])], [indices])?.columnsMin).toBe(5)
    expect(hintsOf([node('Gather', ['x', 'i'], { axis: 1 })], [indices])?.columnsMin).toBe(5)
  })

  it('encoders say which values they know, tables how many', () => {
    expect(hintsOf([node('OneHotEncoder', ['x'], { cats_strings: ['S', 'C'] })])?.texts).toEqual(['S', 'C'])
    expect(hintsOf([node('OneHotEncoder', ['x'], { cats_int64s: [7, 9] })])?.integers).toEqual([7, 9])
    expect(hintsOf([node('LabelEncoder', ['x'], { keys_strings: ['a'] })])?.texts).toEqual(['a'])
    const keys: BuiltTensor = { name: 'k', dtype: 'string', dims: [2], data: ['p', 'q'] }
    expect(hintsOf([node('LabelEncoder', ['x'], { keys_tensor: { tensor: keys } })])?.texts).toEqual(['p', 'q'])
    expect(hintsOf([node('Equal', ['x', 'k'])], [keys])?.texts).toEqual(['p', 'q'])
    expect(hintsOf([node('Gather', ['w', 'x'])], [tensor('w', [500, 16])])?.integerEnd).toBe(500)
  })

  it('are found behind what passes values on, and only as far as it does', () => {
    const weights = [tensor('w', [12, 2])]
    const behind = (op: string) => hintsOf([node(op, ['x'], {}, 'z'), node('Gemm', ['z', 'w'])], weights)
    expect(behind('Cast')?.dims).toEqual([null, 12])
    expect(behind('Transpose')?.dims ?? null).toBeNull()
    const encoded = hintsOf([
      node('Concat', ['a', 'x'], { axis: 1 }, 'both'),
      node('ArrayFeatureExtractor', ['both', 'i'], {}, 'one'),
      node('OneHotEncoder', ['one'], { cats_strings: ['S'] }),
    ])
    expect(encoded).toMatchObject({ texts: ['S'], dims: null, columnsMin: 0 })
  })

  it('that contradict each other say nothing of the shape', () => {
    const both = hintsOf(
      [node('Gemm', ['x', 'w'], {}, 'a'), node('Gemm', ['x', 'v'])],
      [tensor('w', [12, 2]), tensor('v', [5, 2])],
    )
    expect(both?.dims).toBeNull()
  })

  it('of a graph that runs in a circle end', () => {
    expect(
      hintsOf([node('Cast', ['x'], {}, 'a'), node('Cast', ['a'], {}, 'b'), node('Cast', ['b'], {}, 'a')]),
    ).toBeUndefined()
  })
})
