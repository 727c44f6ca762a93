/** Copies one row out of a run for a live check: its inputs, and what the run made of it. */
import type { BucketLayout } from '../../../bindings/native.js'
import { viewData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { ModelRunner } from '../sessions/model-runner.js'
import type { ModelSession } from '../sessions/model-session.js'
import type { Answer } from '../inspection/row-trial/compare.js'
import type { RowSample } from './row-checks.js'

/** What was run, and the row of it that is sampled. */
export interface SampledRun {
  readonly modelKey: number
  readonly model: ModelSession
  readonly runner: ModelRunner
  readonly layout: BucketLayout
  /** The batch's memory. */
  readonly buffer: ArrayBuffer
  /** First row of the run in the batch. */
  readonly batchRow: number
  readonly rowCount: number
  /** The row in the run. */
  readonly row: number
}

/** @param copiedRow the row of an output that has no place in the batch, with a row axis of 1. */
export function sampleRow(
  { modelKey, model, runner, layout, buffer, batchRow, rowCount, row }: SampledRun,
  copiedRow: (output: number, dtype: NumericDtype) => Answer,
): RowSample {
  const placed = ({ offsetBytes, rowBytes, dims }: BucketLayout['inputs'][number], dtype: NumericDtype): Answer => {
    const elements = dims.reduce((size, dim) => size * dim, 1)
    const view = viewData(dtype, buffer, offsetBytes + (batchRow + row) * rowBytes, elements)
    return { dtype, dims: [1, ...dims], data: view.slice() }
  }
  return {
    modelKey,
    model,
    runner,
    inputs: layout.inputs.map((input, index) => placed(input, model.inputDtypes[index] as NumericDtype)),
    outputs: layout.outputs.map((output, index) => {
      const dtype = model.outputDtypes[index] as NumericDtype
      return output.offsetBytes >= 0 ? placed(output, dtype) : copiedRow(index, dtype)
    }),
    rowCount,
    row,
  }
}
