/** Visits every graph, node and tensor of a file, wherever it lies: subgraphs, functions, attributes, training graphs. */
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensorInfo } from './model.js'

/** Each graph with all that lie in its nodes' attributes, then the functions' and the training graphs. */
export function* graphsOf(model: OnnxModel): Generator<OnnxGraph> {
  yield* graphsFrom(model.graph)
  for (const { nodes, attributeDefaults } of model.functions) {
    for (const node of nodes) yield* graphsInside(node)
    for (const attribute of attributeDefaults) yield* graphsAt(attribute)
  }
  for (const graph of model.trainingGraphs) yield* graphsFrom(graph)
}

/** Each node of every graph and function. */
export function* nodesOf(model: OnnxModel): Generator<OnnxNode> {
  for (const graph of graphsOf(model)) yield* graph.nodes
  for (const { nodes } of model.functions) yield* nodes
}

/** Each tensor of the file: initializers, dense and sparse, and the values of attributes. */
export function* tensorsOf(model: OnnxModel): Generator<OnnxTensorInfo> {
  for (const { initializers, sparseInitializers } of graphsOf(model)) {
    yield* initializers
    for (const { values, indices } of sparseInitializers) yield* [values, indices]
  }
  for (const { attributes } of nodesOf(model)) for (const attribute of attributes.values()) yield* tensorsAt(attribute)
  for (const { attributeDefaults } of model.functions)
    for (const attribute of attributeDefaults) yield* tensorsAt(attribute)
}

function* graphsFrom(graph: OnnxGraph): Generator<OnnxGraph> {
  yield graph
  for (const node of graph.nodes) yield* graphsInside(node)
}

function* graphsInside(node: OnnxNode): Generator<OnnxGraph> {
  for (const attribute of node.attributes.values()) yield* graphsAt(attribute)
}

function* graphsAt(attribute: OnnxAttribute): Generator<OnnxGraph> {
  if (attribute.graph !== undefined) yield* graphsFrom(attribute.graph)
  for (const graph of attribute.graphs) yield* graphsFrom(graph)
}

function* tensorsAt(attribute: OnnxAttribute): Generator<OnnxTensorInfo> {
  if (attribute.tensor !== undefined) yield attribute.tensor
  yield* attribute.tensors
  for (const { values, indices } of attribute.sparseTensors) yield* [values, indices]
}
