/**
 * Mean, standard deviation, extent. Sums are compensated, so that they do not depend on how the rows were cut; the
 * deviation is that of the population, by Chan, Golub and LeVeque ("Algorithms for computing the sample variance", 1983),
 * a pair of sums a part of the rows.
 */
import type { TransformColumn } from '../draft/column.js'
import type { Learner } from '../draft/op-kind.js'
import { eachNumber, expectNumbers, noValues } from './numbers.js'

/** A sum with the low bits that it would lose: Neumaier 1974. */
class CompensatedSum {
  #sum = 0
  #lost = 0

  add(value: number): void {
    const sum = this.#sum + value
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum
    this.#sum = sum
  }

  /** Infinite where a value was. */
  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum
  }
}

export function meanLearner(first: TransformColumn): Learner {
  expectNumbers(first, 'the mean')
  const sum = new CompensatedSum()
  let count = 0
  return {
    add: (column) =>
      eachNumber(column, (value) => {
        sum.add(value)
        count++
      }),
    result: () => {
      if (count === 0) throw noValues('the mean')
      return sum.value / count
    },
  }
}

export interface Standard {
  readonly mean: number
  readonly scale: number
}

/**
 * The mean and the population's standard deviation, as StandardScaler takes them: 1 of a constant column. Values are taken
 * relative to the first, so that those far from 0 and close together keep their digits.
 */
export function standardLearner(first: TransformColumn): Learner {
  expectNumbers(first, 'the standard deviation')
  const total = new CompensatedSum()
  let [origin, count, squares] = [NaN, 0, 0]
  return {
    add: (column) => {
      const sum = new CompensatedSum()
      let added = 0
      eachNumber(column, (value) => {
        if (Number.isNaN(origin)) origin = value
        sum.add(value - origin)
        added++
      })
      if (added === 0) return
      const mean = sum.value / added
      const [own, rest] = [new CompensatedSum(), new CompensatedSum()]
      eachNumber(column, (value) => {
        own.add((value - origin - mean) ** 2)
        rest.add(value - origin - mean)
      })
      const distance = count === 0 ? 0 : mean - total.value / count
      squares += own.value - rest.value ** 2 / added + (distance ** 2 * count * added) / (count + added)
      total.add(sum.value)
      count += added
    },
    result: (): Standard => {
      if (count === 0) throw noValues('the standard deviation')
      const mean = origin + total.value / count
      return { mean, scale: standardScale(squares / count, mean, count) }
    },
  }
}

/** scikit-learn's _is_constant_feature: the variance is no more than what rounding leaves of a constant. */
function standardScale(variance: number, mean: number, count: number): number {
  const epsilon = 2 ** -52
  const bound = count * epsilon * variance + (count * mean * epsilon) ** 2
  return variance <= bound ? 1 : Math.sqrt(variance)
}

export interface Extent {
  readonly min: number
  readonly max: number
}

export function extentLearner(first: TransformColumn): Learner {
  expectNumbers(first, 'the least and the greatest value')
  let [min, max] = [Infinity, -Infinity]
  let count = 0
  return {
    add: (column) =>
      eachNumber(column, (value) => {
        if (value < min) min = value
        if (value > max) max = value
        count++
      }),
    result: (): Extent => {
      if (count === 0) throw noValues('the least and the greatest value')
      return { min, max }
    },
  }
}
