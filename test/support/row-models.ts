/**
 * Models whose rows are not as independent as their shapes look, and models that do not write their outputs where they are
 * described: written here node by node, so that a test shows what it is about.
 */
import { buildModel, type BuiltNode, type BuiltTensor } from '../../src/onnx/testing/build.js'

type Attributes = NonNullable<BuiltNode['attributes']>

export interface RowModel {
  readonly name: string
  /** Operator of the node that makes the rows depend on each other. */
  readonly culprit: string
  readonly width: number
  readonly bytes: Uint8Array
}

const node = (op: string, inputs: string[], outputs: string[], attributes: Attributes = {}): BuiltNode => ({
  op,
  inputs,
  outputs,
  attributes,
})

const floats = (name: string, dims: readonly number[], values: readonly number[]): BuiltTensor => ({
  name,
  dtype: 'float32',
  dims: [...dims],
  data: Float32Array.from(values),
})

const ints = (name: string, values: readonly number[]): BuiltTensor => ({
  name,
  dtype: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
})

function dependent(
  name: string,
  culprit: string,
  width: number,
  nodes: BuiltNode[],
  initializers: BuiltTensor[],
  outputDims: (number | string)[] = ['n', width],
): RowModel {
  const bytes = buildModel({
    nodes,
    inputs: [['x', 'float32', ['n', width]]],
    outputs: [['y', 'float32', outputDims]],
    initializers,
  })
  return { name, culprit, width, bytes }
}

const halving = {
  graph: {
    nodes: [
      node('Mul', ['before', 'half'], ['after']),
      node('ReduceMax', ['after'], ['largest'], { keepdims: 0 }),
      node('Greater', ['largest', 'one'], ['again']),
    ],
    inputs: [
      ['i', 'int64', []],
      ['go', 'bool', []],
      ['before', 'float32', ['n', 3]],
    ],
    outputs: [
      ['again', 'bool', []],
      ['after', 'float32', ['n', 3]],
    ],
    initializers: [floats('half', [], [0.5])],
  },
} as const

/** Rows that answer alike by themselves and, for values that a first look may not try, change each other among others. */
export const dependentModels: readonly RowModel[] = [
  dependent(
    'quantised-scaler',
    'DynamicQuantizeLinear',
    4,
    [
      node('Sub', ['x', 'mean'], ['centred']),
      node('Div', ['centred', 'deviation'], ['z']),
      node('DynamicQuantizeLinear', ['z'], ['q', 'scale', 'zero']),
      node('DequantizeLinear', ['q', 'scale', 'zero'], ['y']),
    ],
    [floats('mean', [4], [50_000, 12_000, 250_000, 3_000]), floats('deviation', [4], [12_000, 3_000, 60_000, 800])],
  ),
  dependent(
    'batch-mean-fills',
    'ReduceSum',
    3,
    [
      node('IsNaN', ['x'], ['missing']),
      node('Not', ['missing'], ['there']),
      node('Cast', ['there'], ['one'], { to: 1 }),
      node('Where', ['missing', 'zero', 'x'], ['filled']),
      node('ReduceSum', ['filled', 'axis'], ['sum'], { keepdims: 1 }),
      node('ReduceSum', ['one', 'axis'], ['count'], { keepdims: 1 }),
      node('Div', ['sum', 'count'], ['mean']),
      node('Where', ['missing', 'mean', 'x'], ['y']),
    ],
    [floats('zero', [], [0]), ints('axis', [0])],
  ),
  dependent(
    'batch-maximum',
    'ReduceMax',
    3,
    [
      node('Abs', ['x'], ['size']),
      node('ReduceMax', ['size'], ['largest'], { keepdims: 0 }),
      node('Max', ['largest', 'one'], ['divisor']),
      node('Div', ['x', 'divisor'], ['y']),
    ],
    [floats('one', [], [1])],
  ),
  dependent(
    'halve-until-small',
    'ReduceMax',
    3,
    [
      node('ReduceMax', ['x'], ['first'], { keepdims: 0 }),
      node('Greater', ['first', 'one'], ['go0']),
      node('Loop', ['', 'go0', 'x'], ['y'], { body: halving }),
    ],
    [floats('one', [], [1])],
  ),
  dependent(
    'scaled-if-bytes',
    'ReduceMax',
    4,
    [
      node('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
      node('Greater', ['largest', 'one'], ['isBytes']),
      node('Where', ['isBytes', 'bytes', 'one'], ['divisor']),
      node('Div', ['x', 'divisor'], ['y']),
    ],
    [floats('one', [], [1]), floats('bytes', [], [255])],
  ),
  dependent(
    'rows-are-filtered',
    'Compress',
    3,
    [
      node('ReduceMax', ['x'], ['largest'], { axes: [1], keepdims: 0 }),
      node('Greater', ['largest', 'limit'], ['keep']),
      node('Compress', ['x', 'keep'], ['y'], { axis: 0 }),
    ],
    [floats('limit', [], [-0.5])],
    ['k', 3],
  ),
]

/** `same` is the input itself, `y` = 2 x. */
export const inputIsOutput = buildModel({
  nodes: [node('Add', ['x', 'x'], ['y'])],
  inputs: [['x', 'float32', ['n', 3]]],
  outputs: [
    ['y', 'float32', ['n', 3]],
    ['x', 'float32', ['n', 3]],
  ],
})

/** `weights` is a constant, so that the output has no rows. */
export const constantIsOutput = buildModel({
  nodes: [node('Add', ['x', 'weights'], ['y'])],
  inputs: [['x', 'float32', ['n', 3]]],
  outputs: [
    ['y', 'float32', ['n', 3]],
    ['weights', 'float32', [3]],
  ],
  initializers: [floats('weights', [3], [1, 2, 3])],
})

/** `label` is declared [1] and `column` [n]; they are [n] and [n, 1]. */
export const wrongShapes = buildModel({
  nodes: [
    node('ArgMax', ['x'], ['label'], { axis: 1, keepdims: 0 }),
    node('ReduceSum', ['x', 'axis'], ['column'], { keepdims: 1 }),
  ],
  inputs: [['x', 'float32', ['n', 3]]],
  outputs: [
    ['label', 'int64', [1]],
    ['column', 'float32', ['n']],
  ],
  initializers: [ints('axis', [1])],
})

/** Takes one row and no more: whatever shares its run fails. */
export const oneRowOnly = buildModel({
  nodes: [node('Reshape', ['x', 'shape'], ['y'])],
  inputs: [['x', 'float32', ['n', 3]]],
  outputs: [['y', 'float32', ['n', 3]]],
  initializers: [ints('shape', [1, 3])],
})
