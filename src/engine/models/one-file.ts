/**
 * The server opens no file that a model names. What is added holds its weights itself; a blob that came into the store
 * another way (a home that was copied together, a release that did not look) is looked at before ONNX Runtime opens it.
 */
import { PenstockError } from '../../base/errors.js'
import { obstacleInBytes, obstacleInFile, type Obstacle } from '../../onnx/index.js'
import type { ModelSource } from '../../worker/worker-messages.js'

/** @throws PenstockError ERR_MODEL_INVALID when data of the model lie in other files, or may do so. */
export async function expectOneFile({
  label,
  path,
  bytes,
}: Pick<ModelSource, 'label' | 'path' | 'bytes'>): Promise<void> {
  const obstacle = bytes === null ? await obstacleAt(path) : await obstacleInBytes(bytes)
  if (obstacle === '') return
  const found =
    obstacle === 'external'
      ? 'weights of its stored file lie in another file, which the server does not open'
      : 'its stored file is no ONNX file from end to end'
  throw new PenstockError(
    'ERR_MODEL_INVALID',
    `Model ${label} cannot be loaded: ${found}. Add it again with \`penstock model add\`, which takes data files along`,
  )
}

/** A file that cannot be read is for the worker to report, which needs it. */
async function obstacleAt(path: string | null): Promise<Obstacle> {
  if (path === null) return ''
  try {
    return await obstacleInFile(path)
  } catch {
    return ''
  }
}
