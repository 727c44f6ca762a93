/**
 * What stands between a graph's input and its trees, and between those and its outputs, as far as it can be repeated bit
 * for bit: no arithmetic but that of Scaler, which the kernels do as ONNX Runtime does.
 *
 *     input ─ Identity, Cast, Scaler, Reshape that changes nothing ─► trees
 *     trees ─ Identity, Cast, a product with 1, Reshape, Squeeze, Unsqueeze, Flatten ─► outputs
 */
import type { Dtype, NumericDtype } from '../../tensor/tensor.js'
import type { OnnxGraph, OnnxNode } from '../model.js'
import { numericDtypeOf } from './attributes.js'
import type { Constants } from './constants.js'
import { NotTrees } from './tree-spec.js'

/** The nodes from a value back to where it comes from, nearest to the source first. */
export interface Chain {
  readonly source: string
  readonly nodes: readonly OnnxNode[]
}

const domains: Readonly<Record<string, string>> = {
  Identity: '',
  Cast: '',
  Mul: '',
  Reshape: '',
  Squeeze: '',
  Unsqueeze: '',
  Flatten: '',
  Scaler: 'ai.onnx.ml',
}

/**
 * Follows a value to the first that `isSource` knows, past operators that may stand in a chain.
 * @throws NotTrees naming the operator that may not.
 */
export function chainTo(
  name: string,
  { nodes }: OnnxGraph,
  producers: ReadonlyMap<string, number>,
  constants: Constants,
  isSource: (name: string) => boolean,
): Chain {
  const passed: OnnxNode[] = []
  let value = name
  while (!isSource(value)) {
    const node = nodes[producers.get(value) ?? -1]
    // A hostile file may have a circle of them.
    if (node === undefined || passed.length > nodes.length) throw new NotTrees(`Its value ${clip(name)} has no origin`)
    if (domains[node.opType] !== node.domain || node.outputs[0] !== value) throw standsInChain(node)
    passed.unshift(node)
    // A factor may stand first.
    value = (node.opType === 'Mul' && constants.isOne(node.inputs[0] ?? '') ? node.inputs[1] : node.inputs[0]) ?? ''
  }
  return { source: value, nodes: passed }
}

export function standsInChain({ opType, domain, name }: OnnxNode): NotTrees {
  const operator = domain === '' ? opType : `${domain}.${opType}`
  const where = name === '' ? '' : ` (node ${clip(name)})`
  return new NotTrees(`Its graph does more than trees: ${clip(operator)}${where}`)
}

/** What becomes of an element before the trees see it. */
export interface InputChain {
  /** What the trees are given. */
  readonly dtype: NumericDtype
  readonly scale: { readonly offset: Float32Array; readonly factor: Float32Array } | null
}

/** @throws NotTrees when the kernels cannot do the same. */
export function readInputChain(
  nodes: readonly OnnxNode[],
  inputDtype: NumericDtype,
  features: number,
  constants: Constants,
): InputChain {
  let dtype = inputDtype
  let casts = 0
  let scale: InputChain['scale'] = null
  for (const node of nodes) {
    if (node.opType === 'Cast') {
      const target = castTarget(node)
      if (target === dtype) continue
      // The kernels cast once, to a dtype that trees compare in, and scale after it.
      if (casts++ > 0 || scale !== null || (target !== 'float32' && target !== 'float64')) throw standsInChain(node)
      dtype = target
    } else if (node.opType === 'Scaler') {
      if (scale !== null || dtype === 'float64') throw standsInChain(node)
      scale = readScaler(node, features)
      dtype = 'float32'
    } else if (node.opType === 'Reshape') {
      const dims = reshaped([features], constants.integers(node.inputs[1] ?? ''), node)
      if (dims.length !== 1 || dims[0] !== features) throw standsInChain(node)
    } else if (node.opType !== 'Identity') throw standsInChain(node)
  }
  return { dtype, scale }
}

function readScaler(node: OnnxNode, features: number): { offset: Float32Array; factor: Float32Array } {
  const offset = node.attributes.get('offset')?.floats ?? new Float32Array(0)
  const factor = node.attributes.get('scale')?.floats ?? new Float32Array(0)
  for (const { length } of [offset, factor])
    if (length !== 1 && length !== features)
      throw new NotTrees(`Its Scaler has ${length} values for ${features} columns`)
  return { offset, factor }
}

/** What becomes of the scores or the labels behind the trees. */
export interface OutputChain {
  readonly dtype: Dtype
  readonly dims: readonly number[]
}

/** @throws NotTrees when it is more than other dims of the same elements. */
export function readOutputChain(
  nodes: readonly OnnxNode[],
  { dtype: sourceDtype, dims: sourceDims }: OutputChain,
  constants: Constants,
): OutputChain {
  let dtype = sourceDtype
  let dims = sourceDims
  for (const node of nodes) {
    const given = node.inputs[1] ?? ''
    if (node.opType === 'Cast') {
      if (castTarget(node) !== dtype) dtype = castOutput(node, dtype)
    } else if (node.opType === 'Reshape') dims = reshaped(dims, constants.integers(given), node)
    else if (node.opType === 'Squeeze' || node.opType === 'Unsqueeze')
      dims = squeezed(node, dims, axesOf(node, constants))
    else if (node.opType === 'Flatten') dims = flattened(node, dims)
    else if (node.opType === 'Mul') {
      const isPlain = (constants.isOne(given) || constants.isOne(node.inputs[0] ?? '')) && dims.length > 0
      if (!isPlain || dtype === 'string') throw standsInChain(node)
    } else if (node.opType !== 'Identity') throw standsInChain(node)
  }
  return { dtype, dims }
}

function castTarget(node: OnnxNode): NumericDtype {
  const target = numericDtypeOf(Number(node.attributes.get('to')?.i ?? 0n))
  if (target === undefined || target === 'string') throw standsInChain(node)
  return target
}

/** Casts that lose nothing, or are done once behind the kernels. */
const outputCasts: Readonly<Partial<Record<Dtype, readonly NumericDtype[]>>> = {
  float32: ['float64'],
  int64: ['int32', 'float32', 'float64'],
}

function castOutput(node: OnnxNode, dtype: Dtype): NumericDtype {
  const target = castTarget(node)
  if (outputCasts[dtype]?.includes(target) !== true) throw standsInChain(node)
  return target
}

/** The dims of a row after Reshape, whose shape keeps the row axis first. */
function reshaped(dims: readonly number[], shape: readonly number[] | undefined, node: OnnxNode): readonly number[] {
  if (shape === undefined || (node.attributes.get('allowzero')?.i ?? 0n) !== 0n) throw standsInChain(node)
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const [rows, ...inner] = shape.map((dim, axis) => (dim === 0 && axis > 0 ? (dims[axis - 1] ?? -2) : dim))
  const known = inner.reduce((product, dim) => (dim === -1 ? product : product * dim), 1)
  // The rows are found by 0, which copies their number; or by -1, where all other dims are known.
  if (rows === 0 && inner.filter((dim) => dim === -1).length === 1 && known > 0 && elements % known === 0)
    return inner.map((dim) => (dim === -1 ? elements / known : dim))
  if ((rows !== -1 && rows !== 0) || inner.some((dim) => dim < 1) || known !== elements) throw standsInChain(node)
  return inner
}

function axesOf(node: OnnxNode, constants: Constants): readonly number[] {
  const fixed = node.attributes.get('axes')?.ints
  const axes = fixed === undefined ? constants.integers(node.inputs[1] ?? '') : [...fixed].map(Number)
  if (axes?.length !== 1) throw standsInChain(node)
  return axes
}

function squeezed(node: OnnxNode, dims: readonly number[], axes: readonly number[]): readonly number[] {
  const isAdded = node.opType === 'Unsqueeze'
  const rank = dims.length + 1 + (isAdded ? 1 : 0)
  const axis = (axes[0] as number) < 0 ? (axes[0] as number) + rank : (axes[0] as number)
  // The row axis stays first.
  if (axis < 1 || axis >= rank || (!isAdded && dims[axis - 1] !== 1)) throw standsInChain(node)
  return isAdded ? [...dims.slice(0, axis - 1), 1, ...dims.slice(axis - 1)] : dims.filter((_, i) => i !== axis - 1)
}

function flattened(node: OnnxNode, dims: readonly number[]): readonly number[] {
  if ((node.attributes.get('axis')?.i ?? 1n) !== 1n) throw standsInChain(node)
  return [dims.reduce((product, dim) => product * dim, 1)]
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
