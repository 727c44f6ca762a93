/**
 * Finds out whether a graph is one tree ensemble and nothing else that counts, and reads it.
 *
 *     one input [n, features] ─ chain ─► TreeEnsemble… ─┬─ scores ─ chain ─► outputs
 *                                                       └─ labels ─ chain ─► outputs
 *
 * Reading proves nothing: what runs a model by it first compares with ONNX Runtime. So a graph is refused for what cannot
 * be written down here, not for what an exporter has never been seen to write.
 */
import { isPenstockError } from '../../base/errors.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import { TREE_FEATURES_MAX, TREE_TARGETS_MAX } from '../../base/limits/tree-limits.js'
import { TreeKind } from '../../base/generated/boundary.js'
import type { OnnxGraph, OnnxModel, OnnxNode } from '../model.js'
import { chainTo, readInputChain, readOutputChain, standsInChain } from './chain.js'
import { readClassifier, readRegressor, type ReadEnsemble } from './classic-ensemble.js'
import { Constants } from './constants.js'
import { NotTrees, type TreeEnsemble, type TreeGraph, type TreeOutput, type ValueDtype } from './tree-spec.js'
import { readUnified } from './unified-ensemble.js'

export type TreeReading =
  | { readonly trees: TreeGraph; readonly reason: '' }
  /** A sentence. */
  | { readonly trees: null; readonly reason: string }

const readers: Readonly<Record<string, (node: OnnxNode, dtype: ValueDtype) => ReadEnsemble>> = {
  TreeEnsembleRegressor: readRegressor,
  TreeEnsembleClassifier: readClassifier,
  TreeEnsemble: readUnified,
}

/** Never throws for what a file says. */
export function readTrees({ graph }: Pick<OnnxModel, 'graph'>): TreeReading {
  try {
    return { trees: readGraph(graph), reason: '' }
  } catch (error) {
    if (error instanceof NotTrees) return { trees: null, reason: error.message }
    if (isPenstockError(error) && error.code === 'ERR_MODEL_INVALID')
      return { trees: null, reason: `Its trees cannot be read: ${error.message}` }
    throw error
  }
}

function readGraph(graph: OnnxGraph): TreeGraph {
  const node = ensembleOf(graph)
  const input = inputOf(graph)
  const constants = new Constants(graph)
  const producers = new Map(graph.nodes.flatMap(({ outputs }, index) => outputs.map((name) => [name, index] as const)))
  const before = chainTo(node.inputs[0] ?? '', graph, producers, constants, (name) => name === input.name)
  const { dtype, scale } = readInputChain(before.nodes, input.dtype, input.features, constants)
  const valueDtype = dtype === 'float64' ? 'float64' : 'float32'
  const { ensemble, labelTexts } = (readers[node.opType] as (typeof readers)[string])(node, valueDtype)
  expectSizes(ensemble, input.features)
  // Regressors and classifiers of every input dtype give float32; the newer operator gives its input's.
  const outputDtype = node.opType === 'TreeEnsemble' ? valueDtype : 'float32'
  const outputs = graph.outputs.map(({ name }) => {
    const { source, nodes } = chainTo(
      name,
      graph,
      producers,
      constants,
      (value) => value !== '' && node.outputs.includes(value),
    )
    return readOutput(name, node.outputs.indexOf(source), nodes, { node, ensemble, labelTexts, outputDtype, constants })
  })
  if (outputs.length === 0) throw new NotTrees('Its graph has no outputs')
  return {
    input: { name: input.name, dtype: input.dtype },
    outputs,
    spec: {
      ...ensemble,
      inputDtype: dtypeInfo(input.dtype).code,
      valueDtype: dtypeInfo(valueDtype).code,
      outputDtype: dtypeInfo(outputDtype).code,
      features: input.features,
      ...(scale === null ? {} : { scaleOffset: scale.offset, scaleFactor: scale.factor }),
    },
    labelTexts,
  }
}

function ensembleOf({ nodes }: OnnxGraph): OnnxNode {
  const found = nodes.filter(({ opType, domain }) => domain === 'ai.onnx.ml' && Object.hasOwn(readers, opType))
  const [node] = found
  if (node === undefined) throw new NotTrees('Its graph has no tree ensemble')
  if (found.length > 1) throw new NotTrees(`Its graph has ${found.length} tree ensembles`)
  return node
}

function inputOf({ inputs, initializers }: OnnxGraph): { name: string; dtype: NumericDtype; features: number } {
  const known = new Set(initializers.map(({ name }) => name))
  const free = inputs.filter(({ name }) => !known.has(name))
  const [input] = free
  if (input === undefined || free.length > 1) throw new NotTrees(`Its graph has ${free.length} inputs`)
  const { name, type } = input
  if (type?.kind !== 'tensor' || type.dims?.length !== 2) throw new NotTrees(`Its input ${name} has no rows of columns`)
  const { dtype } = type
  const features = type.dims[1]
  if (dtype !== 'float32' && dtype !== 'float64' && dtype !== 'int64' && dtype !== 'int32')
    throw new NotTrees(`Its input ${name} is ${dtype ?? 'of a dtype'} that no tree compares`)
  if (typeof features !== 'number' || features < 1)
    throw new NotTrees(`Its input ${name} has no fixed number of columns`)
  if (features > TREE_FEATURES_MAX) throw new NotTrees(`Its input ${name} has more than ${TREE_FEATURES_MAX} columns`)
  return { name, dtype, features }
}

function expectSizes({ targetCount, baseValues, featureIds, kind }: TreeEnsemble, features: number): void {
  if (kind === TreeKind.classifier && targetCount === 1) throw new NotTrees('It is a classifier of one class')
  if (targetCount > TREE_TARGETS_MAX) throw new NotTrees(`It has more than ${TREE_TARGETS_MAX} targets`)
  const last = featureIds.reduce((most, id) => Math.max(most, id), 0)
  if (last >= features) throw new NotTrees(`A node of it looks at column ${last} of ${features}`)
  const isFitting =
    baseValues.length === 0 ||
    baseValues.length === targetCount ||
    (kind === TreeKind.classifier && targetCount === 2 && baseValues.length === 1)
  if (!isFitting) throw new NotTrees(`It has ${baseValues.length} base values for ${targetCount} targets`)
}

interface OutputContext {
  readonly node: OnnxNode
  readonly ensemble: TreeEnsemble
  readonly labelTexts: readonly string[] | null
  readonly outputDtype: ValueDtype
  readonly constants: Constants
}

function readOutput(
  name: string,
  position: number,
  nodes: readonly OnnxNode[],
  { node, ensemble, labelTexts, outputDtype, constants }: OutputContext,
): TreeOutput {
  const isClassifier = ensemble.kind === TreeKind.classifier
  const source = isClassifier && position === 0 ? 'labels' : 'scores'
  if (position > (isClassifier ? 1 : 0)) throw standsInChain(node)
  const from =
    source === 'labels'
      ? ({ dtype: labelTexts === null ? 'int64' : 'string', dims: [] } as const)
      : ({ dtype: outputDtype, dims: [ensemble.targetCount] } as const)
  const { dtype, dims } = readOutputChain(nodes, from, constants)
  return { name, source, dtype: dtype, dims }
}
