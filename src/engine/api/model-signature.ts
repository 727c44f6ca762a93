/** What the inspection of an upload says of a model: its fields and how its rows run. Types only; part of the engine's face. */
import type { TensorField } from '../../tensor/tensor.js'
import type { BatchingProof } from './batching-proof.js'

/** `rows`: requests share batches · `row`: fixed leading 1, one row a run · `whole`: one request a run, no row axis. */
export type BatchingMode = 'rows' | 'row' | 'whole'

export interface ModelOutput extends TensorField {
  /** What each column stands for, where the model named its classes beside the tensor (ZipMap). */
  readonly classes?: readonly (string | number)[]
}

export interface ModelSignature {
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly ModelOutput[]
  readonly batching: BatchingMode
  /** Why batching is not `rows`, or another remark of the inspection; '' when there is nothing to say. */
  readonly remark: string
  /** Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none. */
  readonly copiedOutputs?: readonly string[]
  /** Absent: an earlier release inspected the version; it is inspected again before its rows share batches. */
  readonly batchingProof?: BatchingProof
}
