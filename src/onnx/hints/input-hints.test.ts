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

  describe('of columns that a graph takes apart', () => {
    const int64 = (name: string, ...values: number[]): BuiltTensor => ({
      name,
      dtype: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    })
    const encoders = [
      node('OneHotEncoder', ['p'], { cats_strings: ['a', 'b'] }, 'y'),
      node('OneHotEncoder', ['q'], { cats_strings: ['left'] }, 'z'),
    ]
    const indices = [int64('zero', 0), int64('one', 1), int64('two', 2), int64('ends', 1, 3), int64('sizes', 1, 2)]

    it.each([
      [
        'ArrayFeatureExtractor',
        [
          ['ArrayFeatureExtractor', ['x', 'zero'], {}],
          ['ArrayFeatureExtractor', ['x', 'two'], {}],
        ],
      ],
      [
        'Gather',
        [
          ['Gather', ['x', 'zero'], { axis: 1 }],
          ['Gather', ['x', 'two'], { axis: -1 }],
        ],
      ],
      [
        'Slice',
        [
          ['Slice', ['x', 'zero', 'one', 'one'], {}],
          ['Slice', ['x'], { starts: [2], ends: [3], axes: [1] }],
        ],
      ],
    ] as const)('%s says them of each', (_what, [first, second]) => {
      const taken = [node(first[0], first[1], first[2], 'p'), node(second[0], second[1], second[2], 'q')]
      const hint = hintsOf([...taken, ...encoders], indices)
      expect(hint?.texts).toEqual([])
      expect([...(hint?.columns ?? [])].map(([column, { texts }]) => [column, texts]).sort()).toEqual([
        [0, ['a', 'b']],
        [2, ['left']],
      ])
    })

    it('Split says them of each part, the second as well as the first', () => {
      const split = { ...node('Split', ['x', 'sizes'], { axis: 1 }), outputs: ['p', 'q'] }
      const hint = hintsOf([split, ...encoders], indices)
      expect([...(hint?.columns ?? [])].map(([column, { texts }]) => [column, texts])).toEqual(
        expect.arrayContaining([
          [0, ['a', 'b']],
          [1, ['left']],
          [2, ['left']],
        ]),
      )
    })

    it('behind a Concat of several inputs are those of each input', () => {
      const bytes = buildModel({
        nodes: [
          node('Concat', ['first', 'x'], { axis: 1 }, 'all'),
          node('ArrayFeatureExtractor', ['all', 'zero'], {}, 'p'),
          node('ArrayFeatureExtractor', ['all', 'two'], {}, 'q'),
          ...encoders,
        ],
        inputs: [
          ['first', 'string', ['n', 2]],
          ['x', 'string', ['n', 1]],
        ],
        outputs: [['y', 'float32', null]],
        initializers: indices,
      })
      const hints = inputHints(readOnnx(bytes))
      expect(hints.get('first')?.columns.get(0)?.texts).toEqual(['a', 'b'])
      expect(hints.get('first')?.columns.has(1)).toBe(false)
      expect([...(hints.get('x')?.columns ?? [])].map(([column, { texts }]) => [column, texts])).toEqual([
        [0, ['left']],
      ])
    })

    it('that a turn mixes up are said of those that may be there', () => {
      const hint = hintsOf(
        [
          node('ArrayFeatureExtractor', ['x', 'ends'], {}, 't'),
          node('Transpose', ['t'], {}, 'u'),
          node('Gather', ['u', 'zero'], { axis: 1 }, 'p'),
          encoders[0] as BuiltNode,
        ],
        indices,
      )
      expect([...(hint?.columns.keys() ?? [])]).toEqual([1, 3])
    })
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
