/**
 * What the graph says of the values that its inputs take: how wide the weights want a free axis, which texts an encoder
 * knows, how many rows a table of embeddings has. A trial and a calibration need values that the model runs; the file's
 * own signature says none of it.
 *
 *   input ─► passers (Cast, Scaler, Identity …) ─► an operator whose weights or attributes say something
 *
 * Follows the main graph from each input. A width is `exact` where the operator refuses any other (a product), and at
 * least so many where it does not (trees). Nothing is guessed: what the graph does not say is left out.
 */
import type { OnnxGraph, OnnxModel, OnnxNode } from '../model.js'
import { placeOfInput, placesAfter, widthsOf, type Place, type Surroundings } from './columns.js'
import { hintOf, passesShape, passesValues, type Hint, type Weights } from './operators.js'

/** Values that the model takes. */
export interface ValueHint {
  /** Texts that the model knows; []: the graph does not say. */
  readonly texts: readonly string[]
  /** Integers that the model knows; []: the graph does not say. */
  readonly integers: readonly number[]
  /** Integers that the model takes end before it; 0: the graph does not say. */
  readonly integerEnd: number
}

export interface InputHint extends ValueHint {
  /** Where the graph fixes rank and sizes: of the whole shape, null where it leaves one free. Else null. */
  readonly dims: readonly (number | null)[] | null
  /** Columns of the last axis that the graph reads at least; 0: it does not say. */
  readonly columnsMin: number
  /** Hints by column of the last axis, where the graph looks at single columns; what holds for all stands beside. */
  readonly columns: ReadonlyMap<number, ValueHint>
}

/** Hints that are looked at an input: a hostile graph may fan out without end. */
const VISITS_MAX = 4096
/** Texts and integers that are kept of an input. */
const VALUES_MAX = 256
/** Limit over all columns: a hostile graph may take a wide input apart again and again. */
const COLUMN_HINTS_MAX = 16_384

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
  const around: Surroundings = { weights, widths: widthsOf(graph) }
  for (const { name, type } of graph.inputs) {
    if (weights.has(name)) continue
    const place = placeOfInput(type?.kind === 'tensor' ? type.dims : null)
    const found = follow(name, place, consumers, weights, around)
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

/** A hint, and the columns that it is about; null: all. */
interface Found {
  readonly hint: Hint
  readonly among: readonly number[] | null
}

interface Step {
  readonly value: string
  readonly keepsShape: boolean
  readonly keepsValues: boolean
  readonly place: Place
}

function follow(name: string, place: Place, consumers: Consumers, weights: Weights, around: Surroundings): Found[] {
  const found: Found[] = []
  const visited = new Set([name])
  const open: Step[] = [{ value: name, keepsShape: true, keepsValues: true, place }]
  for (let visits = 0; open.length > 0 && visits < VISITS_MAX;) {
    const step = open.pop() as Step
    for (const { node, input } of consumers.get(step.value) ?? []) {
      if (visits++ === VISITS_MAX) break
      const hint = hintOf(node, input, weights)
      if (hint !== null) found.push({ hint: restricted(hint, step), among: step.place.among })
      for (const next of stepsAfter(node, input, step, around)) {
        if (visited.has(next.value)) continue
        visited.add(next.value)
        open.push(next)
      }
    }
  }
  return found
}

/** Where what is at `step` goes on behind a node. */
function stepsAfter(node: OnnxNode, input: number, step: Step, around: Surroundings): Step[] {
  const keepsShape = step.keepsShape && passesShape(node, input)
  const keepsValues = step.keepsValues && passesValues(node, input)
  const [first] = node.outputs
  if ((!keepsShape && !keepsValues) || first === undefined) return []
  if (!keepsValues) return [{ value: first, keepsShape, keepsValues, place: step.place }]
  return placesAfter(node, input, step.place, around).flatMap((place, index) => {
    const value = node.outputs[index] ?? ''
    return value === '' || place.among?.length === 0 ? [] : [{ value, keepsShape, keepsValues, place }]
  })
}

function restricted(hint: Hint, { keepsShape, keepsValues }: Step): Hint {
  return {
    ...(keepsShape ? { dims: hint.dims, columnsMin: hint.columnsMin } : {}),
    ...(keepsValues ? { texts: hint.texts, integers: hint.integers, integerEnd: hint.integerEnd } : {}),
  }
}

function merged(found: readonly Found[]): InputHint {
  const hints = found.map(({ hint }) => hint)
  const shapes = hints.flatMap(({ dims }) => (dims === undefined ? [] : [dims]))
  const [first] = shapes
  // Two that contradict each other: one of them does not see the input as it comes.
  const isAgreed = shapes.every((dims) => JSON.stringify(dims) === JSON.stringify(first))
  return {
    dims: first !== undefined && isAgreed ? first : null,
    columnsMin: Math.max(0, ...hints.map(({ columnsMin = 0 }) => columnsMin)),
    ...valuesOf(found.flatMap(({ hint, among }) => (among === null ? [hint] : []))),
    columns: columnsOf(found),
  }
}

function columnsOf(found: readonly Found[]): Map<number, ValueHint> {
  const hints = new Map<number, Hint[]>()
  let pairs = 0
  for (const { hint, among } of found) {
    const isSaying = hint.texts !== undefined || hint.integers !== undefined || hint.integerEnd !== undefined
    if (among === null || !isSaying || (pairs += among.length) > COLUMN_HINTS_MAX) continue
    for (const column of new Set(among)) {
      const known = hints.get(column)
      if (known === undefined) hints.set(column, [hint])
      else known.push(hint)
    }
  }
  return new Map([...hints].map(([column, said]) => [column, valuesOf(said)]))
}

function valuesOf(hints: readonly Hint[]): ValueHint {
  const ends = hints.flatMap(({ integerEnd }) => (integerEnd === undefined ? [] : [integerEnd]))
  return {
    texts: [...new Set(hints.flatMap(({ texts = [] }) => texts.slice(0, VALUES_MAX)))].slice(0, VALUES_MAX),
    integers: [...new Set(hints.flatMap(({ integers = [] }) => integers.slice(0, VALUES_MAX)))].slice(0, VALUES_MAX),
    integerEnd: ends.length === 0 ? 0 : Math.min(...ends),
  }
}
