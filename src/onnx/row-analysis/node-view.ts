/**
 * One node as a rule of the analysis sees it: its inputs' values, its attributes with their defaults, and the version of
 * its operator set. In the body of a function an attribute may stand for one of the function's caller.
 */
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../model.js'
import { NotKnown, RowsMix, type Plain, type Rows, type Value } from './value.js'

/** Says what the node's outputs are; fewer than the node has: the rest is not known. */
export type Rule = (node: NodeView) => readonly Value[]

/** Evaluates a graph inside a node with what the graphs around it know. */
export type EvaluateGraph = (graph: OnnxGraph, inputs: readonly Value[]) => readonly Value[]

export class NodeView {
  readonly node: OnnxNode
  /** null: left out. */
  readonly inputs: readonly (Value | null)[]
  readonly opset: number
  readonly evaluate: EvaluateGraph
  readonly #callerAttributes: ReadonlyMap<string, OnnxAttribute>

  constructor(
    node: OnnxNode,
    inputs: readonly (Value | null)[],
    opset: number,
    evaluate: EvaluateGraph,
    callerAttributes: ReadonlyMap<string, OnnxAttribute>,
  ) {
    this.node = node
    this.inputs = inputs
    this.opset = opset
    this.evaluate = evaluate
    this.#callerAttributes = callerAttributes
  }

  get outputCount(): number {
    return this.node.outputs.length
  }

  attribute(name: string): OnnxAttribute | undefined {
    const own = this.node.attributes.get(name)
    return own === undefined || own.reference === '' ? own : this.#callerAttributes.get(own.reference)
  }

  /** Those that a function called here sees. */
  attributes(): ReadonlyMap<string, OnnxAttribute> {
    const seen = new Map<string, OnnxAttribute>()
    for (const name of this.node.attributes.keys()) {
      const attribute = this.attribute(name)
      if (attribute !== undefined) seen.set(name, attribute)
    }
    return seen
  }

  int(name: string, absent: number): number {
    const attribute = this.attribute(name)
    return attribute === undefined ? absent : Number(attribute.i)
  }

  text(name: string, absent: string): string {
    return this.attribute(name)?.s ?? absent
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.attribute(name)
    return attribute === undefined ? undefined : Array.from(attribute.ints, Number)
  }

  has(name: string): boolean {
    return this.attribute(name) !== undefined
  }

  /** undefined: left out. */
  optional(index: number): Plain | Rows | undefined {
    const value = this.inputs[index]
    if (value == null) return undefined
    // The walk lets no blocked value reach a rule.
    if (value.kind !== 'plain' && value.kind !== 'rows') throw new NotKnown('its input is not known')
    return value
  }

  required(index: number): Plain | Rows {
    return this.optional(index) ?? fail(`its input ${index} is missing`)
  }

  /** An input that must not hold rows: weights, scales, a shape. */
  plain(index: number, what: string): Plain | undefined {
    const value = this.optional(index)
    if (value?.kind === 'rows') throw new RowsMix(`its ${what} is computed from the rows`)
    return value
  }

  /** An input that holds the rows on axis 0 and nothing else there. */
  batched(index: number): Rows {
    const value = this.required(index)
    if (value.kind !== 'rows') throw new NotKnown(`its input ${index} is the same for all rows`)
    if (value.axis !== 0) throw new RowsMix(`the rows of its input lie on axis ${value.axis}, not on the first`)
    return value
  }
}

function fail(reason: string): never {
  throw new NotKnown(reason)
}
