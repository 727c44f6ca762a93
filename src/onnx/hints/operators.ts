/** What single operators say of their inputs, by their weights and attributes (input-hints.ts). */
import { DTYPES } from '../../tensor/dtype.js'
import type { OnnxNode, OnnxTensorInfo } from '../model.js'

/** Every member may be left out: the operator does not say. */
export interface Hint {
  readonly dims?: readonly (number | null)[] | undefined
  readonly columnsMin?: number | undefined
  readonly texts?: readonly string[] | undefined
  readonly integers?: readonly number[] | undefined
  readonly integerEnd?: number | undefined
}

export type Weights = Map<string, OnnxTensorInfo>

type Look = (node: OnnxNode, input: number, weights: Weights) => Hint | null

const columns = (count: number | undefined): Hint | null =>
  count === undefined || count < 1 ? null : { dims: [null, count] }

const first =
  (look: (node: OnnxNode, weights: Weights) => Hint | null): Look =>
  (node, input, weights) =>
    input === 0 ? look(node, weights) : null

/** x of [n, columns] with one value per column, where there is more than one. */
const perColumn = (...names: readonly string[]): Look =>
  first((node) => {
    const count = Math.max(0, ...names.map((name) => countOf(node, name)))
    return count > 1 ? columns(count) : null
  })

const trees: Look = first((node) => {
  const ids = node.attributes.get('nodes_featureids')?.ints ?? new BigInt64Array(0)
  let last = -1n
  for (const id of ids) if (id > last) last = id
  return { columnsMin: Number(last) + 1 }
})

const linear = (targets: string): Look =>
  first((node) => {
    const coefficients = countOf(node, 'coefficients')
    const rows = Math.max(1, countOf(node, 'intercepts'), Number(node.attributes.get(targets)?.i ?? 0n))
    return coefficients % rows === 0 ? columns(coefficients / rows) : null
  })

const supportVectors: Look = first((node) => {
  const count = Number(
    node.attributes.get('n_supports')?.i ??
      [...(node.attributes.get('vectors_per_class')?.ints ?? [])].reduce((a, b) => a + b, 0n),
  )
  const values = countOf(node, 'support_vectors')
  return count > 0 && values % count === 0 ? columns(values / count) : null
})

/** Categories as texts or integers, in attributes of these names. */
const categories = (texts: string, integers: string): Look =>
  first(({ attributes }) => {
    const tensor = attributes.get(texts.replace('strings', 'tensor'))?.tensor
    const values = tensor?.dtype === 'string' || tensor?.dtype === 'int64' ? [...tensor.read()] : []
    return {
      texts: [
        ...(attributes.get(texts)?.strings ?? []),
        ...values.filter((value): value is string => typeof value === 'string'),
      ],
      integers: [...(attributes.get(integers)?.ints ?? []), ...values.filter((value) => typeof value === 'bigint')].map(
        Number,
      ),
    }
  })

const gather: Look = (node, input, weights) => {
  const axis = Number(node.attributes.get('axis')?.i ?? 0n)
  if (input === 1) {
    const table = weights.get(node.inputs[0] ?? '')
    const size = table?.dims.at(axis)
    return size === undefined ? null : { integerEnd: size }
  }
  return axis === 1 ? { columnsMin: lastIndex(weights.get(node.inputs[1] ?? '')) } : null
}

const elementwise: Look = (node, input, weights) => {
  const other = weights.get(node.inputs[1 - input] ?? '')
  const width = other?.dims.at(-1) ?? 1
  if (other?.dtype === 'string') return { texts: other.read() as readonly string[] }
  // [columns] or [1, columns]: more axes are no features. Not exact: one column would be spread over all.
  const isRow = other !== undefined && other.dims.length <= 2 && other.dims.slice(0, -1).every((dim) => dim === 1)
  return isRow && width > 1 ? { columnsMin: width } : null
}

const looks: Readonly<Record<string, Look>> = {
  Gemm: first((node, weights) => {
    const weight = weights.get(node.inputs[1] ?? '')
    const isTurned = (node.attributes.get('transB')?.i ?? 0n) !== 0n
    if ((node.attributes.get('transA')?.i ?? 0n) !== 0n) return null
    return weight?.dims.length === 2 ? columns(weight.dims[isTurned ? 1 : 0]) : null
  }),
  MatMul: first((node, weights) => {
    const weight = weights.get(node.inputs[1] ?? '')
    return weight?.dims.length === 2 ? columns(weight.dims[0]) : null
  }),
  Conv: first((node, weights) => {
    const { dims = [] } = weights.get(node.inputs[1] ?? '') ?? {}
    const channels = (dims[1] ?? 0) * Number(node.attributes.get('group')?.i ?? 1n)
    return channels < 1 ? null : { dims: [null, channels, ...dims.slice(2).map(() => null)] }
  }),
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Equal: elementwise,
  Scaler: perColumn('offset', 'scale'),
  Imputer: perColumn('imputed_value_floats', 'imputed_value_int64s'),
  LinearClassifier: linear('intercepts'),
  LinearRegressor: linear('targets'),
  SVMClassifier: supportVectors,
  SVMRegressor: supportVectors,
  TreeEnsemble: trees,
  TreeEnsembleClassifier: trees,
  TreeEnsembleRegressor: trees,
  OneHotEncoder: categories('cats_strings', 'cats_int64s'),
  LabelEncoder: categories('keys_strings', 'keys_int64s'),
  CategoryMapper: categories('cats_strings', 'cats_int64s'),
  TfIdfVectorizer: categories('pool_strings', 'pool_int64s'),
  ArrayFeatureExtractor: first((node, weights) => ({ columnsMin: lastIndex(weights.get(node.inputs[1] ?? '')) })),
  Gather: gather,
  EmbedLayerNormalization: (node, input, weights) => {
    // The ids of words and of segments, and the tables that they look up.
    const table = input < 2 ? weights.get(node.inputs[input === 0 ? 2 : 4] ?? '') : undefined
    return table?.dims[0] === undefined ? null : { integerEnd: table.dims[0] }
  },
}

/** null: the operator says nothing. */
export function hintOf(node: OnnxNode, input: number, weights: Weights): Hint | null {
  return Object.hasOwn(looks, node.opType) ? (looks[node.opType]?.(node, input, weights) ?? null) : null
}

const shapeKeepers = new Set([
  'Identity',
  'Cast',
  'Scaler',
  'Imputer',
  'Normalizer',
  'Binarizer',
  'Relu',
  'Sigmoid',
  'Tanh',
  'Abs',
  'Neg',
  'Clip',
  'IsNaN',
  'StringNormalizer',
])
const valueKeepers = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Slice',
  'Gather',
  'ArrayFeatureExtractor',
  'Concat',
  'Split',
  'StringNormalizer',
])

/** Whether the output has the shape of this input. */
export function passesShape(node: OnnxNode, input: number): boolean {
  return input === 0 && shapeKeepers.has(node.opType)
}

/** Whether the output's values are those of this input, or some of them. */
export function passesValues(node: OnnxNode, input: number): boolean {
  return (input === 0 || node.opType === 'Concat') && valueKeepers.has(node.opType)
}

function countOf(node: OnnxNode, name: string): number {
  const attribute = node.attributes.get(name)
  if (attribute === undefined) return 0
  return attribute.type === 'ints' ? attribute.ints.length : attribute.floats.length
}

/** One more than the largest index, 0 when it is not known. */
function lastIndex(indices: OnnxTensorInfo | undefined): number {
  if (indices === undefined || !INTEGERS.has(indices.dtype ?? '') || indices.isExternal) return 0
  let last = -1
  for (const index of indices.read()) last = Math.max(last, Number(index))
  return last + 1
}

const INTEGERS: ReadonlySet<string> = new Set(DTYPES.filter(({ kind }) => kind === 'integer').map(({ name }) => name))
