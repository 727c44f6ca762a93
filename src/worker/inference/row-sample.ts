/** Copies one row out of a run for a live check: its inputs, and what the run made of it. */
import type { Tensor as OrtTensor } from 'onnxruntime-node'
import type { BucketLayout } from '../../../bindings/native.js'
import { viewData, type NumericData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { ModelSession } from '../sessions/model-session.js'
import { dataOf } from '../sessions/ort-tensor.js'
import type { RunnableSession } from '../sessions/runnable-session.js'
import type { Answer } from '../inspection/row-trial/compare.js'
import type { RowSample } from './row-checks.js'

/** @param run the part of the batch that was run, and the row in it. */
export function sampleRow(
  modelKey: number,
  model: ModelSession,
  session: RunnableSession,
  layout: BucketLayout,
  { buffer }: { readonly buffer: ArrayBuffer },
  results: Readonly<Record<string, unknown>>,
  { batchRow, rowCount, row }: { readonly batchRow: number; readonly rowCount: number; readonly row: number },
): RowSample {
  const placed = ({ offsetBytes, rowBytes, dims }: BucketLayout['inputs'][number], dtype: NumericDtype): Answer => {
    const elements = dims.reduce((size, dim) => size * dim, 1)
    const view = viewData(dtype, buffer, offsetBytes + (batchRow + row) * rowBytes, elements)
    return { dtype, dims: [1, ...dims], data: view.slice() }
  }
  return {
    modelKey,
    model,
    session,
    inputs: layout.inputs.map((input, index) => placed(input, model.inputDtypes[index] as NumericDtype)),
    outputs: layout.outputs.map((output, index) => {
      const dtype = model.outputDtypes[index] as NumericDtype
      if (output.offsetBytes >= 0) return placed(output, dtype)
      const result = results[model.outputNames[index] as string] as OrtTensor
      const data = dataOf(result) as NumericData
      const elements = data.length / rowCount
      return { dtype, dims: [1, ...result.dims.slice(1)], data: data.slice(row * elements, (row + 1) * elements) }
    }),
    rowCount,
    row,
  }
}
