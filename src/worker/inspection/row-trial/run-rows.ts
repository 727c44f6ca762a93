/** Rows of a trial as a run of ONNX Runtime, and its results as plain data. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { Dtype } from '../../../tensor/tensor.js'
import { dataOf, makeTensor } from '../../sessions/ort-tensor.js'
import type { Answer } from './compare.js'
import { concatenate, type TrialInput, type TrialRow } from './draw.js'

/** The rows as one batch. */
export function feedsOf(inputs: readonly TrialInput[], rows: readonly TrialRow[]): Record<string, OrtTensor> {
  const feeds: Record<string, OrtTensor> = {}
  inputs.forEach(({ name, dtype, dims }, index) => {
    const data = concatenate(
      dtype,
      rows.map(({ tensors }) => tensors[index] as TrialRow['tensors'][number]),
    )
    // A lone row's dims stay as they are: the first may be fixed, or there is none.
    feeds[name] = makeTensor(dtype, data, rows.length === 1 ? dims : [rows.length, ...dims.slice(1)])
  })
  return feeds
}

/** In the session's order; the caller owns them. */
export function answersOf(session: InferenceSession, results: Readonly<Record<string, unknown>>): readonly Answer[] {
  return session.outputNames.map((name) => {
    const result = results[name] as OrtTensor
    // The memory of a result may be recycled by the next run.
    return { dtype: result.type as Dtype, dims: [...result.dims], data: dataOf(result).slice() }
  })
}
