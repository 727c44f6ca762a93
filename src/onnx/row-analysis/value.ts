/**
 * What the analysis knows of one value of a graph: how the rows of a batch lie in it.
 *
 *     plain      no row's data is in it: weights, shapes, and what is computed from them
 *     rows       row r of the batch is in its own part of one axis, and nothing of another row is in that part
 *     unproven   an operator that is not known, or used in an unknown way, made it: only a trial can show
 *     dependent  a row's part depends on the other rows, or on how many there are
 *
 * An axis that holds the rows may hold more beside them: after a reshape of [n, t, d] to [n * t, d] an element of the
 * first axis belongs to row `index / inner % rows`.
 *
 *     axis of outer * rows * inner elements:   | r0 r0 | r1 r1 | r2 r2 |  outer 1, inner 2
 */
import { fixedOf, hasRows, type Amount } from './operators/linear.js'

export type Dims = readonly Amount[]

/** Why rows are, or may be, not independent: the first node that makes them so. */
export interface Culprit {
  /** Its name; of a node without one, its first output, which is as good to search for. '' when it is no node. */
  readonly node: string
  /** `MatMul`; of another domain `com.microsoft.Attention`. */
  readonly operator: string
  readonly reason: string
}

export interface Known {
  readonly isFloat: boolean
  /** Row-major. */
  readonly elements: readonly Amount[]
}

export interface Plain {
  readonly kind: 'plain'
  /** null: not even the rank is known. */
  readonly dims: Dims | null
  readonly known: Known | null
  /** `count`: how many rows there are may be in it · `shape`: sizes of other dims · `file`: neither. */
  readonly origin: 'file' | 'shape' | 'count'
}

export interface Rows {
  readonly kind: 'rows'
  readonly dims: Dims
  readonly axis: number
  readonly outer: number
  readonly inner: number
  /**
   * Values that are the row's place in the batch: `all` of them, or those at the first position of the `last` axis. They
   * pick a row's own part of something, or are a mistake.
   */
  readonly place?: 'all' | 'last'
}

export interface Blocked {
  readonly kind: 'unproven' | 'dependent'
  readonly culprit: Culprit
}

export type Value = Plain | Rows | Blocked

const origins = ['file', 'shape', 'count'] as const

export function plain(dims: Dims | null, origin: Plain['origin'], known: Known | null = null): Plain {
  // Without the row count in it a number is a size like any other.
  const isFree = known !== null && known.elements.every((element) => element !== null && !hasRows(element))
  return { kind: 'plain', dims, known, origin: origin === 'count' && isFree ? 'shape' : origin }
}

export function rowsAt(dims: Dims, axis: number, like: Pick<Rows, 'outer' | 'inner' | 'place'> = WHOLE): Rows {
  const { outer, inner, place } = like
  return { kind: 'rows', dims, axis, outer, inner, ...(place === undefined ? {} : { place }) }
}

const WHOLE = { outer: 1, inner: 1 }

/** The least trustworthy of them. */
export function originOf(values: readonly (Value | null)[]): Plain['origin'] {
  let rank = 0
  for (const value of values) if (value?.kind === 'plain') rank = Math.max(rank, origins.indexOf(value.origin))
  return origins[rank] as Plain['origin']
}

export function isRows(value: Value | null | undefined): value is Rows {
  return value?.kind === 'rows'
}

/** Known whole numbers that do not depend on the rows, or undefined. */
export function fixedElements(value: Value | null | undefined): readonly number[] | undefined {
  if (value?.kind !== 'plain' || value.known === null) return undefined
  const numbers = value.known.elements.map(fixedOf)
  return numbers.includes(undefined) ? undefined : (numbers as number[])
}

/** `axis` of a tensor of `rank`, counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** What a rule throws: the rows mix here. */
export class RowsMix extends Error {}

/** What a rule throws: it cannot say. */
export class NotKnown extends Error {}
