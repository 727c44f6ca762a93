/**
 * Which rule says what an operator does to the rows. An operator that stands in no table is not known: what follows from
 * it is unproven until it is tried.
 *
 * `mixing` are those that look at the whole tensor, or whose results do not follow from the inputs: whatever the shapes,
 * rows that go in come out mixed.
 */
import {
  alongAxis,
  argument,
  cumulative,
  normaliseFrom,
  normaliseOver,
  overMatrices,
  reduce,
  softmax,
  topK,
} from './operators/along-axis.js'
import {
  batchNormalisation,
  depthToSpace,
  dropout,
  fused,
  globalImage,
  image,
  resize,
  sameImage,
  skipNormalisation,
  sliding,
} from './operators/batched.js'
import {
  arrayFeatureExtractor,
  columnwise,
  featureVectorizer,
  oneHotEncoder,
  predictor,
  stringNormalizer,
  textCounts,
} from './operators/classical.js'
import { einsum, fusedMatMul, gemmOf, matMulOf, packedMatMul } from './operators/contraction.js'
import { ifNode, loop, scan } from './operators/control-flow.js'
import { elementwise, likeFirst } from './operators/elementwise.js'
import { elementsAlongAxis, gather, gatherNd, oneHot, rangeOf, shapeOf, sizeOf } from './operators/lookup.js'
import type { Rule } from './node-view.js'
import { concat, concatFrom, constantOfShape, expand, pad, slice, split, tile } from './pieces.js'
import { recurrent } from './operators/recurrent.js'
import { flatten, reshape, squeeze, transpose, unsqueeze } from './operators/reshape.js'

type Table = Readonly<Record<string, Rule>>

function each(rule: Rule, names: string): Table {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, rule]),
  )
}

/** The standard's own operators. */
const onnx: Table = {
  ...each(
    elementwise,
    `Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil
     Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN
     LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid
     Sign Sin Sinh Softplus Softsign Sqrt StringConcat RegexFullMatch Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor`,
  ),
  ...each(likeFirst, 'QuantizeLinear DequantizeLinear'),
  ...each(
    reduce,
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
  ),
  ...each(argument, 'ArgMax ArgMin'),
  ...each(softmax, 'Softmax LogSoftmax Hardmax'),
  ...each(alongAxis(-1), 'LpNormalization RMSNormalization'),
  ...each(sliding(null), 'AveragePool LpPool MaxPool'),
  ...each(sliding(1), 'Conv ConvInteger'),
  ...each(image, 'ConvTranspose DeformConv'),
  ...each(globalImage, 'GlobalAveragePool GlobalLpPool GlobalMaxPool'),
  ...each(sameImage, 'InstanceNormalization GroupNormalization LRN'),
  ...each(depthToSpace, 'DepthToSpace SpaceToDepth'),
  ...each(resize, 'Resize Upsample'),
  ...each(recurrent, 'LSTM GRU RNN'),
  ...each(elementsAlongAxis, 'GatherElements ScatterElements Scatter'),
  Attention: fused(null, null, null, null),
  BatchNormalization: batchNormalisation,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  CumSum: cumulative,
  Dropout: dropout,
  Einsum: einsum,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GatherND: gatherNd,
  Gemm: gemmOf(2),
  If: ifNode,
  LayerNormalization: normaliseFrom(-1),
  Loop: loop,
  MatMul: matMulOf(0, 1),
  MatMulInteger: matMulOf(0, 1),
  MeanVarianceNormalization: normaliseOver,
  OneHot: oneHot,
  Pad: pad,
  QLinearConv: sliding(3),
  QLinearMatMul: matMulOf(0, 3),
  Range: rangeOf,
  Reshape: reshape,
  Scan: scan,
  Shape: shapeOf,
  Size: sizeOf,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  StringNormalizer: stringNormalizer,
  TfIdfVectorizer: textCounts,
  Tile: tile,
  TopK: topK,
  Transpose: transpose,
  Trilu: overMatrices,
  Unsqueeze: unsqueeze,
}

/** Classical models. */
const ml: Table = {
  ...each(
    predictor,
    `LinearClassifier LinearRegressor SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor`,
  ),
  ...each(columnwise, 'Imputer Normalizer Scaler'),
  ...each(elementwise, 'Binarizer CategoryMapper LabelEncoder'),
  ArrayFeatureExtractor: arrayFeatureExtractor,
  FeatureVectorizer: featureVectorizer,
  OneHotEncoder: oneHotEncoder,
}

/** What ONNX Runtime's optimiser and quantiser write. */
const microsoft: Table = {
  ...each(elementwise, 'BiasGelu FastGelu Gelu QuickGelu BiasSplitGelu BiasAdd'),
  ...each(likeFirst, 'QuantizeLinear DequantizeLinear QLinearLeakyRelu QLinearSigmoid QLinearReduceMean'),
  ...each(sliding(1), 'FusedConv'),
  ...each(image, 'NhwcFusedConv QLinearAveragePool'),
  ...each(globalImage, 'QLinearGlobalAveragePool'),
  ...each(skipNormalisation, 'SkipLayerNormalization SkipSimplifiedLayerNormalization'),
  ...each(packedMatMul('N'), 'MatMulNBits MatMulBnb4'),
  ...each(fused(null, null, null), 'Attention QAttention DecoderMaskedSelfAttention MultiHeadAttention'),
  EmbedLayerNormalization: fused(3, 1, 3),
  FusedGemm: gemmOf(2),
  FusedMatMul: fusedMatMul,
  MatMulIntegerToFloat: matMulOf(0, 1),
  QLinearConcat: (node) => concatFrom(node, 2, 0),
  TransposeMatMul: fusedMatMul,
}

const mixing: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    Bernoulli: 'it draws random numbers',
    Compress: 'it keeps some elements, so that what is left of a row depends on the others',
    DynamicQuantizeLinear: 'it takes one scale from the whole batch',
    MaxRoiPool: 'its regions name rows of the batch',
    MaxUnpool: 'its indices count over the whole batch',
    Multinomial: 'it draws random numbers',
    NonMaxSuppression: 'it keeps some boxes, so that how many there are depends on all rows',
    NonZero: 'it lists what is not zero, so that how many there are depends on all rows',
    RandomNormal: 'it draws random numbers',
    RandomNormalLike: 'it draws random numbers',
    RandomUniform: 'it draws random numbers',
    RandomUniformLike: 'it draws random numbers',
    RoiAlign: 'its regions name rows of the batch',
    Unique: 'it lists what differs in the whole batch',
  },
  'com.microsoft': {
    DynamicQuantizeLSTM: 'it takes one scale from the whole batch',
    DynamicQuantizeMatMul: 'it takes one scale from the whole batch',
    SampleOp: 'it draws random numbers',
    Unique: 'it lists what differs in the whole batch',
  },
}

const tables: Readonly<Record<string, Table>> = { '': onnx, 'ai.onnx.ml': ml, 'com.microsoft': microsoft }

/** undefined: the operator is not known. */
export function ruleOf(domain: string, operator: string): Rule | undefined {
  const table = tables[domain]
  return table !== undefined && Object.hasOwn(table, operator) ? table[operator] : undefined
}

/** Why whatever rows it is given come out mixed, or undefined. */
export function mixingReason(domain: string, operator: string): string | undefined {
  const table = mixing[domain]
  return table !== undefined && Object.hasOwn(table, operator) ? table[operator] : undefined
}

/** Draws of these are another answer each time, even without rows as input. */
export function isRandom(domain: string, operator: string): boolean {
  return mixingReason(domain, operator) === 'it draws random numbers'
}

/** Inputs that say a shape, a place or a number of things, so that the number of rows may be in them. */
const shapeInputs: Readonly<Record<string, readonly number[]>> = {
  ConstantOfShape: [0],
  CumSum: [1],
  Expand: [1],
  Pad: [1, 3],
  Range: [0, 1, 2],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Unsqueeze: [1],
  Upsample: [1],
}

export function isShapeInput(domain: string, operator: string, index: number): boolean {
  return domain === '' && (shapeInputs[operator]?.includes(index) ?? false)
}

/** These may carry a row's place in the batch on to where it picks the row's own part. */
const placeCarriers = new Set(
  'Cast Concat Expand Flatten GatherND Identity Reshape Shape Size Squeeze Transpose Unsqueeze'.split(' '),
)

export function carriesPlaces(domain: string, operator: string): boolean {
  return domain === '' && placeCarriers.has(operator)
}
