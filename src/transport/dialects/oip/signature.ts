/**
 * A deployed pipeline as the Open Inference Protocol sees it: names, datatypes, shapes with -1 for a free dim. Made once
 * for each description and kept as long as it is.
 *
 * A pipeline with a row axis has `rowsMax` > 0, called max_batch_size there, and -1 first in every shape; one whose models
 * take tensors as they are ("whole") has 0 and its shapes as they are.
 */
import type { PipelineDescription } from '../../../engine/api/api.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import { defaultTensor } from '../../../tensor/defaults.js'
import type { Dtype, Tensor, TensorField } from '../../../tensor/tensor.js'
import type { V2Input } from './call.js'

export interface V2Field {
  readonly name: string
  readonly dtype: Dtype
  /** FP32, BYTES … */
  readonly datatype: string
  /** Bytes of one element; 0 for BYTES. */
  readonly elementBytes: number
  /** -1 is a free dim. */
  readonly shape: readonly number[]
  /** What stands for an input that is left out. */
  readonly default?: V2Input
}

export interface V2Signature {
  readonly inputs: readonly V2Field[]
  readonly outputs: readonly V2Field[]
  /** 0: no row axis. */
  readonly rowsMax: number
}

const known = new WeakMap<PipelineDescription, V2Signature>()

export function signatureOf(description: PipelineDescription): V2Signature {
  const present = known.get(description)
  if (present !== undefined) return present
  const { isNonBatching, rowsMax } = description
  const signature = {
    inputs: description.inputs.map((field) => v2Field(field, isNonBatching)),
    outputs: description.outputs.map((field) => v2Field(field, isNonBatching)),
    rowsMax: isNonBatching ? 0 : rowsMax,
  }
  known.set(description, signature)
  return signature
}

function v2Field(field: TensorField, isNonBatching: boolean): V2Field {
  const { name, dtype, shape } = field
  const standIn = defaultTensor(field)
  const { oip: datatype, sizeBytes: elementBytes } = dtypeInfo(dtype)
  // A fixed leading 1 is a row axis, too: such a model takes any number of rows, one a run.
  const dims = shape.map((dim, axis) => (axis === 0 && !isNonBatching ? -1 : (dim ?? -1)))
  const v2 = { name, dtype, datatype, elementBytes, shape: dims }
  return standIn === undefined ? v2 : { ...v2, default: defaultInput(name, datatype, standIn) }
}

function defaultInput(name: string, datatype: string, { shape, data }: Tensor): V2Input {
  if (!ArrayBuffer.isView(data)) return { name, datatype, shape, data }
  const { buffer, byteOffset, byteLength } = data
  return { name, datatype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) }
}
