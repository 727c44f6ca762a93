/** What an Infer message says, tensors and options, for HTTP bodies and WebSocket frames alike. */
import type { PipelineDescription, RequestOptions } from '../engine/api/api.js'
import type { InferMessage } from '../protocol/codec.js'
import { TensorLayout } from '../protocol/tensor-layout.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Inputs of an Infer message by name.
 * @param isKept true: the message's bytes stay until the tensors are done with, so that large ones need no copy.
 * @throws PenstockError ERR_SHAPE when its bytes do not add up to the signature.
 */
export function namedTensors(
  message: InferMessage,
  description: Pick<PipelineDescription, 'inputs' | 'isNonBatching'>,
  isKept = false,
): Record<string, Tensor> {
  const layout = new TensorLayout(description.inputs, description.isNonBatching)
  const tensors = layout.unpack(message.rows, message.data, message.dims, message.texts, isKept)
  const inputs = Object.create(null) as Record<string, Tensor>
  for (const [index, { name }] of description.inputs.entries()) {
    const tensor = tensors[index]
    if (tensor !== undefined) inputs[name] = tensor
  }
  return inputs
}

export function optionsOfMessage({ meta, deadlineMs, priority, timing = false }: InferMessage): RequestOptions {
  return {
    priority,
    timing,
    ...(meta === null ? {} : { meta }),
    ...(deadlineMs === 0 ? {} : { deadlineMs }),
  }
}
