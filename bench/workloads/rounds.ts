/**
 * Interleaved trials. Every round measures every case once, in an order that turns by one a round: a machine that slows
 * down for some seconds then hurts all cases alike. A ratio is formed inside each round, between trials that lie seconds
 * apart, and the median is taken over the rounds' ratios; a ratio of two medians would compare different moments.
 */
import { median } from '../harness/report.js'

export interface Samples {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly count: number
}

export type Cases<Result> = Readonly<Record<string, () => Promise<Result>>>

/** Results by case; index i of each is round i. */
export async function interleave<Result>(rounds: number, cases: Cases<Result>): Promise<Map<string, Result[]>> {
  const entries = Object.entries(cases)
  const results = new Map(entries.map(([name]): [string, Result[]] => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const [name, measure] = entries[(turn + round) % entries.length] as [string, () => Promise<Result>]
      results.get(name)?.push(await measure())
    }
  }
  return results
}

export function samplesOf(values: readonly number[]): Samples {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values), count: values.length }
}

/** of(left) / of(right), round by round. */
export function ratios<Result>(
  left: readonly Result[],
  right: readonly Result[],
  of: (result: Result) => number,
): Samples {
  return samplesOf(left.map((result, round) => of(result) / of(right[round] as Result)))
}

/** The case's results. @throws Error for a name that was not measured. */
export function resultsOf<Result>(results: ReadonlyMap<string, Result[]>, name: string): Result[] {
  const found = results.get(name)
  if (found === undefined) throw new Error(`Expected ${name} to be one of ${[...results.keys()].join(', ')}`)
  return found
}
