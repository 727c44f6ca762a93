/**
 * Reads from the graph of a model whether the rows of a batch stay apart: which part of each value belongs to which row,
 * from the inputs to the outputs.
 *
 *     inputs: rows on axis 0 ─► node by node, in the file's order ─► every output has its rows on axis 0: `rows`
 *                                   │ an operator that is not known         ─► `unproven`, the first such node
 *                                   └ rows meet, or are counted or sorted   ─► `dependent`, the first such node
 *
 * Sound, not complete: `rows` is a proof for the shapes that were given; `dependent` may be said of a graph that only
 * looks so (it subtracts what it added). Only what reaches an output counts.
 *
 * Rejected: names of dims as the file declares them (exporters call anything `batch`), and running the model with
 * different shapes alone, which shows effects and no proof.
 */
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../model.js'
import { plainOf } from './operators/fold.js'
import { fixed, isEqual, ROW_COUNT } from './operators/linear.js'
import { NodeView } from './node-view.js'
import { carriesPlaces, isRandom, isShapeInput, mixingReason, ruleOf } from './operators.js'
import {
  isRows,
  NotKnown,
  originOf,
  plain,
  RowsMix,
  rowsAt,
  type Blocked,
  type Culprit,
  type Dims,
  type Value,
} from './value.js'

/** An input of the model, as it is run: its first dim is the rows, the others are sizes. */
export interface AnalysedInput {
  readonly name: string
  /** The first is ignored; null: a size that varies. */
  readonly dims: readonly (number | null)[]
}

export interface RowAnalysis {
  readonly verdict: 'rows' | 'unproven' | 'dependent'
  /** null when `rows`. */
  readonly culprit: Culprit | null
  /** In the order of the graph's outputs. */
  readonly outputs: readonly AnalysedOutput[]
}

export interface AnalysedOutput {
  readonly name: string
  /** Where the rows are all of its first axis: the sizes of the others, null where they are not known. Else null. */
  readonly rowDims: readonly (number | null)[] | null
}

/** @param inputs those that hold rows; others must have an initializer. */
export function analyzeRows(model: OnnxModel, inputs: readonly AnalysedInput[]): RowAnalysis {
  const given = new Map(inputs.map(({ name, dims }) => [name, rowsAt(dimsOf(dims), 0)]))
  const walk = new Walk(model)
  const values = walk.graph(model.graph, new Map<string, Value>(given), model.opsets, new Map())
  const outputs = values.map((value, index) => ({
    name: model.graph.outputs[index]?.name ?? '',
    rowDims: rowDimsOf(value),
  }))
  const blocked = values.map((value, index) => blockOf(value, outputs[index] as AnalysedOutput))
  const culprit =
    blocked.find((block) => block?.kind === 'dependent') ?? blocked.find((block) => block !== null) ?? null
  return { verdict: culprit?.kind ?? 'rows', culprit: culprit?.culprit ?? null, outputs }
}

type Scope = Map<string, Value>
type Opsets = ReadonlyMap<string, number>
type Attributes = ReadonlyMap<string, OnnxAttribute>

class Walk {
  readonly #functions: ReadonlyMap<string, OnnxFunction>
  /** Functions that are being walked: the format forbids a cycle, and a file may hold one. */
  readonly #entered = new Set<OnnxFunction>()

  constructor({ functions }: OnnxModel) {
    this.#functions = new Map(functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]))
  }

  /** @param scope what is known around the graph and of its inputs; filled. */
  graph(graph: OnnxGraph, scope: Scope, opsets: Opsets, attributes: Attributes): readonly Value[] {
    for (const tensor of graph.initializers) if (!scope.has(tensor.name)) scope.set(tensor.name, plainOf(tensor))
    for (const { values, dims } of graph.sparseInitializers) scope.set(values.name, plain(dims.map(fixed), 'file'))
    this.#nodes(graph.nodes, scope, opsets, attributes)
    return graph.outputs.map(({ name }) => scope.get(name) ?? missing(name))
  }

  #nodes(nodes: readonly OnnxNode[], scope: Scope, opsets: Opsets, attributes: Attributes): void {
    for (const node of nodes) {
      const inputs = node.inputs.map((name) => (name === '' ? null : (scope.get(name) ?? missing(name))))
      const values = this.#node(node, inputs, scope, opsets, attributes)
      node.outputs.forEach((name, index) => {
        if (name !== '')
          scope.set(name, values[index] ?? blocked(node, 'unproven', 'it has more outputs than are known'))
      })
    }
  }

  #node(
    node: OnnxNode,
    inputs: readonly (Value | null)[],
    scope: Scope,
    opsets: Opsets,
    attributes: Attributes,
  ): readonly Value[] {
    const evaluate = (graph: OnnxGraph, values: readonly Value[]): readonly Value[] => {
      const inner: Scope = new Map(scope)
      graph.inputs.forEach(({ name }, index) => inner.set(name, values[index] ?? missing(name)))
      return this.graph(graph, inner, opsets, attributes)
    }
    const view = new NodeView(node, inputs, opsets.get(node.domain) ?? 1, evaluate, attributes)
    const all = (value: Value): readonly Value[] => node.outputs.map(() => value)
    const stopped = blockedInput(node, inputs)
    if (stopped !== null) return all(stopped)
    try {
      const called = this.#functions.get(functionKey(node.domain, node.opType, node.overload))
      if (called !== undefined) return this.#call(called, view)
      if (node.opType === 'Constant' && node.domain === '') return [constantOf(view)]
      const rule = ruleOf(node.domain, node.opType)
      if (rule !== undefined) return rule(view)
      if (!inputs.some(isRows) && !hasGraphs(node)) return all(plain(null, originOf(inputs)))
      return all(blocked(node, 'unproven', 'the operator is not known'))
    } catch (error) {
      if (error instanceof RowsMix) return all(blocked(node, 'dependent', error.message))
      if (!(error instanceof NotKnown)) throw error
      const isRowless = !inputs.some(isRows) && !hasGraphs(node)
      return all(isRowless ? plain(null, originOf(inputs)) : blocked(node, 'unproven', error.message))
    }
  }

  #call(called: OnnxFunction, view: NodeView): readonly Value[] {
    if (this.#entered.has(called)) throw new NotKnown('the function calls itself')
    this.#entered.add(called)
    try {
      const scope: Scope = new Map()
      called.inputs.forEach((name, index) => {
        const value = view.inputs[index]
        if (value != null) scope.set(name, value)
      })
      const defaults = new Map(called.attributeDefaults.map((attribute) => [attribute.name, attribute]))
      this.#nodes(called.nodes, scope, called.opsets, new Map([...defaults, ...view.attributes()]))
      return called.outputs.map((name) => scope.get(name) ?? missing(name))
    } finally {
      this.#entered.delete(called)
    }
  }
}

/** What comes out when something that goes in is not known, or may not go in. */
function blockedInput(node: OnnxNode, inputs: readonly (Value | null)[]): Blocked | null {
  const { domain, opType } = node
  if (isRandom(domain, opType)) return blocked(node, 'dependent', mixingReason(domain, opType) as string)
  const dependent = inputs.find((input) => input?.kind === 'dependent')
  if (dependent != null) return dependent as Blocked
  const unproven = inputs.find((input) => input?.kind === 'unproven') as Blocked | undefined
  const hasRows = unproven !== undefined || inputs.some(isRows)
  const reason = mixingReason(domain, opType)
  if (reason !== undefined && hasRows) return blocked(node, 'dependent', reason)
  if (unproven !== undefined) return unproven
  if (!hasRows) return null
  if (inputs.some((input) => isRows(input) && input.place !== undefined) && !carriesPlaces(domain, opType))
    return blocked(node, 'dependent', "a row's place in the batch is among the values")
  const counts = inputs.some(
    (input, index) => input?.kind === 'plain' && input.origin === 'count' && !isShapeInput(domain, opType, index),
  )
  // What runs inside is looked at there.
  return counts && !hasGraphs(node) ? blocked(node, 'dependent', 'the number of rows is among the values') : null
}

function constantOf(view: NodeView): Value {
  const tensor = view.attribute('value')?.tensor
  if (tensor !== undefined) return plainOf(tensor)
  const one = (value: number, isFloat: boolean): Value => plain([], 'file', { isFloat, elements: [fixed(value)] })
  const several = (values: readonly number[], isFloat: boolean): Value =>
    plain([fixed(values.length)], 'file', values.length > 1024 ? null : { isFloat, elements: values.map(fixed) })
  const [int, float, ints, floats] = ['value_int', 'value_float', 'value_ints', 'value_floats'].map((name) =>
    view.attribute(name),
  )
  if (int !== undefined) return one(Number(int.i), false)
  if (float !== undefined) return one(float.f, true)
  if (ints !== undefined) return several(Array.from(ints.ints, Number), false)
  if (floats !== undefined) return several([...floats.floats], true)
  const sparse = view.attribute('sparse_value')?.sparseTensors[0]
  if (sparse !== undefined) return plain(sparse.dims.map(fixed), 'file')
  const strings = view.attribute('value_strings')?.strings
  return plain(strings === undefined ? [] : [fixed(strings.length)], 'file')
}

function blockOf(value: Value, { name, rowDims }: AnalysedOutput): Blocked | null {
  if (value.kind === 'dependent' || value.kind === 'unproven') return value
  if (rowDims !== null) return null
  const reason =
    value.kind === 'plain'
      ? `output ${name} does not depend on the rows`
      : `output ${name} does not have the rows on its first axis`
  return { kind: 'dependent', culprit: { node: '', operator: '', reason } }
}

function rowDimsOf(value: Value): readonly (number | null)[] | null {
  if (!isRows(value) || value.axis !== 0 || value.place !== undefined || !isEqual(value.dims[0] ?? null, ROW_COUNT))
    return null
  return value.dims.slice(1).map((dim) => (dim?.perRow === 0 ? dim.rest : null))
}

function blocked({ name, domain, opType, outputs }: OnnxNode, kind: Blocked['kind'], reason: string): Blocked {
  const node = name === '' ? (outputs.find((output) => output !== '') ?? '') : name
  return { kind, culprit: { node, operator: domain === '' ? opType : `${domain}.${opType}`, reason } }
}

function missing(name: string): Blocked {
  return { kind: 'unproven', culprit: { node: '', operator: '', reason: `nothing makes the value ${name}` } }
}

function dimsOf([, ...inner]: readonly (number | null)[]): Dims {
  return [ROW_COUNT, ...inner.map((dim) => (dim === null ? null : fixed(dim)))]
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${domain}\n${name}\n${overload}`
}

function hasGraphs(node: OnnxNode): boolean {
  return node.opType === 'If' || node.opType === 'Loop' || node.opType === 'Scan' || node.opType === 'SequenceMap'
}
