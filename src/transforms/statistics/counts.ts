/** What values a column has, and how often. */
import { PenstockError } from '../../base/errors.js'
import { TRANSFORM_CATEGORIES_MAX, TRANSFORM_TEXT_CHARACTERS_MAX } from '../../base/limits/transform-limits.js'
import { cellReader, elementsOf, type CellValue, type TransformColumn } from '../draft/column.js'
import type { Learner } from '../draft/op-kind.js'
import type { JsonCell } from '../draft/op-reader.js'
import { expectSingle, noValues } from './numbers.js'

/** The value that is there most often; of equals the least, as scikit-learn takes it. */
export function mostFrequentLearner(first: TransformColumn): Learner {
  const counts = new Counts(first, 'the most frequent value')
  return {
    add: (column) => counts.add(column),
    result: () => {
      const greatest = Math.max(...counts.byValue.values())
      const found = counts.sorted().find((value) => counts.byValue.get(value) === greatest)
      if (found === undefined) throw noValues('the most frequent value')
      return jsonCell(found)
    },
  }
}

/** All values, sorted as numpy.unique sorts: numbers ascending, texts by code points. null last, where one was missing. */
export function categoriesLearner(first: TransformColumn): Learner {
  const counts = new Counts(first, 'categories')
  return {
    add: (column) => counts.add(column),
    result: (): JsonCell[] => {
      const categories = counts.sorted().map(jsonCell)
      if (categories.length === 0) throw noValues('categories')
      return counts.hasMissing ? [...categories, null] : categories
    },
  }
}

type Value = Exclude<CellValue, null>

class Counts {
  readonly byValue = new Map<Value, number>()
  hasMissing = false

  constructor(
    first: TransformColumn,
    private readonly statistic: string,
  ) {
    expectSingle(first, statistic)
  }

  add(column: TransformColumn): void {
    const read = cellReader(column)
    for (let element = 0; element < elementsOf(column.shape); element++) {
      const value = read(element)
      if (value === null || (typeof value === 'number' && Number.isNaN(value))) this.hasMissing = true
      else this.#count(value)
    }
  }

  sorted(): Value[] {
    return [...this.byValue.keys()].sort(compareValues)
  }

  #count(value: Value): void {
    // -0 and 0 are one key of a map.
    const count = this.byValue.get(value)
    this.byValue.set(value, (count ?? 0) + 1)
    if (count !== undefined) return
    if (this.byValue.size > TRANSFORM_CATEGORIES_MAX)
      throw this.#tooMany(`at most ${TRANSFORM_CATEGORIES_MAX} values`, 'more. Hash the column instead')
    if (typeof value === 'string' && value.length > TRANSFORM_TEXT_CHARACTERS_MAX)
      throw this.#tooMany(`texts of at most ${TRANSFORM_TEXT_CHARACTERS_MAX} characters`, `one of ${value.length}`)
  }

  #tooMany(rule: string, received: string): PenstockError {
    return new PenstockError(
      'ERR_ARGUMENT',
      `Expected a column with ${rule} for ${this.statistic} but received ${received}`,
    )
  }
}

/** Texts by code points, which is the order of their UTF-8 bytes and not that of JavaScript. */
function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/** 64-bit integers beyond 2^53 as texts of digits. */
function jsonCell(value: Value): Exclude<JsonCell, null> {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
