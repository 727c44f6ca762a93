/**
 * What the graph of a stored model says of its inputs, for who runs it on made-up values long after it was added. The
 * file is read once and let go.
 */
import { readFile } from 'node:fs/promises'
import { isPenstockError } from '../../base/errors.js'
import { inputHints, readOnnx } from '../../onnx/index.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { HintedField } from './sample-inputs.js'
import type { ModelSource } from '../worker-messages.js'

/** @returns the fields as they are where the graph cannot be read: then nothing is known of them. */
export async function hintedFields(
  { path, bytes }: Pick<ModelSource, 'path' | 'bytes'>,
  fields: readonly TensorField[],
): Promise<HintedField[]> {
  const file = bytes ?? (path === null ? null : await readFile(path))
  if (file === null) return [...fields]
  try {
    const hints = inputHints(readOnnx(file))
    return fields.map((field) => {
      const hint = hints.get(field.name)
      return hint === undefined ? field : { ...field, hint }
    })
  } catch (error) {
    if (isPenstockError(error)) return [...fields]
    throw error
  }
}
