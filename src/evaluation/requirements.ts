/** What a promotion is held to: `f1(spam)>=0.9`, `agreement>=0.98`. */
import { argumentError } from '../base/expect.js'
import { type MetricChoice, parseMetric } from './metrics.js'

export const AGREEMENT = 'agreement'
/** How many one promotion may have. */
export const REQUIREMENTS_MAX = 64

export interface Requirement {
  /** As it was written. */
  readonly text: string
  readonly metric: MetricChoice | typeof AGREEMENT
  /** Whether a value meets it; NaN meets none. */
  readonly isMetBy: (value: number) => boolean
}

const comparisons = {
  '>=': (value: number, bound: number) => value >= bound,
  '<=': (value: number, bound: number) => value <= bound,
  '>': (value: number, bound: number) => value > bound,
  '<': (value: number, bound: number) => value < bound,
} as const

const grammar = /^\s*(.+?)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*$/

/** @param text untrusted. @throws PenstockError ERR_ARGUMENT. */
export function parseRequirement(argument: string, text: unknown): Requirement {
  const [, name = '', comparison, bound] = (typeof text === 'string' ? grammar.exec(text) : null) ?? []
  if (typeof text !== 'string' || comparison === undefined)
    throw argumentError(argument, 'a metric, one of >=, <=, >, <, and a number, such as accuracy>=0.9', text)
  const compare = comparisons[comparison as keyof typeof comparisons]
  return {
    text: text.trim(),
    metric: name === AGREEMENT ? AGREEMENT : parseMetric(argument, name),
    isMetBy: (value) => compare(value, Number(bound)),
  }
}
