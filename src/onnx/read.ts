/**
 * Reads ONNX files: untrusted bytes in, the structure out (model.ts). A decoder made from onnx.proto would copy every
 * weight and make an object of every number of a forest; here they stay views of the file until somebody asks.
 *
 *   ModelProto ─ graph ─┬─ nodes ─ attributes (lazy) ─ graphs …
 *                       ├─ inputs, outputs, value infos
 *                       └─ initializers (lazy data)
 *
 * The memory is bounded by a budget of items and a depth (message.ts). The file's bytes are lent as long as the model is
 * used.
 */
import { WireReader } from '../base/protobuf/wire-reader.js'
import { readAttribute } from './attributes.js'
import {
  Budget,
  domainOf,
  expectDepth,
  guarded,
  invalid,
  readEntry,
  readInt32,
  readOnce,
  readOpset,
  readText,
} from './message.js'
import type {
  OnnxAttribute,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxSparseTensor,
  OnnxTensorInfo,
  OnnxValueInfo,
} from './model.js'
import { readSparseTensor, readTensor } from './tensors.js'
import { readValueInfo } from './values.js'

/**
 * @param bytes of an .onnx file; lent as long as the model is used.
 * @throws PenstockError ERR_MODEL_INVALID when they are none, or hold more than a graph may.
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  return guarded(() => {
    const reader = new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    return readModel(reader, new Budget())
  })
}

function readModel(reader: WireReader, budget: Budget): OnnxModel {
  let irVersion = 0
  let producerName = ''
  let producerVersion = ''
  let graph: OnnxGraph | undefined
  const opsets = new Map<string, number>()
  const metadata = new Map<string, string>()
  const functions: OnnxFunction[] = []
  const trainingGraphs: OnnxGraph[] = []
  while (reader.next()) {
    if (reader.field === 1) irVersion = readInt32(reader)
    else if (reader.field === 2) producerName = readText(reader)
    else if (reader.field === 3) producerVersion = readText(reader)
    else if (reader.field === 7) graph = readGraph(readOnce(reader, graph, 'graph'), budget, 0)
    else if (reader.field === 8) readOpset(reader.message(), budget, opsets)
    else if (reader.field === 14) readEntry(reader.message(), budget, metadata)
    else if (reader.field === 20) readTraining(reader.message(), budget, trainingGraphs)
    else if (reader.field === 25) functions.push(readFunction(reader.message(), budget))
    else reader.skip()
  }
  if (graph === undefined) throw invalid('Expected the file to have a graph but it has none')
  return { irVersion, opsets, producerName, producerVersion, metadata, graph, functions, trainingGraphs }
}

function readGraph(reader: WireReader, budget: Budget, depth: number): OnnxGraph {
  expectDepth(depth)
  budget.spend()
  let name = ''
  const nodes: OnnxNode[] = []
  const inputs: OnnxValueInfo[] = []
  const outputs: OnnxValueInfo[] = []
  const valueInfos: OnnxValueInfo[] = []
  const initializers: OnnxTensorInfo[] = []
  const sparseInitializers: OnnxSparseTensor[] = []
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader.message(), budget, depth))
    else if (reader.field === 2) name = readText(reader)
    else if (reader.field === 5) initializers.push(readTensor(reader.message(), budget))
    else if (reader.field === 11) inputs.push(readValueInfo(reader.message(), budget))
    else if (reader.field === 12) outputs.push(readValueInfo(reader.message(), budget))
    else if (reader.field === 13) valueInfos.push(readValueInfo(reader.message(), budget))
    else if (reader.field === 15) sparseInitializers.push(readSparseTensor(reader.message(), budget))
    else reader.skip()
  }
  return { name, nodes, inputs, outputs, valueInfos, initializers, sparseInitializers }
}

function readNode(reader: WireReader, budget: Budget, depth: number): OnnxNode {
  const start = reader.position
  let name = ''
  let opType = ''
  let domain = ''
  let overload = ''
  const inputs: string[] = []
  const outputs: string[] = []
  budget.spend()
  while (reader.next()) {
    if (reader.field === 1) inputs.push(readName(reader, budget))
    else if (reader.field === 2) outputs.push(readName(reader, budget))
    else if (reader.field === 3) name = readText(reader)
    else if (reader.field === 4) opType = readText(reader)
    else if (reader.field === 7) domain = domainOf(readText(reader))
    else if (reader.field === 8) overload = readText(reader)
    else reader.skip()
  }
  let attributes: ReadonlyMap<string, OnnxAttribute> | undefined
  return {
    name,
    opType,
    domain,
    overload,
    inputs,
    outputs,
    get attributes() {
      return (attributes ??= guarded(() => readAttributes(reader.from(start), budget, depth)))
    },
  }
}

function readName(reader: WireReader, budget: Budget): string {
  budget.spend()
  return readText(reader)
}

function readAttributes(reader: WireReader, budget: Budget, depth: number): ReadonlyMap<string, OnnxAttribute> {
  const attributes = new Map<string, OnnxAttribute>()
  while (reader.next()) {
    if (reader.field === 5) {
      const attribute = readAttribute(reader.message(), budget, depth, readGraph)
      if (attributes.has(attribute.name)) throw invalid(`Expected a node to have one attribute ${attribute.name}`)
      attributes.set(attribute.name, attribute)
    } else reader.skip()
  }
  return attributes
}

function readFunction(reader: WireReader, budget: Budget): OnnxFunction {
  let name = ''
  let domain = ''
  let overload = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributeNames: string[] = []
  const attributeDefaults: OnnxAttribute[] = []
  const nodes: OnnxNode[] = []
  const opsets = new Map<string, number>()
  budget.spend()
  while (reader.next()) {
    if (reader.field === 1) name = readText(reader)
    else if (reader.field === 4) inputs.push(readName(reader, budget))
    else if (reader.field === 5) outputs.push(readName(reader, budget))
    else if (reader.field === 6) attributeNames.push(readName(reader, budget))
    else if (reader.field === 7) nodes.push(readNode(reader.message(), budget, 0))
    else if (reader.field === 9) readOpset(reader.message(), budget, opsets)
    else if (reader.field === 10) domain = domainOf(readText(reader))
    else if (reader.field === 11) attributeDefaults.push(readAttribute(reader.message(), budget, 0, readGraph))
    else if (reader.field === 13) overload = readText(reader)
    else reader.skip()
  }
  return { name, domain, overload, inputs, outputs, attributeNames, attributeDefaults, nodes, opsets }
}

/** TrainingInfoProto: the graphs that initialise and that train. */
function readTraining(reader: WireReader, budget: Budget, graphs: OnnxGraph[]): void {
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) graphs.push(readGraph(reader.message(), budget, 0))
    else reader.skip()
  }
}
