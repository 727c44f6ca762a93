/**
 * `npm run bench:rows -- --against CHECKOUT`: this build and another, side by side, criterion by criterion. Goals: an
 * honest ratio on a machine with other work, and a plain answer whether it differs from noise. Non-goals: which of two
 * commits between them it was; more than one other build at a time. A lower ratio is a finding and no failure.
 */
import type { Machine } from '../../harness/project.js'
import { skipped, type Bench, type Skipped } from '../row.js'
import { chainCriterion } from './chain.js'
import { clientCriterion } from './client.js'
import { openCheckout, ownCheckout, type Checkout } from './checkout.js'
import type { Checkouts, ComparedCriterion } from './compared-row.js'
import type { Comparison } from './pairs.js'
import { servedCriteria } from './served.js'

export interface Compared {
  readonly machine: Machine
  readonly other: Checkout
  readonly results: readonly (Comparison | Skipped)[]
  /** Criteria that could not be measured. */
  readonly failed: number
}

const criteria: readonly ComparedCriterion[] = [...servedCriteria, chainCriterion, clientCriterion].sort(
  (left, right) => left.number - right.number,
)
const defaultNumbers = [1, 2, 3, 8]

/** @throws Error for a criterion by which two checkouts cannot be compared. */
export function chosenComparedCriteria(only: string | undefined): readonly ComparedCriterion[] {
  const numbers = only === undefined ? defaultNumbers : only.split(',').map(Number)
  if (!numbers.every((number) => criteria.some((criterion) => criterion.number === number))) {
    const known = criteria.map(({ number }) => number).join(', ')
    throw new Error(
      `Expected --only beside --against to be some of the criteria ${known}, such as 1,3 but received ${only}`,
    )
  }
  return criteria.filter(({ number }) => numbers.includes(number))
}

/** @throws Error when `path` is no checkout of Penstock that is built or can be. */
export async function compareWith(
  path: string,
  chosen: readonly ComparedCriterion[],
  bench: Bench,
  machine: Machine,
): Promise<Compared> {
  const checkouts: Checkouts = { own: ownCheckout(), other: await openCheckout(path, (what) => bench.say(what)) }
  const results: (Comparison | Skipped)[] = []
  let failed = 0
  for (const row of chosen) {
    bench.say(`row ${row.number}: ${row.title}`)
    try {
      results.push(...(await row.compare(bench, checkouts)))
    } catch (error) {
      failed += 1
      const message = error instanceof Error ? error.message : String(error)
      results.push(skipped(row.number, row.title, `failed: ${message.split('\n')[0]}`))
      bench.say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }
  return { machine, other: checkouts.other, results, failed }
}
