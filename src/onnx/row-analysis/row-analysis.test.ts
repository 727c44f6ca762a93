/**
 * Operator by operator: which keep the rows of a batch apart, which mix them, and which are not known. Every case is a graph
 * of one node, or of the few that make its point.
 */
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../tensor/tensor.js'
import { readOnnx } from '../index.js'
import {
  buildModel,
  type BuiltAttribute,
  type BuiltGraph,
  type BuiltModel,
  type BuiltNode,
  type BuiltTensor,
} from '../testing/build.js'
import { analyzeRows } from './index.js'

type Operand =
  | { readonly kind: 'rows'; readonly inner: readonly number[]; readonly permutation?: readonly number[] }
  | { readonly kind: 'constant'; readonly tensor: Omit<BuiltTensor, 'name'> }
  | { readonly kind: 'absent' }

interface Setting {
  readonly attributes?: Readonly<Record<string, BuiltAttribute>>
  readonly opset?: number
  readonly domain?: string
  readonly outputs?: number
  /** Moves the result's axes before it is looked at. */
  readonly back?: readonly number[]
}

/** An input [n, ...inner], its axes in the order of `permutation` when the node sees it. */
const rows = (inner: readonly number[], permutation?: readonly number[]): Operand => ({
  kind: 'rows',
  inner,
  ...(permutation === undefined ? {} : { permutation }),
})
const floats = (...dims: number[]): Operand => ({ kind: 'constant', tensor: tensor('float32', dims) })
const ints = (...values: number[]): Operand => ({
  kind: 'constant',
  tensor: { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) },
})
const scalar = (value: number): Operand => ({
  kind: 'constant',
  tensor: { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) },
})
const scales = (...values: number[]): Operand => ({
  kind: 'constant',
  tensor: { dtype: 'float32', dims: [values.length], data: Float32Array.from(values) },
})
const absent: Operand = { kind: 'absent' }

function tensor(dtype: 'float32', dims: number[]): Omit<BuiltTensor, 'name'> {
  return { dtype, dims, data: new Float32Array(dims.reduce((size, dim) => size * dim, 1)).fill(0.5) }
}

/** What the analysis says of one node: `[3, null]` for rows with these inner dims, else the reason. */
function verdictOf(op: string, operands: readonly Operand[], setting: Setting = {}): string {
  const { attributes = {}, opset = 17, domain, outputs = 1, back } = setting
  const nodes: BuiltNode[] = []
  const initializers: BuiltTensor[] = []
  const inputs: [string, Dtype, (number | string)[]][] = []
  const names = operands.map((operand, index) => {
    if (operand.kind === 'absent') return ''
    const name = `in${index}`
    if (operand.kind === 'constant') initializers.push({ ...operand.tensor, name })
    else {
      inputs.push([name, 'float32', ['n', ...operand.inner]])
      if (operand.permutation === undefined) return name
      const perm = operand.permutation
      nodes.push({ op: 'Transpose', inputs: [name], outputs: [`${name}t`], attributes: { perm } })
      return `${name}t`
    }
    return name
  })
  const results = Array.from({ length: outputs }, (_, index) => `out${index}`)
  nodes.push({ op, inputs: names, outputs: results, attributes, ...(domain === undefined ? {} : { domain }) })
  const seen = results.map((name) => (back === undefined ? name : `${name}b`))
  if (back !== undefined)
    for (const name of results)
      nodes.push({ op: 'Transpose', inputs: [name], outputs: [`${name}b`], attributes: { perm: back } })
  return analyze({
    nodes,
    inputs,
    initializers,
    opset,
    domains: { 'ai.onnx.ml': 3, 'com.microsoft': 1 },
    outputs: seen.map((name) => [name, 'float32', null]),
  })
}

function analyze(model: BuiltModel): string {
  const { inputs = [] } = model
  const given = inputs.map(([name, , dims]) => ({
    name,
    dims: (dims ?? []).map((dim) => (typeof dim === 'number' ? dim : null)),
  }))
  const { verdict, culprit, outputs } = analyzeRows(readOnnx(buildModel(model)), given)
  if (verdict !== 'rows') return `${verdict}: ${culprit?.operator} ${culprit?.reason}`
  return outputs.map(({ rowDims }) => JSON.stringify(rowDims)).join(' ')
}

const ALONG = 'axis that holds the rows'

describe('operators on rows', () => {
  test.each<[string, readonly Operand[], Setting, string]>([
    // Element by element.
    ['Relu', [rows([3])], {}, '[3]'],
    ['Add', [rows([3]), floats(3)], {}, '[3]'],
    ['Add', [rows([3]), floats(1, 3)], {}, '[3]'],
    ['Add', [rows([3]), rows([3])], {}, '[3]'],
    ['Add', [rows([3]), rows([])], {}, 'the rows meet each other'],
    ['Add', [rows([3]), floats(4, 3)], {}, 'a constant of 4 elements meets the rows'],
    ['Mul', [rows([]), floats(3)], {}, 'a constant of 3 elements meets the rows'],
    ['Mul', [rows([]), floats(3, 1)], { back: [1, 0] }, '[3]'],
    ['Where', [rows([3]), floats(), rows([3])], {}, '[3]'],
    ['Sub', [rows([3]), rows([3], [1, 0])], {}, 'the rows meet each other'],
    ['Clip', [rows([3]), floats(), floats()], {}, '[3]'],
    ['QuantizeLinear', [rows([3]), floats(), floats()], {}, '[3]'],
    ['QuantizeLinear', [rows([3]), rows([])], {}, 'setting is computed from the rows'],
    // Sums, extremes and order.
    ['ReduceMean', [rows([3])], { attributes: { axes: [1] } }, '[1]'],
    ['ReduceMean', [rows([3])], { attributes: { axes: [-1], keepdims: 0 } }, '[]'],
    ['ReduceMean', [rows([3])], { attributes: { axes: [0] } }, ALONG],
    ['ReduceMean', [rows([3])], { attributes: { axes: [-2] } }, ALONG],
    ['ReduceMax', [rows([3])], {}, ALONG],
    ['ReduceSum', [rows([3]), ints(1)], {}, '[1]'],
    ['ReduceSum', [rows([3]), ints(0, 1)], {}, ALONG],
    ['ReduceSum', [rows([3])], { attributes: { noop_with_empty_axes: 1 } }, '[3]'],
    ['ReduceL2', [rows([3, 4], [1, 0, 2])], { attributes: { axes: [0, 2], keepdims: 0 } }, '[]'],
    ['ArgMax', [rows([3])], { attributes: { axis: 1, keepdims: 0 } }, '[]'],
    ['ArgMax', [rows([3])], {}, ALONG],
    ['ArgMin', [rows([3], [1, 0])], { attributes: { axis: 0, keepdims: 0 } }, '[]'],
    ['Softmax', [rows([3])], {}, '[3]'],
    ['Softmax', [rows([3])], { attributes: { axis: 0 } }, ALONG],
    ['Softmax', [rows([3, 4])], { attributes: { axis: 1 } }, '[3,4]'],
    ['Softmax', [rows([3, 4])], { attributes: { axis: 1 }, opset: 11 }, '[3,4]'],
    ['Softmax', [rows([3])], { attributes: { axis: 0 }, opset: 11 }, ALONG],
    ['LogSoftmax', [rows([3], [1, 0])], { back: [1, 0] }, ALONG],
    ['LogSoftmax', [rows([3], [1, 0])], { opset: 11, back: [1, 0] }, ALONG],
    ['Hardmax', [rows([3], [1, 0])], { attributes: { axis: 0 }, back: [1, 0] }, '[3]'],
    ['TopK', [rows([8]), ints(2)], { outputs: 2 }, '[2] [2]'],
    ['TopK', [rows([8]), ints(2)], { attributes: { axis: 0 }, outputs: 2 }, ALONG],
    ['CumSum', [rows([3]), scalar(1)], {}, '[3]'],
    ['CumSum', [rows([3]), scalar(0)], {}, ALONG],
    ['CumSum', [rows([3]), scalar(-2)], {}, ALONG],
    ['LpNormalization', [rows([3])], {}, '[3]'],
    ['LpNormalization', [rows([3])], { attributes: { axis: 0 } }, ALONG],
    ['LayerNormalization', [rows([3, 4]), floats(4)], {}, '[3,4]'],
    ['LayerNormalization', [rows([3, 4]), floats(4)], { attributes: { axis: 0 } }, ALONG],
    ['LayerNormalization', [rows([3, 4], [1, 0, 2]), floats(4)], { attributes: { axis: 1 }, back: [1, 0, 2] }, ALONG],
    ['MeanVarianceNormalization', [rows([3, 4, 4])], {}, ALONG],
    ['MeanVarianceNormalization', [rows([3, 4, 4])], { attributes: { axes: [2, 3] } }, '[3,4,4]'],
    ['Trilu', [rows([4, 4])], {}, '[4,4]'],
    ['Trilu', [rows([4])], {}, ALONG],
    // Products.
    ['MatMul', [rows([3]), floats(3, 5)], {}, '[5]'],
    ['MatMul', [rows([7, 3]), floats(3, 5)], {}, '[7,5]'],
    ['MatMul', [rows([3], [1, 0]), floats(2, 5)], {}, 'it sums over the rows'],
    ['MatMul', [floats(5, 3), rows([3], [1, 0])], { back: [1, 0] }, '[5]'],
    ['MatMul', [floats(5, 3), rows([3])], {}, 'it sums over the rows'],
    ['MatMul', [rows([7, 3]), rows([3, 5])], {}, '[7,5]'],
    ['MatMul', [rows([3]), rows([3], [1, 0])], {}, 'the rows of one input meet those of the other'],
    ['MatMul', [rows([7, 3]), floats(1, 3, 5)], {}, '[7,5]'],
    ['MatMul', [rows([7, 3]), floats(2, 3, 5)], {}, 'a constant of 2 elements meets the rows'],
    ['MatMul', [rows([]), floats(2)], {}, 'it sums over the rows'],
    ['MatMul', [rows([3]), floats(3)], {}, '[]'],
    ['MatMulInteger', [rows([3]), floats(3, 5), floats()], {}, '[5]'],
    ['MatMulInteger', [rows([3]), floats(3, 5), rows([])], {}, 'zero point is computed from the rows'],
    ['QLinearMatMul', [rows([3]), floats(), floats(), floats(3, 5), floats(), floats(), floats(), floats()], {}, '[5]'],
    ['Gemm', [rows([3]), floats(3, 5), floats(5)], {}, '[5]'],
    ['Gemm', [rows([3]), floats(5, 3), floats(5)], { attributes: { transB: 1 } }, '[5]'],
    ['Gemm', [rows([3]), floats(2, 5), floats(5)], { attributes: { transA: 1 } }, 'it sums over the rows'],
    ['Gemm', [rows([3], [1, 0]), floats(3, 5)], { attributes: { transA: 1 } }, '[5]'],
    ['Gemm', [rows([3]), floats(3, 5), floats(4, 5)], {}, 'a constant of 4 elements meets the rows'],
    ['Einsum', [rows([4, 3]), floats(3, 5)], { attributes: { equation: 'bij,jk->bik' } }, '[4,5]'],
    ['Einsum', [rows([4]), rows([4])], { attributes: { equation: 'bi,bj->bij' } }, '[4,4]'],
    ['Einsum', [rows([4]), rows([4])], { attributes: { equation: 'bi,bi->i' } }, 'it sums over the rows'],
    ['Einsum', [rows([4]), rows([4])], { attributes: { equation: 'ai,bi->ab' } }, 'the rows meet each other'],
    // Images and sequences.
    ['Conv', [rows([3, 8, 8]), floats(5, 3, 3, 3)], { attributes: { pads: [1, 1, 1, 1] } }, '[5,8,8]'],
    ['Conv', [rows([3, 9, 9]), floats(5, 3, 3, 3)], { attributes: { strides: [2, 2] } }, '[5,4,4]'],
    [
      'Conv',
      [rows([3, 9, 9]), floats(5, 3, 3, 3)],
      { attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' } },
      '[5,5,5]',
    ],
    ['Conv', [rows([3, 8, 8], [1, 0, 2, 3]), floats(5, 3, 3, 3)], {}, 'the rows of its input lie on axis 1'],
    ['Conv', [rows([3, 8, 8]), rows([3, 3, 3])], {}, 'weight is computed from the rows'],
    ['MaxPool', [rows([3, 7, 7])], { attributes: { kernel_shape: [2, 2], strides: [2, 2] } }, '[3,3,3]'],
    ['MaxPool', [rows([3, 7, 7])], { attributes: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 } }, '[3,4,4]'],
    ['GlobalAveragePool', [rows([3, 7, 7])], {}, '[3,1,1]'],
    ['BatchNormalization', [rows([3]), floats(3), floats(3), floats(3), floats(3)], {}, '[3]'],
    [
      'BatchNormalization',
      [rows([3]), floats(3), floats(3), floats(3), floats(3)],
      { attributes: { training_mode: 1 } },
      'training mode',
    ],
    ['BatchNormalization', [rows([3]), floats(3), floats(3), floats(3), floats(3)], { opset: 6 }, 'training mode'],
    ['InstanceNormalization', [rows([3, 8]), floats(3), floats(3)], {}, '[3,8]'],
    ['Resize', [rows([3, 8, 8]), absent, scales(1, 1, 2, 2)], {}, '[null,null,null]'],
    ['Resize', [rows([3, 8, 8]), absent, scales(2, 1, 2, 2)], {}, 'it resizes the axis'],
    ['DepthToSpace', [rows([4, 8, 8])], { attributes: { blocksize: 2 } }, '[null,null,null]'],
    [
      'LSTM',
      [rows([5, 3], [1, 0, 2]), floats(1, 8, 3), floats(1, 8, 2)],
      { attributes: { hidden_size: 2 }, back: [2, 0, 1, 3] },
      '[5,1,2]',
    ],
    ['GRU', [rows([5, 3]), floats(1, 8, 3), floats(1, 8, 2)], { attributes: { hidden_size: 2 } }, 'sequence axis'],
    ['Dropout', [rows([3])], { outputs: 2 }, '[3] [3]'],
    ['Dropout', [rows([3]), floats(), scalar(1)], { outputs: 1 }, 'random'],
    // Places.
    ['Reshape', [rows([6]), ints(0, 2, 3)], {}, '[2,3]'],
    ['Reshape', [rows([6]), ints(-1, 2, 3)], {}, '[2,3]'],
    ['Reshape', [rows([2, 3]), ints(-1, 6)], {}, '[6]'],
    ['Reshape', [rows([6]), ints(1, -1)], {}, 'does not have the rows on its first axis'],
    ['Reshape', [rows([6]), ints(4, 6)], {}, 'folds the rows into the fixed shape [4, 6]'],
    ['Reshape', [rows([6]), ints(6, -1)], {}, 'puts parts of different rows together'],
    ['Reshape', [rows([6]), ints(-1, 12)], {}, 'puts parts of different rows together'],
    ['Reshape', [rows([4, 3]), ints(-1, 3)], {}, 'does not have the rows on its first axis'],
    ['Flatten', [rows([3, 4])], {}, '[12]'],
    ['Flatten', [rows([3, 4])], { attributes: { axis: 0 } }, 'does not have the rows on its first axis'],
    ['Squeeze', [rows([1, 3]), ints(1)], {}, '[3]'],
    ['Squeeze', [rows([1, 3])], {}, 'a lone row'],
    ['Squeeze', [rows([1, 3]), ints(0)], {}, 'a lone row'],
    ['Unsqueeze', [rows([3]), ints(1)], {}, '[1,3]'],
    ['Unsqueeze', [rows([3]), ints(0)], {}, 'does not have the rows on its first axis'],
    ['Concat', [rows([3]), rows([4])], { attributes: { axis: 1 } }, '[7]'],
    ['Concat', [rows([3]), rows([3])], { attributes: { axis: 0 } }, 'behind the rows'],
    ['Concat', [rows([3]), floats(1, 3)], { attributes: { axis: 1 } }, 'meet a constant'],
    ['Split', [rows([6])], { attributes: { axis: 1 }, outputs: 2 }, '[3] [3]'],
    ['Split', [rows([6])], { outputs: 2 }, 'it cuts the axis'],
    ['Slice', [rows([6]), ints(1), ints(4), ints(1)], {}, '[3]'],
    ['Slice', [rows([6]), ints(-1), ints(-7), ints(1), ints(-1)], {}, '[6]'],
    ['Slice', [rows([6]), ints(1), ints(9), ints(0)], {}, 'it cuts the axis'],
    ['Slice', [rows([6]), ints(0), ints(2 ** 40), ints(0)], {}, '[6]'],
    ['Slice', [rows([6]), ints(0), ints(100), ints(0)], {}, 'it cuts the axis'],
    ['Pad', [rows([3]), ints(0, 1, 0, 1)], {}, '[5]'],
    ['Pad', [rows([3]), ints(1, 0, 0, 0)], {}, 'it pads the axis'],
    ['Tile', [rows([3]), ints(1, 2)], {}, '[6]'],
    ['Tile', [rows([3]), ints(2, 1)], {}, 'it repeats the rows'],
    ['Expand', [rows([1]), ints(1, 4)], {}, '[4]'],
    ['Transpose', [rows([3])], {}, 'does not have the rows on its first axis'],
    ['Transpose', [rows([3, 4])], { attributes: { perm: [0, 2, 1] } }, '[4,3]'],
    // Looking up.
    ['Gather', [floats(10, 4), rows([3])], {}, '[3,4]'],
    ['Gather', [rows([6]), ints(0, 2)], { attributes: { axis: 1 } }, '[2]'],
    ['Gather', [rows([6]), ints(0)], {}, 'single rows of the batch'],
    ['Gather', [rows([6]), rows([2])], { attributes: { axis: 1 } }, 'each row takes from all rows'],
    ['GatherElements', [rows([6]), rows([2])], { attributes: { axis: 1 } }, '[2]'],
    ['GatherElements', [rows([6]), rows([6])], { attributes: { axis: 0 } }, 'each row takes from all rows'],
    ['ScatterElements', [rows([6]), rows([2]), rows([2])], { attributes: { axis: 1 } }, '[6]'],
    ['GatherND', [rows([6, 4]), rows([1])], { attributes: { batch_dims: 1 } }, '[4]'],
    ['GatherND', [rows([6, 4]), rows([1])], {}, 'each row takes from all rows'],
    ['OneHot', [rows([]), scalar(4), floats(2)], {}, '[4]'],
    [
      'OneHot',
      [rows([]), scalar(4), floats(2)],
      { attributes: { axis: 0 } },
      'does not have the rows on its first axis',
    ],
    // Whole tensors.
    ['DynamicQuantizeLinear', [rows([3])], { outputs: 3 }, 'one scale from the whole batch'],
    ['DynamicQuantizeMatMul', [rows([3]), floats(3, 5), floats()], { domain: 'com.microsoft' }, 'one scale'],
    ['NonZero', [rows([3])], {}, 'depends on all rows'],
    ['Compress', [rows([3]), floats(3)], { attributes: { axis: 1 } }, 'keeps some elements'],
    ['Unique', [rows([3])], {}, 'the whole batch'],
    ['RandomNormalLike', [rows([3])], {}, 'random'],
    ['RandomUniform', [], { attributes: { shape: [2, 3] } }, 'random'],
    // Classical models.
    ['Scaler', [rows([3])], { domain: 'ai.onnx.ml' }, '[3]'],
    ['Scaler', [rows([])], { domain: 'ai.onnx.ml' }, 'features of one row'],
    ['Normalizer', [rows([3])], { domain: 'ai.onnx.ml' }, '[3]'],
    ['TreeEnsembleClassifier', [rows([3])], { domain: 'ai.onnx.ml', outputs: 2 }, '[] [null]'],
    ['TreeEnsembleRegressor', [rows([3])], { domain: 'ai.onnx.ml', attributes: { n_targets: 2 } }, '[2]'],
    ['LinearRegressor', [rows([3], [1, 0])], { domain: 'ai.onnx.ml' }, 'features of one row'],
    ['LabelEncoder', [rows([1])], { domain: 'ai.onnx.ml' }, '[1]'],
    ['OneHotEncoder', [rows([1])], { domain: 'ai.onnx.ml', attributes: { cats_int64s: [1, 2, 3] } }, '[1,3]'],
    ['FeatureVectorizer', [rows([3]), rows([2])], { domain: 'ai.onnx.ml' }, '[null]'],
    ['ArrayFeatureExtractor', [rows([3]), ints(0, 2)], { domain: 'ai.onnx.ml' }, '[2]'],
    ['ArrayFeatureExtractor', [rows([]), ints(0)], { domain: 'ai.onnx.ml' }, 'single rows'],
    ['ArrayFeatureExtractor', [ints(7, 8, 9), rows([])], { domain: 'ai.onnx.ml', back: [1, 0] }, '[1]'],
    ['StringNormalizer', [rows([])], {}, '[]'],
    ['StringNormalizer', [rows([])], { attributes: { stopwords: ['a'] } }, 'leaves out elements'],
    ['TfIdfVectorizer', [rows([3])], {}, '[null]'],
    // Fused layers.
    ['FastGelu', [rows([3]), floats(3)], { domain: 'com.microsoft' }, '[3]'],
    ['SkipLayerNormalization', [rows([5, 3]), rows([5, 3]), floats(3)], { domain: 'com.microsoft' }, '[5,3]'],
    ['Attention', [rows([5, 3]), floats(3, 9)], { domain: 'com.microsoft' }, '[5,3]'],
    [
      'MatMulNBits',
      [rows([5, 3]), floats(3, 9), floats(9)],
      { domain: 'com.microsoft', attributes: { N: 9 } },
      '[5,9]',
    ],
    // Not known.
    [
      'Frobnicate',
      [rows([3])],
      { domain: 'com.example' },
      'unproven: com.example.Frobnicate the operator is not known',
    ],
    ['Reshape', [rows([6]), floats(2)], { domain: 'com.example' }, 'unproven'],
  ])('%s of %o with %o: %s', (op, operands, setting, expected) => {
    const verdict = verdictOf(op, operands, setting)
    if (expected.startsWith('[')) expect(verdict).toBe(expected)
    else expect(verdict).toContain(expected)
  })
})

const x: BuiltModel['inputs'] = [['x', 'float32', ['n', 3]]]
const y: BuiltModel['outputs'] = [['y', 'float32', null]]
const int = (name: string, ...values: number[]): BuiltTensor => ({
  name,
  dtype: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
})
const node = (
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: BuiltNode['attributes'] = {},
): BuiltNode => ({
  op,
  inputs,
  outputs,
  attributes,
})

describe('graphs on rows', () => {
  test('a target shape that is computed from the number of rows keeps them', () => {
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'zero'], ['count']),
      node('Concat', ['count', 'rest'], ['target'], { axis: 0 }),
      node('Reshape', ['x', 'target'], ['y']),
    ]
    const initializers = [int('zero', 0), int('rest', 3, 1)]
    expect(analyze({ nodes, inputs: x, outputs: y, initializers })).toBe('[3,1]')
  })

  test('the number of rows among the values mixes them', () => {
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('Slice', ['shape', 'zero', 'one'], ['count']),
      node('Cast', ['count'], ['float'], { to: 1 }),
      node('Div', ['x', 'float'], ['y']),
    ]
    const initializers = [int('zero', 0), int('one', 1)]
    expect(analyze({ nodes, inputs: x, outputs: y, initializers })).toContain(
      'dependent: Div the number of rows is among',
    )
    const widths = [...nodes.slice(0, 1), node('Slice', ['shape', 'one', 'two'], ['count']), ...nodes.slice(2)]
    // The width is the same for all.
    expect(analyze({ nodes: widths, inputs: x, outputs: y, initializers: [int('one', 1), int('two', 2)] })).toBe('[3]')
  })

  test('a mask that is expanded to the rows is a part of each', () => {
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('ConstantOfShape', ['shape'], ['ones'], { value: { tensor: { ...int('v', 1) } } }),
      node('Equal', ['shape', 'minus'], ['isFree']),
      node('Where', ['isFree', 'shape', 'shape'], ['target']),
      node('Expand', ['mask', 'target'], ['wide']),
      node('Add', ['wide', 'x'], ['sum']),
      node('Add', ['sum', 'ones'], ['y']),
    ]
    const mask: BuiltTensor = { name: 'mask', dtype: 'float32', dims: [1, 3], data: new Float32Array(3) }
    expect(analyze({ nodes, inputs: x, outputs: y, initializers: [int('minus', -1), mask] })).toBe('[3]')
  })

  test('attention keeps rows apart: heads are split off and joined again', () => {
    const nodes = [
      node('Reshape', ['t', 'split'], ['heads']),
      node('Transpose', ['heads'], ['q'], { perm: [0, 2, 1, 3] }),
      node('Transpose', ['heads'], ['k'], { perm: [0, 2, 3, 1] }),
      node('MatMul', ['q', 'k'], ['scores']),
      node('Softmax', ['scores'], ['weights'], { axis: -1 }),
      node('MatMul', ['weights', 'q'], ['mixed']),
      node('Transpose', ['mixed'], ['back'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['back', 'join'], ['lines']),
      node('MatMul', ['lines', 'w'], ['projected']),
      node('Reshape', ['projected', 'unflat'], ['y']),
    ]
    const w: BuiltTensor = { name: 'w', dtype: 'float32', dims: [8, 8], data: new Float32Array(64) }
    const initializers = [int('split', 0, 0, 2, 4), int('join', -1, 8), int('unflat', -1, 5, 8), w]
    const inputs: BuiltModel['inputs'] = [['t', 'float32', ['n', 5, 8]]]
    expect(analyze({ nodes, inputs, outputs: y, initializers })).toBe('[5,8]')
    const overRows = nodes.map((each) =>
      each.op === 'Softmax' ? node('Softmax', ['scores'], ['weights'], { axis: 0 }) : each,
    )
    expect(analyze({ nodes: overRows, inputs, outputs: y, initializers })).toContain('Softmax it works along the axis')
  })

  test("a row's place in the batch may pick its own part, and nothing else", () => {
    const place = [
      node('Shape', ['x'], ['shape'], { start: 0, end: 1 }),
      node('Squeeze', ['shape', 'first'], ['count']),
      node('Range', ['zero', 'count', 'step'], ['places']),
    ]
    const initializers = [
      int('first', 0),
      { ...int('zero', 0), dims: [] },
      { ...int('step', 1), dims: [] },
      int('last', -1),
    ]
    const inputs: BuiltModel['inputs'] = [
      ['x', 'float32', ['n', 4, 3]],
      ['at', 'int64', ['n']],
    ]
    const pick = [
      node('Unsqueeze', ['places', 'last'], ['column']),
      node('Unsqueeze', ['at', 'last'], ['own']),
      node('Concat', ['column', 'own'], ['indices'], { axis: -1 }),
      node('GatherND', ['x', 'indices'], ['y']),
    ]
    expect(analyze({ nodes: [...place, ...pick], inputs, outputs: y, initializers })).toBe('[3]')
    const swapped = pick.map((each) =>
      each.op === 'Concat' ? node('Concat', ['own', 'column'], ['indices'], { axis: -1 }) : each,
    )
    expect(analyze({ nodes: [...place, ...swapped], inputs, outputs: y, initializers })).not.toBe('[3]')
    const counted = [...place, node('Cast', ['places'], ['float'], { to: 1 }), node('Add', ['at', 'float'], ['y'])]
    expect(analyze({ nodes: counted, inputs, outputs: y, initializers })).toContain("a row's place in the batch")
  })

  const flag = (value: number): BuiltTensor => ({ name: 'flag', dtype: 'bool', dims: [], data: Uint8Array.of(value) })
  const branch = (...nodes: BuiltNode[]): { readonly graph: BuiltGraph } => ({
    graph: { nodes, outputs: [['out', 'float32', null]], initializers: [] },
  })
  const relu = branch(node('Relu', ['x'], ['out']))
  const sum = branch(node('ReduceSum', ['x'], ['out']))

  test('If: a constant condition is its branch; a condition of the rows mixes them', () => {
    const model = (condition: string, yes = relu, no = sum, more: BuiltNode[] = []): BuiltModel => ({
      nodes: [...more, node('If', [condition], ['y'], { then_branch: yes, else_branch: no })],
      inputs: x,
      outputs: y,
      initializers: [flag(1), { ...int('limit', 2), dims: [] }],
    })
    expect(analyze(model('flag'))).toBe('[3]')
    expect(analyze(model('flag', sum, relu))).toContain('ReduceSum it works along')
    const ofRows = [node('ReduceMax', ['x'], ['most'], { keepdims: 0 }), node('Cast', ['most'], ['go'], { to: 9 })]
    expect(analyze(model('go', relu, relu, ofRows))).toContain('dependent: ReduceMax')
    const ofCount = [
      node('Shape', ['x'], ['shape'], { end: 1 }),
      node('Squeeze', ['shape'], ['count']),
      node('Less', ['limit', 'count'], ['go']),
    ]
    expect(analyze(model('go', relu, relu, ofCount))).toContain('depends on how many rows there are')
    const ofWidth = [
      node('Shape', ['x'], ['shape'], { start: 1 }),
      node('Squeeze', ['shape'], ['count']),
      node('Less', ['limit', 'count'], ['go']),
    ]
    expect(analyze(model('go', relu, relu, ofWidth))).toBe('[3]')
    expect(analyze(model('go', relu, sum, ofWidth))).toContain('ReduceSum it works along')
  })

  test('Loop: a fixed number of rounds keeps rows apart; an end that is computed from them does not', () => {
    const body = (...nodes: BuiltNode[]): { readonly graph: BuiltGraph } => ({
      graph: {
        nodes,
        inputs: [
          ['i', 'int64', []],
          ['go', 'bool', []],
          ['before', 'float32', ['n', 3]],
        ],
        outputs: [
          ['again', 'bool', []],
          ['after', 'float32', null],
        ],
      },
    })
    const model = (trips: string, inside: { readonly graph: BuiltGraph }, more: BuiltNode[] = []): BuiltModel => ({
      nodes: [...more, node('Loop', [trips, 'flag', 'x'], ['y'], { body: inside })],
      inputs: x,
      outputs: y,
      initializers: [flag(1), { ...int('trips', 3), dims: [] }],
    })
    const halves = [node('Identity', ['go'], ['again']), node('Add', ['before', 'before'], ['after'])]
    expect(analyze(model('trips', body(...halves)))).toBe('[3]')
    const until = [
      node('ReduceMax', ['before'], ['most'], { keepdims: 0 }),
      node('Cast', ['most'], ['again'], { to: 9 }),
    ]
    expect(analyze(model('trips', body(...until, halves[1] as BuiltNode)))).toContain('how often it runs is computed')
    const counted = [node('Shape', ['x'], ['shape'], { end: 1 }), node('Squeeze', ['shape'], ['count'])]
    expect(analyze(model('count', body(...halves), counted))).toContain('how often it runs depends on how many rows')
  })

  test('Scan along the words keeps rows apart, along the rows it does not', () => {
    const body: { readonly graph: BuiltGraph } = {
      graph: {
        nodes: [node('Add', ['state', 'element'], ['next']), node('Identity', ['next'], ['seen'])],
        inputs: [
          ['state', 'float32', null],
          ['element', 'float32', null],
        ],
        outputs: [
          ['next', 'float32', null],
          ['seen', 'float32', null],
        ],
      },
    }
    const model = (first: string, axis: number): BuiltModel => ({
      nodes: [
        node('Scan', [first, 'words'], ['last', 'all'], {
          body,
          num_scan_inputs: 1,
          scan_input_axes: [axis],
          scan_output_axes: [axis],
        }),
      ],
      inputs: [
        ['start', 'float32', ['n', 3]],
        ['words', 'float32', ['n', 5, 3]],
      ],
      outputs: [
        ['last', 'float32', null],
        ['all', 'float32', null],
      ],
    })
    expect(analyze(model('start', 1))).toBe('[3] [null,3]')
    expect(analyze(model('start', 0))).toContain('it walks along the rows')
  })

  test('a function of the file is looked into, with the attributes of its caller', () => {
    const model = (axis: number): BuiltModel => ({
      nodes: [{ op: 'Centre', domain: 'local', inputs: ['x'], outputs: ['y'] }],
      inputs: x,
      outputs: y,
      domains: { local: 1 },
      functions: [
        {
          name: 'Centre',
          domain: 'local',
          inputs: ['a'],
          outputs: ['b'],
          nodes: [node('ReduceMean', ['a'], ['mean'], { axes: [axis] }), node('Sub', ['a', 'mean'], ['b'])],
        },
      ],
    })
    expect(analyze(model(1))).toBe('[3]')
    expect(analyze(model(0))).toContain('dependent: ReduceMean')
  })

  test('what is not known stays unproven, unless what follows mixes rows whatever they are', () => {
    const unknown: BuiltNode = { op: 'Frobnicate', domain: 'com.example', inputs: ['x'], outputs: ['z'] }
    const after = (op: string): string =>
      analyze({ nodes: [unknown, node(op, ['z'], ['y'])], inputs: x, outputs: y, domains: { 'com.example': 1 } })
    expect(after('Relu')).toContain('unproven: com.example.Frobnicate')
    expect(after('DynamicQuantizeLinear')).toContain('dependent: DynamicQuantizeLinear')
  })

  test('only what reaches an output counts, and an output without rows is none', () => {
    const nodes = [node('ReduceSum', ['x'], ['unused']), node('Relu', ['x'], ['y'])]
    expect(analyze({ nodes, inputs: x, outputs: y })).toBe('[3]')
    const weights: BuiltTensor = { name: 'y', dtype: 'float32', dims: [2], data: new Float32Array(2) }
    expect(analyze({ nodes: [], inputs: x, outputs: y, initializers: [weights] })).toContain(
      'does not depend on the rows',
    )
    expect(analyze({ nodes: [], inputs: x, outputs: [['x', 'float32', null]] })).toBe('[3]')
  })
})

test('a culprit without a name goes by its first output', () => {
  const nodes = [
    { op: 'Relu', inputs: ['x'], outputs: ['a'] },
    { op: 'Frobnicate', inputs: ['a'], outputs: ['', 'kept'] },
    { op: 'CumSum', inputs: ['a', 'zero'], outputs: ['sums'] },
  ]
  const culpritOf = (output: string) =>
    analyzeRows(
      readOnnx(
        buildModel({
          nodes,
          inputs: [['x', 'float32', ['n', 2]]],
          outputs: [[output, 'float32', null]],
          initializers: [{ name: 'zero', dtype: 'int64', dims: [], data: BigInt64Array.of(0n) }],
        }),
      ),
      [{ name: 'x', dims: [null, 2] }],
    ).culprit
  expect(culpritOf('sums')).toMatchObject({ node: 'sums', operator: 'CumSum' })
  // An output that is left out has no name either.
  expect(culpritOf('kept')).toMatchObject({ node: 'kept', operator: 'Frobnicate' })
})
