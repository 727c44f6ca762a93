/** What is known of compiled trees beside the kernels: names, dtypes and dims. Plain data, the same in all isolates. */
import type { TreeGraph, TreeOutput } from '../../onnx/trees/index.js'
import { dtypeOfCode } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'

export interface TreePlan {
  readonly input: TreeGraph['input']
  /** Columns of the input. */
  readonly features: number
  readonly outputs: readonly TreeOutput[]
  /** What the kernels write: the dtype and columns of the scores, and whether there are labels. */
  readonly scoreDtype: 'float32' | 'float64'
  readonly scoreColumns: number
  readonly hasLabels: boolean
  /** By class, where labels are texts. */
  readonly labelTexts: readonly string[] | null
}

export function treePlanOf({ input, outputs, spec, labelTexts }: TreeGraph): TreePlan {
  return {
    input,
    features: spec.features,
    outputs,
    scoreDtype: dtypeOfCode(spec.outputDtype) as TreePlan['scoreDtype'],
    scoreColumns: spec.targetCount,
    hasLabels: spec.classLabels !== undefined,
    labelTexts,
  }
}

/** Elements of a row of an output. */
export function elementsOf({ dims }: TreeOutput): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** The output of each source that takes what the kernels write as it is; -1: none does. */
export function directOutputs({ outputs, scoreDtype }: TreePlan): { readonly scores: number; readonly labels: number } {
  const find = (source: TreeOutput['source'], dtype: NumericDtype): number =>
    outputs.findIndex((output) => output.source === source && output.dtype === dtype)
  return { scores: find('scores', scoreDtype), labels: find('labels', 'int64') }
}
