/**
 * What the graph says of the values that its inputs take: how wide the weights want a free axis, which texts an encoder
 * knows, how many rows a table of embeddings has. A trial and a calibration need values that the model runs; the file's
 * own signature tells none of it.
 *
 *   input ─► passers (Cast, Scaler, Identity …) ─► an operator whose weights or attributes say something
 *
 * Follows the main graph from each input. A width is `exact` where the operator refuses any other (a product), and at
 * least so many where it does not (trees). Nothing is guessed: what the graph does not say is left out.
 */
import type { OnnxGraph, OnnxModel, OnnxNode } from '../model.js'
import { hintOf, passesShape, passesValues, type Hint, type Weights } from './operators.js'

export interface InputHint {
  /** Where the graph fixes rank and sizes: of the whole shape, null where it leaves one free. Else null. */
  readonly dims: readonly (number | null)[] | null
  /** Columns of the last axis that the graph reads at least; 0: it does not say. */
  readonly columnsMin: number
  /** Texts that the model knows; []: the graph does not say. */
  readonly texts: readonly string[]
  /** Integers that the model knows; []: the graph does not say. */
  readonly integers: readonly number[]
  /** Integers that the model takes end before it; 0: the graph does not say. */
  readonly integerEnd: number
}

/** Hints that are looked at an input: a hostile graph may fan out without end. */
const VISITS_MAX = 4096
/** Texts and integers that are kept of an input. */
const VALUES_MAX = 256

/**
 * @returns by the name of the input; inputs of which the graph says nothing are left out.
 * @throws PenstockError ERR_MODEL_INVALID where a lazy part of the file is malformed.
 */
export function inputHints(model: OnnxModel): ReadonlyMap<string, InputHint> {
  const { graph } = model
  const consumers = consumersOf(graph)
  const weights: Weights = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]))
  for (const { outputs, opType, attributes } of graph.nodes) {
    const value = opType === 'Constant' ? attributes.get('value')?.tensor : undefined
    if (value !== undefined && outputs[0] !== undefined) weights.set(outputs[0], value)
  }
  const hints = new Map<string, InputHint>()
  for (const { name } of graph.inputs) {
    if (weights.has(name)) continue
    const found = follow(name, consumers, weights)
    if (found.length > 0) hints.set(name, merged(found))
  }
  return hints
}

type Consumers = ReadonlyMap<string, readonly { readonly node: OnnxNode; readonly input: number }[]>

function consumersOf(graph: OnnxGraph): Consumers {
  const consumers = new Map<string, { node: OnnxNode; input: number }[]>()
  for (const node of graph.nodes) {
    node.inputs.forEach((name, input) => {
      const known = consumers.get(name)
      if (known === undefined) consumers.set(name, [{ node, input }])
      else known.push({ node, input })
    })
  }
  return consumers
}

function follow(name: string, consumers: Consumers, weights: Weights): Hint[] {
  const hints: Hint[] = []
  const visited = new Set([name])
  const open: { value: string; keepsShape: boolean; keepsValues: boolean }[] = [
    { value: name, keepsShape: true, keepsValues: true },
  ]
  for (let visits = 0; open.length > 0 && visits < VISITS_MAX;) {
    const { value, keepsShape, keepsValues } = open.pop() as (typeof open)[number]
    for (const { node, input } of consumers.get(value) ?? []) {
      if (visits++ === VISITS_MAX) break
      const hint = hintOf(node, input, weights)
      if (hint !== null) hints.push(restricted(hint, keepsShape, keepsValues))
      const next = {
        keepsShape: keepsShape && passesShape(node, input),
        keepsValues: keepsValues && passesValues(node, input),
      }
      const [output] = node.outputs
      if ((!next.keepsShape && !next.keepsValues) || output === undefined || visited.has(output)) continue
      visited.add(output)
      open.push({ value: output, ...next })
    }
  }
  return hints
}

function restricted(hint: Hint, keepsShape: boolean, keepsValues: boolean): Hint {
  return {
    ...(keepsShape ? { dims: hint.dims, columnsMin: hint.columnsMin } : {}),
    ...(keepsValues ? { texts: hint.texts, integers: hint.integers, integerEnd: hint.integerEnd } : {}),
  }
}

function merged(hints: readonly Hint[]): InputHint {
  const shapes = hints.flatMap(({ dims }) => (dims === undefined ? [] : [dims]))
  const [first] = shapes
  // Two that contradict each other: one of them does not see the input as it comes.
  const isAgreed = shapes.every((dims) => JSON.stringify(dims) === JSON.stringify(first))
  const ends = hints.flatMap(({ integerEnd }) => (integerEnd === undefined ? [] : [integerEnd]))
  return {
    dims: first !== undefined && isAgreed ? first : null,
    columnsMin: Math.max(0, ...hints.map(({ columnsMin = 0 }) => columnsMin)),
    texts: [...new Set(hints.flatMap(({ texts = [] }) => texts.slice(0, VALUES_MAX)))].slice(0, VALUES_MAX),
    integers: [...new Set(hints.flatMap(({ integers = [] }) => integers.slice(0, VALUES_MAX)))].slice(0, VALUES_MAX),
    integerEnd: ends.length === 0 ? 0 : Math.min(...ends),
  }
}
