/**
 * Finds leaks by slopes: the same work in rounds, an observation at rest after each, and a line through what the process
 * holds. A leak of n bytes per operation is a slope of n; noise of the allocator and of the collector has none. The median
 * of the slopes of all pairs (Theil and Sen) is that line: single rounds that jump do not turn it.
 */
import { expect } from 'vitest'
import { atRest, type Observation, type ServerChild } from '../stress/testing/server-child.js'

export interface LeakRun {
  /** Bytes per operation. */
  readonly heapSlope: number
  readonly rssSlope: number
  /** Between the first and the last round. */
  readonly descriptorsAdded: number
  readonly handlesAdded: number
  readonly threadsAdded: number
  readonly arenaBytesAdded: number
  readonly batchesAdded: number
  /** In how many of the steps from a round to the next the batches became more, of all these steps. */
  readonly batchSteps: { readonly grown: number; readonly all: number }
  readonly last: Observation
}

/** What is taken for a leak: beyond it the run fails. Bytes per operation; the suites say what they measured. */
export interface LeakLimits {
  readonly heap: number
  readonly rss: number
}

export interface LeakPlan {
  /** Does the work once. @returns how many operations that were. */
  round(index: number): Promise<number>
  /** Rounds that only warm up: pools, caches and compiled code reach their size. */
  readonly warmRounds: number
  readonly rounds: number
}

/** Runs the plan against the server and measures. */
export async function measureLeaks(server: ServerChild, plan: LeakPlan): Promise<LeakRun> {
  const operations: number[] = []
  const seen: Observation[] = []
  let total = 0
  for (let index = 0; index < plan.warmRounds + plan.rounds; index++) {
    const count = await plan.round(index)
    if (index < plan.warmRounds) continue
    total += count
    operations.push(total)
    seen.push(await atRest(server))
  }
  const first = seen[0] as Observation
  const last = seen.at(-1) as Observation
  const slopeOf = (read: (observation: Observation) => number): number => medianSlope(operations, seen.map(read))
  const arena = ({ models }: Observation): number => models.reduce((sum, model) => sum + model.arenaBytes, 0)
  const batches = ({ models }: Observation): number => models.reduce((sum, model) => sum + model.batchesAllocated, 0)
  return {
    heapSlope: slopeOf(({ heapBytes, externalBytes }) => heapBytes + externalBytes),
    rssSlope: slopeOf(({ rssBytes }) => rssBytes),
    descriptorsAdded: last.descriptors - first.descriptors,
    handlesAdded: last.handles - first.handles,
    threadsAdded: last.threads - first.threads,
    arenaBytesAdded: arena(last) - arena(first),
    batchesAdded: batches(last) - batches(first),
    batchSteps: {
      grown: seen.filter(
        (observation, index) => index > 0 && batches(observation) > batches(seen[index - 1] as Observation),
      ).length,
      all: seen.length - 1,
    },
    last,
  }
}

/** @source H. Theil (1950), P. K. Sen (1968): the median of the slopes of all pairs of points. */
export function medianSlope(x: readonly number[], y: readonly number[]): number {
  const slopes: number[] = []
  for (let i = 0; i < x.length; i++) {
    for (let j = i + 1; j < x.length; j++)
      slopes.push(((y[j] as number) - (y[i] as number)) / ((x[j] as number) - (x[i] as number)))
  }
  slopes.sort((a, b) => a - b)
  const middle = slopes.length >> 1
  return slopes.length % 2 === 1
    ? (slopes[middle] as number)
    : ((slopes[middle - 1] as number) + (slopes[middle] as number)) / 2
}

/** Prints the run and fails when it grew. */
export function expectNoLeak(what: string, run: LeakRun, limits: LeakLimits): void {
  printLeakRun(what, run)
  expect(run.heapSlope, `${what}: heap`).toBeLessThan(limits.heap)
  expect(run.rssSlope, `${what}: RSS`).toBeLessThan(limits.rss)
  expect(run.descriptorsAdded, `${what}: descriptors`).toBeLessThanOrEqual(0)
  expect(run.handlesAdded, `${what}: handles`).toBeLessThanOrEqual(0)
  expect(run.threadsAdded, `${what}: threads`).toBeLessThanOrEqual(0)
  // Batches are as many as once were needed at a time, and a thread that is held up makes that more: some rounds may need
  // more than all before them, but if every one does, they are lost on the way.
  if (run.batchSteps.all > 0) expect(run.batchSteps.grown, `${what}: batches`).toBeLessThan(run.batchSteps.all)
}

/** Does `count` things, `width` at a time. What becomes of each is other suites' business. @returns count. */
export async function repeat(count: number, width: number, act: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const actor = async (): Promise<void> => {
    while (next < count) await act(next++).catch(() => undefined)
  }
  await Promise.all(Array.from({ length: width }, actor))
  return count
}

export function printLeakRun(what: string, run: LeakRun): void {
  const { heapSlope, rssSlope, descriptorsAdded, handlesAdded, batchesAdded, last } = run
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
  console.info(
    `leak: ${what}: heap ${heapSlope.toFixed(1)} B, RSS ${rssSlope.toFixed(1)} B per operation; +${descriptorsAdded} descriptors, +${handlesAdded} handles, ` +
      `+${batchesAdded} batches; at the end heap ${mib(last.heapBytes)} MiB, RSS ${mib(last.rssBytes)} MiB`,
  )
}
