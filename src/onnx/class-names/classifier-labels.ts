/**
 * What the columns of a classifier's scores stand for, where no map (ZipMap) says it: its labels, read from the node that
 * makes the scores.
 *
 *   probabilities ← Normalizer ← LinearClassifier (classlabels_strings: no, yes)      columns no, yes
 */
import type { OnnxGraph, OnnxModel, OnnxNode } from '../model.js'

/** The names of the attributes differ from operator to operator, and from version to version. */
const stringNames = ['classlabels_strings'] as const
const integerNames = ['classlabels_int64s', 'classlabels_ints'] as const
/** What keeps each score in its column. */
const passing: ReadonlySet<string> = new Set(['Identity', 'Cast', 'ai.onnx.ml.Normalizer'])

/** The labels of a classifier or a ZipMap, in order; [] when it has none. */
export function labelsOf({ attributes }: OnnxNode): readonly (string | number)[] {
  for (const name of stringNames) {
    const strings = attributes.get(name)?.strings ?? []
    if (strings.length > 0) return [...strings]
  }
  return integerNames.flatMap((name) => [...(attributes.get(name)?.ints ?? [])].map(labelOf))
}

/**
 * The labels of each output that is a tensor of scores already: what exporters make without a map, skl2onnx with `zipmap`
 * off. Outputs of another width than there are labels have none.
 */
export function tensorClasses({ graph }: OnnxModel): Map<string, readonly (string | number)[]> {
  const producers = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)))
  const found = new Map<string, readonly (string | number)[]>()
  for (const { name, type } of graph.outputs) {
    if (type?.kind !== 'tensor' || (type.dims !== null && type.dims.length !== 2)) continue
    const labels = scoredClasses(name, graph, producers)
    const width = type.dims?.[1] ?? null
    if (labels !== null && (typeof width !== 'number' || width === labels.length)) found.set(name, labels)
  }
  return found
}

/**
 * The labels of the scores in `source`, one a column; null: something else makes it, or as many are not certain.
 * @param producers the index of the node that makes a value.
 */
export function scoredClasses(
  source: string,
  graph: OnnxGraph,
  producers: ReadonlyMap<string, number>,
): readonly (string | number)[] | null {
  let name = source
  // A hostile file may have a circle of them.
  for (let steps = 0; steps <= graph.nodes.length; steps++) {
    const node = graph.nodes[producers.get(name) ?? -1]
    if (node === undefined) return null
    if (!passing.has(operatorOf(node))) return node.outputs[1] === name ? columnLabels(node) : null
    name = node.inputs[0] ?? ''
  }
  return null
}

function columnLabels(node: OnnxNode): readonly (string | number)[] | null {
  const labels = labelsOf(node)
  const operator = operatorOf(node)
  const count = (name: string): number => node.attributes.get(name)?.floats.length ?? 0
  // A linear classifier may have one score for two classes, which ONNX Runtime makes two of.
  const isLinear =
    operator === 'ai.onnx.ml.LinearClassifier' &&
    (count('intercepts') === labels.length || (count('intercepts') === 1 && labels.length === 2))
  // Without probabilities a support vector machine has a score for each pair of classes.
  const isMachine = operator === 'ai.onnx.ml.SVMClassifier' && count('prob_a') > 0
  const isForest = operator === 'ai.onnx.ml.TreeEnsembleClassifier'
  return labels.length > 1 && (isLinear || isMachine || isForest) ? labels : null
}

function operatorOf({ domain, opType }: OnnxNode): string {
  return domain === '' ? opType : `${domain}.${opType}`
}

/** Integers beyond 2^53 are written as text. */
function labelOf(label: bigint): string | number {
  return BigInt.asIntN(53, label) === label ? Number(label) : String(label)
}
