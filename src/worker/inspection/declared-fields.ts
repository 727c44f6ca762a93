/** The fields of a model as its file declares them, before anything of it has run. */
import type { InferenceSession } from 'onnxruntime-node'
import type { InputHint } from '../../onnx/index.js'
import { dtypeOfOrt } from '../../tensor/dtype.js'
import type { TensorField } from '../../tensor/tensor.js'

/** A field as declared: dims are sizes, or symbols that tie free dims together. */
export interface DeclaredField {
  readonly name: string
  readonly dtype: TensorField['dtype']
  readonly dims: readonly (number | string)[]
  /** Inputs only: what the graph says of its values. */
  readonly hint?: InputHint
}

/** A refusal: the sentence goes to the caller as it is. */
export class UnservableModel extends Error {}

/** @throws UnservableModel for a field that is no tensor of a served dtype. */
export function declaredFields(
  side: 'input' | 'output',
  fields: readonly InferenceSession.ValueMetadata[],
): DeclaredField[] {
  return fields.map((field) => declaredField(side, field))
}

function declaredField(side: 'input' | 'output', field: InferenceSession.ValueMetadata): DeclaredField {
  if (!field.isTensor) {
    throw new UnservableModel(
      `Expected ${side} ${field.name} to be a tensor but it is a sequence, a map or an optional value. ` +
        (side === 'input'
          ? 'Give the model tensors as inputs: convert again with tensor types, and make sequences of them inside the graph'
          : 'Only a ZipMap or a SequenceConstruct at the end of the graph is cut off when a model is added. End the graph before the node that makes it, for example with `onnx.utils.extract_model`'),
    )
  }
  const dtype = dtypeOfOrt(field.type)
  if (dtype === undefined) {
    throw new UnservableModel(
      `Expected ${side} ${field.name} to be of a dtype that Penstock serves but it is ${field.type}. Cast it inside the model`,
    )
  }
  return { name: field.name, dtype, dims: [...field.shape] }
}
