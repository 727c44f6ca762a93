/**
 * Occlusion: what a group of elements adds to the output of one row, seen by taking it away.
 *
 *   contribution(row, group) = f(row) − f(row with the group's elements replaced by the baseline)
 *
 * Positive: the group raises the output over what the baseline would give. For a linear f it is w·(x − baseline), exactly
 * and whatever the other elements are; for others it says nothing of what two groups do together.
 *
 * @source M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2: a
 *   grey square takes the place of one part of the image after the other, and the classifier's output is watched. Here the
 *   parts are any groups of elements and the grey is the baseline.
 */
import type { Problem } from './problem.js'
import { copyElements, type Tensors } from './rows.js'
import { runRows, runVariants, type RowRunner } from './variants.js'

export interface OcclusionResult {
  readonly method: 'occlusion'
  readonly groups: readonly string[]
  /** f of each row. */
  readonly outputs: readonly number[]
  /** [row][group]. */
  readonly contributions: readonly (readonly number[])[]
  /** Per group: the mean over the rows of the absolute contribution. */
  readonly importances: readonly number[]
}

export async function occlude(problem: Problem, runner: RowRunner): Promise<OcclusionResult> {
  const { inputs, rows, groups, baselines } = problem
  const groupCount = groups.length
  const outputs = await runRows(inputs, rows, runner)
  const occluded = await runVariants(
    inputs,
    {
      count: rows * groupCount,
      origin: (index) => Math.floor(index / groupCount),
      change: (chunk, place, index) => {
        const { input, elements } = groups[index % groupCount] as Problem['groups'][number]
        copyElements(chunk[input] as Tensors[string], place, baselines[input] as Tensors[string], 0, elements)
      },
    },
    runner,
  )
  const contributions = Array.from(outputs, (output, row) =>
    Array.from(occluded.subarray(row * groupCount, (row + 1) * groupCount), (value) => output - value),
  )
  return {
    method: 'occlusion',
    groups: groups.map(({ name }) => name),
    outputs: Array.from(outputs),
    contributions,
    importances: groups.map((_, group) => mean(contributions.map((row) => Math.abs(row[group] ?? 0)))),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
