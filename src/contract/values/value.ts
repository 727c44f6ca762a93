/**
 * One row's value of one field, scalar or list: its elements as they are stored, and the first rule that it breaks and
 * where. What the field does with an invalid value is decided here for what can be kept of it (flag, clamp); whether the
 * row goes, or the request, is the caller's.
 */
import type { InvalidAction } from '../contract.js'
import type { ResolvedField } from '../resolve.js'
import { checkElement, lengthViolation, type StoredElement, type Violation } from './element.js'

export interface ValueOutcome {
  /** The elements in row-major order; null: nothing of the value can be stored. */
  readonly elements: readonly StoredElement[] | null
  readonly violation: Violation | null
  /** Indexes from the value to what broke the rule; [] is the value itself. */
  readonly place: readonly number[]
}

/**
 * Checks a value that is there and is not null.
 * @param action of an invalid value: with `flag` and `clamp` the elements are those that are stored in spite of it.
 */
export function checkValue(field: ResolvedField, value: unknown, action: InvalidAction): ValueOutcome {
  const isScalar = field.shape.length === 0
  // Nearly all values are scalars that keep their rules.
  const outcome = isScalar ? checkElement(field, value) : null
  if (outcome !== null && outcome.violation === undefined)
    return { elements: [outcome.element], violation: null, place: noPlace }
  const walk = new ValueWalk(field, action)
  if (isScalar) walk.element(value, [])
  else if (walk.level(value, 0, [])) walk.length(value as readonly unknown[])
  return walk.outcome()
}

const noPlace: readonly number[] = []

class ValueWalk {
  readonly #field: ResolvedField
  readonly #action: InvalidAction
  readonly #elements: StoredElement[] = []
  #violation: Violation | null = null
  #place: readonly number[] = []
  #isStorable = true

  constructor(field: ResolvedField, action: InvalidAction) {
    this.#field = field
    this.#action = action
  }

  outcome(): ValueOutcome {
    return {
      elements: this.#isStorable ? this.#elements : null,
      violation: this.#violation,
      place: this.#place,
    }
  }

  /** @returns false when what is below is not worth looking at: the value is refused for good. */
  level(value: unknown, axis: number, place: readonly number[]): boolean {
    const { shape } = this.#field
    if (axis === shape.length) return this.element(value, place)
    const dim = shape[axis] as number | null
    if (!Array.isArray(value) || (dim !== null && value.length !== dim)) {
      const expected = dim === null ? 'a list' : `a list of ${dim} ${axis === shape.length - 1 ? 'elements' : 'lists'}`
      const wayOut = `The shape of ${this.#field.name} is [${shape.map((one) => one ?? '?').join(', ')}]`
      return this.#end({ rule: 'shape', expected, value, wayOut }, place)
    }
    return value.every((child, index) => this.level(child, axis + 1, [...place, index]))
  }

  element(value: unknown, place: readonly number[]): boolean {
    const outcome = checkElement(this.#field, value)
    if (outcome.violation === undefined) {
      this.#elements.push(outcome.element)
      return true
    }
    const stored = this.#storedOf(outcome.violation)
    if (stored === undefined) return this.#end(outcome.violation, place)
    this.#elements.push(stored)
    this.#note(outcome.violation, place)
    return true
  }

  /** Lists have their length checked last, as texts have. */
  length(list: readonly unknown[]): void {
    const violation = lengthViolation(this.#field, list.length, 'elements', list)
    if (violation === undefined) return
    if (this.#action === 'flag') this.#note(violation, [])
    else this.#end(violation, [])
  }

  #storedOf(violation: Violation): StoredElement | undefined {
    if (this.#action === 'flag') return violation.kept
    return this.#action === 'clamp' ? violation.clamped : undefined
  }

  /** The first is reported. */
  #note(violation: Violation, place: readonly number[]): void {
    if (this.#violation !== null) return
    this.#violation = violation
    this.#place = place
  }

  /** What refuses the whole value is reported instead of what it would have survived. */
  #end(violation: Violation, place: readonly number[]): false {
    this.#violation = violation
    this.#place = place
    this.#isStorable = false
    return false
  }
}
