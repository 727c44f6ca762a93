/** What the rows of a table say of one column: the dtype that holds all its values, whether some are missing, how far they reach. */
import { type FieldValue, type PlainDtype } from '../contract.js'
import { dateDays, timestampMicros, uuidText } from '../values/calendar.js'

/** Different texts that are kept of a column: more are no list of accepted values. */
export const DISTINCT_MAX = 20

export class ColumnFacts {
  count = 0
  missing = 0
  min = Infinity
  max = -Infinity
  readonly #kinds = new Set<string>()
  readonly #distinct = new Set<string>()
  #shape: readonly (number | null)[] | null = null

  add(value: unknown): void {
    this.count++
    if (value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value))) this.missing++
    else if (Array.isArray(value)) this.#addList(value)
    else this.#addScalar(value)
  }

  /** [] of scalars. */
  get shape(): readonly (number | null)[] {
    return this.#shape ?? []
  }

  /** The least dtype of those that JSON tells apart: int64, float64, bool, string and the calendar's; null: mixed, or nothing. */
  get dtype(): PlainDtype | null {
    const kinds = [...this.#kinds]
    const [first] = kinds
    if (first === undefined) return null
    if (kinds.length === 1) return first as PlainDtype
    if (kinds.every((kind) => kind === 'int64' || kind === 'uint64' || kind === 'float64'))
      return kinds.includes('float64') ? 'float64' : 'uint64'
    return kinds.every((kind) => ['string', 'timestamp', 'date', 'uuid'].includes(kind)) ? 'string' : null
  }

  /** Its texts, where they are few and each is there several times; else null. */
  get texts(): string[] | null {
    const isList = this.#distinct.size > 0 && this.#distinct.size <= DISTINCT_MAX
    return isList && this.count - this.missing >= 5 * this.#distinct.size ? [...this.#distinct].sort() : null
  }

  #addScalar(value: unknown): void {
    if (typeof value === 'number' || typeof value === 'bigint') {
      this.min = Math.min(this.min, Number(value))
      this.max = Math.max(this.max, Number(value))
      const isNonBatching = typeof value === 'bigint' || Number.isSafeInteger(value)
      this.#kinds.add(isNonBatching ? (value >= 2n ** 63n ? 'uint64' : 'int64') : 'float64')
    } else if (typeof value === 'boolean') this.#kinds.add('bool')
    else if (typeof value === 'string') this.#addText(value)
    else this.#kinds.add('object')
  }

  #addText(text: string): void {
    if (this.#distinct.size <= DISTINCT_MAX) this.#distinct.add(text)
    if (uuidText(text) !== null) this.#kinds.add('uuid')
    else if (dateDays(text) !== null) this.#kinds.add('date')
    else this.#kinds.add(timestampMicros(text) === null ? 'string' : 'timestamp')
  }

  #addList(list: readonly unknown[]): void {
    const dims = dimsOf(list)
    // Lists of several lengths have a free first dim; other dims that differ have no shape.
    if (this.#shape === null) this.#shape = dims
    else if (this.#shape.length !== dims.length || dims.slice(1).some((dim, axis) => dim !== this.#shape?.[axis + 1]))
      this.#kinds.add('object')
    else if (this.#shape[0] !== dims[0]) this.#shape = [null, ...dims.slice(1)]
    for (const element of list.flat(Infinity)) this.#addScalar(element)
  }
}

function dimsOf(list: readonly unknown[]): number[] {
  const [first] = list
  return Array.isArray(first) ? [list.length, ...dimsOf(first)] : [list.length]
}

/** A value as JSON has it. */
export function plainValue(value: unknown): FieldValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return Array.isArray(value) ? value.map(plainValue) : (value as FieldValue)
}
