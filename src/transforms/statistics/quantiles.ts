/** Median and quantiles, exact: the values of a column are kept, up to a limit, and sorted once. */
import { PenstockError } from '../../base/errors.js'
import { TRANSFORM_FIT_VALUES_MAX } from '../../base/limits/transform-limits.js'
import type { TransformColumn } from '../draft/column.js'
import type { Learner } from '../draft/op-kind.js'
import { eachNumber, expectNumbers, noValues } from './numbers.js'

/** Numbers in a typed array that doubles. */
class Values {
  #values = new Float64Array(1024)
  #count = 0

  constructor(private readonly statistic: string) {}

  add(value: number): void {
    if (this.#count === this.#values.length) this.#grow()
    this.#values[this.#count++] = value
  }

  sorted(): Float64Array {
    if (this.#count === 0) throw noValues(this.statistic)
    return this.#values.subarray(0, this.#count).sort()
  }

  #grow(): void {
    if (this.#count >= TRANSFORM_FIT_VALUES_MAX)
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected at most ${TRANSFORM_FIT_VALUES_MAX} values for ${this.statistic}, which are kept and sorted, but received more. Fit over a sample of the table`,
      )
    const values = new Float64Array(this.#values.length * 2)
    values.set(this.#values)
    this.#values = values
  }
}

/** numpy.median: of an even number the mean of the two in the middle. */
export function medianLearner(first: TransformColumn): Learner {
  expectNumbers(first, 'the median')
  const values = new Values('the median')
  return {
    add: (column) => eachNumber(column, (value) => values.add(value)),
    result: () => {
      const sorted = values.sorted()
      const middle = sorted.length >> 1
      const upper = sorted[middle] as number
      return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
    },
  }
}

/**
 * The edges between `bins` bins, those of KBinsDiscretizer without its first and last: quantiles as numpy.percentile
 * interpolates them, edges closer than 1e-8 left out; or as far from each other as the next.
 */
export function edgesLearner(first: TransformColumn, bins: number, strategy: 'quantile' | 'uniform'): Learner {
  expectNumbers(first, 'edges')
  const values = new Values('edges')
  return {
    add: (column) => eachNumber(column, (value) => values.add(value)),
    result: () => {
      const sorted = values.sorted()
      const [min, max] = [sorted[0] as number, sorted[sorted.length - 1] as number]
      // A constant column has one bin, whose edge nothing crosses.
      if (min === max) return [max]
      if (strategy === 'uniform')
        return Array.from({ length: bins - 1 }, (_, i) => min + ((i + 1) * (max - min)) / bins)
      const edges = Array.from({ length: bins + 1 }, (_, i) => percentile(sorted, i / bins))
      const kept = edges.filter((edge, i) => i === 0 || edge - (edges[i - 1] as number) > 1e-8)
      return kept.length > 2 ? kept.slice(1, -1) : [max]
    },
  }
}

/** numpy.percentile, linear: between two values the one that is nearer is the base, as in numpy's _lerp. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  const [a, b] = [sorted[low] as number, sorted[Math.min(low + 1, sorted.length - 1)] as number]
  const weight = at - low
  return weight < 0.5 ? a + (b - a) * weight : b - (b - a) * (1 - weight)
}
