/**
 * Permutation importance: how much worse the pipeline gets when one group of elements is shuffled among the rows, which
 * breaks what it has to do with the output and leaves its distribution as it was.
 *
 *   importance(group) = mean over K permutations π of:  score(f(rows)) − score(f(rows with the group taken from row π(i)))
 *
 * With the metric `variance` there are no targets: it is half the mean square of the change of f,
 * ½ · mean over rows of (f(row) − f(changed row))². Where elements are independent that is the part of the output's variance
 * that goes away when the group is known last (the numerator of Sobol's total index); for a linear f, w²·var(x).
 * Elements that say the same share their importance, and shuffling one of them makes rows that never occur.
 *
 * @source L. Breiman, "Random Forests", Machine Learning 45, 2001, section 10: the variables of the left out cases are
 *   permuted one by one, and the misclassification rate is compared.
 * @source scikit-learn, sklearn.inspection.permutation_importance: i_j = s − 1/K Σ_k s_{k,j}; mean and standard deviation
 *   (divided by K) over the repeats; the rows are those that are given, not left out by anyone.
 * @source M. J. W. Jansen, "Analysis of variance designs for model output", Computer Physics Communications 117, 1999: the
 *   estimator ½ · mean (f(A) − f(A with one column of B))² of the total effect.
 */
import { seededRandom, type RandomSource } from '../base/random.js'
import { EXPLAIN_REPEATS, type PermutationConfig } from './config.js'
import { meanOf, score, variance } from './metrics.js'
import type { Problem } from './problem.js'
import { copyElements, type Tensors } from './rows.js'
import { runRows, runVariants, type RowRunner } from './variants.js'

export interface PermutationResult {
  readonly method: 'permutation'
  readonly groups: readonly string[]
  /** Score of the rows as they are; with `variance`, the variance of f over them. */
  readonly score: number
  /** Per group: mean over the repeats. */
  readonly importances: readonly number[]
  /** Per group: standard deviation over the repeats, divided by their number. */
  readonly deviations: readonly number[]
  /** [group][repeat]. */
  readonly repeats: readonly (readonly number[])[]
}

export async function permute(problem: Problem, runner: RowRunner): Promise<PermutationResult> {
  const { inputs, rows, groups } = problem
  const config = problem.config as PermutationConfig
  const random = seededRandom(config.seed ?? 0)
  const outputs = await runRows(inputs, rows, runner)
  const judge = judgeOf(problem, config, outputs)
  const repeats: number[][] = []
  for (const { input, elements } of groups) {
    const values: number[] = []
    for (let repeat = 0; repeat < (config.repeats ?? EXPLAIN_REPEATS); repeat++) {
      const order = permutation(rows, random)
      const changed = await runVariants(
        inputs,
        {
          count: rows,
          origin: (index) => index,
          change: (chunk, place, index) => {
            const source = inputs[input] as Tensors[string]
            copyElements(chunk[input] as Tensors[string], place, source, order[index] ?? 0, elements)
          },
        },
        runner,
      )
      values.push(judge.drop(changed))
    }
    repeats.push(values)
  }
  const statistics = repeats.map((values) => Float64Array.from(values))
  return {
    method: 'permutation',
    groups: groups.map(({ name }) => name),
    score: judge.score,
    importances: statistics.map((values) => meanOf(values, (value) => value)),
    deviations: statistics.map((values) => Math.sqrt(variance(values))),
    repeats,
  }
}

/** How outputs are judged, and how far others fall below. */
function judgeOf(problem: Problem, config: PermutationConfig, outputs: Float64Array) {
  const { targets } = problem
  const { metric = 'variance', threshold } = config
  if (metric === 'variance' || targets === null)
    return {
      score: variance(outputs),
      drop: (changed: Float64Array) => meanOf(changed, (value, row) => (value - (outputs[row] ?? 0)) ** 2) / 2,
    }
  const before = score(metric, outputs, targets, threshold)
  return { score: before, drop: (changed: Float64Array) => before - score(metric, changed, targets, threshold) }
}

/**
 * A permutation of 0..count-1, each equally likely.
 * @source R. Durstenfeld, "Algorithm 235: Random permutation", Communications of the ACM 7(7), 1964
 */
export function permutation(count: number, random: RandomSource): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = kept
  }
  return order
}
