/** Rows of memory that lies in JavaScript, answered by the tree kernels into outputs of any kind. */
import { addon } from '../../../bindings/native.js'
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import type { Dtype, TensorData } from '../../tensor/tensor.js'
import type { CompiledTrees } from './compiled-trees.js'
import { directOutputs, type TreePlan } from './tree-plan.js'

/**
 * Answers rows into `targets`, one an output.
 * @param input rows * features elements; lent for the call.
 */
export function answerRows(
  { handle, plan }: CompiledTrees,
  input: NumericData,
  rows: number,
  targets: readonly TensorData[],
): void {
  const direct = directOutputs(plan)
  const scores = (targets[direct.scores] ?? allocateData(plan.scoreDtype, rows * plan.scoreColumns)) as NumericData
  const labels = !plan.hasLabels ? null : ((targets[direct.labels] ?? new BigInt64Array(rows)) as BigInt64Array)
  if (rows > 0) addon.runTrees(handle, input, rows, scores, labels)
  plan.outputs.forEach(({ source, dtype }, index) => {
    const made = source === 'scores' ? scores : (labels as BigInt64Array)
    const target = targets[index] as TensorData
    if (target !== made) convert(target, made, dtype, plan)
  })
}

function convert(target: TensorData, made: NumericData, dtype: Dtype, { labelTexts }: TreePlan): void {
  const values = target as (string | number | bigint)[]
  for (let i = 0; i < made.length; i++) {
    const value = made[i] as number | bigint
    if (dtype === 'string') values[i] = labelTexts?.[Number(value)] as string
    // Integers as Cast has them: the low bits.
    else if (dtype === 'int32') values[i] = Number(BigInt.asIntN(32, value as bigint))
    else values[i] = dtype === 'int64' ? value : Number(value)
  }
}
