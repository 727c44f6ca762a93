/**
 * Cuts off what turns tensors into maps and sequences at the end of a classifier's graph: dictionaries are a comfort in
 * Python, and nothing else carries them.
 *
 *   probabilities ← ZipMap ← P                    output probabilities = P [n, classes], the labels kept as its classes
 *   probabilities ← SequenceConstruct ← P0, P1    outputs probabilities_0, probabilities_1, each as above; where there
 *                                                 is no ZipMap, the labels of the classifier that makes it
 *
 * Nodes are replaced by Identity, which ONNX Runtime optimises away, so that no tensor is renamed inside the graph.
 */
import { ProtoWriter } from '../../base/protobuf/wire-writer.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { labelsOf, scoredClasses } from './classifier-labels.js'
import { editOnnx } from '../edit.js'
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxType, OnnxValueInfo } from '../model.js'
import { graphsOf } from '../walk.js'

/** Fields of GraphProto. */
const NODE = 1
const OUTPUT = 12
const VALUE_INFO = 13
const FLOAT32 = dtypeInfo('float32').code

export interface ClassMaps {
  /** With the maps cut off; the bytes that were given when there are none. */
  readonly bytes: Uint8Array
  /** By output: what each column stands for, in order. */
  readonly classes: ReadonlyMap<string, readonly (string | number)[]>
  /** What was done, as sentences for people. */
  readonly changes: readonly string[]
}

/** A tensor that takes the place of an output, or of a part of it. */
interface Part {
  readonly name: string
  readonly source: string
  readonly type: OnnxType | undefined
  readonly classes: readonly (string | number)[] | null
}

/** @param model what `readOnnx` made of `bytes`. */
export function cutClassMaps(bytes: Uint8Array, model: OnnxModel): ClassMaps {
  const { graph } = model
  const producers = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)))
  const replaced = new Map<number, readonly Part[]>()
  const changes: string[] = []
  graph.outputs.forEach((output, index) => {
    if (output.type === undefined || output.type.kind === 'tensor') return
    const parts = partsOf(output, graph, producers)
    if (parts === null) return
    replaced.set(index, parts)
    changes.push(describe(output.name, parts))
  })
  if (replaced.size === 0) return { bytes, classes: new Map(), changes: [] }
  const parts = [...replaced.values()].flat()
  const dropped = droppedNodes(model, replaced)
  const retyped = new Set([
    ...parts.map(({ name }) => name),
    ...[...replaced.keys()].map((index) => graph.outputs[index]?.name),
  ])
  return {
    bytes: editOnnx(bytes, {
      visit: (kind, field, _message, index, depth) => {
        if (kind !== 'graph' || depth !== 1) return undefined
        if (field === NODE && dropped.has(index)) return []
        if (field === VALUE_INFO && retyped.has(graph.valueInfos[index]?.name ?? '')) return []
        if (field === OUTPUT) return replaced.get(index)?.map((part) => [valueInfo(part)])
        return undefined
      },
      append: parts.map((part) => [NODE, identity(part)]),
    }),
    classes: new Map(parts.flatMap(({ name, classes }) => (classes === null ? [] : [[name, classes]]))),
    changes,
  }
}

/** null: made by something else, such as a loop. */
function partsOf(
  output: OnnxValueInfo,
  graph: OnnxGraph,
  producers: ReadonlyMap<string, number>,
): readonly Part[] | null {
  const producer = producerOf(output.name, graph, producers)
  if (producer === undefined) return null
  const zipped = zipMapPart(output.name, producer, graph)
  if (zipped !== null) return [zipped]
  if (producer.opType !== 'SequenceConstruct' || producer.domain !== '') return null
  const taken = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
  const parts = producer.inputs.map((source, index): Part | null => {
    const name = `${output.name}_${index}`
    if (taken.has(name)) return null
    const inner = producerOf(source, graph, producers)
    const part = inner === undefined ? null : zipMapPart(name, inner, graph)
    if (part !== null) return part
    const type = elementTypeOf(output.type)
    return type?.kind === 'tensor' ? { name, source, type, classes: scoredClasses(source, graph, producers) } : null
  })
  return parts.every((part) => part !== null) ? parts : null
}

/** The node that makes a value, behind any Identity. */
function producerOf(name: string, graph: OnnxGraph, producers: ReadonlyMap<string, number>): OnnxNode | undefined {
  let node = graph.nodes[producers.get(name) ?? -1]
  // A hostile file may have a circle of them.
  for (let steps = 0; node?.opType === 'Identity' && steps < graph.nodes.length; steps++)
    node = graph.nodes[producers.get(node.inputs[0] ?? '') ?? -1]
  return node
}

function zipMapPart(name: string, node: OnnxNode, graph: OnnxGraph): Part | null {
  if (node.opType !== 'ZipMap' || node.domain !== 'ai.onnx.ml') return null
  const [source] = node.inputs
  if (source === undefined) return null
  const classes = labelsOf(node)
  const known = [...graph.valueInfos, ...graph.outputs, ...graph.inputs].find((value) => value.name === source)?.type
  return { name, source, type: known, classes }
}

function elementTypeOf(type: OnnxType | undefined): OnnxType | undefined {
  return type?.kind === 'sequence' ? type.element : undefined
}

/** The nodes that nobody needs without the replaced outputs; those of the old values' names must go, as these are made anew. */
function droppedNodes(model: OnnxModel, replaced: ReadonlyMap<number, readonly Part[]>): Set<number> {
  const { graph } = model
  const dropped = new Set<number>()
  const needed = (): Set<string> => {
    const names = new Set([...replaced.values()].flat().map(({ source }) => source))
    graph.outputs.forEach(({ name }, index) => {
      if (!replaced.has(index)) names.add(name)
    })
    for (const other of graphsOf(model))
      other.nodes.forEach((node, index) => {
        if (other !== graph || !dropped.has(index)) for (const input of node.inputs) names.add(input)
      })
    return names
  }
  for (let before = -1; before < dropped.size;) {
    before = dropped.size
    const names = needed()
    graph.nodes.forEach(({ opType, outputs }, index) => {
      const isCarrier = opType === 'ZipMap' || opType === 'SequenceConstruct' || opType === 'Identity'
      if (isCarrier && outputs.every((name) => !names.has(name))) dropped.add(index)
    })
  }
  return dropped
}

function identity({ name, source }: Part): Uint8Array {
  return new ProtoWriter().text(1, source).text(2, name).text(3, `penstock_${name}`).text(4, 'Identity').bytes.slice()
}

function valueInfo({ name, type, classes }: Part): Uint8Array {
  const isTensor = type?.kind === 'tensor'
  const elementType = isTensor && type.elementType > 0 ? type.elementType : FLOAT32
  const known = isTensor ? type.dims : null
  const isOpen = known === null || (known.length === 2 && typeof known[1] !== 'number')
  const dims = classes !== null && isOpen ? [known?.[0] ?? null, classes.length] : known
  return new ProtoWriter()
    .text(1, name)
    .message(2, (value) =>
      value.message(1, (tensor) => {
        tensor.unsigned(1, elementType)
        if (dims === null) return
        tensor.message(2, (shape) => {
          for (const dim of dims)
            shape.message(1, (one) => {
              if (typeof dim === 'number') one.unsigned(1, dim)
              else if (dim !== null) one.text(2, dim)
            })
        })
      }),
    )
    .bytes.slice()
}

function describe(output: string, parts: readonly Part[]): string {
  const [first] = parts
  if (parts.length === 1 && first?.name === output)
    return `Output ${output} is served as a tensor with a column per class: its map (ZipMap) was cut off.`
  return `Output ${output} is served as ${parts.length} tensors (${parts.map(({ name }) => name).join(', ')}): its sequence was cut off.`
}
