/**
 * Inputs with a default: an initializer that the graph lists among its inputs. ONNX Runtime's JavaScript API binds only
 * inputs without one, so the initializer is taken out of the file and its value kept with the signature, to be filled in
 * where a request leaves the input out.
 *
 * Rule 1. Before IR version 4 every initializer had to be listed: there it means nothing.
 * Rule 2. Some exporters list all weights (`keep_initializers_as_inputs`). A matrix, or an operand of a product, among
 *         them says so, and then none is offered: a model whose weights are inputs could share no batch.
 */
import { OPTIONAL_INPUT_ELEMENTS_MAX, OPTIONAL_INPUTS_MAX } from '../base/limits/limits.js'
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import type { TensorDefault } from '../tensor/tensor.js'
import { editOnnx } from './edit.js'
import type { OnnxModel, OnnxTensorInfo } from './model.js'

const IR_VERSION_MIN = 4
/** GraphProto's field of initializers. */
const INITIALIZER = 5
/** Operators whose further inputs are weights. */
const weighers = new Set([
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'GRU',
  'Gemm',
  'GroupNormalization',
  'InstanceNormalization',
  'LSTM',
  'LayerNormalization',
  'MatMul',
  'RNN',
])

export interface OptionalInputs {
  /** The bytes that were given when there are none. */
  readonly bytes: Uint8Array
  readonly defaults: ReadonlyMap<string, TensorDefault>
}

/** @param model what `readOnnx` made of `bytes`. */
export function offerDefaults(bytes: Uint8Array, model: OnnxModel): OptionalInputs {
  const defaults = defaultsOf(model)
  if (defaults.size === 0) return { bytes, defaults }
  const { initializers } = model.graph
  const isOffered = (index: number): boolean => defaults.has(initializers[index]?.name ?? '')
  return {
    bytes: editOnnx(bytes, {
      visit: (kind, field, _message, index, depth) =>
        kind === 'graph' && depth === 1 && field === INITIALIZER && isOffered(index) ? [] : undefined,
    }),
    defaults,
  }
}

function defaultsOf({ irVersion, graph }: OnnxModel): ReadonlyMap<string, TensorDefault> {
  const none = new Map<string, TensorDefault>()
  if (irVersion < IR_VERSION_MIN) return none
  const inputs = new Set(graph.inputs.map(({ name }) => name))
  const listed = graph.initializers.filter(({ name }) => inputs.has(name))
  // A model of nothing but defaults takes no request.
  if (listed.length > OPTIONAL_INPUTS_MAX || listed.length === inputs.size) return none
  const names = new Set(listed.map(({ name }) => name))
  const isWeight = graph.nodes.some(
    ({ opType, inputs: operands }) =>
      weighers.has(opType) && operands.some((name, index) => index > 0 && names.has(name)),
  )
  const read = listed.map((tensor) => [tensor.name, defaultOf(tensor)] as const)
  if (isWeight || read.some(([, value]) => value === null)) return none
  return new Map(read as readonly (readonly [string, TensorDefault])[])
}

/** null: a weight, or what JSON cannot carry. */
function defaultOf(tensor: OnnxTensorInfo): TensorDefault | null {
  const { dtype, dims } = tensor
  const elements = dims.reduce((product, dim) => product * dim, 1)
  if (dtype === undefined || dims.length > 1 || elements === 0 || elements > OPTIONAL_INPUT_ELEMENTS_MAX) return null
  const data = [...tensor.read()].map((value) => {
    if (typeof value === 'bigint') return BigInt.asIntN(53, value) === value ? Number(value) : String(value)
    if (typeof value === 'string') return value
    if (dtype === 'float16') return float16Value(value)
    return dtype === 'bfloat16' ? bfloat16Value(value) : value
  })
  return data.some((value) => typeof value === 'number' && !Number.isFinite(value)) ? null : { shape: [...dims], data }
}
