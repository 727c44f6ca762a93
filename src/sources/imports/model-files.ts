/**
 * The files of a model on this machine: the .onnx file and the data files that it names, which must lie in its folder or
 * below.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { isPenstockError } from '../../base/errors.js'
import { MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { dataFilePath, externalFiles, readOnnx } from '../../onnx/index.js'
import { reasonOf, sourceError } from './failures.js'

export interface LocalFile {
  readonly path: string
  readonly sizeBytes: number
}

/**
 * The data files that a model names, by the path that it names.
 * @param file path of the .onnx file. One that is no model has none: whoever inspects it says better what it is.
 * @throws PenstockError ERR_SOURCE: a file cannot be read, or lies elsewhere.
 */
export async function dataFilesOf(file: string): Promise<Map<string, LocalFile>> {
  const folder = dirname(file)
  const found = new Map<string, LocalFile>()
  for (const [path, tensor] of namedFiles(await readFile(file))) {
    const local = join(folder, path)
    const beside = await localFile(local, `The weights of ${file} (tensor ${tensor}) lie in ${path}. `)
    // A link could lead to any file of this machine.
    if (!(await realpath(local)).startsWith((await realpath(folder)) + sep))
      throw sourceError(`The weights of ${file} lie in ${local}, which is a link out of the model's folder`)
    found.set(path, beside)
  }
  return found
}

/**
 * The data files that the bytes of a model name: their paths, with a tensor of each.
 * @throws PenstockError ERR_SOURCE: a path that leads out of the model's folder.
 */
export function namedFiles(bytes: Uint8Array): (readonly [path: string, tensor: string])[] {
  let locations: ReadonlyMap<string, string>
  try {
    locations = externalFiles(readOnnx(bytes))
  } catch {
    return []
  }
  try {
    return [...locations].map(([location, tensor]) => [dataFilePath(location), tensor])
  } catch (error) {
    if (isPenstockError(error)) throw sourceError(error.message, { cause: error })
    throw error
  }
}

/** @param before a sentence that goes before, with its end. @throws PenstockError ERR_SOURCE. */
export async function localFile(path: string, before = ''): Promise<LocalFile> {
  try {
    const entry = await stat(path)
    if (!entry.isFile()) throw new Error('it is no file')
    if (entry.size > MODEL_BYTES_MAX)
      throw new Error(`it has ${entry.size} bytes, and ONNX files end at ${MODEL_BYTES_MAX}`)
    return { path, sizeBytes: entry.size }
  } catch (error) {
    throw sourceError(`${before}Cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  }
}
